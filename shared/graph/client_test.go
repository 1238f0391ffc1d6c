package graph_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/signin"
)

const app = "11111111-2222-3333-4444-555555555555"

var everything = map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}

// signingKey is one for all the servers: to make one takes long.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// serve starts a server that knows one app with a secret.
func serve(t *testing.T, tenant *graphtest.Tenant, o graphtest.Options) *graphtest.Server {
	t.Helper()
	if o.Clients == nil {
		o.Clients = []graphtest.Client{{ID: app, Secret: "s3cret", Roles: everything}}
	}
	key, err := signingKey()
	ok(t, err)
	o.Key = key
	s := graphtest.NewServer(tenant, o)
	ok(t, s.Start(""))
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

func signIn(s *graphtest.Server) signin.SignIn {
	return signin.SignIn{
		Method: signin.ClientSecret, Tenant: s.TenantID(), Client: app, Secret: "s3cret",
		Authority: s.URL(), Private: true, HTTP: s.HTTP(),
	}
}

// dial returns a client of s that does not really wait. change may alter its options.
func dial(t *testing.T, s *graphtest.Server, change func(*graph.Options)) *graph.Client {
	t.Helper()
	credential, err := signin.Credential(signIn(s))
	ok(t, err)
	o := graph.Options{
		Base: s.URL(), Credential: credential, HTTP: s.HTTP(),
		Wait:   func(context.Context, time.Duration) error { return nil },
		Jitter: func() float64 { return 0 },
	}
	if change != nil {
		change(&o)
	}
	c, err := graph.New(o)
	ok(t, err)
	return c
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read reads a feed from link to its end.
func read(t *testing.T, c *graph.Client, f directory.Feed, link string) []directory.Page {
	t.Helper()
	var pages []directory.Page
	for {
		p, err := c.Page(t.Context(), f, link)
		ok(t, err)
		pages = append(pages, p)
		if p.Delta != "" {
			return pages
		}
		link = p.Next
	}
}

func TestPageReadsEachFeed(t *testing.T) {
	var tenant graphtest.Tenant
	alice, guest, laptop, team, empty := graphtest.ID("alice"), graphtest.ID("guest"), graphtest.ID("laptop"), graphtest.ID("team"), graphtest.ID("empty")
	ok(t, tenant.AddUser(graphtest.User{ID: alice, UPN: "alice@contoso.com", DisplayName: "Alice", SID: "S-1-5-21-1-2-3-1101"}))
	ok(t, tenant.AddUser(graphtest.User{ID: guest, UPN: "g@x", DisplayName: "G", Guest: true}))
	ok(t, tenant.AddDevice(graphtest.Device{ID: laptop, DisplayName: "LT-1"}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: empty, DisplayName: "Empty"}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: team, DisplayName: "Team", Description: "d", Members: []directory.ID{alice, laptop, empty},
		Props: map[string]any{"groupTypes": []string{"Unified"}, "mail": nil, "proxyAddresses": []string{"SMTP:t@x", "smtp:u@x"}, "theme": "Blue"}}))
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, nil)

	pages := map[directory.Feed]directory.Page{}
	for _, f := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
		p := read(t, c, f, "")
		if len(p) != 1 || p[0].Feed != f {
			t.Fatalf("%s: %d pages of feed %q, want 1", f, len(p), p[0].Feed)
		}
		p[0].Delta = ""
		pages[f] = p[0]
	}
	members := []directory.MemberChange{{ID: alice, Kind: directory.User}, {ID: laptop, Kind: directory.Device}, {ID: empty, Kind: directory.GroupKind}}
	slices.SortFunc(members, func(a, b directory.MemberChange) int { return a.ID.Compare(b.ID) })
	want := map[directory.Feed]directory.Page{
		directory.GroupFeed: {Feed: directory.GroupFeed, Groups: []directory.GroupChange{
			{ID: empty, Set: directory.Properties{"displayName": {"Empty"}, "mailEnabled": {"false"}, "securityEnabled": {"true"}, "groupTypes": {}}},
			{ID: team, Members: members, Set: directory.Properties{"displayName": {"Team"}, "description": {"d"}, "mailEnabled": {"false"},
				"securityEnabled": {"true"}, "groupTypes": {"Unified"}, "mail": {}, "proxyAddresses": {"SMTP:t@x", "smtp:u@x"}}},
		}},
		directory.UserFeed: {Feed: directory.UserFeed, Principals: []directory.PrincipalChange{
			{ID: alice, Kind: directory.User, Set: directory.Properties{"displayName": {"Alice"}, "userPrincipalName": {"alice@contoso.com"},
				"userType": {"Member"}, "onPremisesSecurityIdentifier": {"S-1-5-21-1-2-3-1101"}, "onPremisesSyncEnabled": {"true"}}},
			{ID: guest, Kind: directory.User, Set: directory.Properties{"displayName": {"G"}, "userPrincipalName": {"g@x"}, "userType": {"Guest"}}},
		}},
		directory.DeviceFeed: {Feed: directory.DeviceFeed, Principals: []directory.PrincipalChange{
			{ID: laptop, Kind: directory.Device, Set: directory.Properties{"displayName": {"LT-1"}}},
		}},
	}
	if d := cmp.Diff(want, pages); d != "" {
		t.Error(d)
	}
}

