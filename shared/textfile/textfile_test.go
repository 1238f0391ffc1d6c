package textfile_test

import (
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
