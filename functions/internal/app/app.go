// Package app wires the cloud half together: environment to store, Graph,
// rules, planner and handlers. It is the only place that knows them all, and
// the hosts' main packages know nothing else.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/version"
)

// App is the cloud half of one target.
type App struct {
	Handler http.Handler // the HTTP functions, below /api/

	journal *journal.Journal
	planner *cycle.Planner
	book    *rulebook
	graph   *graph.Client // for what is asked whatever the rules are
	door    *relay.Door
	log     *slog.Logger
	health  health
	turn    chan struct{} // holds one: planners of one process take turns; those of two are told apart by the journal
	begun   atomic.Int64  // how many turns have begun
	last    ended         // what became of the last of them; whoever has turn may look

	previewing sync.Mutex // of other rules: one is as much work as a full turn
}

// Options change what tests need changed; their zero value is production.
type Options struct {
	Store func(blob.Store) blob.Store // wraps the store
}

// New builds the app from an environment ("NAME=value", as os.Environ gives it).
// Its error lists every setting that is wrong; where that is the rules file alone, the app
// goes on with the rules that the journal has, and says so. ctx ends the app.
func New(ctx context.Context, environ []string, log *slog.Logger, o Options) (*App, error) {
	s, err := read(ctx, environ)
	if o.Store != nil && s.store != nil {
		s.store = o.Store(s.store)
	}
	if err != nil {
		s, err = goOn(ctx, s, err)
	}
	if err != nil {
		return nil, fmt.Errorf("settings:\n%w", err)
	}
	client, err := s.graph(log)
	if err != nil {
		return nil, err
	}
	a := &App{log: log, graph: client, journal: &journal.Journal{Store: s.store, Target: s.target}, turn: make(chan struct{}, 1)}
	a.book = &rulebook{settings: s, journal: a.journal, log: log}
	a.planner = &cycle.Planner{Source: client, Tenant: s.tenant, Rules: s.rules, Text: s.text, Journal: a.journal, Select: selection(client), Log: log, Stored: s.stored}
	if a.book.follows() {
		a.planner.InForce = a.book.inForce
	}
	if s.rules != nil {
		a.book.last = a.book.ruling(cycle.Ruling{Rules: s.rules, Text: s.text, Source: client, Select: a.planner.Select}, client)
	}
	a.door = &relay.Door{Log: log, Verifier: &relay.Tokens{
		Issuers:  []string{s.authority() + "/v2.0", "https://sts.windows.net/" + s.tenant + "/"},
		Audience: s.audience,
		Tenant:   s.tenant,
		Keys:     newKeys(ctx, s.keysURL(), s.client, log).find,
	}}
	a.Handler = a.routes()
	a.tellStart(s)
	return a, nil
}

// tellStart logs what is in force.
func (a *App) tellStart(s settings) {
	attrs := []any{"version", version.Of(), "target", s.target, "tenant", s.tenant, "sign_in", s.signIn.Method}
	if s.stored {
		a.log.Info("started: the rules are those in the store", attrs...)
	} else {
		a.log.Info("started", append(attrs, inWords(s.rules)...)...)
		warnOf(a.log, s.rules)
	}
	if s.mistakes != nil {
		a.log.Warn("the rules file has mistakes: the last good rules stay in force", "mistakes", oneLine(s.mistakes), "remedy", "correct the file and deploy it again; handler check names every mistake")
	}
	if end := s.signIn.Ends(); !end.IsZero() && time.Until(end) < 30*24*time.Hour {
		a.log.Warn("the certificate that signs in ends soon, or has ended", "end", end, "remedy", "put a new one into the app registration and the settings")
	}
}

// inWords are rules as the log tells them.
func inWords(r *rules.Rules) []any {
	l := r.Limits
	return []any{"rules", fmt.Sprintf("%.8s", r.Hash()), "ou", r.OU, "scope", r.Scope.String(),
		"limits", fmt.Sprintf("of a group %.0f %% from %d on, of all %.0f %% or %d, growth %.0f %% or %d, %d new groups", 100*l.MemberShare, l.MemberFloor, 100*l.Share, l.Floor, 100*l.GrowthShare, l.GrowthFloor, l.Creations)}
}

// warnOf logs what rules allow that is perhaps not meant.
func warnOf(log *slog.Logger, r *rules.Rules) {
	for _, n := range r.Notes() {
		log.Warn("a setting that is perhaps not meant", "what", n)
	}
}

// selection names all that a client reads.
func selection(c *graph.Client) string {
	var all []string
	for _, feed := range c.Feeds() {
		all = append(all, string(feed)+":"+strings.Join(c.Select(feed), ","))
	}
	return strings.Join(all, " ")
}

// minTurn is the least time in which a turn gets anywhere: a planner commits
// what it has some seconds before its time is up.
const minTurn = 15 * time.Second

// Sync runs a planning turn until there is nothing to do but wait for the agent,
// or ctx is near its end: the next turn goes on from there. Of ctx's time it
// leaves a tenth, a minute at most, for the answer to get out before the host
// kills the process.
// Where the store has no rules yet there is nothing to be done.
func (a *App) Sync(ctx context.Context) error {
	_, err := a.sync(ctx, forEver)
	if errors.Is(err, journal.ErrNoRules) {
		a.log.Warn("no turn was run", "why", err)
		return nil
	}
	return err
}

// forEver is the patience of who has nothing to do but a turn of his own.
const forEver = time.Hour

// patience is how long somebody waits for another's turn who has put into the inbox what he
// wants: that turn reads it.
const patience = 5 * time.Second

// sync is Sync. Of several who wait for a turn at once one makes it, and it is that of the others
// too. more says that there is more to do: the next turn does it.
func (a *App) sync(ctx context.Context, patience time.Duration) (more bool, err error) {
	came := a.begun.Load()
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		if left < minTurn {
			return true, fmt.Errorf("begin turn: the host leaves it %v, and it needs %v: raise the function's timeout", left.Round(time.Second), minTurn)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(left/10, time.Minute)))
		defer cancel()
	}
	if err := a.begin(ctx, patience); err != nil {
		return true, err
	}
	defer a.end()
	if n := a.begun.Load(); n > came && a.last.err == nil {
		return a.last.more, nil
	}
	a.begun.Add(1)
	more, err = a.planner.Work(ctx)
	a.last = ended{more, err}
	return more, err
}

// ended is what became of a turn.
type ended struct {
	more bool
	err  error
}

// errBusy: another turn runs, and nobody waits for its end.
var errBusy = errors.New("another one is running")

// begin waits until no other turn runs in this process.
func (a *App) begin(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("begin turn: %w: %w", errBusy, context.Cause(ctx))
	}
}

func (a *App) end() { <-a.turn }

// wakeTime is how long the request that completes a plan may take to make the next.
const wakeTime = 25 * time.Second

// wake makes the next plan as soon as one is complete. What it cannot do the
// timer will.
func (a *App) wake(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	if err := a.begin(ctx, patience); err != nil {
		return // that turn will do: the agent, which waits for this answer, has other work
	}
	defer a.end()
	if _, err := a.planner.Step(ctx); err != nil && !errors.Is(err, journal.ErrNoRules) {
		a.log.Warn("planning after a plan was applied", "err", err)
	}
}
