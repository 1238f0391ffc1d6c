package yamlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Mistakes are what is wrong with a file, each with its line and its key. The values are
// not repeated: one of them may be a secret in the wrong place. The zero value can be used.
type Mistakes struct {
	Path string // of the file, or what stands for it

	doc  *ast.File
	errs []error

	told map[string]bool // keys of which nothing more is said
}

// Err is all of them, one a line; nil: there are none.
func (m *Mistakes) Err() error { return errors.Join(m.errs...) }

// Add notes what is wrong with the file as a whole.
func (m *Mistakes) Add(err error) { m.errs = append(m.errs, fmt.Errorf("%s: %w", m.Path, err)) }

// Need notes that a key is not set, where its value is "".
func (m *Mistakes) Need(key, value string) {
	if value == "" && !m.told[key] {
		m.Add(fmt.Errorf("%s is not set", key))
	}
}

// Bad notes what is wrong with a key's value, unless something is noted already.
func (m *Mistakes) Bad(key, format string, args ...any) {
	if m.told[key] {
		return
	}
	if m.told == nil {
		m.told = map[string]bool{}
	}
	m.told[key] = true
	m.at(m.Line(key), fmt.Errorf(key+": "+format, args...))
}

func (m *Mistakes) at(line int, err error) {
	if line == 0 {
		m.Add(err)
		return
	}
	m.errs = append(m.errs, fmt.Errorf("%s:%d: %w", m.Path, line, err))
}

// File reads a file that a key names, and returns nil if it cannot be used.
func (m *Mistakes) File(key, name string) []byte {
	data, err := os.ReadFile(name)
	switch {
	case err != nil:
		m.Bad(key, "%w", Unnamed(err))
	case strings.TrimSpace(string(data)) == "":
		m.Bad(key, "%s is empty", name)
	default:
		return data
	}
	return nil
}

// Unnamed is an error of a file that cannot be opened, without the name that a key
// gives: what names no file may be a secret.
func Unnamed(err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("open what it names: %w", of.Err)
	}
	return err
}

// plainKey is a key that yaml.PathString can be asked for: it panics on some that a
// file may have.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]+\]|\.[A-Za-z0-9_-]+)*$`)

// Line is that of a key's value; 0 where the file lacks it.
func (m *Mistakes) Line(key string) int {
	if !plainKey.MatchString(key) {
		return 0
	}
	where, err := yaml.PathString("$." + key)
	if err != nil || m.doc == nil {
		return 0
	}
	n, err := where.FilterFile(m.doc)
	if err != nil || n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}
