package cycle

import (
	"context"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

func foldAcks(ctx context.Context, w *journal.Work) error {
	stopped := false
	for !stopped {
		a, ok, err := w.NextAck(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		b, err := w.Batch(ctx, a.Seq)
		if err != nil {
			return err
		}
		if err := foldAck(ctx, w, b, a); err != nil {
			return err
		}
		if err := w.Note(b, a); err != nil {
			return err
		}
		stopped = a.Stopped != ""
	}
	p := w.Head.Plan
	if p == nil || !stopped && p.Done < len(p.Digests) && !w.Now.After(p.Expires.Add(journal.Grace)) {
		return nil
	}
	return closePlan(ctx, w)
}

// foldAck makes what was done part of what is there.
func foldAck(ctx context.Context, w *journal.Work, b journal.Batch, a journal.Ack) error {
	var ids []directory.ID
	values := 0
	for _, c := range b.Changes {
		ids = append(ids, c.Group)
		values += c.Values()
	}
	if err := w.Fetch(ctx, ids); err != nil {
		return err
	}
	for i, c := range b.Changes {
		r := plan.Result{Status: plan.Unknown}
		if i < len(a.Results) {
			r = a.Results[i]
		}
		foldResult(w, c, r)
	}
	if a.Seconds > 0 && values >= 100 { // small batches measure the network
		w.Head.Rate = pace(w.Head.Rate, float64(values)/a.Seconds)
	}
	return w.Mark(ctx, ids...)
}

// pace is the moving average of a rate.
func pace(old, now float64) float64 {
	if old == 0 {
		return now
	}
	return (3*old + now) / 4
}

func foldResult(w *journal.Work, c plan.Change, r plan.Result) {
	h := *w.Have(c.Group)
	if r.Status != plan.Done {
		charge(w, &h, c, -1) // it did not take place, or will be counted when it is planned again
	}
	switch r.Status {
	case plan.Done:
		var g plan.Group
		if h.Group != nil {
			g = *h.Group
		}
		g = plan.Outcome(g, c, r)
		h.Group, h.Parked = &g, nil
		h.Bad = parkRefs(h.Bad, c, r.Bad, w.Now)
	case plan.Refused:
		h.Parked = park(h.Parked, "", r.Code, r.Text, w.Now)
		if h.Group != nil { // perhaps it is not as we think: look again
			h.Unsure = true
			read(w, c.Group)
		}
	case plan.Unknown:
		h.Unsure = true
		read(w, c.Group)
	case plan.Skipped: // what it needed was refused: that is told there
	}
	w.PutHave(&h)
}

// park leaves a refused write alone for five minutes, then four times as long
// each time, up to a day.
func park(old *journal.Parked, ref plan.Ref, code int, text string, now time.Time) *journal.Parked {
	p := journal.Parked{Ref: ref, Code: code, Text: text, Tries: 1}
	if old != nil {
		p.Tries = old.Tries + 1
	}
	wait := 5 * time.Minute
	for range min(p.Tries-1, 5) {
		wait *= 4
	}
	p.Until = now.Add(min(wait, 24*time.Hour))
	return &p
}

// parkRefs replaces what is parked of the members that a change named.
func parkRefs(old []journal.Parked, c plan.Change, bad []plan.BadRef, now time.Time) []journal.Parked {
	var out []journal.Parked
	before := map[plan.Ref]*journal.Parked{}
	for _, p := range old {
		if slices.Contains(c.Add, p.Ref) || slices.Contains(c.Remove, p.Ref) {
			before[p.Ref] = &p
		} else {
			out = append(out, p)
		}
	}
	for _, b := range bad {
		out = append(out, *park(before[b.Ref], b.Ref, b.Code, b.Text, now))
	}
	return out
}

// closePlan ends the plan in flight. What was not acknowledged may have been
// done or not: it is read again before it is planned again.
func closePlan(ctx context.Context, w *journal.Work) error {
	p := w.Head.Plan
	for seq := p.First + uint64(p.Done); seq <= p.Last; seq++ {
		b, err := w.Batch(ctx, seq)
		if err != nil {
			return err
		}
		if err := foldAck(ctx, w, b, journal.Ack{}); err != nil {
			return err
		}
	}
	w.ClosePlan()
	return nil
}
