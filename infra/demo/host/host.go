// Package host plays the Azure Functions host for one custom handler: it reads
// host.json and the function.json files, starts the handler's process as the
// real host does, posts timers and proxies HTTP requests.
//
// It serves tests and the demo; the real host cannot be had as a package. What
// it knows of the contract is in docs/hosts.md.
package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Host runs one function app.
type Host struct {
	Root    string                     // the app's folder: host.json and a folder for each function
	Env     []string                   // the app's settings, NAME=value
	Log     io.Writer                  // the handler's output
	Command func(exe string) *exec.Cmd // how the handler is started; nil: as it is

	functions []function
	port      int
	process   *exec.Cmd
	exited    chan struct{}
	server    *http.Server
	listener  net.Listener
}

type function struct {
	Name    string
	Trigger string         // timerTrigger | httpTrigger
	Binding string         // name of the trigger's binding
	Methods []string       // of an HTTP function, upper case
	Route   *regexp.Regexp // of an HTTP function, with the prefix
}

type hostFile struct {
	Version       string `json:"version"`
	CustomHandler struct {
		Description struct {
			DefaultExecutablePath string `json:"defaultExecutablePath"`
		} `json:"description"`
		EnableProxyingHTTPRequest bool `json:"enableProxyingHttpRequest"`
	} `json:"customHandler"`
	Extensions struct {
		HTTP struct {
			RoutePrefix string `json:"routePrefix"`
		} `json:"http"`
	} `json:"extensions"`
	FunctionTimeout string `json:"functionTimeout"`
}

// Start reads the app, starts the handler and waits until it answers. The app's
// HTTP functions are served at URL.
func (h *Host) Start(ctx context.Context) error {
	exe, err := h.read()
	if err != nil {
		return fmt.Errorf("read function app: %w", err)
	}
	if h.listener == nil {
		if h.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		h.server = &http.Server{Handler: http.HandlerFunc(h.proxy), ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = h.server.Serve(h.listener) }() // returns when Stop closes it
	}
	return h.startHandler(ctx, exe)
}

// URL is where the app's HTTP functions are.
func (h *Host) URL() string { return "http://" + h.listener.Addr().String() }

func (h *Host) startHandler(ctx context.Context, exe string) error {
	var err error
	if h.port, err = freePort(); err != nil {
		return err
	}
	cmd := exec.Command(exe)
	if h.Command != nil {
		cmd = h.Command(exe)
	}
	p := strconv.Itoa(h.port)
	cmd.Dir = h.Root
	cmd.Env = append(slices.Concat(os.Environ(), cmd.Env, h.Env),
		"FUNCTIONS_CUSTOMHANDLER_PORT="+p, "FUNCTIONS_HTTPWORKER_PORT="+p,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID=worker-1", "FUNCTIONS_HTTPWORKER_ID=worker-1", "FUNCTIONS_APP_ROOT_PATH="+h.Root)
	cmd.Stdout, cmd.Stderr = h.Log, h.Log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start handler: %w", err)
	}
	h.process, h.exited = cmd, make(chan struct{})
	go func(done chan struct{}) { _ = cmd.Wait(); close(done) }(h.exited)
	return h.ready(ctx)
}

// ready asks GET / every 25 ms, as the host does; any answer will do.
func (h *Host) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.handler(), nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return errors.New("handler did not answer in 30 s")
		case <-h.exited:
			return errors.New("handler ended before it was ready: see its output")
		case <-tick.C:
		}
	}
}

func (h *Host) handler() string { return fmt.Sprintf("http://127.0.0.1:%d", h.port) }

// Running says whether the handler's process runs.
func (h *Host) Running() bool {
	if h.process == nil {
		return false
	}
	select {
	case <-h.exited:
		return false
	default:
		return true
	}
}

// Kill ends the handler as the host does on shutdown and on a timeout: SIGKILL.
func (h *Host) Kill() {
	if h.Running() {
		_ = h.process.Process.Kill()
		<-h.exited
	}
}

// Stop kills the handler and stops serving.
func (h *Host) Stop() {
	h.Kill()
	if h.server != nil {
		_ = h.server.Close()
	}
}

