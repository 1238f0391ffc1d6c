package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"groupwriteback/shared/plan"
)

// ou reads the container: a distinguished name, or an expression that gives one.
func (p *reader) ou(path string, v any) {
	if m, is := v.(map[string]any); is {
		var container Mapping
		var fallback string
		p.mapping(path, m, []key{
			{"expression", func(path string, v any) {
				container = p.expression(path, "ou", v)
				p.steady(path, container, "groups would move for ever")
			}},
			{"default", func(path string, v any) { fallback = p.dn(path, v) }},
		}, "setting of the container")
		if _, is := m["expression"]; !is {
			p.mistake(path, "write the expression, or the distinguished name alone")
		}
		if _, is := m["default"]; !is {
			p.mistake(path, "write a default: the distinguished name of the container of groups for which the expression gives none")
		}
		p.rules.Container, p.rules.OU = &container, fallback
		return
	}
	p.rules.OU = p.dn(path, v)
}

func (p *reader) dn(path string, v any) string {
	dn, _ := v.(string)
	if _, _, ok := plan.SplitRDN(dn); !ok {
		p.mistake(path, "%s", p.help("ou"))
	}
	return plan.NormalDN(dn)
}

func (p *reader) kinds(path string, v any) {
	m, is := v.(map[string]any)
	if !is || len(m) == 0 {
		p.mistake(path, "write a mapping from the kind of cloud group to what it becomes, such as security: security")
		return
	}
	p.rules.Kinds = Kinds{}
	read := func(kind Kind, types ...Type) key {
		return key{string(kind), func(path string, v any) {
			var t Type
			word(p, path, v, &t, types)
			p.rules.Kinds[kind] = t
		}}
	}
	p.mapping(path, m, []key{read(Security, SecurityGroup, Distribution), read(Microsoft365, Types()...)}, "kind of cloud group")
}

func (p *reader) reach(path string, v any) { word(p, path, v, &p.rules.Reach, Reaches()) }

func (p *reader) writeback(path string, v any) {
	m, is := v.(map[string]any)
	if !is {
		p.mistake(path, "write a mapping, such as honour: true")
		return
	}
	preset := p.rules.Writeback
	honour, byDefault := preset != nil, preset == nil || !preset.NotByDefault
	p.mapping(path, m, []key{
		{"honour", func(path string, v any) { p.boolean(path, v, &honour) }},
		{"microsoft365_default", func(path string, v any) { p.boolean(path, v, &byDefault) }},
	}, "setting of the writeback configuration")
	if p.rules.Writeback = nil; honour {
		p.rules.Writeback = &Writeback{NotByDefault: !byDefault}
	}
}

// attributes reads mappings. Those of the preset, or the default ones, stay but for the
// attributes that are named here.
func (p *reader) attributes(path string, v any) {
	m, is := v.(map[string]any)
	if !is {
		p.mistake(path, "write a mapping from attributes to expressions, such as description: Left(Trim([description]),448)")
		return
	}
	all, named := map[string]Mapping{}, map[string]string{}
	for _, known := range p.rules.mapping() {
		all[known.Attribute] = known
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := join(path, name)
		if fault := targetFault(name); fault != "" {
			p.misnamed(path, name, "%s", fault)
			continue
		}
		canonical := spelling(name)
		if twice := named[strings.ToLower(name)]; twice != "" {
			p.misnamed(path, name, "this is %s in other letters: write it once", twice)
			continue
		}
		named[strings.ToLower(name)] = name
		if m[name] == nil {
			if canonical == commonName {
				p.mistake(at, "a group needs a cn: write an expression")
			}
			delete(all, canonical)
			continue
		}
		all[canonical] = p.attribute(at, canonical, m[name])
	}
	p.rules.Mapping = slices.SortedFunc(maps.Values(all), func(a, b Mapping) int { return strings.Compare(a.Attribute, b.Attribute) })
}

