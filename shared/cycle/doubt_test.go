package cycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The tests of this file are about what must not be concluded yet: from a plan that is not
// over, an enumeration that is not complete, half a reading, a word that is too old.

// TestLateAgentHasGrace: a write that was begun at the very end of a plan may still
// arrive. What the plan left in doubt is read only after that.
func TestLateAgentHasGrace(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.planner.Run(t.Context()))
	end := w.head().Plan.Expires
	w.now = end.Add(journal.Grace)
	w.do(w.planner.Run(t.Context()))
	if w.head().Plan == nil {
		t.Error("the plan is closed while a write of it may be on its way")
	}
	w.now = end.Add(journal.Grace + time.Second)
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Plan != nil || len(h.Reads) != 1 {
		t.Errorf("plan %+v, groups to read %v", h.Plan, h.Reads)
	}
}

// TestScanWithinAPlan: a group is written by several batches of a plan, and a scan reads it
// between two of them. When all are done that is no drift.
func TestScanWithinAPlan(t *testing.T) {
	w := newWorld(t)
	w.users(5100)
	w.group(1, 0, 5100)
	w.do(w.planner.Run(t.Context()))
	_, err := w.agent() // its first report
	w.do(err)
	w.do(w.planner.Run(t.Context()))
	if p := w.head().Plan; p == nil || p.Last == p.First {
		t.Fatalf("plan %+v, want one of several batches", p)
	}
	for between := true; w.head().Plan != nil; between = false {
		_, err := w.agent()
		w.do(err)
		if between {
			w.do(w.report(true, nil))
			w.now = w.now.Add(time.Second)
		}
		if w.closed == w.head().Plan.Last {
			break
		}
	}
	writes := w.writes
	w.untilQuiet()
	if h := w.head(); w.writes != writes || h.Totals.Members != 5100 || h.Totals.Stale != 0 {
		t.Errorf("%d more writes, %d members known, %d stale", w.writes-writes, h.Totals.Members, h.Totals.Stale)
	}
}

// TestSkippedDoesNotCount: what was not done since its group is not there any more is no
// removal of today, until the group is seen again without that member.
func TestSkippedDoesNotCount(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(3), user(0)))
	w.do(w.planner.Run(t.Context()))
	if got := w.head().Window.Count(plan.Removals); got != 1 {
		t.Fatalf("%d issued", got)
	}
	delete(w.ad, group(3))
	for w.head().Plan != nil {
		_, err := w.agent()
		w.do(err)
		w.do(w.planner.Run(t.Context()))
		if p := w.head().Plan; p != nil && p.First > 5 {
			break // its creation
		}
	}
	if got := w.head().Window.Count(plan.Removals); got != 0 {
		t.Errorf("%d removals counted", got)
	}
	w.untilQuiet()
	if got := w.head().Window.Count(plan.Removals); got > 1 || len(w.removed) != 0 || len(w.ad[group(3)].Members()) != 2 {
		t.Errorf("%d removals counted, removed %v, the group has %v", got, w.removed, w.ad[group(3)].Members())
	}
}

// TestLooksAgain: a group whose change was refused is perhaps not as it is known.
func TestLooksAgain(t *testing.T) {
	w := town(t)
	tries := 0
	w.refuseKind(group(3), plan.Adding, &tries)
	w.do(w.tenant.AddMember(group(3), user(50)))
	w.do(w.planner.Run(t.Context()))
	_, err := w.agent()
	w.do(err)
	w.do(w.planner.Run(t.Context()))
	if _, asked := w.record(group(3)); !asked || tries != 1 {
		t.Errorf("tried %d times, asked for %t", tries, asked)
	}
}

// TestNewAttributes: rules that decide another attribute have all of the directory read
// before anything is planned: an attribute that was not read is not empty.
func TestNewAttributes(t *testing.T) {
	w := town(t)
	v, err := w.journal.Load(t.Context())
	w.do(err)
	v.Head.Attrs = slices.DeleteFunc(slices.Clone(v.Head.Attrs), func(a string) bool { return a == "description" })
	v.Head.Rules = "of an earlier version"
	w.do(v.Commit(t.Context()))
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); !h.ReadAll || h.Plan != nil || !slices.Contains(h.Attrs, "description") {
		t.Errorf("all is to be read %t, plan %+v, attributes %v", h.ReadAll, h.Plan, h.Attrs)
	}
	w.untilQuiet()
	if w.in(group(1), 0) {
		t.Error("it does not go on when they were read")
	}
}