func TestPageFollowsChanges(t *testing.T) {
	var tenant graphtest.Tenant
	a, b, g, h := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("g"), graphtest.ID("h")
	ok(t, tenant.AddUser(graphtest.User{ID: a, UPN: "a@x"}))
	ok(t, tenant.AddUser(graphtest.User{ID: b, UPN: "b@x"}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: g, DisplayName: "G", Description: "old", Members: []directory.ID{a}}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: h, DisplayName: "H"}))
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, nil)
	link := read(t, c, directory.GroupFeed, "")[0].Delta

	next := func() []directory.GroupChange {
		t.Helper()
		p := read(t, c, directory.GroupFeed, link)
		link = p[len(p)-1].Delta
		return p[0].Groups
	}
	base := directory.Properties{"displayName": {"G"}, "description": {"old"}, "mailEnabled": {"false"}, "securityEnabled": {"true"}, "groupTypes": {}}
	cleared := directory.Properties{"displayName": {"G"}, "description": {}, "mailEnabled": {"false"}, "securityEnabled": {"true"}, "groupTypes": {}}
	steps := []struct {
		name string
		do   func() error
		want []directory.GroupChange
	}{
		{"nothing", func() error { return nil }, nil},
		{"a property that is not selected", func() error { return tenant.SetProperty(g, "theme", "Red") }, nil},
		{"member removed and another added", func() error {
			return errors.Join(tenant.RemoveMember(g, a), tenant.AddMember(g, b))
		}, []directory.GroupChange{{ID: g, Set: base, Members: sorted(
			directory.MemberChange{ID: a, Kind: directory.User, Removed: true}, directory.MemberChange{ID: b, Kind: directory.User})}}},
		{"property cleared", func() error { return tenant.SetProperty(g, "description", nil) },
			[]directory.GroupChange{{ID: g, Set: cleared}}},
		{"group in the recycle bin", func() error { return tenant.SoftDelete(g) },
			[]directory.GroupChange{{ID: g, Removed: directory.SoftDeleted}}},
		{"group restored, with all its members", func() error { return tenant.Restore(g) },
			[]directory.GroupChange{{ID: g, Set: cleared, Members: []directory.MemberChange{{ID: b, Kind: directory.User}}}}},
		{"a deleted user leaves", func() error { return tenant.SoftDelete(b) },
			[]directory.GroupChange{{ID: g, Set: cleared, Members: []directory.MemberChange{{ID: b, Kind: directory.User, Removed: true}}}}},
		{"and comes back", func() error { return tenant.Restore(b) },
			[]directory.GroupChange{{ID: g, Set: cleared, Members: []directory.MemberChange{{ID: b, Kind: directory.User}}}}},
		{"group gone for good", func() error { return tenant.HardDelete(h) },
			[]directory.GroupChange{{ID: h, Removed: directory.Deleted}}},
	}
	for _, step := range steps {
		ok(t, step.do())
		if d := cmp.Diff(step.want, next()); d != "" {
			t.Errorf("%s:\n%s", step.name, d)
		}
	}
}

