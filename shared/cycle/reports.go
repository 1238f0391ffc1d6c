package cycle

import (
	"context"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/record"
)

// foldReports folds what the agent saw, part by part: a large report takes several
// steps. more says that it stopped at the limit.
func foldReports(ctx context.Context, tx *journal.Tx, limit limit) (more bool, err error) {
	read := 0 // parts, of all reports
	for _, a := range tx.Reports() {
		f := journal.Folding{ID: a.ID}
		if tx.Head.Folding != nil && tx.Head.Folding.ID == a.ID {
			f = *tx.Head.Folding
		}
		done, err := foldReport(ctx, tx, a, &f, &read, limit)
		if err != nil {
			return false, err
		}
		if !done {
			tx.Head.Folding = &f
			return true, nil
		}
		tx.Head.Folding = nil
		tx.Done(a)
	}
	return false, nil
}

// foldReport goes on with a report from where it stands. done says that nothing of it
// is left to be folded, or that it must not be.
func foldReport(ctx context.Context, tx *journal.Tx, a journal.Arrived, f *journal.Folding, read *int, limit limit) (done bool, err error) {
	rows := &rows{tx: tx, named: map[directory.ID]bool{}}
	whole := f.Parts == 0 // all of its names are seen in this step
	for ; f.Parts < a.Parts(); f.Parts++ {
		if limit.reached(tx, *read) && !rows.open() {
			return false, nil
		}
		*read++
		part, odd, err := tx.Part(ctx, a, f.Parts)
		if err != nil || odd {
			return odd, err
		}
		if stop := mismatch(tx.Head.Target, part.Target); stop != "" {
			if tx.Head.Stop != stop {
				tx.Say("stopped: nothing is written any more", "why", stop)
			}
			tx.Head.Stop = stop
			return true, nil
		}
		tx.Head.Stop = ""
		seen, err := ahead(ctx, tx, part)
		if err != nil {
			return false, err
		}
		f.Ahead = max(f.Ahead, seen)
		f.Digests = f.Digests || slices.ContainsFunc(part.Rows, func(r journal.Row) bool { return r.Group == nil && r.Trouble == nil })
		if err := rows.fold(ctx, part); err != nil {
			return false, err
		}
		tx.Trim()
	}
	if f.Ahead > 0 {
		return true, startOver(ctx, tx, f.Ahead)
	}
	first, _, err := tx.Part(ctx, a, 0)
	if err != nil {
		return false, err
	}
	if !first.Full {
		return true, unfound(ctx, tx, first, rows.named)
	}
	if !whole {
		if rows.named, err = names(ctx, tx, a); err != nil {
			return false, err
		}
	}
	return true, finish(ctx, tx, first, rows.named, !f.Digests)
}

// names are the groups that a report names.
func names(ctx context.Context, tx *journal.Tx, a journal.Arrived) (map[directory.ID]bool, error) {
	out := map[directory.ID]bool{}
	for n := range a.Parts() {
		part, _, err := tx.Part(ctx, a, n)
		if err != nil {
			return nil, err
		}
		for _, row := range part.Rows {
			out[row.ID] = true
		}
	}
	return out, nil
}

// finish folds what a full report says as a whole; content says that it brought all that
// it names, not only digests.
func finish(ctx context.Context, tx *journal.Tx, r journal.Report, named map[directory.ID]bool, content bool) error {
	h := &tx.Head
	before := h.Target
	h.Target, h.Found = r.Target, r.Found
	if why := r.Target.Exchange.Unread; why != "" { // what could not be read has not vanished
		h.Target.Exchange = before.Exchange
		h.Target.Exchange.Unread = why
	}
	if before.DomainSID != "" && (!slices.Equal(before.Domains, h.Target.Domains) || before.External != h.Target.External || !before.Exchange.Same(h.Target.Exchange)) {
		if err := tx.MarkAll(ctx); err != nil {
			return err
		}
	}
	if r.Target.Restores && !before.Restores {
		if err := tx.MarkShards(ctx, func(c record.Counts) bool { return c.Problems[decision.NotDeleted] > 0 }); err != nil {
			return err
		}
	}
	if err := foldGraves(ctx, tx, r); err != nil {
		return err
	}
	if err := missing(ctx, tx, r, named); err != nil {
		return err
	}
	if r.Grounds != h.Grounds { // the policy, a right, the schema: what was refused may go now
		h.Grounds = r.Grounds
		if err := tx.MarkShards(ctx, func(c record.Counts) bool { return c.Parked > 0 }); err != nil {
			return err
		}
	}
	h.Reported = tx.Now
	if content && h.ReadAll { // whom it did not settle is asked for by name from now on
		h.ReadAll = false
		if err := tx.MarkShards(ctx, func(c record.Counts) bool { return c.Stale > 0 }); err != nil {
			return err
		}
	}
	return stillSought(ctx, tx)
}

// unfound notes what an agent that cannot prove that it sees everything says by its
// silence on groups that it was asked for: nothing. It is asked again, ever more rarely.
func unfound(ctx context.Context, tx *journal.Tx, r journal.Report, named map[directory.ID]bool) error {
	h := &tx.Head
	if r.Blind == "" {
		if r.Proven || len(r.Rows) > 0 && len(r.Absent) == 0 { // it finds what it is asked for
			h.Blind = ""
		}
		return nil
	}
	h.Blind = r.Blind
	var later []directory.ID
	for _, s := range h.Reads {
		if err := tx.Fetch(ctx, []directory.ID{s.ID}); err != nil {
			return err
		}
		if old := tx.Record(s.ID); old.Missing && !named[s.ID] {
			lookLater(tx, old)
			later = append(later, s.ID)
		}
	}
	return tx.Mark(ctx, later...) // so that somebody wakes when it is time
}

// stillSought keeps of the groups that the agent is asked for those that are in doubt
// still: what was read before a change does not settle what became of it.
func stillSought(ctx context.Context, tx *journal.Tx) error {
	var ids []directory.ID
	for _, s := range tx.Head.Reads {
		ids = append(ids, s.ID)
	}
	if err := tx.Fetch(ctx, ids); err != nil {
		return err
	}
	tx.Head.Reads = slices.DeleteFunc(slices.Clone(tx.Head.Reads), func(s journal.Sought) bool {
		r := tx.Record(s.ID)
		return !r.Stale && !r.Missing
	})
	return nil
}

// missing folds what a full report does not name. It is not gone for that: somebody may
// have moved it, or the account may not see it any more. It is asked for by name.
func missing(ctx context.Context, tx *journal.Tx, rep journal.Report, named map[directory.ID]bool) error {
	var found []*record.Group
	sought := false
	err := tx.Each(ctx, func(r *record.Group) error {
		sought = sought || r.Missing && !named[r.ID]
		there := r.Observed != nil || r.Trouble != nil
		if there && !r.Missing && !named[r.ID] && rep.After >= r.LastWrite {
			m := *r
			m.Missing = true
			found = append(found, &m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) == 0 && !sought {
		tx.Head.Blind = ""
	}
	var ids []directory.ID
	for _, r := range found {
		ids = append(ids, r.ID)
	}
	if err := tx.Fetch(ctx, ids); err != nil {
		return err
	}
	for _, r := range found {
		tx.PutRecord(r)
		read(tx, r)
	}
	return tx.Mark(ctx, ids...)
}
