package rules

import (
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Owners says what becomes of a cloud group's owners.
type Owners string

// What may become of them.
const (
	IgnoreOwners Owners = ""            // nothing: who manages the group is left as it is
	OwnerManages Owners = "managed_by"  // one of them is its managedBy
	OwnersManage Owners = "co_managers" // and all others are Exchange's co-managers
)

// links are the links that owners become.
func (o Owners) links() []plan.Link {
	switch o {
	case OwnerManages:
		return []plan.Link{plan.ManagedBy}
	case OwnersManage:
		return []plan.Link{plan.ManagedBy, plan.CoManagers}
	}
	return nil
}

// owners adds to a wish who manages the group. While it is not known who all the owners are,
// it does not speak of it, and asks.
func (r *Rules) owners(w *plan.Wish, g *directory.Group, observed *plan.Group, t Target) {
	if r.Owners == IgnoreOwners {
		return
	}
	if !g.OwnersKnown {
		w.Ask = append(w.Ask, g.ID)
		w.Problems = append(w.Problems, plan.Problem{Group: g.ID, Reason: OwnersUnknown})
		return
	}
	var able []plan.Ref // by the owners' ids
	for _, m := range g.Owners {
		ref, reason := r.member(m, nobody, t)
		if reason == NotSeen {
			w.Describe = append(w.Describe, m)
		}
		if reason != "" && !manages(observed, ref) { // who is in doubt stays what he is, and becomes nothing new
			if ref != "" {
				reason = NewWithoutSID
			}
			w.Problems = append(w.Problems, plan.Problem{Group: g.ID, Member: m.ID, Reason: OwnerNotWritten, Text: Explain(OwnerNotWritten) + ": " + Explain(reason)})
			continue
		}
		able = append(able, ref)
	}
	if len(w.Describe) > 0 { // one of them may be the first, or the only one
		return
	}
	manager, others := managers(able, observed)
	w.Group.Links = w.Group.Links.With(plan.ManagedBy, manager)
	if r.Owners == OwnersManage {
		w.Group.Links = w.Group.Links.With(plan.CoManagers, others)
	}
}

// managers are the one of some owners who manages a group, and the others: the one who does so
// already, else the first.
func managers(able []plan.Ref, observed *plan.Group) (manager, others []plan.Ref) {
	if len(able) == 0 {
		return nil, nil
	}
	at := 0
	if observed != nil {
		at = max(0, slices.IndexFunc(able, func(r plan.Ref) bool { return slices.Contains(observed.Links[plan.ManagedBy], r) }))
	}
	manager = able[at : at+1]
	others = slices.Delete(slices.Clone(able), at, at+1)
	slices.Sort(others)
	return manager, slices.Compact(others)
}

// manages says whether somebody manages a group as it is in Active Directory, in either way.
func manages(observed *plan.Group, ref plan.Ref) bool {
	return observed != nil && (slices.Contains(observed.Links[plan.ManagedBy], ref) || slices.Contains(observed.Links[plan.CoManagers], ref))
}

// nobody knows no other group: none is an owner.
func nobody(directory.ID) Nested { return Nested{} }
