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
	// Whoever approves must see all of it, and what is not held any more goes.
	shards, err := tx.Shards(ctx, func(c record.Counts) bool {
		return slices.ContainsFunc(plan.Guards(), func(g plan.Guard) bool { return c.Over[g.Name] > 0 || over[g.Name] != "" && c.Wants(g.Name) > 0 })
	})
	if err != nil {
		return err
	}
	for _, n := range shards {
		if d.shards[n] == nil {
			if err := p.draftShard(ctx, tx, d, n); err != nil {
				return err
			}
		}
	}
	for _, g := range plan.Guards() {
		switch {
		case !d.complete && g.Destructive:
			d.withhold(g, nil)
		case over[g.Name] != "":
			if err := p.holdAll(ctx, tx, d, g, over[g.Name], all); err != nil {
				return err
			}
		default: // what was held is within the limit now
			tx.Head.Holds = settled(tx, all, g.Name)
		}
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

// holdAll holds all changes of a guard, but what an approved hold lists.
func (p *Planner) holdAll(ctx context.Context, tx *journal.Tx, d *draft, g plan.Guard, over string, all record.Counts) error {
	allowed := map[directory.ID]plan.Impact{}
	approved := false
	for _, h := range tx.Head.Holds {
		if h.Guard == g.Name && h.InForce(tx.Now) {
			l, err := tx.Listing(ctx, h.ID)
			if err != nil {
				return err
			}
			for _, i := range l.Items {
				allowed[i.Group] = allowed[i.Group].Plus(i.Impact())
			}
			approved = true
		}
	}
	d.allowed[g.Name] = allowed
	went, items := d.withhold(g, allowed)
	if len(items) == 0 || approved && went {
		return nil // what came later waits until what was listed is done
	}
	i := slices.IndexFunc(tx.Head.Holds, func(h record.Hold) bool { return h.Guard == g.Name && h.Open() })
	l := record.Listing{Guard: g.Name, Text: over, Opened: tx.Now, Items: items}
	for _, i := range items {
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

// withhold takes what a guard counts out of the draft, but what is allowed, and lists
// it. went says that some was allowed.
func (d *draft) withhold(g plan.Guard, allowed map[directory.ID]plan.Impact) (went bool, items []record.Item) {
	for _, n := range slices.Sorted(maps.Keys(d.shards)) {
		s := d.shards[n]
		for _, id := range s.open {
			group := d.groups[id]
			if group == nil {
				continue // nothing is left of it
			}
			all := group.Impact(g)
			held := all.Less(allowed[id])
			went = went || held.Size() < all.Size()
			if held.Size() == 0 {
				continue
			}
			items = append(items, record.NewItem(g.Name, id, group.Want.Name, held))
			before := len(group.Changes())
			if group.Withhold(g, held) {
				delete(d.groups, id)
				s.counts.Changes -= before
			} else {
				s.counts.Changes -= before - len(group.Changes())
			}
			s.counts.Add(record.Counts{Pending: map[plan.GuardName]int{g.Name: -held.Size()}, Over: map[plan.GuardName]int{g.Name: held.Size()}})
		}
		s.open = slices.DeleteFunc(s.open, func(id directory.ID) bool { return d.groups[id] == nil })
	}
	return went, items
}
