package cycle

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// planTime is how much of the agent's work one plan holds.
const planTime = 60 * time.Second

// defaultRate is the pace that is assumed before the agent has shown its own, in
// values per second.
const defaultRate = 1000

// approvalLife is how long an approval counts.
const approvalLife = 24 * time.Hour

// decide compares wish and reality for all groups that may have changed, and
// returns what is to be done about it: at most a plan's worth, in the order in
// which it has to be done. left says that there is more.
func (p *Planner) decide(ctx context.Context, w *journal.Work) (changes []plan.Change, left bool, err error) {
	units, err := w.Todo(ctx)
	if err != nil {
		return nil, false, err
	}
	want, have := plan.State{}, plan.State{}
	values, end := 0, time.Now().Add(stepTime)
	for _, n := range units {
		if values > budget(w) || time.Now().After(end) {
			left = true
			break
		}
		u, err := p.decideUnit(ctx, w, n)
		if err != nil {
			return nil, false, err
		}
		values += u.values
		for _, c := range u.changes {
			want[c.Group] = u.want[c.Group]
			if h, ok := u.have[c.Group]; ok {
				have[c.Group] = h
			}
		}
	}
	all, err := p.resolve(ctx, w, plan.Diff(want, have))
	return all, left, err
}

// budget is how many values a plan should hold.
func budget(w *journal.Work) int {
	rate := cmp.Or(w.Head.Rate, defaultRate)
	return min(max(int(rate*planTime.Seconds()), 1000), journal.MaxBatches*journal.MaxBatchValues)
}

type decided struct {
	want, have plan.State
	changes    []plan.Change
	values     int
}

// decideUnit decides one unit's groups and stores what it counted.
func (p *Planner) decideUnit(ctx context.Context, w *journal.Work, number uint32) (decided, error) {
	u, err := w.Unit(ctx, number)
	if err != nil {
		return decided{}, err
	}
	if err := w.Fetch(ctx, u.Groups); err != nil {
		return decided{}, err
	}
	if err := w.Fetch(ctx, children(w, u.Groups)); err != nil {
		return decided{}, err
	}
	d := decided{want: plan.State{}, have: plan.State{}}
	var counts journal.Counts
	var wake time.Time
	for _, id := range u.Groups {
		g, err := p.decideGroup(ctx, w, id)
		if err != nil {
			return decided{}, err
		}
		if g.want != nil {
			d.want[id] = *g.want
		}
		if h := w.Have(id).Group; h != nil {
			d.have[id] = *h
		}
		counts.Add(g.counts)
		if !g.wake.IsZero() && (wake.IsZero() || g.wake.Before(wake)) {
			wake = g.wake
		}
	}
	d.changes = plan.Diff(d.want, d.have)
	open := map[directory.ID]bool{}
	for _, c := range d.changes {
		open[c.Group] = true
		d.values += c.Values()
		counts.Changes++
		if c.Op == plan.Create {
			counts.Creates++
		}
		counts.Adds += len(c.Add)
		counts.Removes += len(c.Remove)
	}
	for _, id := range u.Groups {
		if g := w.Group(id); g != nil && len(g.Left) > 0 && !open[id] && w.Have(id).Hold == nil {
			agreed := *g
			agreed.Left = nil // Active Directory holds none of them any more
			w.PutGroup(&agreed)
		}
	}
	w.Counted(u, counts, len(d.changes) > 0, wake)
	return d, nil
}

// children are the groups that are members of groups.
func children(w *journal.Work, ids []directory.ID) []directory.ID {
	var out []directory.ID
	for _, id := range ids {
		if g := w.Group(id); g != nil {
			for _, m := range g.Members {
				if m.Kind == directory.GroupKind {
					out = append(out, m.ID)
				}
			}
		}
	}
	return out
}

type decidedGroup struct {
	want   *plan.Group // nil: leave it alone
	counts journal.Counts
	wake   time.Time // when something parked is due
}