// Timer invokes a timer function, and applies the host's rules to the answer.
func (h *Host) Timer(ctx context.Context, name string) error {
	i := slices.IndexFunc(h.functions, func(f function) bool { return f.Name == name && f.Trigger == "timerTrigger" })
	if i < 0 {
		return fmt.Errorf("the app has no timer function %s", name)
	}
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"Data": map[string]any{h.functions[i].Binding: map[string]any{
			"Schedule":       map[string]any{"AdjustForDST": true},
			"ScheduleStatus": map[string]any{"Last": "0001-01-01T00:00:00", "Next": now.Add(time.Minute).Format(time.RFC3339Nano), "LastUpdated": now.Format(time.RFC3339Nano)},
			"IsPastDue":      false}},
		"Metadata": map[string]any{"sys": map[string]any{"MethodName": name, "UtcNow": now.Format(time.RFC3339Nano), "RandGuid": "6d7a2f0e-7b1c-4f0e-9d0a-2f6c3f1d9b11"}},
	})
	if err != nil {
		return err
	}
	// Without a length the body is sent in chunks, as the host's is.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.handler()+"/"+name, struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Azure-Functions-Host/4.1037.0")
	req.Header.Set("X-Azure-Functions-InvocationId", "0a6a4a0e-58d3-4d0b-8b3d-0f5a3f1c6f11")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", name, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", name, err)
	}
	return checkAnswer(name, resp, data)
}

// checkAnswer holds an answer to what the host takes: anything but an object in
// JSON makes the real one wait for the function's timeout.
func checkAnswer(name string, resp *http.Response, data []byte) error {
	var a struct {
		Outputs map[string]any
		Logs    []string
	}
	err := json.Unmarshal(data, &a)
	switch {
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("invoke %s: %s: %s", name, resp.Status, strings.Join(a.Logs, "; "))
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json"), err != nil, a.Outputs == nil:
		return fmt.Errorf("invoke %s: the answer is no function result: %.100q", name, data)
	}
	return nil
}

// proxy passes a request that an HTTP function's route matches to the handler.
func (h *Host) proxy(w http.ResponseWriter, r *http.Request) {
	for _, f := range h.functions {
		if f.Trigger != "httpTrigger" || !slices.Contains(f.Methods, r.Method) || !f.Route.MatchString(r.URL.Path) {
			continue
		}
		to, err := url.Parse(h.handler())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

// read reads host.json and the functions, and returns the handler's path.
func (h *Host) read() (exe string, err error) {
	var hf hostFile
	if err := readJSON(filepath.Join(h.Root, "host.json"), &hf); err != nil {
		return "", err
	}
	if hf.Version != "2.0" || !hf.CustomHandler.EnableProxyingHTTPRequest {
		return "", errors.New("host.json: version must be 2.0, and enableProxyingHttpRequest true")
	}
	files, err := filepath.Glob(filepath.Join(h.Root, "*", "function.json"))
	if err != nil {
		return "", err
	}
	h.functions = nil
	for _, file := range files {
		f, err := readFunction(file, hf.Extensions.HTTP.RoutePrefix)
		if err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		h.functions = append(h.functions, f)
	}
	if len(h.functions) == 0 {
		return "", errors.New("no folder with a function.json")
	}
	return filepath.Join(h.Root, hf.CustomHandler.Description.DefaultExecutablePath), nil
}

func readFunction(file, prefix string) (function, error) {
	var ff struct {
		Bindings []struct {
			Type, Direction, Name, Route string
			Methods                      []string
		}
	}
	if err := readJSON(file, &ff); err != nil {
		return function{}, err
	}
	f := function{Name: filepath.Base(filepath.Dir(file))}
	for _, b := range ff.Bindings {
		if b.Direction != "in" || !strings.HasSuffix(b.Type, "Trigger") {
			continue
		}
		f.Trigger, f.Binding = b.Type, b.Name
		for _, m := range b.Methods {
			f.Methods = append(f.Methods, strings.ToUpper(m))
		}
		f.Route = routePattern(prefix, b.Route)
	}
	if f.Trigger == "" {
		return f, errors.New("no trigger")
	}
	return f, nil
}

// routePattern turns a route template such as relay/{action} or status/{view?}
// into a pattern of whole paths.
func routePattern(prefix, route string) *regexp.Regexp {
	p := regexp.QuoteMeta("/" + prefix + "/" + route)
	p = regexp.MustCompile(`/\\\{[a-z]+\\\?\\\}`).ReplaceAllString(p, `(/[^/]+)?`)
	p = regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(p, `[^/]+`)
	return regexp.MustCompile("^" + p + "$")
}

func readJSON(file string, v any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
