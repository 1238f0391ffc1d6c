package rules

import (
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// Target is what the rules must know of the Active Directory forest.
type Target struct {
	Domains  []directory.SID // SIDs of the forest's own domains
	External bool            // the schema has msDS-ExternalDirectoryObjectId
	Exchange exchange.Site   // what the forest has of it, as last read whole
}

// Nested is what the rules must know of another cloud group: one that is a member, or whose
// members are in scope.
type Nested struct {
	Group  *directory.Group // nil: not known
	Exists bool             // we own a group in AD for it
}

// Decide says what should be in Active Directory for one cloud group, as View gives it. g
// is nil if Graph has never described it, observed is nil if AD does not hold it. nested
// is asked for other groups: members, and that of the scope.
func (r *Rules) Decide(id directory.ID, g *directory.Group, observed *plan.Group, nested func(directory.ID) Nested, t Target) plan.Wish {
	problem := func(reason string) plan.Wish { return plan.Wish{Problems: []plan.Problem{{Group: id, Reason: reason}}} }
	if reason, yes := gone(g); yes {
		switch {
		case observed == nil:
			return plan.Wish{}
		case reason == Unconfirmed:
			return problem(reason)
		}
		w := problem(reason)
		w.Group = retire(observed, reason)
		return w
	}
	class, reason := r.class(g, nested)
	switch {
	case reason == "":
	case reason == Converted, reason == FilterFailed:
		return problem(reason)
	case reason == ScopeUnknown && observed != nil:
		w := problem(reason)
		w.Ask = []directory.ID{r.Scope.MembersOf}
		return w
	case observed != nil:
		w := problem(OutOfScope)
		w.Group = retire(observed, OutOfScope)
		return w
	case r.Scope.Groups[id]:
		return problem(reason)
	default:
		return plan.Wish{}
	}
	want, problems := r.shape(g, observed, class, t)
	if want == nil {
		return plan.Wish{Problems: problems}
	}
	var w plan.Wish
	if reason, yes := r.hidden(g); yes {
		w = keep(want, observed, plan.Problem{Group: id, Reason: reason})
	} else {
		w = r.members(want, g, observed, nested, t)
	}
	w.Problems = append(problems, w.Problems...)
	w.Additive, w.Rename = r.Members.Additive, r.Rename
	return w
}

// class is the groupType that a group is given or, where none is written for it, why. The
// fixed clauses are Cloud Sync's, and ours.
func (r *Rules) class(g *directory.Group, nested func(directory.ID) Nested) (class, reason string) {
	if reason := r.Scope.takes(g, nested); reason != "" {
		return "", reason
	}
	if is(g, "onPremisesSyncEnabled") {
		return "", MasteredOnPremises
	}
	t, reason := r.typeOf(g)
	switch {
	case reason != "":
		return "", reason
	case g.Props.First("onPremisesSecurityIdentifier") != "":
		return "", Converted
	}
	return groupType(t, r.Reach), ""
}

// makes says whether an AD group is made for a cloud group that there is none for.
func (r *Rules) makes(g *directory.Group, nested func(directory.ID) Nested, t Target) bool {
	if _, yes := gone(g); yes {
		return false
	}
	class, reason := r.class(g, nested)
	if _, no := r.hidden(g); reason != "" || no {
		return false
	}
	want, _ := r.shape(g, nil, class, t)
	return want != nil
}

// gone says why a cloud group is not there, or perhaps not. nil is one that is not known.
func gone(g *directory.Group) (reason string, yes bool) {
	switch {
	case g == nil, g.Gone == directory.Unlisted && g.Reading != directory.Named:
		return Unconfirmed, true
	case g.Gone == directory.Unlisted:
		return GroupGone, true
	case g.Gone != directory.NotRemoved:
		return GroupDeleted, true
	}
	return "", false
}

// hidden says why nobody is made a member of a group, or taken out of it.
func (r *Rules) hidden(g *directory.Group) (reason string, yes bool) {
	switch {
	case g.Unread:
		return HiddenMembership, true
	case g.Props.Hidden() && !r.Members.Hidden:
		return WouldPublish, true
	}
	return "", false
}

// keep is a wish without a word on the members: they are left as they are. An AD
// group that would have to be made empty is not made.
func keep(want, observed *plan.Group, p plan.Problem) plan.Wish {
	if observed == nil {
		return plan.Wish{Problems: []plan.Problem{p}}
	}
	want.Members = slices.Clone(observed.Members)
	return plan.Wish{Group: want, Problems: []plan.Problem{p}}
}

// retire is the group as it is, with a note for people. Nothing else changes:
// deleting is a step of its own, with guards of its own.
func retire(observed *plan.Group, reason string) *plan.Group {
	w := observed.Clone()
	if w.Attrs == nil {
		w.Attrs = map[string][]string{}
	}
	w.Attrs["info"] = sorted("No longer managed by Groupwriteback: " + Explain(reason) + ".")
	return &w
}

// InScope says whether a group is to be written and, where it is not, why.
func (r *Rules) InScope(g *directory.Group, nested func(directory.ID) Nested) (ok bool, reason string) {
	_, reason = r.class(g, nested)
	return reason == "", reason
}
