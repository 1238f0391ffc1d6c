package app

import (
	"strings"
	"testing"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestSummary: a group that is made, and whose members come by a change of their own, is not counted as changed too.
func TestSummary(t *testing.T) {
	fresh, there := directory.ID{1}, directory.ID{2}
	got := summary(cycle.Preview{Changes: []plan.Change{
		{Op: plan.Create, Group: fresh}, {Op: plan.Update, Group: fresh, Add: []plan.Ref{"S-1-5-21-1-2-3-1001"}},
		{Op: plan.Update, Group: there, Remove: []plan.Ref{"S-1-5-21-1-2-3-1001"}},
	}})
	if !strings.HasPrefix(got, "1 group is made, 1 group is changed, 1 member comes in, 1 member goes") {
		t.Error(got)
	}
}
