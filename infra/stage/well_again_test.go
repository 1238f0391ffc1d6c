package stage

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestGraphIsWellAgain: Graph was wrong for a while, and then is well again without
// anybody's doing. What it says then is believed for what it is; nobody loses a
// membership, and everything that people do in the cloud arrives.
func TestGraphIsWellAgain(t *testing.T) {
	s := newScene(t, 40)
	t.Run("a blackout", s.blackout)
	t.Run("a blackout of one group", s.oneGroupUnlisted)
	for _, r := range []struct {
		status int
		code   string
	}{{http.StatusBadRequest, "Directory_ExpiredPageToken"}, {http.StatusNotFound, "UnknownError"}} {
		for _, feed := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
			t.Run(r.code+" for ever, "+string(feed), func(t *testing.T) { s.linkRefused(t, feed, r.status, r.code) })
		}
	}
	checkRemovals(t, s.Stage, s.proxy.Writes())
}

// blackout: all links are lost, and Graph then lists nothing at all, neither in an
// enumeration nor by name, and says that this is all. What it tells after that are
// changes: of a group that got a member, that member alone.
func (s scene) blackout(t *testing.T) {
	id, c := s.Company.ID, s.Company.Tenant
	s.Server.ExpireLinks()
	s.weather.set(func(*http.Request, int) graphtest.Fault {
		return edit(func(p map[string]any) { p["value"] = []any{} })
	})
	_ = s.Sync(t.Context()) // that may well be an error
	settle(t, s.Stage)
	s.weather.set(nil)
	group := id("Department 20")
	newcomer := s.outsider(group)
	must(t, errors.Join(c.AddMember(id("Engineering"), id(userName(30))), c.RemoveMember(group, s.Company.Members(group)[0]), c.AddMember(group, newcomer)))
	took := s.until(t, "who came is there", func(Status) bool {
		return s.holds(t, id("Engineering"), id(userName(30))) && s.holds(t, group, newcomer)
	})
	t.Logf("who came arrived after %.1f s", took.Seconds())
	converge(t, s.Stage) // who left goes once a second reading, a minute later, does not know him either
	var reply struct{}
	must(t, s.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "sync", "full": true}, &reply))
	s.until(t, "all is known again", func(st Status) bool { return st.State == "in-sync" })
	equal(t, s.Stage)
}

// oneGroupUnlisted: an enumeration leaves one group out, and so does Graph by name. Later
// it is there as if nothing had been.
func (s scene) oneGroupUnlisted(t *testing.T) {
	group, c := s.Company.ID("Department 24"), s.Company.Tenant
	s.Server.ExpireLinks()
	s.weather.set(on(directory.GroupFeed, 0, edit(func(p map[string]any) {
		p["value"] = slices.DeleteFunc(p["value"].([]any), func(v any) bool { return v.(map[string]any)["id"] == group.String() })
	})))
	_ = s.Sync(t.Context())
	settle(t, s.Stage)
	s.weather.set(nil)
	newcomer := s.outsider(group)
	must(t, c.AddMember(group, newcomer))
	s.until(t, "who came is there", func(Status) bool { return s.holds(t, group, newcomer) })
	converge(t, s.Stage)
}

// linkRefused: Graph refuses each link of a feed that it has made so far, for ever.
func (s scene) linkRefused(t *testing.T, feed directory.Feed, status int, code string) {
	s.Server.RefuseLinks(feed, status, code)
	group := s.Company.ID("Department 25")
	newcomer, leaver := s.outsider(group), s.Company.Members(group)[0]
	must(t, errors.Join(s.Company.Tenant.AddMember(group, newcomer), s.Company.Tenant.RemoveMember(group, leaver)))
	turns := 0
	for began := time.Now(); !s.holds(t, group, newcomer) || s.holds(t, group, leaver); turns++ {
		if time.Since(began) > seconds {
			t.Fatalf("after %d turns who came is not there, or who left is", turns)
		}
		_ = s.Sync(t.Context()) // the first turns say that the link is refused
		must(t, pause(t.Context(), 100*time.Millisecond))
	}
	for began := time.Now(); s.Sync(t.Context()) != nil; { // and then Graph is read again
		if time.Since(began) > seconds {
			t.Fatalf("%s is still refused", feed)
		}
	}
	converge(t, s.Stage)
	t.Logf("went on after %d turns", turns)
}

// outsider is the first user who is no member of a group.
func (s scene) outsider(group directory.ID) directory.ID {
	members := s.Company.Members(group)
	for i := 1; ; i++ {
		if u := s.Company.ID(userName(i)); !slices.Contains(members, u) {
			return u
		}
	}
}
