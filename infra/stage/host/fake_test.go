package host

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeMode is the variable that makes the test binary a handler.
const fakeMode = "FAKE_HANDLER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		fake(mode)
	}
	os.Exit(m.Run())
}

// order is an envelope for the fake handler, which does as it says.
type order struct {
	Status int
	Type   string
	Body   string
	Exit   *int // ends with this code, in place of an answer
	Hang   bool // never answers
	Stderr string
}

// fake is a handler. It prints the requests that it gets, and its process id.
func fake(mode string) {
	switch mode {
	case "dies":
		os.Exit(3)
	case "mute":
		select {} // and never listens
	}
	var mu sync.Mutex
	released := make(chan struct{})
	http.HandleFunc("POST /timer", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fmt.Printf("%d %s %v length %d %s\n", os.Getpid(), r.URL.Path, r.TransferEncoding, r.ContentLength, r.UserAgent())
		mu.Unlock()
		obey(w, r)
	})
	http.HandleFunc("GET /web/stream", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-released
		_, _ = io.WriteString(w, "two\n")
	})
	http.HandleFunc("POST /web/release", func(w http.ResponseWriter, r *http.Request) { close(released) })
	http.HandleFunc("GET /web/environment", func(w http.ResponseWriter, r *http.Request) {
		dir, err := os.Getwd()
		_, _ = fmt.Fprintf(w, "folder=%s %v\n%s\n", dir, err, strings.Join(os.Environ(), "\n"))
	})
	http.HandleFunc("GET /web/hang", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), nil)
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(1)
}

func obey(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if o.Stderr != "" {
		fmt.Fprint(os.Stderr, o.Stderr)
	}
	switch {
	case o.Exit != nil:
		os.Exit(*o.Exit)
	case o.Hang:
		<-r.Context().Done()
	default:
		w.Header().Set("Content-Type", o.Type)
		w.WriteHeader(o.Status)
		_, _ = io.WriteString(w, o.Body)
	}
}

const (
	goodHost  = `{"version":"2.0","functionTimeout":"00:00:10","customHandler":{"description":{"defaultExecutablePath":"handler"},"enableProxyingHttpRequest":true},"extensions":{"http":{"routePrefix":"web"}}}`
	goodTimer = `{"bindings":[{"type":"timerTrigger","direction":"in","name":"timer","schedule":"0 * * * * *"}]}`
	goodHTTP  = `{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"anonymous","methods":["get","post"],"route":"{what}"},{"type":"http","direction":"out","name":"res"}]}`
)

// writeApp lays out an app of a timer and an HTTP function.
func writeApp(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"host.json": goodHost, "timer/function.json": goodTimer, "web/function.json": goodHTTP, "handler": "the command of the test runs in its place"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lines keeps what the handler prints.
type lines struct {
	mu  sync.Mutex
	all []Line
}

func (l *lines) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

// requests are the lines that the fake printed for each, and pids who did.
func (l *lines) requests() (texts, pids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if pid, text, ok := strings.Cut(line.Text, " "); ok && !line.Stderr {
			texts, pids = append(texts, text), append(pids, pid)
		}
	}
	return texts, pids
}

// start starts a host with a fake handler.
func start(t *testing.T, mode string, env ...string) (*Host, *lines, error) {
	t.Helper()
	h, l := newHost(t, mode, env...)
	return h, l, h.Start(t.Context())
}

func newHost(t *testing.T, mode string, env ...string) (*Host, *lines) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{}
	h := &Host{Root: writeApp(t, nil), Env: env, Console: l.add, Command: func(string) *exec.Cmd {
		cmd := exec.Command(exe)
		cmd.Env = []string{fakeMode + "=" + mode}
		return cmd
	}}
	t.Cleanup(h.Stop)
	return h, l
}

func mustStart(t *testing.T, env ...string) (*Host, *lines) {
	t.Helper()
	h, l, err := start(t, "works", env...)
	if err != nil {
		t.Fatal(err)
	}
	return h, l
}

// send has the fake do something.
func send(t *testing.T, h *Host, o order) error {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return h.Invoke(t.Context(), "timer", data)
}

var good = order{Status: 200, Type: "application/json", Body: `{"Outputs":{},"Logs":[],"ReturnValue":null}`}
