package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// Side is what is known of the agent's side before anything is written.
type Side struct {
	Rows     []checklist.Row // who the agent is, what of it is not as it must be, and what it has found
	Exchange exchange.Site   // as it was reported last
	Reported bool            // a full report has come
	Wait     time.Time       // Graph asks not to be asked before
}

// ReadSide reads what a journal knows of the agent's side.
func ReadSide(ctx context.Context, j *journal.Journal, facts Facts) (Side, error) {
	tx, err := j.View(ctx)
	if err != nil {
		return Side{}, err
	}
	v, err := look(ctx, tx, facts)
	if err != nil {
		return Side{}, err
	}
	return v.side(), nil
}

// A place is where a word stands in a checklist, and how grave it is.
type place struct {
	what  string
	state checklist.State
	agent bool // it concerns the agent and its directory
}

// places are those of all words.
func places() map[string]place {
	return map[string]place{
		InSync: {"target", checklist.OK, false}, "stopped": {"target", checklist.Missing, true},
		"new": {"turn", checklist.Missing, false}, "failing": {"turn", checklist.Missing, false}, "overdue": {"turn", checklist.Missing, false},
		"no-rules": {"rules", checklist.Missing, false},
		"unread":   {"graph", checklist.Missing, false}, "enumerating": {"graph", checklist.Warning, false},
		"waiting-for-agent": {"agent", checklist.Missing, true}, "agent-silent": {"agent", checklist.Missing, true}, "blind": {"sight", checklist.Missing, true},
		"unscanned": {"report", checklist.Warning, true}, "misplaced": {"container", checklist.Missing, true}, "read-only": {"policy", checklist.Warning, true},
		"off": {"switch", checklist.Warning, false}, "paused": {"switch", checklist.Warning, false}, "ending": {"switch", checklist.Warning, false},
		"applying": {"plan", checklist.OK, false}, "pending": {"plan", checklist.OK, false}, "held": {"holds", checklist.Warning, false},
		"attention": {"problems", checklist.Warning, false}, "expiring": {"certificate", checklist.Warning, false},
	}
}

// Row is a standing as a row of a checklist. A word that is not known, of a newer half, is a warning.
func (s Standing) Row() checklist.Row {
	p, known := places()[s.Word]
	if !known {
		p = place{"target", checklist.Warning, false}
	}
	return checklist.Row{What: p.what, State: p.state, Text: cmp.Or(s.Detail, s.Word), Remedy: s.Remedy}
}

func (v view) side() Side {
	s := Side{Exchange: v.Target.Exchange, Reported: !v.Reported.IsZero(), Wait: v.Wait}
	told := map[string]bool{}
	tell := func(what string, state checklist.State, text, remedy string) {
		s.Rows, told[what] = append(s.Rows, checklist.Row{What: what, State: state, Text: text, Remedy: remedy}), true
	}
	first, also := stand(v)
	for _, c := range slices.Concat([]Standing{first}, also) {
		if p := places()[c.Word]; p.agent && !(p.what == "agent" && told["agent"]) {
			tell(p.what, p.state, c.Detail, c.Remedy)
		}
	}
	a := v.agent
	if !told["agent"] {
		tell("agent", checklist.OK, fmt.Sprintf("%s, of version %s, at %s, last heard of at %s", cmp.Or(a.Host, a.ID), cmp.Or(a.Version, "unknown"), cmp.Or(plan.Controller(a.DC), "no domain controller yet"), at(a.Heard)), "")
	}
	if !told["policy"] && !a.Heard.IsZero() {
		tell("policy", checklist.OK, cmp.Or(a.Policy, "none: what is planned is done, within the rights of the account, but that no group is deleted or becomes a distribution group"), "")
	}
	switch {
	case len(v.Found) > 0:
		s.Rows = append(s.Rows, v.Found...)
	case s.Reported:
		tell("rights", checklist.Unknown, "the agent has not said what it may do where groups are to be written", "bring it up to date; agent check says it")
	default:
		tell("rights", checklist.Unknown, "no agent has said yet what it may do where groups are to be written", "start it; agent check says it before that")
	}
	return s
}
