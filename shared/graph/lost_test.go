package graph_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

// at answers the nth request for a path with the nth fault, and all others properly.
func at(path string, faults ...graphtest.Fault) func(*http.Request, int) graphtest.Fault {
	return func(r *http.Request, n int) graphtest.Fault {
		if r.URL.Path == path && n <= len(faults) {
			return faults[n-1]
		}
		return graphtest.Fault{}
	}
}

// TestLostLink: Graph refused one of its own links for ever, in words that it has for
// any bad request, and nobody began anew. It is known by whose link it was.
func TestLostLink(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
	}{
		{400, "Directory_ExpiredPageToken"}, {400, "Request_BadRequest"}, {404, "UnknownError"}, {422, "UnprocessableEntity"},
	} {
		for _, f := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
			t.Run(fmt.Sprint(test.status, test.code, f), func(t *testing.T) {
				var tenant graphtest.Tenant
				for i := range 5 {
					id := graphtest.ID(fmt.Sprint(i))
					ok(t, map[directory.Feed]func() error{
						directory.GroupFeed:  func() error { return tenant.AddGroup(graphtest.Group{ID: id}) },
						directory.UserFeed:   func() error { return tenant.AddUser(graphtest.User{ID: id}) },
						directory.DeviceFeed: func() error { return tenant.AddDevice(graphtest.Device{ID: id}) },
					}[f]())
				}
				s := serve(t, &tenant, graphtest.Options{PageSize: 2})
				c := dial(t, s, nil)
				pages := read(t, c, f, "")
				for name, link := range map[string]string{"skiptoken": pages[1].Next, "deltatoken": pages[2].Delta} {
					s.RefuseLinks(f, test.status, test.code)
					before := len(s.Requests())
					if _, err := c.Page(t.Context(), f, link); !errors.Is(err, directory.ErrLink) || errors.Is(err, directory.ErrResync) {
						t.Errorf("%s: error %v is not directory.ErrLink", name, err)
					}
					if n := len(s.Requests()) - before; n != 1 {
						t.Errorf("%s: %d requests, want 1", name, n)
					}
				}
				if pages := read(t, c, f, ""); len(pages) != 3 {
					t.Errorf("a new enumeration has %d pages, want 3", len(pages))
				}
			})
		}
	}
}

// TestLostLinkOfGroupsByName: so are the further pages of groups that are read by name.
func TestLostLinkOfGroupsByName(t *testing.T) {
	var tenant graphtest.Tenant
	ids := []directory.ID{graphtest.ID("a"), graphtest.ID("b")}
	for _, id := range ids {
		ok(t, tenant.AddGroup(graphtest.Group{ID: id}))
	}
	s := serve(t, &tenant, graphtest.Options{PageSize: 1})
	c := dial(t, s, nil)
	p, err := c.Again(t.Context(), ids, "")
	ok(t, err)
	s.RefuseLinks(directory.GroupFeed, 400, "Directory_ExpiredPageToken")
	_, err = c.Again(t.Context(), ids, p.Next)
	if !errors.Is(err, directory.ErrLink) {
		t.Fatalf("error %v is not directory.ErrLink", err)
	}
	want := "read groups feed: microsoft graph refuses its own link: if it stays so, full enumeration is needed: " +
		"microsoft graph answers 400 Directory_ExpiredPageToken: The specified page token value has expired (request-id ID)"
	if got := plain(err, s); got != want {
		t.Errorf("error is\n%s\nwant\n%s", got, want)
	}
	_, err = c.Again(t.Context(), ids, "")
	ok(t, err)
}

// TestWhatIsNoLostLink: a link that the client made is for a person to read about, and
// permissions, sign-in and load say nothing of any link.
func TestWhatIsNoLostLink(t *testing.T) {
	for _, status := range []int{302, 400, 401, 403, 404, 407, 408, 410, 425, 429, 500, 503} {
		for _, ours := range []bool{true, false} {
			if !ours && (status == 400 || status == 404) {
				continue // those are
			}
			t.Run(fmt.Sprint(status, ours), func(t *testing.T) {
				s := serve(t, new(graphtest.Tenant), graphtest.Options{Fault: func(r *http.Request, n int) graphtest.Fault {
					if r.URL.Path != "/v1.0/groups/delta" || n == 1 && !ours {
						return graphtest.Fault{}
					}
					return graphtest.Fault{Status: status, Code: "UnknownError"}
				}})
				c := dial(t, s, nil)
				link := ""
				if !ours {
					link = read(t, c, directory.GroupFeed, "")[0].Delta
				}
				_, err := c.Page(t.Context(), directory.GroupFeed, link)
				if err == nil || errors.Is(err, directory.ErrLink) {
					t.Errorf("error %v is directory.ErrLink", err)
				}
			})
		}
	}
}

// TestNotBefore: a call that ends before the wait that Graph asked for says until when,
// or the next turn asks a minute later, is refused and counted again.
func TestNotBefore(t *testing.T) {
	hour := graphtest.Fault{Status: 429, RetryAfter: "3600"}
	instantly := func(context.Context, time.Duration) error { return nil }
	for _, test := range []struct {
		name   string
		faults []graphtest.Fault
		left   time.Duration // of the call; 0: no limit
		wait   func(context.Context, time.Duration) error
		want   time.Duration // from now; 0: none
	}{
		{name: "longer than the call has", faults: times(1, hour), left: 20 * time.Second, wait: instantly, want: time.Hour},
		{name: "again and again", faults: times(9, graphtest.Fault{Status: 503, RetryAfter: "5"}), wait: instantly, want: 5 * time.Second},
		{name: "cancelled meanwhile", faults: times(1, hour), want: time.Hour,
			wait: func(context.Context, time.Duration) error { return context.Canceled }},
		{name: "a wait of our own", faults: times(9, graphtest.Fault{Status: 503}), wait: instantly},
		{name: "nonsense", faults: times(9, graphtest.Fault{Status: 429, RetryAfter: "Fri, 31 Dec 9999 23:59:59 GMT"}), wait: instantly},
		{name: "something else in the end", faults: []graphtest.Fault{{Status: 429, RetryAfter: "5"}, {Status: 400}}, wait: instantly},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			end, _ := ctx.Deadline()
			now := end.Add(-cmp.Or(test.left, time.Hour))
			_, waits, err := rehearse(t, ctx, func(o *graph.Options) {
				o.Now = func() time.Time { return now }
				wait := o.Wait
				o.Wait = func(ctx context.Context, d time.Duration) error { return errors.Join(wait(ctx, d), test.wait(ctx, d)) }
			}, test.faults...)
			if err == nil {
				t.Fatalf("no error after %v", waits)
			}
			var e interface{ NotBefore() time.Time }
			switch is := errors.As(err, &e); {
			case is != (test.want > 0):
				t.Errorf("error %v has an end of the wait: %t, want %t", err, is, test.want > 0)
			case is && !e.NotBefore().Equal(now.Add(test.want)):
				t.Errorf("not before %v, want %v", e.NotBefore(), now.Add(test.want))
			}
		})
	}
}
