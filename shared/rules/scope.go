package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"

	"groupwriteback/shared/directory"
)

// Scope says which cloud groups are written: those that All, Groups or MembersOf takes in,
// less those that any of the others takes out.
type Scope struct {
	All       bool                  // all that this product can write
	Groups    map[directory.ID]bool // these
	MembersOf directory.ID          // the groups that are direct members of this one

	Except         map[directory.ID]bool
	Where          []Filter // one of them matches; none: all do
	Teams, Dynamic Only     // groups with a team, groups with a membership rule
	RoleAssignable bool     // groups that a role can be assigned to are let in
}

// Only says what a property means to the scope; empty: nothing.
type Only string

// What it may mean.
const (
	Just  Only = "only"
	Never Only = "never"
)

// Filter is clauses that all match.
type Filter []Clause

// A Clause holds a property of a group against a value.
type Clause struct {
	Property, Operator, Value string

	means   operator // Operator's
	pattern *regexp2.Regexp
	number  int64
}

// An operator is one of Cloud Sync's. match is asked for each value of the property.
type operator struct {
	name      string
	unary     bool
	onNothing bool // what it says of a property that has no value
	negative  bool // it says yes where no value matches, the others where one does
	match     func(c *Clause, value string) (bool, error)
}

// operators lists them: Cloud Sync's, with the meaning that its pages give them.
func operators() []operator {
	plain := func(match func(c *Clause, v string) bool) func(*Clause, string) (bool, error) {
		return func(c *Clause, v string) (bool, error) { return match(c, v), nil }
	}
	number := func(f func(a, b int64) bool) func(*Clause, string) (bool, error) {
		return plain(func(c *Clause, v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			return err == nil && f(n, c.number)
		})
	}
	is := func(word string) func(*Clause, string) (bool, error) {
		return plain(func(_ *Clause, v string) bool { return strings.EqualFold(v, word) })
	}
	return []operator{
		{name: "NOT EQUALS", onNothing: true, negative: true, match: plain(func(c *Clause, v string) bool { return v == c.Value })},
		{name: "EQUALS", match: plain(func(c *Clause, v string) bool { return v == c.Value })},
		{name: "IS TRUE", unary: true, match: is("true")},
		{name: "IS FALSE", unary: true, match: is("false")},
		{name: "IS NOT NULL", unary: true, match: plain(func(*Clause, string) bool { return true })},
		{name: "IS NULL", unary: true, onNothing: true, negative: true, match: plain(func(*Clause, string) bool { return true })},
		{name: "PRESENT", unary: true, match: plain(func(_ *Clause, v string) bool { return v != "" })},
		{name: "GREATER_THAN_OR_EQUALS", match: number(func(a, b int64) bool { return a >= b })},
		{name: "GREATER_THAN", match: number(func(a, b int64) bool { return a > b })},
		{name: "NOT REGEX MATCH", negative: true, match: found},
		{name: "REGEX MATCH", match: found},
		{name: "INCLUDES", match: plain(func(c *Clause, v string) bool { return strings.Contains(v, c.Value) })},
		{name: "ENDS_WITH", match: plain(func(c *Clause, v string) bool { return strings.HasSuffix(v, c.Value) })},
		{name: "!&L", match: number(func(a, b int64) bool { return a&b == 0 })},
		{name: "&", match: number(func(a, b int64) bool { return a&b != 0 })},
	}
}

// found says whether a regular expression is found in a value. Its error is that this takes
// too long.
func found(c *Clause, v string) (bool, error) { return c.pattern.MatchString(v) }

// patternTime bounds one match of a regular expression, whoever wrote it.
const patternTime = time.Second

// NewClause reads "<property> <OPERATOR> <value>". fault says what is wrong with it.
func NewClause(text string) (c Clause, fault string) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	c.Property, _ = property(name)
	if fault := propertyFault(name); fault != "" {
		return c, fault
	}
	c.Property = name
	rest = strings.TrimSpace(rest)
	for _, op := range operators() {
		if len(rest) < len(op.name) || !strings.EqualFold(strings.ReplaceAll(rest[:len(op.name)], "_", " "), strings.ReplaceAll(op.name, "_", " ")) {
			continue
		}
		value := rest[len(op.name):]
		if value != "" && value[0] != ' ' {
			continue
		}
		c.Operator, c.Value = op.name, strings.TrimSpace(value)
		return c, c.compile(op)
	}
	return c, "there is no such operator; there are " + strings.Join(operatorNames(), ", ")
}

func operatorNames() (names []string) {
	for _, op := range operators() {
		names = append(names, op.name)
	}
	slices.Sort(names)
	return names
}

