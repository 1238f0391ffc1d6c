package cycle_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// backlog is a world in which many groups, in several units, wait for an agent
// that manages about ten of them at a time.
func backlog(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	limits := plan.DefaultLimits()
	limits.GrowthFloor = 1e6
	w.limits = &limits
	w.restart()
	w.users(500)
	for i := range 150 {
		w.group(i, 0, 150)
	}
	w.untilQuiet()
	v, err := w.journal.Load(t.Context())
	w.do(err)
	v.Head.Rate = 1
	w.do(v.Commit(t.Context()))
	for i := range 150 {
		w.grow(i, 150, 30)
	}
	return w
}

// plan makes the first plan of a backlog.
func (w *world) plan() {
	w.t.Helper()
	w.do(w.planner.Run(w.t.Context()))
	if p := w.head().Plan; p == nil || p.Values < 1000 || p.Values > 1031 {
		w.t.Fatalf("plan %+v; want one of a minute's work, which is 1000 values at least", p)
	}
}

// grow adds n users from up to a group.
func (w *world) grow(g, from, n int) {
	for k := from; k < from+n; k++ {
		w.do(w.tenant.AddMember(group(g), user(k)))
	}
}

// planned lists the groups of the plan in flight, in its order.
func (w *world) planned() (out []directory.ID) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	for seq := v.Head.Plan.First; seq <= v.Head.Plan.Last; seq++ {
		b, err := v.Batch(w.t.Context(), seq)
		w.do(err)
		for _, c := range b.Changes {
			out = append(out, c.Group)
		}
	}
	return out
}

// next has the agent carry out the plan in flight, and the planner make another.
func (w *world) next() []directory.ID {
	w.t.Helper()
	_, err := w.agent()
	w.do(err)
	w.do(w.planner.Run(w.t.Context()))
	return w.planned()
}

// TestAskedFirst: what an operator asks for is in the next plan, however much
// else has changed since.
func TestAskedFirst(t *testing.T) {
	w := backlog(t)
	w.plan()
	var last directory.ID // that would come last of all
	for i := range 150 {
		if id := group(i); !slices.Contains(w.planned(), id) && id.Compare(last) > 0 {
			last = id
		}
		w.grow(i, 180, 1)
	}
	w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{last}, By: "operator"}))
	if got := w.next(); got[0] != last {
		t.Errorf("the group that was asked for is in place %d of %d", slices.Index(got, last), len(got))
	}
}

// TestLeftOversAreNotStarved: what is new fills every plan, and yet what was left
// over is done in the end, be it in the same units as what is new or in others.
func TestLeftOversAreNotStarved(t *testing.T) {
	for _, apart := range []bool{true, false} {
		t.Run(fmt.Sprintf("apart %t", apart), func(t *testing.T) {
			w := backlog(t)
			v, err := w.journal.View(t.Context())
			w.do(err)
			units, err := v.Shards(t.Context(), func(record.Counts) bool { return true })
			w.do(err)
			busy := map[directory.ID]bool{}
			for i, n := range units {
				u, err := v.Shard(t.Context(), n)
				w.do(err)
				for k, id := range u.Groups {
					busy[id] = apart && i < len(units)/2 || !apart && k < len(u.Groups)/2
				}
			}
			waiting := func() (n int) {
				for i := range 150 {
					if id := group(i); !busy[id] && !w.in(id, 179) {
						n++
					}
				}
				return n
			}
			if apart { // the first plan leaves the others' units alone
				w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: slices.DeleteFunc(slices.Collect(maps.Keys(busy)), func(id directory.ID) bool { return !busy[id] }), By: "operator"}))
			}
			w.plan()
			before := waiting()
			for turn := range 12 {
				for i := range 150 {
					if busy[group(i)] {
						w.grow(i, 180+20*turn, 20)
					}
				}
				w.next()
			}
			if after := waiting(); len(units) < 4 || before < 20 || after > 0 {
				t.Errorf("%d units; %d of %d groups that are not busy still wait", len(units), after, before)
			}
		})
	}
}
