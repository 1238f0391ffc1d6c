package cycle_test

import (
	"context"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
)

// counted is a settled world of groups of a size, over a store that counts.
func counted(t testing.TB, groups, members int) (*world, *blobtest.Count) {
	t.Helper()
	return countedOn(t, blob.Memory(), groups, members)
}

func countedOn(t testing.TB, store blob.Store, groups, members int) (*world, *blobtest.Count) {
	t.Helper()
	w := newWorld(t)
	count := &blobtest.Count{Store: store}
	w.store = count
	w.creations = groups
	w.restart()
	w.users(members + 1) // one to come
	for i := range groups {
		w.group(i, 0, members)
	}
	w.untilQuiet()
	if len(w.ad) != groups || len(w.ad[group(0)].Members()) != members {
		t.Fatalf("the directory holds %d groups, the first with %d members; want %d and %d", len(w.ad), len(w.ad[group(0)].Members()), groups, members)
	}
	w.restart() // a cold start: nothing is remembered
	count.Take()
	return w, count
}

// TestIdleTurn: a turn in which nothing happened reads the head, the inbox's list
// and the map, and writes nothing, however large the tenant.
func TestIdleTurn(t *testing.T) {
	for _, groups := range []int{1, 300} {
		w, count := counted(t, groups, 5)
		for range 2 {
			pages := w.source.pages
			w.do(w.planner.Run(t.Context()))
			cost := count.Take()
			if cost.Reads() > 3 || cost.Writes() > 0 {
				t.Errorf("idle turn with %d groups: %s; want at most 3 reads, no writes", groups, cost)
			}
			if n := w.source.pages - pages; n != 3 {
				t.Errorf("idle turn with %d groups: %d pages of Graph, want one for each feed", groups, n)
			}
		}
	}
}

// TestTurnNearItsEnd: a turn whose time is nearly up leaves the rest to the next
// one. It does not try again and again until its time is up, which once kept the
// store busy for ten seconds.
func TestTurnNearItsEnd(t *testing.T) {
	w, count := counted(t, 50, 5)
	w.do(w.tenant.AddMember(group(0), user(5)))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	w.do(w.planner.Run(ctx))
	if cost := count.Take(); cost.Lists != 1 || cost.Reads() > 3 {
		t.Errorf("turn near its end: %s; want one look at the journal", cost)
	}
	w.untilQuiet()
	if n := len(w.ad[group(0)].Members()); n != 6 {
		t.Errorf("after the next turns the group has %d members, want 6", n)
	}
}

// TestSweepingTurn: a turn that changes something looks once an hour for what
// nobody names, at the price of a list for each kind of object. An idle one does
// not, and so stays idle, but for the note that Graph was read.
func TestSweepingTurn(t *testing.T) {
	w, count := counted(t, 50, 5)
	turn := func() blobtest.Cost {
		w.now = w.now.Add(90 * time.Minute)
		w.do(w.planner.Run(t.Context()))
		return count.Take()
	}
	if idle := turn(); idle.Lists != 1 || idle.Writes() > 1 {
		t.Errorf("idle turn: %s; want one list, and one write", idle)
	}
	w.do(w.tenant.AddMember(group(0), user(5)))
	if swept := turn(); swept.Lists < 9 || swept.Deletes == 0 {
		t.Errorf("changing turn: %s; want lists of all kinds, and deletes", swept)
	}
}

// TestCostFollowsTheChange: one member joins each of 100 groups. What that costs
// in requests to the store depends on the change, and hardly on how large the
// tenant is: -v prints it, for the turn that plans, the agent's polls and
// acknowledgements, and the turn that folds them.
func TestCostFollowsTheChange(t *testing.T) {
	const changed, members = 100, 30
	for _, groups := range []int{200, 1000} {
		w, count := counted(t, groups, members)
		for i := range changed {
			w.do(w.tenant.AddMember(group(i*groups/changed), user(members)))
		}
		w.do(w.planner.Run(t.Context()))
		plan := count.Take()
		w.work()
		agent := count.Take()
		w.do(w.planner.Run(t.Context()))
		fold := count.Take()
		t.Logf("%d of %d groups of %d members changed:\nplan  %s\nagent %s\nfold  %s", changed, groups, members, plan, agent, fold)
		for i := range changed {
			if n := len(w.ad[group(i*groups/changed)].Members()); n != members+1 {
				t.Fatalf("a changed group has %d members, want %d", n, members+1)
			}
		}
		// A group's record is in one unit of what Graph says and one of what is known,
		// each read and written at most once by a turn; and there are a few objects more.
		for name, c := range map[string]blobtest.Cost{"plan": plan, "fold": fold} {
			if most := int64(2*changed + 20); c.Reads() > most || c.Writes() > most {
				t.Errorf("%s with %d groups: %s; want at most %d reads and as many writes", name, groups, c, most)
			}
		}
	}
}

// work has the agent do all that there is.
func (w *world) work() {
	for did := true; did; {
		var err error
		did, err = w.agent()
		w.do(err)
	}
}