func (c *Clause) compile(op operator) (fault string) {
	c.means = op
	switch {
	case op.unary && c.Value != "":
		return op.name + " takes no value"
	case !op.unary && c.Value == "":
		return op.name + " needs a value behind it"
	}
	var err error
	switch op.name {
	case "REGEX MATCH", "NOT REGEX MATCH":
		if c.pattern, err = regexp2.Compile(c.Value, regexp2.None); err != nil {
			return "the regular expression has a mistake: " + err.Error()
		}
		c.pattern.MatchTimeout = patternTime
	case "GREATER_THAN", "GREATER_THAN_OR_EQUALS", "&", "!&L":
		if c.number, err = strconv.ParseInt(c.Value, 10, 64); err != nil {
			return op.name + " needs a whole number behind it"
		}
	}
	return ""
}

// matches says whether the clause is true of a group. An error: nobody knows.
func (c *Clause) matches(g *directory.Group) (bool, error) {
	values := attribute(g, c.Property).Values()
	if len(values) == 0 {
		return c.means.onNothing, nil
	}
	var unknown error
	for _, v := range values {
		match, err := c.means.match(c, v)
		if match && err == nil {
			return !c.means.negative, nil
		}
		unknown = cmp.Or(unknown, err)
	}
	return c.means.negative, unknown
}

// matches says whether all clauses are true of a group: one that is not is enough.
func (f Filter) matches(g *directory.Group) (bool, error) {
	var unknown error
	for i := range f {
		match, err := f[i].matches(g)
		if !match && err == nil {
			return false, nil
		}
		unknown = cmp.Or(unknown, err)
	}
	return unknown == nil, unknown
}

// filtered says why no filter matches a group: one that does is enough. key names what
// decided: the filter that matches, or all of them.
func (s Scope) filtered(g *directory.Group) (reason, key string) {
	if len(s.Where) > 0 {
		reason, key = NotMatched, "where"
	}
	for i, f := range s.Where {
		switch match, err := f.matches(g); {
		case err != nil:
			reason = FilterFailed
		case match:
			return "", fmt.Sprintf("where[%d]", i)
		}
	}
	return reason, key
}

func (s Scope) properties() (names []string) {
	for _, f := range s.Where {
		for _, c := range f {
			name, _ := property(c.Property)
			names = append(names, name)
		}
	}
	if s.Teams != "" {
		names = append(names, "resourceProvisioningOptions")
	}
	return names
}

// takes says whether the scope takes in a group and, where it does not, why. key is the part
// of the scope that decided. nested is asked for the group whose members are in scope.
func (s Scope) takes(g *directory.Group, nested func(directory.ID) Nested) (reason, key string) {
	reason, in := s.candidate(g.ID, nested)
	if reason != "" {
		return reason, in
	}
	team := slices.Contains(g.Props["resourceProvisioningOptions"], "Team")
	dynamic := slices.Contains(g.Props["groupTypes"], "DynamicMembership")
	switch {
	case s.Except[g.ID]:
		return Excepted, "except"
	case s.Teams.without(team):
		return NotMatched, "teams"
	case s.Dynamic.without(dynamic):
		return NotMatched, "dynamic"
	case !s.RoleAssignable && is(g, "isAssignableToRole"):
		return RoleAssignable, "role_assignable"
	}
	reason, key = s.filtered(g)
	return reason, cmp.Or(key, in)
}

// without says whether it takes out a group that has the property, or has not.
func (o Only) without(has bool) bool { return o == Just && !has || o == Never && has }

// candidate says whether a group is one of those that the filters are asked of, and which
// part of the scope says so.
func (s Scope) candidate(id directory.ID, nested func(directory.ID) Nested) (reason, key string) {
	if s.All || s.Groups[id] {
		return "", "groups"
	}
	if s.MembersOf == (directory.ID{}) {
		return NotListed, "groups"
	}
	switch of := nested(s.MembersOf).Group; {
	case of != nil && slices.ContainsFunc(of.Members, func(m directory.Member) bool { return m.ID == id }):
		return "", "members_of"
	case of == nil, of.Unread, of.Gone == directory.Unlisted && of.Reading != directory.Named, of.Gone == directory.NotRemoved && certainty(of) < certainty(&directory.Group{Reading: directory.Whole}):
		return ScopeUnknown, "members_of"
	}
	return NotListed, "members_of"
}

// String is what the scope takes in, in short: all, a number of groups, the members of one.
// Filters take out of that.
func (s Scope) String() string {
	switch {
	case s.All:
		return "all"
	case s.MembersOf == directory.ID{}:
		return fmt.Sprintf("%d groups", len(s.Groups))
	case len(s.Groups) == 0:
		return "members of " + s.MembersOf.String()
	}
	return fmt.Sprintf("%d groups, and members of %s", len(s.Groups), s.MembersOf)
}

// Named lists the groups that the scope names, sorted.
func (s Scope) Named() []directory.ID {
	named := slices.Collect(maps.Keys(s.Groups))
	if s.MembersOf != (directory.ID{}) {
		named = append(named, s.MembersOf)
	}
	slices.SortFunc(named, directory.ID.Compare)
	return named
}