// TestEnumerationIsNotTheEnd: what changed while everything was read, the enumeration's own
// links tell. While those cannot be read no plan is made.
func TestEnumerationIsNotTheEnd(t *testing.T) {
	w := newWorld(t)
	w.users(10)
	w.group(1, 0, 5)
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.GroupFeed && !w.source.whole {
			return errFault
		}
		return nil
	}
	for range 3 {
		if err := w.planner.Run(t.Context()); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		_, err := w.agent()
		w.do(err)
	}
	if h := w.head(); h.Main.Number != 1 || !h.Main.Open || h.Plan != nil || h.Reported.IsZero() {
		t.Errorf("round %+v, plan %+v, reported %s", h.Main, h.Plan, h.Reported)
	}
	w.well()
	w.untilQuiet()
	if len(w.ad[group(1)].Members()) != 5 {
		t.Errorf("members %v", w.ad[group(1)].Members())
	}
}

// TestNoUsersAtAll: an enumeration whose feed of users ends without one, though groups have
// users as members, is not complete.
func TestNoUsersAtAll(t *testing.T) {
	w := town(t)
	w.source.expired = true
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed {
			p.Principals = nil
		}
		return nil
	}
	if err := w.planner.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ended without a single user") {
		t.Errorf("the turn ends with %v", err)
	}
	if h := w.head(); h.Shadow == nil || h.Main.Number != 1 || h.Plan != nil {
		t.Errorf("shadow %+v, round %d, plan %+v", h.Shadow, h.Main.Number, h.Plan)
	}
	w.well()
	w.untilQuiet()
	if h := w.head(); h.Shadow != nil || h.Main.Number != 2 || len(w.removed) != 0 {
		t.Errorf("shadow %+v, round %d, removed %v", h.Shadow, h.Main.Number, w.removed)
	}
}

// TestHalvesOfAReading: an enumeration gives a group without its members, and each reading
// of it by name ends half-way. Halves that agree prove nothing.
func TestHalvesOfAReading(t *testing.T) {
	w := town(t)
	without := func(p *directory.Page) error {
		for i, c := range p.Groups {
			if c.ID == group(3) {
				p.Groups[i].Members = nil
			}
		}
		return nil
	}
	w.source.edit, w.source.expired = without, true
	w.source.again = func(p *directory.Page) error {
		p.Next = "the rest, which the source refuses"
		return without(p)
	}
	w.untilQuiet()
	for range 4 {
		w.later(25 * time.Hour)
	}
	if len(w.removed) != 0 || w.source.reread == 0 || w.head().Totals.Asks == 0 {
		t.Errorf("removed %v after %d readings by name, %d questions open", w.removed, w.source.reread, w.head().Totals.Asks)
	}
}

// held is a world in which one member of each of 40 groups, which is over the limit of all
// of them, is held.
func held(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.users(50)
	for i := range 40 {
		w.group(i, 0, 4)
	}
	w.untilQuiet()
	for i := range 40 {
		w.do(w.tenant.RemoveMember(group(i), user(0)))
	}
	w.untilQuiet()
	if h := w.holds(); len(h) != 1 || h[0].Guard != plan.Removals || h[0].Count != 40 || w.head().Totals.Over[plan.Removals] != 40 {
		t.Fatalf("set-up: holds %+v, totals %+v", h, w.head().Totals)
	}
	return w
}