// TestHiddenMembership: without the permission Graph says 200 and keeps the members
// back. What is missing then is not taken for empty, nor what comes later for all.
func TestHiddenMembership(t *testing.T) {
	var tenant graphtest.Tenant
	a, b, secret, open := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("secret"), graphtest.ID("open")
	ok(t, tenant.AddUser(graphtest.User{ID: a, UPN: "a@x"}))
	ok(t, tenant.AddUser(graphtest.User{ID: b, UPN: "b@x"}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: secret, Members: []directory.ID{a}, Props: map[string]any{"visibility": "HiddenMembership"}}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: open, Members: []directory.ID{a}, Props: map[string]any{"visibility": "Private"}}))
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, nil)
	link := ""
	look := func(name string, group directory.ID, members int, unread bool) {
		t.Helper()
		pages := read(t, c, directory.GroupFeed, link)
		for _, g := range pages[0].Groups {
			if g.ID == group && (len(g.Members) != members || g.Unread != unread) {
				t.Errorf("%s: %d members, unread: %t; want %d, %t", name, len(g.Members), g.Unread, members, unread)
			}
		}
		if !slices.ContainsFunc(pages[0].Groups, func(g directory.GroupChange) bool { return g.ID == group }) {
			t.Errorf("%s: the group is not listed", name)
		}
	}
	look("without the permission", secret, 0, true)
	look("not hidden", open, 1, false)
	link = read(t, c, directory.GroupFeed, "")[0].Delta
	ok(t, tenant.AddMember(secret, b))
	if p := read(t, c, directory.GroupFeed, link)[0]; len(p.Groups) != 0 {
		t.Errorf("a hidden change shows: %+v", p.Groups)
	}
	s.SetRoles(app, graphtest.GraphAudience, append([]string{"Member.Read.Hidden"}, everything[graphtest.GraphAudience]...)...)
	s.RevokeTokens()
	look("a delta with the permission is a part", secret, 1, false)
	link = ""
	look("enumerated with the permission", secret, 2, false)
}

func sorted(m ...directory.MemberChange) []directory.MemberChange {
	slices.SortFunc(m, func(a, b directory.MemberChange) int { return a.ID.Compare(b.ID) })
	return m
}

// TestOneRequestPerDelta is the price of a quiet turn: one request a feed, and one
// token for them all.
func TestOneRequestPerDelta(t *testing.T) {
	var tenant graphtest.Tenant
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, nil)
	link := read(t, c, directory.GroupFeed, "")[0].Delta
	read(t, c, directory.GroupFeed, link)

	var feeds, tokens int
	for _, r := range s.Requests() {
		switch {
		case r.Feed != "":
			feeds++
			if feeds > 1 && strings.Contains(r.Query, "select") {
				t.Errorf("request %d has query parameters of its own: %s", feeds, r.Query)
			}
		case strings.HasSuffix(r.Path, "/token"):
			tokens++
		}
	}
	if feeds != 2 || tokens != 1 {
		t.Errorf("%d requests for feeds and %d for tokens, want 2 and 1", feeds, tokens)
	}
}

// TestAgain reads two groups of three once more, one of them in slices.
func TestAgain(t *testing.T) {
	tenant := new(graphtest.Tenant)
	var users []directory.ID
	for i := range 25 {
		id := graphtest.ID(fmt.Sprint("user", i))
		ok(t, tenant.AddUser(graphtest.User{ID: id}))
		users = append(users, id)
	}
	a, b, c := graphtest.ID("a"), graphtest.ID("b"), graphtest.ID("c")
	ok(t, tenant.AddGroup(graphtest.Group{ID: a, DisplayName: "A", Members: users}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: b, DisplayName: "B", Members: users[:1]}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: c, DisplayName: "C", Members: users[:1]}))
	s := serve(t, tenant, graphtest.Options{PageSize: 2, MemberSlice: 4})
	client := dial(t, s, nil)
	members, pages := map[directory.ID]int{}, 0
	for link := ""; link != "" || pages == 0; pages++ {
		p, err := client.Again(t.Context(), []directory.ID{a, c, graphtest.ID("nobody's")}, link)
		ok(t, err)
		for _, g := range p.Groups {
			members[g.ID] += len(g.Members)
		}
		link = p.Next
	}
	if d := cmp.Diff(map[directory.ID]int{a: 25, c: 1}, members); d != "" || pages < 4 {
		t.Errorf("members by group (-want +got), in %d pages:\n%s", pages, d)
	}
}

