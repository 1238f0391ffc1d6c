package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The tests of the files trace….go are the failures that docs/protocol.md lists,
// as far as they are the planner's: what once went wrong somewhere, played again.

// town is a settled world: a group of 20, one of 400, so that limits over all
// are far, and two small ones.
func town(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.group(3, 0, 3)
	w.group(4, 0, 4)
	w.untilQuiet()
	return w
}

// in says whether a user is a member of a group in the directory.
func (w *world) in(g directory.ID, i int) bool { return slices.Contains(w.ad[g].Members(), ref(i)) }

// TestStepIsShort: a step commits when its time is up, however much there is to
// read. Somebody else's commit costs it no more than that.
func TestStepIsShort(t *testing.T) {
	w := newWorld(t)
	w.users(20)
	for i := range 10 {
		w.group(i, 0, 5)
	}
	w.source.size = 2
	w.planner.StepTime = time.Nanosecond
	steps, more := 0, true
	for ; more; steps++ {
		if steps > 100 {
			t.Fatal("it gets nowhere")
		}
		before, pages := w.head().Gen, w.source.pages
		var err error
		if more, err = w.planner.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if read := w.source.pages - pages; read > 1 {
			t.Fatalf("a step without time read %d pages", read)
		}
		if more && w.head().Gen != before+1 {
			t.Fatalf("step %d committed nothing", steps+1)
		}
	}
	if got := w.head().Main.Number; got != 1 || steps < 10 {
		t.Errorf("after %d steps %d enumerations are complete, want one", steps, got)
	}
}

// TestManySmallPlans: each turn stays within the limit over all groups; in a day
// they do not.
func TestManySmallPlans(t *testing.T) {
	w := newWorld(t)
	w.users(30)
	for i := range 20 {
		w.group(i, 0, 20)
	}
	w.untilQuiet()
	leave := func(from, to int) {
		for i := from; i < to; i++ {
			w.do(w.tenant.RemoveMember(group(i%20), user(i/20)))
		}
		w.untilQuiet()
	}
	leave(0, 30)
	leave(30, 37) // 37 of the 370 that are left are 10 %
	if len(w.removed) != 37 || len(w.holds()) != 0 {
		t.Fatalf("%d removed, holds %v; want 37 and none", len(w.removed), w.holds())
	}
	leave(37, 39)
	if h := w.holds(); len(w.removed) != 37 || len(h) != 1 || h[0].Count != 2 {
		t.Fatalf("%d removed, holds %v; want 37, and 2 held", len(w.removed), h)
	}
}

// TestAckLost: a plan was applied and its acknowledgement lost. When it has
// expired its groups are read before they are planned again.
func TestAckLost(t *testing.T) {
	w := town(t)
	w.do(errors.Join(w.tenant.RemoveMember(group(1), user(0)), w.tenant.AddMember(group(3), user(9))))
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	w.carryOut(r, -1)
	writes := w.writes
	w.now = w.now.Add(time.Hour)
	w.untilQuiet()
	if w.writes != writes || len(w.removed) != 1 || !w.in(group(3), 9) {
		t.Errorf("%d changes were made again, removed %v", w.writes-writes, w.removed)
	}
	if h := w.head(); h.Plan != nil || h.Totals.Stale != 0 {
		t.Errorf("plan %v, %d groups unsure", h.Plan, h.Totals.Stale)
	}
}

// TestLateAgent: an agent wakes after its plan was closed. Its word comes too
// late, and what it did is found.
func TestLateAgent(t *testing.T) {
	w := town(t)
	w.do(errors.Join(w.tenant.RemoveMember(group(1), user(0)), w.tenant.AddMember(group(3), user(9))))
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	w.now = w.now.Add(time.Hour)
	w.do(w.planner.Run(t.Context())) // closes the plan
	if h := w.head(); h.Plan != nil || len(h.Reads) == 0 {
		t.Fatalf("plan %v, groups to read %v", h.Plan, h.Reads)
	}
	if _, err := w.journal.Ack(t.Context(), w.carryOut(r, -1)); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("the late word: %v, want %v", err, journal.ErrClosed)
	}
	w.untilQuiet()
	if len(w.removed) != 1 || !w.in(group(3), 9) {
		t.Errorf("removed %v", w.removed)
	}
}

