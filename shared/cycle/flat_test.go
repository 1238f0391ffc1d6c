package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// ruled is a world with these rules, beside the container.
func ruled(t *testing.T, file string) *world {
	w := newWorld(t)
	w.file = "ou: " + ou + "\n" + file
	w.restart()
	w.users(12)
	return w
}

// has holds the members of a group to users.
func (w *world) has(name string, id directory.ID, users ...int) {
	w.t.Helper()
	var want []plan.Ref
	for _, u := range users {
		want = append(want, ref(u))
	}
	slices.Sort(want)
	if got := w.ad[id].Members(); !slices.Equal(got, want) {
		w.t.Errorf("%s: members %v, want %v", name, got, want)
	}
}

// TestFlat: whoever is in a group at any depth is a member of a flat one, and whoever comes
// or leaves down there comes and leaves up here, by Graph's own word.
func TestFlat(t *testing.T) {
	w := ruled(t, "scope: all\nmembers: {nested: flatten}\n")
	w.group(1, 0, 2)
	w.group(2, 2, 4)
	w.group(3, 4, 6)
	w.do(w.tenant.AddMember(group(1), group(2)))
	w.do(w.tenant.AddMember(group(2), group(3)))
	w.untilQuiet()
	w.has("at first", group(1), 0, 1, 2, 3, 4, 5)
	w.has("in the middle", group(2), 2, 3, 4, 5)

	w.do(w.tenant.AddMember(group(3), user(7)))
	w.do(w.tenant.RemoveMember(group(3), user(4)))
	w.later(time.Minute)
	w.has("changed below", group(1), 0, 1, 2, 3, 5, 7)

	w.do(w.tenant.AddMember(group(3), group(1))) // they go round in a circle
	w.later(time.Minute)
	w.has("a circle", group(3), 0, 1, 2, 3, 5, 7)
	w.do(w.tenant.RemoveMember(group(3), group(1)))
	w.later(time.Minute)
	w.has("no circle", group(3), 5, 7)
	w.has("no circle, above", group(1), 0, 1, 2, 3, 5, 7)

	w.do(w.tenant.AddMember(group(1), user(5))) // directly too
	w.later(time.Minute)
	w.do(w.tenant.RemoveMember(group(2), group(3)))
	w.later(time.Minute)
	w.has("a whole branch left", group(1), 0, 1, 2, 3, 5)
	w.has("a whole branch left, in the middle", group(2), 2, 3)
	w.later(24 * time.Hour)
	if h := w.holds(); len(h) > 0 {
		t.Errorf("holds %+v", h)
	}
}

// TestFlatKeepsUnknown: while nobody knows who is in a group below, nobody leaves for that.
func TestFlatKeepsUnknown(t *testing.T) {
	w := ruled(t, "scope: all\nmembers: {nested: flatten}\n")
	w.group(1, 0, 2)
	w.group(2, 2, 6)
	w.do(w.tenant.AddMember(group(1), group(2)))
	w.untilQuiet()
	w.source.edit = func(p *directory.Page) error {
		for i := range p.Groups { // an enumeration that loses a slice of the members
			if g := &p.Groups[i]; g.ID == group(2) && len(g.Members) > 2 {
				g.Members = g.Members[:2]
			}
		}
		return nil
	}
	w.source.again = func(p *directory.Page) error { p.Groups = nil; return nil } // nor does it confirm anything
	w.source.expired = true
	w.untilQuiet()
	w.has("while members are lost", group(1), 0, 1, 2, 3, 4, 5)
	w.well()
	w.later(time.Hour)
	w.do(w.tenant.RemoveMember(group(2), user(2)))
	w.later(time.Minute)
	w.has("told again", group(1), 0, 1, 3, 4, 5)
}

