package decision_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestOver: which limits over all groups hold what is wanted.
func TestOver(t *testing.T) {
	type counts = map[plan.GuardName]int
	issued := func(g plan.GuardName, n int) record.Window { return record.Window{}.Plus(now, g, n, 0) }
	tests := []struct {
		name string
		done record.Window
		all  record.Counts
		want map[plan.GuardName]string
	}{
		{"nothing is wanted", nil, record.Counts{Known: 1000, Managed: 100}, nil},
		{"within all limits", nil, record.Counts{Known: 1000, Managed: 100, Pending: counts{plan.Removals: 100, plan.Moves: 20, plan.Creations: 500}}, nil},
		{"removals", nil, record.Counts{Known: 1000, Pending: counts{plan.Removals: 101}},
			map[plan.GuardName]string{plan.Removals: "101 of 1000 memberships would be removed; the limit is 100"}},
		{"with what was issued lately", issued(plan.Removals, 60), record.Counts{Known: 1000, Pending: counts{plan.Removals: 41}},
			map[plan.GuardName]string{plan.Removals: "41 of 1000 memberships would be removed; the limit is 100, and there were 60 in the last 24 hours"}},
		{"what was held before is still wanted", nil, record.Counts{Known: 1000, Pending: counts{plan.Removals: 1}, Over: counts{plan.Removals: 100}},
			map[plan.GuardName]string{plan.Removals: "101 of 1000 memberships would be removed; the limit is 100"}},
		{"what groups hold by themselves makes the rest of a disaster no smaller", nil, record.Counts{Known: 1000, Held: 100, Pending: counts{plan.Removals: 1}},
			map[plan.GuardName]string{plan.Removals: "101 of 1000 memberships would be removed; the limit is 100"}},
		{"and is nothing by itself", nil, record.Counts{Known: 1000, Held: 900}, nil},
		{"strangers make the share no larger", nil, record.Counts{Members: 100_000, Known: 100, Pending: counts{plan.Removals: 21}},
			map[plan.GuardName]string{plan.Removals: "21 of 100 memberships would be removed; the limit is 20"}},
		{"all that there is", nil, record.Counts{Known: 6, Managed: 6, Pending: counts{plan.Removals: 6, plan.Retirements: 6}},
			map[plan.GuardName]string{plan.Removals: "all 6 memberships would be removed", plan.Retirements: "all 6 groups would no longer be managed"}},
		{"several", nil, record.Counts{Known: 100, Managed: 100, Pending: counts{plan.Moves: 21, plan.Creations: 501, plan.Removals: 1}},
			map[plan.GuardName]string{plan.Moves: "21 of 100 groups would be renamed or moved; the limit is 20", plan.Creations: "501 groups would be created; the limit is 500"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decision.Over(plan.DefaultLimits(), tt.done, tt.all, now)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	long := issued(plan.Removals, 60)
	if got := decision.Over(plan.DefaultLimits(), long, record.Counts{Known: 1000, Pending: counts{plan.Removals: 41}}, long.End()); len(got) > 0 {
		t.Errorf("a day later: %v", got)
	}
}

// TestCheck: what would go out against the evidence or a limit is a fault of this program,
// and does not go out.
func TestCheck(t *testing.T) {
	nothing := func(plan.Guard) plan.Impact { return plan.Impact{} }
	out := func(s *scene, t *testing.T) decision.Outgoing {
		return decision.Outgoing{Record: s.Record, Cloud: s.Cloud, Kin: s.Kin, Changes: drafted(s.decide(t)), Allowed: nothing}
	}
	removes := func(n int, rs []plan.Ref) func(*decision.Outgoing) {
		return func(o *decision.Outgoing) {
			o.Record.Observed.Links = o.Record.Observed.Links.With(plan.Member, refs(upTo(n)...))
			o.Changes = []plan.Change{{Op: plan.Update, Group: staff, Remove: rs}}
			o.Size = n
		}
	}
	strangers := func(n int) (rs []plan.Ref) { // of whom the cloud says nothing: evidence is not what fails
		for i := range n {
			rs = append(rs, refs(upTo(n)[i])...)
		}
		return rs
	}
	tests := []struct {
		name    string
		change  func(*decision.Outgoing)
		window  record.Window
		all     record.Counts
		partial bool
		want    string // a part of the error; "": none
	}{
		{name: "as it was decided", change: func(*decision.Outgoing) {}},
		{name: "a member in the cloud", change: removes(3, refs(3)), want: "group " + staff.String() + ": it would remove S-1-5-21-1-2-3-1003, who is a member in the cloud"},
		{name: "removals while not all is counted", change: func(*decision.Outgoing) {}, partial: true, want: "group " + staff.String() + ": removals while not all changes are counted"},
		{name: "additions while not all is counted", change: func(o *decision.Outgoing) {
			o.Changes = []plan.Change{{Op: plan.Update, Group: staff, Add: refs(4)}}
		}, partial: true},
		{name: "a move while not all is counted", change: func(o *decision.Outgoing) {
			o.Changes = []plan.Change{{Op: plan.Rename, Group: staff, Parent: "OU=y", Name: "Staff"}}
		}, partial: true, want: "renames and moves while not all changes are counted"},
		{name: "over the group's own limit", change: func(o *decision.Outgoing) { removes(20, strangers(7))(o); o.Cloud = nil }, want: "7 of 20 members would go (35 %)"},
		{name: "that a person has approved", change: func(o *decision.Outgoing) {
			removes(20, strangers(7))(o)
			o.Cloud = nil
			o.Allowed = func(g plan.Guard) plan.Impact {
				if g.Name == plan.Removals {
					return plan.Impact{Refs: strangers(7)}
				}
				return plan.Impact{}
			}
		}},
		{name: "over it with what has gone lately", change: func(o *decision.Outgoing) {
			removes(20, strangers(3))(o)
			o.Cloud = nil
			o.Record.Window = record.Window{}.Plus(now, plan.Removals, 4, 20)
		}, want: "and 4 have gone in the last 24 hours"},
		{name: "over a limit over all groups", change: func(o *decision.Outgoing) {
			o.Changes = []plan.Change{{Op: plan.Create, Group: staff}}
		}, window: record.Window{}.Plus(now, plan.Creations, 500, 0), want: "1 groups would be created; the limit is 500"},
		{name: "all of all groups", change: func(o *decision.Outgoing) { removes(6, strangers(6))(o); o.Cloud = nil }, want: "all 6 members would go"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := out(of(refs(1, 2, 3), left(cloud(directory.Named, people(2, 3)...), people(1)...)), t)
			tt.change(&o)
			tt.all.Known, tt.all.Managed = 1000, 100
			err := decision.Check(plan.DefaultLimits(), tt.window, tt.all, !tt.partial, []decision.Outgoing{o}, now)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	var many []decision.Outgoing // each within its own limit
	for range 101 {
		many = append(many, out(of(refs(1, 2), left(cloud(directory.Named, people(2)...), people(1)...)), t))
	}
	all := record.Counts{Known: 1000, Managed: 500}
	if err := decision.Check(plan.DefaultLimits(), nil, all, true, many, now); err == nil || !strings.Contains(err.Error(), "101 of 1000 memberships would be removed") {
		t.Errorf("a hundred groups of one removal each: %v", err)
	}
	if err := decision.Check(plan.DefaultLimits(), nil, all, true, many[:100], now); err != nil {
		t.Errorf("within the limit: %v", err)
	}
}
