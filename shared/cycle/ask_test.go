package cycle_test

import (
	"testing"

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
