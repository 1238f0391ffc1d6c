package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
)

// managedBy is a group that is managed by some objects, or by nobody.
func managedBy(g plan.Group, refs ...plan.Ref) plan.Group {
	return with(g, func(g *plan.Group) { g.Links = g.Links.With(plan.ManagedBy, refs) })
}

// TestLinksTable: what sets links apart is what all of this rests on: one grants, and whoever
// has one value changes it in two steps. Their names are no text that rules may write.
func TestLinksTable(t *testing.T) {
	var granting, single []plan.Link
	for _, l := range plan.AllLinks() {
		if l.Grants() {
			granting = append(granting, l)
		}
		if l.Single() {
			single = append(single, l)
		}
		if is, ok := plan.LinkOf(strings.ToUpper(string(l))); !ok || is != l || !plan.NamesObjects(string(l)) {
			t.Errorf("%s is not known as what it is: %s", l, is)
		}
	}
	if !slices.Equal(granting, []plan.Link{"member"}) || !slices.Equal(single, []plan.Link{"managedBy"}) {
		t.Errorf("%v grant, %v have one value", granting, single)
	}
	if l, ok := plan.LinkOf("description"); ok || plan.Link("description").Grants() {
		t.Errorf("description is link %q", l)
	}
}

func TestDiffLinks(t *testing.T) {
	cc := plan.GroupRef(two)
	inAD := func(g plan.Group) plan.Group { g.GUID = "g"; return g }
	relink := func(remove, add []plan.Ref) plan.Change {
		return plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: one, GUID: "g", Remove: remove, Add: add}
	}
	none := with(group(one, "a"), func(g *plan.Group) { g.Links = nil })
	for name, tt := range map[string]struct {
		want, have plan.Group
		changes    []plan.Change
	}{
		"a link that the rules do not speak of is left alone": {group(one, "a", ann), inAD(managedBy(group(one, "a", ann), bob)), nil},
		"who shall have no manager and has none":              {managedBy(group(one, "a")), inAD(none), nil},
		"one comes":                                           {managedBy(group(one, "a"), ann), inAD(none), []plan.Change{relink(nil, []plan.Ref{ann})}},
		"one goes":                                            {managedBy(group(one, "a")), inAD(managedBy(none, ann)), []plan.Change{relink([]plan.Ref{ann}, nil)}},
		"the old one goes before the new one comes": {managedBy(group(one, "a"), cc), inAD(managedBy(none, ann)),
			[]plan.Change{relink([]plan.Ref{ann}, nil), relink(nil, []plan.Ref{cc})}},
		"beside members, those first": {managedBy(group(one, "a", ann), ann), inAD(managedBy(group(one, "a", bob), bob)), []plan.Change{
			{Op: plan.Update, Group: one, GUID: "g", Remove: []plan.Ref{bob}}, relink([]plan.Ref{bob}, nil),
			{Op: plan.Update, Group: one, GUID: "g", Add: []plan.Ref{ann}}, relink(nil, []plan.Ref{ann})}},
		"what an agent of before reads as text is not cleared as text": {group(one, "a"),
			inAD(with(none, func(g *plan.Group) { g.Attrs["managedBy"] = []string{"CN=x"} })), nil},
	} {
		if diff := cmp.Diff(tt.changes, plan.Diff(stateOf(tt.want), stateOf(tt.have))); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// TestGuardsCountMembers: who manages groups may change as often as it likes, and all at once:
// no guard counts it, be it the same object that is a member.
func TestGuardsCountMembers(t *testing.T) {
	have := with(managedBy(group(one, "a", ann), ann), func(g *plan.Group) { g.GUID = "g" })
	want := managedBy(group(one, "a", ann), bob)
	changes := plan.Diff(stateOf(want), stateOf(have))
	for _, g := range plan.Guards() {
		if n := g.Of(changes, true).Size(); n != 0 || len(changes) != 2 {
			t.Errorf("%s counts %d of %+v", g.Name, n, changes)
		}
	}
	for _, c := range changes {
		if len(c.Joins())+len(c.Leaves()) > 0 || c.Of() != plan.ManagedBy {
			t.Errorf("%+v is of members", c)
		}
	}
	removals, _ := plan.GuardOf(plan.Removals)
	at := plan.Impact{Refs: []plan.Ref{ann}}
	held := removals.Revert(managedBy(group(one, "a"), bob), have, at)
	if !slices.Equal(held.Members(), []plan.Ref{ann}) || !slices.Equal(held.Links[plan.ManagedBy], []plan.Ref{bob}) {
		t.Errorf("a held removal of a member leaves %v", held.Links)
	}
}

// TestRevertLink: a refusal of one link keeps no other from being written; and while the one
// manager cannot be taken out, no other is tried.
func TestRevertLink(t *testing.T) {
	have := with(managedBy(group(one, "a", ann), ann), func(g *plan.Group) { g.GUID = "g" })
	want := managedBy(group(one, "a", bob), bob)
	for name, tt := range map[string]struct {
		kind             plan.Kind
		link             plan.Link
		refs             []plan.Ref
		members, manager []plan.Ref
	}{
		"a member stays":    {plan.Removing, plan.Member, []plan.Ref{ann}, []plan.Ref{ann, bob}, []plan.Ref{bob}},
		"a member waits":    {plan.Adding, plan.Member, []plan.Ref{bob}, nil, []plan.Ref{bob}},
		"the manager stays": {plan.Removing, plan.ManagedBy, []plan.Ref{ann}, []plan.Ref{bob}, []plan.Ref{ann}},
		"a manager waits":   {plan.Adding, plan.ManagedBy, []plan.Ref{bob}, []plan.Ref{bob}, nil},
	} {
		got := plan.Revert(want, have, tt.kind, tt.link, tt.refs)
		if !slices.Equal(got.Members(), tt.members) || !slices.Equal(got.Links[plan.ManagedBy], tt.manager) {
			t.Errorf("%s: %v", name, got.Links)
		}
		if _, spoken := got.Links[plan.ManagedBy]; !spoken {
			t.Errorf("%s: nobody speaks of managers any more", name)
		}
	}
	if !slices.Equal(want.Members(), []plan.Ref{bob}) || !slices.Equal(want.Links[plan.ManagedBy], []plan.Ref{bob}) {
		t.Errorf("the wish itself was changed: %v", want.Links)
	}
}

// TestLinkOutcome: what a change of a link does, and what of it was refused, is that link's.
func TestLinkOutcome(t *testing.T) {
	had := managedBy(group(one, "a", ann, bob), ann)
	for name, tt := range map[string]struct {
		change plan.Change
		bad    []plan.BadRef
		want   plan.Links
	}{
		"gone":         {plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: one, Remove: []plan.Ref{ann}}, nil, plan.Members(ann, bob)},
		"refused":      {plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: one, Remove: []plan.Ref{ann}}, []plan.BadRef{{Ref: ann}}, had.Links},
		"comes beside": {plan.Change{Op: plan.Relink, Link: plan.CoManagers, Group: one, Add: []plan.Ref{bob}}, nil, had.Links.With(plan.CoManagers, []plan.Ref{bob})},
		"a member":     {plan.Change{Op: plan.Update, Group: one, Remove: []plan.Ref{ann, bob}}, nil, plan.Links{plan.ManagedBy: {ann}}},
	} {
		got := plan.Outcome(had, tt.change, plan.Result{Status: plan.Done, Bad: tt.bad})
		if diff := cmp.Diff(tt.want, got.Links); diff != "" || got.Parent != had.Parent || got.Name != had.Name {
			t.Errorf("%s: %+v, -want +got\n%s", name, got, diff)
		}
	}
}

