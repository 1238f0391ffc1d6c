package cycle

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// rows folds the rows of a report.
type rows struct {
	tx    *journal.Tx
	named map[directory.ID]bool // groups that a row is about
	piece *journal.Row          // a group of which some rows have come, and more follow
}

// open says whether a group has come in part.
func (f *rows) open() bool { return f.piece != nil }

// rowsAtOnce is of how many groups the records are read at once: they lie in all kinds
// of places.
const rowsAtOnce = 500

// fold folds what the agent saw, but not what it saw before a change that has been
// made since.
func (f *rows) fold(ctx context.Context, part journal.Report) error {
	var marked []directory.ID
	learnt := false
	for some := range slices.Chunk(part.Rows, rowsAtOnce) {
		if err := fetch(ctx, f.tx, some, func(r journal.Row) directory.ID { return r.ID }); err != nil {
			return err
		}
		for _, row := range some {
			f.named[row.ID] = true
			learnt = learnt || row.SID != "" && f.tx.Record(row.ID).SID == ""
			if whole, ok := f.join(row); ok && inForm(whole.Group) && foldRow(f.tx, whole) {
				marked = append(marked, row.ID)
			}
		}
	}
	for some := range slices.Chunk(part.Absent, rowsAtOnce) {
		if err := fetch(ctx, f.tx, some, func(g journal.Gone) directory.ID { return g.ID }); err != nil {
			return err
		}
		for _, g := range some {
			if foldGone(f.tx, g, part) {
				marked = append(marked, g.ID)
			}
		}
	}
	if learnt { // links that nobody could tell from a stranger's may be known now
		if err := f.tx.MarkShards(ctx, func(c record.Counts) bool { return c.Unproven > 0 }); err != nil {
			return err
		}
	}
	return f.tx.Mark(ctx, marked...)
}

// fetch makes the records readable of the groups that some of a report are about.
func fetch[T any](ctx context.Context, tx *journal.Tx, some []T, group func(T) directory.ID) error {
	tx.Trim()
	var ids []directory.ID
	for _, x := range some {
		ids = append(ids, group(x))
	}
	return tx.FetchRecords(ctx, ids)
}

// join puts together a group that comes in several rows. ok says that it is whole; what
// does not fit together is dropped, and the group read again later.
func (f *rows) join(row journal.Row) (whole journal.Row, ok bool) {
	switch p := f.piece; {
	case row.Pieces <= 1:
		f.piece = nil
		return row, true
	case row.Group == nil:
		f.piece = nil
		return row, false
	case row.Piece == 1:
		f.piece = &row
	case p != nil && p.ID == row.ID && row.Piece == p.Piece+1 && row.Pieces == p.Pieces && row.Digest == p.Digest:
		p.Piece = row.Piece
		p.Group.Links = p.Group.Links.With(plan.Member, append(p.Group.Members(), row.Group.Members()...))
	default:
		f.piece = nil
		return row, false
	}
	if f.piece.Piece < row.Pieces {
		return row, false
	}
	whole, f.piece = *f.piece, nil
	return whole, whole.Group.Digest() == whole.Digest
}

// inForm says whether a group is in the form that all of package plan relies on. Another
// is no agent's of ours: that somebody is a member would be overlooked.
func inForm(g *plan.Group) bool {
	if g == nil {
		return true
	}
	for _, refs := range g.Links {
		for i := 1; i < len(refs); i++ {
			if refs[i-1] >= refs[i] {
				return false
			}
		}
		if len(refs) == 0 {
			return false
		}
	}
	for _, values := range g.Attrs {
		if len(values) == 0 || !slices.IsSorted(values) {
			return false
		}
	}
	return true
}

