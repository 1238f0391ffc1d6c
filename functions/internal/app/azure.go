package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"groupwriteback/shared/relay"
)

// answerTime is how long Azure's front end waits for an HTTP function.
// https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout.
const answerTime = 230 * time.Second

// ServeAzure runs the app as a custom handler until ctx ends. The host gives the
// port and the app's folder in the environment, asks GET / until it is answered,
// posts a timer's envelope to the path of its function's name, and proxies HTTP
// requests.
// Azure Functions custom handlers: https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers.
func ServeAzure(ctx context.Context, environ []string, log *slog.Logger, o Options) error {
	port := lookup(environ, "FUNCTIONS_CUSTOMHANDLER_PORT")
	var noHost error
	if port == "" {
		noHost = errors.New("FUNCTIONS_CUSTOMHANDLER_PORT is not set: this program is started by the Azure Functions host")
	}
	limit, noLimit := functionTimeout(environ)
	a, err := New(ctx, environ, log, o)
	if err := errors.Join(noHost, noLimit, err); err != nil {
		return err
	}
	s := server(ctx, a.functions(limit))
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("listen where the host says: %w", err)
	}
	done := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer done()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// server bounds what a caller can hold it up with, besides what the door does.
func server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{Handler: relay.Arrive(h), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }}
}

// functions serves all that the host asks for. limit is the host's, for timers.
func (a *App) functions(limit time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(base, within(min(limit, answerTime), a.Handler))
	mux.Handle("POST /sync", within(limit, http.HandlerFunc(a.timer)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return asWritten(mux)
}

// within gives requests a deadline: the host's.
func within(limit time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// answer is what the host expects of a function that is not HTTP. Anything else
// than an object with these keys makes it wait for its timeout.
type answer struct {
	Outputs     map[string]any `json:"Outputs"`
	Logs        []string       `json:"Logs"`
	ReturnValue any            `json:"ReturnValue"`
}

// maxEnvelope is the largest of the host's messages that is waited for: they are
// some hundred bytes.
const maxEnvelope = 1 << 20

// timer runs a turn. Nothing in the host's envelope changes what it does; it is
// read first, since a connection with an unread message on it is cut off.
func (a *App) timer(w http.ResponseWriter, r *http.Request) {
	if err := relay.Discard(w, r, maxEnvelope); err != nil {
		relay.WriteProblem(w, r, a.log, err)
		return
	}
	reply, status := answer{Outputs: map[string]any{}, Logs: []string{}}, http.StatusOK
	if err := a.Sync(r.Context()); err != nil {
		a.log.Error("turn failed", "err", err)
		status = http.StatusInternalServerError
		reply.Logs = strings.Split(err.Error(), "\n")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply) // the host is gone: nobody to tell
}

// functionTimeout is how long the host lets a function run before it kills the
// whole process: host.json's, unless an app setting overrides it. The host does
// not say it in any other way.
// https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout.
func functionTimeout(environ []string) (time.Duration, error) {
	var file struct {
		FunctionTimeout string `json:"functionTimeout"`
	}
	file.FunctionTimeout = lookup(environ, "AzureFunctionsJobHost__functionTimeout")
	if file.FunctionTimeout == "" {
		data, err := os.ReadFile(filepath.Join(lookup(environ, "FUNCTIONS_APP_ROOT_PATH"), "host.json"))
		if err != nil {
			return 0, fmt.Errorf("read function timeout: %w", err)
		}
		if err := json.Unmarshal(data, &file); err != nil {
			return 0, fmt.Errorf("read function timeout: host.json: %w", err)
		}
	}
	limit, err := parseSpan(file.FunctionTimeout)
	if err != nil {
		return 0, fmt.Errorf("read function timeout: host.json: functionTimeout: %w", err)
	}
	return limit, nil
}

var span = regexp.MustCompile(`^(\d\d):([0-5]\d):([0-5]\d)$`)

// parseSpan reads a time of less than a day, hh:mm:ss. A function without a
// limit ("-1") would never be told to stop, and is refused.
func parseSpan(s string) (time.Duration, error) {
	m := span.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not hh:mm:ss: set it, such as 00:10:00", s)
	}
	return time.ParseDuration(m[1] + "h" + m[2] + "m" + m[3] + "s")
}

// lookup is the value of an environment's variable, or "".
func lookup(environ []string, name string) (value string) {
	for _, kv := range environ {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value = v
		}
	}
	return value
}
