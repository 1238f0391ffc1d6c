package graphtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestLies: each way of asking is lied to on its own, for as long as it is wanted, and
// what a delta kept back is not told later.
func TestLies(t *testing.T) {
	var tenant graphtest.Tenant
	a, b, g, h := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("g"), graphtest.ID("h")
	for _, err := range []error{
		tenant.AddUser(graphtest.User{ID: a}), tenant.AddUser(graphtest.User{ID: b}),
		tenant.AddGroup(graphtest.Group{ID: g, Members: []directory.ID{a, b}}), tenant.AddGroup(graphtest.Group{ID: h, Members: []directory.ID{a}}),
	} {
		ok(t, err)
	}
	s := start(t, &tenant, graphtest.Options{})
	groups := s.URL() + "/v1.0/groups/delta?$select=members"
	named := groups + "&$filter=id eq '" + g.String() + "' or id eq '" + h.String() + "'"
	names := map[directory.ID]string{a: "a", b: "b", g: "g", h: "h"}
	// look returns who is listed with how many members.
	look := func(link string) map[string]int {
		t.Helper()
		_, p := get(t, s, link)
		out := map[string]int{}
		for _, v := range p.Value {
			id, err := directory.ParseID(v["id"].(string))
			ok(t, err)
			members, _ := v["members@delta"].([]any)
			out[names[id]] = len(members)
		}
		return out
	}
	truth := map[string]int{"g": 2, "h": 1}
	for _, test := range []struct {
		name        string
		lies        graphtest.Lies
		feed, named map[string]int
	}{
		{"the truth", graphtest.Lies{}, truth, truth},
		{"groups by name are empty", graphtest.Lies{Again: graphtest.Lie{Empty: true}}, truth, map[string]int{}},
		{"groups by name lose a group", graphtest.Lies{Again: graphtest.Lie{Objects: []directory.ID{h}}}, truth, map[string]int{"g": 2}},
		{"groups by name lose a member", graphtest.Lies{Again: graphtest.Lie{Members: []directory.ID{a}}}, truth, map[string]int{"g": 1, "h": 0}},
		{"groups by name have no members", graphtest.Lies{Again: graphtest.Lie{Bare: true}}, truth, map[string]int{"g": 0, "h": 0}},
		{"the feed loses a member", graphtest.Lies{Feeds: map[directory.Feed]graphtest.Lie{directory.GroupFeed: {Members: []directory.ID{b}}}}, map[string]int{"g": 1, "h": 1}, truth},
		{"the feed of users is empty", graphtest.Lies{Feeds: map[directory.Feed]graphtest.Lie{directory.UserFeed: {Empty: true}}}, truth, truth},
		{"the truth again", graphtest.Lies{}, truth, truth},
	} {
		s.Lie(test.lies)
		if d := cmp.Diff(test.feed, look(groups)); d != "" {
			t.Errorf("%s: enumeration:\n%s", test.name, d)
		}
		if d := cmp.Diff(test.named, look(named)); d != "" {
			t.Errorf("%s: by name:\n%s", test.name, d)
		}
	}

	s.Lie(graphtest.Lies{Feeds: map[directory.Feed]graphtest.Lie{directory.UserFeed: {Empty: true}}})
	_, users := get(t, s, s.URL()+"/v1.0/users/delta")
	_, p := get(t, s, groups)
	s.Lie(graphtest.Lies{Feeds: map[directory.Feed]graphtest.Lie{directory.GroupFeed: {Members: []directory.ID{a}}}})
	ok(t, tenant.RemoveMember(g, a))
	_, p = get(t, s, p.Delta)
	s.Lie(graphtest.Lies{})
	if _, later := get(t, s, p.Delta); len(users.Value)+len(later.Value) != 0 {
		t.Errorf("users %v, and a removal told later: %v; want nothing", users.Value, later.Value)
	}
	if d := cmp.Diff(map[string]int{"g": 1, "h": 1}, look(groups)); d != "" {
		t.Errorf("enumerated anew:\n%s", d)
	}
}

