package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/textfile"
)

// mistakes are what is wrong with the agent's file, each with its line and its key.
// The values are not repeated: one of them may be a secret in the wrong place.
type mistakes struct {
	path string
	doc  *ast.File
	errs []error

	told map[string]bool // keys of which nothing more is said
}

// read reads the file, and what it has by key. The error is that it cannot be read, or is no
// mapping.
func (m *mistakes) read() (data []byte, found map[string]any, err error) {
	if data, err = os.ReadFile(m.path); err != nil {
		return nil, nil, fmt.Errorf("read the agent's file: %w: name it by --config, and let this account read it", err)
	}
	if data, err = textfile.Decode(data); err == nil && len(bytes.TrimSpace(data)) == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		m.add(err)
		return nil, nil, m.err()
	}
	if m.doc, err = parser.ParseBytes(data, 0); err == nil {
		err = yaml.Unmarshal(data, &found)
	}
	if err != nil {
		m.syntax(err)
		return nil, nil, m.err()
	}
	return data, found, nil
}

func (m *mistakes) err() error { return errors.Join(m.errs...) }

func (m *mistakes) add(err error) { m.errs = append(m.errs, fmt.Errorf("%s: %w", m.path, err)) }

func (m *mistakes) need(key, value string) {
	if value == "" && !m.told[key] {
		m.add(fmt.Errorf("%s is not set", key))
	}
}

// bad notes what is wrong with a key's value, unless something is noted already.
func (m *mistakes) bad(key, format string, args ...any) {
	if m.told[key] {
		return
	}
	if m.told == nil {
		m.told = map[string]bool{}
	}
	m.told[key] = true
	m.at(m.line(key), fmt.Errorf(key+": "+format, args...))
}

func (m *mistakes) at(line int, err error) {
	if line == 0 {
		m.add(err)
		return
	}
	m.errs = append(m.errs, fmt.Errorf("%s:%d: %w", m.path, line, err))
}

// file reads a file that a key names, and returns nil if it cannot be used.
func (m *mistakes) file(key, name string) []byte {
	data, err := os.ReadFile(name)
	switch {
	case err != nil:
		m.bad(key, "%w", unnamed(err))
	case strings.TrimSpace(string(data)) == "":
		m.bad(key, "%s is empty", name)
	default:
		return data
	}
	return nil
}

// unnamed is an error of a file that cannot be opened, without the name that a key
// gives: what names no file may be a secret.
func unnamed(err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("open what it names: %w", of.Err)
	}
	return err
}

// plainKey is a key that yaml.PathString can be asked for: it panics on some that a
// file may have.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]+\]|\.[A-Za-z0-9_-]+)*$`)

// line is that of a key's value; 0 where the file lacks it.
func (m *mistakes) line(key string) int {
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

// syntax notes what is no YAML, or no mapping.
func (m *mistakes) syntax(err error) {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		m.add(err)
		return
	}
	m.at(e.GetToken().Position.Line, errors.New(e.GetMessage()+remedyOf(e.GetMessage())))
}

// remedyOf is what to do about some of what the library says.
func remedyOf(message string) string {
	for _, r := range []struct{ part, remedy string }{
		{"'\t' that cannot start", ": indent by blanks, not by tabs"},
		{"mapping value is not allowed", ": look for a line that is indented too far, or for a value with a ':' in it, which needs quotation marks"},
		{"unknown escape character", ": a backslash begins a code in double quotes: write single ones, or none"},
		{"non-map value", ": look for a missing blank behind a ':'"},
		{"sequence was used where mapping", ": write keys, each with a ':' and its value behind it"},
		{"string was used where mapping", ": write keys, each with a ':' and its value behind it"},
		{"already defined", ": remove one of them"},
	} {
		if strings.Contains(message, r.part) {
			return r.remedy
		}
	}
	return ""
}

// shape holds what the file has to the keys of a struct and the kinds of their
// values: a misspelt key would be ignored in silence. What has mistakes is taken out of found, so that
// the rest can be looked at.
func (m *mistakes) shape(found map[string]any, of reflect.Type, path string) {
	fields := map[string]reflect.Type{}
	for i := range of.NumField() {
		fields[of.Field(i).Tag.Get("yaml")] = of.Field(i).Type
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		field, known := fields[key]
		below, isMapping := found[key].(map[string]any)
		switch {
		case !known && !keyName.MatchString(key):
			m.add(fmt.Errorf("a key%s has more in its name than small letters, digits and '_': look for a missing blank behind a ':'", within(path)))
		case !known:
			m.bad(path+key, "no such key; there are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			delete(found, key)
		case isMapping && field.Kind() == reflect.Struct:
			m.shape(below, field, path+key+".")
		case quoted(found[key]):
			m.bad(path+key, "“ and ” are taken as part of the text: write straight quotation marks, or none")
			delete(found, key)
		case found[key] != nil && !fits(found[key], field):
			m.bad(path+key, "write %s", kind(field))
			delete(found, key)
		}
	}
}

// decode fills a struct with the file, or, where it has mistakes of shape, with the rest of it.
func (m *mistakes) decode(data []byte, found map[string]any, to any) {
	whole, err := len(m.errs) == 0, error(nil)
	if !whole {
		data, err = yaml.Marshal(found)
	}
	if err == nil {
		err = yaml.Unmarshal(data, to)
	}
	if err != nil && whole {
		m.syntax(err)
	}
}

// within says where a key is that is not named.
func within(path string) string {
	if path == "" {
		return ""
	}
	return " below " + strings.TrimSuffix(path, ".")
}

// quoted says whether a value is in the quotation marks of a word processor.
func quoted(value any) bool {
	s, isText := value.(string)
	return isText && strings.ContainsAny(s, "“”„")
}

// keyName is the form of a key: what has another one may be a secret.
var keyName = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// fits says whether a value of the file is of a field's type.
func fits(value any, field reflect.Type) bool {
	_, isList := value.([]any)
	_, isMapping := value.(map[string]any)
	switch field.Kind() {
	case reflect.Bool:
		_, ok := value.(bool)
		return ok
	case reflect.Int64:
		_, err := time.ParseDuration(fmt.Sprint(value))
		return err == nil
	case reflect.String:
		return !isList && !isMapping
	}
	return isList && field.Kind() == reflect.Slice
}

// kind is what is written for a value of a type.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a time, such as 15m"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "keys, each in a line below"
	}
	return "a text"
}
