package cycle

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// resolve brings changes into the form in which they can run: cut into pieces
// that fit a batch, and without members that are groups which neither exist nor
// are created before. Those stay wanted and come with a later plan.
func resolve(ctx context.Context, tx *journal.Tx, changes []plan.Change) ([]plan.Change, error) {
	created := map[directory.ID]bool{}
	var nested []directory.ID
	for _, c := range changes {
		if c.Op == plan.Create || c.Op == plan.Restore {
			created[c.Group] = true
		}
		nested = append(nested, c.Group)
		for _, r := range slices.Concat(c.Add, c.Remove) {
			if id, ok := r.Group(); ok {
				nested = append(nested, id)
			}
		}
	}
	if err := tx.Fetch(ctx, nested); err != nil {
		return nil, err
	}
	var out []plan.Change
	for _, c := range changes {
		c.Known = map[directory.ID]plan.GUID{}
		if g := tx.Record(c.Group).Observed; c.Op == plan.Delete && g != nil {
			c.Digest = g.Digest() // as the agent has reported it
		}
		drop := func(r plan.Ref) bool {
			id, ok := r.Group()
			if !ok {
				return false
			}
			if g := tx.Record(id).Observed; g != nil {
				c.Known[id] = g.GUID
				return false
			}
			return !created[id]
		}
		c.Remove = bySID(tx, c.Group, c.Remove)
		c.Add = slices.DeleteFunc(slices.Clone(c.Add), drop)
		c.Remove = slices.DeleteFunc(slices.Clone(c.Remove), drop)
		if c.Op.Updates() && len(c.Set)+len(c.Add)+len(c.Remove) == 0 {
			continue
		}
		out = append(out, plan.Split(c, journal.MaxBatchValues)...)
	}
	return out, nil
}

// bySID names groups that were ours and that nobody finds any more by the SID that they
// had: that is how a link to one is known.
func bySID(tx *journal.Tx, group directory.ID, refs []plan.Ref) (out []plan.Ref) {
	for _, r := range refs {
		if r, ok := decision.BySID(r, tx.Group(group), tx.Record); ok {
			out = append(out, r)
		}
	}
	slices.Sort(out)
	return out
}

// issue makes changes the next plan. It notes on each group what was issued to it, and
// in the windows what will have been done: all of that is in force only if the step
// commits. While nothing may be written it issues nothing.
func (p *Planner) issue(ctx context.Context, tx *journal.Tx, d *draft, changes []plan.Change) (taken int, err error) {
	if len(changes) == 0 || !tx.Head.Switch.Writes() || tx.Head.Switch.Confirmed != "" {
		return 0, nil
	}
	if err := lookAtAgent(ctx, tx); err != nil || tx.Head.ReadOnly {
		return 0, err
	}
	groups, of := byGroup(changes)
	if err := tx.Fetch(ctx, groups); err != nil {
		return 0, err
	}
	if err := p.fetchKin(ctx, tx, groups); err != nil {
		return 0, err
	}
	if err := p.check(ctx, tx, d, groups, of); err != nil {
		return 0, err
	}
	tellWhy(tx, d, changes)
	if taken, err = tx.Issue(changes, budget(tx)); err != nil || taken == 0 {
		return taken, err
	}
	groups, of = byGroup(changes[:taken])
	for _, id := range groups {
		r := *tx.Record(id)
		r.LastWrite, r.Asked, r.AskedBy = tx.Head.Plan.Last, false, ""
		charge(tx, &r, of[id], d.groups[id].Size)
		tx.PutRecord(&r)
	}
	return taken, nil
}

// byGroup collects changes by group, in the order in which groups first come.
func byGroup(changes []plan.Change) (groups []directory.ID, of map[directory.ID][]plan.Change) {
	of = map[directory.ID][]plan.Change{}
	for _, c := range changes {
		if of[c.Group] == nil {
			groups = append(groups, c.Group)
		}
		of[c.Group] = append(of[c.Group], c)
	}
	return groups, of
}