// TestLieOfPage: tests without a server lie in the same way.
func TestLieOfPage(t *testing.T) {
	a, b, g, h := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("g"), graphtest.ID("h")
	both := []directory.MemberChange{{ID: a, Kind: directory.User}, {ID: b, Kind: directory.User, Removed: true}}
	page := directory.Page{Feed: directory.GroupFeed, Delta: "d", Groups: []directory.GroupChange{{ID: g, Members: both}, {ID: h}},
		Principals: []directory.PrincipalChange{{ID: a}, {ID: b}}}
	none := directory.Page{Feed: directory.GroupFeed, Delta: "d"}
	for name, test := range map[string]struct {
		lie  graphtest.Lie
		want directory.Page
	}{
		"truth": {graphtest.Lie{}, page},
		"empty": {graphtest.Lie{Empty: true}, none},
		"objects": {graphtest.Lie{Objects: []directory.ID{h, b}}, directory.Page{Feed: page.Feed, Delta: "d",
			Groups: page.Groups[:1], Principals: page.Principals[:1]}},
		"members": {graphtest.Lie{Members: []directory.ID{b}}, directory.Page{Feed: page.Feed, Delta: "d",
			Groups: []directory.GroupChange{{ID: g, Members: both[:1]}, {ID: h}}, Principals: page.Principals}},
		"bare": {graphtest.Lie{Bare: true}, directory.Page{Feed: page.Feed, Delta: "d",
			Groups: []directory.GroupChange{{ID: g}, {ID: h}}, Principals: page.Principals}},
	} {
		if d := cmp.Diff(test.want, test.lie.Page(page)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// TestRefusedLinks: the links of one feed are lost, one by one handed out or not, those
// of the others and of a new enumeration are not.
func TestRefusedLinks(t *testing.T) {
	var tenant graphtest.Tenant
	for _, name := range []string{"a", "b", "c"} {
		ok(t, tenant.AddUser(graphtest.User{ID: graphtest.ID(name)}))
	}
	s := start(t, &tenant, graphtest.Options{PageSize: 2})
	users := s.URL() + "/v1.0/users/delta"
	_, first := get(t, s, users)
	_, last := get(t, s, first.Next)
	_, groups := get(t, s, s.URL()+"/v1.0/groups/delta")
	s.RefuseLinks(directory.UserFeed, 400, "Directory_ExpiredPageToken")
	for range 2 {
		for _, link := range []string{first.Next, last.Delta} {
			if status, p := get(t, s, link); status != 400 || p.Error.Code != "Directory_ExpiredPageToken" {
				t.Errorf("%d %s, want 400 Directory_ExpiredPageToken", status, p.Error.Code)
			}
		}
	}
	if status, _ := get(t, s, groups.Delta); status != 200 {
		t.Errorf("a link of groups is refused: %d", status)
	}
	_, first = get(t, s, users)
	if status, p := get(t, s, first.Next); status != 200 || len(p.Value) != 1 {
		t.Errorf("a new enumeration: %d, %d users", status, len(p.Value))
	}
}

// TestBareRestore: who comes back brings the members it had, or, since nobody promises
// that, only those that joined it since.
func TestBareRestore(t *testing.T) {
	for bare, want := range map[bool]int{false: 2, true: 1} {
		var tenant graphtest.Tenant
		a, b, g := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("g")
		for _, err := range []error{
			tenant.AddUser(graphtest.User{ID: a}), tenant.AddUser(graphtest.User{ID: b}), tenant.AddGroup(graphtest.Group{ID: g, Members: []directory.ID{a}}),
		} {
			ok(t, err)
		}
		s := start(t, &tenant, graphtest.Options{BareRestore: bare})
		groups := s.URL() + "/v1.0/groups/delta?$select=displayName,members"
		_, p := get(t, s, groups)
		for _, err := range []error{tenant.SoftDelete(g), tenant.Restore(g), tenant.AddMember(g, b)} {
			ok(t, err)
		}
		_, p = get(t, s, p.Delta)
		if members, _ := p.Value[0]["members@delta"].([]any); len(members) != want {
			t.Errorf("bare %t: %v, want %d members", bare, p.Value[0], want)
		}
		_, p = get(t, s, groups)
		if members, _ := p.Value[0]["members@delta"].([]any); len(members) != 2 {
			t.Errorf("bare %t, enumerated: %v, want 2 members", bare, p.Value[0])
		}
	}
}

// TestHiddenForAWhile: a delta that says that a group is hidden no more does not say who
// was in it, and who left it meanwhile never shows; an enumeration says who is there.
func TestHiddenForAWhile(t *testing.T) {
	var tenant graphtest.Tenant
	a, b, g := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("g")
	for _, err := range []error{
		tenant.AddUser(graphtest.User{ID: a}), tenant.AddUser(graphtest.User{ID: b}),
		tenant.AddGroup(graphtest.Group{ID: g, Members: []directory.ID{a, b}, Props: map[string]any{"visibility": "Private"}}),
	} {
		ok(t, err)
	}
	s := start(t, &tenant, graphtest.Options{})
	groups := s.URL() + "/v1.0/groups/delta?$select=visibility,members"
	_, p := get(t, s, groups)
	for _, step := range []struct {
		do         func() error
		visibility any
	}{
		{func() error { return tenant.SetProperty(g, "visibility", "HiddenMembership") }, "HiddenMembership"},
		{func() error { return tenant.RemoveMember(g, a) }, nil},
		{func() error { return tenant.SetProperty(g, "visibility", "Private") }, "Private"},
	} {
		ok(t, step.do())
		_, p = get(t, s, p.Delta)
		if step.visibility == nil {
			if len(p.Value) != 0 {
				t.Errorf("a hidden removal shows: %v", p.Value)
			}
			continue
		}
		if len(p.Value) != 1 || p.Value[0]["visibility"] != step.visibility || p.Value[0]["members@delta"] != nil {
			t.Errorf("%v, want visibility %v and no members", p.Value, step.visibility)
		}
	}
	_, p = get(t, s, groups)
	if members, _ := p.Value[0]["members@delta"].([]any); len(members) != 1 {
		t.Errorf("enumerated: %v, want one member", p.Value)
	}
}
