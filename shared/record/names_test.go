package record_test

import (
	"testing"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestNameRefused: only a change that gives the group its present name says anything about
// that name; each such word in a row is counted.
func TestNameRefused(t *testing.T) {
	sales := record.Name{CN: "Sales", Account: "sales"}
	by := plan.Taken{By: "CN=Sales,OU=x", Ours: true}
	n := record.Names{Asked: sales, Given: sales}
	for _, c := range []plan.Change{{Op: plan.Update}, {Op: plan.Rename, Name: "Group_1"}, {Op: plan.Create, Name: "Before"}} {
		if got := n.Refused(c, by); got != n {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	for times := 1; times <= 2; times++ {
		n = n.Refused(plan.Change{Op: plan.Rename, Name: "Sales"}, by)
		if n.Taken == nil || *n.Taken != (record.Taken{Name: sales, By: by.By, Ours: true, Times: times}) {
			t.Errorf("after %d refusals: %+v", times, n.Taken)
		}
	}
	before := *n.Taken
	other := n
	other.Given = record.Name{CN: "Sales_1"}
	if got := other.Refused(plan.Change{Op: plan.Create, Name: "Sales_1"}, plan.Taken{}); got.Taken.Times != 1 || *n.Taken != before {
		t.Errorf("another name: %+v; the former: %+v", got.Taken, *n.Taken)
	}
}

func TestNameString(t *testing.T) {
	for name, want := range map[record.Name]string{
		{CN: "Sales", Account: "Sales"}: `"Sales"`, {CN: "Sales"}: `"Sales"`, {CN: "R/D", Account: "R_D"}: `"R/D" (sAMAccountName "R_D")`,
	} {
		if got := name.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
