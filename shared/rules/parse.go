package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Parse reads a rules file (YAML). Its error names every mistake with its line
// and column.
func Parse(data []byte) (*Rules, error) {
	doc, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntax(err)
	}
	var settings yaml.MapSlice
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return nil, syntax(err)
	}
	p := reader{doc: doc, rules: &Rules{Limits: plan.DefaultLimits()}}
	if len(doc.Docs) > 1 {
		p.mistake("", "there is more than one document: write one, without ---")
	}
	values := map[string]any{}
	for _, s := range settings {
		name := fmt.Sprint(s.Key)
		if !slices.Contains([]string{"ou", "scope", "limits", "revision"}, name) {
			p.mistake(name, "no such setting; there are ou, scope, limits and revision")
		}
		values[name] = s.Value
	}
	p.ou(values["ou"])
	p.scope(values["scope"])
	p.limits(values["limits"])
	p.revision(values["revision"])
	if len(p.mistakes) > 0 {
		return nil, errors.Join(p.mistakes...)
	}
	return p.rules, nil
}

// reader collects what a rules file says, and its mistakes.
type reader struct {
	doc      *ast.File
	rules    *Rules
	mistakes []error
}

func (p *reader) ou(v any) {
	dn, _ := v.(string)
	if _, _, ok := plan.SplitRDN(dn); !ok {
		p.mistake("ou", "write the distinguished name of the container, for example OU=Cloud Groups,DC=corp,DC=example")
	}
	p.rules.OU = plan.NormalDN(dn)
}

func (p *reader) scope(v any) {
	list, isList := v.([]any)
	switch {
	case v == "all":
		p.rules.Scope.All = true
		return
	case !isList:
		p.mistake("scope", "write all, or a list of the object ids of the groups to write")
		return
	}
	p.rules.Scope.Groups = map[directory.ID]bool{}
	for i, v := range list {
		id, err := directory.ParseID(fmt.Sprint(v))
		if err != nil {
			p.mistake(fmt.Sprintf("scope[%d]", i), "%v", err)
		}
		p.rules.Scope.Groups[id] = true
	}
}

// limits reads numbers of a mapping; those that it lacks keep their default.
func (p *reader) limits(v any) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		p.mistake("limits", "write a mapping, such as member_share: 30")
		return
	}
	l := &p.rules.Limits
	percent := func(to *float64) func(uint64) { return func(n uint64) { *to = float64(n) / 100 } }
	count := func(to *int) func(uint64) { return func(n uint64) { *to = int(n) } }
	settings := map[string]struct {
		most uint64
		set  func(uint64)
	}{
		"member_share": {100, percent(&l.MemberShare)}, "member_floor": {1e6, count(&l.MemberFloor)}, "empty_floor": {1e6, count(&l.EmptyFloor)},
		"share": {100, percent(&l.Share)}, "floor": {1e6, count(&l.Floor)}, "growth_share": {1000, percent(&l.GrowthShare)}, "growth_floor": {1e6, count(&l.GrowthFloor)},
		"creations": {1e6, count(&l.Creations)},
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, known := settings[name]
		n, isNumber := m[name].(uint64)
		switch {
		case !known:
			p.mistake("limits."+name, "no such limit; there are %s", strings.Join(slices.Sorted(maps.Keys(settings)), ", "))
		case !isNumber || n > s.most:
			p.mistake("limits."+name, "write a whole number from 0 to %d", s.most)
		default:
			s.set(n)
		}
	}
}

// revision reads a number that means nothing by itself: see Rules.Revision.
func (p *reader) revision(v any) {
	n, isNumber := v.(uint64)
	if v != nil && !isNumber {
		p.mistake("revision", "write a whole number, one more than last time")
	}
	p.rules.Revision = n
}

// mistake notes what is wrong with a setting, by its path in the file.
func (p *reader) mistake(path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	p.mistakes = append(p.mistakes, fmt.Errorf("rules%s: %s", p.at(path), text))
}

// plainPath is a path that yaml.PathString can be asked for: it panics on some of
// the keys that a file may have.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[0-9]+\]|\.[A-Za-z0-9_-]+)*$`)

// at is " line <line>:<column>" of a setting's value, or nothing where it is not there.
func (p *reader) at(path string) string {
	if !plainPath.MatchString(path) {
		return ""
	}
	where, err := yaml.PathString("$." + path)
	if err != nil {
		return ""
	}
	n, err := where.FilterFile(p.doc)
	if err != nil || n == nil || n.GetToken() == nil {
		return ""
	}
	pos := n.GetToken().Position
	return fmt.Sprintf(" line %d:%d", pos.Line, pos.Column)
}

// syntax is the error of a file that cannot be read at all, in the same form.
func syntax(err error) error {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		pos := e.GetToken().Position
		return fmt.Errorf("rules line %d:%d: %s", pos.Line, pos.Column, e.GetMessage())
	}
	return fmt.Errorf("rules: %w", err)
}
