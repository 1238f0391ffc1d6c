package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/journal/journaltest"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
)

// cloud is a Graph of two groups without members.
type cloud struct {
	fault error
	until time.Time // of the last request's context
}

var first, second = directory.ID{1}, directory.ID{2}

func (c *cloud) Page(ctx context.Context, feed directory.Feed, _ string) (directory.Page, error) {
	c.until, _ = ctx.Deadline()
	p := directory.Page{Feed: feed, Delta: "next"}
	if feed == directory.GroupFeed {
		for _, id := range []directory.ID{first, second} {
			p.Groups = append(p.Groups, directory.GroupChange{ID: id, Set: directory.Properties{"displayName": {"G"}, "securityEnabled": {"true"}}})
		}
	}
	return p, c.fault
}

func (c *cloud) Again(context.Context, []directory.ID, string) (directory.Page, error) {
	return directory.Page{}, c.fault
}

func (c *cloud) Describe(context.Context, directory.Feed, []directory.ID) (directory.Page, error) {
	return directory.Page{}, c.fault
}

func (c *cloud) Flags(context.Context, directory.ID) (directory.Page, error) {
	return directory.Page{}, c.fault
}

// appOn is an app that reads c.
func appOn(t *testing.T, c *cloud) *App {
	t.Helper()
	r, err := rules.Parse([]byte("ou: OU=x\nscope: all\n"))
	if err != nil {
		t.Fatal(err)
	}
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	return &App{log: slog.New(slog.DiscardHandler), journal: j, planner: &cycle.Planner{Source: c, Tenant: testTenant, Rules: r, Journal: j}, book: &rulebook{last: &ruling{}}, turn: make(chan struct{}, 1)}
}

// TestTurnsInTime: a turn ends before the host kills it, and one that the host leaves no
// time is not begun.
func TestTurnsInTime(t *testing.T) {
	c := &cloud{}
	a := appOn(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := a.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	end, _ := ctx.Deadline()
	if spare := end.Sub(c.until); spare < 50*time.Second || spare > time.Minute {
		t.Errorf("a turn of ten minutes leaves %v, want a minute", spare)
	}
	late, cancel := context.WithTimeout(t.Context(), minTurn-time.Second)
	defer cancel()
	if err := a.Sync(late); err == nil || !strings.Contains(err.Error(), "raise the function's timeout") {
		t.Errorf("a turn without time ends with %v", err)
	}
}

// TestTurnsTakeTurns: one process plans once at a time. Two of its turns would read Graph
// twice, for the second to lose.
func TestTurnsTakeTurns(t *testing.T) {
	environ, _ := environment(t, nil)
	a, err := New(t.Context(), environ, slog.New(slog.DiscardHandler), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.begin(t.Context(), forEver); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.begin(soon, forEver); err == nil {
		t.Error("two turns run at once")
	}
	a.end()
	if err := a.begin(t.Context(), forEver); err != nil {
		t.Error(err)
	}
}

// TestTimerTellsTheHost: a turn that failed is one that the host counts as failed.
func TestTimerTellsTheHost(t *testing.T) {
	for _, fault := range []error{nil, errors.New("Graph is down\nfor a while")} {
		w := httptest.NewRecorder()
		appOn(t, &cloud{fault: fault}).timer(w, httptest.NewRequest(http.MethodPost, "/sync", strings.NewReader("{}")))
		want := http.StatusOK
		if fault != nil {
			want = http.StatusInternalServerError
		}
		var got answer
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != want || (len(got.Logs) > 1) != (fault != nil) {
			t.Errorf("%v: %d %s (%v), want %d, and each line of the fault", fault, w.Code, w.Body, err, want)
		}
	}
}

// TestPreviewOfSomeGroups shows those that were asked for.
func TestPreviewOfSomeGroups(t *testing.T) {
	a := appOn(t, &cloud{})
	report := journal.Report{ID: journal.ReportID(time.Now()), Part: 1, Parts: 1, Full: true, Target: journal.Target{DomainSID: "S-1-5-21-1-2-3", BaseGUID: "b"}}
	for _, err := range []error{journaltest.SwitchOn(t.Context(), a.journal.Store, "corp"), a.Sync(t.Context()), a.journal.Report(t.Context(), report)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, asked := range [][]directory.ID{nil, {second}} {
		reply, err := a.manual(t.Context(), relay.Caller{}, manualRequest{Action: "preview", Groups: asked})
		if err != nil {
			t.Fatal(err)
		}
		changes, want := reply.Preview.Changes, 2-len(asked)
		if len(changes) != want || changes[len(changes)-1].Group != second {
			t.Errorf("asked for %v: %+v", asked, changes)
		}
	}
}

// TestListensWithin: only the host on this machine reaches the program. Another program
// has the same port of another address.
func TestListensWithin(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("this system has no second address of its own: ", err)
	}
	defer other.Close()
	_, port, _ := net.SplitHostPort(other.Addr().String())
	environ, _ := environment(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- ServeAzure(ctx, append(environ, "FUNCTIONS_CUSTOMHANDLER_PORT="+port, "AzureFunctionsJobHost__functionTimeout=00:10:00"), slog.New(slog.DiscardHandler), Options{})
	}()
	for up := false; !up; {
		select {
		case err := <-served:
			t.Fatal(err)
		default:
			if resp, err := http.Get("http://127.0.0.1:" + port + "/"); err == nil {
				up = resp.StatusCode == http.StatusNoContent
				_ = resp.Body.Close()
			}
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