// TestRulesBecomeFlat: links to groups go when the people in them come, and come back.
func TestRulesBecomeFlat(t *testing.T) {
	w := newWorld(t)
	w.users(12)
	w.group(1, 0, 8)
	w.group(2, 8, 10)
	w.do(w.tenant.AddMember(group(1), group(2)))
	w.untilQuiet()
	linked := w.ad[group(1)].Members()
	if !slices.Contains(linked, plan.GroupRef(group(2))) || len(linked) != 9 {
		t.Fatalf("by reference: %v", linked)
	}
	w.file = "ou: " + ou + "\nscope: all\nmembers: {nested: flatten}\n"
	w.restart()
	w.later(time.Hour)
	w.has("flat", group(1), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	w.file = "ou: " + ou + "\nscope: all\nrevision: 1\n"
	w.restart()
	w.do(w.report(true, nil))
	w.later(time.Hour)
	if got := w.ad[group(1)].Members(); !slices.Equal(got, linked) {
		t.Errorf("by reference again: %v, want %v; holds %+v", got, linked, w.holds())
	}
}

// TestScopeGroup: groups come into scope by becoming a member of the scope's group. Who
// leaves it is given up; while nobody knows who is in it, nobody is.
func TestScopeGroup(t *testing.T) {
	of := graphtest.ID("scope")
	w := ruled(t, "scope: {members_of: "+of.String()+"}\n")
	for i := range 5 {
		w.group(i, i, i+2)
	}
	w.do(w.tenant.AddGroup(graphtest.Group{ID: of, DisplayName: "To be written", Members: []directory.ID{group(0), group(1)}}))
	w.untilQuiet()
	there := func(want ...int) {
		t.Helper()
		for i := range 5 {
			g, is := w.ad[group(i)]
			managed := is && len(g.Attrs["info"]) == 0
			if managed != slices.Contains(want, i) {
				t.Errorf("group %d: managed %t; want %v to be", i, managed, want)
			}
		}
	}
	there(0, 1)
	w.do(w.tenant.AddMember(of, group(3)))
	w.later(time.Minute)
	there(0, 1, 3)
	w.do(w.tenant.RemoveMember(of, group(0)))
	w.later(time.Minute)
	there(1, 3)
	w.do(w.tenant.AddMember(of, group(0)))
	w.later(time.Minute)
	there(0, 1, 3)
	w.source.edit = func(p *directory.Page) error {
		for i := range p.Groups {
			if p.Groups[i].ID == of {
				p.Groups[i].Members = nil
			}
		}
		return nil
	}
	w.source.again, w.source.expired = func(p *directory.Page) error { p.Groups = nil; return nil }, true // nor does it confirm anything
	w.later(time.Minute)
	there(0, 1, 3)
	if n := w.head().Totals.Problems["scope-unknown"]; n != 3 {
		t.Errorf("%d groups are told to be uncertain, want 3", n)
	}
	w.well()
	w.later(time.Hour)
	there(0, 1, 3)
	if p := w.head().Totals.Problems; p["scope-unknown"] != 0 {
		t.Errorf("an hour later: problems %v", p)
	}
}

// TestAdditive: whom others put in stays, and is told; who leaves the cloud goes.
func TestAdditive(t *testing.T) {
	w := ruled(t, "scope: all\nmembers: {mode: additive}\n")
	w.group(1, 0, 6)
	w.untilQuiet()
	w.stranger(group(1), ref(11))
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.has("a stranger", group(1), 0, 1, 2, 3, 4, 5, 11)
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.later(time.Minute)
	w.has("one left", group(1), 1, 2, 3, 4, 5, 11)
	if n := w.head().Totals.Problems["foreign-members"]; n != 1 {
		t.Errorf("%d groups are told to have members of others, want 1", n)
	}
	w.do(w.tenant.AddMember(group(1), user(11)))
	w.later(time.Minute)
	w.do(w.tenant.RemoveMember(group(1), user(11)))
	w.later(time.Minute)
	w.has("it was one of the cloud's for a while", group(1), 1, 2, 3, 4, 5)
}

// TestKindsLeftOut: members of a kind that new rules leave out go by the rules' word.
func TestKindsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.users(12)
	w.do(w.tenant.AddDevice(graphtest.Device{ID: graphtest.ID("device"), DisplayName: "device", SID: directory.SID(ref(500))}))
	w.group(1, 0, 8)
	w.do(w.tenant.AddMember(group(1), graphtest.ID("device")))
	w.untilQuiet()
	w.has("with a device", group(1), 0, 1, 2, 3, 4, 5, 6, 7, 500)
	w.file = "ou: " + ou + "\nscope: all\nmembers: {kinds: [users, groups]}\n"
	w.restart()
	w.later(time.Hour)
	w.has("without devices", group(1), 0, 1, 2, 3, 4, 5, 6, 7)
}

