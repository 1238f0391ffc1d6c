package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// worker is the handler's process. The words are the real host's: WorkerProcess,
// HttpFunctionInvocationDispatcher.
type worker struct {
	cmd    *exec.Cmd
	port   int
	ready  chan struct{} // closed when it has answered
	failed chan struct{} // closed when it will not: err says why
	err    error
	ended  chan struct{} // closed when the process is gone, and that was dealt with
	hung   bool          // the host killed it for that; guarded by Host.mu
}

func (w *worker) url() string { return "http://127.0.0.1:" + strconv.Itoa(w.port) }

// kill ends the process, and waits for it.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // it has ended: as good
	<-w.ended
}

// What the real host does about a process that ends.
const (
	exitGone    = 0                // it is not missed
	exitRestart = 200              // it wants to be started again, and that is no failure
	maxDeaths   = 3                // so many failures, none longer after the last one than
	deathWindow = 30 * time.Minute // this, and the host shuts itself down
)

// launch starts a process; h.mu is held.
func (h *Host) launch() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	cmd := exec.Command(h.app.Exe)
	if h.Command != nil {
		cmd = h.Command(h.app.Exe)
	}
	p := strconv.Itoa(port)
	cmd.Dir = h.Root
	cmd.Env = append(slices.Concat(inherited(), cmd.Env, h.Env),
		"FUNCTIONS_CUSTOMHANDLER_PORT="+p, "FUNCTIONS_HTTPWORKER_PORT="+p,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID=worker-1", "FUNCTIONS_HTTPWORKER_ID=worker-1", "FUNCTIONS_APP_ROOT_PATH="+h.Root)
	stdout, stderr := &console{host: h}, &console{host: h, stderr: true}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, 5*time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start handler: %w", err)
	}
	w := &worker{cmd: cmd, port: port, ready: make(chan struct{}), failed: make(chan struct{}), ended: make(chan struct{})}
	h.worker, h.why = w, nil
	go w.probe(h.app.InitTimeout)
	go func() {
		_ = cmd.Wait() // what it ended with is read from its state
		stdout.flush()
		stderr.flush()
		h.bury(w)
		close(w.ended)
	}()
	return nil
}

// probe asks GET / every 25 ms until anything answers; any status will do.
func (w *worker) probe(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url(), nil)
		if err == nil {
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
				close(w.ready)
				return
			}
		}
		select {
		case <-w.ended:
			w.err = errors.New("the handler ended before it answered: see its output")
		case <-ctx.Done():
			w.err = fmt.Errorf("the handler did not answer GET / in %v: %w", timeout, err)
		case <-tick.C:
			continue
		}
		close(w.failed)
		return
	}
}

// bury does what the host does when a process has ended. A process that the host
// killed itself is no longer h.worker, and not its business any more.
func (h *Host) bury(w *worker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.worker != w {
		return
	}
	h.worker = nil
	code := w.cmd.ProcessState.ExitCode()
	switch {
	case w.hung || code == exitRestart:
	case code == exitGone:
		h.why = errors.New("it ended with exit code 0, after which it is not started again")
		return
	default:
		now := time.Now()
		if n := len(h.deaths); n > 0 && now.Sub(h.deaths[n-1]) > deathWindow {
			h.deaths = nil
		}
		h.deaths = append(h.deaths, now)
		if len(h.deaths) >= maxDeaths {
			h.why = fmt.Errorf("it failed %d times, last with %v, and the host shuts down", len(h.deaths), w.cmd.ProcessState)
			return
		}
	}
	if err := h.launch(); err != nil {
		h.why = err
	}
}

// replace kills a process that hangs, which is no failure of the process: bury
// starts another.
func (h *Host) replace(w *worker) {
	h.mu.Lock()
	w.hung = true
	h.mu.Unlock()
	w.kill()
}

// ready waits until a process answers. ErrGone: there is none.
func (h *Host) ready(ctx context.Context) (*worker, error) {
	for {
		h.mu.Lock()
		w, why := h.worker, h.why
		h.mu.Unlock()
		if w == nil {
			return nil, fmt.Errorf("%w: %w", ErrGone, why)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-w.ready:
			return w, nil
		case <-w.failed:
			h.mu.Lock()
			same := h.worker == w
			h.mu.Unlock()
			if same { // it runs, but does not answer
				return nil, w.err
			}
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// inherited is this process's environment without settings of the product: an app
// has those of its own.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GROUPWRITEBACK_") })
}
