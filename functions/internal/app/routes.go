package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// base is the path of all HTTP functions: host.json's route prefix.
const base = "/api/"

func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(base+"relay/", relay.Handler(base+"relay/", a.door, a.journal, a.serving, a.wake))
	mux.Handle("POST "+base+"manualsync", relay.Serve(a.door,
		relay.Kind[manualRequest]{Role: relay.OperatorRole, Size: 1 << 20, Strict: true, Frank: true, Bound: boundManual}, a.manual))
	mux.Handle("GET "+base+"status", a.door.Guard(a.status, relay.ReaderRole, relay.OperatorRole))
	mux.HandleFunc("GET "+base+"status/health", a.healthOf)
	for path, v := range a.views() {
		mux.Handle("GET "+base+path, a.read(v))
	}
	mux.Handle("GET "+base+"metrics", a.door.Guard(a.metrics, relay.ReaderRole, relay.OperatorRole))
	mux.HandleFunc("GET "+base+"openapi.yaml", description)
	return asWritten(mux)
}

// serving is what this relay is for, as an agent's check asks.
func (a *App) serving(ctx context.Context) (relay.Serving, error) {
	h, err := a.journal.Look(ctx)
	if err != nil {
		return relay.Serving{}, err
	}
	s := relay.Serving{Target: a.journal.Target}
	if r, err := a.book.of(ctx, h); err == nil { // without rules there is nothing yet to hold against
		s.Containers, s.Attributes, s.GroupTypes = r.Rules.Containers(), r.Rules.Attributes(), r.Rules.GroupTypes()
	} else if !errors.Is(err, journal.ErrNoRules) && !errors.Is(err, journal.ErrUnusable) {
		return relay.Serving{}, err
	}
	if h.Target.DomainSID != "" {
		pinned := h.Target
		pinned.Exchange = exchange.Site{} // which the agent sees itself
		s.Pinned = &pinned
	}
	return s, nil
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
		none, pattern := mux.Handler(r)
		below := pattern[strings.LastIndexByte(pattern, ' ')+1:] == written+"/"
		if written != clean || below {
			pattern, none = "", http.NotFoundHandler()
		}
		if pattern == "" {
			nowhere(w, r, none)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// nowhere answers what leads nowhere: to no path, or not by this method.
func nowhere(w http.ResponseWriter, r *http.Request, none http.Handler) {
	var said bare
	none.ServeHTTP(&said, r)
	if allow := said.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	relay.WriteProblem(w, r, nil, relay.Nowhere(said.status))
}

// bare is an answer of which status and headers count.
type bare struct {
	header http.Header
	status int
}

func (b *bare) Header() http.Header {
	if b.header == nil {
		b.header = http.Header{}
	}
	return b.header
}

func (b *bare) Write(text []byte) (int, error) { return len(text), nil }

func (b *bare) WriteHeader(status int) { b.status = status }

// status says how things stand, or, asked for ?hold=<id>, what a hold lists; of a long
// list, asked for &part=<number> too, what that part of it lists.
func (a *App) status(w http.ResponseWriter, r *http.Request, _ relay.Caller) {
	var answer any
	var err error
	if id := r.URL.Query().Get("hold"); id != "" {
		answer, err = a.hold(r.Context(), id, r.URL.Query())
	} else {
		answer, err = a.standing(r.Context())
	}
	if err != nil {
		relay.WriteProblem(w, r, a.log, err)
		return
	}
	relay.WriteJSON(w, http.StatusOK, answer)
}

// standing is how the target stands.
func (a *App) standing(ctx context.Context) (status.Status, error) {
	facts, err := a.facts(ctx)
	if err != nil {
		return status.Status{}, err
	}
	return status.Read(ctx, a.journal, facts, rules.Describe)
}

// hold is what a hold lists; of a long list, where a part is named, what that part of it lists.
func (a *App) hold(ctx context.Context, id string, q url.Values) (status.Hold, error) {
	part := -1
	if q.Has("part") {
		n, err := strconv.Atoi(q.Get("part"))
		if err != nil {
			return status.Hold{}, relay.BadRequest(errors.New("part: name a part by its number, as the hold lists it"))
		}
		part = max(n, 0)
	}
	if len(id) > maxHoldID {
		return status.Hold{}, journal.ErrUnknownHold
	}
	return status.ReadHold(ctx, a.journal, id, part)
}