// spelling is an attribute's name in the letters of the default mapping, if it is one of
// those: Active Directory does not tell them apart.
func spelling(name string) string {
	for _, known := range []string{commonName, plan.AccountName, "displayName", "description"} {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// targetFault says why no rule gives an attribute its values; "" if one may.
func targetFault(name string) string {
	lower := strings.ToLower(name)
	switch {
	case !plan.IsAttribute(name):
		return "this is not the name of an attribute of Active Directory, such as extensionAttribute1"
	case lower == "parentdistinguishedname":
		return "the container is not an attribute here: write it as ou"
	case lower == "member":
		return "members are no attribute here: see members"
	case lower == strings.ToLower(string(plan.ManagedBy)), lower == strings.ToLower(string(plan.CoManagers)):
		return "who manages a group is no attribute here: see owners"
	case lower == "grouptype":
		return "the type is not an attribute here: see kinds and group_scope"
	case lower == "info", lower == "admindescription", lower == "admindisplayname", lower == "msds-externaldirectoryobjectid":
		return "this product keeps its own marks there: choose another attribute"
	case lower == "name", lower == "distinguishedname":
		return "the name of a group is its cn"
	case plan.NamesObjects(name):
		return "its values are objects, not text: no rule writes it yet"
	case plan.GivesRights(name):
		return "Active Directory's own attributes, and those that give rights, are not written"
	}
	return ""
}

// attribute reads one mapping: an expression, or a mapping that says more.
func (p *reader) attribute(path, name string, v any) Mapping {
	m, is := v.(map[string]any)
	if !is {
		out := p.expression(path, name, v)
		p.steady(path, out, onlyOnce)
		return out
	}
	var out Mapping
	from := 0
	set := func(m Mapping) {
		from++
		out.Attribute, out.Expression, out.Constant, out.expr = m.Attribute, m.Expression, m.Constant, m.expr
	}
	p.mapping(path, m, []key{
		{"expression", func(path string, v any) { set(p.expression(path, name, v)) }},
		{"property", func(path string, v any) { set(p.expression(path, name, fmt.Sprintf("[%v]", v))) }},
		{"constant", func(path string, v any) { set(Mapping{Attribute: name, Constant: p.texts(path, v)}) }},
		{"default", func(path string, v any) { out.Default = p.texts(path, v) }},
		{"apply", func(path string, v any) {
			var apply string
			word(p, path, v, &apply, []string{"always", "creation"})
			out.Once = apply == "creation"
		}},
	}, "setting of a mapping")
	switch _, constant := m["constant"]; {
	case from != 1:
		p.mistake(path, "write one of expression, property and constant")
	case constant && m["default"] != nil:
		p.mistake(path, "a constant needs no default: take one of the two away")
	}
	if !out.Once {
		p.steady(path, out, onlyOnce)
	}
	return out
}

// expression reads an expression, with all of its mistakes.
func (p *reader) expression(path, attribute string, v any) Mapping {
	text, is := v.(string)
	if !is {
		p.mistake(path, "write an expression, such as [displayName] or \"a text\" within quotation marks; with ' around it where YAML needs them")
		return Mapping{Attribute: attribute}
	}
	m, err := NewMapping(attribute, text)
	if err != nil {
		for _, err := range each(err) {
			p.mistake(path, "%v", err)
		}
		return Mapping{Attribute: attribute}
	}
	for _, name := range m.expr.Attributes() {
		if fault := propertyFault(name); fault != "" {
			p.mistake(path, "%s", fault)
		}
	}
	if slices.Contains(m.expr.Volatile(), "Now") {
		p.mistake(path, "Now: rules have no clock, so that the same rules always give the same plan: take a property of the group, such as [createdDateTime]")
		return Mapping{Attribute: attribute}
	}
	return m
}

const onlyOnce = "only apply: creation can have it"

// steady refuses an expression that gives something else each time: each turn would write it.
func (p *reader) steady(path string, m Mapping, but string) {
	if m.expr == nil {
		return
	}
	if volatile := m.expr.Volatile(); len(volatile) > 0 {
		p.mistake(path, "%s gives another value each time: %s", list(volatile), but)
	}
}

// each takes apart what errors.Join put together.
func each(err error) []error {
	if many, is := err.(interface{ Unwrap() []error }); is {
		return many.Unwrap()
	}
	return []error{err}
}

// texts reads one value or several.
func (p *reader) texts(path string, v any) []string {
	values, is := v.([]any)
	if !is {
		values = []any{v}
	}
	var out []string
	for i, v := range values {
		at := path
		if is {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case uint64, int64, float64, bool:
			out = append(out, p.written(at, v))
		}
	}
	if len(values) == 0 || len(out) < len(values) || slices.Contains(out, "") {
		p.mistake(path, "write a text, or a list of texts; Active Directory has no empty ones")
		return nil
	}
	return sorted(out...)
}

// written is a number as the file has it: a cost centre keeps its zeros, a phone number
// its plus sign.
func (p *reader) written(path string, v any) string {
	if n, is := p.node(path).(ast.ScalarNode); is && n.GetToken() != nil {
		return n.GetToken().Value
	}
	return fmt.Sprint(v)
}

func (p *reader) members(path string, v any) {
	m, is := v.(map[string]any)
	if !is {
		p.mistake(path, "write a mapping, such as mode: additive")
		return
	}
	to := &p.rules.Members
	var mode, nested string
	adGroups := !to.NoADGroups
	p.mapping(path, m, []key{
		{"mode", func(path string, v any) {
			word(p, path, v, &mode, []string{"authoritative", "additive"})
			to.Additive = mode == "additive"
		}},
		{"kinds", p.memberKinds},
		{"nested", func(path string, v any) {
			word(p, path, v, &nested, []string{"reference", "flatten"})
			to.Flat = nested == "flatten"
		}},
		{"ad_groups", func(path string, v any) { p.boolean(path, v, &adGroups) }},
		{"hidden", func(path string, v any) { p.boolean(path, v, &to.Hidden) }},
	}, "setting of members")
	to.NoADGroups = !adGroups
}

func (p *reader) owners(path string, v any) {
	word(p, path, v, &p.rules.Owners, []Owners{"ignore", OwnerManages, OwnersManage})
	if p.rules.Owners == "ignore" {
		p.rules.Owners = IgnoreOwners
	}
}

func (p *reader) memberKinds(path string, v any) {
	known := []string{"users", "devices", "groups", "contacts"}
	list, is := v.([]any)
	if !is {
		p.mistake(path, "write a list of some of users, devices, groups and contacts")
		return
	}
	has := map[string]bool{}
	for i, v := range list {
		var kind string
		word(p, fmt.Sprintf("%s[%d]", path, i), v, &kind, known)
		has[kind] = true
	}
	to := &p.rules.Members
	to.NoUsers, to.NoDevices, to.NoGroups, to.Contacts = !has["users"], !has["devices"], !has["groups"], has["contacts"]
}

// limits reads numbers of a mapping; those that it lacks keep their default.
func (p *reader) limits(path string, v any) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		p.mistake(path, "write a mapping, such as member_share: 30")
		return
	}
	l := &p.rules.Limits
	number := func(name string, most uint64, set func(uint64)) key {
		return key{name, func(path string, v any) {
			n, isNumber := v.(uint64)
			if !isNumber || n > most {
				p.mistake(path, "write a whole number from 0 to %d", most)
				return
			}
			set(n)
		}}
	}
	percent := func(name string, most uint64, to *float64) key {
		return number(name, most, func(n uint64) { *to = float64(n) / 100 })
	}
	count := func(name string, to *int) key {
		return number(name, 1e6, func(n uint64) { *to = int(n) })
	}
	p.mapping(path, m, []key{
		count("creations", &l.Creations), count("empty_floor", &l.EmptyFloor), count("floor", &l.Floor),
		count("growth_floor", &l.GrowthFloor), percent("growth_share", 1000, &l.GrowthShare),
		count("member_floor", &l.MemberFloor), percent("member_share", 100, &l.MemberShare), percent("share", 100, &l.Share),
	}, "limit")
}
