package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
	"groupwriteback/shared/version"
)

// ruling is what follows from the rules in force.
type ruling struct {
	cycle.Ruling
	graph *graph.Client // reads what they look at
	facts status.Facts

	of place
}

// place is where the text of rules in force is.
type place struct {
	version uint64 // of the store's; 0: in the folder of those that came out of files
	name    string // of the version's object; or their hash
	taken   bool   // they are a file's, and the store is to take them over
}

// rulebook knows the rules in force. Those of a file are the same as long as the program runs. What
// is in the store, or was in a file that is not to be used now, another process may replace at any time:
// it is looked up of the head that somebody has read, and what follows from it is kept.
type rulebook struct {
	settings settings
	journal  *journal.Journal
	log      *slog.Logger

	mu   sync.Mutex
	last *ruling
}

// follows says whether the journal, and not a file of this host, says which rules are in force.
func (b *rulebook) follows() bool { return b.settings.stored || b.settings.mistakes != nil }

// inForce is the planner's: see cycle.Planner.InForce.
func (b *rulebook) inForce(ctx context.Context, tx *journal.Tx) (cycle.Ruling, error) {
	r, err := b.of(ctx, tx.Head)
	if err != nil {
		return cycle.Ruling{}, err
	}
	return r.Ruling, nil
}

// of is the ruling by a head. journal.ErrNoRules, journal.ErrUnusable.
func (b *rulebook) of(ctx context.Context, h journal.Head) (*ruling, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, is := b.settings.where(h)
	switch {
	case !b.follows(), !is && b.last != nil && !b.settings.stored: // begun anew: what it went on with is all there is
		return b.last, nil
	case !is:
		return nil, journal.ErrNoRules
	case b.last != nil && b.last.of == at:
		return b.last, nil
	}
	parsed, text, err := readFrom(ctx, b.journal, h, at)
	switch {
	case errors.Is(err, journal.ErrNoRules) && !b.settings.stored: // their text is lost: the planner says that others are in force
		return b.last, nil
	case err != nil:
		return nil, err
	}
	s := b.settings
	s.rules = parsed
	client, err := s.graph(b.log)
	if err != nil {
		return nil, err
	}
	r := b.ruling(cycle.Ruling{Rules: parsed, Text: text, Source: client, Select: selection(client), Taken: at.taken}, client)
	r.of = at
	b.last = r
	b.log.Info("these rules are in force", append([]any{"number", at.version}, inWords(parsed)...)...)
	warnOf(b.log, parsed)
	return r, nil
}

// where is where the rules in force lie, as a head says; is is false where it names none.
func (s settings) where(h journal.Head) (at place, is bool) {
	if v := h.InForce(); s.stored && v.Number > 0 {
		return place{version: v.Number, name: h.Version.In.Name}, true
	}
	return place{name: h.Rules, taken: s.stored}, h.Rules != ""
}

// readFrom reads rules from their place.
func readFrom(ctx context.Context, j *journal.Journal, h journal.Head, at place) (*rules.Rules, []byte, error) {
	var text []byte
	var err error
	what := "those that were in a file"
	if at.version > 0 {
		what = fmt.Sprintf("version %d", at.version)
		_, text, err = j.RulesText(ctx, h, at.version)
	} else {
		text, err = j.RulesOf(ctx, h)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case text == nil:
		return nil, nil, journal.ErrNoRules
	}
	r, text, err := parseRules(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", journal.ErrUnusable, what, err)
	}
	return r, text, nil
}

// ruling gathers what follows from rules.
func (b *rulebook) ruling(of cycle.Ruling, client *graph.Client) *ruling {
	r := &ruling{Ruling: of, graph: client, facts: b.bare()}
	r.facts.Rules, r.facts.OU, r.facts.Scope, r.facts.Notes = of.Rules.Hash(), of.Rules.OU, of.Rules.Scope.Named(), of.Rules.Notes()
	return r
}

// bare are the facts without any rules.
func (b *rulebook) bare() status.Facts {
	return status.Facts{Version: version.Of(), Mistakes: oneLine(b.settings.mistakes), Certificate: b.settings.signIn.Ends()}
}

// ruled is the ruling in force now.
func (a *App) ruled(ctx context.Context) (*ruling, error) {
	if !a.book.follows() {
		return a.book.last, nil
	}
	h, err := a.journal.Look(ctx)
	if err != nil {
		return nil, err
	}
	return a.book.of(ctx, h)
}

// facts are what this half knows of itself and its rules. That there are none to be used is one of
// them.
func (a *App) facts(ctx context.Context) (status.Facts, error) {
	r, err := a.ruled(ctx)
	none := a.book.bare()
	switch {
	case err == nil:
		return r.facts, nil
	case errors.Is(err, journal.ErrNoRules):
		none.NoRules = true
		return none, nil
	case errors.Is(err, journal.ErrUnusable):
		none.Foreign = oneLine(err)
		return none, nil
	}
	return none, err
}
