package rules

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/expr"
	"groupwriteback/shared/plan"
)

// A Mapping gives an attribute of a group in Active Directory its values.
type Mapping struct {
	Attribute  string
	Expression string   // in its normal form; a direct mapping is [property], a constant a text
	Constant   []string // or these values
	Default    []string // where the expression gives none
	Once       bool     // on creation only: what is there later stays

	expr   *expr.Expr
	domain bool // it asks for %DomainFQDN%
}

// commonName names a group, as plan.AccountName does.
const commonName = "cn"

// DefaultName is the expression of the cn where a rules file says nothing else: Cloud Sync's own.
const DefaultName = `Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))`

// NewMapping reads an expression, as it is copied out of the Entra portal. Its error
// joins every mistake of it.
func NewMapping(attribute, expression string) (Mapping, error) {
	e, err := expr.Parse(expression)
	if err != nil {
		return Mapping{}, err
	}
	m := Mapping{Attribute: attribute, Expression: e.String(), expr: e}
	m.domain = strings.Contains(m.Expression, "%DomainFQDN%")
	return m, nil
}

// defaults are what is written where a rules file says nothing else: Cloud Sync's own
// mapping. The account name is made of the cn.
var defaults = parsed()

func parsed() (all []Mapping) {
	for _, m := range [][2]string{
		{commonName, DefaultName},
		{"description", `Left(Trim([description]),448)`},
		{"displayName", `[displayName]`},
	} {
		mapping, err := NewMapping(m[0], m[1])
		if err != nil {
			panic("rules: a default mapping has a mistake: " + err.Error())
		}
		all = append(all, mapping)
	}
	return all
}

// mapping lists the mappings in force.
func (r *Rules) mapping() []Mapping {
	if r.Mapping == nil {
		return defaults
	}
	return r.Mapping
}

// values are what a mapping gives for a group, the caller's to keep. said is false where it
// says nothing on the attribute, which stays as it is.
func (m *Mapping) values(in expr.Input) (values []string, said bool, err error) {
	if m.expr == nil {
		return slices.Clone(m.Constant), true, nil
	}
	v, err := m.expr.Eval(in)
	switch {
	case err != nil:
		return nil, false, err
	case v.Ignored():
		return nil, false, nil
	}
	if values = v.Values(); v.Kind() == expr.KindTexts {
		values = slices.Clone(values)
	}
	values = slices.DeleteFunc(values, func(s string) bool { return s == "" }) // Active Directory has no empty values
	if len(values) == 0 {
		values = slices.Clone(m.Default)
	}
	for i, s := range values {
		if !utf8.ValidString(s) { // half of a pair that was cut, for one
			values[i] = strings.ToValidUTF8(s, "")
		}
	}
	if size := len(strings.Join(values, "")); size > mostBytes {
		return nil, false, fmt.Errorf("the values have %d bytes; more than %d are not written to an attribute: shorten them by Left", size, mostBytes)
	}
	return values, true, nil
}

// mostBytes is how much one attribute of a group is given: plans have many of them.
const mostBytes = 64 << 10

// properties are the Graph properties that a mapping looks at.
func (m *Mapping) properties() (names []string) {
	if m.expr == nil {
		return nil
	}
	for _, a := range m.expr.Attributes() {
		name, _ := property(a)
		names = append(names, name)
	}
	return names
}

func (m *Mapping) texts() []string {
	if m.expr == nil {
		return m.Constant
	}
	return slices.Concat(m.expr.Texts(), m.Default)
}

// input is a group as expressions see it. What Guid and RandomString draw is the same for a
// group each time, so that the same rules always give the same plan.
func (r *Rules) input(g *directory.Group) expr.Input {
	in := expr.Input{Attribute: func(name string) expr.Value { return attribute(g, name) }}
	drawn := 0
	in.Random = func(to []byte) {
		for ; len(to) > 0; drawn++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", g.ID, drawn))
			to = to[copy(to, sum[:]):]
		}
	}
	asks := func(m Mapping) bool { return m.domain }
	if slices.ContainsFunc(r.mapping(), asks) || r.Container != nil && asks(*r.Container) {
		in.Domain = plan.DomainName(r.OU)
	}
	return in
}

// attribute is what an expression reads by a name in brackets.
func attribute(g *directory.Group, name string) expr.Value {
	key, part := property(name)
	if key == "id" {
		return expr.Text(g.ID.String())
	}
	values := g.Props[key]
	if part != "" {
		return expr.Texts(parts(values, part)...)
	}
	if len(values) == 1 && isBoolean(key) {
		return expr.Bool(values[0] == "true")
	}
	return expr.Texts(values...)
}

