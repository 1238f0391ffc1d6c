package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	limits map[string]*rate.Limiter
}

// Errors of the door, besides those of a Verifier.
var (
	ErrTooMany   = errors.New("too many requests")
	ErrMedia     = errors.New("send application/json, not compressed")
	ErrCrossSite = errors.New("requests from other sites' pages are refused")
)

// callTime is how long one request may take: hosts cut them off at 230 s.
const callTime = 200 * time.Second

// bodyTime is how long a message may take to arrive, 8 MiB of it at most: a
// caller that sends a byte a minute would hold a connection for years.
const bodyTime = time.Minute

// maxCallers bounds the table of limits: apps and people of one tenant with a
// role.
const maxCallers = 1000

// Guard lets callers with one of the roles through.
func (d *Door) Guard(next func(w http.ResponseWriter, r *http.Request, caller string), roles ...string) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before the first refusal: the server reads what is left of a body. Where there
		// is no connection, the message is whole already.
		conn := http.NewResponseController(w)
		_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
		caller, err := d.enter(crossSite, r, roles)
		if err != nil {
			WriteProblem(w, r, d.Log, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTime)
		defer cancel()
		r = r.WithContext(ctx)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			WriteProblem(w, r, d.Log, &badRequest{fmt.Errorf("read message: %w", err)})
			return
		}
		_ = conn.SetReadDeadline(time.Time{}) // or its end would be taken for the caller's
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(w, r, caller)
	})
}

func (d *Door) enter(crossSite *http.CrossOriginProtection, r *http.Request, roles []string) (caller string, err error) {
	if err := crossSite.Check(r); err != nil {
		return "", ErrCrossSite
	}
	if caller, err = d.Verifier.Verify(r, roles...); err != nil {
		return "", err
	}
	if !d.limiter(caller).Allow() {
		return "", fmt.Errorf("%w from %s", ErrTooMany, caller)
	}
	if r.Method == http.MethodPost {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || media != "application/json" || r.Header.Get("Content-Encoding") != "" {
			return "", ErrMedia
		}
	}
	return caller, nil
}

func (d *Door) limiter(caller string) *rate.Limiter {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.limits[caller]
	if l == nil {
		if d.limits == nil || len(d.limits) >= maxCallers {
			d.limits = map[string]*rate.Limiter{}
		}
		per := d.PerCaller
		if per == 0 {
			per = 50
		}
		l = rate.NewLimiter(per, int(2*per)+1)
		d.limits[caller] = l
	}
	return l
}
