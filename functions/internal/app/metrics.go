package app

import (
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"groupwriteback/shared/relay"
	"groupwriteback/shared/status"
)

// metrics serves the figures of the status in Prometheus's text format. All are gauges: each
// process may be another one, and the journal alone counts.
// https://prometheus.io/docs/instrumenting/exposition_formats.
func (a *App) metrics(w http.ResponseWriter, r *http.Request, _ relay.Caller) {
	s, err := a.standing(r.Context())
	if err != nil {
		relay.WriteProblem(w, r, a.log, relay.Frank(err))
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	figures(s).WritePrometheus(w)
}

// figures are a status in numbers. A state is 1, and all others are absent; times are in
// seconds since 1970, and absent where they never were.
func figures(s status.Status) *metrics.Set {
	set := metrics.NewSet()
	gauge := func(name string, value float64) {
		set.NewGauge("groupwriteback_"+name, func() float64 { return value })
	}
	label := func(name, label, value string) string { return name + `{` + label + `="` + value + `"}` }
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			gauge(name+"_timestamp_seconds", float64(t.Unix()))
		}
	}
	gauge(label("state", "state", s.Word), 1)
	gauge("switched_on", truth(s.Switch.On && !s.Switch.Paused))
	t := s.Totals
	for name, n := range map[string]int{"groups": t.Groups, "members": t.Members, "changes_pending": t.Changes, "removals_held": t.Held, "groups_stale": t.Stale,
		"changes_refused": t.Parked, "groups_in_trouble": t.Trouble, "members_unproven": t.Unproven, "holds": len(s.Holds) + s.MoreHolds} {
		gauge(name, float64(n))
	}
	for reason, n := range t.Problems {
		gauge(label("problems", "reason", reason), float64(n))
	}
	for guard, n := range t.Over {
		gauge(label("over_limit", "limit", string(guard)), float64(n))
	}
	when("read", s.Read)
	when("reported", s.Reported)
	when("agent_heard", s.Agent.Heard)
	if s.Plan != nil {
		gauge("plan_batches", float64(len(s.Plan.Digests)))
		gauge("plan_batches_done", float64(s.Plan.Done))
	}
	return set
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
