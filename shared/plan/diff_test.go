package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

var (
	one, two, three = directory.ID{1}, directory.ID{2}, directory.ID{3}
	ann, bob        = plan.SIDRef("S-1-5-21-1-2-3-1101"), plan.SIDRef("S-1-5-21-1-2-3-1102")
)

// group is a group in OU=x with its name as account name too.
func group(id directory.ID, name string, members ...plan.Ref) plan.Group {
	slices.Sort(members)
	return plan.Group{ID: id, Parent: "OU=x", Name: name, Attrs: map[string][]string{"sAMAccountName": {name}}, Links: plan.Members(members...)}
}

func stateOf(groups ...plan.Group) plan.State {
	s := plan.State{}
	for _, g := range groups {
		s[g.ID] = g
	}
	return s
}

func with(g plan.Group, f func(*plan.Group)) plan.Group {
	g = g.Clone()
	f(&g)
	return g
}

func TestDiff(t *testing.T) {
	named := func(name string) map[string][]string { return map[string][]string{"sAMAccountName": {name}} }
	describe := func(g *plan.Group) { g.Attrs["description"] = []string{"text"} }
	inAD := func(g *plan.Group) { g.GUID = "g" }
	tests := []struct {
		name       string
		want, have plan.State
		changes    []plan.Change
	}{
		{name: "nothing to do",
			want: stateOf(group(one, "a", ann)), have: stateOf(with(group(one, "a", ann), inAD))},
		{name: "a group that nothing is wanted of is left alone",
			have: stateOf(group(one, "a", ann))},
		{name: "a create carries no members",
			want: stateOf(group(one, "a", ann)),
			changes: []plan.Change{
				{Op: plan.Create, Group: one, Parent: "OU=x", Name: "a", Set: named("a")},
				{Op: plan.Update, Group: one, Add: []plan.Ref{ann}},
			}},
		{name: "groups exist before they are members",
			want: stateOf(group(one, "a", plan.GroupRef(two)), group(two, "b", plan.GroupRef(one))),
			changes: []plan.Change{
				{Op: plan.Create, Group: one, Parent: "OU=x", Name: "a", Set: named("a")},
				{Op: plan.Create, Group: two, Parent: "OU=x", Name: "b", Set: named("b")},
				{Op: plan.Update, Group: one, Add: []plan.Ref{plan.GroupRef(two)}},
				{Op: plan.Update, Group: two, Add: []plan.Ref{plan.GroupRef(one)}},
			}},
		{name: "one update sets, clears, adds and removes",
			want: stateOf(with(group(one, "a", ann), describe)),
			have: stateOf(with(group(one, "a", bob), func(g *plan.Group) { g.GUID = "g"; g.Attrs["info"] = []string{"old"} })),
			changes: []plan.Change{
				{Op: plan.Update, Group: one, GUID: "g", Remove: []plan.Ref{bob}},
				{Op: plan.Update, Group: one, GUID: "g", Set: map[string][]string{"description": {"text"}, "info": nil}},
				{Op: plan.Update, Group: one, GUID: "g", Add: []plan.Ref{ann}},
			}},
		{name: "the account name goes with the name",
			want: stateOf(group(one, "new")), have: stateOf(with(group(one, "old"), inAD)),
			changes: []plan.Change{{Op: plan.Rename, Group: one, GUID: "g", Parent: "OU=x", Name: "new", Set: named("new")}}},
		{name: "a new account name alone is a rename",
			want: stateOf(with(group(one, "a"), func(g *plan.Group) { g.Attrs = named("z") })), have: stateOf(group(one, "a")),
			changes: []plan.Change{{Op: plan.Rename, Group: one, Parent: "OU=x", Name: "a", Set: named("z")}}},
		{name: "a move to the same place in other letters is none",
			want: stateOf(with(group(one, "a"), func(g *plan.Group) { g.Parent = "ou=X" })), have: stateOf(group(one, "a"))},
		{name: "a name in other letters is another name",
			want: stateOf(group(one, "A")), have: stateOf(group(one, "a")),
			changes: []plan.Change{{Op: plan.Rename, Group: one, Parent: "OU=x", Name: "A", Set: named("A")}}},
		{name: "a name is freed before it is taken",
			want: stateOf(group(one, "b"), group(two, "c"), group(three, "a")), have: stateOf(group(one, "a"), group(two, "b")),
			changes: []plan.Change{
				{Op: plan.Rename, Group: two, Parent: "OU=x", Name: "c", Set: named("c")},
				{Op: plan.Rename, Group: one, Parent: "OU=x", Name: "b", Set: named("b")},
				{Op: plan.Create, Group: three, Parent: "OU=x", Name: "a", Set: named("a")},
			}},
		{name: "a swap steps aside",
			want: stateOf(group(one, "B"), group(two, "a")), have: stateOf(group(one, "a"), group(two, "b")),
			changes: []plan.Change{
				{Op: plan.Rename, Group: one, Parent: "OU=x", Name: plan.Mark(one), Set: named(plan.Mark(one))},
				{Op: plan.Rename, Group: two, Parent: "OU=x", Name: "a", Set: named("a")},
				{Op: plan.Rename, Group: one, Parent: "OU=x", Name: "B", Set: named("B")},
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := plan.Diff(tt.want, tt.have)
			if diff := cmp.Diff(tt.changes, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			d := newDomain(tt.have)
			if err := d.run(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// The account names swap while the names move along a chain: each rename has to
// wait for two others.
// TestDeletedAsItWas: of groups that are deleted together one that holds another goes first: it
// would not be deleted as what it was when it had lost a member. Groups that hold each other are
// all deleted.
func TestDeletedAsItWas(t *testing.T) {
	for name, tt := range map[string]struct {
		members map[directory.ID][]plan.Ref
		want    []directory.ID
	}{
		"a chain":  {map[directory.ID][]plan.Ref{three: {plan.GroupRef(two)}, two: {ann, plan.GroupRef(one)}}, []directory.ID{three, two, one}},
		"a circle": {map[directory.ID][]plan.Ref{one: {plan.GroupRef(two)}, two: {plan.GroupRef(one)}}, []directory.ID{two, one, three}},
		"none":     {nil, []directory.ID{one, two, three}},
	} {
		t.Run(name, func(t *testing.T) {
			want, have := plan.State{}, plan.State{}
			for i, id := range []directory.ID{one, two, three} {
				have[id] = group(id, string(rune('a'+i)), tt.members[id]...)
				want[id] = plan.Group{ID: id, Gone: life.Deleted}
			}
			var got []directory.ID
			for _, c := range plan.Diff(want, have) {
				got = append(got, c.Group)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("deleted in the order %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDiffNamesAndAccountNamesCross(t *testing.T) {
	sam := func(g plan.Group, name string) plan.Group {
		return with(g, func(g *plan.Group) { g.Attrs["sAMAccountName"] = []string{name} })
	}
	have := stateOf(sam(group(one, "a"), "s"), sam(group(two, "b"), "t"), sam(group(three, "c"), "u"))
	want := stateOf(sam(group(one, "b"), "t"), sam(group(two, "c"), "s"), sam(group(three, "d"), "v"))
	if err := holds(want, have, everywhere); err != nil {
		t.Error(err)
	}
}

func TestOutcome(t *testing.T) {
	had := with(group(one, "a", ann), func(g *plan.Group) { g.GUID = "g" })
	add := plan.Change{Op: plan.Update, Group: one, Add: []plan.Ref{bob, plan.GroupRef(two)}, Remove: []plan.Ref{ann}}
	tests := []struct {
		name   string
		result plan.Result
		want   plan.Group
	}{
		{"done", plan.Result{Status: plan.Done}, with(had, func(g *plan.Group) { g.Links = g.Links.With(plan.Member, []plan.Ref{bob, plan.GroupRef(two)}) })},
		{"a bad addition is not there", plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: plan.GroupRef(two)}}},
			with(had, func(g *plan.Group) { g.Links = g.Links.With(plan.Member, []plan.Ref{bob}) })},
		{"a bad removal is there still", plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: plan.GroupRef(two)}, {Ref: ann}}},
			with(had, func(g *plan.Group) { g.Links = g.Links.With(plan.Member, []plan.Ref{ann, bob}) })},
		{"the agent's word on the GUID counts", plan.Result{Status: plan.Done, GUID: "h"},
			with(had, func(g *plan.Group) { g.GUID, g.Links = "h", plan.Members(bob, plan.GroupRef(two)) })},
		{"refused", plan.Result{Status: plan.Refused, GUID: "h"}, had},
		{"skipped", plan.Result{Status: plan.Skipped}, had},
		{"unknown", plan.Result{Status: plan.Unknown}, had},
		{"a status that this version does not know", plan.Result{Status: "half"}, had},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, plan.Outcome(had, add, tt.result)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	known := map[directory.ID]plan.GUID{two: "g2", three: "g3"}
	c := plan.Change{Op: plan.Update, Group: one, GUID: "g", Set: map[string][]string{"info": nil},
		Add: []plan.Ref{ann, bob, plan.GroupRef(two)}, Remove: []plan.Ref{plan.GroupRef(three)}, Known: known}
	if got := plan.Split(c, 6); len(got) != 1 {
		t.Errorf("a change of 6 values in pieces of 6: %d pieces, want 1", len(got))
	}
	want := []plan.Change{
		{Op: plan.Update, Group: one, GUID: "g", Set: map[string][]string{"info": nil}},
		{Op: plan.Update, Group: one, GUID: "g", Remove: []plan.Ref{plan.GroupRef(three)}, Known: map[directory.ID]plan.GUID{three: "g3"}},
		{Op: plan.Update, Group: one, GUID: "g", Add: []plan.Ref{ann, bob}},
		{Op: plan.Update, Group: one, GUID: "g", Add: []plan.Ref{plan.GroupRef(two)}, Known: map[directory.ID]plan.GUID{two: "g2"}},
	}
	if diff := cmp.Diff(want, plan.Split(c, 3)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	create := plan.Change{Op: plan.Create, Group: one, Set: map[string][]string{"a": {"1"}, "b": {"2"}, "c": {"3"}}}
	if got := plan.Split(create, 2); len(got) != 1 {
		t.Errorf("a create was cut into %d pieces", len(got))
	}
}

func TestMissingAndMerge(t *testing.T) {
	refs := func(s string) (out []plan.Ref) {
		for _, c := range s {
			out = append(out, plan.Ref(c))
		}
		return out
	}
	tests := []struct{ a, b, missing, merged string }{
		{"", "", "", ""},
		{"abc", "", "abc", "abc"},
		{"", "abc", "", "abc"},
		{"abc", "abc", "", "abc"},
		{"ace", "bd", "ace", "abcde"},
		{"abcd", "bx", "acd", "abcdx"},
	}
	for _, tt := range tests {
		if got := plan.Missing(refs(tt.a), refs(tt.b)); !slices.Equal(got, refs(tt.missing)) {
			t.Errorf("Missing(%s, %s) = %v, want %s", tt.a, tt.b, got, tt.missing)
		}
		if got := plan.Merge(refs(tt.a), refs(tt.b)); !slices.Equal(got, refs(tt.merged)) {
			t.Errorf("Merge(%s, %s) = %v, want %s", tt.a, tt.b, got, tt.merged)
		}
	}
}
