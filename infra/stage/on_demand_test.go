package stage

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/stage/host"
	"groupwriteback/shared/graph/graphtest"
)

// TestOnDemand: while everything is read anew, which takes long, a group is asked for that
// changed a moment ago. It is in Active Directory by the second time that the agent asks
// for work, and the reading still goes on.
func TestOnDemand(t *testing.T) {
	var polls atomic.Int64
	s := newScene(t, 40)
	s.StopAgent()
	h := s.Host.(*host.Host)
	h.Kill() // the server, which nobody asks now, reads Seen later
	h.Seen = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/relay/poll") {
			polls.Add(1)
		}
	}
	must(t, h.Start(t.Context()))
	s.Poll = "1m" // it asks as often as the relay says, as in production
	must(t, s.StartAgent())
	group := s.department(3)
	newcomer := s.outsider(group)

	var pages atomic.Int64
	s.weather.set(func(r *http.Request, _ int) graphtest.Fault {
		if !strings.HasSuffix(r.URL.Path, "/delta") || strings.Contains(r.URL.RawQuery, "deltatoken") {
			return graphtest.Fault{}
		}
		pages.Add(1)
		return graphtest.Fault{Delay: 500 * time.Millisecond}
	})
	full := make(chan error, 1)
	go func() {
		var reply struct{}
		full <- s.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "sync", "full": true}, &reply)
	}()
	for pages.Load() < 10 {
		must(t, pause(t.Context(), 20*time.Millisecond))
	}

	must(t, s.Company.Tenant.AddMember(group, newcomer))
	began, before := time.Now(), polls.Load()
	go func() {
		var reply struct{}
		_ = s.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "sync", "groups": []string{group.String()}}, &reply)
	}()
	for !s.holds(t, group, newcomer) {
		must(t, pause(t.Context(), 20*time.Millisecond))
	}
	took, asked, read := time.Since(began), polls.Load()-before, pages.Load()
	select {
	case err := <-full:
		t.Fatalf("all was read anew before the group was written: %v", err)
	default:
	}
	t.Logf("written after %.1f s, by poll %d; %d pages of the reading were asked for until then", took.Seconds(), asked, read)
	s.weather.set(nil)
	must(t, <-full)
	converge(t, s.Stage)
}
