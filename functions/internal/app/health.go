package app

import (
	"net/http"
	"sync"
	"time"

	"groupwriteback/shared/relay"
	"groupwriteback/shared/status"
)

// healthLife is how long an answer to monitors serves: anybody may ask, as often as they
// like.
const healthLife = 2 * time.Second

// health is what monitors are told.
type health struct {
	mu    sync.Mutex
	asked time.Time
	code  int
	word  string
}

// healthOf tells a monitor in a word how the target stands: 200 if it is kept true, 503
// if not. Whoever wants to know why has to sign in and ask for status.
func (a *App) healthOf(w http.ResponseWriter, r *http.Request) {
	h := &a.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) > healthLife {
		h.code, h.word = http.StatusServiceUnavailable, "unreadable"
		var s status.Standing
		facts, err := a.facts(r.Context())
		if err == nil {
			s, err = status.Look(r.Context(), a.journal, facts)
		}
		switch {
		case err != nil:
			a.log.Warn("health could not be looked at", "err", err)
		case s.Healthy():
			h.code, h.word = http.StatusOK, s.Word
		default:
			h.word = s.Word
		}
		h.asked = time.Now()
	}
	relay.WriteJSON(w, h.code, map[string]string{"status": h.word})
}
