package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
)

// errFault is what a write says that went wrong.
var errFault = errors.New("injected fault")

// A stage of the story that faults are played against.
type chapter struct {
	name string
	do   func(w *world)

	leaving string                      // the rules' word on what is not wanted any more
	live    func(w *world, rest func()) // instead of do: it goes on where all is quiet, and ends as it began
}

func chapters() []chapter {
	return []chapter{
		{name: "full", do: func(w *world) { w.source.expired = true; w.do(w.tenant.AddMember(group(2), user(9))) }},
		{name: "delta", do: func(w *world) {
			w.do(errors.Join(w.tenant.Rename(group(3), "Renamed"), w.tenant.RemoveMember(group(1), user(0)), w.tenant.AddMember(group(4), group(3)),
				w.tenant.SoftDelete(group(5)), w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "New", Members: nil})))
		}},
		{name: "manual", do: func(w *world) {
			w.restart() // another process runs the turn that an operator asks for
			w.do(w.tenant.RemoveMember(group(2), user(1)))
			w.stranger(group(4), ref(11)) // which no scan has found
			ask := journal.Ask{Groups: []directory.ID{group(2), group(4)}, By: "operator"}
			for errors.Is(w.journal.Ask(w.t.Context(), ask), errFault) { // the operator tries again
				continue
			}
		}},
		{name: "rules", do: rulesPutAndTakenBack},
	}
}

// TestEveryWriteFails plays a first fill and a chapter again for each write that
// they make to the store, of planner and relay, once lost and once done but
// reported as failed; of a chapter of a life its own writes. The directory ends as without
// the fault, no member was removed that should not have been, and no group was made anew
// that could have been had back.
func TestEveryWriteFails(t *testing.T) {
	played, lives := 0, 0
	for _, c := range slices.Concat(chapters(), chaptersOfLife()) {
		want := playChapter(t, c, 0, false)
		if n := want.hook.Writes() - want.filled; n < 20 {
			t.Fatalf("%s makes %d writes: too few to mean anything", c.name, n)
		}
		first, step := want.filled, int64(1)
		if c.live != nil && (raced || testing.Short()) { // a third, others each day
			step = 3
			first += time.Now().Unix() / 86_400 % step
		}
		for n := first; n < want.hook.Writes(); n += step {
			for _, took := range []bool{false, true} {
				if c.live != nil {
					lives++
				}
				played++
				playChapter(t, c, n+1, took).like(want, fmt.Sprintf("%s: write %d, took effect %v", c.name, n+1, took))
			}
		}
	}
	t.Logf("%d faults played, over %d chapters, %d of them over %d chapters of a life: 0 memberships lost", played, len(chapters())+len(chaptersOfLife()), lives, len(chaptersOfLife()))
}

type played struct {
	*world
	hook   *blobtest.Hook
	filled int64 // writes of the first fill, where that is not played against
}

// like fails a test in which something is not as it is without a fault.
func (p played) like(want played, when string) {
	p.t.Helper()
	for what, diff := range map[string]string{
		"the directory": cmp.Diff(want.ad, p.ad), "what is deleted": cmp.Diff(want.graves, p.graves), "what is let go": cmp.Diff(want.let, p.let), "how often groups were made": cmp.Diff(want.made, p.made),
	} {
		if diff != "" {
			p.t.Fatalf("%s: %s differs (-without +with the fault):\n%s", when, what, diff)
		}
	}
	slices.Sort(p.removed)
	if gone := slices.Compact(p.removed); !slices.Equal(gone, want.removed) {
		p.t.Fatalf("%s: removed %v, want %v", when, gone, want.removed)
	}
}

// playChapter plays with the nth write failing; 0 is none.
func playChapter(t *testing.T, c chapter, n int64, took bool) played {
	t.Helper()
	w := newWorld(t)
	hook := &blobtest.Hook{Store: w.store, Around: func(i int64, _ string, write func() error) error {
		if i != n {
			return write()
		}
		if took {
			return errors.Join(errFault, write())
		}
		return errFault
	}}
	w.store = hook
	w.leaving("{"+c.leaving+"}", 0)
	w.users(12)
	for i := 1; i <= 5; i++ {
		w.group(i, 0, 2*i)
	}
	tolerate := func(err error) {
		if !errors.Is(err, errFault) {
			t.Fatalf("%s: write %d, took effect %v: %v", c.name, n, took, err)
		}
	}
	rest := func() { w.untilQuietAgainst(tolerate) }
	rest()
	filled := int64(0)
	if c.live != nil {
		filled = hook.Writes()
		c.live(w, rest)
	} else {
		c.do(w)
	}
	rest()
	slices.Sort(w.removed)
	return played{w, hook, filled}
}
