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
)

// A path is a way on which removals come to be wanted. It has n members of a
// group of size go, of which the group is made here.
type path struct {
	name string
	do   func(w *world, group directory.ID, size, n int)
}

// remove takes the first n members out of the cloud group.
func remove(w *world, group directory.ID, n int) {
	for i := range n {
		w.do(w.tenant.RemoveMember(group, user(i)))
	}
}

func paths() []path {
	return []path{
		{"delta", func(w *world, g directory.ID, _, n int) { remove(w, g, n) }},
		{"full", func(w *world, g directory.ID, _, n int) { remove(w, g, n); w.source.expired = true }},
		{"manual", func(w *world, g directory.ID, _, n int) { w.restart(); remove(w, g, n) }}, // another process runs the same turn
		{"drift", func(w *world, g directory.ID, size, n int) {
			// The group is made smaller in the cloud's eyes: n of its members were added by hand.
			for i := range n {
				w.stranger(g, ref(500+i))
			}
			w.do(w.report(true, nil))
		}},
	}
}

// TestGroupLimit holds the limit of one group at its edge, on every path.
func TestGroupLimit(t *testing.T) {
	for _, p := range paths() {
		// 20 members of which 30 % are 6; by drift, 14 and 6 strangers are 20.
		for n, held := range map[int]bool{6: false, 7: true} {
			t.Run(fmt.Sprintf("%s %d of 20", p.name, n), func(t *testing.T) {
				size := 20
				if p.name == "drift" {
					size = 20 - n
				}
				w := newWorld(t)
				w.users(600)
				w.group(1, 0, size)
				w.group(2, 0, 400) // so that the limit over all groups is far
				w.settle()
				p.do(w, group(1), size, n)
				w.settle()
				if !held {
					if len(w.removed) != n || len(w.holds()) != 0 {
						t.Fatalf("%d removed, holds %v; want %d and none", len(w.removed), w.holds(), n)
					}
					return
				}
				heldThenApproved(t, w, n)
			})
		}
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
	w.settle()
	if again := w.holds(); len(again) != 1 || again[0].ID != holds[0].ID || len(w.removed) != 0 {
		t.Fatalf("after a restart: %d removed, %+v; want hold %s", len(w.removed), again, holds[0].ID)
	}
	listed := listing(t, w, holds[0])
	w.approve(holds[0])
	w.settle()
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

func listing(t *testing.T, w *world, l journal.Listing) journal.Listing {
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
			w.settle()
			remove(w, group(1), size)
			w.settle()
			if held {
				heldThenApproved(t, w, size)
			} else if len(w.removed) != size {
				t.Errorf("%d removed, want %d", len(w.removed), size)
			}
		})
	}
}

// TestOverall holds the limit over all memberships at its edge: 400, of which
// 10 % are 40, in groups that each stay within their own.
func TestOverall(t *testing.T) {
	for n, held := range map[int]bool{40: false, 41: true} {
		for _, p := range []string{"delta", "full"} {
			t.Run(fmt.Sprintf("%s %d of 400", p, n), func(t *testing.T) {
				w := newWorld(t)
				w.users(20)
				for i := range 20 {
					w.group(i, 0, 20)
				}
				w.settle()
				for i := range n {
					w.do(w.tenant.RemoveMember(group(i%20), user(i/20)))
				}
				w.source.expired = p == "full"
				w.settle()
				if held {
					heldThenApproved(t, w, n)
				} else if len(w.removed) != n {
					t.Errorf("%d removed, holds %+v; want %d", len(w.removed), w.holds(), n)
				}
			})
		}
	}
}