// TestRefusedForEver: one group is refused for ever. The others go on, and it is
// tried a few times a day.
func TestRefusedForEver(t *testing.T) {
	w := town(t)
	tries := 0
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if c.Group != group(3) {
			return plan.Result{}, false
		}
		tries++
		return plan.Result{Status: plan.Refused, Code: 50, Text: "no rights"}, true
	}
	w.do(w.tenant.AddMember(group(3), user(9)))
	for day := range 3 {
		w.do(w.tenant.AddMember(group(4), user(100+day)))
		for range 24 * 12 {
			w.now = w.now.Add(5 * time.Minute)
			w.do(w.turn())
		}
		if !w.in(group(4), 100+day) {
			t.Fatalf("day %d: another group waits", day)
		}
	}
	if tries < 5 || tries > 10 {
		t.Errorf("tried %d times in three days", tries)
	}
	if got := w.head().Totals.Parked; got != 1 {
		t.Errorf("%d groups are parked, want 1", got)
	}
	w.refuse = nil
	w.now = w.now.Add(25 * time.Hour)
	w.untilQuiet()
	if !w.in(group(3), 9) {
		t.Error("it was not tried again")
	}
}

// TestSwapCut: two groups take each other's names, and the agent stops after each
// number of the changes that this takes.
func TestSwapCut(t *testing.T) {
	for cut := range 4 {
		w := town(t)
		a, b := group(3), group(4)
		first, second := w.ad[a].Name, w.ad[b].Name
		swap := func() { // in the directory: what is wanted is the swap back
			x, y := w.ad[a].Clone(), w.ad[b].Clone()
			x.Name, y.Name = second, first
			x.Attrs["sAMAccountName"], y.Attrs["sAMAccountName"] = y.Attrs["sAMAccountName"], x.Attrs["sAMAccountName"]
			w.ad[a], w.ad[b] = x, y
		}
		swap()
		w.do(w.report(true, nil))
		w.do(w.planner.Run(t.Context()))
		for w.head().Plan == nil { // both are read first
			_, err := w.agent()
			w.do(err)
			w.do(w.planner.Run(t.Context()))
		}
		r, err := w.poll()
		w.do(err)
		_, err = w.journal.Ack(t.Context(), w.carryOut(r, cut))
		w.do(err)
		w.untilQuiet()
		if w.ad[a].Name != first || w.ad[b].Name != second {
			t.Errorf("cut after %d changes: %q and %q, want %q and %q", cut, w.ad[a].Name, w.ad[b].Name, first, second)
		}
	}
}

// TestNestedCreationFails: a group is to be a member of another, and cannot be
// created. The rest of that other group is written, and the member follows.
func TestNestedCreationFails(t *testing.T) {
	w := town(t)
	parked := false
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if parked && slices.Contains(c.Add, plan.GroupRef(group(9))) {
			t.Errorf("a group that nobody makes is to become a member: %+v", c)
		}
		return plan.Result{Status: plan.Refused, Code: 53, Text: "no"}, c.Op == plan.Create
	}
	w.do(errors.Join(w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "Inner"}),
		w.tenant.AddMember(group(3), group(9)), w.tenant.AddMember(group(3), user(9))))
	w.untilQuiet()
	if !w.in(group(3), 9) || slices.Contains(w.ad[group(3)].Members(), plan.GroupRef(group(9))) {
		t.Fatalf("members %v", w.ad[group(3)].Members())
	}
	parked = true
	w.later(30 * time.Second)
	w.do(w.tenant.AddMember(group(3), user(10)))
	w.untilQuiet()
	if !w.in(group(3), 10) {
		t.Error("the rest of the group waits for the one that cannot be made")
	}
	w.refuse = nil
	w.now = w.now.Add(25 * time.Hour)
	w.untilQuiet()
	if !slices.Contains(w.ad[group(3)].Members(), plan.GroupRef(group(9))) {
		t.Errorf("members %v: the nested group did not follow", w.ad[group(3)].Members())
	}
}

