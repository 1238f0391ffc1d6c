package show

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// held holds what shown makes of each width against testdata/<name>-<width>.golden,
// and each of its lines against the width.
func held(t *testing.T, name string, shown func(paint Paint) string) {
	t.Helper()
	for _, width := range []int{60, 80, 100} {
		text := shown(New(false, width))
		if bare := columns.Bare(shown(New(true, width))); bare != text {
			t.Errorf("%s: colours change the text (-plain +coloured):\n%s", name, cmp.Diff(text, bare))
		}
		for line := range strings.Lines(text) {
			if n := columns.Broad(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("a line of %d columns: %s", n, line)
			}
		}
		golden.Hold(t, fmt.Sprintf("%s-%d", name, width), text)
	}
}

func refs(n int) []plan.Ref {
	all := make([]plan.Ref, n)
	for i := range all {
		all[i] = plan.Ref(fmt.Sprintf("S-1-5-21-1-2-3-%d", 2001+i))
	}
	return all
}

// everything is a plan in which each kind of change occurs.
func everything() cycle.Preview {
	id := graphtest.ID
	p := cycle.Preview{Groups: map[directory.ID]cycle.Described{}}
	change := func(name string, c plan.Change) {
		c.Group = id(name)
		p.Changes = append(p.Changes, c)
		p.Groups[c.Group] = cycle.Described{Name: name}
	}
	change("Chain A", plan.Change{Op: plan.Rename, Name: plan.Mark(id("Chain A"))}) // steps aside
	change("Chain A", plan.Change{Op: plan.Rename, Name: "Chain B", Set: map[string][]string{"sAMAccountName": {"Chain B"}}})
	change("Chain A", plan.Change{Op: plan.Update, Set: map[string][]string{"displayName": {"Chain B"}}})
	change("All staff", plan.Change{Op: plan.Create, Why: "the cloud has it", Parent: "OU=Cloud Groups,DC=corp,DC=example", Name: "All staff", Set: map[string][]string{"displayName": {"All staff"}, "description": {"Everybody"}, "adminDescription": {"Group_x"}, "msDS-ExternalDirectoryObjectId": {"Group_x"}, "groupType": {"-2147483640"}}})
	change("Empty", plan.Change{Op: plan.Create, Name: "Empty", Set: map[string][]string{"displayName": {"Empty"}}})
	change("All staff", plan.Change{Op: plan.Update, Add: refs(4999)})
	change("All staff", plan.Change{Op: plan.Update, Add: refs(1001)})
	change("Projekt Übermorgen in 東京", plan.Change{Op: plan.Update, Add: refs(1), Set: map[string][]string{"description": nil}})
	change("Leavers", plan.Change{Op: plan.Update, Add: refs(12), Remove: refs(3456)})
	change("One leaves", plan.Change{Op: plan.Update, Remove: refs(1)})
	change("Back again", plan.Change{Op: plan.Restore, Name: "Back again", Set: map[string][]string{"displayName": {"Back again"}}})
	change("Back again", plan.Change{Op: plan.Update, Add: refs(7)})
	change("Over", plan.Change{Op: plan.Delete, Count: 31})
	change("Somebody's own", plan.Change{Op: plan.Disown, Set: map[string][]string{"info": {"Left to people by Groupwriteback: writeback was switched off."}}})
	change("In quarantine", plan.Change{Op: plan.Update, Count: 12, Set: map[string][]string{"groupType": {"8"}, "info": {"In quarantine by Groupwriteback, its members have nothing by it: the group was deleted in Entra ID."}}})
	change("Retired", plan.Change{Op: plan.Update, Set: map[string][]string{"info": {"No longer managed by Groupwriteback: the group was deleted in Entra ID; the AD group is kept and no longer managed."}}})
	change(strings.Repeat("A very long name ", 4), plan.Change{Op: plan.Update, Set: map[string][]string{"description": {"a \"quoted\"\nvalue"}}})
	change("Run by another", plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Remove: []plan.Ref{"S-1-5-21-1-2-3-1101"}})
	change("Run by another", plan.Change{Op: plan.Update, Add: refs(2)})
	change("Run by another", plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Add: []plan.Ref{"S-1-5-21-1-2-3-1102"}})
	change("Run by nobody", plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Remove: refs(1)})
	change("Run by many", plan.Change{Op: plan.Relink, Link: plan.CoManagers, Add: refs(2)})
	change("In lists", plan.Change{Op: plan.Relink, Link: plan.ShownIn, Why: "new rules, or the cloud", Add: refs(1)})
	change("In lists", plan.Change{Op: plan.Update, Set: map[string][]string{"proxyAddresses": {"SMTP:a@x.example", "smtp:b@x.example", "smtp:c@x.example", "smtp:d@x.example"}}, Loses: "people whom Exchange does not know lose the mail to it"})
	change("In lists", plan.Change{Op: plan.Update, Add: []plan.Ref{plan.GroupRef(id("All staff"))}})
	change("Terminal\x1b[2J\nmover", plan.Change{Op: plan.Update, Set: map[string][]string{"description": {"\x1b]0;title\a"}}})
	p.More, p.MoreHeld = 1234, 2
	p.Names = map[plan.Ref]string{"S-1-5-21-1-2-3-1102": "ann@corp.example"}
	p.Held = []record.Listing{{ID: "0123456789abcdef", Name: "Department 39", Text: "18 of 44 members would go (40 %); the limit is 30 %", Denied: "anna@corp.example"}}
	return p
}

