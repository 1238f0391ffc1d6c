package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHandler is the setting that makes the test binary a handler: with the argument
// check it ends with the code that it names, else it answers every timer.
const fakeHandler = "FAKE_HANDLER"

func TestMain(m *testing.M) {
	code, fake := os.LookupEnv(fakeHandler)
	switch {
	case !fake:
		os.Exit(m.Run())
	case len(os.Args) > 1 && os.Args[1] == "check" && code != "0":
		fmt.Println("sign-in        FAILED  nobody is there")
		os.Exit(1)
	case len(os.Args) > 1:
		os.Exit(0)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"Outputs":{},"Logs":[],"ReturnValue":null}`)
	}
	fmt.Println("the handler's process is", os.Getpid())
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), http.HandlerFunc(answer))
	fmt.Println(err)
	os.Exit(1)
}

// newMachine has the fake handler, with a check that ends so, and an agent that is a
// shell script.
func newMachine(t *testing.T, check, agent string) (*machine, *screen) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	if err := errors.Join(os.Symlink(self, filepath.Join(programs, "handler")), os.WriteFile(filepath.Join(programs, "agent"), []byte("#!/bin/sh\n"+agent), 0o755)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := &screen{told: make(chan struct{}, 1)}
	in := installation{folder: t.TempDir(), env: []string{fakeHandler + "=" + check}, address: l.Addr().String(), api: "api://x"}
	return &machine{installation: in, source: "../..", programs: programs, every: time.Hour, out: out}, out
}

// screen is what run prints; told is sent to when the agent's word is there.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	told chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(string(b), "at work") {
		s.told <- struct{}{}
	}
	return s.text.Write(b)
}

// nothingLeft looks for the app's folder, and for somebody at the relay's address.
func nothingLeft(t *testing.T, m *machine) {
	t.Helper()
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("the temporary folder holds %v, %v", left, err)
	}
	if c, err := net.Dial("tcp", m.address); err == nil {
		_ = c.Close()
		t.Errorf("somebody still listens at %s", m.address)
	}
}

// TestRefused: what a check refuses is not started.
func TestRefused(t *testing.T) {
	for want, m := range map[string][2]string{
		"handler check: ": {"1", "echo at work"},
		"agent check: ":   {"0", "echo 'relay FAILED'; exit 1"},
	} {
		m, out := newMachine(t, m[0], m[1])
		err := m.run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(out.text.String(), "FAILED") || strings.Contains(out.text.String(), "Both halves run") {
			t.Errorf("%s: got %v\n%s", want, err, &out.text)
		}
		nothingLeft(t, m)
	}
}

// TestAgentEnds: an agent that ends by itself is told of, and ends the rest.
func TestAgentEnds(t *testing.T) {
	m, out := newMachine(t, "0", `[ "$1" = check ] || exit 3`)
	if err := m.run(t.Context()); !errors.Is(err, errAgentEnded) || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v\n%s", err, &out.text)
	}
	nothingLeft(t, m)
}

// TestCtrlC: the agent is asked to end, and the end is none of a failure.
func TestCtrlC(t *testing.T) {
	m, out := newMachine(t, "0", `[ "$1" = check ] && exit
trap 'echo asked to end; kill $!; exit' TERM
sleep 60 &
echo at work; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-out.told; cancel() }()
	if err := m.run(ctx); err != nil {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"asked to end", "Both halves have ended", "the handler's process is"} {
		if !strings.Contains(out.text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out.text)
		}
	}
	nothingLeft(t, m)
}