// TestRetirements holds the limit on groups that are no longer managed: 20 always may.
func TestRetirements(t *testing.T) {
	for n, held := range map[int]bool{20: false, 21: true} {
		for _, p := range []string{"delta", "full"} {
			t.Run(fmt.Sprintf("%s %d of 40", p, n), func(t *testing.T) {
				w := newWorld(t)
				w.users(3)
				for i := range 40 {
					w.group(i, 0, 3)
				}
				w.settle()
				for i := range n {
					w.do(w.tenant.HardDelete(group(i)))
				}
				w.source.expired = p == "full"
				w.settle()
				if got := retired(w); held != (got == 0) || !held && got != n {
					t.Fatalf("%d retired, holds %+v", got, w.holds())
				}
				if len(w.removed) != 0 || len(w.ad) != 40 {
					t.Errorf("%d members removed, %d groups left; nothing may go", len(w.removed), len(w.ad))
				}
				if !held {
					return
				}
				w.approve(w.holds()[0])
				w.settle()
				if got := retired(w); got != n {
					t.Errorf("%d retired after the approval, want %d", got, n)
				}
			})
		}
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

// TestCreations holds a flood of new groups: a filter's typo must not create
// thousands. The groups that are there go on being kept true.
func TestCreations(t *testing.T) {
	for n, held := range map[int]bool{5: false, 6: true} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			w.creations = 6
			w.restart()
			w.users(3)
			w.group(100, 0, 1)
			w.settle()
			for i := range n {
				w.group(i, 0, 2)
			}
			w.do(w.tenant.AddMember(group(100), user(1)))
			w.settle()
			if got := len(w.ad) - 1; held != (got == 0) || !held && got != n {
				t.Fatalf("%d created, holds %+v", got, w.holds())
			}
			if got := len(w.ad[group(100)].Members); got != 2 {
				t.Errorf("the group that was there has %d members, want 2", got)
			}
			if held {
				w.approve(w.holds()[0])
				w.settle()
				if got := len(w.ad) - 1; got != n {
					t.Errorf("%d created after the approval, want %d", got, n)
				}
			}
		})
	}
}

// TestSlowLeak removes few at a time: they add up within a day, and not beyond.
func TestSlowLeak(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.settle()
	for i := range 6 {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
		w.settle()
		w.now = w.now.Add(time.Hour)
	}
	if len(w.removed) != 6 {
		t.Fatalf("%d removed, want 6", len(w.removed))
	}
	w.do(w.tenant.RemoveMember(group(1), user(6)))
	w.settle()
	if len(w.removed) != 6 || len(w.holds()) != 1 {
		t.Fatalf("the seventh in a day: %d removed, holds %+v", len(w.removed), w.holds())
	}
	w.now = w.now.Add(24 * time.Hour)
	w.settle()
	if len(w.removed) != 7 || len(w.holds()) != 0 {
		t.Errorf("a day later: %d removed, holds %+v", len(w.removed), w.holds())
	}
}

// TestApprovalIsOfAList approves a list while the cloud moves on: what came
// later is held anew, what came back is not removed.
func TestApprovalIsOfAList(t *testing.T) {
	w := newWorld(t)
	w.users(600)
	w.group(1, 0, 20)
	w.group(2, 0, 400)
	w.settle()
	remove(w, group(1), 10)
	w.settle()
	first := w.holds()[0]
	w.approve(first)
	w.do(w.tenant.AddMember(group(1), user(0)))     // comes back
	w.do(w.tenant.RemoveMember(group(1), user(15))) // comes later
	w.settle()
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
	w.settle()
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
	w.settle()
	remove(w, group(1), 6)
	for i := 6; i < 8; i++ {
		w.do(w.tenant.SoftDelete(user(i)))
	}
	w.stranger(group(1), plan.Ref(domainSID+"-7777"))
	w.do(w.report(true, nil))
	w.settle()
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
	w.settle()
	var log bytes.Buffer
	w.planner.Log = slog.New(slog.NewTextHandler(&log, nil))
	remove(w, group(1), 10)
	w.settle()
	for day := range 4 {
		if got := strings.Count(log.String(), "level=WARN"); got != day+1 {
			t.Fatalf("day %d: told %d times, want %d:\n%s", day, got, day+1, &log)
		}
		for range 24 {
			w.now = w.now.Add(time.Hour)
			w.settle()
		}
	}
	if !strings.Contains(log.String(), "age=72h0m0s") {
		t.Errorf("the age is not told:\n%s", &log)
	}
}
