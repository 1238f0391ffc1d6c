package cycle_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The tests of this file are about numbers that somebody else has written: in fences, in
// an agent's high-water mark, in the lease.

// TestForeignFenceIsOneGroupsProblem: somebody wrote a fence by hand that outranks every
// write. The others go on, and so does that group, without a hand: no number from outside
// keeps anybody in.
func TestForeignFenceIsOneGroupsProblem(t *testing.T) {
	soon := uint64(newWorld(t).now.Add(20 * time.Hour).Unix())
	for _, fence := range []plan.Fence{
		{Instance: "corp", Epoch: 1, Seq: 1, Lease: 1 << 40},
		{Instance: "corp", Epoch: 1, Seq: 1, Lease: math.MaxUint64},
		{Instance: "corp", Epoch: 1, Seq: math.MaxUint64, Lease: math.MaxUint64},
		{Instance: "corp", Epoch: soon, Seq: math.MaxUint64, Lease: math.MaxUint64},
		{Instance: "corp", Epoch: math.MaxUint64, Seq: 1, Lease: 1},
		{Instance: "corp", Epoch: 1 << 62, Seq: math.MaxUint64, Lease: math.MaxUint64},
	} {
		w := town(t)
		w.fences[group(1)] = fence.String()
		w.do(errors.Join(w.tenant.AddMember(group(1), user(50)), w.tenant.RemoveMember(group(3), user(0))))
		w.untilQuiet()
		if w.in(group(3), 0) {
			t.Errorf("%v: the leaver of another group is in", fence)
		}
		w.do(w.report(true, nil))
		w.untilQuiet()
		w.later(6 * time.Minute)
		if !w.in(group(1), 50) {
			t.Errorf("%v: nothing is written to the group any more: %+v", fence, w.head().Totals)
		}
		if epoch := w.head().Epoch; epoch > soon+1 {
			t.Errorf("%v: epoch %d", fence, epoch)
		}
	}
}

// TestFenceAgainAndAgain: somebody writes such a fence before each scan. Once an hour
// everything is read for it, and no more often.
func TestFenceAgainAndAgain(t *testing.T) {
	w := town(t)
	epochs := map[uint64]bool{}
	for range 24 {
		w.fences[group(1)] = plan.Fence{Instance: "corp", Epoch: w.head().Epoch, Seq: 1, Lease: math.MaxUint64}.String()
		w.do(w.report(true, nil))
		w.later(15 * time.Minute)
		epochs[w.head().Epoch] = true
	}
	if len(epochs) < 4 || len(epochs) > 7 {
		t.Errorf("%d epochs in 6 hours", len(epochs))
	}
}

// TestEpochsAreNotUsedUp: an agent says again and again that a later epoch has been. The
// epochs stay near the clock, and the one who tells the truth afterwards is believed.
func TestEpochsAreNotUsedUp(t *testing.T) {
	w := town(t)
	bound := func() uint64 { return uint64(w.now.Add(24*time.Hour).Unix()) + 1 }
	for _, far := range []uint64{math.MaxUint64, 1 << 62, bound() + 5, bound() - 2, bound() - 1} {
		for range 20 {
			w.now = w.now.Add(time.Second / 4)
			honest := w.high
			w.high = journal.Mark{Epoch: max(far, w.head().Epoch), Seq: math.MaxUint64 >> 2}
			w.do(w.report(true, nil))
			w.high = honest
			w.do(w.planner.Run(t.Context()))
		}
	}
	if epoch := w.head().Epoch; epoch > bound() || epoch < 1000 {
		t.Fatalf("epoch %d, the clock is at %d", epoch, w.now.Unix())
	}
	w.do(w.tenant.RemoveMember(group(3), user(0)))
	w.untilQuiet()
	if w.in(group(3), 0) {
		t.Errorf("after the lies nothing is written: %+v", w.head())
	}
	// And the journal may be lost then.
	w.loseJournal()
	w.untilQuiet()
	w.do(w.tenant.RemoveMember(group(3), user(1)))
	w.later(time.Minute)
	if w.in(group(3), 1) {
		t.Errorf("after the journal was lost nothing is written: %+v", w.head())
	}
}

