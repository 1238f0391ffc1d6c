package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// plain is the text of a file in UTF-8: editors of Windows write a byte order mark
// before it, or UTF-16. Without a mark the bytes stay as they are.
func plain(data []byte) ([]byte, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data)
	if err != nil {
		return nil, fmt.Errorf("decode: %w: save it as UTF-8", err)
	}
	return text, nil
}

// secret is what a file holds that holds a secret and nothing else. A line break at
// its end does not count; a blank does.
func secret(data []byte) (string, error) {
	text, err := plain(data)
	return string(bytes.TrimRight(text, "\r\n")), err
}

// secretIn reads a file that holds a secret.
func secretIn(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	s, err := secret(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// padded lists the keys of secrets that begin or end with a blank, which is more often
// a slip than a part of the password.
func (c config) padded() (keys []string) {
	for _, s := range []struct{ key, file string }{
		{"directory.password_file", c.Directory.PasswordFile},
		{"relay.secret_file", c.Relay.SecretFile},
		{"relay.certificate_password_file", c.Relay.Password},
	} {
		if s.file == "" {
			continue
		}
		if text, err := secretIn(s.file); err == nil && strings.TrimSpace(text) != text {
			keys = append(keys, s.key)
		}
	}
	return keys
}
