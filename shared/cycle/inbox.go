package cycle

import (
	"context"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// maxReads is how many groups are asked for by name; if more are in doubt the
// agent reads all.
const maxReads = 100

// foldInbox folds what the agent and the operators have said since the last
// step: this is how the journal knows what is in Active Directory.
func foldInbox(ctx context.Context, w *journal.Work) error {
	if err := foldAcks(ctx, w); err != nil {
		return err
	}
	w.DropStaleAcks()
	if err := foldReports(ctx, w); err != nil {
		return err
	}
	if err := foldVerdicts(ctx, w); err != nil {
		return err
	}
	return foldAsks(ctx, w)
}

// read asks the agent for a group.
func read(w *journal.Work, id directory.ID) {
	switch {
	case w.Head.ReadAll || slices.Contains(w.Head.Reads, id):
	case len(w.Head.Reads) >= maxReads:
		w.Head.Reads, w.Head.ReadAll = nil, true
	default:
		w.Head.Reads = append(slices.Clone(w.Head.Reads), id)
	}
}

// foldVerdicts folds what operators have said of holds.
func foldVerdicts(ctx context.Context, w *journal.Work) error {
	verdicts, err := w.Verdicts(ctx)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		fold := foldVerdict
		if v.Listing.Scope != "" {
			fold = foldScopeVerdict
		}
		if err := fold(ctx, w, v); err != nil {
			return err
		}
	}
	return nil
}

func foldVerdict(ctx context.Context, w *journal.Work, v journal.Verdict) error {
	id := v.Listing.Group
	if err := w.Fetch(ctx, []directory.ID{id}); err != nil {
		return err
	}
	h := *w.Have(id)
	if h.Hold == nil || h.Hold.ID != v.Hold {
		return nil // it was replaced by another: of that one nothing was said
	}
	hold := h.Hold.After(v, w.Now)
	h.Hold = &hold
	w.PutHave(&h)
	return w.Mark(ctx, id)
}

// foldScopeVerdict folds a word on a hold over all groups.
func foldScopeVerdict(ctx context.Context, w *journal.Work, v journal.Verdict) error {
	i := slices.IndexFunc(w.Head.Holds, func(h journal.Hold) bool { return h.ID == v.Hold })
	if i < 0 {
		return nil
	}
	w.Head.Holds = slices.Clone(w.Head.Holds)
	w.Head.Holds[i] = w.Head.Holds[i].After(v, w.Now)
	return w.MarkUnits(ctx, func(c journal.Counts) bool { return c.Over[v.Listing.Scope] > 0 })
}

// foldAsks has groups decided again, and read again by the agent; or all of it. What was
// refused is tried again at once: whoever asks has perhaps mended it.
func foldAsks(ctx context.Context, w *journal.Work) error {
	ask, err := w.Asks(ctx)
	if err != nil {
		return err
	}
	if ask.Full && w.Head.Shadow == nil {
		w.Head.Shadow, w.Head.ReadAll = &journal.Round{Select: w.Head.Main.Select}, true
	}
	ids := ask.Groups
	if len(ids) == 0 {
		return nil
	}
	if err := w.Fetch(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		h := *w.Have(id)
		h.Parked, h.Bad, h.Asked = nil, nil, true
		w.PutHave(&h)
		if h.Group != nil {
			read(w, id)
		}
	}
	return w.Mark(ctx, ids...)
}
