package cycle

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// guardGroup puts back members that may not go without a person's word, by the
// limits of one group. It is the same for every path that leads to a removal:
// delta, full enumeration, manual sync and drift. released are those that go
// because a person has said so.
func (p *Planner) guardGroup(ctx context.Context, w *journal.Work, want plan.Group, h *journal.Have, counts *journal.Counts) (members, released []plan.Ref, err error) {
	if h.Group == nil { // nothing that could go
		return want.Members, nil, nil
	}
	gone := plan.Missing(h.Group.Members, want.Members)
	size, window := len(h.Group.Members), h.Window.At(w.Now)
	over := p.Rules.Limits.Group(max(size, window.Peak), window.Done[plan.Removals], size, len(gone))
	if over == "" {
		h.Hold = nil
		return want.Members, nil, nil
	}
	held := gone
	if h.Hold != nil && h.Hold.Released(w.Now) {
		l, err := w.Listing(ctx, h.Hold.ID)
		if err != nil {
			return nil, nil, err
		}
		i, _ := l.Item(h.ID)
		held = plan.Missing(gone, i.Remove)
	}
	counts.Held += len(held)
	members = plan.Merge(want.Members, held)
	if released = plan.Missing(gone, held); len(released) > 0 {
		return members, released, nil // what came later waits until what was listed is done
	}
	hold, err := p.hold(ctx, w, h.Hold, journal.Listing{Group: h.ID, Name: h.Group.Name, Text: over, Count: len(held),
		Items: []journal.Item{{Group: h.ID, Name: h.Group.Name, Remove: held}}})
	h.Hold = &hold
	return members, nil, err
}

// A stake is what changes of one scope would do to one group: memberships, or
// the group as a whole.
type stake struct {
	refs  []plan.Ref
	whole bool
}

func (s stake) size() int {
	if s.whole {
		return 1
	}
	return len(s.refs)
}

// stake says what the wish for a group has at stake in a scope, less what a
// person has released by name of the group.
func (u *unitDraft) stake(s plan.Scope, id directory.ID) stake {
	want, wanted := u.want[id]
	have, exists := u.have[id]
	switch {
	case !wanted:
	case s == plan.Creations:
		return stake{whole: !exists}
	case !exists:
	case s == plan.Removals:
		return stake{refs: plan.Missing(plan.Missing(have.Members, want.Members), u.released[id])}
	case s == plan.Additions && u.settled[id]:
		return stake{refs: plan.Missing(want.Members, have.Members)}
	case s == plan.Retirements:
		return stake{whole: retired(want) && !retired(have)}
	}
	return stake{}
}

// giveUp takes a stake out of the wish for a group.
func (u *unitDraft) giveUp(s plan.Scope, id directory.ID, at stake) {
	want := u.want[id]
	switch {
	case at.whole:
		delete(u.want, id)
		return
	case s == plan.Additions:
		want.Members = plan.Missing(want.Members, at.refs)
	default:
		want.Members = plan.Merge(want.Members, at.refs)
	}
	u.want[id] = want
}

// brake withholds changes by the limits over all groups. While some changes are
// not counted yet, nothing destructive goes at all.
func (p *Planner) brake(ctx context.Context, w *journal.Work, d *draft) error {
	over, err := p.overall(ctx, w, d)
	if err != nil {
		return err
	}
	// Whoever approves must see all of it, and what is not held any more goes.
	units, err := w.Units(ctx, func(c journal.Counts) bool {
		return slices.ContainsFunc(plan.Scopes(), func(s plan.Scope) bool { return c.Over[s] > 0 || over[s] != "" && wants(c, s) > 0 })
	})
	if err != nil {
		return err
	}
	for _, n := range units {
		if d.units[n] == nil {
			if err := p.draftUnit(ctx, w, d, n); err != nil {
				return err
			}
		}
	}
	for _, s := range plan.Scopes() {
		switch {
		case !d.complete && s.Destructive():
			d.withhold(s, nil)
		case over[s] != "":
			if err := p.holdScope(ctx, w, d, s, over[s]); err != nil {
				return err
			}
		default: // what was held is within the limit now
			w.Head.Holds = withoutScope(w.Head.Holds, s)
		}
	}
	return nil
}

// wants is how many changes of a scope were counted, held or not.
func wants(c journal.Counts, s plan.Scope) int {
	return map[plan.Scope]int{plan.Removals: c.Removes, plan.Retirements: c.Retires, plan.Additions: c.Grows, plan.Creations: c.Creates}[s] + c.Over[s]
}

