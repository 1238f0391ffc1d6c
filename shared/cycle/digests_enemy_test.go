package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// digests is a full report as the agent makes it on its own: of each group its digest
// alone.
func (w *world) digests() {
	w.t.Helper()
	r := journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: "agent", Full: true, After: w.closed, High: w.high, Target: w.target(), Grounds: w.grounds}
	for id, g := range w.ad {
		if id != w.hidden {
			g = w.seen(g)
			r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Fence: w.fences[id], USN: w.usns[id], SID: sidOf(id)})
		}
	}
	w.do(w.journal.Report(w.t.Context(), r))
}

// TestMuchDriftIsMended: somebody changed more groups by hand than the agent is asked for
// at a time. One scan finds them, and all are put right.
func TestMuchDriftIsMended(t *testing.T) {
	const groups = 250
	w := newWorld(t)
	w.users(6)
	for i := range groups {
		w.group(i, 0, 3)
	}
	w.untilQuiet()
	for i := range groups {
		w.leave(group(i), ref(0))
	}
	w.now = w.now.Add(time.Hour)
	w.digests()
	w.do(w.planner.Run(t.Context()))
	if got := w.head().Totals.Stale; got != groups {
		t.Errorf("%d of %d groups that were changed by hand are said to be read again", got, groups)
	}
	w.later(time.Hour)
	out := 0
	for i := range groups {
		if !w.in(group(i), 0) {
			out++
		}
	}
	if out > 0 {
		t.Errorf("%d of %d groups still lack who was taken out by hand; totals %+v", out, groups, w.head().Totals)
	}
}

// TestBlindIsAskedAgain: an account that is blind says nothing of a group that it was
// asked for. When it sees again, the group is found without another full report.
func TestBlindIsAskedAgain(t *testing.T) {
	w := town(t)
	w.hide(group(1), nil)
	w.digests()
	w.do(w.planner.Run(t.Context()))
	if got := w.head().Reads; len(got) != 1 {
		t.Fatalf("set-up: asked for %v", got)
	}
	blind := journal.Report{ID: journal.ReportID(w.now.Add(time.Second)), Part: 1, Parts: 1, Agent: "agent", After: w.closed, High: w.high, Target: w.target(), Blind: "it may not read"}
	w.do(w.journal.Report(t.Context(), blind))
	w.do(w.planner.Run(t.Context()))
	if got := w.head().Reads; len(got) != 0 {
		t.Fatalf("set-up: asked for %v still", got)
	}
	w.hide(directory.ID{}, nil)
	w.later(10 * time.Minute)
	if got := w.head().Totals.Stale; got != 0 {
		t.Errorf("the account sees the group again, and nobody asks for it; totals %+v, asked for %v", w.head().Totals, w.head().Reads)
	}
}

// TestTroubleOfUnknownGoneIsOver: a group of which nothing is known but that it is in
// trouble: somebody deletes what was in the way. It is made.
func TestTroubleOfUnknownGoneIsOver(t *testing.T) {
	w := town(t)
	w.do(w.tenant.SoftDelete(group(4)))
	w.untilQuiet()
	w.loseJournal()
	w.hide(group(1), &plan.Trouble{Case: plan.TroubleTwin, DN: "CN=Two", Text: "two groups bear its mark: delete one"})
	w.inScan = true
	w.untilQuiet()
	if got := w.head().Totals.Trouble; got != 1 {
		t.Fatalf("set-up: totals %+v", w.head().Totals)
	}
	w.hide(directory.ID{}, nil)
	delete(w.ad, group(1))
	w.digests()
	w.later(time.Hour)
	w.digests()
	w.later(time.Hour)
	if _, is := w.ad[group(1)]; !is {
		t.Errorf("what was in the way is gone for hours, and the group was not made; totals %+v", w.head().Totals)
	}
}

// TestDoubtOutlivesAReportOfManySteps: all is asked for, and while the report of it, read
// before a change, is folded over several steps, the change gets no answer. The group is
// read again all the same.
func TestDoubtOutlivesAReportOfManySteps(t *testing.T) {
	w := town(t)
	w.do(w.tenant.AddMember(group(1), user(50)))
	w.do(w.planner.Run(t.Context())) // a plan is issued
	r, err := w.poll()
	w.do(err)
	if r.Batch == nil {
		t.Fatal("set-up: no batch")
	}
	// Everything is read before the batch is carried out, in a report of several parts.
	var rows []journal.Row
	for id, g := range w.ad {
		rows = append(rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Fence: w.fences[id], Group: &g, SID: sidOf(id)})
	}
	slices.SortFunc(rows, func(a, b journal.Row) int { return a.ID.Compare(b.ID) })
	after := w.closed
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
	w.do(w.planner.Run(t.Context())) // everything is to be read
	if !w.head().ReadAll {
		t.Fatal("set-up: nobody asks for everything")
	}
	a := w.carryOut(r, -1)
	for i := range a.Results {
		a.Results[i] = plan.Result{Status: plan.Unknown}
	}
	_, err = w.journal.Ack(t.Context(), a)
	w.do(err)
	id := journal.ReportID(w.now)
	for i := range rows {
		w.do(w.journal.Report(t.Context(), journal.Report{ID: id, Part: i + 1, Parts: len(rows), Agent: "agent", Full: true, After: after, High: w.high, Proven: true, Target: w.target(),
			Rows: rows[i : i+1]}))
	}
	w.planner.StepTime = time.Nanosecond
	for range 30 {
		w.now = w.now.Add(time.Second)
		_, err := w.planner.Step(t.Context())
		w.do(err)
	}
	if h := w.head(); h.ReadAll || h.Totals.Stale > 0 && len(h.Reads) == 0 {
		t.Errorf("all %t, %d stale, and asked for are %v", h.ReadAll, h.Totals.Stale, h.Reads)
	}
	w.planner.StepTime = 0
	w.later(time.Hour)
	if h := w.head(); h.Totals.Stale > 0 {
		t.Errorf("%d stale, and asked for are %v", h.Totals.Stale, h.Reads)
	}
}
