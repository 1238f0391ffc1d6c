// Package status tells people how things stand: what is in Active Directory,
// what is on its way, what waits for a word, and what could not be written and
// why. It reads the journal and changes nothing.
package status

import (
	"context"
	"fmt"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Status is one target at one time.
type Status struct {
	Target   string           `json:"target"`
	Now      time.Time        `json:"now"`
	State    string           `json:"state"` // see state
	Detail   string           `json:"detail,omitempty"`
	Gen      uint64           `json:"gen"`
	Reported time.Time        `json:"reported,omitzero"` // the agent's last full report
	Switch   journal.Switch   `json:"switch"`
	Agent    journal.Agent    `json:"agent,omitzero"` // that polled last
	Plan     *journal.Plan    `json:"plan,omitempty"`
	Totals   record.Counts    `json:"totals"`
	Holds    []record.Listing `json:"holds,omitempty"`
	Problems []Problem        `json:"problems,omitempty"`
	More     int              `json:"moreProblems,omitempty"` // not listed for length

	MoreHolds int `json:"moreHolds,omitempty"` // not listed for length
}

// Problem is something that could not be decided or written, and why.
type Problem struct {
	Group  directory.ID `json:"group"`
	Name   string       `json:"name,omitempty"` // of the group in AD
	DN     string       `json:"dn,omitempty"`   // where it is, if that is not where it should be
	Member directory.ID `json:"member,omitzero"`
	Ref    plan.Ref     `json:"ref,omitempty"`
	Kind   plan.Kind    `json:"kind,omitempty"` // what was refused
	Reason string       `json:"reason"`
	Text   string       `json:"text,omitempty"`
	Until  time.Time    `json:"until,omitzero"` // when it is tried again
}

// maxProblems limits a listing.
const maxProblems = 10_000

// Read reads the status of a journal's target. describe puts a problem into words,
// with the remedy.
func Read(ctx context.Context, j *journal.Journal, describe func(plan.Problem) string) (Status, error) {
	tx, err := j.View(ctx)
	if err != nil {
		return Status{}, err
	}
	h := tx.Head
	s := Status{Target: j.Target, Now: tx.Now, Gen: h.Gen, Reported: h.Reported, Plan: h.Plan, Totals: h.Totals, Switch: h.Switch}
	if s.Agent, err = tx.Agent(ctx); err != nil {
		return Status{}, err
	}
	s.State, s.Detail = state(h, s.Agent, tx.Now)
	if h.Gen == 0 {
		return s, nil
	}
	holds, err := tx.Holds(ctx)
	if err != nil {
		return Status{}, err
	}
	left := room(roomForHolds)
	for _, l := range holds {
		if l.Text = cut(l.Text); left.takes(l) {
			s.Holds = append(s.Holds, l)
		} else {
			s.MoreHolds++
		}
	}
	left = roomForProblems
	err = tx.Each(ctx, func(r *record.Group) error {
		for _, p := range problems(r, describe) {
			if p.Text, p.DN = cut(p.Text), cut(p.DN); len(s.Problems) < maxProblems && left.takes(p) {
				s.Problems = append(s.Problems, p)
			} else {
				s.More++
			}
		}
		return nil
	})
	return s, err
}

// problems lists all that stands in the way of one group: why it cannot be managed as
// it is, what could not be decided, and what was refused.
func problems(r *record.Group, describe func(plan.Problem) string) []Problem {
	is := Problem{Group: r.ID}
	if r.Observed != nil {
		is.Name = r.Observed.Name
	}
	var out []Problem
	if t := r.Trouble; t != nil {
		p := is
		p.DN, p.Reason, p.Text = t.DN, t.Case, describe(trouble(r))
		out = append(out, p)
	}
	for _, found := range r.Problems {
		if r.Trouble != nil && found == trouble(r) {
			continue // it was noted when the group was decided too
		}
		p := is
		p.Member, p.Reason, p.Text = found.Member, found.Reason, describe(found)
		out = append(out, p)
	}
	for _, refused := range r.Parked {
		p := is
		p.Ref, p.Kind, p.Reason, p.Text, p.Until = refused.Ref, refused.Kind, "refused", refused.Text, refused.Until
		out = append(out, p)
	}
	return out
}

// trouble is a group's trouble as a problem.
func trouble(r *record.Group) plan.Problem {
	return plan.Problem{Group: r.ID, Reason: r.Trouble.Case, Text: r.Trouble.Text}
}

// silence is how long an agent may say nothing: it polls every few seconds, but not while
// a change or a reading takes its time.
const silence = 5 * time.Minute

// state sums a head up in a word and a sentence, the graver first: in-sync is the last
// word, when all others are refuted. What wants attention is told of beside whatever is on
// its way.
func state(h journal.Head, agent journal.Agent, now time.Time) (word, detail string) {
	held, attention := held(h.Totals), attention(h)
	turn, failing := h.Failing(journal.FailedTurn, now)
	graph, unread := h.Failing(journal.FailedGraph, now)
	switch {
	case h.Gen == 0:
		return "new", "no turn has run yet"
	case failing:
		return "failing", fmt.Sprintf("turns fail since %s: %s", turn.Since.Format(time.RFC3339), turn.Text)
	case h.Stop != "":
		return "stopped", h.Stop
	case unread:
		return "unread", fmt.Sprintf("Entra ID could not be read, or not all of it, since %s: %s", graph.Since.Format(time.RFC3339), graph.Text)
	case now.Before(h.Wait):
		return "unread", "Microsoft Graph asks not to be asked before " + h.Wait.Format(time.RFC3339)
	case h.Main.Number == 0:
		return "enumerating", "Entra ID is being read for the first time"
	case h.Shadow != nil && !h.Shadow.Beside:
		return "enumerating", "Entra ID is being read anew, and nothing is planned until that is complete"
	case h.Reported.IsZero():
		return "waiting-for-agent", "no agent has reported what is in Active Directory yet"
	case now.Sub(agent.Heard) > silence:
		return "agent-silent", join("; ", "the agent was last heard of at "+agent.Heard.Format(time.RFC3339)+": is it running, and does it reach the relay?", held, attention)
	case !h.Switch.On:
		return "off", join("; ", off(h.Switch), attention)
	case h.Switch.Paused:
		return "paused", join("; ", fmt.Sprintf("%s has said so at %s: resume it", h.Switch.By, h.Switch.At.Format(time.RFC3339)), held, attention)
	case agent.ReadOnly:
		return "read-only", join("; ", "the agent's policy is read_only: what differs is shown and not written", held, attention)
	case h.Plan != nil:
		return "applying", attention
	case h.Totals.Changes > 0:
		return "pending", attention
	case held != "":
		return "held", join("; ", held, attention)
	case attention != "":
		return "attention", attention
	}
	return "in-sync", ""
}

// off says why nothing is written.
func off(s journal.Switch) string {
	if s.Moved {
		return "nothing is written: the plan that was confirmed is another one by now; look at it again and confirm it (enable)"
	}
	return "nothing is written until somebody has confirmed the first plan (enable)"
}

// held says what waits for approval.
func held(c record.Counts) string {
	var nouns []string
	for _, g := range plan.Guards() {
		if c.Over[g.Name] > 0 || g.Name == plan.Removals && c.Held > 0 {
			nouns = append(nouns, g.Noun)
		}
	}
	if len(nouns) == 0 {
		return ""
	}
	return list(nouns) + " over the limit wait for approval"
}
