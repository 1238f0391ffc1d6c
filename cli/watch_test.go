package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/show"
)

// serve is a session that a server of answers answers.
func serve(t *testing.T, all ...func(http.ResponseWriter)) (*session, *bytes.Buffer) {
	t.Helper()
	server := httptest.NewServer(&answers{all: all})
	t.Cleanup(server.Close)
	var out bytes.Buffer
	return &session{client: &client{base: server.URL + "/api/", as: somebody{}, wire: bounded{server.Client()}}, out: &out, paint: show.New(false, 100)}, &out
}

func body(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { fmt.Fprint(w, text) }
}

// ticks are n ticks; behind the last the context ends.
func ticks(t *testing.T, n int) (context.Context, <-chan time.Time) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := make(chan time.Time)
	go func() {
		for range n {
			c <- time.Time{}
		}
		c <- time.Time{} // taken when the last look was over
		cancel()
	}()
	return ctx, c
}

const (
	inSync = `{"target":"corp","state":"in-sync","now":"2026-11-01T12:00:00Z"}`
	later  = `{"target":"corp","state":"in-sync","now":"2026-11-01T12:00:05Z"}`
	paused = `{"target":"corp","state":"paused","detail":"nothing is written"}`
)

// TestWatch: without a terminal each change is printed once, and a look that fails ends nothing.
func TestWatch(t *testing.T) {
	s, out := serve(t, body(inSync), body(later), say(500), body(paused), body(paused))
	must(t, s.watch(ticks(t, 4)))
	if got := out.String(); strings.Count(got, "in-sync") != 1 || strings.Count(got, "paused: nothing") != 1 || strings.Count(got, "error: the API answers 500") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("it prints\n%s", got)
	}
}

func TestWatchOnATerminal(t *testing.T) {
	s, out := serve(t, body(inSync), body(inSync), body(paused))
	s.screen.Terminal = true
	must(t, s.watch(ticks(t, 2)))
	if got := out.String(); strings.Count(got, clear+"in-sync") != 2 || strings.Count(got, clear+"paused") < 1 {
		t.Errorf("it draws\n%q", got)
	}
}

func TestWatchAsJSON(t *testing.T) {
	s, out := serve(t, body(inSync), body(later), body(paused))
	s.json = true
	must(t, s.watch(ticks(t, 2)))
	if got, want := out.String(), inSync+"\n"+paused+"\n"; got != want {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
}

// TestWatchEnds: who is never answered, or not any more, is told.
func TestWatchEnds(t *testing.T) {
	s, _ := serve(t, say(500))
	if err := s.watch(ticks(t, 0)); err == nil {
		t.Error("it is watched what never answered")
	}
	s, _ = serve(t, body(inSync), say(500))
	if err := s.watch(ticks(t, failuresInARow)); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("it does not answer any more: %v", err)
	}
}

// TestExitCodes: of what worked, failed, has something to do, and took too long.
func TestExitCodes(t *testing.T) {
	for _, v := range installation(t) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	for args, want := range map[string]int{
		"version": 0, "status": 0, "status --output yaml": exitFailed, "nonsense": exitFailed, "plan --detailed-exitcode": exitFailed, "sync --wait --timeout 1ns": exitLate, "doctor": exitFailed,
	} {
		if got := run(t.Context(), strings.Fields(args), io.Discard, t.Output()); got != want {
			t.Errorf("%s ends with %d, want %d", args, got, want)
		}
	}
}
