package cycle_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// TestAskForEverything: an operator has the cloud and the directory read from the
// beginning.
func TestAskForEverything(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	w.group(1, 0, 2)
	w.untilQuiet()
	w.stranger(group(1), ref(2))
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
	w.untilQuiet()
	if h := w.head(); h.Main.Number != 2 || h.Shadow != nil || h.ReadAll || len(w.removed) != 1 {
		t.Errorf("%d enumerations, reads all %t, removed %v; want two, and the stranger removed", h.Main.Number, h.ReadAll, w.removed)
	}
}

// TestAsk: drift that no scan has found yet is found when an operator asks for
// the group by name.
func TestAsk(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	w.group(1, 0, 2)
	w.group(2, 0, 2)
	w.group(3, 0, 2)
	w.untilQuiet()
	for i := 1; i <= 2; i++ {
		w.stranger(group(i), ref(2))
	}
	w.untilQuiet()
	if len(w.removed) != 0 {
		t.Fatalf("drift was found without a scan: %v", w.removed)
	}
	// Group 3, in which there is nothing to find, is asked for too, and no longer than the others.
	w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(2), group(3)}, By: "operator"}))
	w.untilQuiet()
	if len(w.removed) != 1 || len(w.ad[group(2)].Members()) != 2 || len(w.ad[group(1)].Members()) != 3 {
		t.Errorf("removed %v; want the stranger in group 2 alone", w.removed)
	}
	if n := len(w.head().Reads); n != 0 {
		t.Errorf("%d groups are still asked for", n)
	}
}

// TestAskedWhileAllIsRead: everything is being read anew, which takes long. A group that is asked for meanwhile
// is in the next plan, a second later, and the reading goes on.
func TestAskedWhileAllIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.users(200)
		for i := range 3 {
			w.group(i, 0, 20)
		}
		w.untilQuiet()
		w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
		w.source.size = 1
		pages, asked := 0, time.Time{}
		w.source.edit = func(*directory.Page) error {
			time.Sleep(100 * time.Millisecond) // of the bubble's clock
			if pages++; pages == 30 {
				asked = time.Now()
				w.do(w.tenant.AddMember(group(1), user(50)))
				w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(1)}, By: "operator"}))
			}
			return nil
		}
		for asked.IsZero() || w.head().Plan == nil {
			more, err := w.planner.Step(t.Context())
			w.do(err)
			if !more {
				t.Fatalf("after %d pages all is read, and nothing is planned of what was asked for", pages)
			}
		}
		if took := time.Since(asked); took > 4*time.Second || w.head().Shadow == nil {
			t.Errorf("planned after %s, the reading goes on: %t; want it within two seconds and what a step reads of changes, beside the reading", took, w.head().Shadow != nil)
		}
		w.source.edit = nil
		w.untilQuiet()
		if !slices.Contains(w.ad[group(1)].Members(), ref(50)) || w.head().Main.Number != 2 {
			t.Errorf("%d readings, member written: %t", w.head().Main.Number, slices.Contains(w.ad[group(1)].Members(), ref(50)))
		}
	})
}

// TestEverythingAskedForAgainAndAgain: somebody has everything read anew each few seconds, and what he asked for before is not
// read yet. It is read to its end all the same, the first time too, and once more behind his last word.
func TestEverythingAskedForAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	w.users(20)
	w.group(1, 0, 10)
	w.source.size, w.planner.StepTime = 1, time.Nanosecond
	ask := func() { w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"})) }
	for range 150 {
		ask()
		_, err := w.planner.Step(t.Context())
		w.do(err)
		_, err = w.agent()
		w.do(err)
		w.now = w.now.Add(2 * time.Second)
	}
	before := w.head().Main.Number
	if before < 2 || len(w.ad[group(1)].Members()) != 10 {
		t.Fatalf("%d readings came to their end, %d members are written", before, len(w.ad[group(1)].Members()))
	}
	ask()
	last := w.now
	w.now = w.now.Add(time.Second)
	w.planner.StepTime = 0
	w.untilQuiet()
	if h := w.head(); h.Shadow != nil || h.Main.Began.Before(last) || h.ReadAll {
		t.Errorf("%d readings, the last began at %v, his word was of %v", h.Main.Number, h.Main.Began, last)
	}
}

// TestCalledEachSecond: everything is being read anew, and each second somebody asks for another group, or the agent reports. All is read in
// the end, and each of those is heard within some seconds.
func TestCalledEachSecond(t *testing.T) {
	for name, call := range map[string]func(w *world, n int) error{
		"asks": func(w *world, n int) error {
			return w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(n % 5)}, By: "operator"})
		},
		"reports": func(w *world, n int) error { return w.report(false, []directory.ID{group(n % 5)}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.users(300)
				for i := range 5 {
					w.group(i, 0, 20)
				}
				w.untilQuiet()
				w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
				w.source.size = 1
				called, calls, began, slowest := time.Time{}, 0, time.Now(), time.Duration(0)
				w.source.edit = func(*directory.Page) error {
					time.Sleep(150 * time.Millisecond) // of the bubble's clock
					if time.Since(called) > time.Second {
						called, calls = time.Now(), calls+1
						w.do(call(w, calls))
					}
					return nil
				}
				steps := 0
				for ; w.head().Main.Number < 2 || w.head().Main.Open; steps++ {
					from := time.Now()
					_, err := w.planner.Step(t.Context())
					w.do(err)
					slowest = max(slowest, time.Since(from))
					w.now = w.now.Add(time.Since(from))
					_, err = w.agent()
					w.do(err)
					if time.Since(began) > 10*time.Minute {
						t.Fatalf("after %d steps not all is read: %+v", steps, w.head().Shadow)
					}
				}
				t.Logf("%d calls, %d steps, the slowest %s, all in %s", calls, steps, slowest, time.Since(began))
				if calls < 20 || slowest > 5*time.Second {
					t.Errorf("%d calls, the slowest of %d steps took %s", calls, steps, slowest)
				}
			})
		})
	}
}
