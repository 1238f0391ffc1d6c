package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSecretsFromWindows: what its editors write before a text is no part of it, and
// what is no text of theirs stays as it is. A byte order mark used to be a wrong
// password, and to lock the account out.
func TestSecretsFromWindows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for content, want := range map[string]string{
		"pass":                                   "pass",
		"pass\r\n":                               "pass",
		"\xef\xbb\xbfpäss\r\n":                   "päss",
		"\xff\xfep\x00\xe4\x00s\x00\r\x00\n\x00": "päs",
		"\xfe\xff\x00p\x00\xe4\x00s\x00\n":       "päs",
		"p\xe4ss\n":                              "p\xe4ss", // Latin-1: the bytes are the password
		" pass \n":                               " pass ",
	} {
		ok(t, os.WriteFile(file, []byte(content), 0o600))
		if got, err := secretIn(file); err != nil || got != want {
			t.Errorf("%q is read as %q, %v", content, got, err)
		}
	}
}

// TestPaddedSecrets: a blank counts, and whoever did not mean it is told.
func TestPaddedSecrets(t *testing.T) {
	file, dir := configure(t, whole)
	c, err := readConfig(file)
	ok(t, err)
	if keys := c.padded(); keys != nil {
		t.Errorf("%v begin or end with a blank", keys)
	}
	ok(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("c2VjcmV0 \n"), 0o600))
	if keys := c.padded(); !slices.Equal(keys, []string{"directory.password_file", "relay.secret_file"}) {
		t.Errorf("%v begin or end with a blank", keys)
	}
}

// TestFileFromWindows: the agent's own file too.
func TestFileFromWindows(t *testing.T) {
	file, _ := configure(t, whole)
	data, err := os.ReadFile(file)
	ok(t, err)
	wide := []byte{0xff, 0xfe}
	for _, b := range data {
		wide = append(wide, b, 0)
	}
	for _, content := range [][]byte{append([]byte("\xef\xbb\xbf"), data...), wide} {
		ok(t, os.WriteFile(file, content, 0o600))
		if c, err := readConfig(file); err != nil || c.Target != "corp" {
			t.Errorf("%.8q…: %+v, %v", content, c, err)
		}
	}
}
