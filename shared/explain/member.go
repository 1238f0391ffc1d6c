package explain

import (
	"slices"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// State is what has become of a member.
type State string

// The states.
const (
	Written   State = "written"    // in Active Directory, and to be there
	Excluded  State = "excluded"   // not to be written: Reason says why
	Waiting   State = "waiting"    // for the next plan
	Issued    State = "issued"     // the agent has it to do
	Refused   State = "refused"    // by Active Directory, or by the agent's policy
	Held      State = "held"       // over a limit
	Leaving   State = "leaving"    // goes with the next plan
	Kept      State = "kept"       // in Active Directory, and stays: Reason says why
	Stale     State = "stale"      // the agent has to read the group first
	NotMember State = "not-member" // nobody says that it is one
)

// States lists them.
func States() []State {
	return []State{Written, Excluded, Waiting, Issued, Refused, Held, Leaving, Kept, Stale, NotMember}
}

// Reasons of members that are not problems of the group.
const (
	LeftOutByRules = "left-out"      // by the kinds of members
	Opened         = "opened"        // a nested group: those in it are members instead
	NotManaged     = "not-managed"   // the group is not managed
	LeftGroup      = "left"          // it left the cloud group
	Unknown        = "unknown-in-ad" // it is in Active Directory, and nobody in the cloud is it
	Additive       = "additive"      // who was put in by others stays
)

// Member is a member of a group, in the cloud, in Active Directory, or both.
type Member struct {
	ID       directory.ID       `json:"member,omitzero"` // zero: the cloud does not know it
	Ref      plan.Ref           `json:"ref,omitempty"`
	Name     string             `json:"name,omitempty"` // which the facts do not tell: it is filled in
	Kind     directory.Kind     `json:"kind,omitempty"`
	Standing directory.Standing `json:"standing,omitempty"`
	Cloud    bool               `json:"cloud,omitempty"`
	AD       bool               `json:"ad,omitempty"`
	State    State              `json:"state"`
	Reason   string             `json:"reason,omitempty"`
	Text     string             `json:"text,omitempty"`
	Hold     string             `json:"hold,omitempty"`
	Until    time.Time          `json:"until,omitzero"`
}

// Members explains all members of a group: those whom the cloud knows by their ids, and behind
// them those whom Active Directory alone has.
func Members(f Facts) []Member {
	x := newLook(f)
	var out []Member
	known := map[plan.Ref]bool{}
	for _, m := range x.people() {
		e := x.member(m, true)
		out = append(out, e)
		for _, ref := range plan.AppendForms(nil, m) {
			known[ref] = true
		}
	}
	left := map[plan.Ref]directory.Member{}
	if f.View != nil {
		for _, m := range f.View.Left {
			for _, ref := range plan.AppendForms(nil, m) {
				left[ref] = m
			}
		}
	}
	for _, ref := range x.observed {
		if !known[ref] {
			out = append(out, x.stranger(ref, left))
		}
	}
	return out
}

// Of explains one member, by its id or by how Active Directory knows it.
func Of(f Facts, id directory.ID, ref plan.Ref) Member {
	for _, m := range Members(f) {
		if ref != "" && m.Ref == ref || ref == "" && m.ID == id {
			return m
		}
	}
	return Member{ID: id, Ref: ref, State: NotMember, Text: "nobody says that it is a member: it is none in the cloud, as far as is known, and none in Active Directory"}
}

// look is what members are looked up in.
type look struct {
	Facts
	observed, wanted, leaving []plan.Ref // sorted
	reasons                   map[directory.ID]plan.Problem
	settled                   bool // what is known of the group in Active Directory is believed
}

func newLook(f Facts) *look {
	x := &look{Facts: f, reasons: map[directory.ID]plan.Problem{}}
	r := &f.Out.Record
	x.settled = r.Trouble == nil && !r.Stale && !r.Missing
	if f.Observed != nil {
		x.observed = f.Observed.Members()
	}
	if f.Wish.Group != nil {
		x.wanted = f.Wish.Group.Members()
	}
	if f.Out.Draft != nil {
		for _, c := range f.Out.Draft.Changes() {
			x.leaving = plan.Merge(x.leaving, c.Leaves())
		}
	}
	for _, p := range slices.Backward(r.Problems) { // of several the first is told
		if p.Member != (directory.ID{}) {
			x.reasons[p.Member] = p
		}
	}
	return x
}

// people are all members in the cloud: as the rules look at the group, and as it is.
func (x *look) people() (all []directory.Member) {
	seen := map[directory.ID]bool{}
	for _, g := range []*directory.Group{x.View, x.Cloud} {
		if g == nil {
			continue
		}
		for _, m := range g.Members {
			if !seen[m.ID] {
				seen[m.ID] = true
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b directory.Member) int { return a.ID.Compare(b.ID) })
	return all
}

// member explains a member of the cloud group.
func (x *look) member(m directory.Member, cloud bool) Member {
	e := Member{ID: m.ID, Kind: m.Kind, Standing: m.Standing, Cloud: cloud}
	forms := plan.AppendForms(nil, m)
	wanted := ""
	for _, ref := range forms {
		if has(x.observed, ref) {
			e.AD, e.Ref = true, ref
		}
		if has(x.wanted, ref) {
			wanted = string(ref)
		}
	}
	if e.Ref == "" && wanted != "" {
		e.Ref = plan.Ref(wanted)
	} else if e.Ref == "" && len(forms) > 0 {
		e.Ref = forms[0]
	}
	e.Reason, e.Text = x.why(m)
	switch {
	case wanted != "" && e.AD:
		e.State = Written
	case wanted != "":
		x.absent(&e)
	case e.AD:
		x.lingering(&e)
	default:
		e.State = Excluded
	}
	return e
}

// why is the reason for which a member is not written, or written in spite of something.
func (x *look) why(m directory.Member) (reason, text string) {
	p, is := x.reasons[m.ID]
	switch {
	case is:
		return p.Reason, rules.Describe(p)
	case x.Rules.LeftOut(m) != "":
		return LeftOutByRules, "the rules leave out members of its kind (" + x.Rules.LeftOut(m) + ")"
	case m.Kind == directory.GroupKind && x.Rules.Members.Flat && m.SID == "":
		return Opened, "nested groups are no members by the rules (members.nested: flatten): those who are in it are"
	case x.Wish.Group == nil && x.Verdict.Reason != "":
		return x.Verdict.Reason, "the group is not written: " + rules.Explain(x.Verdict.Reason)
	case x.Wish.Group == nil:
		for _, p := range x.Out.Record.Problems {
			if p.Member == (directory.ID{}) {
				return p.Reason, "the group is not written: " + rules.Describe(p)
			}
		}
		return NotManaged, "the group is not written"
	}
	return "", ""
}

// stranger explains a member that Active Directory has and the cloud does not.
func (x *look) stranger(ref plan.Ref, left map[plan.Ref]directory.Member) Member {
	e := Member{Ref: ref, AD: true, Reason: Unknown, Text: "nobody in the cloud group is it"}
	if m, was := left[ref]; was {
		e.ID, e.Kind, e.Standing, e.Reason, e.Text = m.ID, m.Kind, m.Standing, LeftGroup, "it left the cloud group"
	}
	if has(x.wanted, ref) { // the rules keep it
		e.State = Kept
		return e
	}
	x.lingering(&e)
	return e
}

// absent explains a member that is wanted, and is not in Active Directory.
func (x *look) absent(e *Member) {
	kinds := []plan.Kind{plan.Adding}
	if x.Observed == nil {
		kinds = []plan.Kind{plan.Creating, plan.Restoring, plan.Adding}
	}
	switch p, h := x.parked(e.Ref, kinds...), x.held(e.Ref, plan.Additions, plan.Creations); {
	case !x.settled:
		e.State, e.Text = Stale, waits(x.Facts)
	case p != nil:
		e.State, e.Reason, e.Text, e.Until = Refused, "refused", p.Text, p.Until
	case h != nil:
		e.State, e.Hold, e.Text = Held, h.ID, "held: "+h.Text
	case x.Planned:
		e.State, e.Text = Issued, waits(x.Facts)
	default:
		e.State, e.Text = Waiting, waits(x.Facts)
	}
}

// lingering explains a member that is in Active Directory, and is not wanted by the rules.
func (x *look) lingering(e *Member) {
	switch p, h := x.parked(e.Ref, plan.Removing), x.held(e.Ref, plan.Removals); {
	case !x.settled:
		e.State, e.Text = Stale, waits(x.Facts)
	case p != nil:
		e.State, e.Reason, e.Text, e.Until = Refused, "refused", p.Text, p.Until
	case h != nil:
		e.State, e.Hold, e.Text = Held, h.ID, "held: "+h.Text
	case has(x.leaving, e.Ref) && x.Planned:
		e.State = Issued
	case has(x.leaving, e.Ref):
		e.State = Leaving
	default:
		e.State = Kept
		x.stays(e)
	}
}

// stays says why a member that is not wanted by the rules stays all the same.
func (x *look) stays(e *Member) {
	if e.Reason != Unknown && e.Reason != LeftGroup {
		return
	}
	say := func(reason, text string) { e.Reason, e.Text = reason, e.Text+": "+text }
	switch {
	case x.Wish.Group == nil:
		say(NotManaged, "the AD group is not managed now, and is left as it is")
	case x.Wish.Additive:
		say(Additive, "who was put in by others stays, by the rules (members.mode: additive)")
	default:
		say(decision.Unproven, "it stays until it is proven that it is none of the group's; Microsoft Graph is asked for the group by name")
	}
}

// parked is what was refused of a member, or of all of these kinds.
func (x *look) parked(ref plan.Ref, kinds ...plan.Kind) *record.Parked {
	for i, p := range x.Out.Record.Parked {
		if p.Link == "" && slices.Contains(kinds, p.Kind) && (p.Ref == "" || p.Ref == ref) {
			return &x.Out.Record.Parked[i]
		}
	}
	return nil
}

// held is the hold that has a member: by a limit of its group, or one of these.
func (x *look) held(ref plan.Ref, guards ...plan.GuardName) *Hold {
	for i, h := range x.Holds {
		ours := h.Limit == "group" && slices.Contains(guards, plan.Removals) || slices.Contains(guards, plan.GuardName(h.Limit))
		if ours && h.ApprovedBy == "" && (len(h.Refs) == 0 || has(h.Refs, ref)) {
			return &x.Holds[i]
		}
	}
	return nil
}

// has says whether a sorted list has a ref.
func has(refs []plan.Ref, ref plan.Ref) bool {
	_, is := slices.BinarySearch(refs, ref)
	return is
}
