package cycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

func foldReports(ctx context.Context, w *journal.Work) error {
	reports, err := w.Reports(ctx)
	if err != nil {
		return err
	}
	for _, parts := range reports {
		first := parts[0]
		if stop := mismatch(w.Head.Target, first.Target); stop != "" {
			w.Head.Stop = stop
			continue
		}
		w.Head.Stop = ""
		if epoch, yes := ahead(w, parts); yes {
			if err := startOver(ctx, w, epoch); err != nil {
				return err
			}
			continue
		}
		if first.Full && w.Head.Target.DomainSID == "" {
			w.Head.Target = first.Target
		}
		if first.Full {
			w.Head.Target.DC = first.Target.DC
		}
		named := map[directory.ID]bool{}
		content := true
		for _, part := range parts {
			if err := foldRows(ctx, w, part, named); err != nil {
				return err
			}
			content = content && !slices.ContainsFunc(part.Rows, func(r journal.Row) bool { return r.Group == nil })
		}
		if !first.Full {
			continue
		}
		if err := foldAbsent(ctx, w, first, named); err != nil {
			return err
		}
		w.Head.Reported = w.Now
		if content {
			w.Head.ReadAll, w.Head.Reads = w.Head.Doubt != nil, nil
		}
	}
	return nil
}

// ahead finds the newest batch that a report shows to have run, by the fences of
// its groups or the agent's own word, if this journal has not issued it yet: then
// the journal was lost or is a restored copy, and Active Directory is ahead of it.
func ahead(w *journal.Work, parts []journal.Report) (epoch uint64, yes bool) {
	look := func(m journal.Mark) {
		if m.Epoch > w.Head.Epoch || m.Epoch == w.Head.Epoch && m.Seq >= w.Head.NextSeq {
			epoch, yes = max(epoch, m.Epoch), true
		}
	}
	for _, part := range parts {
		look(part.High)
		for _, row := range part.Rows {
			if f, ok := plan.ParseFence(row.Fence); ok {
				look(journal.Mark{Epoch: f.Epoch, Seq: f.Seq})
			}
		}
	}
	return epoch, yes
}

// startOver begins a new epoch behind everything that was ever written: what the
// lost journal had in flight cannot run any more, and nothing is planned before
// the agent has read all of it again.
func startOver(ctx context.Context, w *journal.Work, epoch uint64) error {
	if w.Head.Plan != nil {
		if err := closePlan(ctx, w); err != nil {
			return err
		}
	}
	w.Head.Epoch, w.Head.Closed = epoch+1, w.Head.NextSeq-1
	w.Head.ReadAll, w.Head.Reported = true, time.Time{}
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

// foldRows folds what the agent saw, but not what it saw before a change that
// has been made since.
func foldRows(ctx context.Context, w *journal.Work, r journal.Report, named map[directory.ID]bool) error {
	var ids, marked []directory.ID
	for _, row := range r.Rows {
		ids = append(ids, row.ID)
		named[row.ID] = true
	}
	for _, g := range r.Absent {
		ids = append(ids, g.ID)
	}
	if err := w.Fetch(ctx, ids); err != nil {
		return err
	}
	for _, row := range r.Rows {
		h := *w.Have(row.ID)
		if row.After < h.Touched {
			continue
		}
		if row.Group != nil { // what was asked for is answered, be it as we thought or not
			w.Head.Reads = slices.DeleteFunc(slices.Clone(w.Head.Reads), func(id directory.ID) bool { return id == row.ID })
		}
		same := h.Group != nil && h.Group.GUID == row.GUID && h.Group.Digest() == row.Digest
		switch {
		case row.Group == nil && !same:
			h.Unsure = true
			read(w, row.ID)
		case same && !h.Unsure:
			continue
		case !same:
			h.Group = row.Group
			fallthrough
		default:
			h.Unsure = false
			marked = append(marked, row.ID)
		}
		w.PutHave(&h)
	}
	for _, g := range r.Absent {
		if g.After >= w.Have(g.ID).Touched {
			w.Head.ReadAll = true // only a full report may say that something is gone
		}
	}
	return w.Mark(ctx, marked...)
}

// foldAbsent folds what a full report does not name: it is gone. A report that
// misses much, or that knows itself blind, is believed only when one before it
// agrees and it is proven: an account that lost its right to read sees an empty
// directory, every time.
func foldAbsent(ctx context.Context, w *journal.Work, r journal.Report, named map[directory.ID]bool) error {
	units, err := w.Units(ctx, func(journal.Counts) bool { return true })
	if err != nil {
		return err
	}
	var missing []directory.ID
	total := 0
	for _, n := range units {
		u, err := w.Unit(ctx, n)
		if err != nil {
			return err
		}
		if err := w.Fetch(ctx, u.Groups); err != nil {
			return err
		}
		for _, id := range u.Groups {
			h := w.Have(id)
			if h.Group == nil && !h.Unsure {
				continue
			}
			total++
			if !named[id] && r.After >= h.Touched {
				missing = append(missing, id)
			}
		}
	}
	slices.SortFunc(missing, directory.ID.Compare)
	var list strings.Builder
	for _, id := range missing {
		list.WriteString(id.String())
	}
	if len(missing) > 3 && len(missing)*10 > total || len(missing) > 0 && r.Blind != "" {
		doubt := journal.Doubt{Report: r.ID, Missing: len(missing), Digest: journal.Digest([]byte(list.String())), Blind: r.Blind}
		if !r.Proven || w.Head.Doubt == nil || w.Head.Doubt.Digest != doubt.Digest {
			w.Head.Doubt, w.Head.ReadAll = &doubt, true
			return nil
		}
	}
	w.Head.Doubt = nil
	for _, id := range missing {
		h := *w.Have(id)
		h.Group, h.Unsure, h.Settled = nil, false, false
		w.PutHave(&h)
	}
	return w.Mark(ctx, missing...)
}