// check holds what is about to be issued against limits and evidence once more. An
// error is a fault of this program, and nothing is issued.
func (p *Planner) check(ctx context.Context, tx *journal.Tx, d *draft, groups []directory.ID, of map[directory.ID][]plan.Change) error {
	all, err := d.total(ctx, tx)
	if err != nil {
		return err
	}
	out := make([]decision.Outgoing, len(groups))
	for i, id := range groups {
		out[i] = decision.Outgoing{Record: *tx.Record(id), Cloud: p.view(tx, id).Group, Kin: tx.Record, Changes: of[id], Size: d.groups[id].Size, Allowed: func(g plan.Guard) plan.Impact {
			allowed := d.allowed[g.Name][id]
			if g.Name == plan.Removals {
				allowed.Refs = plan.Merge(allowed.Refs, d.groups[id].Released)
			}
			return allowed
		}}
	}
	if err := decision.Check(p.Rules.Limits, tx.Head.Window, all, d.complete, out, tx.Now); err != nil {
		return fmt.Errorf("the plan was not issued, because it is not what was decided (a fault of this program: please report it): %w", err)
	}
	return nil
}

// charge notes on a group's record what was issued to it, and counts it in the windows.
// size is the group's.
func charge(tx *journal.Tx, r *record.Group, changes []plan.Change, size int) {
	for _, g := range plan.Guards() {
		at := g.Of(changes, r.Converged)
		if at.Size() == 0 {
			continue
		}
		r.Issued = append(again(r.Issued, g.Name, at), record.Issued{Seq: tx.Head.Plan.Last, At: tx.Now, Guard: g.Name, Impact: at})
		if g.Name == plan.Removals {
			r.Window = r.Window.At(tx.Now).Plus(tx.Now, g.Name, at.Size(), size)
		}
		tx.Head.Window = tx.Head.Window.At(tx.Now).Plus(tx.Now, g.Name, at.Size(), 0)
	}
}

// proven takes what was done off what is still to be shown: it stays counted.
func proven(r *record.Group, c plan.Change) {
	var left []record.Issued
	for _, i := range r.Issued {
		if g, ok := plan.GuardOf(i.Guard); ok {
			i.Impact = i.Impact.Less(g.Of([]plan.Change{c}, true))
		}
		if i.Impact.Size() > 0 {
			left = append(left, i)
		}
	}
	r.Issued = left
}

// unmade gives the windows back what is known not to have been done: what of the
// issued is still to do in the group as it is, nil if it is not there. Of what was given
// back before, what is so by now counts again: the word that it was not was too early,
// or false, and two such words must not make room for more.
func unmade(tx *journal.Tx, r *record.Group, observed *plan.Group) {
	var left []record.Issued
	for _, i := range r.Issued {
		g, ok := plan.GuardOf(i.Guard)
		if !ok {
			continue
		}
		undone := g.Undone(i.Impact, observed)
		switch {
		case i.Back && observed == nil: // that it is gone is a word, too: seen again it tells
			undone = i.Impact
		case i.Back:
			credit(tx, r, i, undone.Size()-i.Impact.Size())
		default:
			credit(tx, r, i, undone.Size())
		}
		i.Impact, i.Back = undone, true
		if i.Impact.Size() > 0 && i.Counts(tx.Now) {
			left = append(left, i)
		}
	}
	r.Issued = left
}

// refused gives the windows back the part of a change that was refused.
func refused(tx *journal.Tx, r *record.Group, c plan.Change) {
	var left []record.Issued
	for _, i := range r.Issued {
		g, ok := plan.GuardOf(i.Guard)
		switch {
		case !ok:
			continue
		case i.Back:
			left = append(left, i)
			continue
		}
		back := i
		rest := i.Impact.Less(g.Of([]plan.Change{c}, true))
		back.Impact, back.Back = i.Impact.Less(rest), true
		credit(tx, r, back, back.Impact.Size())
		if i.Impact = rest; rest.Size() > 0 {
			left = append(left, i)
		}
		if back.Impact.Size() > 0 {
			left = append(left, back)
		}
	}
	r.Issued = left
}

// credit gives the windows n of what was issued back; fewer than none count again.
func credit(tx *journal.Tx, r *record.Group, i record.Issued, n int) {
	if n == 0 {
		return
	}
	tx.Head.Window = tx.Head.Window.At(tx.Now).Plus(i.At, i.Guard, -n, 0)
	if i.Guard == plan.Removals {
		r.Window = r.Window.At(tx.Now).Plus(i.At, i.Guard, -n, 0)
	}
}

// again takes what is issued anew off what was given back: it is counted once.
func again(issued []record.Issued, g plan.GuardName, at plan.Impact) []record.Issued {
	var left []record.Issued
	for _, i := range issued {
		if i.Back && i.Guard == g {
			i.Impact = i.Impact.Less(at)
		}
		if i.Impact.Size() > 0 {
			left = append(left, i)
		}
	}
	return left
}
