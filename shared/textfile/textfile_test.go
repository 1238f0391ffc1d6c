package textfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/shared/textfile"
)

func TestDecode(t *testing.T) {
	for content, want := range map[string]string{
		"":                                 "",
		"päss\n":                           "päss\n",
		"\xef\xbb\xbfpäss\r\n":             "päss\r\n",
		"\xff\xfep\x00\xe4\x00s\x00\n\x00": "päs\n",
		"\xfe\xff\x00p\x00\xe4\x00s\x00\n": "päs\n",
		"p\xe4ss":                          "p\xe4ss", // Latin-1, or a password of any bytes
	} {
		if got, err := textfile.Decode([]byte(content)); err != nil || string(got) != want {
			t.Errorf("%q is read as %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"p\x00a\x00s\x00", "\x00p\x00a", "\xff\xfe\x00\x00p\x00\x00\x00"} {
		if got, err := textfile.Decode([]byte(content)); err == nil || !strings.HasSuffix(err.Error(), "save it as UTF-8") {
			t.Errorf("%q is read as %q, %v", content, got, err)
		}
	}
}

// TestRead: a file's text, however it was saved; of one without end no more than shows that.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	for content, want := range map[string]string{"\xff\xfep\x00\xe4\x00s\x00\n\x00": "päs\n", strings.Repeat("x", 100): strings.Repeat("x", 22)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := textfile.Read(path, 10); err != nil || string(got) != want {
			t.Errorf("%q is read as %q, %v", content, got, err)
		}
	}
	if _, err := textfile.Read(path+"x", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
