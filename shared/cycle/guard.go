package cycle

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// guardGroup puts back members that may not go without a person's word, by the
// limits of one group. It is the same for every path that leads to a removal:
// delta, full enumeration, manual sync and drift.
func (p *Planner) guardGroup(ctx context.Context, w *journal.Work, want plan.Group, h *journal.Have, counts *journal.Counts) ([]plan.Ref, error) {
	if h.Group == nil { // nothing that could go
		return want.Members, nil
	}
	gone := plan.Missing(h.Group.Members, want.Members)
	size, window := len(h.Group.Members), h.Window.At(w.Now)
	over := p.Rules.Limits.Group(max(size, window.Peak), window.Done[plan.Removals], size, len(gone))
	if over == "" {
		h.Hold = nil
		return want.Members, nil
	}
	held := gone
	if h.Hold != nil && h.Hold.Released(w.Now) {
		l, err := w.Listing(ctx, h.Hold.ID)
		if err != nil {
			return nil, err
		}
		if held = plan.Missing(gone, l.Removals(h.ID)); len(held) < len(gone) {
			counts.Held += len(held) // what came later waits until what was listed is done
			return plan.Merge(want.Members, held), nil
		}
	}
	counts.Held += len(held)
	hold, err := p.hold(ctx, w, h.Hold, journal.Listing{Group: h.ID, Name: h.Group.Name, Text: over, Count: len(held),
		Items: []journal.Item{{Group: h.ID, Name: h.Group.Name, Remove: held}}})
	h.Hold = &hold
	return plan.Merge(want.Members, held), err
}

// scopes are those with a limit over all groups.
var scopes = []plan.Scope{plan.Removals, plan.Retirements, plan.Creations}

