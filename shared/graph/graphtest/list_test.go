package graphtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

func inQuery(ids ...directory.ID) string {
	terms := make([]string, len(ids))
	for i, id := range ids {
		terms[i] = "'" + id.String() + "'"
	}
	return "$filter=id in (" + strings.Join(terms, ",") + ")"
}

// TestList: users and devices by id, as they are, with null for what was never set.
func TestList(t *testing.T) {
	var tenant graphtest.Tenant
	u, v, gone, d := graphtest.ID("u"), graphtest.ID("v"), graphtest.ID("gone"), graphtest.ID("d")
	for _, err := range []error{
		tenant.AddUser(graphtest.User{ID: u, UPN: "u@x", SID: "S-1-5-21-1-2-3-1101"}), tenant.AddUser(graphtest.User{ID: v, UPN: "v@x"}),
		tenant.AddUser(graphtest.User{ID: gone, UPN: "g@x"}), tenant.SoftDelete(gone), tenant.AddDevice(graphtest.Device{ID: d, DisplayName: "D"}),
	} {
		ok(t, err)
	}
	s := start(t, &tenant, graphtest.Options{PageSize: 1})
	users, devices := s.URL()+"/v1.0/users?", s.URL()+"/v1.0/devices?"

	var got []map[string]any
	for link := users + "$select=id,userPrincipalName,onPremisesSecurityIdentifier&" + inQuery(u, v, gone, d); link != ""; {
		status, p := get(t, s, link)
		if status != 200 || len(p.Value) != 1 || p.Delta != "" {
			t.Fatalf("status %d, page %+v; want one user a page and no deltaLink", status, p)
		}
		got, link = append(got, p.Value...), p.Next
	}
	want := []map[string]any{
		{"id": u.String(), "userPrincipalName": "u@x", "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1101"},
		{"id": v.String(), "userPrincipalName": "v@x", "onPremisesSecurityIdentifier": nil},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, p := get(t, s, devices+"$select=displayName&"+inQuery(d, u)); len(p.Value) != 1 || p.Value[0]["displayName"] != "D" {
		t.Errorf("devices are %v", p.Value)
	}
	s.Lie(graphtest.Lies{List: map[directory.Feed]graphtest.Lie{directory.UserFeed: {Objects: []directory.ID{u}}}})
	if _, p := get(t, s, users+"$select=id&"+inQuery(u, v)); len(p.Value) != 1 || p.Value[0]["id"] != v.String() {
		t.Errorf("with a user kept back there are %v", p.Value)
	}
}

func TestListRefuses(t *testing.T) {
	s := start(t, new(graphtest.Tenant), graphtest.Options{})
	var ids []directory.ID
	for i := range 16 {
		ids = append(ids, graphtest.ID(fmt.Sprint(i)))
	}
	users := s.URL() + "/v1.0/users?"
	if status, p := get(t, s, users+inQuery(ids[:15]...)); status != 200 {
		t.Errorf("15 ids: %d %s", status, p.Error.Code)
	}
	for name, test := range map[string]struct{ link, code string }{
		"16 ids":          {users + inQuery(ids...), "Request_UnsupportedQuery"},
		"no filter":       {users, "BadRequest"},
		"another filter":  {users + "$filter=mail eq 'x'", "BadRequest"},
		"an id of no use": {users + "$filter=id in ('bob')", "BadRequest"},
		"nobody":          {users + "$filter=id in ()", "BadRequest"},
		"$expand":         {users + inQuery(ids[0]) + "&$expand=manager", "BadRequest"},
		"a made-up token": {users + "$skiptoken=x", "BadRequest"},
	} {
		if status, p := get(t, s, test.link); status != 400 || p.Error.Code != test.code {
			t.Errorf("%s: %d %s, want 400 %s", name, status, p.Error.Code, test.code)
		}
	}
}