// TestNestedCreationCut: the line is cut at the creation of a group, and a moment later it
// is made. It becomes a member then, too.
func TestNestedCreationCut(t *testing.T) {
	w := town(t)
	cut := false
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		now := c.Op == plan.Create && !cut
		cut = cut || now
		return plan.Result{Status: plan.Unknown}, now
	}
	w.do(errors.Join(w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "Inner"}), w.tenant.AddMember(group(3), group(9))))
	for range 5 {
		w.later(2 * time.Second)
	}
	if !cut || !slices.Contains(w.ad[group(3)].Members(), plan.GroupRef(group(9))) {
		t.Errorf("cut %t; members %v after ten seconds, and the nested group is there", cut, w.ad[group(3)].Members())
	}
}

// TestOldScan: a scan began before a batch and arrives after it. What it saw is
// not drift.
func TestOldScan(t *testing.T) {
	w := town(t)
	before := map[directory.ID]plan.Group{}
	for id, g := range w.ad {
		before[id] = g
	}
	closed := w.closed
	w.do(errors.Join(w.tenant.AddMember(group(3), user(9)), w.tenant.RemoveMember(group(1), user(0))))
	w.untilQuiet()
	now, writes := w.ad, w.writes
	newer := w.closed
	w.ad, w.closed = before, closed // as the scan had begun
	w.do(w.report(true, nil))
	w.ad, w.closed = now, newer
	w.untilQuiet()
	if w.writes != writes {
		t.Errorf("%d changes were made on the word of an old scan", w.writes-writes)
	}
}

// TestBlindAgent: a full report that misses everything is not believed by itself:
// an account that lost its right to read sees an empty directory.
func TestBlindAgent(t *testing.T) {
	w := newWorld(t)
	w.users(10)
	for i := range 10 {
		w.group(i, 0, 5)
	}
	w.untilQuiet()
	seen, writes := w.ad, w.writes
	w.ad = plan.State{}
	w.do(w.report(true, nil))
	w.ad = seen
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Totals.Stale != 10 || h.Totals.Groups != 10 || h.Plan != nil {
		t.Fatalf("%d stale, %d groups, plan %v", h.Totals.Stale, h.Totals.Groups, h.Plan)
	}
	w.untilQuiet()
	if h := w.head(); h.Totals.Stale != 0 || w.writes != writes {
		t.Errorf("%d stale, %d changes", h.Totals.Stale, w.writes-writes)
	}
}

// TestSameRemovalsLater: what was approved once is not approved for ever.
func TestSameRemovalsLater(t *testing.T) {
	w := town(t)
	remove(w, group(1), 10)
	w.untilQuiet()
	first := w.holds()[0]
	w.approve(first)
	w.untilQuiet()
	if len(w.removed) != 10 {
		t.Fatalf("%d removed, want 10", len(w.removed))
	}
	for i := range 10 {
		w.do(w.tenant.AddMember(group(1), user(i)))
	}
	w.untilQuiet()
	w.now = w.now.Add(30 * 24 * time.Hour)
	remove(w, group(1), 10)
	w.untilQuiet()
	if h := w.holds(); len(w.removed) != 10 || len(h) != 1 || h[0].ID == first.ID {
		t.Fatalf("a month later: %d removed, holds %+v", len(w.removed), h)
	}
	w.approve(first)
	w.untilQuiet()
	if len(w.removed) != 10 {
		t.Errorf("the approval of a month ago released %d", len(w.removed)-10)
	}
}