// brake withholds changes by the limits over all groups. While some changes are
// not counted yet, nothing destructive goes at all.
func (p *Planner) brake(ctx context.Context, w *journal.Work, d *draft) error {
	over, err := p.overall(ctx, w, d)
	if err != nil {
		return err
	}
	// Whoever approves must see all of it, and what is not held any more goes.
	units, err := w.Units(ctx, func(c journal.Counts) bool {
		return slices.ContainsFunc(scopes, func(s plan.Scope) bool { return c.Over[s] > 0 || over[s] != "" && wants(c, s) > 0 })
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
	for _, s := range scopes {
		switch {
		case !d.complete && s != plan.Creations:
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
	return map[plan.Scope]int{plan.Removals: c.Removes, plan.Retirements: c.Retires, plan.Creations: c.Creates}[s] + c.Over[s]
}

// overall says which scopes are over their limit, in words.
func (p *Planner) overall(ctx context.Context, w *journal.Work, d *draft) (map[plan.Scope]string, error) {
	counts, err := p.pending(ctx, w, d)
	if err != nil {
		return nil, err
	}
	window := w.Head.Window.At(w.Now)
	out := map[plan.Scope]string{}
	for _, s := range scopes {
		total := counts.Groups
		if s == plan.Removals {
			total = counts.Members
		}
		out[s] = p.Rules.Limits.Overall(s, window.Done[s], counts.Over[s], total)
	}
	return out, nil
}

// pending counts what wants to be done, of all groups: Over holds the numbers by
// scope, of units in the draft as it stands and of the others as they were
// counted. Groups and Members are those in AD.
func (p *Planner) pending(ctx context.Context, w *journal.Work, d *draft) (journal.Counts, error) {
	sum := journal.Counts{Over: map[plan.Scope]int{}}
	all, err := w.Units(ctx, func(journal.Counts) bool { return true })
	if err != nil {
		return sum, err
	}
	for _, n := range all {
		c := w.CountsOf(n)
		if u := d.units[n]; u != nil {
			sum.Groups, sum.Members = sum.Groups+u.counts.Groups, sum.Members+u.counts.Members
			for s, n := range u.scopes() {
				sum.Over[s] += n
			}
			continue
		}
		sum.Groups, sum.Members = sum.Groups+c.Groups, sum.Members+c.Members
		for _, s := range scopes {
			sum.Over[s] += wants(c, s)
		}
	}
	return sum, nil
}

// scopes counts what a unit wants to do, by scope.
func (u *unitDraft) scopes() map[plan.Scope]int {
	out := map[plan.Scope]int{}
	for _, c := range plan.Diff(u.want, u.have) {
		out[plan.Removals] += len(c.Remove)
		if retires(c) {
			out[plan.Retirements]++
		}
		if c.Op == plan.Create {
			out[plan.Creations]++
		}
	}
	return out
}

// holdScope holds all changes of a scope, but what an approved hold lists.
func (p *Planner) holdScope(ctx context.Context, w *journal.Work, d *draft, s plan.Scope, over string) error {
	allowed := map[directory.ID][]plan.Ref{}
	released := false
	for _, h := range w.Head.Holds {
		if h.Scope == s && h.Released(w.Now) {
			l, err := w.Listing(ctx, h.ID)
			if err != nil {
				return err
			}
			for _, i := range l.Items {
				allowed[i.Group] = i.Remove
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
		count += max(1, len(i.Remove))
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
// lists them. went says that some were allowed. Of removals allowed says which
// refs, of other scopes which groups.
func (d *draft) withhold(s plan.Scope, allowed map[directory.ID][]plan.Ref) (went bool, items []journal.Item) {
	for _, n := range slices.Sorted(maps.Keys(d.units)) {
		u := d.units[n]
		for _, id := range u.unit.Groups {
			want, wanted := u.want[id]
			have, exists := u.have[id]
			refs, ok := allowed[id]
			item := journal.Item{Group: id, Name: want.Name}
			switch {
			case !wanted:
				continue
			case s == plan.Removals && exists:
				gone := plan.Missing(have.Members, want.Members)
				item.Remove = plan.Missing(gone, refs)
				went = went || len(item.Remove) < len(gone)
				if len(item.Remove) == 0 {
					continue
				}
				want.Members = plan.Merge(want.Members, item.Remove)
				u.want[id] = want
			case s == plan.Creations && !exists, s == plan.Retirements && exists && len(want.Attrs["info"]) > 0 && len(have.Attrs["info"]) == 0:
				if went = went || ok; ok {
					continue
				}
				delete(u.want, id)
			default:
				continue
			}
			u.counts.Add(journal.Counts{Over: map[plan.Scope]int{s: max(1, len(item.Remove))}})
			items = append(items, item)
		}
	}
	return went, items
}

// hold opens a hold for what l lists, unless the same is open already.
func (p *Planner) hold(ctx context.Context, w *journal.Work, old *journal.Hold, l journal.Listing) (journal.Hold, error) {
	var list strings.Builder
	for _, i := range l.Items {
		list.WriteString(i.Group.String())
		for _, r := range i.Remove {
			list.WriteString(" " + string(r))
		}
		list.WriteByte('\n')
	}
	digest := journal.Digest([]byte(list.String()))
	if old != nil && old.List == digest && old.Open() {
		return *old, nil
	}
	l.ID, l.Opened = w.HoldID(string(l.Scope)+digest), w.Now
	var err error
	if l.Causes, err = causes(ctx, w, l.Items); err != nil {
		return journal.Hold{}, err
	}
	p.tell("held", w, l)
	h := journal.Hold{ID: l.ID, List: digest, Count: l.Count, Opened: l.Opened, Text: l.Text, Scope: l.Scope}
	return h, w.OpenHold(l)
}

// tellEvery is how often open holds are told of again: a leaver must not keep
// access in silence.
const tellEvery = 24 * time.Hour

// announce tells again of holds that nobody has answered.
func (p *Planner) announce(ctx context.Context, w *journal.Work) error {
	if w.Head.Totals.Held+len(w.Head.Totals.Over) == 0 || w.Now.Sub(w.Head.Told) < tellEvery {
		return nil
	}
	first := w.Head.Told.IsZero()
	w.Head.Told = w.Now
	if first {
		return nil // they were told of when they were opened
	}
	holds, err := w.Holds(ctx)
	for _, l := range holds[:min(len(holds), 20)] {
		p.tell("still held", w, l)
	}
	return err
}

func (p *Planner) tell(what string, w *journal.Work, l journal.Listing) {
	if p.Log != nil {
		p.Log.Warn(what, "hold", l.ID, "group", l.Name, "scope", l.Scope, "why", l.Text, "age", w.Now.Sub(l.Opened).Round(time.Minute), "remedy", "approve it, or put the members back in the cloud")
	}
}

// The causes of a removal, for whoever approves it.
const (
	causeLeft     = "left the cloud group"
	causeSID      = "account's SID changed"
	causeStranger = "never was in the cloud group"
	causeGone     = "account is %s in the cloud"
)

// causes counts why members go: to lose a membership, an account, or never to
// have been in the cloud group are three different things.
func causes(ctx context.Context, w *journal.Work, items []journal.Item) (map[string]int, error) {
	out := map[string]int{}
	for _, i := range items {
		if len(i.Remove) == 0 {
			continue
		}
		left := map[plan.Ref]directory.ID{}
		var ids []directory.ID
		if g := w.Group(i.Group); g != nil {
			for _, m := range g.Left {
				ref := plan.SIDRef(m.SID)
				if m.SID == "" {
					ref = plan.GroupRef(m.ID)
				}
				left[ref] = m.ID
				ids = append(ids, m.ID)
			}
		}
		principals, err := w.Principals(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range i.Remove {
			out[cause(r, left, principals)]++
		}
	}
	return out, nil
}

func cause(r plan.Ref, left map[plan.Ref]directory.ID, principals map[directory.ID]*directory.Principal) string {
	id, known := left[r]
	if !known {
		return causeStranger
	}
	switch x := principals[id]; {
	case x == nil:
		return causeLeft
	case x.Standing == directory.LostSoft, x.Standing == directory.LostForGood:
		return strings.Replace(causeGone, "%s", string(x.Standing), 1)
	case x.SID != "" && plan.SIDRef(x.SID) != r && x.Kind != directory.GroupKind:
		return causeSID
	}
	return causeLeft
}
