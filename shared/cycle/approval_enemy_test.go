package cycle_test

import (
	"fmt"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestApprovalOutlivesARefusal: what was approved is refused by Active Directory. It is
// tried again in its time, and nobody has to approve it again on that day.
func TestApprovalOutlivesARefusal(t *testing.T) {
	for _, overall := range []bool{false, true} {
		w := newWorld(t)
		w.users(60)
		for i := range 10 {
			w.group(i, 0, 50)
		}
		w.untilQuiet()
		w.now = w.now.Add(26 * time.Hour)
		if overall { // 12 of 50 in each, 60 of 500
			for i := range 5 {
				remove(w, group(i), 12)
			}
		} else {
			remove(w, group(1), 25)
		}
		w.untilQuiet()
		if len(w.holds()) != 1 {
			t.Fatalf("set-up: %+v", w.holds())
		}
		refusing, tries := true, 0
		w.refuse = func(c plan.Change) (plan.Result, bool) {
			if c.Kind() != plan.Removing || !refusing {
				return plan.Result{}, false
			}
			tries++
			return plan.Result{Status: plan.Refused, Code: 50, Text: "no right"}, true
		}
		w.approve(w.holds()[0])
		w.untilQuiet()
		if tries == 0 {
			t.Fatal("set-up: never tried")
		}
		refusing = false
		for range 4 {
			w.later(time.Hour)
		}
		if want := map[bool]int{false: 25, true: 60}[overall]; len(w.removed) != want || len(w.holds()) != 0 {
			t.Errorf("overall %t: refused once after it was approved: %d of %d removed, holds %+v", overall, len(w.removed), want, w.holds())
		}
	}
}

// TestApprovalOutlivesSilence: the agent dies over what was approved. It goes on when it
// is back, and nobody has to approve it again.
func TestApprovalOutlivesSilence(t *testing.T) {
	w := newWorld(t)
	w.users(60)
	for i := range 10 {
		w.group(i, 0, 50)
	}
	w.untilQuiet()
	w.now = w.now.Add(26 * time.Hour)
	for i := range 5 {
		remove(w, group(i), 12)
	}
	w.untilQuiet()
	w.approve(w.holds()[0])
	w.do(w.planner.Run(t.Context()))
	if w.head().Plan == nil {
		t.Fatal("set-up: no plan")
	}
	w.later(30 * time.Minute) // it expires
	w.later(30 * time.Minute)
	if len(w.removed) != 60 || len(w.holds()) != 0 {
		t.Errorf("%d of 60 removed, holds %+v", len(w.removed), w.holds())
	}
}

// TestApprovedGroupsWithoutMarks: nested groups that nobody finds any more leave; a person
// has approved it, in numbers over the limit. They go by the SIDs that they had.
func TestApprovedGroupsWithoutMarks(t *testing.T) {
	w := newWorld(t)
	w.users(60)
	members := []directory.ID{user(50), user(51)}
	for i := 10; i < 20; i++ {
		w.group(i, 0, 10)
		members = append(members, group(i))
	}
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(1), DisplayName: "Parent", Members: members}))
	w.untilQuiet()
	w.do(w.report(true, nil)) // with the groups' SIDs
	w.untilQuiet()
	parent := w.ad[group(1)].Clone() // somebody took all marks off, and the links stay
	parent.Links = parent.Links.With(plan.Member, nil)
	for _, i := range []int{50, 51} {
		parent.Links = parent.Links.With(plan.Member, append(parent.Members(), ref(i)))
	}
	for i := 10; i < 20; i++ {
		parent.Links = parent.Links.With(plan.Member, plan.Merge(parent.Members(), []plan.Ref{plan.SIDRef(sidOf(group(i)))}))
		delete(w.ad, group(i))
	}
	w.ad[group(1)] = parent
	w.refuse = func(c plan.Change) (plan.Result, bool) { // their names are taken
		return plan.Result{Status: plan.Refused, Code: 68, Text: "taken"}, c.Op == plan.Create
	}
	w.now = w.now.Add(26 * time.Hour)
	w.do(w.report(true, nil))
	w.untilQuiet()
	for i := 10; i < 20; i++ {
		w.do(w.tenant.RemoveMember(group(1), group(i)))
	}
	w.untilQuiet()
	var hold *record.Listing
	for _, l := range w.holds() {
		hold = &l
	}
	if hold == nil {
		t.Fatalf("set-up: nothing held; %v; totals %+v", w.ad[group(1)].Members(), w.head().Totals)
	}
	w.approve(*hold)
	w.untilQuietAgainst(func(err error) { t.Fatal(err) })
	if got := fmt.Sprint(w.ad[group(1)].Members()); len(w.ad[group(1)].Members()) != 2 {
		t.Errorf("approved, and still in: %s; holds %+v", got, w.holds())
	}
}
