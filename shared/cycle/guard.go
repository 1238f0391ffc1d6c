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
			d.allowed[g.Name] = held[g.Name].allowed
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
// decided for it, one after the other.
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
	for _, n := range slices.Sorted(maps.Keys(again)) {
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
				d.withhold(d.shards[n], g, h)
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
	text     string                       // why; "": not all is counted yet
	allowed  map[directory.ID]plan.Impact // what an approved hold lists
	approved bool
	went     bool // some of it
	items    []record.Item
}

// holding begins to hold all changes of a guard, but what an approved hold lists.
func (p *Planner) holding(ctx context.Context, tx *journal.Tx, g plan.Guard, over string) (*holding, error) {
	out := &holding{text: over, allowed: map[directory.ID]plan.Impact{}}
	for _, h := range tx.Head.Holds {
		if h.Guard == g.Name && h.InForce(tx.Now) {
			l, err := tx.Listing(ctx, h.ID)
			if err != nil {
				return nil, err
			}
			for _, i := range l.Items {
				out.allowed[i.Group] = out.allowed[i.Group].Plus(i.Impact())
			}
			out.approved = true
		}
	}
	return out, nil
}

// open lists what is held, unless it is listed already.
func (p *Planner) open(ctx context.Context, tx *journal.Tx, d *draft, g plan.Guard, held *holding, all record.Counts) error {
	if len(held.items) == 0 || held.approved && held.went {
		return nil // what came later waits until what was listed is done
	}
	i := slices.IndexFunc(tx.Head.Holds, func(h record.Hold) bool { return h.Guard == g.Name && h.Open() })
	l := record.Listing{Guard: g.Name, Text: held.text, Opened: tx.Now, Items: held.items}
	for _, i := range held.items {
		l.Count += i.Impact().Size()
	}
	if i >= 0 && tx.Head.Holds[i].List == l.Digest() {
		return nil
	}
	hold, err := p.hold(ctx, tx, d, l)
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
func (d *draft) withhold(s *shardDraft, g plan.Guard, h *holding) {
	for _, id := range s.open {
		group := d.groups[id]
		if group == nil {
			continue // nothing is left of it
		}
		all := group.Impact(g)
		held := all.Less(h.allowed[id])
		h.went = h.went || held.Size() < all.Size()
		if held.Size() == 0 {
			continue
		}
		h.items = append(h.items, record.NewItem(g.Name, id, group.Want.Name, held))
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
}