// TestWrongPin: the first report of all was of another domain. Nothing of this one is
// believed until a person names it; then all is read and written as if nothing had been.
func TestWrongPin(t *testing.T) {
	const other = "S-1-5-21-9-9-9"
	w := newWorld(t)
	w.users(10)
	w.group(1, 0, 5)
	w.do(w.planner.Run(t.Context()))
	lie := journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: "agent", Full: true, Proven: true, Target: journal.Target{Base: "OU=x", BaseGUID: "elsewhere", DomainSID: other}}
	if _, err := w.poll(); err != nil {
		t.Fatal(err)
	}
	w.do(w.journal.Report(t.Context(), lie))
	w.do(w.planner.Run(t.Context()))
	w.now = w.now.Add(time.Second)
	w.do(w.report(true, nil))
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Target.DomainSID != other || h.Stop == "" || len(w.ad) != 0 {
		t.Fatalf("set-up: %+v, %d groups", h.Target, len(w.ad))
	}
	w.do(w.journal.Ask(t.Context(), journal.Ask{Repin: domainSID, By: "operator"}))
	w.do(w.planner.Run(t.Context()))
	w.now = w.now.Add(time.Second)
	lie.ID = journal.ReportID(w.now)
	w.do(w.journal.Report(t.Context(), lie)) // it is not believed a second time
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Target.DomainSID != domainSID || h.Target.BaseGUID != "" {
		t.Fatalf("the journal is of %+v", h.Target)
	}
	w.now = w.now.Add(time.Second)
	w.do(w.report(true, nil))
	w.later(time.Minute)
	if h := w.head(); h.Target.BaseGUID != "base" || h.Stop != "" || !w.in(group(1), 4) {
		t.Errorf("the journal is of %+v, stopped by %q; the directory has %d groups", h.Target, h.Stop, len(w.ad))
	}
	// In a journal that is right it costs a reading.
	removed := len(w.removed)
	w.do(w.journal.Ask(t.Context(), journal.Ask{Repin: domainSID, By: "operator"}))
	w.later(time.Minute)
	if h := w.head(); h.Target.BaseGUID != "base" || len(w.removed) != removed || h.Reported.IsZero() {
		t.Errorf("the journal is of %+v; removed %v", h.Target, w.removed[removed:])
	}
}

// TestFalseWords: somebody says of what went that it was skipped, or got no answer and is
// still to do. Then everybody sees that it went, and it counts all the same: else each such
// word would make room for as much again.
func TestFalseWords(t *testing.T) {
	for _, status := range []plan.Status{plan.Skipped, plan.Unknown} {
		w := town(t) // group 1 has 20 members: 6 a day may go
		for round := range 3 {
			for i := range 6 {
				w.do(w.tenant.RemoveMember(group(1), user(6*round+i)))
			}
			w.do(w.planner.Run(t.Context()))
			r, err := w.poll()
			w.do(err)
			if r.Batch == nil {
				break
			}
			before := w.ad[group(1)]
			a := w.carryOut(r, -1)
			for i := range a.Results {
				a.Results[i].Status = status
			}
			_, err = w.journal.Ack(t.Context(), a)
			w.do(err)
			for _, g := range []plan.Group{before, w.ad[group(1)]} {
				w.do(w.planner.Run(t.Context()))
				w.now = w.now.Add(time.Second)
				truth := w.ad[group(1)]
				w.ad[group(1)] = g
				w.do(w.report(false, []directory.ID{group(1)}))
				w.ad[group(1)] = truth
			}
			w.later(6 * time.Minute)
		}
		if left := len(w.ad[group(1)].Members()); left < 14 {
			t.Errorf("%s: of 20 members %d are left after minutes; the limit is 30 %% a day", status, left)
		}
	}
}

// TestRowsOutOfForm: rows whose members are in no order or come twice say that somebody is
// no member who is one. They are nobody's, and say nothing.
func TestRowsOutOfForm(t *testing.T) {
	for _, odd := range []func(g *plan.Group){
		func(g *plan.Group) { slices.Reverse(g.Members()) },
		func(g *plan.Group) { g.Links = g.Links.With(plan.Member, append([]plan.Ref{"x"}, g.Members()...)) },
		func(g *plan.Group) {
			g.Links = g.Links.With(plan.Member, append(g.Members(), g.Members()[len(g.Members())-1]))
		},
		func(g *plan.Group) { g.Attrs = map[string][]string{"description": {"b", "a"}} },
		func(g *plan.Group) { g.Attrs = map[string][]string{"description": {}} },
	} {
		w := town(t)
		g := w.ad[group(1)].Clone()
		odd(&g)
		w.do(w.journal.Report(t.Context(), journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: "agent", After: w.closed, High: w.high, Target: w.target(),
			Rows: []journal.Row{{ID: g.ID, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &g}}}))
		w.do(w.planner.Run(t.Context()))
		w.do(w.tenant.RemoveMember(group(1), user(3)))
		w.later(time.Minute)
		if len(w.removed) != 1 || w.in(group(1), 3) || len(w.ad[group(1)].Members()) != 19 {
			t.Errorf("%v: removed %v", g.Members()[:3], w.removed)
		}
	}
}

// TestSoonAgain: what was refused is tried at once, however often somebody asks for that.
// Its time once went back a hundred years at each, until no date had that.
func TestSoonAgain(t *testing.T) {
	w := town(t)
	no := true
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Code: 50, Text: "no right"}, no && c.Group == group(1)
	}
	w.do(w.tenant.AddMember(group(1), user(50)))
	w.untilQuiet()
	for i := range 30 {
		w.stranger(group(1), ref(700+i)) // it is not as it was: tried again at once
		w.do(w.report(true, nil))
		w.do(w.planner.Run(t.Context()))
		w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(1)}, By: "operator"}))
		w.do(w.planner.Run(t.Context()))
	}
	no = false
	w.later(time.Hour)
	if !w.in(group(1), 50) {
		t.Errorf("totals %+v", w.head().Totals)
	}
}
