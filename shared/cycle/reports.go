package cycle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// foldReports folds what the agent saw, part by part: a large report takes several
// steps. more says that it stopped at the limit.
func foldReports(ctx context.Context, tx *journal.Tx, limit limit) (more bool, err error) {
	for _, a := range tx.Reports() {
		f := journal.Folding{ID: a.ID}
		if tx.Head.Folding != nil && tx.Head.Folding.ID == a.ID {
			f = *tx.Head.Folding
		}
		done, err := foldReport(ctx, tx, a, &f, limit)
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
func foldReport(ctx context.Context, tx *journal.Tx, a journal.Arrived, f *journal.Folding, limit limit) (done bool, err error) {
	rows := &rows{tx: tx, named: map[directory.ID]bool{}}
	whole := f.Parts == 0 // all of its names are seen in this step
	for began := f.Parts; f.Parts < a.Parts(); f.Parts++ {
		if limit.reached(tx, f.Parts-began) && !rows.open() {
			return false, nil
		}
		part, odd, err := tx.Part(ctx, a, f.Parts)
		if err != nil || odd {
			return odd, err
		}
		if stop := mismatch(tx.Head.Target, part.Target); stop != "" {
			tx.Head.Stop = stop
			return true, nil
		}
		tx.Head.Stop = ""
		f.Ahead = f.Ahead || ahead(tx, part)
		f.Digests = f.Digests || slices.ContainsFunc(part.Rows, func(r journal.Row) bool { return r.Group == nil && r.Trouble == nil })
		if err := rows.fold(ctx, part); err != nil {
			return false, err
		}
		tx.Trim()
	}
	if f.Ahead {
		return true, startOver(ctx, tx)
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
	h.Target = r.Target
	if before.DomainSID != "" && (!slices.Equal(before.Domains, r.Target.Domains) || before.External != r.Target.External) {
		if err := tx.MarkAll(ctx); err != nil {
			return err
		}
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
	if r.Blind == "" {
		return nil
	}
	h := &tx.Head
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

// maxAhead is how far an epoch may lie before us and still be one that a journal of
// ours began: see startOver.
const maxAhead = 24 * time.Hour

// ahead says whether a part of a report shows, by a fence of a group or the agent's own
// word, that a batch ran which this journal has not issued: then the journal was lost or
// is a restored copy, and Active Directory is ahead of it. A number that no journal can
// have reached by now is somebody's hand, and that group's problem.
func ahead(tx *journal.Tx, part journal.Report) bool {
	h := &tx.Head
	last := max(h.Epoch, uint64(tx.Now.Add(maxAhead).Unix()))
	is := func(m journal.Mark) bool {
		return m.Epoch <= last && (m.Epoch > h.Epoch || m.Epoch == h.Epoch && m.Seq >= h.NextSeq)
	}
	if is(part.High) {
		return true
	}
	for _, row := range part.Rows {
		if f, ok := plan.ParseFence(row.Fence); ok && f.Instance == tx.Target() && is(journal.Mark{Epoch: f.Epoch, Seq: f.Seq}) {
			return true
		}
	}
	return false
}

// startOver begins a new epoch behind everything that was ever written: what the
// lost journal had in flight cannot run any more, and nothing is planned before
// the agent has read all of it again. The epoch is the time, in seconds since 1970, so
// that one is behind all before it, and no number from outside can use them up.
func startOver(ctx context.Context, tx *journal.Tx) error {
	h := &tx.Head
	if h.Plan != nil {
		if err := closePlan(ctx, tx); err != nil {
			return err
		}
	}
	h.Epoch, h.Closed = max(h.Epoch+1, uint64(tx.Now.Unix())), h.NextSeq-1
	h.ReadAll, h.Reported = true, time.Time{}
	return nil
}

// mismatch says why a report is not of the journal's target.
func mismatch(want, got journal.Target) string {
	switch {
	case want.DomainSID == "" || got.DomainSID == want.DomainSID && got.BaseGUID == want.BaseGUID:
		return ""
	case got.DomainSID != want.DomainSID:
		return fmt.Sprintf("the agent reports from domain %s, but this journal is for domain %s: check the agent's directory URL, or use another target name", got.DomainSID, want.DomainSID)
	}
	return fmt.Sprintf("the agent reports on container %s, but this journal is for another one (%s): check the agent's base, or use another target name", got.Base, want.Base)
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
