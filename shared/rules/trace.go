package rules

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
)

// A Verdict is what the rules say of a group's place in scope, and by which key of the file.
type Verdict struct {
	Event  life.Event // life.Wanted: it is in
	Reason string     // why it is not
	Key    string     // such as scope.where[1]; empty: no key, but what is fixed or what Entra ID says
}

// Judge says whether a group is in scope, as Decide does, and what decided it.
func (r *Rules) Judge(g *directory.Group, nested func(directory.ID) Nested) Verdict {
	v := Verdict{}
	if v.Event, v.Reason = gone(g); v.Event != life.Wanted {
		return v
	}
	_, v.Event, v.Reason = r.class(g, nested)
	switch reason, key := r.Scope.takes(g, nested); {
	case reason != "" || v.Event == life.Wanted:
		v.Key = "scope." + key
	case v.Reason == NotOfKind, v.Reason == NotMicrosoft365:
		v.Key = "kinds"
	case v.Reason == WritebackOff, v.Reason == WritebackType:
		v.Key = "writeback_configuration"
	}
	return v
}

// Where finds a key in the text of a rules file: its line, from 1, and what stands there; 0: the
// file does not have it. In a list of groups it is the line of the group, if that is listed.
func Where(text []byte, key string, group directory.ID) (line int, source string) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	doc, err := parser.ParseBytes(text, 0)
	if err != nil || key == "" {
		return 0, ""
	}
	p := &reader{doc: doc}
	n := p.node(key)
	if n == nil && (key == "scope.groups" || key == "scope.members_of") { // written in short
		key = "scope"
		n = p.node(key)
	}
	if list, is := n.(*ast.SequenceNode); is {
		for _, v := range list.Values {
			if t := v.GetToken(); t != nil && strings.EqualFold(t.Value, group.String()) {
				line, _ = position(v)
			}
		}
	}
	if line == 0 {
		dot := strings.LastIndexByte(key, '.')
		line, _ = p.keyAt(key[:max(dot, 0)], key[dot+1:])
	}
	if at, _ := p.at(key); line == 0 || strings.HasSuffix(key, "]") {
		line = cmp.Or(at, line)
	}
	if lines := strings.Split(string(text), "\n"); line > 0 && line <= len(lines) {
		source = strings.TrimSpace(lines[line-1])
	}
	return line, source
}

// A Source is what makes an attribute of a group.
type Source struct {
	Attribute  string              // container: where it stands
	Expression string              // empty: a fixed value
	From       map[string][]string // what the expression reads of the group; nothing is an empty list
	Once       bool                // on creation only
}

// Sources lists what the rules make a group's container and attributes of, in the order of the
// mapping. What mail decides is not among them.
func (r *Rules) Sources(g *directory.Group) (all []Source) {
	of := func(name string, m *Mapping) {
		s := Source{Attribute: name, Expression: m.Expression, Once: m.Once}
		if m.expr != nil && g != nil {
			s.From = map[string][]string{}
			for _, name := range m.expr.Attributes() {
				s.From[name] = append([]string{}, attribute(g, name).Values()...)
			}
		}
		all = append(all, s)
	}
	if r.Container != nil {
		of("container", r.Container)
	} else {
		all = append(all, Source{Attribute: "container"})
	}
	for _, m := range r.mapping() {
		of(m.Attribute, &m)
	}
	return all
}

// LeftOut says that members of a kind are none by the rules, and by which key; empty: they are.
func (r *Rules) LeftOut(m directory.Member) (key string) {
	v := viewer{rules: r.Members}
	if !v.leavesOut(m) {
		return ""
	}
	return "members"
}

// Said is what Graph said of a group's properties that the rules look at.
func (r *Rules) Said(g *directory.Group) map[string][]string {
	out := map[string][]string{}
	for _, name := range append(r.Properties(), "displayName") {
		if v := g.Props[name]; len(v) > 0 {
			out[name] = v
		}
	}
	return out
}
