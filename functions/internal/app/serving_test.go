package app

import (
	"errors"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
)

// TestAnotherTarget: an agent whose file names another target is turned away, over the wire
// too, before it takes the lease; the right one goes on. What it reports, that there are no
// groups, used to be believed.
func TestAnotherTarget(t *testing.T) {
	o := newOffice(t)
	stray := o.self
	stray.For, stray.Instance = "paris", "stray"
	const text = `poll: the agent is set up for another target: its file says "paris", and this relay is for "corp": correct target or relay.url in its file`
	if _, err := o.agent.Poll(t.Context(), stray); !errors.Is(err, journal.ErrTarget) || err.Error() != text {
		t.Errorf("poll: %v", err)
	}
	r := relay.Report{ID: relay.ReportID(time.Now()), Part: 1, Parts: 1, Full: true, Proven: true, Target: o.place, Instance: o.self.Instance, For: "paris", After: o.closed, High: o.high}
	if err := o.agent.Report(t.Context(), r); !errors.Is(err, journal.ErrTarget) {
		t.Errorf("report: %v", err)
	}
	o.self.For = "corp"
	o.inSync()
}

// TestServing: an agent's check is told what the relay is for, and nobody loses the lease
// by that.
func TestServing(t *testing.T) {
	o := newOffice(t)
	o.place.Exchange = exchange.Site{Organization: "CN=Corp", Schema: 17003}
	o.do(o.report(true, nil))
	o.work()
	w, err := o.agent.Check(t.Context())
	if err != nil || w.Agent != "agent" || w.Target != "corp" || !slices.Equal(w.Containers, []string{"OU=Cloud Groups,DC=corp,DC=test"}) {
		t.Errorf("%+v, %v", w, err)
	}
	if w.Pinned != nil && !w.Pinned.Exchange.None() {
		t.Errorf("it is told of Exchange, which it sees itself: %+v", w.Pinned.Exchange)
	}
	if w.Pinned == nil || w.Pinned.DomainSID != officeDomain || w.Pinned.BaseGUID != "base" {
		t.Errorf("the journal is for %+v", w.Pinned)
	}
	o.inSync()
}
