// Package textfile reads what editors write: those of Windows put a byte order mark before
// a text, or write UTF-16.
//
// It decodes where that is certain, and refuses where it is not.
package textfile

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Decode is a file's text in UTF-8. Without a mark the bytes stay as they are, but that
// bytes of zero are refused: UTF-16 without a mark has them, and no text of ours.
func Decode(data []byte) ([]byte, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data)
	if err != nil {
		return nil, fmt.Errorf("decode: %w: save it as UTF-8", err)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("it has bytes of zero, as UTF-16 without a byte order mark does: save it as UTF-8")
	}
	return text, nil
}
