package ad

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/plan"
)

// onlyTypes takes the kinds of group that the policy allows. A security group that is there is
// made a distribution group by the word quarantine alone: its members lose all access at once,
// without one removal that a limit could see. Of a group that is there the rest is turnable's.
func onlyTypes(w *writer, values []string) string {
	known := len(values) == 1 && slices.Contains(slices.Collect(maps.Values(plan.GroupTypes())), values[0])
	exists := w.change.Op != plan.Create && w.change.Op != plan.Restore
	switch {
	case known && exists && !plan.Secures(values[0]) && !w.More.Quarantine && !w.distributes():
		return suspends
	case known && (exists || w.makes(values[0])):
		return ""
	}
	return w.otherTypes(values)
}

const suspends = "is not set to that of a distribution group where a security group is there already: its members would lose all access at once; the agent's policy can allow it (policy.quarantine)"

// distributes says whether distribution groups may be made.
func (w *writer) distributes() bool {
	return slices.ContainsFunc(w.types(), func(word string) bool { return !plan.Secures(plan.GroupType(word)) })
}

func (w *writer) otherTypes(values []string) string {
	return fmt.Sprintf("is set to %s by a plan of ours, not to %q; the agent's policy can allow more (policy.group_types)", strings.Join(w.types(), " or "), values)
}

// types are the kinds of group that may be made.
func (w *writer) types() []string { return w.More.Makes() }

// makes says whether groups of this groupType may be made.
func (w *writer) makes(groupType string) bool {
	return slices.ContainsFunc(w.types(), func(word string) bool { return plan.GroupType(word) == groupType })
}

// turnable refuses a groupType that a group which is there may not get. It may always become
// a security group of the same reach again, and always a universal one, by way of which the
// two others become each other.
func (w *writer) turnable(o object) error {
	for name, values := range w.change.Set {
		if !strings.EqualFold(name, plan.GroupTypeAttribute) || len(values) != 1 {
			continue
		}
		is := o.attrs[name]
		suspended := len(is) == 1 && !plan.Secures(is[0])
		if !plan.Secures(values[0]) && !suspended && !w.More.Quarantine {
			return refusal{text: "attribute " + name + " " + suspends}
		}
		same := len(is) == 1 && plan.SameReach(is[0], values[0])
		if !same && !w.makes(values[0]) && !(suspended && values[0] == plan.GroupType("universal-distribution")) {
			return refusal{text: "attribute " + name + " " + w.otherTypes(values)}
		}
	}
	return nil
}
