package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"groupwriteback/shared/plan"
)

// Handler serves the agent: POST poll, ack, report and check below prefix. serving says
// what the relay is for; nil if it shall not say. wake is called, in the request, when a
// plan is complete, so that the next step does not wait for the timer. The agent's name
// is its caller's: what the message says does not count.
func Handler(prefix string, d *Door, q Queue, serving func(context.Context) (Serving, error), wake func(context.Context)) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+prefix+"poll", Serve(d, Kind[Poll]{Role: AgentRole, Size: 64 << 10, Bound: boundPoll}, func(ctx context.Context, caller Caller, p Poll) (PollReply, error) {
		p.Agent = caller.Name
		return q.Poll(ctx, p)
	}))
	mux.Handle("POST "+prefix+"ack", Serve(d, Kind[ackMessage]{Role: AgentRole, Bound: boundAck}, func(ctx context.Context, caller Caller, m ackMessage) (ackReply, error) {
		a := m.Ack
		a.Agent, a.Results = caller.Name, m.Results
		last, err := q.Ack(ctx, a)
		if err == nil && last && wake != nil {
			wake(ctx)
		}
		return ackReply{last}, err
	}))
	mux.Handle("POST "+prefix+"report", Serve(d, Kind[reportMessage]{Role: AgentRole, Bound: boundReport}, func(ctx context.Context, caller Caller, m reportMessage) (struct{}, error) {
		r := m.Report
		r.Agent, r.Rows = caller.Name, m.Rows
		return struct{}{}, q.Report(ctx, r)
	}))
	mux.Handle("POST "+prefix+"check", Serve(d, Kind[struct{}]{Role: AgentRole, Size: 64 << 10}, func(ctx context.Context, caller Caller, _ struct{}) (w Welcome, err error) {
		w.Agent, w.Now = caller.Name, time.Now()
		if serving != nil {
			w.Serving, err = serving(ctx)
		}
		return w, err
	}))
	return mux
}

// Messages with long lists, as they are decoded.
type (
	ackMessage struct {
		Ack
		Results items[plan.Result] `json:"results"`
	}
	reportMessage struct {
		Report
		Rows items[Row] `json:"rows"`
	}
)

type ackReply struct {
	Last bool `json:"last"`
}

// BadRequest marks an error as the caller's mistake, to be told in full.
func BadRequest(err error) error { return &badRequest{err} }

type badRequest struct{ error }

func (b *badRequest) Unwrap() error { return b.error }

// Nowhere is the error that a request leads to no path (404), or not by its method (405).
func Nowhere(status int) error { return &nowhere{status} }

type nowhere struct{ status int }

func (n *nowhere) Error() string {
	if n.status == http.StatusMethodNotAllowed {
		return "there is such a path, and it is asked by another method"
	}
	return "there is no such path"
}

// Frank marks an error as one that is told in full though it is ours: operators are to mend it.
func Frank(err error) error { return &frank{err} }

type frank struct{ error }

func (f *frank) Unwrap() error { return f.error }

// WriteProblem answers with an error. What callers cannot know or change is
// logged and not told.
func WriteProblem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := Problem{Status: http.StatusInternalServerError}
	var bad *badRequest
	var lost *nowhere
	var large *http.MaxBytesError
	if _, told := errors.AsType[*frank](err); told {
		p.Detail = cut(err.Error(), maxText)
	}
	switch {
	case errors.As(err, &large):
		p = Problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the message is larger than %d bytes", large.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		p = Problem{Status: http.StatusRequestTimeout, Detail: fmt.Sprintf("the message did not arrive within %v", bodyTime)}
	case errors.As(err, &lost):
		p = Problem{Status: lost.status, Detail: lost.Error()}
	case errors.As(err, &bad):
		p = Problem{Status: http.StatusBadRequest, Detail: bad.Error()}
	}
	for _, k := range problemKinds() {
		if errors.Is(err, k.err) {
			p = Problem{Status: k.status, Code: k.code, Detail: err.Error()}
		}
	}
	p.Title = http.StatusText(p.Status)
	if log != nil && p.Status >= 500 && !errors.Is(err, ErrKeys) { // who reads keys logs why it cannot: strangers' requests are not counted
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if p.Status == http.StatusTooManyRequests || errors.Is(err, ErrKeys) {
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
