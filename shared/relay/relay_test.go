package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// everybody is a Verifier that believes what a header says.
type everybody struct{}

func (everybody) Verify(r *http.Request, roles ...string) (relay.Caller, error) {
	switch who := r.Header.Get("Authorization"); who {
	case "":
		return relay.Caller{}, fmt.Errorf("%w: nobody", relay.ErrUnauthorized)
	case "reader":
		return relay.Caller{}, fmt.Errorf("%w: %v", relay.ErrForbidden, roles)
	case "keyless":
		return relay.Caller{}, fmt.Errorf("%w: answer 503", relay.ErrKeys)
	default:
		return relay.Caller{ID: "id of " + who, Name: who}, nil
	}
}

// queue answers as it is told, and remembers what it was asked.
type queue struct {
	poll   relay.Poll
	ack    relay.Ack
	report relay.Report
	reply  relay.PollReply
	err    error
}

func (q *queue) Poll(_ context.Context, p relay.Poll) (relay.PollReply, error) {
	q.poll = p
	return q.reply, q.err
}

func (q *queue) Ack(_ context.Context, a relay.Ack) (bool, error) {
	q.ack = a
	return true, q.err
}

func (q *queue) Report(_ context.Context, r relay.Report) error {
	q.report = r
	return q.err
}

func serve(t *testing.T, q relay.Queue, wake func(context.Context)) *relay.Client {
	t.Helper()
	s := httptest.NewServer(relay.Handler("/api/relay/", &relay.Door{Verifier: everybody{}, Log: slog.New(slog.DiscardHandler)}, q, nil, wake))
	t.Cleanup(s.Close)
	return &relay.Client{URL: s.URL + "/api/relay/", HTTP: s.Client(), Sign: func(r *http.Request) error {
		r.Header.Set("Authorization", "agent-1")
		return nil
	}}
}

// TestWire sends each message through client and handler: it arrives as it was,
// and bears the caller's name whatever it said.
func TestWire(t *testing.T) {
	id := directory.ID{1, 2, 3}
	reply := relay.PollReply{Token: 3, Until: time.Unix(1e9, 0).UTC(), Now: time.Unix(1e9, 0).UTC(), Epoch: 2, State: "s", Closed: 7, Attrs: []string{"info"},
		Release: []byte(`{"target":"corp"}`), Seq: 8, Batch: []byte("{}"), Read: []directory.ID{id}, ReadAll: true, Next: 2}
	q := &queue{reply: reply}
	woken := 0
	c := serve(t, q, func(context.Context) { woken++ })
	poll := relay.Poll{Agent: "somebody else", DC: relay.DC{Name: "dc", InvocationID: "i", USN: 5}}
	got, err := c.Poll(t.Context(), poll)
	poll.Agent = "agent-1"
	if diff := cmp.Diff(reply, got); err != nil || diff != "" || q.poll != poll {
		t.Errorf("poll: %v, %+v\n%s", err, q.poll, diff)
	}
	ack := relay.Ack{Epoch: 2, Seq: 8, Digest: "d", Token: 3, Seconds: 1.5, Results: []plan.Result{{Status: plan.Done, GUID: "g"},
		{Status: plan.Refused, Code: 50, Text: "no", Bad: []plan.BadRef{{Ref: "S-1-5-21-1-2-3-4", Text: "x"}}}}}
	last, err := c.Ack(t.Context(), ack)
	ack.Agent = "agent-1"
	if diff := cmp.Diff(ack, q.ack); err != nil || !last || woken != 1 || diff != "" {
		t.Errorf("ack: %v, last %v, woken %d\n%s", err, last, woken, diff)
	}
	report := relay.Report{ID: relay.ReportID(time.Now()), Part: 1, Parts: 1, Full: true, Target: relay.Target{Base: "OU=x"}, Rows: []relay.Row{{ID: id, GUID: "g",
		Group: &plan.Group{ID: id, Name: "n", Attrs: map[string][]string{"info": {"a"}}, Links: plan.Members("mark:x")}}}}
	err = c.Report(t.Context(), report)
	report.Agent = "agent-1"
	if diff := cmp.Diff(report, q.report); err != nil || diff != "" {
		t.Errorf("report: %v\n%s", err, diff)
	}
}

