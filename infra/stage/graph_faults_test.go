package stage

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// fault is one bad day of Graph.
type fault struct {
	name    string
	weather func(r *http.Request, n int) graphtest.Fault
	before  func(s scene)               // what happens beside the weather, before the turn
	after   func(t *testing.T, s scene) // and how it is put right

	// says are words of the one line that the handler logs: what failed, which
	// feed, and what to do. None: the turn gets over it by itself.
	says []string

	// odd are words of a line about something that could not be read, and was left out: it
	// costs what it is about, and nothing else. Until that is read anew it stays as it was.
	odd []string
}

// TestGraphFaults plays every fault of Graph on the real programs: the cloud
// changes while the fault is on, then comes a turn. It ends converged, or it
// ends with one clear line and not one write in the directory. When the fault is
// over, AD becomes what the cloud says. Nobody was ever removed from a group
// whom the cloud did not remove.
func TestGraphFaults(t *testing.T) {
	s := newScene(t, 40, busyDay)
	trap := newTrap(t)
	for i, f := range faults(s, trap) {
		t.Run(f.name, func(t *testing.T) { f.play(t, s, i) })
	}
	checkRemovals(t, s.Stage, s.proxy.Writes())
	if n := trap.visits(); n != 0 {
		t.Errorf("%d connections were made to a foreign host: the token was shown to it", n)
	}
}

func (f fault) play(t *testing.T, s scene, n int) {
	s.ripple(t, n, f.name)
	if f.before != nil {
		f.before(s)
	}
	line := s.console.end()
	writes := len(s.proxy.Writes())
	s.weather.set(f.weather)
	defer s.weather.set(nil)
	switch {
	case len(f.odd) > 0:
		f.leftOut(t, s, line)
	case len(f.says) == 0:
		settle(t, s.Stage)
	default:
		f.refused(t, s, line, writes)
	}
	s.weather.set(nil)
	if f.after != nil {
		f.after(t, s)
	}
	if len(f.says) > 0 {
		settle(t, s.Stage)
	}
	if len(f.odd) > 0 {
		var reply struct{}
		must(t, s.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "sync", "full": true}, &reply))
		converge(t, s.Stage)
	}
	equal(t, s.Stage)
	if len(s.proxy.Writes()) == writes {
		t.Error("nothing was written at all: the cloud had changed")
	}
}

// leftOut holds a turn to what it says of something odd. It is no failure.
func (f fault) leftOut(t *testing.T, s scene, line int) {
	t.Helper()
	settle(t, s.Stage)
	if s.console.count(line, append([]string{"could not be read, and was left out"}, f.odd...)) == 0 {
		t.Errorf("the log says %q of nothing", f.odd)
	}
	if n := len(s.console.lines(line, sayFailed)); n > 0 {
		t.Errorf("%d turns failed for an item", n)
	}
}

// refused holds a turn to one clear line, and no write.
func (f fault) refused(t *testing.T, s scene, line, writes int) {
	t.Helper()
	err := s.Sync(t.Context())
	if err == nil {
		t.Fatal("the turn ended without an error")
	}
	lines := s.console.wait(t, line, sayFailed)
	if len(lines) != 1 {
		t.Errorf("%d lines say that the turn failed, want 1", len(lines))
	}
	for _, words := range f.says {
		if !strings.Contains(strings.ReplaceAll(lines[0], `\"`, `"`), words) {
			t.Errorf("the log does not say %q:\n%s", words, lines[0])
		}
	}
	if n := len(s.proxy.Writes()) - writes; n != 0 {
		t.Errorf("%d writes in the directory while the cloud was not known", n)
	}
}

// faults lists them all. trap is a host that must never be called.
func faults(s scene, trap trap) []fault {
	return slices.Concat(busy(), broken(), strange(trap), denied(s), lost(s), signIns())
}

// busy: Graph asks to wait, or has an outage.
func busy() []fault {
	wait := func(after string) graphtest.Fault {
		return graphtest.Fault{Status: 429, Code: "TooManyRequests", RetryAfter: after}
	}
	return []fault{
		{name: "429, seconds", weather: on(directory.GroupFeed, 1, wait("1"))},
		{name: "429, a fraction", weather: on(directory.UserFeed, 2, wait("0.2"))},
		{name: "429, a date", weather: func(r *http.Request, n int) graphtest.Fault {
			return on(directory.DeviceFeed, 1, wait(time.Now().Add(time.Second).UTC().Format(http.TimeFormat)))(r, n)
		}},
		{name: "429, no word of when", weather: on(directory.GroupFeed, 1, wait(""))},
		{name: "429, nonsense", weather: on(directory.GroupFeed, 1, wait("soon"))},
		{name: "429, longer than a turn", weather: on(directory.GroupFeed, 0, wait("3600")),
			says: []string{"read groups feed", "a wait of 1h0m", "left", "429 TooManyRequests"}, after: waited},
		{name: "500", weather: on(directory.GroupFeed, 1, graphtest.Fault{Status: 500})},
		{name: "502", weather: on(directory.UserFeed, 1, graphtest.Fault{Status: 502, Body: "<html>Bad Gateway</html>"})},
		{name: "503", weather: on(directory.DeviceFeed, 1, graphtest.Fault{Status: 503, RetryAfter: "0.3"})},
		{name: "504", weather: on(directory.GroupFeed, 1, graphtest.Fault{Status: 504})},
		{name: "everything in turn", weather: everything, says: []string{"read groups feed", "gave up after 6 tries"}},
	}
}