// TestWindowCountsOnce: a step that issues removals fails at each of its writes
// and is taken again. The window counts them once.
func TestWindowCountsOnce(t *testing.T) {
	for n := int64(1); ; n++ {
		w := town(t)
		hook := &blobtest.Hook{Store: w.store, Around: func(i int64, _ string, write func() error) error {
			if i == n {
				return errFault
			}
			return write()
		}}
		w.store = hook
		w.restart()
		remove(w, group(1), 5)
		w.untilQuietAgainst(func(error) {})
		slices.Sort(w.removed) // a batch whose acknowledgement was lost runs again
		if got, gone := w.head().Window.Count(plan.Removals), slices.Compact(w.removed); got != 5 || len(gone) != 5 {
			t.Fatalf("write %d lost: the window counts %d, removed %v; want 5", n, got, gone)
		}
		if hook.Writes() < n {
			if n < 8 {
				t.Errorf("only %d writes", n-1)
			}
			return
		}
	}
}

// TestLateRetries: what was folded and deleted from the inbox is written there
// once more by a retry that took its time. It says nothing new.
func TestLateRetries(t *testing.T) {
	w := town(t)
	kept, store := map[string][]byte{}, w.store
	w.store = &blobtest.Hook{Store: store, Around: func(_ int64, key string, write func() error) error {
		err := write()
		if data, _, err := store.Get(t.Context(), key); err == nil && strings.Contains(key, "/in/") {
			kept[key] = data
		}
		return err
	}}
	w.restart()
	remove(w, group(1), 10)
	w.do(w.tenant.AddMember(group(3), user(9)))
	w.untilQuiet()
	w.approve(w.holds()[0])
	w.untilQuiet()
	for i := range 10 {
		w.do(w.tenant.AddMember(group(1), user(i)))
	}
	w.untilQuiet()
	state, writes := fmt.Sprint(w.ad), w.writes
	if len(kept) < 4 {
		t.Fatalf("only %d objects were in the inbox", len(kept))
	}
	for key, data := range kept {
		if _, err := store.Put(t.Context(), key, data, ""); err != nil {
			t.Fatalf("%s is still there: %v", key, err)
		}
	}
	w.untilQuiet()
	if w.writes != writes || fmt.Sprint(w.ad) != state {
		t.Errorf("%d changes were made on the word of late retries", w.writes-writes)
	}
	if keys, err := w.store.List(t.Context(), "t/corp/in/"); err != nil || len(keys) > 0 {
		t.Errorf("left in the inbox: %v, %v", keys, err)
	}
}

// TestTwoTargets: the same group of two targets has two journals: one whose agent
// is dead holds up nobody.
func TestTwoTargets(t *testing.T) {
	w := town(t)
	other := &journal.Journal{Store: w.store, Target: "other", Now: w.journal.Now}
	dead := *w.planner
	dead.Journal = other
	w.do(dead.Run(t.Context()))
	w.do(w.tenant.AddMember(group(3), user(9)))
	w.do(dead.Run(t.Context()))
	w.untilQuiet()
	if !w.in(group(3), 9) {
		t.Error("the living target waits for the dead one")
	}
}

// TestThreeAtOnce: two planners, a manual sync of single groups and the agent, all
// at once, on one journal.
func TestThreeAtOnce(t *testing.T) {
	w := town(t)
	w.do(errors.Join(w.tenant.RemoveMember(group(1), user(0)), w.tenant.AddMember(group(3), user(9)), w.tenant.Rename(group(4), "New name")))
	gen := w.head().Gen
	done := make(chan error, 3)
	for i := range 3 {
		p, own := *w.planner, *w.source
		p.Source = &own
		go func() {
			var err error
			for range 4 {
				if i == 2 {
					err = errors.Join(err, w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(1), group(4)}, By: "operator"}))
				}
				if e := p.Run(t.Context()); !errors.Is(e, journal.ErrConflict) {
					err = errors.Join(err, e)
				}
			}
			done <- err
		}()
	}
	for range 3 {
		w.do(<-done)
	}
	if w.head().Gen == gen {
		t.Fatal("nothing was committed")
	}
	w.untilQuiet()
	if len(w.removed) != 1 || !w.in(group(3), 9) || w.ad[group(4)].Attrs["displayName"][0] != "New name" {
		t.Errorf("removed %v, group 4 is %q", w.removed, w.ad[group(4)].Attrs["displayName"])
	}
}
