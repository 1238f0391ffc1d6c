package graphtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

const app = "11111111-2222-3333-4444-555555555555"

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, tenant *graphtest.Tenant, o graphtest.Options) *graphtest.Server {
	t.Helper()
	o.Clients = []graphtest.Client{{ID: app, Secret: "s3cret", Roles: map[string][]string{
		graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"},
		"api://groupwriteback":  {"Relay.Agent"},
	}}}
	s := graphtest.NewServer(tenant, o)
	ok(t, s.Start(""))
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

// wire is a page as a stranger to this code would read it.
type wire struct {
	Next  string           `json:"@odata.nextLink"`
	Delta string           `json:"@odata.deltaLink"`
	Value []map[string]any `json:"value"`
	Error struct{ Code string }
}

// get reads a page with a new token.
func get(t *testing.T, s *graphtest.Server, link string, header ...string) (int, wire) {
	t.Helper()
	token, _, err := s.Token(app, s.URL())
	ok(t, err)
	r, err := http.NewRequest(http.MethodGet, strings.ReplaceAll(link, " ", "%20"), nil)
	ok(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.HTTP().Do(r)
	ok(t, err)
	defer func() { ok(t, resp.Body.Close()) }()
	var w wire
	ok(t, json.NewDecoder(resp.Body).Decode(&w))
	return resp.StatusCode, w
}

// TestLargeGroupComesInSlices: with 500 members an item, 6,000 members are 12 items.
func TestLargeGroupComesInSlices(t *testing.T) {
	var tenant graphtest.Tenant
	g := graphtest.Group{ID: graphtest.ID("all"), DisplayName: "All staff"}
	for i := range 6000 {
		u := graphtest.ID(fmt.Sprint("user ", i))
		ok(t, tenant.AddUser(graphtest.User{ID: u, UPN: fmt.Sprint("u", i)}))
		g.Members = append(g.Members, u)
	}
	ok(t, tenant.AddGroup(g))
	s := start(t, &tenant, graphtest.Options{PageSize: 5})

	items, members := 0, map[any]bool{}
	link := s.URL() + "/v1.0/groups/delta?$select=displayName,members"
	for link != "" {
		_, p := get(t, s, link)
		for _, v := range p.Value {
			items++
			if v["displayName"] != "All staff" {
				t.Errorf("item %d has displayName %v", items, v["displayName"])
			}
			for _, m := range v["members@delta"].([]any) {
				members[m.(map[string]any)["id"]] = true
			}
		}
		link = p.Next
	}
	if items != 12 || len(members) != 6000 {
		t.Errorf("%d items with %d members, want 12 with 6000", items, len(members))
	}
}

func TestQueries(t *testing.T) {
	var tenant graphtest.Tenant
	g := graphtest.ID("g")
	ok(t, tenant.AddUser(graphtest.User{ID: graphtest.ID("u"), UPN: "u@x"}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: g, DisplayName: "G", Description: "d", Members: []directory.ID{graphtest.ID("u")}}))
	s := start(t, &tenant, graphtest.Options{})
	groups := s.URL() + "/v1.0/groups/delta"

	_, p := get(t, s, groups+"?$select=displayName,mail")
	if d := cmp.Diff([]map[string]any{{"id": g.String(), "displayName": "G"}}, p.Value); d != "" {
		t.Errorf("selection is not kept, or invents properties:\n%s", d)
	}
	_, all := get(t, s, groups)
	if len(all.Value[0]) != 7 || all.Value[0]["members@delta"] == nil {
		t.Errorf("without $select not all comes: %v", all.Value[0])
	}
	_, latest := get(t, s, groups+"?$deltatoken=latest&$select=displayName")
	if len(latest.Value) != 0 || latest.Delta == "" {
		t.Errorf("latest brings %v", latest)
	}

	ok(t, tenant.Rename(g, "G2"))
	ok(t, tenant.SetProperty(g, "description", nil))
	_, p = get(t, s, latest.Delta)
	if d := cmp.Diff([]map[string]any{{"id": g.String(), "displayName": "G2"}}, p.Value); d != "" {
		t.Errorf("changes since latest:\n%s", d)
	}
	_, p = get(t, s, all.Delta, "Prefer", "return=minimal")
	if d := cmp.Diff([]map[string]any{{"id": g.String(), "displayName": "G2", "description": nil}}, p.Value); d != "" {
		t.Errorf("minimal changes:\n%s", d)
	}

	one := func(n int) string { return strings.TrimSuffix(strings.Repeat("id eq '"+g.String()+"' or ", n), " or ") }
	ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID("other")}))
	_, p = get(t, s, groups+"?$select=displayName&$filter="+one(50))
	if d := cmp.Diff([]map[string]any{{"id": g.String(), "displayName": "G2"}}, p.Value); d != "" {
		t.Errorf("filtered:\n%s", d)
	}
	ok(t, tenant.Rename(graphtest.ID("other"), "Other"))
	if _, p = get(t, s, p.Delta); len(p.Value) != 0 {
		t.Errorf("the link has forgotten its filter: %v", p.Value)
	}
	if status, p := get(t, s, groups+"?$filter="+one(51)); status != 400 || p.Error.Code != "BadRequest" {
		t.Errorf("51 ids: %d %s, want 400 BadRequest", status, p.Error.Code)
	}

	for query, want := range map[string]int{
		"?$top=5": 400, "?$filter=id eq 'x'": 400, "?$filter=displayName eq 'G'": 400, "?$deltatoken=junk": 400, "?$skiptoken=junk": 400,
		strings.TrimPrefix(all.Delta, groups) + "&$select=mail": 400,
	} {
		if status, p := get(t, s, groups+query); status != want || p.Error.Code != "BadRequest" {
			t.Errorf("%s: %d %s, want %d BadRequest", query, status, p.Error.Code, want)
		}
	}
	if status, _ := get(t, s, strings.Replace(all.Delta, "/groups/", "/users/", 1)); status != 400 {
		t.Errorf("a link of groups opens users: %d", status)
	}
}

