package graphtest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"groupwriteback/shared/directory"
)

// Freeze has feeds, all of them if none is named, show the tenant as it is now until
// Thaw: what happens meanwhile comes late, as it does at the real service, and in
// one feed later than in another.
func (s *Server) Freeze(feeds ...directory.Feed) {
	if len(feeds) == 0 {
		feeds = allFeeds()
	}
	now := s.tenant.clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = maps.Clone(s.frozen)
	if s.frozen == nil {
		s.frozen = map[directory.Feed]*Tenant{}
	}
	for _, f := range feeds {
		s.frozen[f] = now
	}
}

// Thaw lets all feeds show what is.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = nil
}

// shown is the tenant that a feed shows.
func (s *Server) shown(f directory.Feed) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.frozen[f]; t != nil {
		return t
	}
	return s.tenant
}

func (t *Tenant) clone() *Tenant {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &Tenant{objects: map[directory.ID]*object{}, order: slices.Clone(t.order), log: slices.Clone(t.log)}
	for id, o := range t.objects {
		copied := *o
		copied.props = maps.Clone(o.props)
		for r, links := range o.links {
			copied.links[r] = maps.Clone(links)
		}
		c.objects[id] = &copied
	}
	return c
}

// throttleWindow is the time that Options.Throttle counts in.
const throttleWindow = 10 * time.Second

// throttle counts a request for a feed, and refuses it if there were too many. Who
// does not wait is counted again.
// Source: https://learn.microsoft.com/graph/throttling-limits.
func (s *Server) throttle(w http.ResponseWriter) (refused bool) {
	w.Header().Set("x-ms-resource-unit", "1")
	if s.options.Throttle == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	if now.Sub(s.window) >= throttleWindow {
		s.window, s.used = now, 0
	}
	s.used++
	if share := float64(s.used) / float64(s.options.Throttle); share >= 0.8 {
		w.Header().Set("x-ms-throttle-limit-percentage", fmt.Sprintf("%.2f", min(share, 1.8)))
	}
	if s.used <= s.options.Throttle {
		return false
	}
	left := throttleWindow - now.Sub(s.window)
	w.Header().Set("Retry-After", fmt.Sprint(math.Ceil(left.Seconds())))
	w.Header().Set("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+s.options.TenantID)
	w.Header().Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	refuse(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	return true
}
