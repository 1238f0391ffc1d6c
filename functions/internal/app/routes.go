package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// base is the path of all HTTP functions: host.json's route prefix.
const base = "/api/"

func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(base+"relay/", relay.Handler(base+"relay/", a.door, a.journal, a.wake))
	mux.Handle("POST "+base+"manualsync", relay.Serve(a.door, relay.OperatorRole, a.manual))
	mux.Handle("GET "+base+"status", a.door.Guard(a.status, relay.ReaderRole, relay.OperatorRole))
	mux.HandleFunc("GET "+base+"status/health", func(w http.ResponseWriter, r *http.Request) {
		relay.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return mux
}

// manualRequest is what an operator asks for.
type manualRequest struct {
	Action string         `json:"action"`           // sync | preview | approve | reject
	Groups []directory.ID `json:"groups,omitempty"` // sync: read these again in AD and try again what was refused; preview: only these
	Full   bool           `json:"full,omitempty"`   // sync: read everything again, in the cloud and in AD
	Hold   string         `json:"hold,omitempty"`   // approve, reject: the hold's id, as status and preview list it
}

type manualReply struct {
	Preview *cycle.Preview `json:"preview,omitempty"`
	Done    string         `json:"done,omitempty"`
}

func (a *App) manual(ctx context.Context, caller string, q manualRequest) (manualReply, error) {
	switch q.Action {
	case "sync":
		if len(q.Groups) > 0 || q.Full {
			if err := a.journal.Ask(ctx, journal.Ask{Groups: q.Groups, Full: q.Full, By: caller}); err != nil {
				return manualReply{}, err
			}
		}
		return manualReply{Done: "a turn was run"}, a.Sync(ctx)
	case "preview":
		p, err := a.planner.Preview(ctx)
		if len(q.Groups) > 0 {
			p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return !slices.Contains(q.Groups, c.Group) })
			p.Held = slices.DeleteFunc(p.Held, func(l journal.Listing) bool { return !slices.Contains(q.Groups, l.Group) })
		}
		return manualReply{Preview: &p}, err
	case "approve":
		a.log.Info("hold approved", "hold", q.Hold, "by", caller)
		err := a.journal.Approve(ctx, journal.Word{Hold: q.Hold, By: caller, At: time.Now().UTC()})
		return manualReply{Done: "approved: it is carried out in the next turn"}, err
	case "reject":
		a.log.Info("hold rejected", "hold", q.Hold, "by", caller)
		err := a.journal.Reject(ctx, journal.Word{Hold: q.Hold, By: caller, At: time.Now().UTC()})
		return manualReply{Done: "rejected: it stays held, and is not told of again"}, err
	}
	return manualReply{}, relay.BadRequest(fmt.Errorf("action %q: use sync, preview, approve or reject", q.Action))
}

// status says how things stand, or, asked for ?hold=<id>, what a hold lists.
func (a *App) status(w http.ResponseWriter, r *http.Request, _ string) {
	var answer any
	var err error
	if id := r.URL.Query().Get("hold"); id != "" {
		answer, err = a.journal.Hold(r.Context(), id)
	} else {
		answer, err = status.Read(r.Context(), a.journal, rules.Describe)
	}
	if err != nil {
		relay.WriteProblem(w, r, a.log, err)
		return
	}
	relay.WriteJSON(w, http.StatusOK, answer)
}