// TestLinkOfAnotherServer: a journal that outlives a demonstration's server has to
// enumerate again, and not to read another history's middle.
func TestLinkOfAnotherServer(t *testing.T) {
	var tenant graphtest.Tenant
	a, b := start(t, &tenant, graphtest.Options{}), start(t, &tenant, graphtest.Options{})
	_, p := get(t, a, a.URL()+"/v1.0/users/delta")
	status, e := get(t, b, b.URL()+strings.TrimPrefix(p.Delta, a.URL()))
	if status != http.StatusGone || e.Error.Code != "SyncStateNotFound" {
		t.Errorf("%d %s, want 410 SyncStateNotFound", status, e.Error.Code)
	}
}

func TestTokenIsChecked(t *testing.T) {
	var late atomic.Int64
	s := start(t, new(graphtest.Tenant), graphtest.Options{Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }})
	other := start(t, new(graphtest.Tenant), graphtest.Options{})
	issue := func(s *graphtest.Server, audience string) string {
		token, _, err := s.Token(app, audience)
		ok(t, err)
		return token
	}
	good := issue(s, s.URL())
	status := func(token string) int {
		r, err := http.NewRequest(http.MethodGet, s.URL()+"/v1.0/groups/delta", nil)
		ok(t, err)
		r.Header.Set("Authorization", token)
		resp, err := s.HTTP().Do(r)
		ok(t, err)
		ok(t, resp.Body.Close())
		return resp.StatusCode
	}
	for name, test := range map[string]struct {
		token string
		want  int
	}{
		"good":           {"Bearer " + good, 200},
		"no token":       {"", 401},
		"not a bearer":   {good, 401},
		"other audience": {"Bearer " + issue(s, "api://groupwriteback"), 401},
		"other server":   {"Bearer " + issue(other, s.URL()), 401},
		"cut":            {"Bearer " + good[:len(good)-9], 401},
	} {
		if got := status(test.token); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	late.Store(int64(2 * time.Hour))
	if got := status("Bearer " + good); got != 401 {
		t.Errorf("expired: %d, want 401", got)
	}
}