// parts are the values of a part of a complex property, which is kept as name=value.
func parts(values []string, part string) (of []string) {
	for _, v := range values {
		if name, value, _ := strings.Cut(v, "="); strings.EqualFold(name, part) {
			of = append(of, value)
		}
	}
	return of
}

// shape gives a group its container, names and attributes. A mapping that fails leaves its
// attribute as it is; without a container or a name there is no group.
func (r *Rules) shape(g *directory.Group, observed *plan.Group, class string, t Target) (*plan.Group, []plan.Problem) {
	want := &plan.Group{ID: g.ID, Attrs: map[string][]string{
		"adminDescription": {plan.Mark(g.ID)},
		"groupType":        {class},
	}}
	if t.External {
		want.Attrs["msDS-ExternalDirectoryObjectId"] = []string{plan.Mark(g.ID)}
	}
	var problems []plan.Problem
	failed := map[string]bool{}
	in := r.input(g)
	fail := func(what string, err error) {
		failed[what] = true
		problems = append(problems, plan.Problem{Group: g.ID, Reason: ExpressionFailed, Text: fmt.Sprintf("%s of the group: %v", what, err)})
	}
	for _, m := range r.mapping() {
		values, err := m.given(in, observed)
		if err != nil {
			fail(m.Attribute, err)
		}
		if len(values) > 0 {
			want.Attrs[m.Attribute] = distinct(sorted(values...))
		}
	}
	var err error
	if want.Parent, err = r.parent(in); err != nil {
		if fail("container", err); observed != nil {
			want.Parent = observed.Parent
		}
	}
	if !name(want, g, observed) && !failed[commonName] {
		problems = append(problems, plan.Problem{Group: g.ID, Reason: NoName})
	}
	if want.Parent == "" || want.Name == "" {
		return nil, problems
	}
	more, ok := r.mail(want, g, observed, t)
	if problems = append(problems, more...); !ok {
		return nil, problems
	}
	r.leave(want, observed)
	return want, problems
}

// leave has attributes stay as they are that the rules do not speak of: others did, by which they were read.
func (r *Rules) leave(want, observed *plan.Group) {
	if observed == nil {
		return
	}
	var spoken []string
	for name, values := range observed.Attrs {
		if _, wanted := want.Attrs[name]; wanted {
			continue
		}
		if spoken == nil {
			spoken = r.Attributes()
		}
		if !slices.Contains(spoken, name) {
			want.Attrs[name] = slices.Clone(values)
		}
	}
}

// distinct leaves out what differs from another value in the case of its letters alone: Active
// Directory takes the two for one, and refuses them together.
func distinct(values []string) []string {
	if len(values) < 2 {
		return values
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(s string) bool {
		lower := strings.ToLower(s)
		again := seen[lower]
		seen[lower] = true
		return again
	})
}

// given are the values that a mapping gives an attribute of a group: those that it has, where
// the mapping says nothing, fails, or is for creation alone.
func (m *Mapping) given(in expr.Input, observed *plan.Group) ([]string, error) {
	has := func() []string {
		if m.Attribute == commonName {
			return []string{observed.Name}
		}
		return slices.Clone(observed.Attrs[m.Attribute])
	}
	if observed != nil && m.Once {
		return has(), nil
	}
	values, said, err := m.values(in)
	if observed != nil && !said {
		values = has()
	}
	return values, err
}

// name makes the group's names of what its mappings gave them: the cn is no attribute among
// others, and the account name is the cn where there is none. ok is false if there is
// nothing to make a name of: then a group that is there keeps its own.
func name(want *plan.Group, g *directory.Group, observed *plan.Group) (ok bool) {
	cn, account := strings.Join(want.Attrs[commonName], " "), strings.Join(want.Attrs[plan.AccountName], " ")
	delete(want.Attrs, commonName)
	switch {
	case strings.TrimSpace(g.Props.First("displayName")) == "", cn == "" && observed == nil:
		return false
	case cn == "":
		want.Name, account = observed.Name, strings.Join(observed.Attrs[plan.AccountName], " ")
	default:
		ok, want.Name = true, plan.LegalName(cn, g.ID)
	}
	if strings.TrimSpace(account) == "" {
		account = want.Name
	}
	want.Attrs[plan.AccountName] = []string{plan.LegalAccountName(account, g.ID)}
	return ok
}

// parent is the DN of a group's container.
func (r *Rules) parent(in expr.Input) (string, error) {
	if r.Container == nil {
		return r.OU, nil
	}
	values, said, err := r.Container.values(in)
	switch {
	case err != nil:
		return "", err
	case !said || len(values) == 0:
		return r.OU, nil
	case len(values) > 1 || !plan.NamesContainer(values[0]):
		return "", fmt.Errorf("the expression gives %q, which is not the distinguished name of a container", strings.Join(values, "; "))
	}
	return plan.NormalDN(values[0]), nil
}
