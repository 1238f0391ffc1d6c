package plan_test

import (
	"maps"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

func TestRef(t *testing.T) {
	id := directory.ID{0xab, 15: 1}
	if got, want := plan.GroupRef(id), plan.Ref("mark:ab000000-0000-0000-0000-000000000001"); got != want {
		t.Errorf("GroupRef = %s, want %s", got, want)
	}
	tests := []struct {
		ref              plan.Ref
		sid, group, guid bool
	}{
		{plan.SIDRef("S-1-5-21-1-2-3-1101"), true, false, false},
		{plan.GroupRef(id), false, true, false},
		{plan.GUIDRef("0b1c"), false, false, true},
		{"mark:no-id", false, false, false},
		{"", false, false, false},
	}
	for _, tt := range tests {
		_, sid := tt.ref.SID()
		group, isGroup := tt.ref.Group()
		_, guid := tt.ref.GUID()
		if sid != tt.sid || isGroup != tt.group || guid != tt.guid {
			t.Errorf("%q is SID %t, group %t, GUID %t; want %t, %t, %t", tt.ref, sid, isGroup, guid, tt.sid, tt.group, tt.guid)
		}
		if isGroup && group != id {
			t.Errorf("%q is group %s, want %s", tt.ref, group, id)
		}
	}
}

func TestMark(t *testing.T) {
	id := directory.ID{0xab, 15: 1}
	if got, ok := plan.ParseMark(plan.Mark(id)); !ok || got != id {
		t.Errorf("ParseMark(%s) = %s, %t", plan.Mark(id), got, ok)
	}
	for _, s := range []string{"", "Group_", id.String(), "User_" + id.String(), "Group_" + id.String() + "x"} {
		if got, ok := plan.ParseMark(s); ok {
			t.Errorf("ParseMark(%q) = %s, want none", s, got)
		}
	}
	if n := len(plan.Mark(id)); n > 64 {
		t.Errorf("a mark of %d characters cannot serve as a temporary cn", n)
	}
}

// TestDigest changes one thing at a time.
func TestDigest(t *testing.T) {
	base := with(group(one, "a", ann, bob), func(g *plan.Group) { g.Attrs["description"] = []string{"x"} })
	same := map[string]func(*plan.Group){
		"guid":          func(g *plan.Group) { g.GUID = "other" },
		"parent's case": func(g *plan.Group) { g.Parent = "ou=X" },
		"map":           func(g *plan.Group) { g.Attrs = maps.Clone(g.Attrs) },
	}
	other := map[string]func(*plan.Group){
		"id":          func(g *plan.Group) { g.ID = two },
		"parent":      func(g *plan.Group) { g.Parent = "OU=y" },
		"name":        func(g *plan.Group) { g.Name = "A" },
		"attribute":   func(g *plan.Group) { g.Attrs["description"] = []string{"y"} },
		"cleared":     func(g *plan.Group) { delete(g.Attrs, "description") },
		"more values": func(g *plan.Group) { g.Attrs["description"] = []string{"x", "x"} },
		"less member": func(g *plan.Group) { g.Links = g.Links.With(plan.Member, g.Members()[:1]) },
		"more member": func(g *plan.Group) {
			g.Links = g.Links.With(plan.Member, plan.Merge(g.Members(), []plan.Ref{plan.GroupRef(two)}))
		},
		"two as one": func(g *plan.Group) { g.Links = g.Links.With(plan.Member, []plan.Ref{ann + bob}) },
	}
	for name, f := range same {
		if with(base, f).Digest() != base.Digest() {
			t.Errorf("%s: another digest for the same group", name)
		}
	}
	seen := map[string]string{base.Digest(): "base"}
	for name, f := range other {
		d := with(base, f).Digest()
		if seen[d] != "" {
			t.Errorf("%s has the digest of %s", name, seen[d])
		}
		seen[d] = name
	}
	// Both ends compute it, and perhaps not in the same version.
	if got, want := base.Digest(), "1daf89cb65e57954efae77a2e6ddb53f"; got != want {
		t.Errorf("the digest of a known group is %s, want %s", got, want)
	}
}

// A group without attributes or members is one, whether they are nil or empty:
// an empty map does not survive the journal.
func TestDigestOfNothing(t *testing.T) {
	empty := plan.Group{ID: one, Attrs: map[string][]string{}, Links: plan.Members()}
	if empty.Digest() != (plan.Group{ID: one}).Digest() {
		t.Error("nil and empty have two digests")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	g := group(one, "a", ann)
	c := g.Clone()
	c.Attrs["sAMAccountName"][0] = "changed"
	c.Attrs["new"] = []string{"x"}
	c.Members()[0] = bob
	if g.Attrs["sAMAccountName"][0] != "a" || g.Attrs["new"] != nil || g.Members()[0] != ann {
		t.Errorf("the original became %v", g)
	}
}
