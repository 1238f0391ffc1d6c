package graphtest_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestFreeze: what happens while a feed is frozen shows after the thaw, whole.
func TestFreeze(t *testing.T) {
	var tenant graphtest.Tenant
	g, u := graphtest.ID("g"), graphtest.ID("u")
	ok(t, tenant.AddGroup(graphtest.Group{ID: g, DisplayName: "G"}))
	s := start(t, &tenant, graphtest.Options{})
	link := func(feed string) string {
		_, p := get(t, s, s.URL()+"/v1.0/"+feed+"/delta")
		return p.Delta
	}
	groups, users := link("groups"), link("users")
	s.Freeze(directory.UserFeed)
	ok(t, tenant.AddUser(graphtest.User{ID: u, UPN: "u@x"}))
	ok(t, tenant.AddMember(g, u))
	_, named := get(t, s, groups)
	_, late := get(t, s, users)
	if len(named.Value) != 1 || len(late.Value) != 0 {
		t.Errorf("groups bring %v, users %v; want the membership before the member", named.Value, late.Value)
	}
	s.Freeze()
	ok(t, tenant.Rename(g, "G2"))
	if _, p := get(t, s, named.Delta); len(p.Value) != 0 {
		t.Errorf("a frozen feed shows %v", p.Value)
	}
	s.Thaw()
	_, p := get(t, s, late.Delta)
	_, q := get(t, s, named.Delta)
	if len(p.Value) != 1 || len(q.Value) != 1 || q.Value[0]["displayName"] != "G2" {
		t.Errorf("after the thaw users bring %v, groups %v", p.Value, q.Value)
	}
}

// TestReplay: a delta says again what the one before it said.
func TestReplay(t *testing.T) {
	var tenant graphtest.Tenant
	for _, name := range []string{"a", "b", "c"} {
		ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID(name), DisplayName: name}))
	}
	s := start(t, &tenant, graphtest.Options{Replay: 1})
	_, p := get(t, s, s.URL()+"/v1.0/groups/delta")
	ok(t, tenant.Rename(graphtest.ID("b"), "B"))
	for range 3 {
		if _, p = get(t, s, p.Delta); p.Value[len(p.Value)-1]["displayName"] != "B" {
			t.Errorf("b is not said again: %v", p.Value)
		}
	}
}

// TestExpiry: a link is known for a week, and then refused in either way.
func TestExpiry(t *testing.T) {
	for status, want := range map[int]int{0: http.StatusGone, http.StatusBadRequest: http.StatusBadRequest} {
		var passed atomic.Int64
		s := start(t, new(graphtest.Tenant), graphtest.Options{Expired: status, Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
		_, p := get(t, s, s.URL()+"/v1.0/groups/delta")
		passed.Store(int64(7*24*time.Hour - time.Minute))
		if status, _ := get(t, s, p.Delta); status != 200 {
			t.Errorf("a link of a week less a minute: %d", status)
		}
		passed.Store(int64(7*24*time.Hour + time.Minute))
		if status, p := get(t, s, p.Delta); status != want || p.Error.Code != "SyncStateNotFound" {
			t.Errorf("a link of a week and a minute: %d %s, want %d SyncStateNotFound", status, p.Error.Code, want)
		}
	}
}

// TestThrottle: who comes again before his time is counted too.
func TestThrottle(t *testing.T) {
	var passed atomic.Int64
	s := start(t, new(graphtest.Tenant), graphtest.Options{Throttle: 2, Now: func() time.Time { return time.Unix(1e9, passed.Load()) }})
	for i, step := range []struct {
		after  time.Duration
		status int
		retry  string
	}{{0, 200, ""}, {0, 200, ""}, {0, 429, "10"}, {time.Second, 429, "9"}, {8500 * time.Millisecond, 429, "1"}, {500 * time.Millisecond, 200, ""}} {
		passed.Add(int64(step.after))
		token, _, err := s.Token(app, s.URL())
		ok(t, err)
		r, err := http.NewRequest(http.MethodGet, s.URL()+"/v1.0/groups/delta", nil)
		ok(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := s.HTTP().Do(r)
		ok(t, err)
		ok(t, resp.Body.Close())
		if got := resp.Header.Get("Retry-After"); resp.StatusCode != step.status || got != step.retry || (got != "") != (resp.Header.Get("x-ms-throttle-scope") != "") {
			t.Errorf("request %d: %d, Retry-After %q; want %d, %q", i, resp.StatusCode, got, step.status, step.retry)
		}
	}
}
