package cycle_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The tests of this file are about what was issued and is not proven: how it counts, who
// waits for it, and what odd words of the agent's end do.

// TestWindowKeepsWhatTookPlace: an acknowledgement is lost and the plan expires. What it
// removed took place, and counts.
func TestWindowKeepsWhatTookPlace(t *testing.T) {
	w := town(t) // group 1 has 20 members: 6 a day may go
	for i := range 6 {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	w.carryOut(r, -1) // done; the acknowledgement never arrives
	w.later(13 * time.Minute)
	if len(w.removed) != 6 || len(w.ad[group(1)].Members()) != 14 {
		t.Fatalf("set-up: %d removed", len(w.removed))
	}
	for i := 6; i < 10; i++ {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	w.untilQuiet()
	if len(w.removed) != 6 || len(w.holds()) != 1 {
		t.Errorf("%d of 20 members went within 13 minutes (limit: 6 in 24 h); holds %+v", len(w.removed), w.holds())
	}
}

// TestWindowGivesBackWhatDidNot: the plan expires, and nothing of it was done. It does
// not count.
func TestWindowGivesBackWhatDidNot(t *testing.T) {
	w := town(t)
	for i := range 6 {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	for range 3 {
		w.do(w.planner.Run(t.Context()))
		if w.head().Plan == nil {
			t.Fatalf("no plan; holds %+v", w.holds())
		}
		w.now = w.now.Add(13 * time.Minute)
		w.do(w.planner.Run(t.Context())) // closes it
		if _, err := w.agent(); err != nil {
			t.Fatal(err)
		}
	}
	w.untilQuiet()
	if got := w.head().Window.Count(plan.Removals); len(w.removed) != 6 || got != 6 || len(w.holds()) != 0 {
		t.Errorf("%d removed, %d counted, holds %+v; want 6, 6 and none", len(w.removed), got, w.holds())
	}
}

// TestWindowKeepsRefusedInPart: a change is refused after half of it was done. That half
// counts, the other does not.
func TestWindowKeepsRefusedInPart(t *testing.T) {
	w := town(t)
	for i := range 6 {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	busy, tried := true, false
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if c.Group != group(1) || len(c.Remove) == 0 || !busy {
			return plan.Result{}, false
		}
		half := c
		if half.Remove = c.Remove[:3]; tried {
			half.Remove = nil
		}
		tried = true
		g := plan.Apply(w.ad[c.Group], half)
		for _, x := range half.Remove {
			w.removed = append(w.removed, g.Name+" "+string(x))
		}
		w.ad[c.Group] = g
		return plan.Result{Status: plan.Refused, Code: 51, Text: "busy"}, true
	}
	w.untilQuiet()
	if got := w.head().Window.Count(plan.Removals); got != 3 {
		t.Errorf("3 of 6 were done, %d are counted", got)
	}
	busy = false
	w.later(time.Hour)
	if got := w.head().Window.Count(plan.Removals); got != 6 || len(w.removed) != 6 {
		t.Errorf("all were done, %d are counted, %d removed", got, len(w.removed))
	}
}

// TestWindowKeepsWhatWasNotRefused: one of six members cannot be taken out, the others were.
// The window gets that one back, and no more.
func TestWindowKeepsWhatWasNotRefused(t *testing.T) {
	w := town(t)
	remove(w, group(1), 6)
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if !slices.Contains(c.Remove, ref(0)) {
			return plan.Result{}, false
		}
		r := plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ref(0), Code: 53, Text: "it is his primary group"}}}
		w.ad[c.Group] = plan.Outcome(w.ad[c.Group], c, r)
		return r, true
	}
	w.untilQuiet()
	if got := w.head().Window.Count(plan.Removals); got != 5 || len(w.ad[group(1)].Members()) != 15 {
		t.Errorf("5 of 6 were done, %d are counted; the group has %d members", got, len(w.ad[group(1)].Members()))
	}
}

