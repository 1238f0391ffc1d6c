package plan_test

import (
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

func TestGroupLimit(t *testing.T) {
	l := plan.DefaultLimits() // 30 % of a group from 10 members on, never all of 5 or more
	tests := []struct {
		name                        string
		peak, removed, size, remove int
		want                        string
	}{
		{"nothing goes", 10, 0, 10, 0, ""},
		{"nothing goes, though much went", 10, 9, 1, 0, ""},
		{"a new group", 0, 0, 0, 0, ""},
		{"at the limit", 10, 0, 10, 3, ""},
		{"over it", 10, 0, 10, 4, "4 of 10 members would go (40 %); the limit is 30 %"},
		{"large, at the limit", 1000, 0, 1000, 300, ""},
		{"large, over it", 1000, 0, 1000, 301, "301 of 1000 members would go (30 %); the limit is 30 %"},
		{"in small steps, at the limit", 100, 20, 80, 10, ""},
		{"in small steps, over it", 100, 20, 80, 11, "11 of 100 members would go (31 %); the limit is 30 %, and 20 have gone in the last 24 hours"},
		{"small once, though it grew", 9, 0, 9, 8, ""},
		{"large once, small now", 100, 30, 8, 1, "1 of 100 members would go (31 %); the limit is 30 %, and 30 have gone in the last 24 hours"},
		{"below the floor", 9, 0, 9, 4, ""},
		{"all of few", 4, 0, 4, 4, ""},
		{"all of some", 5, 0, 5, 5, "all 5 members would go"},
		{"all of many", 50, 0, 50, 50, "50 of 50 members would go (100 %); the limit is 30 %"},
	}
	for _, tt := range tests {
		if got := l.Group(tt.peak, tt.removed, tt.size, tt.remove); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if (plan.Limits{}).Group(1, 0, 1, 1) == "" {
		t.Error("where no limits are set a member may go, want that nothing may")
	}
}

func TestOverallLimit(t *testing.T) {
	l := plan.DefaultLimits() // a tenth, but always 20; half as much again, but always 1000; 500 new groups
	tests := []struct {
		name                 string
		guard                plan.GuardName
		done, pending, total int
		want                 string
	}{
		{"nothing goes", plan.Removals, 1000, 0, 1000, ""},
		{"few of few", plan.Removals, 0, 20, 30, ""},
		{"more of few", plan.Removals, 0, 21, 30, "21 of 30 memberships would be removed; the limit is 20"},
		{"a tenth", plan.Removals, 0, 100, 1000, ""},
		{"more than a tenth", plan.Removals, 0, 101, 1000, "101 of 1000 memberships would be removed; the limit is 100"},
		{"in two steps", plan.Removals, 60, 41, 1000, "41 of 1000 memberships would be removed; the limit is 100, and there were 60 in the last 24 hours"},
		{"groups", plan.Retirements, 20, 1, 30, "1 of 30 groups would no longer be managed; the limit is 20, and there were 20 in the last 24 hours"},
		{"all groups of few", plan.Retirements, 0, 5, 5, "all 5 groups would no longer be managed"},
		{"all groups of fewer", plan.Retirements, 0, 4, 4, ""},
		{"all memberships of few", plan.Removals, 0, 12, 12, "all 12 memberships would be removed"},
		{"all but one", plan.Removals, 0, 12, 13, ""},
		{"growth of a small tenant", plan.Additions, 0, 1000, 100, ""},
		{"more growth", plan.Additions, 0, 1001, 100, "1001 memberships would be added to groups that have agreed with the cloud before; the limit is 1000"},
		{"half as much again", plan.Additions, 0, 5000, 10000, ""},
		{"growth in two steps", plan.Additions, 4000, 1001, 10000, "1001 memberships would be added to groups that have agreed with the cloud before; the limit is 5000, and there were 4000 in the last 24 hours"},
		{"the first fill", plan.Creations, 0, 500, 0, ""},
		{"a larger one", plan.Creations, 0, 501, 0, "501 groups would be created; the limit is 500"},
	}
	for _, tt := range tests {
		g, ok := plan.GuardOf(tt.guard)
		if !ok {
			t.Fatalf("no guard %s", tt.guard)
		}
		if got := g.Over(l, tt.done, tt.pending, plan.Totals{Memberships: tt.total, Groups: tt.total}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestGuardsLimit holds each row of the table to what a guard is for: there are
// changes that it counts, so many are over its limit, and without them the wish is
// what is there.
func TestGuardsLimit(t *testing.T) {
	full := plan.Group{ID: one, GUID: "g", Parent: "OU=A", Name: "One", Attrs: map[string][]string{"description": {"d"}, "groupType": {plan.GroupType(plan.UniversalSecurity)}}, Links: plan.Members(ann)}
	wishes := map[plan.GuardName]func(*plan.Group) *plan.Group{
		plan.Removals:  func(g *plan.Group) *plan.Group { g.Links = g.Links.With(plan.Member, nil); return g },
		plan.Additions: func(g *plan.Group) *plan.Group { g.Links = g.Links.With(plan.Member, []plan.Ref{ann, bob}); return g },
		plan.Moves:     func(g *plan.Group) *plan.Group { g.Parent = "OU=B"; return g },
		plan.Retirements: func(g *plan.Group) *plan.Group {
			g.Attrs["info"] = []string{"x"}
			return g
		},
		plan.Losses: func(g *plan.Group) *plan.Group {
			g.Attrs["groupType"] = []string{plan.GroupType("universal-distribution")}
			return g
		},
		plan.Deletions: func(g *plan.Group) *plan.Group { g.Gone = life.Deleted; return g },
		plan.Creations: nil,
	}
	for _, g := range plan.Guards() {
		wish, known := wishes[g.Name]
		if !known {
			t.Errorf("guard %s has no example here: add one", g.Name)
			continue
		}
		observed := full.Clone()
		if g.Name == plan.Deletions { // whose members would be losses too
			observed.Links = nil
		}
		have, want := plan.State{one: observed}, observed.Clone()
		if wish == nil { // there is nothing yet
			have = plan.State{}
		} else {
			want = *wish(&want)
		}
		changes := plan.Diff(plan.State{one: want}, have)
		at := g.Of(changes, true)
		if at.Size() != 1 {
			t.Errorf("%s counts %d of %+v, want 1", g.Name, at.Size(), changes)
		}
		if g.Over(plan.Limits{EmptyFloor: 100}, 0, at.Size(), plan.Totals{}) == "" {
			t.Errorf("%s: one is not over a limit of none", g.Name)
		}
		for _, other := range plan.Guards() {
			if other.Name != g.Name && other.Of(changes, wish != nil).Size() != 0 {
				t.Errorf("%s is counted by %s too", g.Name, other.Name)
			}
		}
		back := g.Revert(want, observed, at)
		if back != nil && len(plan.Diff(plan.State{one: *back}, have)) != 0 {
			t.Errorf("%s: without it %+v is still wished", g.Name, plan.Diff(plan.State{one: *back}, have))
		}
		before, after := have[one], plan.Group{}
		if wish != nil {
			after = want
		}
		var was *plan.Group
		if wish != nil {
			was = &before
		}
		is := &after
		if after.Gone != "" {
			is = nil
		}
		if g.Undone(at, was).Size() != 1 || g.Undone(at, is).Size() != 0 {
			t.Errorf("%s: undone before %+v, after %+v; want all and none", g.Name, g.Undone(at, was), g.Undone(at, &after))
		}
		if at.Less(at).Size() != 0 || at.Less(plan.Impact{}).Size() != 1 {
			t.Errorf("%s: an impact less itself is %+v, less nothing %+v", g.Name, at.Less(at), at.Less(plan.Impact{}))
		}
	}
	if to := (plan.Impact{Whole: true, To: "CN=One,OU=B"}); to.Less(plan.Impact{Whole: true, To: "CN=One,OU=C"}).Size() != 1 {
		t.Error("a move to one place passes for a move to another")
	}
}

// TestTakesAway: these guards take something away. While some changes are not counted
// nothing of theirs goes: a move takes rights that hang on the container.
func TestTakesAway(t *testing.T) {
	want := map[plan.GuardName]bool{plan.Removals: true, plan.Retirements: true, plan.Moves: true, plan.Losses: true, plan.Deletions: true}
	for _, g := range plan.Guards() {
		if g.Destructive != want[g.Name] {
			t.Errorf("%s takes away: %t", g.Name, g.Destructive)
		}
	}
}

// TestSwapIsTwoMoves: two groups that take each other's names go by way of a third one.
// That is one change more, and no move more.
func TestSwapIsTwoMoves(t *testing.T) {
	have := stateOf(group(one, "a"), group(two, "b"))
	changes := plan.Diff(stateOf(group(one, "b"), group(two, "a")), have)
	moves, _ := plan.GuardOf(plan.Moves)
	counted := 0
	for _, c := range changes {
		counted += moves.Of([]plan.Change{c}, true).Size()
	}
	if len(changes) != 3 || counted != 2 {
		t.Errorf("%d changes, %d moves; want 3 and 2", len(changes), counted)
	}
}

// TestGroupIsGone: what was to be done to a group that is not there any more. Who was to
// leave it has left; who was to come has not come, and it was not moved.
func TestGroupIsGone(t *testing.T) {
	for name, left := range map[plan.GuardName]int{plan.Removals: 0, plan.Additions: 1, plan.Moves: 1, plan.Retirements: 1, plan.Creations: 1, plan.Losses: 0, plan.Deletions: 0} {
		at := plan.Impact{Whole: true, To: "CN=a,OU=x"}
		if name == plan.Removals || name == plan.Additions {
			at = plan.Impact{Refs: []plan.Ref{ann}}
		}
		g, _ := plan.GuardOf(name)
		if got := g.Undone(at, nil).Size(); got != left {
			t.Errorf("%s: %d of 1 was not done, want %d", name, got, left)
		}
	}
}

// TestLimitTexts is what is over each limit, in the words that people are told.
func TestLimitTexts(t *testing.T) {
	l, all := plan.DefaultLimits(), plan.Totals{Memberships: 1000, Groups: 100}
	texts := &golden.Texts{}
	texts.Add(l.Group(44, 0, 44, 18))
	texts.Add(l.Group(44, 10, 34, 8))
	texts.Add(l.Group(8, 0, 8, 8))
	for _, g := range plan.Guards() {
		texts.Add(string(g.Name) + ": " + g.Over(l, 0, 2000, all))
		texts.Add(string(g.Name) + ": " + g.Over(l, 400, 200, plan.Totals{Memberships: 1000, Groups: 1000}))
	}
	texts.Hold(t, "limits")
}
