package cycle_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/signin"
)

// TestFlagsByGraph goes the whole way from Graph's wire to Active Directory: a permission that
// is missing, and then granted; a service that is throttled, and then well.
func TestFlagsByGraph(t *testing.T) {
	const app, secret = "11111111-2222-3333-4444-555555555555", "s3cret"
	w := flagged(t, 5)
	w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", true))
	var throttled atomic.Bool
	s := graphtest.NewServer(w.tenant, graphtest.Options{
		Clients: []graphtest.Client{{ID: app, Secret: secret, Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}}},
		Fault: func(r *http.Request, _ int) graphtest.Fault {
			if throttled.Load() && strings.HasPrefix(r.URL.Path, "/v1.0/groups/") && !strings.HasSuffix(r.URL.Path, "/delta") {
				return graphtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "7200"}
			}
			return graphtest.Fault{}
		}})
	w.do(s.Start(""))
	t.Cleanup(func() { w.do(s.Close()) })
	credential, err := signin.Credential(signin.SignIn{Method: signin.ClientSecret, Tenant: s.TenantID(), Client: app, Secret: secret, Authority: s.URL(), Private: true, HTTP: s.HTTP()})
	w.do(err)
	client, err := graph.New(graph.Options{Base: s.URL(), Credential: credential, HTTP: s.HTTP(), Properties: w.planner.Rules.Properties(),
		Wait: func(context.Context, time.Duration) error { return nil }, Now: func() time.Time { return w.now }})
	w.do(err)
	w.planner.Source = client

	w.untilQuiet()
	if s := w.status(); len(w.ad) != 6 || w.hides(0)+w.hides(1) != "" || s.Word != "attention" || !strings.Contains(s.Detail, "lacks Group.Read.All") {
		t.Errorf("without the permission: %d groups, %q, %q; %+v", len(w.ad), w.hides(0), w.hides(1), s.Standing)
	}
	s.SetRoles(app, graphtest.GraphAudience, "Group.Read.All", "User.Read.All", "Device.Read.All")
	s.RevokeTokens()
	w.hours(25)
	if s := w.status(); w.hides(0) != "TRUE" || w.hides(1) != "FALSE" || s.Word != "in-sync" {
		t.Errorf("with it: %q, %q; %+v", w.hides(0), w.hides(1), s.Standing)
	}
	w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", nil))
	w.do(w.tenant.SetProperty(group(1), "hideFromAddressLists", true))
	throttled.Store(true)
	w.do(w.tenant.Rename(group(1), "One"))
	w.hours(1)
	throttled.Store(false)
	w.later(0)
	if rest := w.head().Polling.Rest; w.hides(1) != "FALSE" || rest.Until.Before(w.now.Add(30*time.Minute)) || w.head().Wait.After(w.now) {
		t.Errorf("throttled: %q; to be left alone until %s", w.hides(1), rest.Until)
	}
	w.hours(24)
	if w.hides(0) != "TRUE" || w.hides(1) != "TRUE" {
		t.Errorf("null is not known: %q; told after all: %q", w.hides(0), w.hides(1))
	}
}
