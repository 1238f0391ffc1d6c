package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// Handler serves the agent: POST poll, ack, report and check below prefix. wake is
// called, in the request, when a plan is complete, so that the next step does
// not wait for the timer.
func Handler(prefix string, d *Door, q Queue, wake func(context.Context)) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+prefix+"poll", Serve(d, AgentRole, func(ctx context.Context, caller string, p Poll) (PollReply, error) {
		p.Agent = caller
		return q.Poll(ctx, p)
	}))
	mux.Handle("POST "+prefix+"ack", Serve(d, AgentRole, func(ctx context.Context, caller string, a Ack) (ackReply, error) {
		a.Agent = caller
		last, err := q.Ack(ctx, a)
		if err == nil && last && wake != nil {
			wake(ctx)
		}
		return ackReply{last}, err
	}))
	mux.Handle("POST "+prefix+"report", Serve(d, AgentRole, func(ctx context.Context, caller string, r Report) (struct{}, error) {
		r.Agent = caller
		return struct{}{}, q.Report(ctx, r)
	}))
	mux.Handle("POST "+prefix+"check", Serve(d, AgentRole, func(_ context.Context, caller string, _ struct{}) (Welcome, error) {
		return Welcome{Agent: caller, Now: time.Now()}, nil
	}))
	return mux
}

type ackReply struct {
	Last bool `json:"last"`
}

// Serve is an HTTP handler for one kind of JSON message from callers with a
// role. A message has no keys but those of Q, and nothing behind it.
func Serve[Q, R any](d *Door, role string, do func(ctx context.Context, caller string, q Q) (R, error)) http.Handler {
	return d.Guard(func(w http.ResponseWriter, r *http.Request, caller string) {
		q, err := decode[Q](r.Body)
		if err != nil {
			WriteProblem(w, r, d.Log, &badRequest{err})
			return
		}
		reply, err := do(r.Context(), caller, q)
		if err != nil {
			WriteProblem(w, r, d.Log, err)
			return
		}
		WriteJSON(w, http.StatusOK, reply)
	}, role)
}

func decode[Q any](body io.Reader) (q Q, err error) {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, err
	}
	if _, err := d.Token(); err != io.EOF {
		return q, errors.New("the message has something behind its end")
	}
	return q, nil
}

// BadRequest marks an error as the caller's mistake, to be told in full.
func BadRequest(err error) error { return &badRequest{err} }

type badRequest struct{ error }

func (b *badRequest) Unwrap() error { return b.error }

// WriteProblem answers with an error. What callers cannot know or change is
// logged and not told.
func WriteProblem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := Problem{Status: http.StatusInternalServerError}
	var bad *badRequest
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		p = Problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the message is larger than %d bytes", large.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		p = Problem{Status: http.StatusRequestTimeout, Detail: fmt.Sprintf("the message did not arrive within %v", bodyTime)}
	case errors.As(err, &bad):
		p = Problem{Status: http.StatusBadRequest, Detail: bad.Error()}
	}
	for _, k := range problemKinds() {
		if errors.Is(err, k.err) {
			p = Problem{Status: k.status, Code: k.code, Detail: err.Error()}
		}
	}
	p.Title = http.StatusText(p.Status)
	if log != nil && p.Status >= 500 {
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// WriteJSON answers with a value.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone: nobody to tell
}
