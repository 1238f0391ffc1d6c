// Package yamlfile reads settings that people write in YAML, and names every mistake of a file at
// once: what is no YAML, a key that there is not, a value of another kind, and what the
// reader of the file finds wrong with it.
//
// It knows no file of ours. What it says repeats no value of the file: one of them may be a
// secret in the wrong place.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/textfile"
)

// Read reads a file into a struct, whose fields have yaml tags: texts, true or false, times, lists,
// structs, inline ones too, and mappings of names to structs. A field with a tag refused is a key that a file must not
// have: the tag says why, with the remedy. Where keys are named, those alone are looked at, but that other keys
// have to be known. What has mistakes is left out, and the rest is read.
//
// whole is false where nothing of the file can be used; else the caller notes what else is wrong. The error is of a file that cannot
// be opened.
func Read(path string, into any, keys ...string) (m *Mistakes, whole bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	m = &Mistakes{Path: path}
	if data, err = textfile.Decode(data); err == nil && len(bytes.TrimSpace(data)) == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		m.Add(err)
		return m, false, nil
	}
	var found map[string]any
	if m.doc, err = parser.ParseBytes(data, 0); err == nil {
		err = yaml.Unmarshal(data, &found)
	}
	if err != nil {
		m.syntax(err)
		return m, false, nil
	}
	for key := range found {
		if len(keys) > 0 && !slices.Contains(keys, key) {
			found[key] = nil
		}
	}
	m.shape(found, reflect.TypeOf(into).Elem(), "")
	m.decode(data, found, into, len(keys) == 0)
	return m, true, nil
}

// decode fills a struct with the file, or, where it has mistakes of shape or not all of it is wanted, with the rest.
func (m *Mistakes) decode(data []byte, found map[string]any, into any, all bool) {
	good, err := len(m.errs) == 0, error(nil)
	if !good || !all {
		data, err = yaml.Marshal(found)
	}
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil && good {
		m.syntax(err)
	}
}

// syntax notes what is no YAML, or no mapping.
func (m *Mistakes) syntax(err error) {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		m.Add(err)
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
func (m *Mistakes) shape(found map[string]any, of reflect.Type, path string) {
	fields, refused := map[string]reflect.Type{}, map[string]string{}
	keys(of, fields, refused)
	for _, key := range slices.Sorted(maps.Keys(found)) {
		field, known := fields[key]
		below, isMapping := found[key].(map[string]any)
		switch {
		case refused[key] != "":
			m.Bad(path+key, "%s", refused[key])
			delete(found, key)
		case !known && !keyName.MatchString(key):
			m.Add(fmt.Errorf("a key%s has more in its name than small letters, digits and '_': look for a missing blank behind a ':'", within(path)))
		case !known:
			m.Bad(path+key, "no such key; there are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			delete(found, key)
		case isMapping && field.Kind() == reflect.Struct:
			m.shape(below, field, path+key+".")
		case isMapping && field.Kind() == reflect.Map:
			m.named(below, field.Elem(), path+key)
		case quoted(found[key]):
			m.Bad(path+key, "“ and ” are taken as part of the text: write straight quotation marks, or none")
			delete(found, key)
		case found[key] != nil && !fits(found[key], field):
			m.Bad(path+key, "write %s", kind(field))
			delete(found, key)
		}
	}
}

// keys are those of a struct with the kinds of their values, and those that are refused with what is said then.
func keys(of reflect.Type, fields map[string]reflect.Type, refused map[string]string) {
	for f := range of.Fields() {
		switch key, why := f.Tag.Get("yaml"), f.Tag.Get("refused"); {
		case key == ",inline":
			keys(f.Type, fields, refused)
		case why != "":
			refused[key] = why
		default:
			fields[key] = f.Type
		}
	}
}

// named holds a mapping of names of the writer's own, each with keys below it, to what stands behind each.
func (m *Mistakes) named(found map[string]any, of reflect.Type, path string) {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		below, isMapping := found[name].(map[string]any)
		switch {
		case !ownName.MatchString(name):
			m.Bad(path, "use names of up to 32 small letters, digits and '-'")
			delete(found, name)
		case !isMapping:
			m.Bad(path+"."+name, "write %s", kind(of))
			delete(found, name)
		default:
			m.shape(below, of, path+"."+name+".")
		}
	}
}

// ownName is the form of a name that the writer of a file gives.
var ownName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

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
	case reflect.Map:
		return isMapping
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
	case reflect.Struct, reflect.Map:
		return "keys, each in a line below"
	}
	return "a text"
}
