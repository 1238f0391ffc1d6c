package cycle_test

import (
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// TestOthersManagersStay: rules that do not speak of who manages a group leave that to others,
// whatever an agent tells of it, while they put a member right that the same hand put in. It
// stays in the journal, and a group of which it is told again is not planned for again.
func TestOthersManagersStay(t *testing.T) {
	w := newWorld(t)
	w.users(3)
	w.group(1, 0, 2)
	w.untilQuiet()
	manager := []plan.Ref{ref(2)}
	g := w.ad[group(1)].Clone()
	g.Links = g.Links.With(plan.ManagedBy, manager).With(plan.CoManagers, manager)
	w.ad[group(1)] = g
	w.stranger(group(1), ref(2))
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
	w.untilQuiet()
	if is := w.ad[group(1)].Links; !slices.Equal(is[plan.ManagedBy], manager) || !slices.Equal(is[plan.CoManagers], manager) || len(is[plan.Member]) != 2 || len(w.removed) != 1 {
		t.Errorf("the group has %v, removed %v", is, w.removed)
	}
	tx, err := w.journal.View(t.Context())
	w.do(err)
	w.do(tx.FetchRecords(t.Context(), []directory.ID{group(1)}))
	if r := tx.Record(group(1)); r.Observed == nil || !slices.Equal(r.Observed.Links[plan.ManagedBy], manager) || len(r.Parked) > 0 {
		t.Errorf("known is %+v, parked %v", r.Observed, r.Parked)
	}
	if c := w.head().Totals; c.Changes+c.Held+c.Parked+c.Unproven != 0 || c.Members != 2 {
		t.Errorf("counted: %+v", c)
	}
}