// TestOverallWindowKeepsWhatTookPlace: the same for the limit over all groups.
func TestOverallWindowKeepsWhatTookPlace(t *testing.T) {
	w := newWorld(t)
	w.users(30)
	for i := range 20 {
		w.group(i, 0, 20)
	}
	w.untilQuiet()
	rounds := 0
	for ; rounds < 10; rounds++ { // one member of each of 20 groups, again and again
		for i := range 20 {
			w.do(w.tenant.RemoveMember(group(i), user(rounds)))
		}
		w.do(w.planner.Run(t.Context()))
		r, err := w.poll()
		w.do(err)
		if r.Batch == nil {
			break // held
		}
		w.carryOut(r, -1)
		w.later(13 * time.Minute)
	}
	if len(w.removed) != 20 || len(w.holds()) != 1 { // 40 would be more than a tenth of the 380 that are left
		t.Errorf("%d of 400 memberships went in %d rounds; the limit is 10 %% in 24 h; holds %v", len(w.removed), rounds, w.holds())
	}
}

// TestWindowSlides: a window has no seam at which twice the limit goes.
func TestWindowSlides(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 100)
	w.group(2, 0, 500)
	w.untilQuiet()
	start := w.now
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.untilQuiet()
	w.now = start.Add(24*time.Hour - time.Minute)
	for i := 1; i < 30; i++ {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	w.untilQuiet()
	w.now = w.now.Add(2 * time.Minute)
	for i := 30; i < 51; i++ {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	w.untilQuiet()
	if len(w.removed) > 30 {
		t.Errorf("%d of 100 members went, 50 of them within two minutes; the limit is 30 in 24 h", len(w.removed))
	}
	w.later(26 * time.Hour)
	w.later(26 * time.Hour)
	if len(w.removed) != 51 {
		t.Errorf("%d went after the window, want all 51", len(w.removed))
	}
}

// turnWith runs the planner and an agent for a time; the agent carries a batch out by do,
// and where that returns nil it says nothing.
func (w *world) turnWith(times int, pause time.Duration, do func(journal.PollReply, journal.Batch) *journal.Ack) {
	w.t.Helper()
	for range times {
		w.do(w.planner.Run(w.t.Context()))
		r, err := w.poll()
		w.do(err)
		w.do(w.answer(r))
		if r.Batch != nil {
			var b journal.Batch
			w.do(json.Unmarshal(r.Batch, &b))
			if a := do(r, b); a != nil {
				_, err := w.journal.Ack(w.t.Context(), *a)
				w.do(err)
			}
		}
		w.now = w.now.Add(pause)
	}
}

// TestNoAnswerStarvesNobody: one group's write gets no answer, however often it is tried.
// The others go on, whether the agent says so or dies of it.
func TestNoAnswerStarvesNobody(t *testing.T) {
	for _, says := range []bool{true, false} {
		for _, order := range []bool{true, false} {
			w := town(t)
			poison, victim := group(1), group(3)
			if (poison.Compare(victim) > 0) == order {
				poison, victim = group(3), group(1)
			}
			w.do(errors.Join(w.tenant.AddMember(poison, user(50)), w.tenant.RemoveMember(victim, user(0))))
			w.turnWith(100, 5*time.Minute, func(r journal.PollReply, b journal.Batch) *journal.Ack {
				at := slices.IndexFunc(b.Changes, func(c plan.Change) bool { return c.Group == poison })
				if at < 0 {
					a := w.carryOut(r, -1)
					return &a
				}
				if !says { // it dies at that change
					w.carryOut(r, at)
					return nil
				}
				w.refuse = func(c plan.Change) (plan.Result, bool) { return plan.Result{Status: plan.Unknown}, c.Group == poison }
				a := w.carryOut(r, -1)
				w.refuse = nil
				return &a
			})
			if w.in(victim, 0) {
				t.Errorf("says %t: after 8 hours the leaver is still a member of a group that has nothing wrong with it", says)
			}
			if parked := w.head().Totals.Parked; says && parked != 1 {
				t.Errorf("%d changes are parked, want the one that gets no answer", parked)
			}
		}
	}
}

// TestFencedByHandAndHealed: a change is refused for a fence that somebody wrote by hand;
// then a scan shows that fence, and a new epoch begins behind it. The change goes then.
func TestFencedByHandAndHealed(t *testing.T) {
	w := town(t)
	w.now = w.now.Add(time.Hour)
	w.fences[group(1)] = plan.Fence{Instance: "corp", Epoch: 1, Seq: 1, Lease: math.MaxUint64}.String()
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Fenced, Text: "the group has a fence that outranks this"}, c.Group == group(1) && w.head().Epoch == 1
	}
	w.do(w.tenant.AddMember(group(1), user(50)))
	w.turnWith(20, time.Second, func(r journal.PollReply, b journal.Batch) *journal.Ack {
		kept := w.fences[group(1)]
		a := w.carryOut(r, -1)
		if w.head().Epoch == 1 {
			w.fences[group(1)] = kept
		}
		return &a
	})
	if w.in(group(1), 50) && w.head().Epoch == 1 {
		t.Fatal("set-up: the fence kept nobody out")
	}
	w.do(w.report(true, nil))
	w.later(2 * time.Second)
	w.later(2 * time.Second)
	if h := w.head(); h.Epoch == 1 || !w.in(group(1), 50) || h.Totals.Parked != 0 {
		t.Errorf("epoch %d, the new member is in: %t, totals %+v", h.Epoch, w.in(group(1), 50), h.Totals)
	}
}

