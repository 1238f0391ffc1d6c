package rules

import (
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// Target is what the rules must know of the Active Directory forest.
type Target struct {
	Domains  []directory.SID // SIDs of the forest's own domains
	External bool            // the schema has msDS-ExternalDirectoryObjectId
	Mail     *exchange.Stamp // what gives groups their mail there: see Rules.Stamp

	// Clashes are values of mail attributes that the group is not to have now, because somebody
	// else in the forest has them: each with the attribute and the value as they were wished. An address is
	// left out; with the primary one nothing is said of mail, and what the cloud no longer gives goes; of an alias the group gets another. What is
	// wished of them all the same is taken out of the wish.
	Clashes []plan.Clash
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
	event, reason := gone(g)
	class := ""
	if event == life.Wanted {
		class, event, reason = r.class(g, nested)
	}
	if event != life.Wanted {
		return r.unwanted(id, event, reason, observed != nil)
	}
	want, problems := r.shape(g, observed, class, t)
	if want == nil {
		return plan.Wish{Event: event, Problems: problems}
	}
	var w plan.Wish
	if reason, yes := r.hidden(g); yes {
		w = keep(want, observed, plan.Problem{Group: id, Reason: reason})
	} else {
		w = r.members(want, g, observed, nested, t)
		r.owners(&w, g, observed, t)
		w.Loses = r.loses(g, &w, t)
	}
	w.Event, w.Problems = event, append(problems, w.Problems...)
	w.Additive, w.Rename = r.Members.Additive, r.Rename
	return w
}

// unwanted is the wish for a group that is not to be written, or of which that is not known.
func (r *Rules) unwanted(id directory.ID, event life.Event, reason string, exists bool) plan.Wish {
	w := plan.Wish{Event: event}
	switch {
	case exists && event == life.OutOfScope:
		reason = OutOfScope
	case !exists && reason != Converted && reason != FilterFailed && !(inScopeButFor(event) && reason != Unconfirmed && r.Scope.Groups[id]):
		return w // nobody waits for it
	}
	w.Problems = []plan.Problem{{Group: id, Reason: reason}}
	if exists && reason == ScopeUnknown {
		w.Ask = []directory.ID{r.Scope.MembersOf}
	}
	if exists && event != life.Unsure && event != life.Converted {
		w.Reason, w.Note = reason, Explain(reason)
		w.Fate, w.Grace = r.Leaving.Of(event), r.Leaving.Grace
	}
	return w
}

// inScopeButFor says whether a group may be listed, and is not written all the same.
func inScopeButFor(e life.Event) bool {
	return e == life.OutOfScope || e == life.SwitchedOff || e == life.Mastered || e == life.Unsure
}

// class is the groupType that a group is given or, where none is written for it, what has
// become of it, and why. The fixed clauses are Cloud Sync's, and ours.
func (r *Rules) class(g *directory.Group, nested func(directory.ID) Nested) (class string, event life.Event, reason string) {
	switch reason := r.Scope.takes(g, nested); reason {
	case "":
	case ScopeUnknown, FilterFailed:
		return "", life.Unsure, reason
	default:
		return "", life.OutOfScope, reason
	}
	if is(g, "onPremisesSyncEnabled") {
		return "", life.Mastered, MasteredOnPremises
	}
	t, reason := r.typeOf(g)
	switch {
	case reason == WritebackOff:
		return "", life.SwitchedOff, reason
	case reason != "":
		return "", life.OutOfScope, reason
	case g.Props.First("onPremisesSecurityIdentifier") != "":
		return "", life.Converted, Converted
	}
	return groupType(t, r.Reach), life.Wanted, ""
}

// makes says whether an AD group is made for a cloud group that there is none for.
func (r *Rules) makes(g *directory.Group, nested func(directory.ID) Nested, t Target) bool {
	if event, _ := gone(g); event != life.Wanted {
		return false
	}
	class, event, _ := r.class(g, nested)
	if _, no := r.hidden(g); event != life.Wanted || no {
		return false
	}
	want, _ := r.shape(g, nil, class, t)
	return want != nil
}

// gone says what has become of a cloud group that is not there, or perhaps not. nil is one that
// is not known.
func gone(g *directory.Group) (event life.Event, reason string) {
	switch {
	case g == nil, g.Gone == directory.Unlisted && g.Reading != directory.Named:
		return life.Unsure, Unconfirmed
	case g.Gone == directory.Unlisted:
		return life.HardDeleted, GroupGone
	case g.Gone == directory.SoftDeleted:
		return life.SoftDeleted, GroupDeleted
	case g.Gone != directory.NotRemoved:
		return life.HardDeleted, GroupDeleted
	}
	return life.Wanted, ""
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
	want.Links = want.Links.With(plan.Member, slices.Clone(observed.Members()))
	return plan.Wish{Group: want, Problems: []plan.Problem{p}}
}

// InScope says whether a group is to be written and, where it is not, why.
func (r *Rules) InScope(g *directory.Group, nested func(directory.ID) Nested) (ok bool, reason string) {
	_, event, reason := r.class(g, nested)
	return event == life.Wanted, reason
}
