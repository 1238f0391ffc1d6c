package cycle_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// small are limits that a test reaches with few changes: six of everything.
func small() *plan.Limits {
	return &plan.Limits{MemberShare: 0.30, MemberFloor: 10, EmptyFloor: 5, Share: 0.10, Floor: 6, GrowthShare: 0.10, GrowthFloor: 6, Creations: 6}
}

// A guarded is what one limit is about. Groups are numbered from 1.
type guarded struct {
	name          string
	guard         plan.GuardName          // empty: one group's own limit
	groups, size  int                     // of the town
	cloud, byHand func(w *world, nth int) // makes one more change wanted: by the cloud, or by what somebody does in AD
	done          func(w *world) int      // how many were carried out
}

const most = 6 // so many may go in a day

func guards() []guarded {
	left := func(w *world) int { return len(w.removed) }
	return []guarded{
		{"members of a group", "", 30, 20,
			func(w *world, i int) { w.do(w.tenant.RemoveMember(group(1), user(i))) },
			nil, left}, // by hand: TestStrangersOfAGroup
		{"memberships", plan.Removals, 30, 2,
			func(w *world, i int) { w.do(w.tenant.RemoveMember(group(1+i), user(0))) },
			func(w *world, i int) { w.stranger(group(1+i), ref(500)) },
			left},
		{"groups no longer managed", plan.Retirements, 40, 2,
			func(w *world, i int) { w.do(w.tenant.HardDelete(group(1 + i))) },
			nil, retired}, // nothing that is done in AD retires a group
		{"renames and moves", plan.Moves, 30, 2,
			func(w *world, i int) { w.do(w.tenant.Rename(group(1+i), fmt.Sprintf("Renamed %d", i))) },
			func(w *world, i int) {
				g := w.ad[group(1+i)].Clone()
				g.Parent = "OU=Elsewhere," + ou
				w.ad[group(1+i)] = g
			},
			func(w *world) (n int) {
				for i := 1; i <= 30; i++ {
					g := w.ad[group(i)]
					if strings.HasPrefix(g.Name, "Renamed") || g.Parent == ou && w.touched[group(i)] {
						n++
					}
				}
				return n
			}},
		{"growth", plan.Additions, 30, 2,
			func(w *world, i int) { w.do(w.tenant.AddMember(group(1+i), user(500))) },
			func(w *world, i int) { w.leave(group(1+i), ref(0)) },
			func(w *world) (n int) {
				for i := 1; i <= 30; i++ {
					if w.in(group(i), 500) || len(w.ad[group(i)].Members()) == 2 && w.touched[group(i)] {
						n++
					}
				}
				return n
			}},
		{"new groups", plan.Creations, 40, 2,
			func(w *world, i int) { w.group(100+i, 0, 2) },
			func(w *world, i int) { delete(w.ad, group(1+i)) },
			func(w *world) (n int) {
				for id := range w.touched {
					if _, exists := w.ad[id]; exists {
						n++
					}
				}
				for i := range 20 {
					if _, exists := w.ad[group(100+i)]; exists {
						n++
					}
				}
				return n
			}},
	}
}

// town is a settled world with small limits, of which the fill has used nothing.
func (g guarded) town(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.users(600)
	for i := 1; i <= g.groups; i++ {
		w.group(i, 0, g.size)
	}
	w.untilQuiet()
	w.limits, w.renames = small(), true
	w.now = w.now.Add(25 * time.Hour)
	w.restart()
	w.untilQuiet()
	return w
}

// leave takes a member out of a group in the directory by hand.
func (w *world) leave(id directory.ID, r plan.Ref) {
	g := w.ad[id].Clone()
	g.Links = g.Links.With(plan.Member, plan.Missing(g.Members(), []plan.Ref{r}))
	w.ad[id] = g
}

// A path is a way on which changes come to be wanted. It makes n wanted.
type path struct {
	name string
	take func(w *world, g guarded, n int)
}

func paths() []path {
	byCloud := func(w *world, g guarded, n int) {
		for i := range n {
			g.cloud(w, i)
		}
	}
	return []path{
		{"delta", byCloud},
		{"full", func(w *world, g guarded, n int) {
			byCloud(w, g, n)
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Full: true, By: "operator"}))
		}},
		{"manual", func(w *world, g guarded, n int) {
			byCloud(w, g, n)
			w.restart() // another process runs the turn that an operator asks for
			ids := slices.Collect(maps.Keys(w.ad))
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Groups: ids[:min(len(ids), 50)], By: "operator"}))
		}},
		{"drift", func(w *world, g guarded, n int) {
			before := maps.Clone(w.ad)
			for i := range n {
				g.byHand(w, i)
			}
			for id, was := range before {
				if now, exists := w.ad[id]; !exists || now.Digest() != was.Digest() {
					w.touched[id] = true
				}
			}
			w.do(w.report(true, nil))
			w.do(w.turn())
			w.now = w.now.Add(time.Second)
			w.do(w.report(true, nil)) // one that misses groups is believed when another agrees
		}},
	}
}