// TestContacts: contacts have a feed of their own, which takes a permission of its own.
func TestContacts(t *testing.T) {
	var tenant graphtest.Tenant
	ann, bob := graphtest.ID("ann"), graphtest.ID("bob")
	ok(t, tenant.AddContact(graphtest.Contact{ID: ann, DisplayName: "Ann", Mail: "Ann@x.example"}))
	ok(t, tenant.AddContact(graphtest.Contact{ID: bob, DisplayName: "Bob"}))
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, func(o *graph.Options) { o.Contacts = true })
	if got := c.Feeds(); !slices.Equal(got, []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed, directory.ContactFeed}) {
		t.Errorf("feeds with contacts: %v", got)
	}
	if got := dial(t, s, nil).Feeds(); slices.Contains(got, directory.ContactFeed) {
		t.Errorf("feeds without contacts: %v", got)
	}
	if _, err := c.Page(t.Context(), directory.ContactFeed, ""); err == nil || !strings.Contains(err.Error(), "OrgContact.Read.All") {
		t.Errorf("without the permission: %v", err)
	}
	s.SetRoles(app, graphtest.GraphAudience, "OrgContact.Read.All")
	c = dial(t, s, nil)
	pages := read(t, c, directory.ContactFeed, "")
	want := []directory.PrincipalChange{
		{ID: ann, Kind: directory.Contact, Set: directory.Properties{"displayName": {"Ann"}, "mail": {"Ann@x.example"}}},
		{ID: bob, Kind: directory.Contact, Set: directory.Properties{"displayName": {"Bob"}}},
	}
	if d := cmp.Diff(want, pages[0].Principals); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	ok(t, tenant.SetProperty(ann, "mail", nil))
	ok(t, tenant.HardDelete(bob))
	pages = read(t, c, directory.ContactFeed, pages[len(pages)-1].Delta)
	want = []directory.PrincipalChange{
		{ID: ann, Kind: directory.Contact, Set: directory.Properties{"displayName": {"Ann"}, "mail": {}}},
		{ID: bob, Kind: directory.Contact, Removed: directory.Deleted},
	}
	if d := cmp.Diff(want, pages[0].Principals); d != "" {
		t.Errorf("changes -want +got:\n%s", d)
	}
}

// TestOwners: owners are read where they are asked for, in slices, as they change, and by
// name; a client that does not ask hears nothing of them.
func TestOwners(t *testing.T) {
	var tenant graphtest.Tenant
	team := graphtest.Group{ID: graphtest.ID("team"), DisplayName: "Team"}
	for n := range 5 {
		id := graphtest.ID(fmt.Sprint("user ", n))
		ok(t, tenant.AddUser(graphtest.User{ID: id, UPN: "u@x"}))
		team.Owners = append(team.Owners, id)
	}
	app := graphtest.ID("app")
	ok(t, tenant.AddOther(app, directory.ServicePrincipal, "App"))
	ok(t, tenant.AddGroup(team))
	s := serve(t, &tenant, graphtest.Options{MemberSlice: 2, PageSize: 2})
	asks := dial(t, s, func(o *graph.Options) { o.Properties = []string{"owners"} })
	count := func(pages []directory.Page) (items, owners int) {
		for _, p := range pages {
			for _, c := range p.Groups {
				if items++; !c.OwnersTold {
					t.Errorf("an item does not say that owners were asked for: %+v", c)
				}
				owners += len(c.Owners)
			}
		}
		return items, owners
	}
	pages := read(t, asks, directory.GroupFeed, "")
	if items, owners := count(pages); items != 3 || owners != 5 {
		t.Errorf("%d items with %d owners, want 3 with 5", items, owners)
	}
	plain := dial(t, s, nil)
	before := read(t, plain, directory.GroupFeed, "")

	ok(t, tenant.AddOwner(team.ID, app))
	ok(t, tenant.RemoveOwner(team.ID, team.Owners[0]))
	changed := read(t, asks, directory.GroupFeed, pages[len(pages)-1].Delta)
	want := []directory.MemberChange{{ID: app, Kind: directory.ServicePrincipal}, {ID: team.Owners[0], Kind: directory.User, Removed: true}}
	slices.SortFunc(want, func(a, b directory.MemberChange) int { return a.ID.Compare(b.ID) })
	if d := cmp.Diff(want, changed[0].Groups[0].Owners); d != "" {
		t.Errorf("owners that changed: -want +got:\n%s", d)
	}
	if after := read(t, plain, directory.GroupFeed, before[len(before)-1].Delta); len(after[0].Groups) > 0 {
		t.Errorf("who did not ask for owners is told %+v", after[0].Groups)
	}
	var named []directory.Page
	for link := ""; len(named) == 0 || link != ""; {
		p, err := asks.Again(t.Context(), []directory.ID{team.ID}, link)
		ok(t, err)
		named, link = append(named, p), p.Next
	}
	if items, owners := count(named); items != 3 || owners != 5 {
		t.Errorf("by name: %d items with %d owners, want 3 with 5", items, owners)
	}
}

