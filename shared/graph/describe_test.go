package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestDescribe: users whom the feed once forgot to name joined groups and were never
// written, since only the feed could say who they are. They can be asked for by id.
func TestDescribe(t *testing.T) {
	var tenant graphtest.Tenant
	var users []directory.ID
	for i := range 40 {
		u := graphtest.User{ID: graphtest.ID(fmt.Sprint("user ", i)), UPN: fmt.Sprint("u", i, "@x"), DisplayName: fmt.Sprint("U", i)}
		if i > 0 {
			u.SID = directory.SID(fmt.Sprint("S-1-5-21-1-2-3-", 1000+i))
		}
		ok(t, tenant.AddUser(u))
		users = append(users, u.ID)
	}
	laptop, gone := graphtest.ID("laptop"), users[39]
	ok(t, tenant.AddDevice(graphtest.Device{ID: laptop, DisplayName: "LT-1", SID: "S-1-5-21-1-2-3-2000"}))
	ok(t, tenant.SoftDelete(gone))
	s := serve(t, &tenant, graphtest.Options{PageSize: 4})
	s.Lie(graphtest.Lies{Feeds: map[directory.Feed]graphtest.Lie{directory.UserFeed: {Empty: true}}})
	c := dial(t, s, nil)
	if p := read(t, c, directory.UserFeed, ""); len(p) != 1 || len(p[0].Principals) != 0 {
		t.Fatalf("the feed is to be empty, it brings %v", p)
	}

	asked := slices.Concat(users, users[:3], []directory.ID{laptop, graphtest.ID("nobody")})
	p, err := c.Describe(t.Context(), directory.UserFeed, asked)
	ok(t, err)
	slices.SortFunc(p.Principals, func(a, b directory.PrincipalChange) int { return a.ID.Compare(b.ID) })
	want := directory.Page{Feed: directory.UserFeed}
	for i, id := range users[:39] {
		set := directory.Properties{"displayName": {fmt.Sprint("U", i)}, "userPrincipalName": {fmt.Sprint("u", i, "@x")}, "userType": {"Member"},
			"onPremisesSecurityIdentifier": {fmt.Sprint("S-1-5-21-1-2-3-", 1000+i)}, "onPremisesSyncEnabled": {"true"}}
		if i == 0 { // a list says null of what was never set
			set["onPremisesSecurityIdentifier"], set["onPremisesSyncEnabled"] = []string{}, []string{}
		}
		want.Principals = append(want.Principals, directory.PrincipalChange{ID: id, Kind: directory.User, Set: set})
	}
	slices.SortFunc(want.Principals, func(a, b directory.PrincipalChange) int { return a.ID.Compare(b.ID) })
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}

	ann := graphtest.ID("ann")
	ok(t, tenant.AddContact(graphtest.Contact{ID: ann, DisplayName: "Ann", Mail: "Ann@x.example"}))
	s.SetRoles(app, graphtest.GraphAudience, "OrgContact.Read.All")
	p, err = dial(t, s, nil).Describe(t.Context(), directory.ContactFeed, []directory.ID{laptop, ann})
	ok(t, err)
	want = directory.Page{Feed: directory.ContactFeed, Principals: []directory.PrincipalChange{{ID: ann, Kind: directory.Contact,
		Set: directory.Properties{"displayName": {"Ann"}, "mail": {"Ann@x.example"}}}}}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}

	p, err = c.Describe(t.Context(), directory.DeviceFeed, []directory.ID{laptop, users[1]})
	ok(t, err)
	want = directory.Page{Feed: directory.DeviceFeed, Principals: []directory.PrincipalChange{{ID: laptop, Kind: directory.Device,
		Set: directory.Properties{"displayName": {"LT-1"}, "onPremisesSecurityIdentifier": {"S-1-5-21-1-2-3-2000"}}}}}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
}

// TestDescribeKeepsLimits: 50 ids are four requests, none are none, and a group is
// never read this way.
func TestDescribeKeepsLimits(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{})
	c := dial(t, s, nil)
	var ids []directory.ID
	for i := range 50 {
		ids = append(ids, graphtest.ID(fmt.Sprint(i)))
	}
	_, err := c.Describe(t.Context(), directory.UserFeed, ids)
	ok(t, err)
	_, err = c.Describe(t.Context(), directory.UserFeed, nil)
	ok(t, err)
	n := 0
	for _, r := range s.Requests() {
		if r.Path == "/v1.0/users" {
			n++
		}
	}
	if n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	if _, err := c.Describe(t.Context(), directory.GroupFeed, ids); err == nil {
		t.Error("groups are described")
	}
}

func TestDescribeTellsErrors(t *testing.T) {
	bare := []graphtest.Client{{ID: app, Secret: "s3cret", Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All"}}}}
	for _, test := range []struct {
		name    string
		feed    directory.Feed
		clients []graphtest.Client
		fault   graphtest.Fault
		want    string
	}{
		{name: "no permission", feed: directory.DeviceFeed, clients: bare,
			want: "read devices by id: microsoft graph answers 403 Authorization_RequestDenied: Insufficient privileges to complete the operation (request-id ID): " +
				"the app lacks Device.Read.All (it has: GroupMember.Read.All): grant it as an application permission, with admin consent"},
		{name: "a list that is not the feed's link", feed: directory.UserFeed, fault: graphtest.Fault{Status: 410, Body: "gone"},
			want: "read users by id: microsoft graph answers 410 Gone"},
		{name: "no list", feed: directory.UserFeed, fault: graphtest.Fault{Body: `{"error":{}}`},
			want: `read users by id: page is not understood: page has no "value"`},
		{name: "a link away", feed: directory.UserFeed, fault: graphtest.Fault{Body: `{"value":[],"@odata.nextLink":"https://graph.example.com/x"}`},
			want: "read users by id: link leads to https://graph.example.com, not to SERVER: refused, because the access token would go there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, new(graphtest.Tenant), graphtest.Options{Clients: test.clients, Fault: at("/v1.0/"+string(test.feed), test.fault)})
			_, err := dial(t, s, nil).Describe(t.Context(), test.feed, []directory.ID{graphtest.ID("a")})
			if err == nil {
				t.Fatal("no error")
			}
			if got := plain(err, s); got != test.want {
				t.Errorf("error is\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestDescribeSurvivesFaults: a request of several is cut, and tried again.
func TestDescribeSurvivesFaults(t *testing.T) {
	var tenant graphtest.Tenant
	var ids []directory.ID
	for i := range 20 {
		ids = append(ids, graphtest.ID(fmt.Sprint(i)))
		ok(t, tenant.AddUser(graphtest.User{ID: ids[i], UPN: strings.Repeat("u", 40)}))
	}
	s := serve(t, &tenant, graphtest.Options{Fault: at("/v1.0/users", graphtest.Fault{}, graphtest.Fault{Cut: 300}, graphtest.Fault{Status: 503})})
	p, err := dial(t, s, nil).Describe(t.Context(), directory.UserFeed, ids)
	ok(t, err)
	if len(p.Principals) != 20 {
		t.Errorf("%d users, want 20", len(p.Principals))
	}
}
