package yamlfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/yamlfile"
)

type place struct {
	URL  string `yaml:"url"`
	Safe bool   `yaml:"safe"`
	Key  string `yaml:"key" refused:"no key belongs into this file: take it away"`
}

type file struct {
	Name   string           `yaml:"name"`
	Every  time.Duration    `yaml:"every"`
	Words  []string         `yaml:"words"`
	At     place            `yaml:"at"`
	Places map[string]place `yaml:"places"`
	All    inner            `yaml:",inline"`
}

type inner struct {
	Deep string `yaml:"deep"`
}

func read(t *testing.T, text string) (file, *yamlfile.Mistakes, bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var f file
	m, whole, err := yamlfile.Read(path, &f)
	if err != nil {
		t.Fatal(err)
	}
	m.Path = "f.yaml"
	return f, m, whole
}

func TestRead(t *testing.T) {
	f, m, whole := read(t, "\xef\xbb\xbfname: corp\r\nevery: 15m\nwords: [a, b]\nat: {url: here, safe: true}\ndeep: d\nplaces:\n  far-1:\n    url: there\n")
	if !whole || m.Err() != nil {
		t.Fatal(m.Err())
	}
	if f.Name != "corp" || f.Every != 15*time.Minute || len(f.Words) != 2 || !f.At.Safe || f.All.Deep != "d" || f.Places["far-1"].URL != "there" {
		t.Errorf("it is read as %+v", f)
	}
}

// TestAllAtOnce: each mistake is told with its line, and no value is repeated.
func TestAllAtOnce(t *testing.T) {
	const secret = "hunter2"
	_, m, whole := read(t, "nmae: hunter2\nevery: hunter2\nwords: hunter2\nat:\n  safe: hunter2\n  Hunter2 hunter2: 1\nplaces:\n  far: hunter2\n  near: {ulr: hunter2, key: hunter2}\n  Hunter2: {}\n")
	m.Bad("name", "write it")
	m.Need("word", "")
	want := []string{
		"f.yaml:1: nmae: no such key; there are at, deep, every, name, places, words",
		"f.yaml:2: every: write a time, such as 15m",
		"f.yaml:3: words: write a list",
		"f.yaml:5: at.safe: write true or false",
		"f.yaml: a key below at has more in its name than small letters, digits and '_': look for a missing blank behind a ':'",
		"f.yaml:8: places.far: write keys, each in a line below",
		"f.yaml:9: places.near.key: no key belongs into this file: take it away",
		"f.yaml:9: places.near.ulr: no such key; there are safe, url",
		"places: use names of up to 32 small letters, digits and '-'",
		"f.yaml: name: write it",
		"f.yaml: word is not set",
	}
	text := m.Err().Error()
	for _, line := range want {
		if !strings.Contains(text, line) {
			t.Errorf("it is not said: %s", line)
		}
	}
	if n := strings.Count(text, "\n") + 1; !whole || n != len(want) || strings.Contains(strings.ToLower(text), secret) {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

func TestUnusable(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "f.yaml: the file is empty",
		"a: 1\n\tb: 2\n":     "f.yaml:2: ",
		"- a\n":              "write keys, each with a ':'",
		"n\x00a\x00m\x00e":   "save it as UTF-8",
		"name: a\nname: b\n": "already defined",
	} {
		if _, m, whole := read(t, text); whole || m.Err() == nil || !strings.Contains(m.Err().Error(), want) {
			t.Errorf("%q: %v, want %q", text, m.Err(), want)
		}
	}
}

// TestUnopened: what names no file may be a secret, and is not repeated.
func TestUnopened(t *testing.T) {
	if _, _, err := yamlfile.Read(filepath.Join(t.TempDir(), "none"), &file{}); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	_, m, _ := read(t, "name: hunter2\n")
	if m.File("name", "hunter2") != nil || strings.Contains(m.Err().Error(), "hunter2") {
		t.Errorf("the mistake is %v", m.Err())
	}
}

// TestRest: a mistake hides no other, and what has none is read.
func TestRest(t *testing.T) {
	f, m, whole := read(t, "nmae: x\nname: corp\nevery: often\nplaces:\n  far: {url: there, key: k}\n")
	if !whole || f.Name != "corp" || f.Places["far"].URL != "there" || f.Places["far"].Key != "" || f.Every != 0 {
		t.Errorf("it is read as %+v, %v", f, m.Err())
	}
}

// TestSomeKeys: of a file that is read for some keys the values of others are nobody's business; their names are.
func TestSomeKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, []byte("name: corp\nevery: often\nat: {safe: true}\nnmae: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f file
	m, whole, err := yamlfile.Read(path, &f, "at")
	if err != nil || !whole || !f.At.Safe || f.Name != "" {
		t.Errorf("it is read as %+v, %v", f, err)
	}
	if got := m.Err(); got == nil || !strings.HasPrefix(got.Error(), path+":4: nmae: no such key") || strings.Contains(got.Error(), "every:") {
		t.Errorf("it is said: %v", got)
	}
}
