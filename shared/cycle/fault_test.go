package cycle_test

import (
	"errors"
	"slices"
	"testing"

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
}

func chapters() []chapter {
	return []chapter{
		{"full", func(w *world) { w.source.expired = true; w.do(w.tenant.AddMember(group(2), user(9))) }},
		{"delta", func(w *world) {
			w.do(errors.Join(w.tenant.Rename(group(3), "Renamed"), w.tenant.RemoveMember(group(1), user(0)), w.tenant.AddMember(group(4), group(3)),
				w.tenant.SoftDelete(group(5)), w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "New", Members: nil})))
		}},
		{"manual", func(w *world) {
			w.restart() // another process runs the turn that an operator asks for
			w.do(w.tenant.RemoveMember(group(2), user(1)))
			w.stranger(group(4), ref(11)) // which no scan has found
			ask := journal.Ask{Groups: []directory.ID{group(2), group(4)}, By: "operator"}
			for errors.Is(w.journal.Ask(w.t.Context(), ask), errFault) { // the operator tries again
				continue
			}
		}},
	}
}

// TestEveryWriteFails plays a first fill and a chapter again for each write that
// they make to the store, of planner and relay, once lost and once done but
// reported as failed. The directory ends as without the fault, and no member was
// removed that should not have been.
func TestEveryWriteFails(t *testing.T) {
	played := 0
	for _, c := range chapters() {
		want := playChapter(t, c, 0, false)
		if want.hook.Writes() < 20 {
			t.Fatalf("%s makes %d writes: too few to mean anything", c.name, want.hook.Writes())
		}
		for n := range want.hook.Writes() {
			for _, took := range []bool{false, true} {
				got := playChapter(t, c, n+1, took)
				played++
				if diff := cmp.Diff(want.ad, got.ad); diff != "" {
					t.Fatalf("%s: write %d, took effect %v: the directory differs (-without +with the fault):\n%s", c.name, n+1, took, diff)
				}
				slices.Sort(got.removed)
				if gone := slices.Compact(got.removed); !slices.Equal(gone, want.removed) {
					t.Fatalf("%s: write %d, took effect %v: removed %v, want %v", c.name, n+1, took, gone, want.removed)
				}
			}
		}
	}
	t.Logf("%d faults played, over %d chapters", played, len(chapters()))
}

type played struct {
	*world
	hook *blobtest.Hook
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
	w.restart()
	w.users(12)
	for i := 1; i <= 5; i++ {
		w.group(i, 0, 2*i)
	}
	tolerate := func(err error) {
		if !errors.Is(err, errFault) {
			t.Fatalf("%s: write %d, took effect %v: %v", c.name, n, took, err)
		}
	}
	w.untilQuietAgainst(tolerate)
	c.do(w)
	w.untilQuietAgainst(tolerate)
	slices.Sort(w.removed)
	return played{w, hook}
}
