// Package status tells people how things stand: what is in Active Directory,
// what is on its way, what waits for a word, and what could not be written and
// why. It reads the journal and changes nothing.
package status

import (
	"context"
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Status is one target at one time.
type Status struct {
	Target   string                     `json:"target"`
	Now      time.Time                  `json:"now"`
	Standing                            // the gravest of what is the case
	Also     []Standing                 `json:"also,omitempty"`         // and the rest of it
	Version  string                     `json:"version"`                // of this half
	Rules    string                     `json:"rules"`                  // hash of the rules in force
	Ruled    uint64                     `json:"rulesVersion,omitempty"` // of the store's, where they are in it
	Notes    []string                   `json:"notes,omitempty"`        // about settings
	Gen      uint64                     `json:"gen"`
	Read     time.Time                  `json:"read,omitzero"`      // when Entra ID was last read to its end, to about an hour
	Wait     time.Time                  `json:"wait,omitzero"`      // Graph asks not to be asked before
	Reported time.Time                  `json:"reported,omitzero"`  // the agent's last full report
	Proven   bool                       `json:"proven"`             // it is believed where it finds no group
	Failures map[string]journal.Failure `json:"failures,omitempty"` // of turns lately
	Switch   journal.Switch             `json:"switch"`
	Agent    journal.Agent              `json:"agent,omitzero"`     // that polled last
	Exchange string                     `json:"exchange,omitempty"` // what the forest has of it, in words; empty before the first full report
	Plan     *journal.Plan              `json:"plan,omitempty"`
	Totals   record.Counts              `json:"totals"`
	Holds    []record.Listing           `json:"holds,omitempty"`
	Problems []Problem                  `json:"problems,omitempty"`
	More     int                        `json:"moreProblems,omitempty"` // not listed for length

	MoreHolds int `json:"moreHolds,omitempty"` // not listed for length
}

// maxHolds are listed at most; the rest is counted.
const maxHolds = 10_000

// Read reads the status of a journal's target. describe puts a problem into words,
// with the remedy.
func Read(ctx context.Context, j *journal.Journal, facts Facts, describe func(plan.Problem) string) (Status, error) {
	tx, err := j.View(ctx)
	if err != nil {
		return Status{}, err
	}
	v, err := look(ctx, tx, facts)
	if err != nil {
		return Status{}, err
	}
	h := tx.Head
	s := Status{Target: j.Target, Now: tx.Now, Version: facts.Version, Rules: h.Rules, Ruled: h.InForce().Number, Notes: facts.Notes, Gen: h.Gen, Read: h.Read, Wait: h.Wait, Reported: h.Reported,
		Proven: h.Blind == "" && !h.Reported.IsZero(), Failures: h.Failures, Switch: h.Switch, Agent: v.agent, Plan: h.Plan, Totals: h.Totals}
	if !h.Reported.IsZero() {
		s.Exchange = h.Target.Exchange.String()
	}
	s.Standing, s.Also = stand(v)
	if h.Gen == 0 {
		return s, nil
	}
	tx.Spare(partsOfNames)
	unknown, err := unknown(ctx, tx, facts.Scope)
	if err != nil {
		return Status{}, err
	}
	s.Notes = append(slices.Clone(facts.Notes), unknown...)
	if err := s.list(ctx, tx, describe); err != nil {
		return Status{}, err
	}
	return s, name(ctx, tx, s.Problems)
}

// How many parts of the groups a status looks through for holds and problems, and how many
// more of the journal for names: that of a large tenant costs no more than that of a
// small one, and what is not listed is counted.
const (
	partsOfStatus = 3
	partsOfNames  = 3
)

// list lists holds and problems, those of the first groups that have any.
func (s *Status) list(ctx context.Context, tx *journal.Tx, describe func(plan.Problem) string) error {
	forHolds := room(roomForHolds)
	hold := func(l record.Listing) {
		if l.Text = cut(l.Text); len(s.Holds) < maxHolds && forHolds.takes(l) {
			s.Holds = append(s.Holds, l)
		} else {
			s.MoreHolds++
		}
	}
	all := problemList{room: roomForProblems}
	for _, l := range tx.HoldsOverAll() {
		hold(l)
	}
	w := journal.Walk{Parts: partsOfStatus, Records: true, Which: func(c record.Counts) bool { return c.Held > 0 || Filter{Problem: AnyProblem}.counts(c) }}
	next, _, err := tx.Walk(ctx, w, func(id directory.ID) (bool, error) {
		r := tx.Record(id)
		if l, open := journal.OpenHoldOf(r); open {
			hold(l)
		}
		for _, p := range problems(r, describe) {
			all.add(p)
		}
		return true, nil
	})
	s.More = all.more
	if err != nil {
		return err
	}
	rest, err := tx.Behind(ctx, next)
	s.MoreHolds += rest.Holds
	s.More += rest.Parked
	for reason, n := range rest.Problems {
		s.More += all.rest(reason, n)
	}
	s.Problems = all.problems
	return err
}

// Look says how a target stands, and nothing more.
func Look(ctx context.Context, j *journal.Journal, facts Facts) (Standing, error) {
	tx, err := j.View(ctx)
	if err != nil {
		return Standing{}, err
	}
	v, err := look(ctx, tx, facts)
	if err != nil {
		return Standing{}, err
	}
	first, _ := stand(v)
	return first, nil
}

// look reads what a standing is proved from.
func look(ctx context.Context, tx *journal.Tx, facts Facts) (v view, err error) {
	v = view{Head: tx.Head, now: tx.Now, facts: facts, arrived: tx.Arrived()}
	if v.agent, err = tx.Agent(ctx); err != nil {
		return v, err
	}
	uncounted, _, err := tx.Todo(ctx)
	v.uncounted = len(uncounted)
	return v, err
}

// maxNotes limits what is said of groups that nobody has.
const maxNotes = 20

// unknown says which of the groups that the rules name Entra ID does not have.
func unknown(ctx context.Context, tx *journal.Tx, scope []directory.ID) (notes []string, err error) {
	if tx.Head.Main.Number == 0 {
		return nil, nil
	}
	scope, err = tx.Known(ctx, scope)
	if err != nil {
		return nil, err
	}
	if err := tx.FetchGroups(ctx, scope); err != nil {
		return nil, err
	}
	for _, id := range scope {
		switch g := tx.Group(id); {
		case len(notes) == maxNotes:
			return notes, nil
		case g == nil:
			notes = append(notes, fmt.Sprintf("scope names %s, and Entra ID has no group of that id: correct the rules", id))
		case g.Gone == directory.SoftDeleted, g.Gone == directory.Deleted, g.Gone == directory.Unlisted && g.Reading == directory.Named:
			notes = append(notes, fmt.Sprintf("scope names %s, and that group was deleted in Entra ID: restore it, or correct the rules", id))
		}
	}
	return notes, nil
}
