package cycle

import (
	"context"
	"math"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func foldAcks(ctx context.Context, tx *journal.Tx) error {
	stopped := false
	for !stopped {
		a, ok, err := tx.NextAck(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		b, err := tx.Batch(ctx, a.Seq)
		if err != nil {
			return err
		}
		if err := foldAck(ctx, tx, b, a); err != nil {
			return err
		}
		if err := tx.Note(b, a); err != nil {
			return err
		}
		stopped = a.Stopped != ""
	}
	p := tx.Head.Plan
	if p == nil || !stopped && p.Done < len(p.Digests) && !tx.Now.After(p.Expires.Add(journal.Grace)) {
		return nil
	}
	return closePlan(ctx, tx)
}

// foldAck makes what was done part of what is there.
func foldAck(ctx context.Context, tx *journal.Tx, b journal.Batch, a journal.Ack) error {
	var ids []directory.ID
	values := 0
	for _, c := range b.Changes {
		ids = append(ids, c.Group)
		values += c.Values()
	}
	if err := tx.FetchRecords(ctx, append(nestedIn(a), ids...)); err != nil {
		return err
	}
	for i, c := range b.Changes {
		r := *tx.Record(c.Group)
		if i < len(a.Results) {
			foldResult(tx, &r, c, a.Results[i])
		} else {
			r.Misses++
			doubt(tx, &r)
		}
		tx.PutRecord(&r)
	}
	if values >= 100 && a.Seconds > 0 { // small batches measure the network
		tx.Head.Rate = pace(tx.Head.Rate, float64(values)/a.Seconds)
	}
	return tx.Mark(ctx, ids...)
}

// The paces that an agent may show, in values per second: what is beyond them is no
// measurement.
const (
	slowest = 1
	fastest = 100_000
)

// pace is the moving average of a rate.
func pace(old, now float64) float64 {
	switch {
	case math.IsNaN(now) || now <= 0:
		return old
	case old == 0:
		return min(max(now, slowest), fastest)
	}
	return (3*old + min(max(now, slowest), fastest)) / 4
}

// foldResult makes a result part of a group's record. What is not known to be done or
// not is in doubt until a reading of the group shows it.
func foldResult(tx *journal.Tx, r *record.Group, c plan.Change, res plan.Result) {
	tellRefused(tx, r, c, res)
	if res.Status == plan.Refused && res.Taken != nil {
		r.Names = r.Names.Refused(c, *res.Taken)
	}
	if res.Status == plan.Refused && len(res.Clashes) > 0 {
		r.Clashes = record.Clashing(r.Clashes, c.Set, res.Clashes, grounds(&tx.Head), tx.Now)
	}
	p := record.Parked{Kind: c.Kind(), Link: c.Link, Code: res.Code, Text: res.Text, Wish: c.Wish(), Grounds: grounds(&tx.Head)}
	switch {
	case res.Status == plan.Done:
		done(tx, r, c, res, p)
	case res.Status == plan.Skipped: // what it needed was refused: that is told there
		refused(tx, r, c)
		if r.Observed != nil { // and it should be there
			doubt(tx, r)
		}
	case res.Status == plan.Refused && c.Op == plan.Restore && res.Code == plan.CodeGone: // it cannot be had back: it is made anew
		refused(tx, r, c)
		r.Grave = nil
	case res.Status == plan.Refused && (c.Op == plan.Create || c.Op == plan.Restore): // it was made whole or not at all
		refused(tx, r, c)
		r.Parked = record.Park(r.Parked, p, tx.Now)
	case res.Status == plan.Refused, res.Status == plan.Fenced: // perhaps it is not as we think: look again
		r.Parked = record.Park(r.Parked, p, tx.Now)
		doubt(tx, r)
	default:
		if p.Text == "" {
			p.Text = "nobody knows what became of it: the agent got no answer from Active Directory"
		}
		r.Parked = record.ParkBriefly(r.Parked, p, tx.Now)
		r.Misses++
		doubt(tx, r)
	}
}

// done folds a change that was done, but for the members that were refused.
func done(tx *journal.Tx, r *record.Group, c plan.Change, res plan.Result, p record.Parked) {
	var g plan.Group
	if r.Observed != nil {
		g = *r.Observed
	}
	bad := make([]plan.Ref, 0, len(res.Bad))
	for _, b := range res.Bad {
		bad = append(bad, b.Ref)
	}
	slices.Sort(bad)
	no := c
	no.Set, no.Add, no.Remove = nil, plan.Common(c.Add, bad), plan.Common(c.Remove, bad)
	if c.Op.Updates() && len(no.Add)+len(no.Remove) > 0 {
		refused(tx, r, no)
	}
	proven(r, c)
	unseen := c.Op.Updates() && len(plan.Missing(c.Remove, g.Links[c.Of()])) > 0
	g = plan.Outcome(g, c, res)
	if ended(tx, r, c, g) {
		return
	}
	unseen = unseen || r.Grave != nil || r.Life.State == life.Disowned // it may have members, and attributes, from before
	r.Observed, r.Misses, r.Grave = &g, 0, nil
	fine := plan.Missing(plan.Merge(c.Add, c.Remove), bad)
	r.Parked = slices.DeleteFunc(slices.Clone(r.Parked), func(p record.Parked) bool {
		_, named := slices.BinarySearch(fine, p.Ref)
		return p.Concerns(c) && (p.Ref == "" || named)
	})
	r.Parked = record.ParkMembers(r.Parked, p, slices.DeleteFunc(slices.Clone(res.Bad), notThere(tx)), tx.Now)
	if unseen || len(no.Remove) > 0 { // a link that is known in another form, or that could not be taken out: see how it is now
		doubt(tx, r)
	}
}

// ended folds that a group is no longer one of ours.
func ended(tx *journal.Tx, r *record.Group, c plan.Change, after plan.Group) bool {
	switch after.Gone {
	case "":
		return false
	case life.Deleted:
		r.Grave = &plan.Grave{GUID: c.GUID, SID: r.SID}
	}
	r.Observed, r.Misses, r.Converged, r.Parked, r.ByHand = nil, 0, false, nil, nil
	r.Life = record.Life{State: after.Gone, Since: tx.Now}
	return true
}

// nestedIn are the groups of ours among the members that were refused.
func nestedIn(a journal.Ack) (ids []directory.ID) {
	for _, res := range a.Results {
		for _, b := range res.Bad {
			if id, ours := b.Ref.Group(); ours {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// notThere says whether a member was refused because its own creation did not come to
// pass. It goes into a plan when it is there, and need not wait longer than that.
func notThere(tx *journal.Tx) func(plan.BadRef) bool {
	return func(b plan.BadRef) bool {
		id, ours := b.Ref.Group()
		return ours && tx.Record(id).Observed == nil
	}
}

// doubt has a group read again before anything is planned for it.
func doubt(tx *journal.Tx, r *record.Group) {
	r.Stale = true
	read(tx, r)
}

// closePlan ends the plan in flight. What was not acknowledged may have been
// done or not: it is read again before it is planned again.
func closePlan(ctx context.Context, tx *journal.Tx) error {
	p := tx.Head.Plan
	for seq := p.First + uint64(p.Done); seq <= p.Last; seq++ {
		b, err := tx.Batch(ctx, seq)
		if err != nil {
			return err
		}
		if err := foldAck(ctx, tx, b, journal.Ack{}); err != nil {
			return err
		}
		if err := tx.Note(b, journal.Ack{Seq: seq, Digest: p.Digests[seq-p.First], Stopped: "no word on it came in time"}); err != nil {
			return err
		}
	}
	tx.ClosePlan()
	return nil
}