// TestGuards holds each limit at its edge, on each path: at the limit all goes,
// over it nothing does, through a restart and until it is approved; then exactly
// what was listed goes.
func TestGuards(t *testing.T) {
	for _, g := range guards() {
		for _, p := range paths() {
			if p.name == "drift" && g.byHand == nil {
				continue
			}
			for n, held := range map[int]bool{most: false, most + 1: true} {
				t.Run(fmt.Sprintf("%s, %s, %d", g.name, p.name, n), func(t *testing.T) {
					w := g.town(t)
					p.take(w, g, n)
					w.untilQuiet()
					if !held {
						if got := g.done(w); got != n || len(w.holds()) != 0 {
							t.Fatalf("%d carried out, holds %+v; want %d and none", got, w.holds(), n)
						}
						return
					}
					untilApproved(t, w, g, n)
				})
			}
		}
	}
}

func untilApproved(t *testing.T, w *world, g guarded, n int) {
	t.Helper()
	holds := w.holds()
	if got := g.done(w); got != 0 || len(holds) != 1 || holds[0].Count != n {
		t.Fatalf("%d carried out, holds %+v; want none, and %d held", got, holds, n)
	}
	w.restart()
	w.now = w.now.Add(time.Hour)
	w.untilQuiet()
	if again := w.holds(); g.done(w) != 0 || len(again) != 1 || again[0].ID != holds[0].ID {
		t.Fatalf("after a restart: %d carried out, %+v; want hold %s", g.done(w), again, holds[0].ID)
	}
	writes := w.writes
	w.approve(holds[0])
	w.untilQuiet()
	if got := g.done(w); got != n || len(w.holds()) != 0 {
		t.Errorf("after the approval: %d carried out, holds %+v; want %d and none", got, w.holds(), n)
	}
	if got := w.writes - writes; g.name != "new groups" && got > n {
		t.Errorf("after the approval %d changes were made; %d were listed", got, n)
	}
}

// TestStrangersOfAGroup: members that somebody put into a group by hand are
// removed within the group's limit, and held over it.
func TestStrangersOfAGroup(t *testing.T) {
	for n, held := range map[int]bool{most: false, most + 1: true} {
		w := guarded{groups: 30, size: 20 - n}.town(t)
		for i := range n {
			w.stranger(group(1), ref(500+i))
		}
		w.do(w.report(true, nil))
		w.untilQuiet()
		if !held {
			if len(w.removed) != n || len(w.holds()) != 0 {
				t.Errorf("%d removed, holds %+v; want %d and none", len(w.removed), w.holds(), n)
			}
			continue
		}
		heldThenApproved(t, w, n)
	}
}

// TestSlowLeaks makes one change an hour wanted: they add up within a day, and
// not beyond.
func TestSlowLeaks(t *testing.T) {
	for _, g := range guards() {
		t.Run(g.name, func(t *testing.T) {
			w := g.town(t)
			for i := range most {
				g.cloud(w, i)
				w.untilQuiet()
				w.now = w.now.Add(time.Hour)
			}
			if got := g.done(w); got != most || len(w.holds()) != 0 {
				t.Fatalf("%d carried out, holds %+v; want %d and none", got, w.holds(), most)
			}
			g.cloud(w, most)
			w.untilQuiet()
			if got := g.done(w); got != most || len(w.holds()) != 1 {
				t.Fatalf("one more in a day: %d carried out, holds %+v", got, w.holds())
			}
			w.now = w.now.Add(24 * time.Hour)
			w.untilQuiet()
			if got := g.done(w); got != most+1 || len(w.holds()) != 0 {
				t.Errorf("a day later: %d carried out, holds %+v", got, w.holds())
			}
		})
	}
}

// TestAllGroupsAtOnce: to lose every group is more than any number of them.
func TestAllGroupsAtOnce(t *testing.T) {
	for groups, held := range map[int]bool{4: false, 5: true} {
		w := guarded{groups: groups, size: 2}.town(t)
		for i := 1; i <= groups; i++ {
			w.do(w.tenant.HardDelete(group(i)))
		}
		w.untilQuiet()
		if got := retired(w); held != (got == 0) || !held && got != groups || held && len(w.holds()) != 1 {
			t.Errorf("%d of %d groups are no longer managed, holds %+v", got, groups, w.holds())
		}
	}
}

// TestRejected: a hold that was rejected stays, and is not told of again; the
// last word counts.
func TestRejected(t *testing.T) {
	g := guards()[0]
	w := g.town(t)
	for i := range most + 1 {
		g.cloud(w, i)
	}
	w.untilQuiet()
	hold := w.holds()[0]
	say := func(reject bool) {
		w.now = w.now.Add(time.Second)
		word := w.journal.Approve
		if reject {
			word = w.journal.Reject
		}
		w.do(word(t.Context(), wordOn(hold)))
		w.untilQuiet()
	}
	say(true)
	if h := w.holds(); len(h) != 1 || h[0].ID != hold.ID || h[0].Denied != "test" || g.done(w) != 0 {
		t.Fatalf("after the rejection: %+v, %d removed", h, g.done(w))
	}
	say(false)
	if g.done(w) != most+1 || len(w.holds()) != 0 {
		t.Errorf("after the approval: %+v, %d removed", w.holds(), g.done(w))
	}
}
