package rules

import (
	"fmt"

	"groupwriteback/shared/directory"
)

// scope reads all, a list of groups, or a mapping.
func (p *reader) scope(path string, v any) {
	s := &p.rules.Scope
	switch v := v.(type) {
	case string:
		if v == "all" {
			s.All = true
			return
		}
	case []any:
		s.Groups = p.ids(path, v)
		return
	case map[string]any:
		s.RoleAssignable = false
		p.mapping(path, v, []key{
			{"groups", p.scopeGroups},
			{"members_of", func(path string, v any) { s.MembersOf = p.id(path, v) }},
			{"except", func(path string, v any) {
				if list, is := v.([]any); is && len(list) == 0 {
					s.Except = nil // it is as if it were not there
				} else if is {
					s.Except = p.ids(path, list)
				} else {
					p.mistake(path, "write a list of object ids of groups")
				}
			}},
			{"where", p.where},
			{"teams", func(path string, v any) { word(p, path, v, &s.Teams, []Only{Just, Never}) }},
			{"dynamic", func(path string, v any) { word(p, path, v, &s.Dynamic, []Only{Just, Never}) }},
			{"role_assignable", func(path string, v any) { p.boolean(path, v, &s.RoleAssignable) }},
		}, "setting of the scope")
		_, groups := v["groups"]
		_, members := v["members_of"]
		if s.All && members {
			p.mistake(path+".members_of", "groups: all takes in every group, whoever is a member here: take one of the two away")
		}
		if !groups && !members {
			p.mistake(path, "say which groups it is of: groups: all, groups: a list of object ids, or members_of: the object id of a group")
		}
		return
	}
	p.mistake(path, "%s", p.help("scope"))
}

func (p *reader) scopeGroups(path string, v any) {
	list, isList := v.([]any)
	switch {
	case v == "all":
		p.rules.Scope.All = true
	case isList:
		p.rules.Scope.Groups = p.ids(path, list)
	default:
		p.mistake(path, "write all, or a list of object ids of groups")
	}
}

func (p *reader) ids(path string, list []any) map[directory.ID]bool {
	out := map[directory.ID]bool{}
	for i, v := range list {
		out[p.id(fmt.Sprintf("%s[%d]", path, i), v)] = true
	}
	return out
}

func (p *reader) id(path string, v any) directory.ID {
	id, err := directory.ParseID(fmt.Sprint(v))
	switch {
	case err != nil:
		p.mistake(path, "%v", err)
	case id == directory.ID{}:
		p.mistake(path, "no group has this object id: write that of a group")
	}
	return id
}

// where reads filters: each a clause, or a list of clauses that all match.
func (p *reader) where(path string, v any) {
	list, is := v.([]any)
	if !is || len(list) == 0 {
		p.mistake(path, "write a list of filters, each a clause such as displayName REGEX MATCH ^eu-, or a list of clauses that all have to match")
		return
	}
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		clauses, isList := v.([]any)
		if !isList {
			p.rules.Scope.Where = append(p.rules.Scope.Where, Filter{p.clause(at, v)})
			continue
		}
		var f Filter
		for j, v := range clauses {
			f = append(f, p.clause(fmt.Sprintf("%s[%d]", at, j), v))
		}
		if len(f) == 0 {
			p.mistake(at, "a filter without a clause matches every group: take it away, or write clauses")
		}
		p.rules.Scope.Where = append(p.rules.Scope.Where, f)
	}
}

func (p *reader) clause(path string, v any) Clause {
	text, is := v.(string)
	if !is {
		p.mistake(path, "write a clause, such as displayName REGEX MATCH ^eu-; with quotation marks around it where YAML needs them")
		return Clause{}
	}
	c, fault := NewClause(text)
	if fault != "" {
		p.mistake(path, "%s", fault)
	}
	return c
}