// TestLostJournalIsBehindNobody: the journal is lost after several epochs. The new one
// begins behind all of them, in one step.
func TestLostJournalIsBehindNobody(t *testing.T) {
	w := town(t)
	for id := range w.ad {
		w.fences[id] = plan.Fence{Instance: "corp", Epoch: 9, Seq: 70, Lease: 4}.String()
	}
	w.high = journal.Mark{Epoch: 9, Seq: 80}
	w.loseJournal()
	w.untilQuiet()
	before := w.head().Epoch
	if before <= 9 || before < uint64(w.now.Unix()) {
		t.Fatalf("epoch %d", before)
	}
	w.high.Epoch = before
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.later(time.Minute)
	if w.in(group(1), 0) || w.head().Epoch != before {
		t.Errorf("the leaver is in: %t; epoch %d, then %d", w.in(group(1), 0), before, w.head().Epoch)
	}
}

// TestLeaseLost: the object that counts leases is deleted. The next lease outranks every
// fence all the same.
func TestLeaseLost(t *testing.T) {
	w := town(t)
	for _, who := range []string{"agent-b", "agent"} { // two take-overs
		w.now = w.now.Add(4 * time.Minute)
		_, err := w.journal.Poll(t.Context(), journal.Poll{Agent: who})
		w.do(err)
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.untilQuiet()
	w.do(w.store.Delete(t.Context(), "t/corp/lease"))
	w.now = w.now.Add(time.Second)
	w.do(w.tenant.RemoveMember(group(1), user(1)))
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	theirs, _ := plan.ParseFence(w.fences[group(1)])
	if mine := (plan.Fence{Instance: "corp", Epoch: 1, Seq: r.Seq, Lease: r.Token}); r.Batch == nil || theirs.Compare(mine) >= 0 {
		t.Errorf("the group has %v, the next batch would write %v", theirs, mine)
	}
}

// TestOddStatus: an outcome that this version does not know is no outcome: somebody looks.
func TestOddStatus(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	a := w.carryOut(r, -1)
	a.Results[0].Status = "partly"
	_, err = w.journal.Ack(t.Context(), a)
	w.do(err)
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); len(h.Reads) != 1 || h.Plan != nil {
		t.Errorf("reads %v, plan %+v", h.Reads, h.Plan)
	}
	w.untilQuiet()
	if len(w.removed) != 1 || w.head().Totals.Stale != 0 {
		t.Errorf("removed %v, %d stale", w.removed, w.head().Totals.Stale)
	}
}

// TestWishToReadStays: a full report that was read before a plan was closed says nothing
// about what the plan left in doubt, whether it comes before that or after.
func TestWishToReadStays(t *testing.T) {
	for _, after := range []bool{false, true} {
		w := town(t)
		w.do(w.tenant.RemoveMember(group(1), user(0)))
		w.do(w.planner.Run(t.Context()))
		r, err := w.poll()
		w.do(err)
		w.carryOut(r, -1)
		w.closed = r.Closed // the agent does not count its batch as closed yet
		w.now = w.now.Add(13 * time.Minute)
		if after {
			w.do(w.planner.Run(t.Context()))
		}
		w.do(w.report(true, nil))
		w.do(w.planner.Run(t.Context()))
		if h := w.head(); h.Totals.Stale != 1 || len(h.Reads) != 1 {
			t.Errorf("after %t: %d stale, asked for %v", after, h.Totals.Stale, h.Reads)
		}
	}
}

