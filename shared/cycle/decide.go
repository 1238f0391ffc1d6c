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
	settled    map[directory.ID]bool       // groups that have agreed with the cloud once
	released   map[directory.ID][]plan.Ref // removals that a person has approved by name of their group
	counts     journal.Counts
	wake       time.Time
	rank       rank // of its groups that nobody asked for
}

// A rank says which updates of a plan come first, where not all have room. Within
// one, those come first that were planned longest ago.
type rank int

const (
	asked    rank = iota // an operator waits for it
	reserved             // left over from earlier steps, for which a quarter of a plan is kept
	fresh                // changed since the last step
	leftOver             // left over, beyond that quarter
)

// decide compares wish and reality for all groups that may have changed, and
// returns what is to be done about it, in the order in which it has to be
// done. left says that there is more. It begins nothing new after end.
func (p *Planner) decide(ctx context.Context, w *journal.Work, end time.Time) (changes []plan.Change, left bool, err error) {
	d, err := p.draft(ctx, w, end)
	if err != nil || len(d.units) == 0 {
		return nil, false, err
	}
	if err := p.brake(ctx, w, d); err != nil {
		return nil, false, err
	}
	want, have := plan.State{}, plan.State{}
	type place struct {
		rank
		touched uint64
	}
	places := map[directory.ID]place{}
	for _, u := range d.units {
		for id := range u.count(w) {
			want[id], places[id] = u.want[id], place{u.rank, w.Have(id).Touched}
			if w.Have(id).Asked {
				places[id] = place{rank: asked}
			}
			if h, ok := u.have[id]; ok {
				have[id] = h
			}
		}
	}
	changes = plan.Diff(want, have)
	if i := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Op == plan.Update }); i >= 0 {
		slices.SortStableFunc(changes[i:], func(a, b plan.Change) int {
			x, y := places[a.Group], places[b.Group]
			return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.touched, y.touched))
		})
	}
	changes, err = resolve(ctx, w, changes)
	return changes, d.more, err
}

// draft decides units: those that nobody has counted first, since limits need
// all counts; then others, up to a plan's worth, and to a quarter of one however
// much is new.
func (p *Planner) draft(ctx context.Context, w *journal.Work, end time.Time) (*draft, error) {
	uncounted, counted, err := w.Todo(ctx)
	if err != nil {
		return nil, err
	}
	d := &draft{units: map[uint32]*unitDraft{}, complete: true}
	room, old := budget(w), 0
	for i, n := range slices.Concat(uncounted, counted) {
		isOld := i >= len(uncounted)
		if late(ctx, end, i) || isOld && d.values > room && old > room/4 {
			d.complete, d.more = isOld, true
			break
		}
		before := d.values
		if err := p.draftUnit(ctx, w, d, n); err != nil {
			return nil, err
		}
		u := d.units[n]
		switch {
		case !isOld:
			u.rank = fresh
		case old <= room/4:
			u.rank = reserved
		default:
			u.rank = leftOver
		}
		if isOld {
			w.Head.Cursor = n
			old += d.values - before
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
	u := &unitDraft{unit: unit, want: plan.State{}, have: plan.State{}, settled: map[directory.ID]bool{}, released: map[directory.ID][]plan.Ref{}}
	for _, id := range unit.Groups {
		g, err := p.decideGroup(ctx, w, id)
		if err != nil {
			return err
		}
		if g.want != nil {
			u.want[id] = *g.want
		}
		if h := w.Have(id); h.Group != nil {
			u.have[id], u.settled[id] = *h.Group, h.Settled
		}
		u.released[id] = g.released
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
// concerns.
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
		if u.settled[c.Group] {
			u.counts.Grows += len(c.Add)
		}
		u.counts.Adds += len(c.Add)
		u.counts.Removes += len(c.Remove)
	}
	u.settle(w, open, u.counts.Held+len(u.counts.Over) > 0)
	w.Counted(u.unit, u.counts, len(open) > 0, u.wake)
	return open
}

// settle notes of groups for which nothing is left to do that nobody waits for
// them. Where nothing is held either they agree with the cloud, and forget who
// left them.
func (u *unitDraft) settle(w *journal.Work, open map[directory.ID]bool, held bool) {
	for _, id := range u.unit.Groups {
		if open[id] {
			continue
		}
		h := *w.Have(id)
		_, wanted := u.want[id]
		settled := h.Settled || wanted && !held
		if h.Asked || settled != h.Settled {
			h.Asked, h.Settled = false, settled
			w.PutHave(&h)
		}
		if g := w.Group(id); g != nil && len(g.Left) > 0 && !held {
			agreed := *g
			agreed.Left = nil
			w.PutGroup(&agreed)
		}
	}
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
	if taken, err = w.Issue(changes, budget(w)); err != nil || taken == 0 {
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
		h.Touched, h.Asked = w.Head.Plan.Last, false
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
	if h.Settled {
		w.Head.Window = w.Head.Window.At(w.Now).Plus(plan.Additions, sign*len(c.Add))
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

// retired says whether a group bears the mark of being no longer managed.
func retired(g plan.Group) bool { return len(g.Attrs["info"]) > 0 }