// TestErrors sends each error that a caller tells apart over the wire, and what a
// person reads of it, to the letter.
func TestErrors(t *testing.T) {
	wrapped := func(err error) *queue { return &queue{err: fmt.Errorf("%w: and so on", err)} }
	for _, test := range []struct {
		name string
		q    *queue
		as   string // what the agent's token says
		path string
		is   error
		want string
	}{
		{"closed", wrapped(relay.ErrClosed), "agent", "", relay.ErrClosed, "ack: the batch is closed: and so on"},
		{"lease", wrapped(relay.ErrLease), "agent", "", relay.ErrLease, "ack: another agent holds the lease: and so on"},
		{"format", wrapped(journal.ErrFormat), "agent", "", journal.ErrFormat, "ack: the journal was written by a newer version: update this planner: and so on"},
		{"no token", &queue{}, "", "", relay.ErrUnauthorized, "ack: no valid access token: nobody: tenant and audience must be those that the app is set to accept, and both clocks right"},
		{"no keys", &queue{}, "keyless", "", relay.ErrKeys, "ack: the tenant's signing keys could not be read: answer 503"},
		{"no role", &queue{}, "reader", "", relay.ErrForbidden, "ack: the caller lacks the role: [Relay.Agent]"},
		{"wrong address", &queue{}, "agent", "none/", nil, "ack: answer 404 Not Found, which is not the relay's: there is no relay at this URL, which ends in /api/relay/"},
		{"an inner error", &queue{err: errors.New("the disk is full of secrets")}, "agent", "", nil, "ack: the relay answered 500 Internal Server Error: its own log says why"},
	} {
		c := serve(t, test.q, nil)
		c.Sign = func(r *http.Request) error { r.Header.Set("Authorization", test.as); return nil }
		c.URL += test.path
		_, err := c.Ack(t.Context(), relay.Ack{})
		if err == nil || err.Error() != test.want || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s:\n%v\nwant\n%s", test.name, err, test.want)
		}
	}
}

// TestCheck: an agent with the role is told its name, and takes no lease.
func TestCheck(t *testing.T) {
	q := &queue{err: errors.New("it asks for work")}
	if w, err := serve(t, q, nil).Check(t.Context()); err != nil || w.Agent != "agent-1" || time.Since(w.Now).Abs() > time.Minute {
		t.Errorf("%+v, %v", w, err)
	}
}

// FuzzMessages posts anything: the answer is a problem or the message was
// understood whole, and the handler does not panic.
func FuzzMessages(f *testing.F) {
	f.Add("poll", `{"agent":"a","dc":{"name":"x","usn":1}}`)
	f.Add("ack", `{"epoch":1,"seq":2,"digest":"d","token":1,"results":[{"status":"done"}],"seconds":1}`)
	f.Add("report", `{"id":"1","part":1,"parts":1,"rows":[{"id":"00000000-0000-0000-0000-000000000001","guid":"g","digest":"","after":0}]}`)
	f.Add("report", `{"rows":[{"id":"x"}]}{}`)
	h := relay.Handler("/", &relay.Door{Verifier: everybody{}, Log: slog.New(slog.DiscardHandler), PerCaller: 1e9}, &queue{}, nil, nil)
	f.Fuzz(func(t *testing.T, path, body string) {
		if strings.Trim(path, "abcdefghijklmnopqrstuvwxyz") != "" {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "agent")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if answer, err := io.ReadAll(w.Result().Body); err != nil || w.Code != http.StatusOK && w.Code != http.StatusBadRequest &&
			w.Code != http.StatusNotFound && w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %q: %d %s", path, body, w.Code, answer)
		}
	})
}
