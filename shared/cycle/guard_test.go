package cycle_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// remove takes the first n members out of the cloud group.
func remove(w *world, group directory.ID, n int) {
	for i := range n {
		w.do(w.tenant.RemoveMember(group, user(i)))
	}
}

// heldThenApproved expects n removals held, also after a restart, and that they,
// and nothing else, go once they are approved.
func heldThenApproved(t *testing.T, w *world, n int) {
	t.Helper()
	holds := w.holds()
	if len(w.removed) != 0 || len(holds) != 1 || holds[0].Count != n {
		t.Fatalf("%d removed, holds %+v; want none removed and %d held", len(w.removed), holds, n)
	}
	w.restart()
	w.now = w.now.Add(time.Hour)
	w.untilQuiet()
	if again := w.holds(); len(again) != 1 || again[0].ID != holds[0].ID || len(w.removed) != 0 {
		t.Fatalf("after a restart: %d removed, %+v; want hold %s", len(w.removed), again, holds[0].ID)
	}
	listed := listing(t, w, holds[0])
	w.approve(holds[0])
	w.untilQuiet()
	var gone []string
	for _, i := range listed.Items {
		for _, r := range i.Remove {
			gone = append(gone, i.Name+" "+string(r))
		}
	}
	slices.Sort(gone)
	slices.Sort(w.removed)
	if !slices.Equal(gone, w.removed) || len(gone) != n {
		t.Errorf("removed %d: %v; listed %d: %v", len(w.removed), w.removed, len(gone), gone)
	}
	if len(w.holds()) != 0 {
		t.Errorf("still held: %+v", w.holds())
	}
}

func listing(t *testing.T, w *world, l record.Listing) record.Listing {
	t.Helper()
	v, err := w.journal.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err = v.Listing(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestSuddenlyEmpty holds what would empty a group that is too small for a share.
func TestSuddenlyEmpty(t *testing.T) {
	for size, held := range map[int]bool{4: false, 5: true} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			w := newWorld(t)
			w.users(30)
			w.group(1, 0, size)
			w.untilQuiet()
			remove(w, group(1), size)
			w.untilQuiet()
			if held {
				heldThenApproved(t, w, size)
			} else if len(w.removed) != size {
				t.Errorf("%d removed, want %d", len(w.removed), size)
			}
		})
	}
}

func retired(w *world) int {
	n := 0
	for _, g := range w.ad {
		if strings.HasPrefix(strings.Join(g.Attrs["info"], ""), "No longer managed") {
			n++
		}
	}
	return n
}

// TestApprovalIsOfAList approves a list while the cloud moves on: what came
// later is held anew, what came back is not removed.
func TestApprovalIsOfAList(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.untilQuiet()
	remove(w, group(1), 10)
	w.untilQuiet()
	first := w.holds()[0]
	w.approve(first)
	w.do(w.tenant.AddMember(group(1), user(0)))     // comes back
	w.do(w.tenant.RemoveMember(group(1), user(15))) // comes later
	w.untilQuiet()
	name := w.ad[group(1)].Name
	for i := range 20 {
		gone := slices.Contains(w.removed, name+" "+string(ref(i)))
		if want := i >= 1 && i < 10; gone != want {
			t.Errorf("user %d removed: %v, want %v", i, gone, want)
		}
	}
	if h := w.holds(); len(h) != 1 || h[0].ID == first.ID || h[0].Count != 1 {
		t.Errorf("holds %+v, want one new one of one removal", h)
	}
	// An approval of what is not open any more releases nothing.
	w.approve(first)
	w.untilQuiet()
	if len(w.removed) != 9 {
		t.Errorf("%d removed after an old approval came again, want 9", len(w.removed))
	}
}

// TestCauses tells whoever approves why members go.
func TestCauses(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.untilQuiet()
	remove(w, group(1), 6)
	for i := 6; i < 8; i++ {
		w.do(w.tenant.SoftDelete(user(i)))
	}
	w.stranger(group(1), plan.Ref(domainSID+"-7777"))
	w.do(w.report(true, nil))
	w.untilQuiet()
	var got map[string]int
	for _, h := range w.holds() {
		if h.Group == group(1) {
			got = listing(t, w, h).Causes
		}
	}
	want := map[string]int{"left the cloud group": 6, "account is soft-deleted in the cloud": 2, "never was in the cloud group": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("causes %v, want %v", got, want)
	}
}