// TestFlatAndAdditive: who left a nested group is known from those whom others put in, also
// when the nested group itself has long been in order.
func TestFlatAndAdditive(t *testing.T) {
	w := ruled(t, "scope: all\nmembers: {nested: flatten, mode: additive}\n")
	w.group(1, 0, 2)
	w.group(2, 2, 6)
	w.do(w.tenant.AddMember(group(1), group(2)))
	w.source.again = func(p *directory.Page) error { // nobody confirms who is in the outer one
		p.Groups = slices.DeleteFunc(p.Groups, func(g directory.GroupChange) bool { return g.ID == group(1) })
		return nil
	}
	w.untilQuiet()
	w.stranger(group(1), ref(11))
	w.do(w.report(true, nil))
	w.do(w.tenant.RemoveMember(group(2), user(2)))
	w.later(time.Hour)
	w.has("below", group(2), 3, 4, 5)
	w.has("above, while it is uncertain", group(1), 0, 1, 2, 3, 4, 5, 11)
	w.well()
	w.later(6 * time.Hour)
	w.has("above", group(1), 0, 1, 3, 4, 5, 11)
	w.do(w.tenant.RemoveMember(group(1), group(2)))
	w.later(time.Hour)
	w.has("the whole branch left", group(1), 0, 1, 11)
}

// crowd is a world whose groups lie in many shards: what is marked of one says nothing of
// another.
func crowd(t *testing.T, file string) *world {
	w := newWorld(t)
	w.file = "ou: " + ou + "\n" + file
	w.restart()
	w.users(60)
	for i := range 500 {
		w.group(i, 0, 40)
	}
	return w
}

// TestFlatInManyShards: a change below reaches the groups above, wherever they lie.
func TestFlatInManyShards(t *testing.T) {
	w := crowd(t, "scope: all\nmembers: {nested: flatten}\n")
	for i := range 5 { // 0 holds 1, which holds 2, …
		w.do(w.tenant.AddMember(group(i), group(i+1)))
	}
	w.untilQuiet()
	w.do(w.tenant.AddMember(group(5), user(50)))
	w.later(time.Minute)
	for i := range 6 {
		if !slices.Contains(w.ad[group(i)].Members(), ref(50)) {
			t.Errorf("%d above, he who came is not there", 5-i)
		}
	}
}

// TestScopeGroupInManyShards: who comes into the scope's group is looked at, wherever he lies.
func TestScopeGroupInManyShards(t *testing.T) {
	of := graphtest.ID("scope")
	w := crowd(t, "scope: {members_of: "+of.String()+"}\n")
	var members []directory.ID
	for i := range 490 {
		members = append(members, group(i))
	}
	w.do(w.tenant.AddGroup(graphtest.Group{ID: of, DisplayName: "To be written", Members: members}))
	w.untilQuiet()
	for i := 490; i < 500; i++ {
		w.do(w.tenant.AddMember(of, group(i)))
	}
	w.later(time.Minute)
	if len(w.ad) != 500 {
		t.Errorf("%d groups are written, want 500", len(w.ad))
	}
}
