package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
)

// pipes is a listener on which one connection comes in, within this process: so
// the time of a bubble holds for it.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// anybody is a Verifier of callers that say who they are.
type anybody struct{}

func (anybody) Verify(r *http.Request, _ ...string) (relay.Caller, error) {
	if r.Header.Get("Authorization") == "" {
		return relay.Caller{}, relay.ErrUnauthorized
	}
	return relay.Caller{ID: "1", Name: "caller"}, nil
}

// slow is a caller, and what becomes of it.
type slow struct {
	name   string
	send   string // at once
	drip   string // then a byte of it a minute, again and again
	status int    // 0: the connection is closed without an answer
	reason string
	within time.Duration
}

// TestSlow: what a caller sends slowly, or never, or too much of, holds nothing up
// for longer than this. The time is a bubble's: nobody waits.
func TestSlow(t *testing.T) {
	const (
		line = "POST /x HTTP/1.1\r\nHost: x\r\n"
		json = "Content-Type: application/json\r\n"
		auth = "Authorization: x\r\n"
	)
	for _, test := range []slow{
		{"whole", line + json + auth + "Content-Length: 2\r\n\r\n{}", "", 200, `{}`, 0},
		{"an answer that takes longer than a message may", line + json + auth + "Content-Length: 13\r\n\r\n" + `{"slow":true}`, "", 200, `{}`, 3 * time.Minute},
		{"the same without a message", "GET /x HTTP/1.1\r\nHost: x\r\n" + auth + "\r\n", "", 200, `{}`, 3 * time.Minute},
		{"no header", "", "", 0, "", 10 * time.Second},
		{"header without end", line, "X", 0, "", 10 * time.Second},
		{"header of 40 KiB", line + "X: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", "", 431, "431 Request Header Fields Too Large", 0},
		{"2,000 headers", line + strings.Repeat("Some-Header: of-some-length\r\n", 2000) + "\r\n", "", 431, "431 Request Header Fields Too Large", 0},
		{"body that does not come", line + json + auth + "Content-Length: 2\r\n\r\n", "", 408, "the message did not arrive within 1m0s", time.Minute},
		{"a byte a minute", line + json + auth + "Content-Length: 1000\r\n\r\n", " ", 408, "the message did not arrive within 1m0s", time.Minute},
		{"a byte a minute in chunks", line + json + auth + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 408, "the message did not arrive within 1m0s", time.Minute},
		{"a message with GET that does not come", "GET /x HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 1000\r\n\r\n", " ", 200, `{}`, 3 * time.Minute},
		{"a byte a minute from nobody", line + json + "Content-Length: 1000\r\n\r\n", " ", 401, "no valid access token", time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				door := &relay.Door{Verifier: anybody{}, Log: slog.New(slog.DiscardHandler)}
				mux := http.NewServeMux()
				mux.Handle("POST /x", relay.Serve(door, relay.Kind[slowness]{}, answerSlowly))
				mux.Handle("GET /x", door.Guard(func(w http.ResponseWriter, r *http.Request, caller relay.Caller) {
					reply, err := answerSlowly(r.Context(), caller, slowness{true})
					if err != nil {
						relay.WriteProblem(w, r, nil, err)
						return
					}
					relay.WriteJSON(w, http.StatusOK, reply)
				}))
				answered(t, mux, test)
			})
		})
	}
}

// answered has a server answer one slow caller.
func answered(t *testing.T, h http.Handler, test slow) {
	t.Helper()
	s := server(t.Context(), h)
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	here, there := net.Pipe()
	l.conns <- there
	var caller sync.WaitGroup
	defer caller.Wait()
	defer here.Close()
	caller.Go(func() { drip(here, test.send, test.drip) })

	start := time.Now()
	connection := bufio.NewReader(here)
	resp, err := http.ReadResponse(connection, nil)
	took := time.Since(start)
	if test.status == 0 {
		if err == nil || took > test.within {
			t.Errorf("after %v: %v, %v; want no answer within %v", took, resp, err, test.within)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != test.status || !strings.Contains(string(body), test.reason) || took > test.within {
		t.Errorf("after %v: %d %s, %v; want %d %q within %v", took, resp.StatusCode, body, err, test.status, test.reason, test.within)
	}
	if test.drip == "" {
		return
	}
	// The connection does not outlive the time that a message may take, and hardly
	// the answer where none is due.
	most := time.Minute
	if strings.HasPrefix(test.send, "GET") {
		most = 10 * time.Second
	}
	_, err = io.Copy(io.Discard, connection)
	if left := time.Since(start) - took; err != nil || left > most {
		t.Errorf("cut off %v after the answer, %v; want it within %v", left, err, most)
	}
}

// TestSlowOutsideTheDoor: what is served without a token is as little held up, the
// host's own call included, and that one is answered as ever.
func TestSlowOutsideTheDoor(t *testing.T) {
	const envelope = `{"Data":{"timer":{"IsPastDue":false}},"Metadata":{}}`
	const turn = "the host leaves it 10s, and it needs 15s" // it came as far as the turn
	post := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	}
	get := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
	}
	for _, test := range []slow{
		{"the host's timer", post("/sync") + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(envelope), envelope), "", 500, turn, 0},
		{"a timer without a message", post("/sync") + "Content-Length: 0\r\n\r\n", "", 500, turn, 0},
		{"a timer that does not come", post("/sync") + "Content-Length: 1000\r\n\r\n", " ", 408, "did not arrive", time.Minute},
		{"a timer in chunks that does not come", post("/sync") + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 408, "did not arrive", time.Minute},
		{"a timer that is too large", post("/sync") + "Content-Length: 2000000\r\n\r\n" + strings.Repeat(" ", 1<<20+1), " ", 413, "larger than 1048576", time.Minute},
		{"health", get("/api/status/health"), " ", 503, `"new"`, 0},
		{"the host's question", get("/"), " ", 204, "", 0},
		{"a path that there is not", get("/nothing"), " ", 404, "", 0},
		{"a path below the functions that there is not", get("/api/nothing"), " ", 404, "", 0},
		{"the functions' folder", get("/api"), " ", 404, "", 0},
		{"a message to a path that there is not", post("/api/nothing") + "Content-Length: 1000\r\n\r\n", " ", 404, "", time.Minute},
		{"a status without a token", get("/api/status"), " ", 401, "no valid access token", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &App{log: slog.New(slog.DiscardHandler), door: &relay.Door{Verifier: anybody{}}, book: &rulebook{last: &ruling{}}, turn: make(chan struct{}, 1),
					journal: &journal.Journal{Store: blob.Memory(), Target: "corp"}}
				a.Handler = a.routes()
				answered(t, a.functions(10*time.Second), test)
			})
		})
	}
}

type slowness struct {
	Slow bool `json:"slow"`
}

// answerSlowly takes longer than a message may take to arrive, where it is asked to.
func answerSlowly(ctx context.Context, _ relay.Caller, q slowness) (struct{}, error) {
	if !q.Slow {
		return struct{}{}, nil
	}
	select {
	case <-time.After(2 * time.Minute):
		return struct{}{}, nil
	case <-ctx.Done():
		return struct{}{}, fmt.Errorf("gave up: %w", ctx.Err())
	}
}

// drip sends text, and then more of it slowly until nobody listens.
func drip(c net.Conn, text, more string) {
	_, err := io.WriteString(c, text)
	for err == nil && more != "" {
		time.Sleep(59 * time.Second)
		_, err = io.WriteString(c, more)
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		panic(err)
	}
}
