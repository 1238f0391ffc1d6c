package rules

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/expr"
	"groupwriteback/shared/plan"
)

// Parse reads a rules file (YAML). Its error names every mistake with its line
// and column, in the order of the file.
func Parse(data []byte) (*Rules, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors put it before UTF-8
	if !utf8.Valid(data) {
		return nil, errors.New("rules: this is not UTF-8: save the file as UTF-8")
	}
	doc, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntax(err)
	}
	var settings map[string]any
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return nil, syntax(err)
	}
	p := &reader{doc: doc, rules: &Rules{Limits: plan.DefaultLimits(), Leaving: DefaultLeaving()}}
	if len(doc.Docs) > 1 {
		p.mistake("", "there is more than one document: write one, without ---")
	}
	p.file(settings)
	if len(p.mistakes) > 0 {
		return nil, p.all()
	}
	return p.rules, nil
}

// reader collects what a rules file says, and its mistakes.
type reader struct {
	doc      *ast.File
	rules    *Rules
	mailSaid bool // the file, or its preset, says how mail reaches groups
	mistakes []mistake
}

type mistake struct {
	line, column int // 0: nowhere in the file
	text         string
}

// A key is one that a mapping of the file may have.
type key struct {
	name string
	read func(path string, v any)
}

// file reads the whole of it.
func (p *reader) file(settings map[string]any) {
	if name, named := settings["preset"]; named {
		p.preset(name)
	}
	keys := []key{
		{"preset", func(string, any) {}},
		{"ou", p.ou},
		{"scope", p.scope},
		{"kinds", p.kinds},
		{"group_scope", p.reach},
		{"writeback_configuration", p.writeback},
		{"attributes", p.attributes},
		{"rename", func(path string, v any) { p.boolean(path, v, &p.rules.Rename) }},
		{"members", p.members},
		{"owners", p.owners},
		{"mail", p.mail},
		{"leaving", p.leaving},
		{"limits", p.limits},
		{"revision", p.revision},
	}
	p.mapping("", settings, keys, "setting")
	p.mailMatters(settings)
	for _, needed := range []string{"ou", "scope"} {
		if _, is := settings[needed]; !is {
			p.mistake(needed, "%s", p.help(needed))
		}
	}
}

// help says what a key wants.
func (p *reader) help(key string) string {
	switch key {
	case "ou":
		return "write the distinguished name of the container, for example OU=Cloud Groups,DC=corp,DC=example, or a mapping of expression and default"
	case "scope":
		return "write all, or a list of the object ids of the groups to write, or a mapping such as members_of: <object id>"
	}
	return ""
}

// mapping reads the keys of a mapping, and refuses others.
func (p *reader) mapping(path string, m map[string]any, keys []key, noun string) {
	for name := range m {
		if !slices.ContainsFunc(keys, func(k key) bool { return k.name == name }) {
			var names []string
			for _, k := range keys {
				names = append(names, k.name)
			}
			p.misnamed(path, name, "no such %s; %s", noun, choice(name, names))
		}
	}
	for _, k := range keys {
		if v, is := m[k.name]; is {
			k.read(join(path, k.name), v)
		}
	}
}

// choice says which words there are, and which of them was meant.
func choice(word string, words []string) string {
	if near := expr.Near(word, words); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are " + list(words)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// list is words with commas, and an "and" before the last.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func (p *reader) boolean(path string, v any, to *bool) {
	b, is := v.(bool)
	if !is {
		p.mistake(path, "write true or false")
		return
	}
	*to = b
}

// word reads one of some words.
func word[T ~string](p *reader, path string, v any, to *T, words []T) {
	text, _ := v.(string)
	if !slices.Contains(words, T(text)) || text == "" {
		var names []string
		for _, w := range words {
			names = append(names, string(w))
		}
		p.mistake(path, "write one of %s", list(names))
		return
	}
	*to = T(text)
}

// revision reads a number that means nothing by itself: see Rules.Revision.
func (p *reader) revision(path string, v any) {
	n, isNumber := v.(uint64)
	if v != nil && !isNumber {
		p.mistake(path, "write a whole number, one more than last time")
	}
	p.rules.Revision = n
}

// mistake notes what is wrong with a setting, by its path in the file.
func (p *reader) mistake(path, format string, args ...any) {
	line, column := 0, 0
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
		line, column = p.at(path)
	}
	p.mistakes = append(p.mistakes, mistake{line, column, text})
}

// misnamed notes what is wrong with the name of a setting.
func (p *reader) misnamed(path, name, format string, args ...any) {
	line, column := p.keyAt(path, name)
	p.mistakes = append(p.mistakes, mistake{line, column, join(path, name) + ": " + fmt.Sprintf(format, args...)})
}

// all is the error of all mistakes: first what the file lacks, then what is in it.
func (p *reader) all() error {
	slices.SortStableFunc(p.mistakes, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	var all []error
	for _, m := range p.mistakes {
		where := ""
		if m.line > 0 {
			where = fmt.Sprintf(" line %d:%d", m.line, m.column)
		}
		all = append(all, fmt.Errorf("rules%s: %s", where, m.text))
	}
	return errors.Join(all...)
}

// plainPath is a path that yaml.PathString can be asked for: it panics on some of
// the keys that a file may have.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]+\]|\.[A-Za-z0-9_-]+)*$`)

// at is where a setting's value is; 0: it is not there.
func (p *reader) at(path string) (line, column int) {
	switch n := p.node(path).(type) {
	case nil:
		return 0, 0
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return position(n.Values[0].Key)
		}
		return position(n)
	case *ast.MappingValueNode:
		return position(n.Key)
	default:
		return position(n)
	}
}

// keyAt is where the name of a setting of a mapping is.
func (p *reader) keyAt(path, name string) (line, column int) {
	var values []*ast.MappingValueNode
	switch n := p.node(path).(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	for _, v := range values {
		if token := v.Key.GetToken(); token != nil && token.Value == name {
			return position(v.Key)
		}
	}
	return 0, 0
}

// node is a setting's value; nil: it is not there. The empty path is the whole file's.
func (p *reader) node(path string) ast.Node {
	if path == "" && len(p.doc.Docs) > 0 {
		return p.doc.Docs[0].Body
	}
	if !plainPath.MatchString(path) {
		return nil
	}
	where, err := yaml.PathString("$." + path)
	if err != nil {
		return nil
	}
	n, err := where.FilterFile(p.doc)
	if err != nil {
		return nil
	}
	return n
}

func position(n ast.Node) (line, column int) {
	if n.GetToken() == nil {
		return 0, 0
	}
	pos := n.GetToken().Position
	return pos.Line, pos.Column
}

// syntax is the error of a file that cannot be read at all, in the same form.
func syntax(err error) error {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		pos := e.GetToken().Position
		return fmt.Errorf("rules line %d:%d: %s", pos.Line, pos.Column, e.GetMessage())
	}
	return fmt.Errorf("rules: %w", err)
}