// TestSplitLink: a piece of a change is of the same operation and link.
func TestSplitLink(t *testing.T) {
	c := plan.Change{Op: plan.Relink, Link: plan.CoManagers, Group: one, GUID: "g", Add: []plan.Ref{ann, bob, plan.GroupRef(two), plan.GroupRef(three)}}
	pieces := plan.Split(c, 3)
	for _, p := range pieces {
		if p.Op != c.Op || p.Link != c.Link || len(p.Joins()) > 0 || len(p.Add) != 2 {
			t.Errorf("a piece is %+v", p)
		}
	}
	if len(pieces) != 2 {
		t.Errorf("%d pieces", len(pieces))
	}
}

// TestDigestOfLinks: each link has its part in the digest, as another one than that of members,
// and one without values has none.
func TestDigestOfLinks(t *testing.T) {
	base := group(one, "a", ann)
	seen := map[string]string{}
	for name, g := range map[string]plan.Group{
		"members alone": base, "managed by ann": managedBy(base, ann), "managed by bob": managedBy(base, bob), "members both": group(one, "a", ann, bob),
		"ann too": with(base, func(g *plan.Group) { g.Links = g.Links.With(plan.CoManagers, []plan.Ref{ann}) }),
	} {
		if seen[g.Digest()] != "" {
			t.Errorf("%s has the digest of %s", name, seen[g.Digest()])
		}
		seen[g.Digest()] = name
	}
	if base.Digest() != managedBy(base).Digest() {
		t.Error("a link without values has a part in the digest")
	}
}

// TestGroupInJSON: members stand there under a name of their own, as agents of before write
// them; other links beside them, and where there are none, nothing does.
func TestGroupInJSON(t *testing.T) {
	before := `{"ID":"01000000-0000-0000-0000-000000000000","GUID":"g","Parent":"OU=x","Name":"a","Attrs":{"sAMAccountName":["a"]},"Members":["S-1-5-21-1-2-3-1101"]`
	plain := with(group(one, "a", ann), func(g *plan.Group) { g.GUID = "g" })
	for text, g := range map[string]plan.Group{
		before + `}`: plain,
		before + `,"Links":{"managedBy":["S-1-5-21-1-2-3-1102"]}}`: managedBy(plain, bob),
	} {
		if got := asJSON(g); got != text {
			t.Errorf("written\n%s, want\n%s", got, text)
		}
		var back plan.Group
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g, back); diff != "" {
			t.Errorf("-written +read\n%s", diff)
		}
	}
	var odd plan.Group
	if err := json.Unmarshal([]byte(`{"Members":["a"],"Links":{"member":["b"]}}`), &odd); err != nil || !slices.Equal(odd.Members(), []plan.Ref{"a"}) {
		t.Errorf("members twice: %v, %v", odd.Members(), err)
	}
}

// TestLinksShareNothing: to give a group other refs changes no other group that has the same.
func TestLinksShareNothing(t *testing.T) {
	g := managedBy(group(one, "a", ann), ann)
	other := g
	other.Links = other.Links.With(plan.ManagedBy, nil).Having(plan.Member, nil)
	if !slices.Equal(g.Members(), []plan.Ref{ann}) || !slices.Equal(g.Links[plan.ManagedBy], []plan.Ref{ann}) {
		t.Errorf("the group became %v", g.Links)
	}
	if refs, has := other.Links[plan.ManagedBy]; !has || len(refs) > 0 || len(other.Members()) > 0 {
		t.Errorf("the other one is %v", other.Links)
	}
	if left := g.Links.Having(plan.ManagedBy, nil).Having(plan.Member, nil); left != nil {
		t.Errorf("a group without links has %v", left)
	}
}