func TestSelectIsSortedWithExtras(t *testing.T) {
	var tenant graphtest.Tenant
	g := graphtest.ID("g")
	ok(t, tenant.AddGroup(graphtest.Group{ID: g, DisplayName: "G", Props: map[string]any{"theme": "Blue"}}))
	s := serve(t, &tenant, graphtest.Options{})
	c := dial(t, s, func(o *graph.Options) { o.Properties = []string{"theme", "mail", "theme"} })
	got := c.Select(directory.GroupFeed)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || !slices.Contains(got, "theme") || !slices.Contains(got, "members") {
		t.Errorf("selection is not sorted, unique and with the extra property: %v", got)
	}
	if users := c.Select(directory.UserFeed); slices.Contains(users, "theme") || slices.Contains(users, "members") {
		t.Errorf("users are asked for what only groups have: %v", users)
	}
	p := read(t, c, directory.GroupFeed, "")[0]
	if theme := p.Groups[0].Set.First("theme"); theme != "Blue" {
		t.Errorf("theme is %q, want Blue", theme)
	}
}

func TestCredentialMethods(t *testing.T) {
	certPEM, cert := certificate(t)
	tokenFile := filepath.Join(t.TempDir(), "token")
	ok(t, os.WriteFile(tokenFile, []byte("federated-token"), 0o600))
	s := serve(t, new(graphtest.Tenant), graphtest.Options{
		Clients:  []graphtest.Client{{ID: app, Secret: "s3cret", Certificate: cert, Federated: "federated-token", Roles: everything}},
		Identity: app,
	})
	endpoint, header := s.Identity()
	t.Setenv("IDENTITY_ENDPOINT", endpoint)
	t.Setenv("IDENTITY_HEADER", header)

	for _, method := range []signin.Method{signin.ClientSecret, signin.ClientCertificate, signin.WorkloadIdentity, signin.ManagedIdentity} {
		t.Run(string(method), func(t *testing.T) {
			in := signIn(s)
			in.Method, in.Secret = method, ""
			switch method {
			case signin.ClientSecret:
				in.Secret = "s3cret"
			case signin.ClientCertificate:
				in.Certificate = certPEM
			case signin.WorkloadIdentity:
				in.TokenFile = tokenFile
			default:
				in.Tenant, in.Authority = "", ""
			}
			credential, err := signin.Credential(in)
			ok(t, err)
			c := dial(t, s, func(o *graph.Options) { o.Credential = credential })
			roles, err := c.Roles(t.Context())
			ok(t, err)
			if d := cmp.Diff([]string{"Device.Read.All", "GroupMember.Read.All", "User.Read.All"}, roles); d != "" {
				t.Error(d)
			}
			read(t, c, directory.DeviceFeed, "")
		})
	}
}

