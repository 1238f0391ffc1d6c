package cycle_test

import (
	"strings"
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
		w.settle()
		there, before := w.ad, w.writes
		w.ad, w.blind = plan.State{}, "the account may not list what is in the OU: let it"
		for range 4 {
			w.do(w.report(true, nil))
			w.do(w.planner.Run(t.Context()))
		}
		h := w.head()
		if h.Plan != nil || w.writes != before || h.Totals.Groups != groups {
			t.Errorf("%d groups: a plan of %+v, %d writes, %d groups known", groups, h.Plan, w.writes-before, h.Totals.Groups)
		}
		if h.Doubt == nil || h.Doubt.Missing != groups || !h.ReadAll || !strings.HasSuffix(h.Doubt.String(), w.blind) {
			t.Errorf("%d groups: in doubt is %v, all is asked for: %v", groups, h.Doubt, h.ReadAll)
		}
		w.ad, w.blind = there, ""
		w.settle()
		if h := w.head(); h.Doubt != nil || h.ReadAll || w.writes != before {
			t.Errorf("%d groups: it sees again, and in doubt is %v; %d writes", groups, h.Doubt, w.writes-before)
		}
	}
}

// TestMuchIsGone: somebody deleted the groups. The agent is asked once more, shows
// that it sees everything, and they are created again.
func TestMuchIsGone(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	for i := range 20 {
		w.group(i, 0, 2)
	}
	w.settle()
	w.ad = plan.State{}
	w.do(w.report(true, nil))
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Doubt == nil || h.Doubt.Missing != 20 || !h.ReadAll || h.Plan != nil {
		t.Fatalf("after one report in doubt is %v, all is asked for: %v, the plan is %+v", h.Doubt, h.ReadAll, h.Plan)
	}
	w.settle()
	if h := w.head(); len(w.ad) != 20 || h.Doubt != nil {
		t.Errorf("%d groups, in doubt is %v", len(w.ad), h.Doubt)
	}
}
