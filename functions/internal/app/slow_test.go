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

func (anybody) Verify(r *http.Request, _ ...string) (string, error) {
	if r.Header.Get("Authorization") == "" {
		return "", relay.ErrUnauthorized
	}
	return "caller", nil
}

// TestSlow: what a caller sends slowly, or never, or too much of, holds nothing up
// for longer than this. The time is a bubble's: nobody waits.
func TestSlow(t *testing.T) {
	const (
		line = "POST /x HTTP/1.1\r\nHost: x\r\n"
		json = "Content-Type: application/json\r\n"
		auth = "Authorization: x\r\n"
	)
	for _, test := range []struct {
		name   string
		send   string // at once
		drip   string // then a byte of it a minute, again and again
		status int    // 0: the connection is closed without an answer
		reason string
		within time.Duration
	}{
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
		{"a byte a minute from nobody", line + json + "Content-Length: 1000\r\n\r\n", " ", 401, "no valid access token", time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				door := &relay.Door{Verifier: anybody{}, Log: slog.New(slog.DiscardHandler)}
				mux := http.NewServeMux()
				mux.Handle("POST /x", relay.Serve(door, "", answerSlowly))
				mux.Handle("GET /x", door.Guard(func(w http.ResponseWriter, r *http.Request, caller string) {
					reply, err := answerSlowly(r.Context(), caller, slowness{true})
					if err != nil {
						relay.WriteProblem(w, r, nil, err)
						return
					}
					relay.WriteJSON(w, http.StatusOK, reply)
				}))
				s := server(t.Context(), mux)
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
				resp, err := http.ReadResponse(bufio.NewReader(here), nil)
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
			})
		})
	}
}

type slowness struct {
	Slow bool `json:"slow"`
}

// answerSlowly takes longer than a message may take to arrive, where it is asked to.
func answerSlowly(ctx context.Context, _ string, q slowness) (struct{}, error) {
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