// certificate returns an RSA certificate with its key in PEM, and the certificate.
func certificate(t *testing.T) ([]byte, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ok(t, err)
	cert, err := x509.ParseCertificate(der)
	ok(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	return slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cert
}

// TestScopeOfEachCloud holds the addresses to Microsoft's list, and the scope of a token to
// the cloud that it is for.
// Source: https://learn.microsoft.com/graph/deployments.
func TestScopeOfEachCloud(t *testing.T) {
	for name, want := range map[string]signin.Cloud{
		"":          {Graph: "https://graph.microsoft.com", Authority: "https://login.microsoftonline.com"},
		"public":    {Graph: "https://graph.microsoft.com", Authority: "https://login.microsoftonline.com"},
		"usgov":     {Graph: "https://graph.microsoft.us", Authority: "https://login.microsoftonline.us"},
		"usgov-dod": {Graph: "https://dod-graph.microsoft.us", Authority: "https://login.microsoftonline.us"},
		"china":     {Graph: "https://microsoftgraph.chinacloudapi.cn", Authority: "https://login.chinacloudapi.cn"},
	} {
		got, err := signin.ParseCloud(name)
		ok(t, err)
		if got != want {
			t.Errorf("%q: %+v, want %+v", name, got, want)
		}
		var asked scopes
		c, err := graph.New(graph.Options{Base: got.Graph, Credential: &asked})
		ok(t, err)
		if _, err = c.Roles(t.Context()); !errors.Is(err, graph.ErrOpaque) {
			t.Errorf("%q: of a token that nobody can read: %v", name, err)
		}
		if d := cmp.Diff(scopes{want.Graph + "/.default"}, asked); d != "" {
			t.Errorf("%q: token for\n%s", name, d)
		}
	}
	if _, err := signin.ParseCloud("mars"); err == nil {
		t.Error("cloud mars is accepted")
	}
}

// scopes are those that a credential was asked for.
type scopes []string

func (s *scopes) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*s = append(*s, o.Scopes...)
	return azcore.AccessToken{Token: "opaque"}, nil
}

// TestTokenOfAnotherTenant: a managed identity is of the tenant of its subscription,
// whatever the settings say. Another tenant's groups are not those of this one.
func TestTokenOfAnotherTenant(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{Identity: app})
	endpoint, header := s.Identity()
	t.Setenv("IDENTITY_ENDPOINT", endpoint)
	t.Setenv("IDENTITY_HEADER", header)
	credential, err := signin.Credential(signin.SignIn{Method: signin.ManagedIdentity, Client: app, HTTP: s.HTTP()})
	ok(t, err)
	const other = "99999999-0000-4000-8000-000000000009"
	for tenant, want := range map[string]string{
		"": "", strings.ToUpper(s.TenantID()): "", "contoso.com": "",
		other: "read groups feed: sign in to microsoft graph: the access token is of tenant " + s.TenantID() + ", not of " + other +
			": correct the tenant id, or sign in to that tenant",
	} {
		c := dial(t, s, func(o *graph.Options) { o.Credential, o.Tenant = credential, tenant })
		_, err := c.Page(t.Context(), directory.GroupFeed, "")
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("tenant %q: error is\n%s\nwant\n%s", tenant, got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	credential, err := signin.Credential(signin.SignIn{Method: signin.ClientSecret, Tenant: "t", Client: "c", Secret: "s"})
	ok(t, err)
	for _, test := range []struct {
		o    graph.Options
		want string
	}{
		{graph.Options{}, "microsoft graph: no credential to sign in with"},
		{graph.Options{Credential: credential, Base: "http://graph.microsoft.com"}, `microsoft graph address "http://graph.microsoft.com" must be https:// and a host, such as https://graph.microsoft.com`},
		{graph.Options{Credential: credential, Base: "https://graph.microsoft.com/beta"}, `microsoft graph address "https://graph.microsoft.com/beta" must be https:// and a host, such as https://graph.microsoft.com`},
		{graph.Options{Credential: credential, Properties: []string{"mail&$top=1"}}, `group property "mail&$top=1" is not the name of a Graph property, such as mailNickname`},
	} {
		if _, err := graph.New(test.o); err == nil || err.Error() != test.want {
			t.Errorf("error is\n%v\nwant\n%s", err, test.want)
		}
	}
}

// TestTokenStaysHome is the case of a link or a redirect that somebody bent: the
// other host must not even be called.
func TestTokenStaysHome(t *testing.T) {
	thief := serve(t, new(graphtest.Tenant), graphtest.Options{})
	var fault atomic.Pointer[graphtest.Fault]
	s := serve(t, new(graphtest.Tenant), graphtest.Options{Fault: func(r *http.Request, _ int) graphtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/delta") {
			return *fault.Load()
		}
		return graphtest.Fault{}
	}})
	c := dial(t, s, nil)
	for name, test := range map[string]struct {
		link  string
		fault graphtest.Fault
	}{
		"link":        {link: thief.URL() + "/v1.0/groups/delta?$skiptoken=x"},
		"http link":   {link: "http" + strings.TrimPrefix(s.URL(), "https") + "/v1.0/groups/delta"},
		"user part":   {link: "https://" + strings.TrimPrefix(s.URL(), "https://") + "@" + strings.TrimPrefix(thief.URL(), "https://") + "/v1.0/groups/delta"},
		"redirect":    {fault: graphtest.Fault{Status: http.StatusTemporaryRedirect, Location: thief.URL() + "/v1.0/groups/delta"}},
		"next link":   {fault: graphtest.Fault{Body: `{"value":[],"@odata.nextLink":"` + thief.URL() + `/v1.0/groups/delta"}`}},
		"delta link":  {fault: graphtest.Fault{Body: `{"value":[],"@odata.deltaLink":"` + thief.URL() + `/v1.0/groups/delta"}`}},
		"no host":     {fault: graphtest.Fault{Body: `{"value":[],"@odata.deltaLink":"/v1.0/groups/delta"}`}},
		"wrong port":  {link: "https://127.0.0.1/v1.0/groups/delta"},
		"not a link":  {link: "https://%zz"},
		"other realm": {link: "https://graph.microsoft.com.evil.example/v1.0/groups/delta"},
	} {
		fault.Store(&test.fault)
		_, err := c.Page(t.Context(), directory.GroupFeed, test.link)
		if err == nil || name != "not a link" && !strings.Contains(err.Error(), "refused, because the access token would go there") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if n := len(thief.Requests()); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func TestRedirectWithinGraphIsFollowed(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{Fault: func(r *http.Request, n int) graphtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/groups/delta") && n == 1 {
			return graphtest.Fault{Status: http.StatusTemporaryRedirect, Location: "/v1.0/groups/delta?$deltatoken=latest"}
		}
		return graphtest.Fault{}
	}})
	if p := read(t, dial(t, s, nil), directory.GroupFeed, ""); len(p) != 1 {
		t.Errorf("%d pages, want 1", len(p))
	}
}

