// Package host plays the Azure Functions host for one custom handler: it reads
// host.json and the function.json files, starts the handler's process, posts
// timers, proxies HTTP requests, and does to the process what the real host
// does. It is strict where the real host is silent: a key that it does not know,
// or an answer that the real host would wait for in vain, is an error.
//
// It serves tests, the demo and make run; the real host cannot be had as a package. What
// it knows of the contract is in docs/hosts.md. It is not a scheduler: a timer
// fires when it is told to.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// Host runs one function app. Set the fields of the first part, then Start.
type Host struct {
	Root    string                     // the app's folder: host.json and a folder for each function
	Env     []string                   // the app's settings, NAME=value
	Address string                     // host:port of the app's HTTP functions; empty: 127.0.0.1 and a free port
	Log     io.Writer                  // the handler's output; nil: nowhere
	Console func(Line)                 // is told of each line of it; nil: nobody is
	Seen    func(*http.Request)        // is told of each HTTP request before the handler has it; nil: nobody is
	Command func(exe string) *exec.Cmd // how the handler is started; nil: as it is

	server   *http.Server
	listener net.Listener
	logging  sync.Mutex // of Log and Console

	mu     sync.Mutex // guards what follows
	app    app
	worker *worker // nil: the handler is gone, and why says why
	why    error
	deaths []time.Time // exits that count against the limit on restarts
}

// ErrGone: the handler's process has ended, and the host starts it no more.
var ErrGone = errors.New("the handler is gone")

// Start reads the app, starts the handler unless it runs, and waits until it
// answers. The app's HTTP functions are served at URL.
func (h *Host) Start(ctx context.Context) error {
	a, err := readApp(h.Root, h.Env)
	if err != nil {
		return fmt.Errorf("read function app: %w", err)
	}
	if h.listener == nil {
		if h.listener, err = net.Listen("tcp", cmp.Or(h.Address, "127.0.0.1:0")); err != nil {
			return err
		}
		h.server = &http.Server{Handler: http.HandlerFunc(h.proxy), ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = h.server.Serve(h.listener) }() // returns when Stop closes it
	}
	h.mu.Lock()
	if h.worker == nil {
		h.app, h.deaths = a, nil
		err = h.launch()
	}
	h.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = h.ready(ctx)
	return err
}

// files are what the app's files said when the handler was started.
func (h *Host) files() app {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.app
}

// URL is where the app's HTTP functions are.
func (h *Host) URL() string { return "http://" + h.listener.Addr().String() }

// Running says whether the handler's process runs, or is being started again.
func (h *Host) Running() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.worker != nil
}

// Kill ends the handler as the host does when it shuts down: by SIGKILL.
func (h *Host) Kill() {
	h.mu.Lock()
	w := h.worker
	h.worker, h.why = nil, errors.New("it was killed")
	h.mu.Unlock()
	if w != nil {
		w.kill()
	}
}

// Stop kills the handler and stops serving.
func (h *Host) Stop() {
	h.Kill()
	if h.server != nil {
		_ = h.server.Close()
	}
}