// waited lets the hour be over in which Graph wants to be left alone, also by another
// process of the host.
func waited(t *testing.T, s scene) {
	offline(t, s.Stage, func(string) error { return nil })
	before := len(s.Server.Requests())
	must(t, s.Sync(t.Context()))
	for _, r := range s.Server.Requests()[before:] {
		if r.Feed != "" {
			t.Errorf("Graph was asked for %s although it wants to be left alone for an hour", r.Feed)
		}
	}
	offline(t, s.Stage, func(dir string) error { return past(dir, "wait") })
}

// everything goes wrong, one thing after the other.
func everything(r *http.Request, n int) graphtest.Fault {
	all := []graphtest.Fault{
		{Status: 429, RetryAfter: "0.1"}, {Status: 503, RetryAfter: "0.1"}, {Status: 500, RetryAfter: "0"},
		{Cut: -1}, {Status: 504, RetryAfter: "0.1"}, {Body: "<html>"},
	}
	return on(directory.GroupFeed, 0, all[n%len(all)])(r, n)
}

// broken: an answer that is not whole.
func broken() []fault {
	return []fault{
		{name: "cut before the answer", weather: on(directory.GroupFeed, 1, graphtest.Fault{Cut: -1})},
		{name: "cut after the headers", weather: on(directory.UserFeed, 1, graphtest.Fault{Cut: 1})},
		{name: "cut in a page", weather: on(directory.GroupFeed, 1, graphtest.Fault{Cut: 300})},
		{name: "half a page", weather: on(directory.GroupFeed, 1, graphtest.Fault{Edit: func(b []byte) []byte { return b[:len(b)/2] }})},
		{name: "HTML", weather: on(directory.DeviceFeed, 1, graphtest.Fault{Body: "<html>please log in</html>"})},
		{name: "no body", weather: on(directory.GroupFeed, 1, graphtest.Fault{Empty: true})},
		{name: "repeated and in another order", weather: on(directory.GroupFeed, 0, edit(func(p map[string]any) {
			v := p["value"].([]any)
			again := slices.Clone(v)
			slices.Reverse(again)
			p["value"] = append(again, v...)
		}))},
		{name: "redirected within Graph", weather: func(r *http.Request, n int) graphtest.Fault {
			return on(directory.GroupFeed, 1, graphtest.Fault{Status: 307, Location: r.URL.RequestURI()})(r, n)
		}},
	}
}

// strange: a page that is whole and yet no page of a delta.
func strange(trap trap) []fault {
	page := func(change func(map[string]any)) func(*http.Request, int) graphtest.Fault {
		return on(directory.GroupFeed, 0, edit(change))
	}
	const unread = "page is not understood"
	links := func(next, delta string) func(map[string]any) {
		return func(p map[string]any) {
			delete(p, "@odata.nextLink")
			delete(p, "@odata.deltaLink")
			if next != "" {
				p["@odata.nextLink"] = next
			}
			if delta != "" {
				p["@odata.deltaLink"] = delta
			}
		}
	}
	const foreign = "refused, because the access token would go there"
	return []fault{
		{name: "no link", weather: page(links("", "")), says: []string{"read groups feed", unread, "neither @odata.nextLink nor @odata.deltaLink"}},
		{name: "both links", weather: page(links(trap.url, trap.url)), says: []string{"read groups feed", unread, "both @odata.nextLink and @odata.deltaLink"}},
		{name: "nextLink abroad", weather: page(links(trap.url, "")), says: []string{"read groups feed", trap.url, foreign}},
		{name: "deltaLink abroad", weather: page(links("", trap.url)), says: []string{"read groups feed", trap.url, foreign}},
		{name: "redirect abroad", weather: on(directory.UserFeed, 0, graphtest.Fault{Status: 302, Location: trap.url + "/v1.0/users/delta"}), says: []string{"read users feed", trap.url, foreign}},
		{name: "nextLink to itself", weather: func(r *http.Request, n int) graphtest.Fault {
			return on(directory.GroupFeed, 0, edit(links("https://"+r.Host+r.URL.RequestURI(), "")))(r, n)
		}, says: []string{"read groups feed", unread, "leads back to the page itself"}},
		{name: "an error with 200", weather: on(directory.GroupFeed, 0, graphtest.Fault{Status: 200}), says: []string{"read groups feed", unread, `no "value"`}},
		{name: "a new reason", weather: page(func(p map[string]any) {
			for _, g := range items(p) {
				g["@removed"] = map[string]any{"reason": "archived"}
			}
		}), odd: []string{"feed=groups", "archived"}},
		{name: "a member without a type", weather: page(func(p map[string]any) {
			for _, g := range items(p) {
				members, _ := g["members@delta"].([]any)
				for _, m := range members {
					delete(m.(map[string]any), "@odata.type")
				}
			}
		}), odd: []string{"feed=groups", "has no @odata.type"}},
		{name: "no GUID", weather: page(func(p map[string]any) {
			for _, g := range items(p) {
				g["id"] = "department-7"
			}
		}), odd: []string{"feed=groups", "is not a GUID"}},
		{name: "a property with structure", weather: page(func(p map[string]any) {
			for _, g := range items(p) {
				g["displayName"] = map[string]any{"en": "Department"}
			}
		}), odd: []string{"feed=groups", "property=displayName"}},
	}
}