// overall says which scopes are over their limit, in words.
func (p *Planner) overall(ctx context.Context, w *journal.Work, d *draft) (map[plan.Scope]string, error) {
	counts, err := p.pending(ctx, w, d)
	if err != nil {
		return nil, err
	}
	window := w.Head.Window.At(w.Now)
	out := map[plan.Scope]string{}
	for _, s := range plan.Scopes() {
		total := counts.Members
		if s == plan.Retirements {
			total = counts.Groups - counts.Retired
		}
		pending := counts.Over[s]
		if s == plan.Removals && pending > 0 {
			pending += counts.Held // what groups hold makes the rest of a disaster no smaller
		}
		out[s] = p.Rules.Limits.Overall(s, window.Done[s], pending, total)
	}
	return out, nil
}

// pending counts what wants to be done, of all groups: Over holds the numbers by
// scope, of units in the draft as it stands and of the others as they were
// counted. Groups, Retired and Members are those in AD, Held is what groups hold.
func (p *Planner) pending(ctx context.Context, w *journal.Work, d *draft) (journal.Counts, error) {
	sum := journal.Counts{Over: map[plan.Scope]int{}}
	all, err := w.Units(ctx, func(journal.Counts) bool { return true })
	if err != nil {
		return sum, err
	}
	for _, n := range all {
		c, u := w.CountsOf(n), d.units[n]
		if u != nil {
			c = u.counts
		}
		sum.Groups, sum.Retired, sum.Members, sum.Held = sum.Groups+c.Groups, sum.Retired+c.Retired, sum.Members+c.Members, sum.Held+c.Held
		for _, s := range plan.Scopes() {
			if u == nil {
				sum.Over[s] += wants(c, s)
				continue
			}
			for id := range u.want {
				sum.Over[s] += u.stake(s, id).size()
			}
		}
	}
	return sum, nil
}

// holdScope holds all changes of a scope, but what an approved hold lists.
func (p *Planner) holdScope(ctx context.Context, w *journal.Work, d *draft, s plan.Scope, over string) error {
	allowed := map[directory.ID]journal.Item{}
	released := false
	for _, h := range w.Head.Holds {
		if h.Scope == s && h.Released(w.Now) {
			l, err := w.Listing(ctx, h.ID)
			if err != nil {
				return err
			}
			for _, i := range l.Items {
				allowed[i.Group] = i
			}
			released = true
		}
	}
	went, items := d.withhold(s, allowed)
	if len(items) == 0 || released && went {
		return nil // what came later waits until what was listed is done
	}
	i := slices.IndexFunc(w.Head.Holds, func(h journal.Hold) bool { return h.Scope == s })
	var old *journal.Hold
	if i >= 0 {
		old = &w.Head.Holds[i]
	}
	count := 0
	for _, i := range items {
		count += max(1, len(i.Remove)+len(i.Add))
	}
	hold, err := p.hold(ctx, w, old, journal.Listing{Scope: s, Text: over, Count: count, Items: items})
	if err != nil {
		return err
	}
	w.Head.Holds = append(withoutScope(w.Head.Holds, s), hold)
	return nil
}

func withoutScope(holds []journal.Hold, s plan.Scope) []journal.Hold {
	if len(holds) == 0 {
		return holds
	}
	return slices.DeleteFunc(slices.Clone(holds), func(h journal.Hold) bool { return h.Scope == s })
}

// withhold takes the changes of a scope out of the draft, but those allowed, and
// lists them. went says that some were allowed.
func (d *draft) withhold(s plan.Scope, allowed map[directory.ID]journal.Item) (went bool, items []journal.Item) {
	for _, n := range slices.Sorted(maps.Keys(d.units)) {
		u := d.units[n]
		for _, id := range u.unit.Groups {
			all := u.stake(s, id)
			i, listed := allowed[id]
			held := stake{plan.Missing(all.refs, plan.Merge(i.Remove, i.Add)), all.whole && !listed}
			went = went || held.size() < all.size()
			if held.size() == 0 {
				continue
			}
			item := journal.Item{Group: id, Name: u.want[id].Name, Remove: held.refs}
			if s == plan.Additions {
				item.Remove, item.Add = nil, held.refs
			}
			u.giveUp(s, id, held)
			u.counts.Add(journal.Counts{Over: map[plan.Scope]int{s: held.size()}})
			items = append(items, item)
		}
	}
	return went, items
}
