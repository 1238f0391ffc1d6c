package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"groupwriteback/shared/textfile"
)

// secret is what a file holds that holds a secret and nothing else. A line break at
// its end does not count; a blank does.
func secret(data []byte) (string, error) {
	text, err := textfile.Decode(data)
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
