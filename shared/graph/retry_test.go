package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

// script answers the nth request for a feed with the nth fault, and those after
// properly. Requests to sign in are left alone.
func script(faults ...graphtest.Fault) func(*http.Request, int) graphtest.Fault {
	return func(r *http.Request, n int) graphtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/delta") && n <= len(faults) {
			return faults[n-1]
		}
		return graphtest.Fault{}
	}
}

func times(n int, f graphtest.Fault) []graphtest.Fault {
	faults := make([]graphtest.Fault, n)
	for i := range faults {
		faults[i] = f
	}
	return faults
}

// rehearse reads the first page of groups while faults happen, and returns the
// waits between the tries.
func rehearse(t *testing.T, ctx context.Context, change func(*graph.Options), faults ...graphtest.Fault) (directory.Page, []time.Duration, error) {
	t.Helper()
	var tenant graphtest.Tenant
	ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID("g"), DisplayName: "G", Description: strings.Repeat("long ", 200)}))
	s := serve(t, &tenant, graphtest.Options{Fault: script(faults...)})
	var waits []time.Duration
	c := dial(t, s, func(o *graph.Options) {
		o.Wait = func(_ context.Context, d time.Duration) error {
			waits = append(waits, d)
			return nil
		}
		if change != nil {
			change(o)
		}
	})
	p, err := c.Page(ctx, directory.GroupFeed, "")
	return p, waits, err
}

func TestRetry(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const s = time.Second
	half := s / 2
	for _, test := range []struct {
		name   string
		faults []graphtest.Fault
		waits  []time.Duration
		jitter float64
	}{
		{"seconds", []graphtest.Fault{{Status: 429, RetryAfter: "7"}}, []time.Duration{7 * s}, 0},
		{"seconds and jitter", []graphtest.Fault{{Status: 429, RetryAfter: "7"}}, []time.Duration{7*s + half}, 0.5},
		{"a fraction", []graphtest.Fault{{Status: 503, RetryAfter: "0.25"}}, []time.Duration{s / 4}, 0},
		{"at once", []graphtest.Fault{{Status: 429, RetryAfter: "0"}}, []time.Duration{0}, 0},
		{"nonsense is our own back-off", []graphtest.Fault{{Status: 429, RetryAfter: "soon"}, {Status: 429, RetryAfter: "-3"}, {Status: 429, RetryAfter: "NaN"}}, []time.Duration{half, s, 2 * s}, 0},
		{"back-off doubles", []graphtest.Fault{{Status: 500}, {Status: 502}, {Status: 503}, {Status: 504}, {Status: 429}}, []time.Duration{half, s, 2 * s, 4 * s, 8 * s}, 0},
		{"back-off with jitter", []graphtest.Fault{{Status: 500}, {Status: 500}}, []time.Duration{3 * s / 4, 3 * half}, 0.5},
		{"cut after some bytes", []graphtest.Fault{{Cut: 300}}, []time.Duration{half}, 0},
		{"cut before the last byte", []graphtest.Fault{{Cut: 1}}, []time.Duration{half}, 0},
		{"cut at once", []graphtest.Fault{{Cut: -1}}, []time.Duration{half}, 0},
		{"half a page", []graphtest.Fault{{Body: `{"value":[{"id":"3a5c3221-c465-48c0-95b8-e9305786a271"}`}}, []time.Duration{half}, 0},
		{"empty body", []graphtest.Fault{{Body: " "}}, []time.Duration{half}, 0},
		{"a proxy's page", []graphtest.Fault{{Body: "<html>please log in</html>"}}, []time.Duration{half}, 0},
		{"a status with a page that is not OData", []graphtest.Fault{{Status: 503, Body: "<html>busy</html>"}}, []time.Duration{half}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, waits, err := rehearse(t, t.Context(), func(o *graph.Options) {
				o.Jitter = func() float64 { return test.jitter }
				o.Now = func() time.Time { return noon }
			}, test.faults...)
			ok(t, err)
			if d := cmp.Diff(test.waits, waits); d != "" {
				t.Errorf("waits:\n%s", d)
			}
			if len(p.Groups) != 1 {
				t.Errorf("%d groups, want 1", len(p.Groups))
			}
		})
	}
}

// TestThrottledClientGetsThrough: who waits for as long as he is told to is not
// refused again.
func TestThrottledClientGetsThrough(t *testing.T) {
	var tenant graphtest.Tenant
	for i := range 9 {
		ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID(fmt.Sprint(i))}))
	}
	now := time.Now()
	clock := func() time.Time { return now }
	s := serve(t, &tenant, graphtest.Options{PageSize: 1, Throttle: 3, Now: clock})
	waits := 0
	c := dial(t, s, func(o *graph.Options) {
		o.Now = clock
		o.Wait = func(_ context.Context, d time.Duration) error {
			waits, now = waits+1, now.Add(d)
			return nil
		}
	})
	if pages := read(t, c, directory.GroupFeed, ""); len(pages) != 9 || waits != 2 {
		t.Errorf("%d pages with %d waits, want 9 with 2", len(pages), waits)
	}
}

func TestRetryGivesUp(t *testing.T) {
	_, waits, err := rehearse(t, t.Context(), nil, times(99, graphtest.Fault{Status: 503, Code: "serviceNotAvailable", RetryAfter: "1"})...)
	if len(waits) != 5 {
		t.Errorf("%d waits, want 5", len(waits))
	}
	want := "read groups feed: gave up after 6 tries: microsoft graph answers 503 serviceNotAvailable: The server was told to answer so (request-id "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is\n%v\nwant\n%s…", err, want)
	}
}