// TestToldAgain: a hold that nobody answers is told of when it opens, and again
// each day.
func TestToldAgain(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.untilQuiet()
	var log bytes.Buffer
	w.planner.Log = slog.New(slog.NewTextHandler(&log, nil))
	remove(w, group(1), 10)
	w.untilQuiet()
	for day := range 4 {
		if got := strings.Count(log.String(), "level=WARN"); got != day+1 {
			t.Fatalf("day %d: told %d times, want %d:\n%s", day, got, day+1, &log)
		}
		for range 24 {
			w.now = w.now.Add(time.Hour)
			w.untilQuiet()
		}
	}
	if !strings.Contains(log.String(), "age=72h0m0s") {
		t.Errorf("the age is not told:\n%s", &log)
	}
}

// TestRejectedIsNotToldAgain: somebody has answered. Nobody is told of that hold any more.
func TestRejectedIsNotToldAgain(t *testing.T) {
	w := town(t)
	remove(w, group(1), 10)
	w.untilQuiet()
	w.do(w.journal.Reject(t.Context(), wordOn(w.holds()[0])))
	w.untilQuiet()
	var log bytes.Buffer
	w.planner.Log = slog.New(slog.NewTextHandler(&log, nil))
	for range 4 {
		w.later(25 * time.Hour)
	}
	if h := w.holds(); strings.Contains(log.String(), "level=WARN") || len(h) != 1 || h[0].Denied == "" {
		t.Errorf("holds %+v, told:\n%s", h, &log)
	}
}

// TestPreviewInventsNothing: a preview lists what would be held. It has no name yet, nothing
// is told of it, and what is held already keeps its name.
func TestPreviewInventsNothing(t *testing.T) {
	w := town(t)
	remove(w, group(1), 10)
	var log bytes.Buffer
	w.planner.Log = slog.New(slog.NewTextHandler(&log, nil))
	p, err := w.planner.Preview(t.Context())
	w.do(err)
	if len(p.Held) != 1 || p.Held[0].ID != "" || p.Held[0].Count != 10 || log.Len() != 0 {
		t.Errorf("held %+v, log %q", p.Held, &log)
	}
	w.untilQuiet()
	p, err = w.planner.Preview(t.Context())
	w.do(err)
	if holds := w.holds(); len(p.Held) != 1 || p.Held[0].ID == "" || p.Held[0].ID != holds[0].ID {
		t.Errorf("held %+v; in the journal %+v", p.Held, holds)
	}
}

// TestLateWord: "approve" comes once more after somebody has rejected the hold: a proxy's
// retry. It is older than the rejection, and changes nothing.
func TestLateWord(t *testing.T) {
	w := town(t)
	remove(w, group(1), 10)
	w.untilQuiet()
	h := w.holds()[0]
	approve := journal.Word{Hold: h.ID, By: "alice", At: w.now}
	w.do(w.journal.Approve(t.Context(), approve))
	w.do(w.planner.Run(t.Context())) // the agent is away: it is folded, and nothing carried out
	w.now = w.now.Add(30 * time.Minute)
	w.do(w.journal.Reject(t.Context(), journal.Word{Hold: h.ID, By: "bob", At: w.now}))
	w.do(w.planner.Run(t.Context()))
	w.now = w.now.Add(time.Second)
	w.do(w.journal.Approve(t.Context(), approve))
	w.untilQuiet()
	if len(w.removed) != 0 || len(w.holds()) != 1 || w.holds()[0].Denied != "bob" {
		t.Errorf("%d removed, holds %+v", len(w.removed), w.holds())
	}
}

// TestEveryGuardIsPlayed: each limit over all groups is one of those that TestGuards plays,
// or TestEndsAreLimited.
func TestEveryGuardIsPlayed(t *testing.T) {
	for _, g := range plan.Guards() {
		ends := g.Name == plan.Losses || g.Name == plan.Deletions
		if !ends && !slices.ContainsFunc(guards(), func(row guarded) bool { return row.guard == g.Name }) {
			t.Errorf("guards() has no row for %s: add one", g.Name)
		}
	}
}
