package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Door is what every request to the functions passes, but readiness and the
// bare health: who calls is known, has the role, and does not call too often or
// at too great length. Nothing that the platform in front adds to a request is
// believed.
type Door struct {
	Verifier  Verifier
	Log       *slog.Logger
	PerCaller rate.Limit // requests a second; 0: 50, with bursts of twice as many

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by the caller's id
	room   room
}

// Errors of the door, besides those of a Verifier.
var (
	ErrTooMany   = errors.New("too many requests")
	ErrMedia     = errors.New("send application/json, not compressed")
	ErrCrossSite = errors.New("requests from other sites' pages are refused")
)

// callTime is how long one request may take: hosts cut them off at 230 s.
const callTime = 200 * time.Second

// maxCallers bounds the table of limits: apps and people of one tenant with a
// role.
const maxCallers = 1000

// Guard lets callers with one of the roles through. It reads no message, and
// next gets none: Serve is for those.
func (d *Door) Guard(next func(w http.ResponseWriter, r *http.Request, caller Caller), roles ...string) http.Handler {
	return d.guard(func(w http.ResponseWriter, r *http.Request, caller Caller) {
		r.Body = http.NoBody
		next(w, r, caller)
	}, roles)
}

func (d *Door) guard(next func(w http.ResponseWriter, r *http.Request, caller Caller), roles []string) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := d.enter(crossSite, r, roles)
		if err != nil {
			WriteProblem(w, r, d.Log, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		next(w, r.WithContext(ctx), caller)
	})
}

func (d *Door) enter(crossSite *http.CrossOriginProtection, r *http.Request, roles []string) (caller Caller, err error) {
	if err := crossSite.Check(r); err != nil {
		return caller, ErrCrossSite
	}
	if caller, err = d.Verifier.Verify(r, roles...); err != nil {
		return caller, err
	}
	if !d.limiter(caller.ID).Allow() {
		return caller, fmt.Errorf("%w from %s", ErrTooMany, caller)
	}
	if r.Method == http.MethodPost {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" || r.Header.Get("Content-Encoding") != "" {
			return caller, ErrMedia
		}
	}
	return caller, nil
}

func (d *Door) limiter(id string) *rate.Limiter {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.limits[id]
	if l == nil {
		if d.limits == nil || len(d.limits) >= maxCallers {
			d.limits = map[string]*rate.Limiter{}
		}
		per := d.PerCaller
		if per == 0 {
			per = 50
		}
		l = rate.NewLimiter(per, int(2*per)+1)
		d.limits[id] = l
	}
	return l
}