// foldRow folds one group as it was seen. changed says that it has to be decided again.
func foldRow(tx *journal.Tx, row journal.Row) (changed bool) {
	old := tx.Record(row.ID)
	if row.After < old.LastWrite || row.Group != nil && row.Group.ID != row.ID {
		return false
	}
	r := *old
	if row.SID != "" {
		anotherSID(tx, &r, row.SID)
		r.SID = row.SID
	}
	same := r.Observed != nil && r.Observed.GUID == row.GUID && r.Observed.Digest() == row.Digest
	switch {
	case row.Trouble != nil:
		answered(tx, r.ID)
		changed = old.Trouble == nil || *old.Trouble != *row.Trouble || r.Stale || r.Missing
		r.Trouble, r.Stale, r.Missing = row.Trouble, false, false
	case row.Group == nil && !same:
		changed = !r.Stale || r.Missing                          // it counts as one that is not known, also where many are asked for already
		r.Stale, r.Missing, r.Look = true, false, record.Tries{} // it is found, whatever was before
		read(tx, &r)
	default:
		if row.Group != nil {
			answered(tx, r.ID)
		}
		var touched bool
		r.Parked, touched = touch(r.Parked, row.USN)
		changed = !same || touched || r.Stale || r.Missing || r.Trouble != nil
		if !same || r.Trouble != nil { // what was refused before may go now
			r.Parked = due(r.Parked)
		}
		if !same {
			if beyond(tx, old, row) { // what is known of it is older than what was done to it
				r.ByHand, r.Life = nil, record.Life{}
			} else {
				byHand(tx, &r, row.Group)
			}
			r.Observed = row.Group
		}
		r.Stale, r.Missing, r.Trouble, r.Look, r.Grave = false, false, nil, record.Tries{}, nil
		if r.Life.State == life.Deleted || r.Life.State == life.Disowned { // it is there again
			r.Life = record.Life{}
		}
		unmade(tx, &r, r.Observed)
	}
	if !changed && same && r.SID == old.SID && reflect.DeepEqual(r.Issued, old.Issued) && reflect.DeepEqual(r.Parked, old.Parked) {
		return false
	}
	tx.PutRecord(&r)
	return changed
}

// beyond says whether a group was written to by a batch of ours that its record knows nothing
// of: the journal was set back.
func beyond(tx *journal.Tx, r *record.Group, row journal.Row) bool {
	f, ok := plan.ParseFence(row.Fence)
	return ok && f.Instance == tx.Target() && f.Seq > r.LastWrite
}

// manyParked is how many refusals of one group are too many to be tried again whenever
// somebody was at it: that may have been we.
const manyParked = 100

// touch notes, beside what was refused, which change of the group was the last. Where it
// was another before, it is tried at once: somebody was at the group, at its rights
// perhaps, or its fence, which its content does not show.
func touch(parked []record.Parked, usn int64) (noted []record.Parked, touched bool) {
	noted = slices.Clone(parked)
	for i := range noted {
		p := &noted[i]
		if p.Ref != "" && len(parked) > manyParked {
			continue
		}
		if p.USN != 0 && p.USN != usn {
			p.Until, touched = time.Time{}, true
		}
		p.USN = usn
	}
	return noted, touched
}

// lookLater has a group looked for again later: it was not found, and that proves nothing.
func lookLater(tx *journal.Tx, old *record.Group) {
	r := *old
	r.Missing, r.Look = true, r.Look.Next(tx.Now, lookAgain)
	answered(tx, r.ID)
	tx.PutRecord(&r)
}

// lookAgain is how long an agent that cannot prove what it says is not asked the same.
const lookAgain = 5 * time.Minute

// foldGraves folds which groups could be restored, of those that nobody knows to be there.
func foldGraves(ctx context.Context, tx *journal.Tx, r journal.Report) error {
	var marked []directory.ID
	for some := range slices.Chunk(r.Graves, rowsAtOnce) {
		if err := fetch(ctx, tx, some, func(g journal.Gone) directory.ID { return g.ID }); err != nil {
			return err
		}
		for _, g := range some {
			old := tx.Record(g.ID)
			if g.Grave == nil || old.Observed != nil || old.Stale || g.After < old.LastWrite || old.Grave != nil && *old.Grave == *g.Grave {
				continue
			}
			now := *old
			now.Grave = g.Grave
			tx.PutRecord(&now)
			marked = append(marked, g.ID)
		}
	}
	return tx.Mark(ctx, marked...)
}

// foldGone folds that a group is nowhere. That is believed of an agent that has proved
// that nothing is hidden from it; of a group that was never there it needs no proof.
func foldGone(tx *journal.Tx, g journal.Gone, rep journal.Report) (changed bool) {
	old := tx.Record(g.ID)
	if g.After < old.LastWrite {
		return false
	}
	r := *old
	if old.Observed != nil && !rep.Proven {
		tx.Head.Blind = cmp.Or(rep.Blind, "the agent did not prove that it sees everything")
		lookLater(tx, old)
		return true
	}
	tx.Head.Blind = ""
	r.Observed, r.Stale, r.Missing, r.Trouble, r.Converged, r.Parked, r.Look = nil, false, false, nil, false, due(r.Parked), record.Tries{}
	if g.Grave != nil || rep.Target.Restores { // else the agent sees none
		r.Grave = g.Grave
	}
	switch {
	case r.Life.State == life.Disowned:
	case r.Grave == nil:
		r.Life = record.Life{}
	case r.Life.State != life.Deleted && r.Life.State != "": // nobody wants it, and nobody makes it anew
		r.Life = record.Life{State: life.Deleted, Since: tx.Now}
	}
	unmade(tx, &r, nil)
	answered(tx, g.ID)
	tx.PutRecord(&r)
	return true
}