// TestSignInForRelay reads a token as the relay does: keys from JWKS, then the claims.
func TestSignInForRelay(t *testing.T) {
	s := start(t, new(graphtest.Tenant), graphtest.Options{})
	post := func(tenant string, form url.Values) (int, map[string]any) {
		resp, err := s.HTTP().PostForm(s.URL()+"/"+tenant+"/oauth2/v2.0/token", form)
		ok(t, err)
		defer func() { ok(t, resp.Body.Close()) }()
		var body map[string]any
		ok(t, json.NewDecoder(resp.Body).Decode(&body))
		return resp.StatusCode, body
	}
	form := func(secret string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {app}, "client_secret": {secret}, "scope": {"api://groupwriteback/.default"}}
	}
	_, body := post(s.TenantID(), form("s3cret"))

	resp, err := s.HTTP().Get(s.URL() + "/" + s.TenantID() + "/discovery/v2.0/keys")
	ok(t, err)
	jwks, err := io.ReadAll(resp.Body)
	ok(t, err)
	ok(t, resp.Body.Close())
	keys, err := keyfunc.NewJWKSetJSON(jwks)
	ok(t, err)
	token, err := jwt.Parse(body["access_token"].(string), keys.Keyfunc, jwt.WithAudience("api://groupwriteback"),
		jwt.WithIssuer(s.URL()+"/"+s.TenantID()+"/v2.0"), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	ok(t, err)
	claims := token.Claims.(jwt.MapClaims)
	for name, want := range map[string]any{"tid": s.TenantID(), "azp": app, "appid": app, "roles": []any{"Relay.Agent"}} {
		if d := cmp.Diff(want, claims[name]); d != "" {
			t.Errorf("claim %s:\n%s", name, d)
		}
	}

	if status, body := post(s.TenantID(), form("wrong")); status != 401 || body["error"] != "invalid_client" {
		t.Errorf("wrong secret: %d %v", status, body)
	}
	assertion := form("")
	assertion.Set("client_assertion", "e30.e30.e30")
	if status, body := post(s.TenantID(), assertion); status != 401 || !strings.HasPrefix(body["error_description"].(string), "AADSTS700027") {
		t.Errorf("assertion of a client without a certificate: %d %v", status, body)
	}
	if status, body := post("00000000-0000-0000-0000-000000000000", form("s3cret")); status != 400 || body["error"] != "invalid_tenant" {
		t.Errorf("wrong tenant: %d %v", status, body)
	}
}

// TestSequenceIsDeterministic: the same history, seed and requests give the same items.
func TestSequenceIsDeterministic(t *testing.T) {
	items := func() (ids []any) {
		var tenant graphtest.Tenant
		for i := range 50 {
			ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID(fmt.Sprint(i))}))
		}
		s := start(t, &tenant, graphtest.Options{PageSize: 7, Shuffle: true, Repeat: 3, EmptyPages: 2, Seed: 42})
		pages := 0
		for link := s.URL() + "/v1.0/groups/delta"; link != ""; pages++ {
			_, p := get(t, s, link)
			link = p.Next
			if len(p.Value) == 0 {
				ids = append(ids, "empty page")
			}
			for _, v := range p.Value {
				ids = append(ids, v["id"])
			}
		}
		return ids
	}
	first := items()
	if d := cmp.Diff(first, items()); d != "" {
		t.Error(d)
	}
	seen := map[any]int{}
	for _, id := range first {
		seen[id]++
	}
	// 50 groups, every third of them twice more, and pages without any.
	if len(seen) != 51 || seen["empty page"] == 0 || len(first)-seen["empty page"] != 50+2*17 {
		t.Errorf("%d different, %d empty pages, %d in all", len(seen), seen["empty page"], len(first))
	}
}
