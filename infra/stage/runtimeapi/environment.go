package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What the events and the environment name.
const (
	account = "123456789012"
	region  = "us-east-1" // where storage.Versity is too
	arn     = "arn:aws:lambda:" + region + ":" + account + ":function:groupwriteback"
)

// initTime is how long Lambda lets a process start.
const initTime = 10 * time.Second

// environment is one process of the function, and the Runtime API that it talks
// to. It serves one invocation at a time.
type environment struct {
	cmd    *exec.Cmd
	server *http.Server
	asked  chan struct{}   // the process waits for work
	work   chan invocation // what it waits for
	failed chan error      // why it cannot start; holds one
	ended  chan struct{}   // closed when the process is gone

	mu     sync.Mutex // guards what follows
	now    *invocation
	frozen bool
}

// invocation is an event on its way through the process.
type invocation struct {
	id       string
	event    []byte
	deadline time.Time
	result   chan result // holds one
}

type result struct {
	answer []byte
	err    error
}

// start starts the process, and waits until it asks for work.
func (e *environment) start(ctx context.Context, l *Lambda) error {
	e.asked, e.work, e.ended, e.failed = make(chan struct{}), make(chan invocation), make(chan struct{}), make(chan error, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		close(e.ended)
		return err
	}
	e.server = &http.Server{Handler: e.api(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = e.server.Serve(listener) }() // returns when kill closes it
	exe := filepath.Join(l.Root, "bootstrap")
	e.cmd = exec.Command(exe)
	if l.Command != nil {
		e.cmd = l.Command(exe)
	}
	e.cmd.Dir = l.Root
	e.cmd.Env = slices.Concat(inherited(), e.cmd.Env, l.Env, []string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=groupwriteback", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_REGION=" + region,
		"LAMBDA_TASK_ROOT=" + l.Root, "_HANDLER=bootstrap", "TZ=:UTC"})
	log := &lockedWriter{to: l.Log, mu: &l.logging}
	e.cmd.Stdout, e.cmd.Stderr, e.cmd.WaitDelay = log, log, 5*time.Second
	if err := e.cmd.Start(); err != nil {
		close(e.ended)
		return fmt.Errorf("start bootstrap: %w", err)
	}
	go func() { _ = e.cmd.Wait(); close(e.ended) }()
	return e.awaitInit(ctx)
}

// inherited is what a process gets of ours: Lambda's has nothing else.
func inherited() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
}

func (e *environment) awaitInit(ctx context.Context) error {
	timer := time.NewTimer(initTime)
	defer timer.Stop()
	select {
	case <-e.asked:
		return nil
	case err := <-e.failed:
		return err
	case <-e.ended:
		select { // it may have said why
		case err := <-e.failed:
			return err
		default:
			return e.gone().err
		}
	case <-timer.C:
		return fmt.Errorf("%w: the process did not ask for work in %v", ErrFunction, initTime)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// invoke hands the process an event, which it has asked for, and waits until it
// asks again: before that an invocation is not over.
func (e *environment) invoke(event []byte, timeout time.Duration) result {
	in := invocation{id: requestID(), event: event, deadline: time.Now().Add(timeout), result: make(chan result, 1)}
	e.thaw()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case e.work <- in:
	case <-e.ended:
		return e.gone()
	}
	select {
	case <-e.asked:
		select {
		case r := <-in.result:
			return r
		default:
			return result{err: fmt.Errorf("%w: the process asked for work without an answer", ErrFunction)}
		}
	case <-e.ended:
		return e.gone()
	case <-timer.C:
		e.kill()
		return result{err: fmt.Errorf("%w after %v", ErrTimeout, timeout)}
	}
}

func (e *environment) gone() result {
	return result{err: fmt.Errorf("%w: Runtime.ExitError: the process ended: %v", ErrFunction, e.cmd.ProcessState)}
}

// usable says whether the process can take another event.
func (e *environment) usable() bool {
	select {
	case <-e.ended:
		return false
	default:
		return true
	}
}

func (e *environment) freeze() { e.hold(true) }
func (e *environment) thaw()   { e.hold(false) }

func (e *environment) hold(frozen bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.frozen != frozen {
		e.frozen = frozen
		hold(e.cmd.Process, frozen)
	}
}

// kill ends the process and its API.
func (e *environment) kill() {
	if e.cmd != nil && e.cmd.Process != nil {
		_ = e.cmd.Process.Kill() // it has ended: as good
	}
	if e.server != nil {
		_ = e.server.Close()
	}
	if e.ended != nil {
		<-e.ended
	}
}

// api is the Runtime API.
func (e *environment) api() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", e.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		e.settle(w, r, func(body []byte) result { return result{answer: body} })
	})
	mux.HandleFunc("POST "+base+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		e.settle(w, r, func(body []byte) result { return result{err: failure(body)} })
	})
	mux.HandleFunc("POST "+base+"init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Lambda-Runtime-Function-Error-Type") == "" {
			http.Error(w, "the error has no type", http.StatusBadRequest)
			return
		}
		select {
		case e.failed <- failure(body):
		default: // one is enough
		}
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// next hands out an event when there is one.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.asked <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case in := <-e.work:
		e.mu.Lock()
		e.now = &in
		e.mu.Unlock()
		for name, value := range map[string]string{
			"Lambda-Runtime-Aws-Request-Id":       in.id,
			"Lambda-Runtime-Deadline-Ms":          strconv.FormatInt(in.deadline.UnixMilli(), 10),
			"Lambda-Runtime-Invoked-Function-Arn": arn,
			"Lambda-Runtime-Trace-Id":             "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
			"Content-Type":                        "application/json",
		} {
			w.Header().Set(name, value)
		}
		_, _ = io.Copy(w, bytes.NewReader(in.event)) // a process that is gone is noticed by its end
	case <-r.Context().Done():
	}
}

// settle takes the result of the invocation that is under way.
func (e *environment) settle(w http.ResponseWriter, r *http.Request, of func(body []byte) result) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	e.mu.Lock()
	in := e.now
	if in != nil && in.id == r.PathValue("id") {
		e.now = nil
	} else {
		in = nil
	}
	e.mu.Unlock()
	var large *http.MaxBytesError
	switch {
	case in == nil:
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	case errors.As(err, &large):
		in.result <- result{err: fmt.Errorf("%w: Function.ResponseSizeTooLarge: more than %d bytes", ErrFunction, maxPayload)}
		http.Error(w, `{"errorType":"Function.ResponseSizeTooLarge"}`, http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		in.result <- result{err: fmt.Errorf("%w: %w", ErrFunction, err)}
		return
	}
	in.result <- of(body)
	w.WriteHeader(http.StatusAccepted)
}

// failure is the error that a function reports, in words.
func failure(body []byte) error {
	var f struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(body, &f); err != nil {
		return fmt.Errorf("%w: an error that is no object: %.200q", ErrFunction, body)
	}
	return fmt.Errorf("%w: %s: %s", ErrFunction, f.ErrorType, f.ErrorMessage)
}

// lockedWriter lets several processes write to one log.
type lockedWriter struct {
	to io.Writer
	mu *sync.Mutex
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	if w.to == nil {
		return len(b), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