// denied: Graph does not let us.
func denied(s scene) []fault {
	graph := []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}
	without := func(role string) fault {
		return fault{
			before: func(s scene) {
				s.Server.SetRoles(handlerClient, graphtest.GraphAudience, slices.DeleteFunc(slices.Clone(graph), func(r string) bool { return r == role })...)
				s.Server.RevokeTokens()
			},
			after: func(_ *testing.T, s scene) {
				s.Server.SetRoles(handlerClient, graphtest.GraphAudience, graph...)
				s.Server.RevokeTokens()
			},
			says: []string{"the app lacks " + role, "grant it as an application permission, with admin consent", "403"},
		}
	}
	named := func(name string, f fault, says ...string) fault {
		f.name, f.says = name, append(f.says, says...)
		return f
	}
	unauthorized := graphtest.Fault{Status: 401, Code: "InvalidAuthenticationToken"}
	return []fault{
		{name: "401 once", weather: on(directory.GroupFeed, 1, unauthorized)},
		{name: "401, tokens revoked", before: func(s scene) { s.Server.RevokeTokens() }},
		{name: "401 always", weather: on(directory.GroupFeed, 0, unauthorized), says: []string{"read groups feed", "the access token is not accepted", "check the tenant", "401"}},
		named("403 on groups", without("GroupMember.Read.All"), "read groups feed"),
		named("403 on users", without("User.Read.All"), "read users feed"),
		named("403 on devices", without("Device.Read.All"), "read devices feed"),
		{name: "403 in spite of the permission", weather: on(directory.UserFeed, 0, graphtest.Fault{Status: 403, Code: "Authorization_RequestDenied"}),
			says: []string{"read users feed", "the app may read users, but not all that is asked for"}},
		{name: "404, not Graph", weather: on(directory.GroupFeed, 0, graphtest.Fault{Status: 404, Body: "nginx"}), says: []string{"read groups feed", "404 Not Found"}},
	}
}

// lost: Graph has forgotten where we were, and all is enumerated again.
func lost(s scene) []fault {
	old := func(feed directory.Feed, f graphtest.Fault) func(*http.Request, int) graphtest.Fault {
		return on(feed, 1, f)
	}
	return []fault{
		{name: "410 with Location", before: func(s scene) { s.Server.ExpireLinks() }},
		{name: "400 syncStateNotFound", weather: old(directory.GroupFeed, graphtest.Fault{Status: 400, Code: "syncStateNotFound"})},
		{name: "404 resyncRequired", weather: old(directory.UserFeed, graphtest.Fault{Status: 404, Code: "resyncRequired"})},
		{name: "expired in a round", weather: func(r *http.Request, n int) graphtest.Fault {
			if strings.Contains(r.URL.RawQuery, "skiptoken") && n == 2 {
				s.Server.ExpireLinks()
			}
			return graphtest.Fault{}
		}},
		{name: "expired in an enumeration", before: func(s scene) { s.Server.ExpireLinks() }, weather: func(r *http.Request, n int) graphtest.Fault {
			if strings.HasPrefix(r.URL.Path, "/v1.0/groups") && n == 6 {
				s.Server.ExpireLinks()
			}
			return graphtest.Fault{}
		}},
	}
}

// signIns: there is no token to be had.
func signIns() []fault {
	revoke := func(s scene) { s.Server.RevokeTokens() }
	return []fault{
		{name: "sign-in, 500 once", before: revoke, weather: atSignIn(1, graphtest.Fault{Status: 500})},
		{name: "sign-in, cut once", before: revoke, weather: atSignIn(1, graphtest.Fault{Cut: -1})},
		{name: "sign-in, 500", before: revoke, weather: atSignIn(0, graphtest.Fault{Status: 500}), says: []string{"read groups feed", "sign in to microsoft graph", "500"}},
		{name: "sign-in, wrong secret", before: func(s scene) {
			s.Server.SetSecret(handlerClient, "another")
			s.Server.RevokeTokens()
		}, after: func(_ *testing.T, s scene) { s.Server.SetSecret(handlerClient, secret) },
			says: []string{"read groups feed", "sign in to microsoft graph", "AADSTS7000215", "client secret"}},
	}
}

// trap is a host that counts who connects to it.
type trap struct {
	url    string
	visits func() int
}

func newTrap(t *testing.T) trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	came := make(chan struct{}, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came <- struct{}{}
			c.Close()
		}
	}()
	return trap{url: "https://" + l.Addr().String(), visits: func() int { return len(came) }}
}
