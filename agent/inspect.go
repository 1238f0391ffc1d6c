package main

import (
	"context"
	"fmt"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/report"
)

// mostInspected is of how many containers the rights are asked for a report.
const mostInspected = 100

// inspect is what a check would find of the base, of what the rules want here,
// and of the policy, as far as nobody but the agent can say it.
func (a *agent) inspect(ctx context.Context, wants relay.Wants) []checklist.Row {
	l := &checklist.List{}
	i := report.Inspection{Domain: a.session, Top: a.base, Target: a.target}
	i.Base(ctx, l)
	for _, dn := range wants.Containers[:min(len(wants.Containers), mostInspected)] {
		good, err := i.Container(ctx, dn)
		l.Say("container", err, good)
	}
	if n := len(wants.Containers) - mostInspected; n > 0 {
		l.Unknown("container", fmt.Sprintf("the rules write to %d more, which a check looks at", n))
	}
	if err := a.policy.more().Lacks(a.session.attrs, wants.GroupTypes); err != nil {
		l.Bad("rules", err)
	}
	if a.policy.Delete {
		lacks, err := a.session.Restoring(ctx)
		report.TellRestoring(l, lacks, err)
	}
	return l.Rows
}