// TestHoldOpensAgain: nobody carried out what was approved, and the approval is over. The
// same list is told of as a new hold: else it would wait in silence, for ever.
func TestHoldOpensAgain(t *testing.T) {
	w := held(t)
	w.group(40, 0, 4)
	w.untilQuiet()
	first := w.holds()[0]
	w.do(w.tenant.AddMember(group(40), user(9)))
	w.do(w.planner.Run(t.Context())) // a plan is in flight, and no agent comes
	w.approve(first)
	w.do(w.planner.Run(t.Context()))
	w.later(25 * time.Hour)
	if h := w.holds(); len(w.removed) != 0 || len(h) != 1 || h[0].ID == first.ID {
		t.Errorf("removed %v, holds %+v; want another one than %s", w.removed, h, first.ID)
	}
}

// TestHoldEndsByItself: whoever left is in again: nothing waits any more.
func TestHoldEndsByItself(t *testing.T) {
	w := held(t)
	for i := range 40 {
		w.do(w.tenant.AddMember(group(i), user(0)))
	}
	w.untilQuiet()
	if h := w.head(); len(w.holds()) != 0 || len(h.Holds) != 0 || h.Totals.Over[plan.Removals] != 0 {
		t.Errorf("holds %+v, over %v", h.Holds, h.Totals.Over)
	}
}

// TestWhoLeftIsForgotten: when a group has agreed with the cloud nobody who left is
// remembered: if somebody puts him in by hand later he is a stranger, who has to be proven
// one.
func TestWhoLeftIsForgotten(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.planner.Run(t.Context()))
	if g, _ := w.record(group(1)); len(g.Left) != 1 {
		t.Fatalf("set-up: left %+v", g.Left)
	}
	w.untilQuiet()
	if g, _ := w.record(group(1)); len(g.Left) != 0 || len(w.removed) != 1 {
		t.Errorf("left %+v, removed %v", g.Left, w.removed)
	}
}

// TestStoppedBatchEndsThePlan: a batch that is stopped half-way is the end of its plan: the
// batches behind it build upon it.
func TestStoppedBatchEndsThePlan(t *testing.T) {
	w := newWorld(t)
	w.users(5100)
	w.group(1, 0, 5100)
	w.do(w.planner.Run(t.Context()))
	_, err := w.agent() // its first report
	w.do(err)
	w.do(w.planner.Run(t.Context()))
	before := w.head().Plan
	r, err := w.poll()
	w.do(err)
	_, err = w.journal.Ack(t.Context(), w.carryOut(r, 0))
	w.do(err)
	w.do(w.planner.Run(t.Context()))
	if now := w.head().Plan; before.First == before.Last || now != nil && now.First <= before.Last {
		t.Errorf("the plan was %+v and is %+v", before, now)
	}
}

// TestNoAnswerComesLast: what got no answer is tried again behind all others: what may be
// stuck on it must not hold them up.
func TestNoAnswerComesLast(t *testing.T) {
	w := town(t)
	stuck, other := group(3), group(4)
	if stuck.Compare(other) > 0 { // which would be planned first
		stuck, other = other, stuck
	}
	w.do(errors.Join(w.tenant.AddMember(stuck, user(50)), w.tenant.AddMember(other, user(50))))
	w.refuse = func(c plan.Change) (plan.Result, bool) { return plan.Result{Status: plan.Unknown}, c.Group == stuck }
	w.untilQuiet()
	w.refuse = nil
	w.now = w.now.Add(time.Hour)
	w.do(w.tenant.AddMember(other, user(51)))
	w.do(w.planner.Run(t.Context()))
	if got := w.planned(); !slices.Equal(got, []directory.ID{other, stuck}) {
		t.Errorf("planned %v, want %s and then %s", got, other, stuck)
	}
}

// TestDoneStaysCounted: who was taken out, by the agent's own word, and comes again, was taken
// out all the same.
func TestDoneStaysCounted(t *testing.T) {
	w := town(t)
	remove(w, group(1), 3)
	w.untilQuiet()
	for i := range 3 {
		w.do(w.tenant.AddMember(group(1), user(i)))
	}
	w.untilQuiet()
	w.do(w.report(true, nil))
	w.untilQuiet()
	if got := w.head().Window.Count(plan.Removals); got != 3 || !w.in(group(1), 0) {
		t.Errorf("%d removals are counted, want 3; who came again is in %t", got, w.in(group(1), 0))
	}
}