// decideGroup says what should become of one group now: the rules' wish, less
// what is parked, in doubt or held.
func (p *Planner) decideGroup(ctx context.Context, w *journal.Work, id directory.ID) (d decidedGroup, err error) {
	h := *w.Have(id)
	if h.Group != nil {
		d.counts.Groups, d.counts.Members = 1, len(h.Group.Members)
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
		want.Members, err = p.guard(ctx, w, want, &h, &d.counts)
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

// guard puts back what may not go without a person's word. It is the same for
// every path that leads to a removal.
func (p *Planner) guard(ctx context.Context, w *journal.Work, want plan.Group, h *journal.Have, counts *journal.Counts) ([]plan.Ref, error) {
	if h.Group == nil {
		return want.Members, nil
	}
	gone := plan.Missing(h.Group.Members, want.Members)
	over := p.Limits.Check(*h.Group, len(gone))
	if over == "" {
		h.Hold = nil
		return want.Members, nil
	}
	if h.Hold != nil && !h.Hold.Approved.IsZero() && w.Now.Sub(h.Hold.Approved) < approvalLife {
		l, err := w.Listing(ctx, h.Hold.ID)
		if err != nil {
			return nil, err
		}
		rest := plan.Missing(gone, l.Remove)
		if len(rest) < len(gone) { // what was listed goes; what came later waits for the next look
			return plan.Merge(want.Members, rest), nil
		}
		h.Hold = nil // all that was approved is done
	}
	counts.Held += len(gone)
	if err := p.hold(w, h, gone, over); err != nil {
		return nil, err
	}
	return plan.Merge(want.Members, gone), nil
}

// hold opens a hold for removals, unless the same is open already.
func (p *Planner) hold(w *journal.Work, h *journal.Have, gone []plan.Ref, over string) error {
	var list strings.Builder
	for _, r := range gone {
		list.WriteString(string(r) + "\n")
	}
	digest := journal.Digest([]byte(list.String()))
	if h.Hold != nil && h.Hold.List == digest && h.Hold.Approved.IsZero() {
		return nil
	}
	h.Hold = &journal.Hold{ID: w.HoldID(h.ID, digest), List: digest, Remove: len(gone), Opened: w.Now, Text: over}
	return w.OpenHold(journal.Listing{ID: h.Hold.ID, Group: h.ID, Name: h.Group.Name, Text: over, Remove: gone, Opened: w.Now})
}

// resolve brings changes into the form in which they can run: cut into pieces
// that fit a batch, and without members that are groups which neither exist nor
// are created before. Those stay wanted and come with a later plan.
func (p *Planner) resolve(ctx context.Context, w *journal.Work, changes []plan.Change) ([]plan.Change, error) {
	created := map[directory.ID]bool{}
	var nested []directory.ID
	for _, c := range changes {
		if c.Op == plan.Create {
			created[c.Group] = true
		}
		for _, r := range slices.Concat(c.Add, c.Remove) {
			if id, ok := r.Group(); ok {
				nested = append(nested, id)
			}
		}
	}
	if err := w.Fetch(ctx, nested); err != nil {
		return nil, err
	}
	var out []plan.Change
	for _, c := range changes {
		c.Known = map[directory.ID]plan.GUID{}
		drop := func(r plan.Ref) bool {
			id, ok := r.Group()
			if !ok {
				return false
			}
			if g := w.Have(id).Group; g != nil {
				c.Known[id] = g.GUID
				return false
			}
			return !created[id]
		}
		c.Add = slices.DeleteFunc(slices.Clone(c.Add), drop)
		c.Remove = slices.DeleteFunc(slices.Clone(c.Remove), drop)
		if c.Op == plan.Update && len(c.Set)+len(c.Add)+len(c.Remove) == 0 {
			continue
		}
		out = append(out, plan.Split(c, journal.MaxBatchValues)...)
	}
	return out, nil
}

// issue makes changes the next plan, and notes on each group that it may be
// changed from now on.
func issue(ctx context.Context, w *journal.Work, changes []plan.Change) (taken int, err error) {
	if taken, err = w.Issue(changes); err != nil || taken == 0 {
		return taken, err
	}
	var ids []directory.ID
	for _, c := range changes[:taken] {
		ids = append(ids, c.Group)
	}
	if err := w.Fetch(ctx, ids); err != nil {
		return 0, err
	}
	for _, id := range ids {
		h := *w.Have(id)
		h.Touched = w.Head.Plan.Last
		w.PutHave(&h)
	}
	return taken, nil
}

// sameHave says whether two records of a group are the same but for the group
// itself, which deciding does not change.
func sameHave(a, b journal.Have) bool {
	a.Group, b.Group = nil, nil
	return reflect.DeepEqual(a, b)
}
