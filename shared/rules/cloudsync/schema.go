package cloudsync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An object of the schema's JSON. Its fields are found whatever their case: PowerShell
// writes SynchronizationRules where Graph writes synchronizationRules.
type object struct {
	path   string // from the schema's top
	fields map[string]any
}

func as(path string, v any) (object, bool) {
	fields, is := v.(map[string]any)
	return object{path, fields}, is
}

func (o object) field(name string) any {
	if v, is := o.fields[name]; is {
		return v
	}
	for _, key := range slices.Sorted(maps.Keys(o.fields)) {
		if strings.EqualFold(key, name) {
			return o.fields[key]
		}
	}
	return nil
}

func (o object) has(name string) bool { return o.field(name) != nil }

func (o object) below(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// object is a field that is one; its fields are nil where it is not.
func (o object) object(name string) object {
	inner, _ := as(o.below(name), o.field(name))
	return inner
}

func (o object) list(name string) []any {
	list, _ := o.field(name).([]any)
	return list
}

// objects are the objects of a list.
func (o object) objects(name string) (all []object) {
	for i, v := range o.list(name) {
		if inner, is := as(fmt.Sprintf("%s[%d]", o.below(name), i), v); is {
			all = append(all, inner)
		}
	}
	return all
}

// text is a field that is one; PowerShell writes enumerations as numbers, which are none.
func (o object) text(name string) string {
	s, _ := o.field(name).(string)
	return s
}

func (o object) is(name string, value bool) bool {
	b, is := o.field(name).(bool)
	return is && b == value
}

// mapsTo says whether an object mapping gives one of some attributes its values.
func (o object) mapsTo(attributes ...string) bool {
	return slices.ContainsFunc(o.objects("attributeMappings"), func(m object) bool {
		return slices.ContainsFunc(attributes, func(a string) bool { return strings.EqualFold(a, m.text("targetAttributeName")) })
	})
}

// strange lists the fields that are none of some names, and say something, sorted.
func (o object) strange(names ...string) (all []string) {
	for _, key := range slices.Sorted(maps.Keys(o.fields)) {
		known := strings.Contains(key, "@") || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, key) })
		if !known && !empty(o.fields[key]) {
			all = append(all, key)
		}
	}
	return all
}

// empty says whether a value says nothing: what is not set is written as null, false or an
// empty list by one program or another.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// unknown notes the properties that may change what the job does, and are not known here.
// Those of directories and of rules describe; they decide nothing. Those of the scope take
// groups out, where it is read.
func (o object) unknown(im *importer) {
	tell := func(at object, names ...string) {
		for _, name := range at.strange(names...) {
			im.lost(at, name+" is not looked at", "the property is not known here", "see in the portal whether it changes what is written")
		}
	}
	tell(o, "attributeMappings", "enabled", "flowTypes", "metadata", "name", "scope", "sourceObjectName", "targetObjectName", "id")
	for _, m := range o.objects("attributeMappings") {
		tell(m, "defaultValue", "exportMissingReferences", "flowBehavior", "flowType", "matchingPriority", "source", "targetAttributeName", "id")
		tell(m.object("source"), "expression", "name", "parameters", "type")
	}
}
