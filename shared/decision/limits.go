package decision

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// withoutParked leaves what was refused as it is until its time: each kind of change,
// and each member, on its own. It keeps of what is parked only what is still part of the
// difference; on other grounds, or for another wish, it is tried at once. nil: the group is
// not to be made now.
func (d *decider) withoutParked(want plan.Group) *plan.Group {
	parked := d.Record.Parked
	if len(parked) == 0 {
		return &want
	}
	observed := plan.Group{}
	if d.observed != nil {
		observed = *d.observed
	}
	have := plan.State{}
	(&Draft{ID: d.Record.ID, Observed: d.observed, Grave: d.Record.Grave}).Have(have)
	left := &want
	kept := make([]bool, len(parked))
	for _, c := range plan.Diff(plan.State{d.Record.ID: want}, have) {
		refs := plan.Merge(c.Remove, c.Add)
		var wait []plan.Ref // sorted, as what is parked is
		whole := false
		for i, p := range parked {
			_, is := slices.BinarySearch(refs, p.Ref)
			if !p.Concerns(c) || p.Ref != "" && !is || p.Ref == "" && p.Wish != c.Wish() {
				continue // not wanted any more, or another wish now
			}
			kept[i] = true
			if p.Due(d.Now) || p.Grounds != d.Grounds {
				continue
			}
			d.out.Counts.Parked++
			d.wake(p.Until)
			if p.Ref == "" {
				whole = true
			} else {
				wait = append(wait, p.Ref)
			}
		}
		if whole {
			wait = refs
		}
		if left != nil && (whole || len(wait) > 0) {
			left = plan.Revert(*left, observed, c.Kind(), c.Of(), wait)
		}
	}
	d.out.Record.Parked = nil
	for i, p := range parked {
		if kept[i] { // in the order of the list
			d.out.Record.Parked = append(d.out.Record.Parked, p)
		}
	}
	return left
}

// limit holds removals that are over the group's own limit, as a whole, but what a
// person has approved. all is who would go, also those whose removal is left alone for
// now. A share is of the members that the cloud knows and of those that would go: whoever
// puts in, or invents, members that stay makes no limit larger.
func (d *decider) limit(want plan.Group, all []plan.Ref) *plan.Group {
	gone := plan.Missing(d.observed.Members(), want.Members())
	size, window := len(plan.Merge(d.known(), gone)), d.Record.Window.At(d.Now)
	d.size = size
	over := d.Limits.Group(max(size, window.Peak()), window.Count(plan.Removals), size, len(gone))
	if over == "" {
		d.settleHold(len(plan.Common(all, d.Approved)) > 0)
		return &want
	}
	held := plan.Missing(gone, d.Approved)
	d.out.Counts.Held += len(held)
	d.out.Counts.Holds = min(d.out.Counts.Held, 1)
	want.Links = want.Links.With(plan.Member, plan.Merge(want.Members(), held))
	if end := window.End(); !end.IsZero() {
		d.wake(end)
	}
	if len(held) < len(gone) {
		return &want // what came later waits until what was listed is done
	}
	name := d.observed.Name
	l := record.Listing{Group: d.Record.ID, Name: name, Text: over, Count: len(held), Opened: d.Now,
		Items: []record.Item{{Group: d.Record.ID, Name: name, Remove: held}}}
	if h := d.Record.Hold; h == nil || !h.Open() || h.List != l.Digest() {
		d.out.Open = &l
	}
	return &want
}

// settleHold ends a hold of which nothing is to be held now. An approval stays for its
// time while what it lists may still be to be done: refused once is not done.
func (d *decider) settleHold(undone bool) {
	if h := d.Record.Hold; h == nil || !undone || !h.InForce(d.Now) {
		d.out.Record.Hold = nil
	}
}

// released are the removals that go by a person's word on this group: what limits over
// all groups say does not concern them.
func (d *decider) released() []plan.Ref {
	if d.out.Counts.Held == 0 && d.out.Record.Hold == nil {
		return nil
	}
	return d.Approved
}

// A Draft is what is to be done about one group.
type Draft struct {
	ID        directory.ID
	Want      plan.Group
	Observed  *plan.Group // nil: it is to be made
	Grave     *plan.Grave // or to be restored
	Converged bool
	Released  []plan.Ref
	Size      int    // of the group, as its own limit counts it
	Loses     string // what is lost by the way that mail takes to the group, for people
}

