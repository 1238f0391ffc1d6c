package expr

import (
	"errors"
	"fmt"
	"strings"
)

// manyFunctions are those on multi-valued attributes. A value that is one text
// counts as one of one value, null as one of none.
func manyFunctions() []Function {
	roles := Param{Name: "[appRoleAssignments]"}
	return []Function{
		{Name: "AppRoleAssignmentsComplex", Params: []Param{roles}, Pages: "app customize", eager: same,
			Doc: "All roles, as they are. It makes sense for applications, and is here so that their mappings are understood."},
		{Name: "AssertiveAppRoleAssignmentsComplex", Params: []Param{roles}, Pages: "customize", eager: same,
			Doc: "All roles, as they are; roles that others gave are taken away."},
		{Name: "SingleAppRoleAssignment", Params: []Param{roles}, Pages: "app cloudsync customize", eager: singleRole,
			Doc: "The one role that there is. Several are an error, because nobody says which one is meant."},
		{Name: "Contains", Params: []Param{need("attribute"), need("search"), {Name: "Casetype", Optional: true, Words: caseTypes()}},
			Pages: "cloudsync connect", eager: contains, check: oneOf(2, caseTypes()...),
			Doc: "The number, from 1, of the first value in which a text occurs; 0 where there is none. Case matters unless CaseInsensitive says " +
				"that it does not. The cloud sync page uses it in an example for Item, Connect's page explains it."},
		{Name: "Count", Params: []Param{need("attribute")}, Pages: "app cloudsync", eager: countValues,
			Doc: "How many values there are; null has none."},
		{Name: "Item", Params: []Param{need("attribute"), need("index")}, Pages: "app cloudsync", eager: item,
			Doc: "A value by its number from 1; there being no such one is an error. Of null it is null."},
		{Name: "Join", Params: []Param{need("separator"), {Name: "source", Repeats: true}}, Pages: "app cloudsync", eager: join,
			Doc: "All sources in one text, the separator between them; of a multi-valued one each value. What is null or empty is left out, and " +
				"gets no separator."},
		{Name: "RemoveDuplicates", Params: []Param{need("attribute")}, Pages: "app cloudsync", eager: removeDuplicates,
			Doc: "The values, each once, where it stands first. Case matters."},
		{Name: "Split", Params: []Param{need("source"), need("delimiter")}, Pages: "app cloudsync", eager: split,
			Doc: "The pieces between the delimiters as several values, empty ones too. Blanks around them stay: Trim takes them off each."},
	}
}

func same(a args) (Value, error) { return a.value(0), nil }

func singleRole(a args) (Value, error) {
	if n := len(a.value(0).Values()); n > 1 {
		return Value{}, fmt.Errorf("there are %d roles: assign one, or choose one by Item", n)
	}
	return a.value(0), nil
}

func caseTypes() []string { return []string{"CaseSensitive", "CaseInsensitive"} }

func contains(a args) (Value, error) {
	search, err := a.text(1)
	if err != nil {
		return Value{}, err
	}
	how, err := a.text(2)
	if err != nil {
		return Value{}, err
	}
	change := func(s string) string { return s }
	if strings.EqualFold(how, "CaseInsensitive") {
		change = fold
	}
	search = change(search)
	for i, s := range a.value(0).Values() {
		if strings.Contains(change(s), search) {
			return Number(int64(i) + 1), nil
		}
	}
	return Number(0), nil
}

func countValues(a args) (Value, error) { return Number(int64(len(a.value(0).Values()))), nil }

func item(a args) (Value, error) {
	values := a.value(0).Values()
	n, err := a.number(1, 0)
	switch {
	case err != nil || values == nil:
		return Null, err
	case n < 1 || n > int64(len(values)):
		return Value{}, fmt.Errorf("there is no value %d: the attribute has %d, counted from 1", n, len(values))
	}
	return Text(values[n-1]), nil
}

func join(a args) (Value, error) {
	separator, err := a.text(0)
	if err != nil {
		return Value{}, err
	}
	var b strings.Builder
	for i := range a.values[1:] {
		for _, s := range a.values[i+1].Values() {
			if s == "" {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(separator)
			}
			if b.WriteString(s); b.Len() > MaxValue {
				return Value{}, fmt.Errorf("the value would have more than %d bytes: join fewer", MaxValue)
			}
		}
	}
	return Text(b.String()), nil
}

func removeDuplicates(a args) (Value, error) {
	v := a.value(0)
	if v.kind != KindTexts {
		return v, nil
	}
	var kept []string
	seen := make(map[string]bool, len(v.list()))
	for _, s := range v.list() {
		if !seen[s] {
			kept = append(kept, s)
		}
		seen[s] = true
	}
	return Texts(kept...), nil
}

func split(a args) (Value, error) {
	delimiter, err := a.text(1)
	if err != nil {
		return Value{}, err
	}
	if delimiter == "" {
		return Value{}, errors.New("the delimiter is empty: write one, such as \",\"")
	}
	var all []string
	for _, s := range a.value(0).Values() {
		if len(all)+strings.Count(s, delimiter) >= MaxValues {
			return Value{}, fmt.Errorf("there would be more than %d values: shorten the text by Left", MaxValues)
		}
		all = append(all, strings.Split(s, delimiter)...)
	}
	return Texts(all...), nil
}
