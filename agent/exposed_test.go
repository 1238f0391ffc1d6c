package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenFilesAreLogged: who never runs check is told at the start.
func TestOpenFilesAreLogged(t *testing.T) {
	file, dir := configure(t, whole)
	c, err := readConfig(file)
	ok(t, err)
	var log bytes.Buffer
	c.warn(slog.New(slog.NewTextHandler(&log, nil)), file)
	if log.Len() != 0 {
		t.Errorf("nothing is open: %s", &log)
	}
	ok(t, os.Chmod(filepath.Join(dir, "secret"), 0o604))
	c.warn(slog.New(slog.NewTextHandler(&log, nil)), file)
	for _, key := range []string{"directory.password_file", "relay.secret_file"} {
		if want := `level=WARN msg="others may use what the agent relies on" err="` + key + ": " + filepath.Join(dir, "secret") + " is open to other accounts (mode 0604), and it holds a secret: chmod o-r "; !strings.Contains(log.String(), want) {
			t.Errorf("no line\n%s\nin\n%s", want, &log)
		}
	}
}

// TestWithout: what is told is what chmod takes.
func TestWithout(t *testing.T) {
	for mode, want := range map[os.FileMode]string{0o004: "o-r", 0o022: "g-w,o-w", 0o007: "o-rwx", 0o020: "g-w", 0o026: "g-w,o-rw"} {
		if got := without(mode); got != want {
			t.Errorf("%04o: %s, want %s", mode, got, want)
		}
	}
}
