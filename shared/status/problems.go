package status

import (
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Problem is something that could not be decided or written, and why.
type Problem struct {
	Group  directory.ID `json:"group,omitzero"`   // zero: the problem is not one group's, see Groups
	Groups int          `json:"groups,omitempty"` // how many groups have it, of one that is listed once for all
	Name   string       `json:"name,omitempty"`   // of the group in AD, or that it is to have there
	DN     string       `json:"dn,omitempty"`     // where it is, if that is not where it should be
	Member directory.ID `json:"member,omitzero"`
	Ref    plan.Ref     `json:"ref,omitempty"`
	Link   plan.Link    `json:"link,omitempty"` // of which Ref was refused; empty: it is a member
	Who    string       `json:"who,omitempty"`  // the member's name; not of very many
	Kind   plan.Kind    `json:"kind,omitempty"` // what was refused
	Reason string       `json:"reason"`
	Text   string       `json:"text,omitempty"`
	Until  time.Time    `json:"until,omitzero"` // when it is tried again
}

// maxProblems are listed at most; the rest is counted.
const maxProblems = 10_000

// problemList has each problem once that is not one group's: what the forest lacks is one thing to
// put right, however many groups wait for it.
type problemList struct {
	problems []Problem
	more     int             // that had no room
	room     room            //
	shared   map[Problem]int // where each is that many groups have
}

func (l *problemList) add(p Problem) {
	p.Text, p.DN = cut(p.Text), cut(p.DN)
	if at, is := l.shared[p]; is {
		l.problems[at].Groups += p.Groups
		return
	}
	if len(l.problems) == maxProblems || !l.room.takes(p) {
		l.more++
		return
	}
	if p.Groups > 0 {
		if l.shared == nil {
			l.shared = map[Problem]int{}
		}
		l.shared[p] = len(l.problems)
	}
	l.problems = append(l.problems, p)
}

// rest counts how many groups that nobody looked through have a problem of this reason: with one that is not one
// group's, where that is listed. It returns those that are not counted there.
func (l *problemList) rest(reason string, groups int) int {
	for p, at := range l.shared {
		if p.Reason == reason {
			l.problems[at].Groups += groups
			return 0
		}
	}
	return groups
}

// problems lists all that stands in the way of one group: why it cannot be managed as
// it is, what could not be decided, and what was refused.
func problems(r *record.Group, describe func(plan.Problem) string) []Problem {
	is := Problem{Group: r.ID, Name: r.Names.Given.CN}
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
		if found.Reason == exchange.Waits { // it is the forest's
			p = Problem{Groups: 1}
		}
		p.Member, p.Reason, p.Text = found.Member, found.Reason, describe(found)
		out = append(out, p)
	}
	for _, refused := range r.Parked {
		p := is
		p.Ref, p.Link, p.Kind, p.Reason, p.Text, p.Until = refused.Ref, refused.Link, refused.Kind, "refused", refused.Text, refused.Until
		out = append(out, p)
	}
	return out
}

// trouble is a group's trouble as a problem.
func trouble(r *record.Group) plan.Problem {
	return plan.Problem{Group: r.ID, Reason: r.Trouble.Case, Text: r.Trouble.Text}
}
