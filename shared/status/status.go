// Package status tells people how things stand: what is in Active Directory,
// what is on its way, what waits for a word, and what could not be written and
// why. It reads the journal and changes nothing.
package status

import (
	"context"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// Status is one target at one time.
type Status struct {
	Target   string            `json:"target"`
	Now      time.Time         `json:"now"`
	State    string            `json:"state"` // new | enumerating | waiting-for-agent | stopped | applying | held | in-sync | pending
	Detail   string            `json:"detail,omitempty"`
	Gen      uint64            `json:"gen"`
	Reported time.Time         `json:"reported,omitzero"` // the agent's last full report
	Plan     *journal.Plan     `json:"plan,omitempty"`
	Totals   journal.Counts    `json:"totals"`
	Holds    []journal.Listing `json:"holds,omitempty"`
	Problems []Problem         `json:"problems,omitempty"`
	More     int               `json:"moreProblems,omitempty"` // not listed for length
}

// Problem is something that could not be written, and why.
type Problem struct {
	Group  directory.ID `json:"group"`
	Name   string       `json:"name,omitempty"` // of the group in AD
	Member directory.ID `json:"member,omitzero"`
	Ref    plan.Ref     `json:"ref,omitempty"`
	Reason string       `json:"reason"`
	Text   string       `json:"text,omitempty"`
	Until  time.Time    `json:"until,omitzero"` // when it is tried again
}

// maxProblems limits a listing.
const maxProblems = 10_000

// Read reads the status of a journal's target. describe puts a problem into words,
// with the remedy.
func Read(ctx context.Context, j *journal.Journal, describe func(plan.Problem) string) (Status, error) {
	w, err := j.View(ctx)
	if err != nil {
		return Status{}, err
	}
	h := w.Head
	s := Status{Target: j.Target, Now: w.Now, Gen: h.Gen, Reported: h.Reported, Plan: h.Plan, Totals: h.Totals}
	s.State, s.Detail = state(h)
	if h.Doubt != nil && s.Detail == "" {
		s.Detail = h.Doubt.String()
	}
	if h.Gen == 0 {
		return s, nil
	}
	if s.Holds, err = w.Holds(ctx); err != nil {
		return Status{}, err
	}
	err = w.Each(ctx, func(x *journal.Have) error {
		for _, p := range problems(x, describe) {
			if len(s.Problems) < maxProblems {
				s.Problems = append(s.Problems, p)
			} else {
				s.More++
			}
		}
		return nil
	})
	return s, err
}

func problems(h *journal.Have, describe func(plan.Problem) string) []Problem {
	name := ""
	if h.Group != nil {
		name = h.Group.Name
	}
	var out []Problem
	for _, p := range h.Problems {
		out = append(out, Problem{Group: h.ID, Name: name, Member: p.Member, Reason: p.Reason, Text: describe(p)})
	}
	refused := h.Bad
	if h.Parked != nil {
		refused = append([]journal.Parked{*h.Parked}, refused...)
	}
	for _, b := range refused {
		out = append(out, Problem{Group: h.ID, Name: name, Ref: b.Ref, Reason: "refused", Text: b.Text, Until: b.Until})
	}
	return out
}

// state sums a head up in a word and a sentence.
func state(h journal.Head) (word, detail string) {
	switch {
	case h.Gen == 0:
		return "new", "no turn has run yet"
	case h.Stop != "":
		return "stopped", h.Stop
	case h.Main.Number == 0:
		return "enumerating", "Entra ID is being read for the first time"
	case h.Reported.IsZero():
		return "waiting-for-agent", "no agent has reported what is in Active Directory yet"
	case h.Plan != nil:
		return "applying", ""
	case h.Totals.Changes > 0:
		return "pending", ""
	case h.Totals.Held+len(h.Totals.Over) > 0:
		return "held", "removals over the limit wait for approval"
	}
	return "in-sync", ""
}
