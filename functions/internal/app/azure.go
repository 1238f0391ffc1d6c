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
	"strings"
	"time"
)

// turnTime is how long a timer's turn may take: host.json's functionTimeout,
// less what a last step may need.
const turnTime = 9 * time.Minute

// ServeAzure runs the app as a custom handler until ctx ends. The host gives the
// port in the environment, asks GET / until it is answered, posts a timer's
// envelope to the path of its function's name, and proxies HTTP requests.
// Azure Functions custom handlers: https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers.
func ServeAzure(ctx context.Context, environ []string, log *slog.Logger, o Options) error {
	port := os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT")
	if port == "" {
		return errors.New("FUNCTIONS_CUSTOMHANDLER_PORT is not set: this program is started by the Azure Functions host")
	}
	a, err := New(ctx, environ, log, o)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(base, a.Handler)
	mux.HandleFunc("POST /sync", a.timer)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
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

// answer is what the host expects of a function that is not HTTP. Anything else
// than an object with these keys makes it wait for its timeout.
type answer struct {
	Outputs     map[string]any `json:"Outputs"`
	Logs        []string       `json:"Logs"`
	ReturnValue any            `json:"ReturnValue"`
}

// timer runs a turn. Nothing in the host's envelope changes what it does.
func (a *App) timer(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), turnTime)
	defer cancel()
	reply, status := answer{Outputs: map[string]any{}, Logs: []string{}}, http.StatusOK
	if err := a.Sync(ctx); err != nil {
		a.log.Error("turn failed", "err", err)
		status = http.StatusInternalServerError
		reply.Logs = strings.Split(err.Error(), "\n")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply) // the host is gone: nobody to tell
}
