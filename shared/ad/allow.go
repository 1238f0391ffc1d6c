package ad

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/plan"
)

// A setting is an attribute that a change may set, and what it may set it to; nil: to
// anything.
type setting struct {
	name   string
	values func(w *writer, values []string) (fault string)
}

// settings are all of them: what the rules of the cloud half can decide, and our marks.
// Whatever else a plan names is refused before the server is asked, be it under another
// name that the server takes for the same attribute: an OID, or one with an option.
// docs/agent.md repeats the list.
func settings() []setting {
	return []setting{
		{"adminDescription", onlyMark},
		{external, onlyMark},
		{"description", nil},
		{"displayName", nil},
		{"groupType", onlySecurity},
		{"info", nil},
		{"sAMAccountName", onlyAccountName},
	}
}

// settable refuses a change that sets what none may.
func (w *writer) settable() error {
	all := settings()
	for _, name := range slices.Sorted(maps.Keys(w.change.Set)) {
		i := slices.IndexFunc(all, func(s setting) bool { return strings.EqualFold(s.name, name) })
		if i < 0 {
			return fmt.Errorf("attribute %s is not set by a plan: this agent sets only %s", name, settingNames())
		}
		if all[i].values == nil {
			continue
		}
		if fault := all[i].values(w, w.change.Set[name]); fault != "" {
			return fmt.Errorf("attribute %s %s", name, fault)
		}
	}
	return nil
}

func settingNames() string {
	var out []string
	for _, s := range settings() {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}

func onlyMark(w *writer, values []string) string {
	if plan.SameValues("adminDescription", values, []string{plan.Mark(w.change.Group)}) {
		return ""
	}
	return "is the ownership mark: it cannot be another value"
}

// onlySecurity takes what the rules write and no more: a distribution group's members
// lose all access at once, without one removal that a limit or a policy could see, and
// another scope may not be nested as it is.
func onlySecurity(_ *writer, values []string) string {
	const universalSecurity = "-2147483640" // MS-ADTS 2.2.12
	if len(values) == 1 && values[0] == universalSecurity {
		return ""
	}
	return fmt.Sprintf("is set to %s (universal security) by a plan of ours, not to %q", universalSecurity, values)
}

func onlyAccountName(_ *writer, values []string) string {
	if len(values) != 1 {
		return fmt.Sprintf("has one value, not %d", len(values))
	}
	return plan.AccountNameFault(values[0])
}

// nameable refuses a name that Active Directory does not take.
func (w *writer) nameable() error {
	if w.change.Op != plan.Create && w.change.Op != plan.Rename {
		return nil
	}
	if fault := plan.NameFault(w.change.Name); fault != "" {
		return fmt.Errorf("name %q %s: change the rule that makes it", w.change.Name, fault)
	}
	return nil
}
