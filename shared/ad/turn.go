package ad

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/plan"
)

// onlyTypes takes the kinds of group that the policy allows. A group that is there is made
// a distribution group by its word alone: its members lose all access at once, without one
// removal that a limit could see. Of a group that is there the rest is turnable's.
func onlyTypes(w *writer, values []string) string {
	known := len(values) == 1 && slices.Contains(slices.Collect(maps.Values(plan.GroupTypes())), values[0])
	switch {
	case !known:
	case w.change.Op == plan.Update && !plan.Secures(values[0]) && !w.More.Quarantine:
		return "is not set to that of a distribution group where a group is there already: its members would lose all access at once; the agent's policy can allow it (policy.quarantine)"
	case w.change.Op == plan.Update, w.makes(values[0]):
		return ""
	}
	return w.otherTypes(values)
}

func (w *writer) otherTypes(values []string) string {
	return fmt.Sprintf("is set to %s by a plan of ours, not to %q; the agent's policy can allow more (policy.group_types)", strings.Join(w.types(), " or "), values)
}

// types are the kinds of group that may be made.
func (w *writer) types() []string {
	return append([]string{plan.UniversalSecurity}, w.More.GroupTypes...)
}

// makes says whether groups of this groupType may be made.
func (w *writer) makes(groupType string) bool {
	return slices.ContainsFunc(w.types(), func(word string) bool { return plan.GroupType(word) == groupType })
}

// turnable refuses a groupType that a group which is there may not get: a distribution
// group of another reach, and a security group of another reach that may not be made. Back
// to a security group it may always.
func (w *writer) turnable(o object) error {
	for name, values := range w.change.Set {
		if !strings.EqualFold(name, "groupType") || len(values) != 1 {
			continue
		}
		is := o.attrs[name]
		same := len(is) == 1 && plan.SameReach(is[0], values[0])
		switch {
		case same:
		case !plan.Secures(values[0]):
			return refusal{text: fmt.Sprintf("attribute groupType of %s is set to the distribution group of the same reach only: it is %q, not to become %q", o.dn, is, values)}
		case !w.makes(values[0]):
			return refusal{text: "attribute " + name + " " + w.otherTypes(values)}
		}
	}
	return nil
}
