package app

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// base is the path of all HTTP functions: host.json's route prefix.
const base = "/api/"

func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(base+"relay/", relay.Handler(base+"relay/", a.door, a.journal, a.wake))
	mux.Handle("POST "+base+"manualsync", relay.Serve(a.door,
		relay.Kind[manualRequest]{Role: relay.OperatorRole, Size: 1 << 20, Strict: true, Bound: boundManual}, a.manual))
	mux.Handle("GET "+base+"status", a.door.Guard(a.status, relay.ReaderRole, relay.OperatorRole))
	mux.HandleFunc("GET "+base+"status/health", func(w http.ResponseWriter, r *http.Request) {
		relay.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return asWritten(mux)
}

// asWritten serves paths as they are written. A ServeMux answers others with a
// redirect to what it has, and no caller of ours follows one: a wrong path is a
// mistake.
func asWritten(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		written := r.URL.EscapedPath()
		clean := path.Clean(written)
		if clean != "/" && strings.HasSuffix(written, "/") {
			clean += "/"
		}
		_, pattern := mux.Handler(r)
		below := pattern[strings.LastIndexByte(pattern, ' ')+1:] == written+"/"
		if written != clean || below {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// manualRequest is what an operator asks for.
type manualRequest struct {
	Action string         `json:"action"`           // sync | preview | retry | approve | reject
	Groups []directory.ID `json:"groups,omitempty"` // sync: read these again in AD and try again what was refused; preview, retry: only these
	Full   bool           `json:"full,omitempty"`   // sync: read everything again, in the cloud and in AD
	Hold   string         `json:"hold,omitempty"`   // approve, reject: the hold's id, as status and preview list it
}

// maxAsked is how many groups one request may name.
const maxAsked = 10_000

func boundManual(q *manualRequest) error {
	if len(q.Groups) > maxAsked {
		return fmt.Errorf("groups: %d are too many: name %d at most, or none for all", len(q.Groups), maxAsked)
	}
	return nil
}

type manualReply struct {
	Preview *cycle.Preview `json:"preview,omitempty"`
	Done    string         `json:"done,omitempty"`
}

func (a *App) manual(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	switch q.Action {
	case "sync":
		if len(q.Groups) > 0 || q.Full {
			if err := a.journal.Ask(ctx, journal.Ask{Groups: q.Groups, Full: q.Full, By: caller.String()}); err != nil {
				return manualReply{}, err
			}
			a.log.Info("sync asked for", "groups", len(q.Groups), "full", q.Full, "by", caller)
		}
		return manualReply{Done: "a turn was run"}, a.Sync(ctx)
	case "preview":
		p, err := a.planner.Preview(ctx, q.Groups...)
		if len(q.Groups) > 0 {
			p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return !slices.Contains(q.Groups, c.Group) })
			p.Held = slices.DeleteFunc(p.Held, func(l record.Listing) bool { return !slices.Contains(q.Groups, l.Group) })
		}
		return manualReply{Preview: &p}, err
	case "retry":
		if err := a.journal.Ask(ctx, journal.Ask{Groups: q.Groups, Retry: true, By: caller.String()}); err != nil {
			return manualReply{}, err
		}
		a.log.Info("retry asked for", "groups", len(q.Groups), "by", caller)
		return manualReply{Done: "what was refused is tried again: a turn was run"}, a.Sync(ctx)
	case "approve":
		return a.say(ctx, caller, q.Hold, "hold approved", a.journal.Approve, "approved: it is carried out in the next turn")
	case "reject":
		return a.say(ctx, caller, q.Hold, "hold rejected", a.journal.Reject, "rejected: it stays held, and is not told of again")
	}
	return manualReply{}, relay.BadRequest(fmt.Errorf("action %.40q: use sync, preview, retry, approve or reject", q.Action))
}

// say hands an operator's word on a hold in, and logs it once it is taken.
func (a *App) say(ctx context.Context, caller relay.Caller, hold, event string, take func(context.Context, journal.Word) error, done string) (manualReply, error) {
	if len(hold) > maxHoldID {
		return manualReply{}, journal.ErrUnknownHold
	}
	if err := take(ctx, journal.Word{Hold: hold, By: caller.String(), At: time.Now().UTC()}); err != nil {
		return manualReply{}, err
	}
	a.log.Info(event, "hold", hold, "by", caller)
	return manualReply{Done: done}, nil
}

// maxHoldID is longer than any hold's id: no store takes a name of any length.
const maxHoldID = 64

// status says how things stand, or, asked for ?hold=<id>, what a hold lists.
func (a *App) status(w http.ResponseWriter, r *http.Request, _ relay.Caller) {
	var answer any
	var err error
	switch id := r.URL.Query().Get("hold"); {
	case len(id) > maxHoldID:
		err = journal.ErrUnknownHold
	case id != "":
		answer, err = a.journal.Hold(r.Context(), id)
	default:
		answer, err = status.Read(r.Context(), a.journal, rules.Describe)
	}
	if err != nil {
		relay.WriteProblem(w, r, a.log, err)
		return
	}
	relay.WriteJSON(w, http.StatusOK, answer)
}
