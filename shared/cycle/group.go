package cycle

import (
	"context"
	"reflect"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

type decidedGroup struct {
	want     *plan.Group // nil: leave it alone
	released []plan.Ref  // removals that a person has approved
	counts   journal.Counts
	wake     time.Time // when something parked is due
}

// decideGroup says what should become of one group now: the rules' wish, less
// what is parked, in doubt or over the group's own limit.
func (p *Planner) decideGroup(ctx context.Context, w *journal.Work, id directory.ID) (d decidedGroup, err error) {
	h := *w.Have(id)
	if h.Group != nil {
		d.counts.Groups, d.counts.Members = 1, len(h.Group.Members)
		if retired(*h.Group) {
			d.counts.Retired = 1
		}
	}
	nested := func(child directory.ID) rules.Nested {
		return rules.Nested{Group: w.Group(child), Exists: w.Have(child).Group != nil}
	}
	dec := p.Rules.Decide(id, w.Group(id), h.Group, nested, rules.Target{Domains: w.Head.Target.Domains})
	h.Problems = dec.Problems
	for _, pr := range dec.Problems {
		d.counts.Add(journal.Counts{Problems: map[string]int{pr.Reason: 1}})
	}
	switch parked := h.Parked; {
	case h.Unsure:
		d.counts.Unsure++
	case dec.Want == nil:
		h.Parked, h.Bad, h.Hold = nil, nil, nil
	case parked != nil && parked.Until.After(w.Now):
		d.counts.Parked++
		d.wake = parked.Until
	default:
		want := *dec.Want
		want.Members, d.wake = withoutParked(want, h, w.Now, &d.counts)
		want.Members, d.released, err = p.guardGroup(ctx, w, want, &h, &d.counts)
		if end := h.Window.End(); h.Hold != nil && len(h.Window.Done) > 0 && (d.wake.IsZero() || end.Before(d.wake)) {
			d.wake = end
		}
		d.want = &want
	}
	if err == nil && !sameHave(*w.Have(id), h) {
		w.PutHave(&h)
	}
	return d, err
}

// withoutParked leaves members that AD refused as they are until their time.
func withoutParked(want plan.Group, h journal.Have, now time.Time, counts *journal.Counts) (members []plan.Ref, wake time.Time) {
	members = want.Members
	for _, b := range h.Bad {
		if !b.Until.After(now) {
			continue
		}
		counts.Parked++
		if wake.IsZero() || b.Until.Before(wake) {
			wake = b.Until
		}
		at, wanted := slices.BinarySearch(members, b.Ref)
		is := h.Group != nil && slices.Contains(h.Group.Members, b.Ref)
		switch {
		case wanted && !is:
			members = slices.Delete(slices.Clone(members), at, at+1)
		case !wanted && is:
			members = slices.Insert(slices.Clone(members), at, b.Ref)
		}
	}
	return members, wake
}

// sameHave says whether two records of a group are the same but for the group
// itself, which deciding does not change.
func sameHave(a, b journal.Have) bool {
	a.Group, b.Group = nil, nil
	return reflect.DeepEqual(a, b)
}
