package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/status"
)

// enable shows what would be written, and names it by a digest. Said again with that
// digest it switches the target on, unless the plan is another one by then.
func (a *App) enable(ctx context.Context, caller relay.Caller, digest string) (manualReply, error) {
	on, err := a.journal.SwitchNow(ctx)
	if err != nil || on.On {
		return manualReply{Switch: &on, Done: "it is on already"}, err
	}
	if digest != "" {
		if on, err = a.turnSwitch(ctx, caller, journal.Ask{Switch: journal.SwitchOn, Digest: digest}); err != nil {
			return manualReply{}, err
		}
		if on.On {
			return manualReply{Switch: &on, Done: "on: what differs is written from now on, within the limits"}, nil
		}
	}
	p, err := a.planner.Preview(ctx)
	if err != nil {
		return manualReply{}, err
	}
	out := manualReply{Switch: &on, Preview: &p}
	switch {
	case p.Waiting != "":
		out.Done = "nothing can be confirmed yet: " + p.Waiting
	case p.Digest == "":
		out.Done = "nothing can be confirmed yet: not all groups are decided; ask again in a minute"
	case digest != "" && on.Confirmed == digest:
		out.Done = "not on yet: the plan is being made; ask for status"
	case digest != "":
		out.Done = fmt.Sprintf("not on: the plan is not the one that was confirmed any more. Now %s. To confirm that, say enable with digest %s", summary(p), p.Digest)
	default:
		out.Done = fmt.Sprintf("not on: %s. To confirm that, say enable with digest %s", summary(p), p.Digest)
	}
	return out, nil
}

// pause stops writing, and resume goes on with it.
func (a *App) pause(ctx context.Context, caller relay.Caller, word string) (manualReply, error) {
	on, err := a.turnSwitch(ctx, caller, journal.Ask{Switch: word})
	out := manualReply{Switch: &on}
	switch {
	case err != nil:
		return manualReply{}, err
	case !on.On:
		out.Done = "it is off: nothing is written before somebody has confirmed the first plan by enable"
	case on.Paused:
		out.Done = "paused: no more is handed out; what the agent is at it ends"
	default:
		out.Done = "on: what differs is written, within the limits"
	}
	return out, nil
}

// turnSwitch hands a word on the switch in, and returns the switch after a turn.
func (a *App) turnSwitch(ctx context.Context, caller relay.Caller, word journal.Ask) (journal.Switch, error) {
	word.By = caller.String()
	if err := a.journal.Ask(ctx, word); err != nil {
		return journal.Switch{}, err
	}
	a.log.Warn("switch: "+word.Switch, "by", caller, "digest", word.Digest)
	if err := a.Sync(ctx); err != nil {
		return journal.Switch{}, err
	}
	return a.journal.SwitchNow(ctx)
}

// summary says what a plan does, in a sentence.
func summary(p cycle.Preview) string {
	made, changed := 0, map[string]bool{}
	add, remove := 0, 0
	for _, c := range p.Changes {
		if c.Op == plan.Create {
			made++
		} else {
			changed[c.Group.String()] = true
		}
		add, remove = add+len(c.Joins()), remove+len(c.Leaves())
	}
	parts := []string{
		status.Count(made, "group is made", "groups are made"),
		status.Count(len(changed), "group is changed", "groups are changed"),
		status.Count(add, "member comes in", "members come in"),
		status.Count(remove, "member goes", "members go"),
		status.Count(p.More, "more change comes later", "more changes come later"),
		status.Count(len(p.Held), "hold waits for approval", "holds wait for approval"),
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return "nothing differs"
	}
	return strings.Join(parts, ", ")
}