// Changes lists them.
func (d *Draft) Changes() []plan.Change {
	have := plan.State{}
	d.Have(have)
	return plan.Diff(plan.State{d.ID: d.Want}, have)
}

// Have puts into a state what there is of the group.
func (d *Draft) Have(s plan.State) {
	switch {
	case d.Observed != nil:
		s[d.ID] = *d.Observed
	case d.Grave != nil:
		s[d.ID] = plan.Group{ID: d.ID, GUID: d.Grave.GUID, Gone: life.Deleted}
	}
}

// wanted names what changes do, but for who joins: a person who has confirmed a plan need
// not do so again for one more member.
func wanted(changes []plan.Change) (sum uint64) {
	for _, c := range changes {
		if c.Known = nil; c.Of().Grants() {
			c.Add = nil
		}
		data, _ := json.Marshal(c) // texts alone
		of := sha256.Sum256(data)
		sum += binary.BigEndian.Uint64(of[:8])
	}
	return sum
}

// Impact is what the draft means to a guard, less what a person has released by name
// of the group.
func (d *Draft) Impact(g plan.Guard) plan.Impact {
	at := g.Of(d.Changes(), d.Converged)
	if g.Name == plan.Removals {
		at.Refs = plan.Missing(at.Refs, d.Released)
	}
	return at
}

// Withhold takes an impact of a guard out of the draft. gone says that nothing is left
// of it.
func (d *Draft) Withhold(g plan.Guard, at plan.Impact) (gone bool) {
	observed := plan.Group{}
	if d.Observed != nil {
		observed = *d.Observed
	}
	w := g.Revert(d.Want, observed, at)
	if w != nil {
		d.Want = *w
	}
	return w == nil || len(d.Changes()) == 0
}

// Over says which guards are over their limit, in words: done is what was issued
// lately, all is what is and what is wanted, of all groups.
func Over(l plan.Limits, done record.Window, all record.Counts, now time.Time) map[plan.GuardName]string {
	out := map[plan.GuardName]string{}
	done = done.At(now)
	for _, g := range plan.Guards() {
		pending := all.Wants(g.Name)
		if g.Name == plan.Removals && pending > 0 {
			pending += all.Held // what groups hold makes the rest of a disaster no smaller
		}
		if text := g.Over(l, done.Count(g.Name), pending, all.Totals()); text != "" {
			out[g.Name] = text
		}
	}
	return out
}

// Outgoing is one group's part of what is about to be issued.
type Outgoing struct {
	Record  record.Group
	Cloud   *directory.Group
	Changes []plan.Change
	Kin     func(directory.ID) *record.Group
	Allowed func(plan.Guard) plan.Impact // what persons have approved of it
	Size    int                          // of the draft
}

// Check holds what is about to be issued against the limits and the evidence once more.
// What it says, in words, is a fault of this program; nothing of the plan may go. all is
// what is, of all groups; complete says that all changes that are wanted were counted.
func Check(l plan.Limits, window record.Window, all record.Counts, complete bool, out []Outgoing, now time.Time) error {
	sums := map[plan.GuardName]int{}
	for _, o := range out {
		for _, c := range o.Changes {
			if text := Contradicts(c, o.Cloud, o.Kin); text != "" {
				return fmt.Errorf("group %s: %s", o.Record.ID, text)
			}
		}
		known := marks(o.Cloud, o.Kin)
		for _, g := range plan.Guards() {
			at := g.Of(o.Changes, o.Record.Converged)
			at.Refs = byMark(at.Refs, known) // as it was decided, and approved
			left := at.Less(o.Allowed(g))
			if !complete && g.Destructive && left.Size() > 0 {
				return fmt.Errorf("group %s: %s while not all changes are counted", o.Record.ID, g.Noun)
			}
			sums[g.Name] += left.Size()
			if g.Name == plan.Removals && o.Record.Observed != nil {
				w := o.Record.Window.At(now)
				if text := l.Group(max(o.Size, w.Peak()), w.Count(g.Name), o.Size, left.Size()); text != "" {
					return fmt.Errorf("group %s: %s", o.Record.ID, text)
				}
			}
		}
	}
	window = window.At(now)
	for _, g := range plan.Guards() {
		if text := g.Over(l, window.Count(g.Name), sums[g.Name], all.Totals()); text != "" {
			return fmt.Errorf("%s", text)
		}
	}
	return nil
}
