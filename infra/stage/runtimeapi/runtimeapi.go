// Package runtimeapi plays AWS Lambda for one function on a provided runtime: the
// Runtime API that its bootstrap asks for work, a schedule, and a Function URL
// in BUFFERED mode. It starts the built bootstrap as Lambda does, one process for
// each invocation at a time, freezes processes between invocations, and kills
// them at the timeout.
//
// It serves tests and the demo. It is not a scheduler: a schedule's event is sent
// when it is told to. It plays no retries of failed events: they are as good as
// the next event.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// What an invocation comes to, other than an answer.
var (
	// ErrFunction: the function answered with an error, or could not start.
	ErrFunction = errors.New("the function failed")
	// ErrTimeout: it took longer than Timeout, and its process was killed.
	ErrTimeout = errors.New("the function timed out, and its process was killed")
	// ErrThrottled: as many invocations are under way as there may be.
	ErrThrottled = errors.New("too many invocations at a time")
)

// Lambda runs one function. Set the fields of the first part, then Start.
type Lambda struct {
	Root        string        // the function's folder, with the bootstrap
	Env         []string      // its settings, NAME=value
	Log         io.Writer     // its output; nil: nowhere
	Timeout     time.Duration // of an invocation; 15 min, the most that there is, if 0
	Concurrency int           // invocations at a time; 10, the least quota of an account, if 0
	Command     func(exe string) *exec.Cmd

	listener net.Listener
	server   *http.Server
	logging  sync.Mutex

	mu      sync.Mutex // guards what follows
	stopped bool
	idle    []*environment
	all     map[*environment]bool
	started int
}

// Start serves the Function URL at URL, and starts one process, so that what is
// wrong with it is known now.
func (l *Lambda) Start(ctx context.Context) error {
	if l.listener == nil {
		var err error
		if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		l.server = &http.Server{Handler: http.HandlerFunc(l.serveURL), ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = l.server.Serve(l.listener) }() // returns when Stop closes it
	}
	l.mu.Lock()
	l.stopped = false
	l.mu.Unlock()
	e, err := l.take(ctx)
	if err != nil {
		return err
	}
	l.give(e)
	return nil
}

// URL is the Function URL.
func (l *Lambda) URL() string { return "http://" + l.listener.Addr().String() }

// Running says whether there is a function: a process of it starts when there is
// need of one.
func (l *Lambda) Running() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.stopped
}

// Started is how many processes were started.
func (l *Lambda) Started() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.started
}

// Kill ends all processes as Lambda does, by SIGKILL. Others start when there is
// need of them.
func (l *Lambda) Kill() {
	l.mu.Lock()
	all := l.all
	l.all, l.idle = nil, nil
	l.mu.Unlock()
	for e := range all {
		e.kill()
	}
}

// Stop kills all processes and stops serving.
func (l *Lambda) Stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.Kill()
	if l.server != nil {
		_ = l.server.Close()
	}
}

// Timer sends a schedule's event, as EventBridge Scheduler does to a function
// without an input of its own.
func (l *Lambda) Timer(ctx context.Context, name string) error {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "d32c5kddcf5bb8c3", "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": account, "region": region, "time": time.Now().UTC().Format(time.RFC3339),
		"resources": []string{"arn:aws:scheduler:" + region + ":" + account + ":schedule/default/" + name}, "detail": "{}",
	})
	if err != nil {
		return err
	}
	if _, err := l.Invoke(ctx, event); err != nil {
		return fmt.Errorf("invoke by schedule %s: %w", name, err)
	}
	return nil
}

// Invoke has the function answer an event. Its errors are ErrFunction, ErrTimeout,
// ErrThrottled and ctx's; when ctx ends, the invocation goes on without whoever
// asked for it.
func (l *Lambda) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	e, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	done := make(chan result, 1)
	go func() {
		r := e.invoke(event, l.timeout())
		if e.usable() {
			l.give(e)
		} else {
			l.drop(e)
		}
		done <- r
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// drop ends an environment.
func (l *Lambda) drop(e *environment) {
	l.mu.Lock()
	delete(l.all, e)
	l.mu.Unlock()
	e.kill()
}

func (l *Lambda) timeout() time.Duration {
	if l.Timeout == 0 {
		return 15 * time.Minute
	}
	return l.Timeout
}

// take takes an idle environment, or starts one.
func (l *Lambda) take(ctx context.Context) (*environment, error) {
	limit := l.Concurrency
	if limit == 0 {
		limit = 10
	}
	l.mu.Lock()
	if n := len(l.idle); n > 0 {
		e := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return e, nil
	}
	if l.stopped || len(l.all) >= limit {
		l.mu.Unlock()
		return nil, ErrThrottled
	}
	e := &environment{}
	if l.all == nil {
		l.all = map[*environment]bool{}
	}
	l.all[e] = true
	l.started++
	l.mu.Unlock()
	if err := e.start(ctx, l); err != nil {
		l.drop(e)
		return nil, err
	}
	return e, nil
}

// give makes an environment idle, and freezes it: what a process does between
// invocations does not get done.
func (l *Lambda) give(e *environment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[e] { // not killed meanwhile
		e.freeze()
		l.idle = append(l.idle, e)
	}
}
