package cycle

import (
	"context"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// Explain gathers what a group is explained from, as a turn would decide it now. tx is a
// view: nothing of it is stored.
func (p *Planner) Explain(ctx context.Context, tx *journal.Tx, id directory.ID) (f explain.Facts, err error) {
	if p, err = p.inForce(ctx, tx); err != nil {
		return f, err
	}
	ids := []directory.ID{id}
	if err := tx.Fetch(ctx, ids); err != nil {
		return f, err
	}
	if err := p.fetchKin(ctx, tx, ids); err != nil {
		return f, err
	}
	r := tx.Record(id)
	d := &draft{asks: newQuestions(false), opened: map[string]bool{}, mail: p.Rules.Stamp(tx.Head.Target.Exchange)}
	in, err := p.input(ctx, tx, d, id)
	if err != nil {
		return f, err
	}
	f = explain.Facts{ID: id, Record: *r, Cloud: tx.Group(id), View: in.Cloud, Rules: p.Rules, Idle: idle(tx)}
	wish := in.Wish
	in.Wish = func(observed *plan.Group, taken []plan.Clash) plan.Wish {
		f.Observed, f.Wish = observed, wish(observed, taken)
		return f.Wish
	}
	f.Out = decision.Decide(in)
	f.Verdict = p.Rules.Judge(in.Cloud, nested(tx))
	f.Line, f.Source = rules.Where(p.Text, f.Verdict.Key, id)
	f.Planned = tx.Head.Plan != nil && r.LastWrite == tx.Head.Plan.Last
	f.Holds, err = p.holdsOf(ctx, tx, r)
	return f, err
}

// holdsOf lists the holds that are about a group: its own, and those over all groups that
// list it.
func (p *Planner) holdsOf(ctx context.Context, tx *journal.Tx, r *record.Group) (all []explain.Hold, err error) {
	if r.Hold != nil {
		i, err := p.approved(ctx, tx, *r.Hold, r.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, explain.NewHold(*r.Hold, i))
	}
	for _, h := range tx.Head.Holds {
		i, err := p.approved(ctx, tx, h, r.ID)
		if err != nil {
			return nil, err
		}
		if i.Group == r.ID {
			all = append(all, explain.NewHold(h, i))
		}
	}
	return all, nil
}

// idle says why nothing is written now, or "".
func idle(tx *journal.Tx) string {
	h := &tx.Head
	switch {
	case h.Stop != "":
		return "nothing is written: " + h.Stop
	case !h.Switch.On:
		return "nothing is written before somebody has confirmed a plan (enable)"
	case h.Switch.Paused:
		return "nothing is written: it is paused"
	case h.ReadOnly:
		return "nothing is written: the agent's policy is read_only"
	case h.Plan != nil:
		return "it comes with a plan after the one that is being carried out"
	}
	return waiting(tx, false)
}
