package cycle_test

import (
	"testing"

	"groupwriteback/shared/plan"
)

// TestBlindForEver: an account that lost its right to read sees an empty directory,
// every time. Nothing is taken for gone, and people are told why.
func TestBlindForEver(t *testing.T) {
	for _, groups := range []int{2, 20} {
		w := newWorld(t)
		w.users(3)
		for i := range groups {
			w.group(i, 0, 2)
		}
		w.untilQuiet()
		there, before := w.ad, w.writes
		w.ad, w.blind = plan.State{}, "the account may not list what is in the OU: let it"
		for range 4 {
			w.do(w.report(true, nil))
			w.do(w.planner.Run(t.Context()))
			_, err := w.agent() // looks for each by name
			w.do(err)
			w.do(w.planner.Run(t.Context()))
		}
		h := w.head()
		if h.Plan != nil || w.writes != before || h.Totals.Groups != groups {
			t.Errorf("%d groups: a plan of %+v, %d writes, %d groups known", groups, h.Plan, w.writes-before, h.Totals.Groups)
		}
		if h.Blind != w.blind || h.Totals.Stale != groups {
			t.Errorf("%d groups: it is blind because %q, %d are stale", groups, h.Blind, h.Totals.Stale)
		}
		w.ad, w.blind = there, ""
		w.untilQuiet()
		w.do(w.report(true, nil))
		w.untilQuiet()
		if h := w.head(); h.Blind != "" || h.Totals.Stale != 0 || len(h.Reads) != 0 || w.writes != before {
			t.Errorf("%d groups: it sees again, blind %q, %d stale; %d writes", groups, h.Blind, h.Totals.Stale, w.writes-before)
		}
	}
}

// TestMuchIsGone: somebody deleted the groups. The agent is asked for each by name,
// shows that it sees everything, and they are created again.
func TestMuchIsGone(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	for i := range 20 {
		w.group(i, 0, 2)
	}
	w.untilQuiet()
	w.ad = plan.State{}
	w.do(w.report(true, nil))
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Totals.Stale != 20 || len(h.Reads) != 20 || h.Plan != nil {
		t.Fatalf("after one report %d are stale, %d asked for by name, the plan is %+v", h.Totals.Stale, len(h.Reads), h.Plan)
	}
	w.untilQuiet()
	if h := w.head(); len(w.ad) != 20 || h.Totals.Stale != 0 {
		t.Errorf("%d groups, %d stale", len(w.ad), h.Totals.Stale)
	}
}
