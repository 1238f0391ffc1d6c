// Package textfile reads what editors write: those of Windows put a byte order mark before
// a text, or write UTF-16.
//
// It decodes where that is certain, and refuses where it is not.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Read is the text of a file in UTF-8. Of one that is longer than most bytes of it, no more is read than
// shows that.
func Read(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 2*int64(most)+2)) // UTF-16, as PowerShell writes it, is twice as long
	if err != nil {
		return nil, err
	}
	text, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

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
