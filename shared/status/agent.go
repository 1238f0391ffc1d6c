package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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

// agents are the words for what concerns the agent and its directory, each with its place in a
// checklist.
var agents = map[string]struct {
	what  string
	state checklist.State
}{
	"stopped": {"target", checklist.Missing}, "waiting-for-agent": {"agent", checklist.Missing}, "agent-silent": {"agent", checklist.Missing}, "blind": {"sight", checklist.Missing},
	"unscanned": {"report", checklist.Warning}, "misplaced": {"container", checklist.Missing}, "read-only": {"policy", checklist.Warning},
}

// serverOf is the name of a domain controller by the DN of its settings, CN=NTDS Settings,CN=<name>,…; what is
// no such DN stays.
func serverOf(settings string) string {
	_, server, _ := plan.SplitRDN(settings)
	name, _, is := plan.SplitRDN(server)
	if !is {
		return settings
	}
	return name
}

func (v view) side() Side {
	s := Side{Exchange: v.Target.Exchange, Reported: !v.Reported.IsZero()}
	told := map[string]bool{}
	tell := func(what string, state checklist.State, text, remedy string) {
		s.Rows, told[what] = append(s.Rows, checklist.Row{What: what, State: state, Text: text, Remedy: remedy}), true
	}
	first, also := stand(v)
	for _, c := range slices.Concat([]Standing{first}, also) {
		if row, is := agents[c.Word]; is && !(row.what == "agent" && told["agent"]) {
			tell(row.what, row.state, c.Detail, c.Remedy)
		}
	}
	a := v.agent
	if !told["agent"] {
		tell("agent", checklist.OK, fmt.Sprintf("%s, of version %s, at %s, last heard of at %s", cmp.Or(a.Host, a.ID), cmp.Or(a.Version, "unknown"), cmp.Or(serverOf(a.DC), "no domain controller yet"), at(a.Heard)), "")
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