// TestRetryKeepsDeadline: a function's host stops us at its deadline, and what
// was read so far has to be stored before that.
func TestRetryKeepsDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	end, _ := ctx.Deadline()
	_, waits, err := rehearse(t, ctx, func(o *graph.Options) {
		o.Now = func() time.Time { return end.Add(-20 * time.Second) }
	}, graphtest.Fault{Status: 429, RetryAfter: "30"})
	if len(waits) != 0 {
		t.Errorf("waited %v", waits)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v is not context.DeadlineExceeded", err)
	}
	want := "read groups feed: a wait of 30s is needed, but only 20s are left: microsoft graph answers 429 faultInjected: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is\n%v\nwant\n%s…", err, want)
	}
}

// TestHungConnectionIsCut: one try may hang for as long as it likes.
func TestHungConnectionIsCut(t *testing.T) {
	p, waits, err := rehearse(t, t.Context(), func(o *graph.Options) { o.Timeout = 200 * time.Millisecond }, graphtest.Fault{Delay: time.Hour})
	ok(t, err)
	if len(waits) == 0 || len(p.Groups) != 1 {
		t.Errorf("%d groups after %d waits", len(p.Groups), len(waits))
	}
}

func TestCancelEndsWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := rehearse(t, ctx, func(o *graph.Options) {
		o.Wait = func(ctx context.Context, _ time.Duration) error {
			cancel()
			return ctx.Err()
		}
	}, times(9, graphtest.Fault{Status: 503})...)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v is not a cancellation with its cause", err)
	}
}

func TestRetryIsLogged(t *testing.T) {
	var log bytes.Buffer
	_, _, err := rehearse(t, t.Context(), func(o *graph.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	}, graphtest.Fault{Status: 429, RetryAfter: "7"})
	ok(t, err)
	if line := log.String(); !strings.Contains(line, "feed=groups try=1 wait=7s cause=") || strings.Count(line, "\n") != 1 {
		t.Errorf("log is %q", line)
	}
}

func TestResync(t *testing.T) {
	for name, fault := range map[string]graphtest.Fault{
		"410":              {Status: 410, Body: "gone", Location: "https://graph.microsoft.com/v1.0/groups/delta?$deltatoken="},
		"400 with code":    {Status: 400, Code: "syncStateNotFound"},
		"404 in capitals":  {Status: 404, Code: "SYNCSTATENOTFOUND"},
		"400 resync":       {Status: 400, Code: "ResyncRequired"},
		"in an inner code": {Status: 400, Body: `{"error":{"code":"BadRequest","message":"m","innererror":{"code":"syncStateNotFound"}}}`},
	} {
		_, waits, err := rehearse(t, t.Context(), nil, fault)
		if !errors.Is(err, directory.ErrResync) || len(waits) != 0 {
			t.Errorf("%s: after %d waits error %v is not directory.ErrResync", name, len(waits), err)
		}
	}
	if _, _, err := rehearse(t, t.Context(), nil, graphtest.Fault{Status: 400, Code: "BadRequest"}); errors.Is(err, directory.ErrResync) {
		t.Error("any 400 asks for a full enumeration")
	}
}

func TestExpiredLinkAsksForResync(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{})
	c := dial(t, s, nil)
	link := read(t, c, directory.UserFeed, "")[0].Delta
	s.ExpireLinks()
	if _, err := c.Page(t.Context(), directory.UserFeed, link); !errors.Is(err, directory.ErrResync) {
		t.Errorf("error %v is not directory.ErrResync", err)
	}
	read(t, c, directory.UserFeed, "")
}

func TestRevokedTokenIsRenewedOnce(t *testing.T) {
	s := serve(t, new(graphtest.Tenant), graphtest.Options{})
	c := dial(t, s, nil)
	link := read(t, c, directory.GroupFeed, "")[0].Delta
	s.RevokeTokens()
	read(t, c, directory.GroupFeed, link)

	before := len(s.Requests())
	s.RevokeTokens()
	read(t, c, directory.GroupFeed, link)
	var paths []string
	for _, r := range s.Requests()[before:] {
		paths = append(paths, r.Path)
	}
	want := []string{"/v1.0/groups/delta", "/" + s.TenantID() + "/oauth2/v2.0/token", "/v1.0/groups/delta"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Error(d)
	}
}

// TestConnectionIsReused: bodies of refusals are drained and closed, so that a
// throttled run does not open a connection for each try.
func TestConnectionIsReused(t *testing.T) {
	var tenant graphtest.Tenant
	s := serve(t, &tenant, graphtest.Options{Fault: script(times(4, graphtest.Fault{Status: 503, Body: strings.Repeat("busy ", 20_000)})...)})
	var mu sync.Mutex
	addresses := map[string]bool{}
	h := s.HTTP()
	c := dial(t, s, func(o *graph.Options) {
		o.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return h.Transport.RoundTrip(r.WithContext(tracing(r.Context(), func(local string) {
				mu.Lock()
				defer mu.Unlock()
				addresses[local] = true
			})))
		})}
	})
	read(t, c, directory.GroupFeed, "")
	if len(addresses) != 1 {
		t.Errorf("%d connections for 5 tries, want 1", len(addresses))
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tracing tells used the local address of each connection.
func tracing(ctx context.Context, used func(local string)) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { used(i.Conn.LocalAddr().String()) },
	})
}
