package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/status"
)

// enable shows what would be written with a checklist, and names it by a digest. Said again with that
// digest it switches the target on, unless the plan is another one by then.
func (a *App) enable(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	digest := q.Digest
	on, err := a.journal.SwitchNow(ctx)
	if err != nil || !unconfirmed(on) {
		return manualReply{Switch: &on, Done: "it is on already"}, err
	}
	if digest != "" {
		if on, err = a.turnSwitch(ctx, caller, journal.Ask{ID: q.run.Ask, Switch: journal.SwitchOn, Digest: digest}); err != nil {
			return manualReply{}, err
		}
		if !unconfirmed(on) && on.Confirmed == "" {
			return manualReply{Switch: &on, Done: "on: what differs is written from now on, within the limits"}, nil
		}
	}
	out, err := a.first(ctx)
	if err != nil {
		return manualReply{}, err
	}
	out.Switch, out.Done = &on, toConfirm(*out.Preview, on, digest, "not on", "enable")+counted(out.Checklist)
	return out, nil
}

// disable shows what the end of writeback would do, and names it by a digest. Said again with
// that digest it ends, unless the plan is another one by then.
func (a *App) disable(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	end, digest := q.End, q.Digest
	if !slices.Contains(life.Fates(), end) {
		return manualReply{}, relay.BadRequest(errors.New("end: say what becomes of the AD groups: keep leaves them to people, as they are; quarantine takes from their members what they have by them; delete deletes them, so that they can be restored for a while"))
	}
	on, err := a.journal.SwitchNow(ctx)
	switch {
	case err != nil:
		return manualReply{}, err
	case !on.On:
		return manualReply{Switch: &on, Done: "it is off already"}, nil
	case on.Ending == end:
		return manualReply{Switch: &on, Done: "it is ending already, as was confirmed: ask for status"}, nil
	}
	if digest != "" {
		if on, err = a.turnSwitch(ctx, caller, journal.Ask{ID: q.run.Ask, Switch: journal.SwitchOff, End: end, Digest: digest}); err != nil {
			return manualReply{}, err
		}
		if on.Confirmed == "" && (on.Ending == end || !on.On) {
			return manualReply{Switch: &on, Done: "writeback ends: it is off as soon as all groups have their end, within the limits"}, nil
		}
	}
	p, err := a.planner.PreviewEnd(ctx, end)
	if err != nil {
		return manualReply{}, err
	}
	return manualReply{Switch: &on, Preview: &p, Done: toConfirm(p, on, digest, "on", "disable")}, nil
}

// toConfirm says how a plan is confirmed, or why it is not. is says how it is until then.
func toConfirm(p cycle.Preview, on journal.Switch, digest, is, word string) string {
	switch {
	case p.Waiting != "":
		return "nothing can be confirmed yet: " + p.Waiting
	case p.Digest == "":
		return "nothing can be confirmed yet: not all groups are decided; ask again in a minute"
	case digest != "" && on.Confirmed == digest:
		return is + " yet: the plan is being made; ask for status"
	case digest != "":
		return fmt.Sprintf("%s: the plan is not the one that was confirmed any more. Now %s. To confirm that, say %s with digest %s", is, summary(p), word, p.Digest)
	}
	return fmt.Sprintf("%s: %s. To confirm that, say %s with digest %s", is, summary(p), word, p.Digest)
}

// pause stops writing, and resume goes on with it.
func (a *App) pause(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	on, err := a.turnSwitch(ctx, caller, journal.Ask{ID: q.run.Ask, Switch: q.Action})
	out := manualReply{Switch: &on}
	switch {
	case err != nil:
		return manualReply{}, err
	case !on.On:
		out.Done = "it is off: nothing is written before somebody has confirmed a plan by enable"
	case on.Paused:
		out.Done = "paused: no more is handed out; what the agent is at it ends"
	default:
		out.Done = "on: what differs is written, within the limits"
	}
	return out, nil
}

// turnSwitch hands a word on the switch in, and returns the switch after a turn. errLater: there was
// no time for one.
func (a *App) turnSwitch(ctx context.Context, caller relay.Caller, word journal.Ask) (journal.Switch, error) {
	word.By = caller.String()
	if err := a.journal.Ask(ctx, word); err != nil {
		return journal.Switch{}, err
	}
	a.log.Warn("switch: "+word.Switch, "by", caller, "digest", word.Digest)
	pauses, wait := word.Switch == journal.SwitchPause, forEver
	if pauses || word.Switch == journal.SwitchGoOn {
		wait = patience // the turn under way takes it up
	}
	_, err := a.sync(ctx, wait)
	if err != nil && !errors.Is(err, errBusy) {
		return journal.Switch{}, err
	}
	on, failed := a.journal.SwitchNow(ctx)
	if err != nil && failed == nil && (wait == forEver || on.Paused != pauses) {
		return journal.Switch{}, errLater
	}
	return on, failed
}

// summary says what a plan does, in a sentence.
func summary(p cycle.Preview) string {
	made, back, deleted, left, lost := 0, 0, 0, 0, 0
	changed := map[directory.ID]bool{}
	fresh := map[directory.ID]bool{} // their members come by changes of their own
	add, remove := 0, 0
	for _, c := range p.Changes {
		switch c.Op {
		case plan.Create:
			made, fresh[c.Group] = made+1, true
		case plan.Restore:
			back, fresh[c.Group] = back+1, true
		case plan.Delete:
			deleted++
		case plan.Disown:
			left++
		default:
			changed[c.Group] = true
		}
		lost += c.Count
		add, remove = add+len(c.Joins()), remove+len(c.Leaves())
	}
	maps.DeleteFunc(changed, func(id directory.ID, _ bool) bool { return fresh[id] })
	parts := []string{
		status.Count(made, "group is made", "groups are made"),
		status.Count(back, "group is restored", "groups are restored"),
		status.Count(deleted, "group is deleted", "groups are deleted"),
		status.Count(left, "group is left to people", "groups are left to people"),
		status.Count(len(changed), "group is changed", "groups are changed"),
		status.Count(lost, "membership gives nothing any more", "memberships give nothing any more"),
		status.Count(add, "member comes in", "members come in"),
		status.Count(remove, "member goes", "members go"),
		status.Count(p.NotDeleted, "group is not deleted, because it could not be had back", "groups are not deleted, because they could not be had back"),
		status.Count(p.More, "more change comes later", "more changes come later"),
		status.Count(len(p.Held), "hold waits for approval", "holds wait for approval"),
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return "nothing differs"
	}
	return strings.Join(parts, ", ")
}