func ExampleClient_Page() {
	var tenant graphtest.Tenant
	if err := tenant.AddGroup(graphtest.Group{ID: graphtest.ID("sales"), DisplayName: "Sales"}); err != nil {
		fmt.Println(err)
	}
	s := graphtest.NewServer(&tenant, graphtest.Options{Clients: []graphtest.Client{{ID: app, Secret: "s3cret", Roles: everything}}})
	if err := s.Start(""); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	credential, err := signin.Credential(signIn(s))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := graph.New(graph.Options{Base: s.URL(), Credential: credential, HTTP: s.HTTP()})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := c.Page(context.Background(), directory.GroupFeed, "")
	fmt.Println(page.Groups[0].Set.First("displayName"), page.Delta != "", err)
	// Output: Sales true <nil>
}

// TestOddItemDoesNotStopTheFeed: with a byte order mark, half a character and an id
// of no form in its pages, a feed is read to its end.
func TestOddItemDoesNotStopTheFeed(t *testing.T) {
	var tenant graphtest.Tenant
	for i := range 4 {
		ok(t, tenant.AddUser(graphtest.User{ID: graphtest.ID(fmt.Sprint(i)), DisplayName: "half", UPN: "u@x"}))
	}
	spoil := func(body []byte) []byte {
		s := strings.Replace(string(body), `"half"`, `"\ud83d"`, 1)
		return []byte("\ufeff" + strings.Replace(s, `"value":[`, `"value":[{"id":"bob"},`, 1))
	}
	s := serve(t, &tenant, graphtest.Options{PageSize: 2, Fault: script(times(2, graphtest.Fault{Edit: spoil})...)})
	names := map[string]int{}
	odd := 0
	for _, p := range read(t, dial(t, s, nil), directory.UserFeed, "") {
		odd += len(p.Odd)
		for _, u := range p.Principals {
			names[u.Set.First("displayName")]++
		}
	}
	if d := cmp.Diff(map[string]int{"half": 2, "\ufffd": 2}, names); d != "" || odd != 2 {
		t.Errorf("%d odd things, want 2; names (-want +got):\n%s", odd, d)
	}
}
