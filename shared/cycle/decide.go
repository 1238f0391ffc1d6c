package cycle

import (
	"cmp"
	"context"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// planTime is how much of the agent's work one plan holds.
const planTime = 60 * time.Second

// defaultRate is the pace that is assumed before the agent has shown its own, in
// values per second.
const defaultRate = 1000

// draft is what one step has decided, unit by unit.
type draft struct {
	units    map[uint32]*unitDraft
	complete bool // no unit is left whose changes nobody has counted
	more     bool // there are units that this step did not come to
	values   int
}

type unitDraft struct {
	unit       journal.Unit
	want, have plan.State
	counts     journal.Counts
	wake       time.Time
}

// decide compares wish and reality for all groups that may have changed, and
// returns what is to be done about it, in the order in which it has to be
// done. left says that there is more.
func (p *Planner) decide(ctx context.Context, w *journal.Work) (changes []plan.Change, left bool, err error) {
	d, err := p.draft(ctx, w)
	if err != nil || len(d.units) == 0 {
		return nil, false, err
	}
	if err := p.brake(ctx, w, d); err != nil {
		return nil, false, err
	}
	want, have := plan.State{}, plan.State{}
	for _, u := range d.units {
		for id := range u.count(w) {
			want[id] = u.want[id]
			if h, ok := u.have[id]; ok {
				have[id] = h
			}
		}
	}
	changes, err = resolve(ctx, w, plan.Diff(want, have))
	return changes, d.more, err
}

// draft decides units: those that nobody has counted first, since limits need
// all counts; then others, up to a plan's worth.
func (p *Planner) draft(ctx context.Context, w *journal.Work) (*draft, error) {
	uncounted, counted, err := w.Todo(ctx)
	if err != nil {
		return nil, err
	}
	d := &draft{units: map[uint32]*unitDraft{}, complete: true}
	end := time.Now().Add(stepTime)
	for i, n := range slices.Concat(uncounted, counted) {
		late := time.Now().After(end) || nearEnd(ctx)
		if late || i >= len(uncounted) && d.values > budget(w) {
			d.complete, d.more = i >= len(uncounted), true
			break
		}
		if err := p.draftUnit(ctx, w, d, n); err != nil {
			return nil, err
		}
		if i >= len(uncounted) {
			w.Head.Cursor = n
		}
	}
	return d, nil
}

// budget is how many values a plan should hold.
func budget(w *journal.Work) int {
	rate := cmp.Or(w.Head.Rate, defaultRate)
	return min(max(int(rate*planTime.Seconds()), 1000), journal.MaxBatches*journal.MaxBatchValues)
}

// draftUnit decides one unit's groups.
func (p *Planner) draftUnit(ctx context.Context, w *journal.Work, d *draft, number uint32) error {
	unit, err := w.Unit(ctx, number)
	if err != nil {
		return err
	}
	if err := w.Fetch(ctx, unit.Groups); err != nil {
		return err
	}
	if err := w.Fetch(ctx, children(w, unit.Groups)); err != nil {
		return err
	}
	u := &unitDraft{unit: unit, want: plan.State{}, have: plan.State{}}
	for _, id := range unit.Groups {
		g, err := p.decideGroup(ctx, w, id)
		if err != nil {
			return err
		}
		if g.want != nil {
			u.want[id] = *g.want
		}
		if h := w.Have(id).Group; h != nil {
			u.have[id] = *h
		}
		u.counts.Add(g.counts)
		if !g.wake.IsZero() && (u.wake.IsZero() || g.wake.Before(u.wake)) {
			u.wake = g.wake
		}
	}
	for _, c := range plan.Diff(u.want, u.have) {
		d.values += c.Values()
	}
	d.units[number] = u
	return nil
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

// count stores what is left to do in a unit, and returns the groups that this
// concerns. Those that agree with the cloud forget who left them.
func (u *unitDraft) count(w *journal.Work) map[directory.ID]bool {
	open := map[directory.ID]bool{}
	for _, c := range plan.Diff(u.want, u.have) {
		open[c.Group] = true
		u.counts.Changes++
		if c.Op == plan.Create {
			u.counts.Creates++
		}
		if retires(c) {
			u.counts.Retires++
		}
		u.counts.Adds += len(c.Add)
		u.counts.Removes += len(c.Remove)
	}
	held := u.counts.Held+len(u.counts.Over) > 0
	for _, id := range u.unit.Groups {
		if g := w.Group(id); g != nil && len(g.Left) > 0 && !open[id] && !held {
			agreed := *g
			agreed.Left = nil
			w.PutGroup(&agreed)
		}
	}
	w.Counted(u.unit, u.counts, len(open) > 0, u.wake)
	return open
}

// resolve brings changes into the form in which they can run: cut into pieces
// that fit a batch, and without members that are groups which neither exist nor
// are created before. Those stay wanted and come with a later plan.
func resolve(ctx context.Context, w *journal.Work, changes []plan.Change) ([]plan.Change, error) {
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

// issue makes changes the next plan. It notes on each group that it may be
// changed from now on, and in the windows what will have been done: both are in
// force only if the step commits.
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
	for _, c := range changes[:taken] {
		h := *w.Have(c.Group)
		h.Touched = w.Head.Plan.Last
		charge(w, &h, c, 1)
		w.PutHave(&h)
	}
	return taken, nil
}

// charge counts a change in the windows; sign -1 takes it back.
func charge(w *journal.Work, h *journal.Have, c plan.Change, sign int) {
	if n := len(c.Remove); n > 0 {
		size := 0
		if h.Group != nil {
			size = len(h.Group.Members)
		}
		h.Window = h.Window.At(w.Now).Plus(plan.Removals, sign*n)
		h.Window.Peak = max(h.Window.Peak, size)
		w.Head.Window = w.Head.Window.At(w.Now).Plus(plan.Removals, sign*n)
	}
	if c.Op == plan.Create {
		w.Head.Window = w.Head.Window.At(w.Now).Plus(plan.Creations, sign)
	}
	if retires(c) {
		w.Head.Window = w.Head.Window.At(w.Now).Plus(plan.Retirements, sign)
	}
}

// retires says whether a change marks a group as no longer managed.
func retires(c plan.Change) bool { return c.Op == plan.Update && len(c.Set["info"]) > 0 }
