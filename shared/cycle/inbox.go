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