func TestPlan(t *testing.T) {
	plan := func(p cycle.Preview, most int) func(Paint) string {
		return func(paint Paint) string {
			return paint.Overview(p, most)
		}
	}
	held(t, "plan", plan(everything(), 100))
	held(t, "plan-short", plan(everything(), 3))
	whole := func(most Most) func(Paint) string {
		return func(paint Paint) string { return paint.Whole(everything(), most) }
	}
	held(t, "whole", whole(Most{Values: 3}))
	held(t, "whole-short", whole(Most{Groups: 3, Values: 1}))
	held(t, "shifts", func(paint Paint) string {
		return paint.Shifts(cycle.Other{Counts: cycle.ShiftCounts{Come: 1, Go: 1, Move: 1, Rename: 1, Change: 1, Join: 1300, Leave: 2, Problems: 1}, More: 7, Notes: []string{"what Entra ID has in mail is not known before these rules are in force: it is shown as if it were empty"},
			Groups: []cycle.Shift{{Name: "Sales", Go: true, Held: []string{"groups"}}, {Name: "Marketing", Come: true, Join: 1300}, {Name: "Team\x1b[2J", Move: "OU=Teams,DC=corp", Rename: "Old", Change: []string{"description", "mail"}, Leave: 2, Problems: []string{"no-exchange"}}}})
	})
	held(t, "shifts-same", func(paint Paint) string { return paint.Shifts(cycle.Other{Same: true}) })
	held(t, "plan-waiting", plan(cycle.Preview{Waiting: "no agent has reported what is in Active Directory yet: is it running?"}, 3))
}

// TestPlanIsStable: the rows come out of a map, but always in the same order.
func TestPlanIsStable(t *testing.T) {
	var first string
	for range 20 {
		text := New(true, 100).Whole(everything(), Most{})
		if first == "" {
			first = text
		}
		if text != first {
			t.Fatalf("two plans of the same changes:\n%s\n%s", first, text)
		}
	}
	if !strings.Contains(first, "\x1b[32m") {
		t.Error("no green in a coloured plan")
	}
}

func TestProblems(t *testing.T) {
	id := graphtest.ID
	names := map[directory.ID]string{id("g"): "Partners", id("guest"): "Grete Gast"}
	var problems []status.Problem
	for _, who := range []string{"Ada", "Ben", "Cleo", "Dan", "Eve"} {
		names[id(who)] = who
		problems = append(problems, status.Problem{Group: id("g"), Member: id(who), Reason: string(directory.CloudOnly)})
	}
	problems = append(problems,
		status.Problem{Group: id("g"), Member: id("guest"), Reason: string(directory.Guest)},
		status.Problem{Group: id("g"), Reason: "refused", Text: "Active Directory said no"})
	held(t, "problems", func(paint Paint) string {
		return paint.Problems(problems, func(id directory.ID) string { return names[id] })
	})
	problems = append(problems, status.Problem{Group: id("g"), Ref: "S-1-5-21-1-2-3-1001", Reason: "refused", Text: "result 50: insufficient rights", Until: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)})
	held(t, "problems-each", func(paint Paint) string {
		return paint.EachProblem(problems, func(id directory.ID) string { return names[id] })
	})
}
