package cycle

import (
	"context"
	"slices"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/record"
)

// maxReads is how many groups are asked for by name at a time.
const maxReads = 100

// foldInbox folds what the agent and the operators have said since the last
// step: this is how the journal knows what is in Active Directory. more says that it
// stopped at the limit.
func foldInbox(ctx context.Context, tx *journal.Tx, limit limit) (more bool, err error) {
	if err := foldAcks(ctx, tx); err != nil {
		return false, err
	}
	tx.DropStaleAcks()
	if more, err = foldReports(ctx, tx, limit); err != nil {
		return false, err
	}
	if err := foldVerdicts(ctx, tx); err != nil {
		return false, err
	}
	return more, foldAsks(ctx, tx)
}

// read asks the agent for a group. Where many are asked for already it waits for the
// next step that comes to it, and asked is false.
func read(tx *journal.Tx, r *record.Group) (asked bool) {
	h := &tx.Head
	known := slices.ContainsFunc(h.Reads, func(s journal.Sought) bool { return s.ID == r.ID })
	switch {
	case known, h.ReadAll && !r.Missing, !r.Look.Due(tx.Now):
		return true
	case len(h.Reads) >= maxReads:
		return false
	}
	s := journal.Sought{ID: r.ID}
	if r.Observed != nil {
		s.GUID = r.Observed.GUID
	}
	h.Reads = append(slices.Clone(h.Reads), s)
	return true
}

// answered takes a group out of those that the agent is asked for.
func answered(tx *journal.Tx, id directory.ID) {
	tx.Head.Reads = slices.DeleteFunc(slices.Clone(tx.Head.Reads), func(s journal.Sought) bool { return s.ID == id })
}

// foldVerdicts folds what operators have said of holds.
func foldVerdicts(ctx context.Context, tx *journal.Tx) error {
	verdicts, err := tx.Verdicts(ctx)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		fold := foldVerdict
		if v.Listing.Guard != "" {
			fold = foldGuardVerdict
		}
		if err := fold(ctx, tx, v); err != nil {
			return err
		}
	}
	return nil
}

func foldVerdict(ctx context.Context, tx *journal.Tx, v journal.Verdict) error {
	id := v.Listing.Group
	if err := tx.Fetch(ctx, []directory.ID{id}); err != nil {
		return err
	}
	r := *tx.Record(id)
	if r.Hold == nil || r.Hold.ID != v.Hold {
		return nil // it was replaced by another: of that one nothing was said
	}
	hold := r.Hold.After(v.Decision, tx.Now)
	r.Hold = &hold
	tx.PutRecord(&r)
	return tx.Mark(ctx, id)
}

// foldGuardVerdict folds a word on a hold over all groups.
func foldGuardVerdict(ctx context.Context, tx *journal.Tx, v journal.Verdict) error {
	i := slices.IndexFunc(tx.Head.Holds, func(h record.Hold) bool { return h.ID == v.Hold })
	if i < 0 {
		return nil
	}
	tx.Head.Holds = slices.Clone(tx.Head.Holds)
	tx.Head.Holds[i] = tx.Head.Holds[i].After(v.Decision, tx.Now)
	return tx.MarkShards(ctx, func(c record.Counts) bool { return c.Over[v.Listing.Guard] > 0 })
}

// foldAsks has groups decided again, and read again in Active Directory and in the
// cloud; or all of it. What was refused is tried again at once: whoever asks has perhaps
// mended it.
func foldAsks(ctx context.Context, tx *journal.Tx) error {
	ask, err := tx.Asks(ctx)
	if err != nil {
		return err
	}
	if ask.Full {
		if err := enumerateAnew(ctx, tx); err != nil {
			return err
		}
		tx.Head.ReadAll = true
	}
	if ask.Repin != "" {
		if err := repin(ctx, tx, ask.Repin); err != nil {
			return err
		}
	}
	for _, word := range ask.Words {
		if err := flip(ctx, tx, func(s *journal.Switch) { s.Say(word, tx.Now) }); err != nil {
			return err
		}
	}
	if ask.Retry {
		tx.Head.Retries++
		tx.Head.Polling = tx.Head.Polling.Retry()
		if err := tx.MarkShards(ctx, wereRefused); err != nil {
			return err
		}
	}
	if len(ask.Groups) == 0 {
		return nil
	}
	if err := tx.Fetch(ctx, ask.Groups); err != nil {
		return err
	}
	tx.Head.Polling = tx.Head.Polling.Note(ask.Groups)
	for _, id := range ask.Groups {
		r := *tx.Record(id)
		if r.Observed == nil && tx.Group(id) == nil && r.Empty() {
			continue // nobody has heard of it
		}
		r.Parked, r.Clashes, r.Reread, r.Asked, r.AskedBy = due(r.Parked), dueClashes(r.Clashes), record.Tries{}, true, ask.Who[id]
		tx.PutRecord(&r)
		if r.Observed != nil {
			read(tx, &r)
		}
	}
	return tx.Mark(ctx, ask.Groups...)
}

// enumerateAnew has all of Graph read from the beginning. What counts goes on counting meanwhile.
// A reading under way is perhaps what went wrong; but without its end nobody who asks again and again would
// see any. So it goes on, and another one begins behind it.
func enumerateAnew(ctx context.Context, tx *journal.Tx) error {
	h := &tx.Head
	if h.Shadow != nil {
		shadow := *h.Shadow
		shadow.Began = time.Time{} // which is too long ago as soon as it is complete: see foldGraph
		h.Shadow = &shadow
		return nil
	}
	h.Shadow = &journal.Round{Select: h.Main.Select, Began: tx.Now, Beside: h.Main.Number > 0}
	return tx.DropShadow(ctx)
}

// wereRefused says whether something of a shard's groups was refused that other grounds may
// let go.
func wereRefused(c record.Counts) bool {
	return c.Parked > 0 || c.Problems[decision.AddressTaken] > 0
}

// dueClashes has what others had asked for at once; how often it was asked for stays known.
func dueClashes(clashes []record.Clash) []record.Clash {
	out := slices.Clone(clashes)
	for i := range out {
		out[i].Until = time.Time{}
	}
	return out
}

// due has what was refused tried at once; how often it was tried stays known.
func due(parked []record.Parked) []record.Parked {
	out := slices.Clone(parked)
	for i := range out {
		out[i].Until = time.Time{}
	}
	return out
}
