// Package decision says what becomes of a group now: of the rules' wish for it,
// what may be carried out, what has to wait, what has to be asked first, and why.
// Turn, preview, status and tests all use the same Decide.
//
// It is pure: no context, no clock, no log, no I/O; time comes in as a value. Its
// one invariant, before all others: a removal needs evidence. Read prove first.
package decision

import (
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Input is all that is decided from.
type Input struct {
	Record record.Group
	Cloud  *directory.Group // as Graph has described it, and the rules look at it; nil: it never did

	// Parts are the groups that Cloud is made of where it is made of several, of which it is
	// not certain who is in them; Doubtful those who left one, and perhaps not the whole: see
	// rules.View.
	Parts    []directory.ID
	Doubtful []directory.Member

	// Wish is the rules' word, for the group as it stands in Active Directory; nil: it
	// does not stand there. taken is what it is not to have now, because others have it.
	Wish func(observed *plan.Group, taken []plan.Clash) plan.Wish
	// Kin returns the record of a group that is or was a member.
	Kin func(directory.ID) *record.Group

	Limits   plan.Limits
	Approved []plan.Ref // removals that a person has approved by name of the group; sorted
	Grounds  string     // on which the agent's side refuses now
	Now      time.Time
	MayAsk   bool // there is room for a question to Graph
	Behind   bool // accounts may be other ones by now than what is known of them

	Ending   life.Fate // a person ends writeback, and this becomes of all groups; empty: nobody does
	Restores bool      // what is deleted can be had back
	Epoch    time.Time // since when the journal's word on the past is whole
}

// Output is what is decided.
type Output struct {
	Record record.Group // the new record
	Draft  *Draft       // what is to be done; nil: nothing is
	Open   *record.Listing
	Ask    Question
	Agreed bool // Active Directory is as the cloud wants it, and nothing is withheld: who left may be forgotten
	Counts record.Counts
	Wake   time.Time // when to decide again though nothing has changed; zero: never
}

// Question is what Graph has to be asked before more can be said.
type Question struct {
	Groups     []directory.ID     // to be read by name
	Principals []directory.Member // to be described
}

// Decide says what becomes of a group.
func Decide(in Input) Output {
	d := decider{Input: in}
	d.out.Record = in.Record
	d.observed = d.canonical()
	d.hear()
	d.countObserved()
	var want *plan.Group
	if in.Record.Trouble == nil && !in.Record.Stale && !in.Record.Missing {
		want = d.live()
	}
	switch {
	case in.Record.Trouble != nil:
		d.trouble(*in.Record.Trouble)
		d.stillHeld()
	case in.Record.Stale || in.Record.Missing:
		d.out.Counts.Stale++
		d.stillHeld()
		if !in.Record.Look.Due(in.Now) {
			d.wake(in.Record.Look.Until)
		}
	case want == nil:
		d.out.Record.Parked = nil
		d.settleHold(true)
	default:
		d.decide(*want)
	}
	d.heard()
	d.ask()
	for _, p := range d.out.Record.Problems {
		d.out.Counts.Add(record.Counts{Problems: map[string]int{p.Reason: 1}})
	}
	return d.out
}

// A decider is one decision on its way.
type decider struct {
	Input
	observed *plan.Group // with nested groups of ours by their mark
	wish     plan.Wish
	size     int          // of the group, as its own limit counts it
	manages  bool         // the group is kept as the cloud has it
	taken    []plan.Clash // what it is not to have now
	flipped  bool         // it was made a security group by hand, and stays so
	out      Output
}

// decide withholds from the wish what may not be carried out now, and says what is
// left of it.
func (d *decider) decide(want plan.Group) {
	if d.manages {
		want = d.named(want)
		want.Attrs = plan.WithoutClashes(want.Attrs, d.attributes(), d.taken)
	}
	want = d.prove(d.unflipped(want))
	left := d.withoutParked(want)
	if left != nil && d.observed != nil {
		left = d.limit(*left, plan.Missing(d.observed.Members(), want.Members()))
	}
	if left == nil {
		return
	}
	draft := &Draft{ID: d.Record.ID, Want: *left, Observed: d.observed, Grave: d.Record.Grave, Converged: d.Record.Converged, Released: d.released(), Size: d.size, Loses: d.wish.Loses}
	changes := draft.Changes()
	c := &d.out.Counts
	c.Changes, c.Wanted = len(changes), wanted(changes)
	for _, g := range plan.Guards() {
		if n := draft.Impact(g).Size(); n > 0 {
			c.Add(record.Counts{Pending: map[plan.GuardName]int{g.Name: n}})
		}
	}
	if len(changes) > 0 {
		d.out.Draft = draft
		return
	}
	if c.Held+c.Parked+c.Unproven == 0 {
		d.out.Agreed, d.out.Record.Converged, d.out.Record.ByHand = !d.lingers(), true, nil
		if d.flipped {
			d.out.Record.ByHand = []string{plan.GroupTypeAttribute}
		}
		d.arrive()
	}
}

// heard ends that somebody has asked for the group, where there is nothing that could be done about it now: nobody
// is to wait for what the rules do not want, what was refused or what is held.
func (d *decider) heard() {
	if r := &d.out.Record; d.out.Draft == nil && !r.Stale && !r.Missing {
		r.Asked, r.AskedBy = false, ""
	}
}

// lingers says whether somebody who left the cloud group is in Active Directory yet, though
// all there is as it is wanted: the group is not managed now, or its members are left as they
// are. When that ends it is by this alone that he is no stranger.
func (d *decider) lingers() bool {
	return d.Cloud != nil && d.observed != nil && len(d.Cloud.Left) > 0 && len(plan.Common(d.observed.Members(), d.refs(d.Cloud.Left))) > 0
}

// canonical is the group as it was observed, with each link to a group that is or was
// ours by its mark. The agent names such a group by its SID where it does not see that
// it is ours: moved away, its mark cleared, a right to read it lost. It is the same
// member all the same.
func (d *decider) canonical() *plan.Group {
	if d.Record.Observed == nil {
		return nil
	}
	g := *d.Record.Observed
	g.Links = g.Links.With(plan.Member, byMark(g.Members(), marks(d.Cloud, d.Kin)))
	return &g
}

// marks are the marks of the groups that are or were members of a cloud group, by the
// SIDs that they have in Active Directory.
func marks(cloud *directory.Group, kin func(directory.ID) *record.Group) map[plan.Ref]plan.Ref {
	if cloud == nil {
		return nil
	}
	out := map[plan.Ref]plan.Ref{}
	all := slices.Concat(cloud.Members, cloud.Left)
	for _, m := range all {
		if m.Kind == directory.GroupKind {
			if k := kin(m.ID); k.SID != "" {
				out[plan.SIDRef(k.SID)] = plan.GroupRef(m.ID)
			}
		}
	}
	for sid := range accounts(all) {
		delete(out, sid)
	}
	return out
}

// accounts are the SIDs that Entra ID gives to users and devices. They are theirs, whatever
// the agent says of a group.
func accounts(members []directory.Member) map[plan.Ref]bool {
	out := map[plan.Ref]bool{}
	for _, m := range members {
		if m.Kind != directory.GroupKind && m.SID != "" {
			out[plan.SIDRef(m.SID)] = true
		}
	}
	return out
}

// BySID is the form in which a link to a group that was ours, and that nobody finds any more,
// is taken out of a group: by the SID that it had, unless an account has that.
func BySID(gone plan.Ref, cloud *directory.Group, kin func(directory.ID) *record.Group) (ref plan.Ref, ok bool) {
	id, ours := gone.Group()
	if !ours {
		return gone, true
	}
	k := kin(id)
	if k.Observed != nil || k.SID == "" {
		return gone, true
	}
	ref = plan.SIDRef(k.SID)
	return ref, cloud == nil || !accounts(slices.Concat(cloud.Members, cloud.Left))[ref]
}

// byMark names members by their marks, where they have one.
func byMark(refs []plan.Ref, marks map[plan.Ref]plan.Ref) []plan.Ref {
	if !slices.ContainsFunc(refs, func(r plan.Ref) bool { return marks[r] != "" }) {
		return refs
	}
	out := slices.Clone(refs)
	for i, r := range out {
		if mark := marks[r]; mark != "" {
			out[i] = mark
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// countObserved counts what is in Active Directory. Shares of limits are of what the
// cloud knows too: whoever invents groups or members at the agent's end makes no limit
// larger.
func (d *decider) countObserved() {
	g, c := d.observed, &d.out.Counts
	if g == nil {
		return
	}
	c.Groups, c.Members = 1, len(g.Members())
	if plan.Retired(*g) {
		c.Retired = 1
	}
	if d.Cloud == nil || len(d.Cloud.Props) == 0 { // never listed
		return
	}
	c.Known = len(d.known())
	c.Managed = 1 - c.Retired
}

// known are the members in Active Directory that the cloud knows, or knew.
func (d *decider) known() []plan.Ref {
	if d.Cloud == nil {
		return nil
	}
	return plan.Common(d.observed.Members(), plan.Merge(d.refs(d.Cloud.Members), d.refs(d.Cloud.Left)))
}

// refs are the forms in which members may stand in Active Directory, sorted.
func (d *decider) refs(members []directory.Member) []plan.Ref {
	out := make([]plan.Ref, 0, len(members))
	for _, m := range members {
		out = plan.AppendForms(out, m)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// trouble leaves the group as it is, and says why.
func (d *decider) trouble(t plan.Trouble) {
	d.out.Counts.Trouble++
	d.problem(t.Case, t.Text)
}

func (d *decider) problem(reason, text string) {
	d.out.Record.Problems = append(slices.Clone(d.out.Record.Problems), plan.Problem{Group: d.Record.ID, Reason: reason, Text: text})
}

// stillHeld counts what waits for approval in a group that is not decided now: people
// still see it, and what it lists is kept.
func (d *decider) stillHeld() {
	if h := d.Record.Hold; h != nil && h.Open() {
		d.out.Counts.Held += h.Count
		d.out.Counts.Holds = 1
	}
}

// wake has the group decided again at a time, if that is sooner.
func (d *decider) wake(at time.Time) {
	if d.out.Wake.IsZero() || at.Before(d.out.Wake) {
		d.out.Wake = at
	}
}