// TestOddPace: no acknowledgement's number of seconds stops the planner.
func TestOddPace(t *testing.T) {
	for _, seconds := range []float64{1e-308, 5e-324, 1e308, -1, math.Inf(1), math.NaN()} {
		w := town(t)
		for i := 100; i < 300; i++ {
			w.do(w.tenant.AddMember(group(3), user(i)))
		}
		w.do(w.planner.Run(t.Context()))
		r, err := w.poll()
		w.do(err)
		a := w.carryOut(r, -1)
		if a.Seconds = seconds; math.IsInf(seconds, 0) || math.IsNaN(seconds) {
			a.Seconds = math.MaxFloat64 // JSON has neither
		}
		_, err = w.journal.Ack(t.Context(), a)
		w.do(err)
		w.later(time.Hour)
		if rate := w.head().Rate; rate < 0 || rate > 100_000 || !w.in(group(3), 299) {
			t.Errorf("%v seconds: a rate of %v", seconds, rate)
		}
	}
}

// TestSetBackKnowsNoStrangers: somebody's account was made anew, and his new SID written.
// Then the journal is restored from a copy of before, and the users cannot be read: whom
// it does not know is no stranger for that.
func TestSetBackKnowsNoStrangers(t *testing.T) {
	w := town(t)
	backup := copied(w, w.store)
	w.do(w.tenant.SetProperty(user(1), "onPremisesSecurityIdentifier", string(ref(900))))
	w.later(time.Minute)
	if !slices.Contains(w.ad[group(1)].Members(), ref(900)) {
		t.Fatal("set-up: the new account is not in")
	}
	w.store = backup
	w.restart()
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed {
			return errFault
		}
		return nil
	}
	w.do(w.report(true, nil))
	for range 20 {
		w.now = w.now.Add(time.Minute)
		if err := w.planner.Run(t.Context()); !errors.Is(err, errFault) {
			t.Fatalf("the users can be read: %v", err)
		}
		_, err := w.agent()
		w.do(err)
	}
	if !slices.Contains(w.ad[group(1)].Members(), ref(900)) || w.head().Totals.Unproven == 0 || !w.head().Main.Behind {
		t.Errorf("the new account is in: %t; behind: %t, totals %+v", slices.Contains(w.ad[group(1)].Members(), ref(900)), w.head().Main.Behind, w.head().Totals)
	}
	w.source.edit = nil
	w.later(time.Hour)
	if !slices.Contains(w.ad[group(1)].Members(), ref(900)) || w.in(group(1), 1) || w.head().Totals.Unproven > 0 || w.head().Main.Behind {
		t.Errorf("the users were read: new account in: %t, old one in: %t; totals %+v", slices.Contains(w.ad[group(1)].Members(), ref(900)), w.in(group(1), 1), w.head().Totals)
	}
}

// TestLastSIDProvesNoStranger: somebody's account was made anew and he was put in by hand
// as who he is now. An enumeration that leaves him out has no word on his account: by his
// last SID he is kept, but whoever else is there is no stranger for that.
func TestLastSIDProvesNoStranger(t *testing.T) {
	w := town(t)
	w.do(w.tenant.SetProperty(user(1), "onPremisesSecurityIdentifier", string(ref(900))))
	w.stranger(group(1), ref(900))
	w.usns[group(1)]++
	w.do(w.report(true, nil))
	w.source.expired = true
	leaveOut := func(p *directory.Page) error {
		p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return c.ID == user(1) })
		return nil
	}
	w.source.edit, w.source.describe = leaveOut, leaveOut
	w.untilQuiet()
	if !slices.Contains(w.ad[group(1)].Members(), ref(900)) || !w.in(group(1), 1) {
		t.Errorf("removed: %v", w.removed)
	}
	w.source.edit, w.source.describe = nil, nil
	w.later(time.Hour)
	w.later(time.Hour)
	if !slices.Contains(w.ad[group(1)].Members(), ref(900)) || w.in(group(1), 1) {
		t.Errorf("described, and the new account is in: %t, the old one: %t", slices.Contains(w.ad[group(1)].Members(), ref(900)), w.in(group(1), 1))
	}
}
