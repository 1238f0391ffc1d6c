package cycle

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// enforce withholds changes by the limits over all groups. While some changes are not
// counted yet, nothing goes that takes away.
func (p *Planner) enforce(ctx context.Context, tx *journal.Tx, d *draft) error {
	all, err := d.total(ctx, tx)
	if err != nil {
		return err
	}
	over := decision.Over(p.Rules.Limits, tx.Head.Window, all, tx.Now)
	held := map[plan.GuardName]*holding{}
	for _, g := range plan.Guards() {
		switch {
		case !d.complete && g.Destructive:
			held[g.Name] = &holding{} // and nothing is listed
		case over[g.Name] != "":
			if held[g.Name], err = p.holding(ctx, tx, g, over[g.Name]); err != nil {
				return err
			}
			d.allowed[g.Name] = map[directory.ID]plan.Impact{}
		default: // what was held is within the limit now
			tx.Head.Holds = settled(tx, all, g.Name)
		}
	}
	if err := p.withholdAll(ctx, tx, d, held); err != nil {
		return err
	}
	for _, g := range plan.Guards() {
		if h := held[g.Name]; h != nil && h.text != "" {
			if err := p.open(ctx, tx, d, g, h, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// withholdAll takes what is held out of the draft. Whoever approves must see all of it,
// and what is not held any more goes: shards that are not drafted, or were let go of, are
// decided for it, one after the other, in the order in which a hold lists them.
func (p *Planner) withholdAll(ctx context.Context, tx *journal.Tx, d *draft, held map[plan.GuardName]*holding) error {
	shards, err := tx.Shards(ctx, func(c record.Counts) bool {
		return slices.ContainsFunc(plan.Guards(), func(g plan.Guard) bool {
			return c.Over[g.Name] > 0 || held[g.Name] != nil && held[g.Name].text != "" && c.Wants(g.Name) > 0
		})
	})
	if err != nil {
		return err
	}
	again := map[uint32]bool{}
	for _, n := range shards {
		again[n] = d.shards[n] == nil
	}
	for n, s := range d.shards {
		again[n] = s.let && slices.ContainsFunc(plan.Guards(), func(g plan.Guard) bool {
			return held[g.Name] != nil && held[g.Name].text != "" && s.counts.Wants(g.Name) > 0
		})
	}
	for _, n := range slices.SortedFunc(maps.Keys(again), journal.ShardsInOrder) {
		if again[n] {
			rank := asked // nothing is new in it but a person's word
			if d.shards[n] != nil {
				rank = leftOver
			}
			if err := p.draftShard(ctx, tx, d, n, rank, false); err != nil {
				return err
			}
		}
		for _, g := range plan.Guards() {
			if h := held[g.Name]; h != nil {
				if err := d.withhold(ctx, d.shards[n], g, h); err != nil {
					return err
				}
			}
		}
		d.prune()
		tx.Trim()
	}
	return nil
}

// total sums up all groups: shards of the draft as they stand, the others as they were
// counted.
func (d *draft) total(ctx context.Context, tx *journal.Tx) (sum record.Counts, err error) {
	all, err := tx.Shards(ctx, func(record.Counts) bool { return true })
	for _, n := range all {
		if s := d.shards[n]; s != nil {
			sum.Add(s.counts)
		} else {
			sum.Add(tx.CountsOf(n))
		}
	}
	return sum, err
}

// holding is what is held by a limit over all groups in this step.
type holding struct {
	text      string // why; "": not all is counted yet, and nothing is listed
	approvals []*journal.Approval
	went      bool // some of what they list
	list      *journal.Lister
}

// allowed is what approved holds list of a group.
func (h *holding) allowed(ctx context.Context, id directory.ID) (all plan.Impact, err error) {
	for _, a := range h.approvals {
		i, err := a.Of(ctx, id)
		if err != nil {
			return all, err
		}
		if i.Group == id {
			all = all.Plus(i.Impact())
		}
	}
	return all, nil
}

// holding begins to hold all changes of a guard, but what an approved hold lists.
func (p *Planner) holding(ctx context.Context, tx *journal.Tx, g plan.Guard, over string) (*holding, error) {
	out := &holding{text: over}
	for _, h := range tx.Head.Holds {
		if (h.Guard == g.Name || slices.Contains(g.Approves, h.Guard)) && h.InForce(tx.Now) {
			a, err := tx.Approval(ctx, h)
			if err != nil {
				return nil, err
			}
			out.approvals = append(out.approvals, a)
		}
	}
	var before *record.Hold
	if i := openHold(tx, g.Name); i >= 0 {
		before = &tx.Head.Holds[i]
	}
	var err error
	if out.list, err = tx.List(ctx, g.Name, before); err == nil {
		p.tellDamage(out.list.Damaged)
	}
	return out, err
}

// openHold is the place of a guard's open hold in the head; -1 if there is none.
func openHold(tx *journal.Tx, g plan.GuardName) int {
	return slices.IndexFunc(tx.Head.Holds, func(h record.Hold) bool { return h.Guard == g && h.Open() })
}

// approved is what an approved hold of one group lists.
func (p *Planner) approved(ctx context.Context, tx *journal.Tx, h record.Hold, id directory.ID) (record.Item, error) {
	a, err := tx.Approval(ctx, h)
	if err != nil {
		return record.Item{}, err
	}
	i, err := a.Of(ctx, id)
	p.tellDamage(a.Damaged)
	return i, err
}

// open lists what is held, unless it is listed already.
func (p *Planner) open(ctx context.Context, tx *journal.Tx, d *draft, g plan.Guard, held *holding, all record.Counts) error {
	for _, a := range held.approvals {
		p.tellDamage(a.Damaged)
	}
	l, sample, err := held.list.Close(ctx)
	if err != nil || len(l.Items)+len(l.Parts) == 0 || len(held.approvals) > 0 && held.went {
		return err // what came later waits until what was listed is done
	}
	l.Text, l.Opened = held.text, tx.Now
	if i := openHold(tx, g.Name); i >= 0 && tx.Head.Holds[i].List == l.Digest() && held.list.Damaged == nil {
		return nil
	}
	hold, err := p.hold(ctx, tx, d, l, sample)
	if err != nil {
		return err
	}
	tx.Head.Holds = append(settled(tx, all, g.Name), hold)
	return nil
}

// settled are the holds without those of a guard. An approval stays for its time while
// something is in doubt or was refused, all being what was counted: what it lists may be
// to be done still, and nobody shall have to say it again.
func settled(tx *journal.Tx, all record.Counts, g plan.GuardName) []record.Hold {
	undone := all.Stale+all.Parked > 0
	return slices.DeleteFunc(slices.Clone(tx.Head.Holds), func(h record.Hold) bool { return h.Guard == g && !(undone && h.InForce(tx.Now)) })
}

// withhold takes what a guard counts out of a shard's groups, but what is allowed, and
// lists it.
func (d *draft) withhold(ctx context.Context, s *shardDraft, g plan.Guard, h *holding) error {
	var items []record.Item
	for _, id := range slices.SortedFunc(slices.Values(s.open), journal.InOrder) {
		group := d.groups[id]
		if group == nil {
			continue // nothing is left of it
		}
		all := group.Impact(g)
		if all.Size() == 0 {
			continue
		}
		allowed, err := h.allowed(ctx, id)
		if err != nil {
			return err
		}
		if allowed.Size() > 0 {
			d.allowed[g.Name][id] = allowed
		}
		held := all.Less(allowed)
		h.went = h.went || held.Size() < all.Size()
		if held.Size() == 0 {
			continue
		}
		items = append(items, record.NewItem(g.Name, id, group.Want.Name, held))
		if h.text != "" {
			d.shifts.held(id, string(g.Name))
		}
		before, values, members := len(group.Changes()), valuesOf(group), membersOf(group)
		if group.Withhold(g, held) {
			d.kept, d.members = d.kept-values, d.members-members
			delete(d.groups, id)
			s.counts.Changes -= before
		} else {
			d.kept, d.members = d.kept+valuesOf(group)-values, d.members+membersOf(group)-members
			s.counts.Changes -= before - len(group.Changes())
		}
		s.counts.Add(record.Counts{Pending: map[plan.GuardName]int{g.Name: -held.Size()}, Over: map[plan.GuardName]int{g.Name: held.Size()}})
	}
	s.open = slices.DeleteFunc(s.open, func(id directory.ID) bool { return d.groups[id] == nil })
	if h.list == nil {
		return nil
	}
	return h.list.Add(ctx, items...)
}
