package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/relay"
)

// manualRequest is what an operator asks for.
type manualRequest struct {
	Action string         `json:"action"`           // sync | preview | enable | disable | pause | resume | rules | retry | approve | reject | repin | begin-anew
	Groups []directory.ID `json:"groups,omitempty"` // sync: read these again in AD and try again what was refused; preview, retry: only these
	Full   bool           `json:"full,omitempty"`   // sync: read everything again, in the cloud and in AD
	Digest string         `json:"digest,omitempty"` // enable, disable, rules: of the plan that is confirmed, as they show it
	End    life.Fate      `json:"end,omitempty"`    // disable: what becomes of the AD groups: keep | quarantine | delete
	Hold   string         `json:"hold,omitempty"`   // approve, reject: the hold's id, as status and preview list it
	Domain string         `json:"domain,omitempty"` // repin: the SID of the domain that the journal is for
	Rules  *string        `json:"rules,omitempty"`  // preview: the text of a rules file, as if it were in force; rules: the text to be put in force
	Target string         `json:"target,omitempty"` // begin-anew: the target's name, so that nobody does it by mistake

	// rules: in the place of a text the version that is gone back to; with a digest the version that is in
	// force until then, 0 for none; and what people want to remember of it.
	Version  uint64 `json:"version,omitempty"`
	Replaces uint64 `json:"replaces,omitempty"`
	Comment  string `json:"comment,omitempty"`

	headers
	run journal.Run // that notes it
}

// actRules puts rules in force.
const actRules = "rules"

// maxAsked is how many groups one request may name.
const maxAsked = 10_000

func boundManual(q *manualRequest) error {
	if len(q.Groups) > maxAsked {
		return fmt.Errorf("groups: %d are too many: name %d at most, or none for all", len(q.Groups), maxAsked)
	}
	if q.Action == actRules {
		switch {
		case (q.Rules != nil) == (q.Version > 0):
			return errors.New("rules: give the text of a rules file, or the version to go back to, one of the two")
		case len(q.Comment) > maxComment:
			return fmt.Errorf("comment: %d bytes are too many: %d is the most", len(q.Comment), maxComment)
		}
		return nil
	}
	switch {
	case q.Rules != nil && q.Action != "preview":
		return errors.New("rules: only a preview takes them, and the action rules, which puts them in force")
	case q.Version > 0, q.Replaces > 0, q.Comment != "":
		return errors.New("version, replaces and comment are of the action rules alone")
	}
	return nil
}

type manualReply struct {
	Preview *cycle.Preview  `json:"preview,omitempty"`
	Switch  *journal.Switch `json:"switch,omitempty"`
	Done    string          `json:"done,omitempty"`
	Run     string          `json:"run,omitempty"`
	Rules   *rulesReply     `json:"rules,omitempty"` // of the action rules

	// Of a plan that somebody has to confirm: what there is to know before that, as rows and as lines.
	Checklist []checklist.Row `json:"checklist,omitempty"`
	Lines     []string        `json:"lines,omitempty"`

	later bool // it is noted, and not done yet
}

func (a *App) manual(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	if q.changes() && !q.plain() {
		return a.once(ctx, caller, q)
	}
	reply, err := a.carryOut(ctx, caller, q)
	if errors.Is(err, errLater) {
		q.async = true
		return a.once(ctx, caller, q)
	}
	return reply, err
}

// carryOut does what is asked for. errLater: it is noted, and a later turn does it.
func (a *App) carryOut(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	switch q.Action {
	case "sync":
		if len(q.Groups) > 0 || q.Full || q.async {
			if err := a.journal.Ask(ctx, journal.Ask{ID: q.run.Ask, Groups: q.Groups, Full: q.Full, By: caller.String()}); err != nil {
				return manualReply{}, err
			}
			a.log.Info("sync asked for", "groups", len(q.Groups), "full", q.Full, "by", caller)
		}
		return a.turnFor(ctx, q, "a turn was run")
	case "preview":
		return a.preview(ctx, q)
	case "enable":
		return a.enable(ctx, caller, q)
	case "disable":
		return a.disable(ctx, caller, q)
	case journal.SwitchPause, journal.SwitchGoOn:
		return a.pause(ctx, caller, q)
	case actRules:
		return a.putRules(ctx, caller, q)
	case "retry":
		if err := a.journal.Ask(ctx, journal.Ask{ID: q.run.Ask, Groups: q.Groups, Retry: true, By: caller.String()}); err != nil {
			return manualReply{}, err
		}
		a.log.Info("retry asked for", "groups", len(q.Groups), "by", caller)
		return a.turnFor(ctx, q, "what was refused is tried again: a turn was run")
	case "approve":
		return a.say(ctx, caller, q, "hold approved", a.journal.Approve, "approved: it is carried out in the next turn")
	case "reject":
		return a.say(ctx, caller, q, "hold rejected", a.journal.Reject, "rejected: it stays held, and is not told of again")
	case "repin":
		return a.repin(ctx, caller, q)
	case "begin-anew":
		return a.beginAnew(ctx, caller, q)
	}
	return manualReply{}, relay.BadRequest(fmt.Errorf("action %.40q: use sync, preview, enable, disable, pause, resume, rules, retry, approve, reject, repin or begin-anew", q.Action))
}

// preview says what a turn would do now, by the rules in force or by others; where groups
// are named, with these. Of all that somebody has to confirm it shows the checklist too.
func (a *App) preview(ctx context.Context, q manualRequest) (out manualReply, err error) {
	if q.Rules == nil && len(q.Groups) == 0 {
		on, err := a.journal.SwitchNow(ctx)
		if err != nil {
			return manualReply{}, err
		}
		if unconfirmed(on) {
			return a.first(ctx)
		}
	}
	var p cycle.Preview
	if q.Rules == nil {
		p, err = a.planner.Preview(ctx, q.Groups...)
	} else {
		p, err = a.previewRules(ctx, q)
	}
	if err != nil {
		return manualReply{}, err
	}
	if p.Other != nil {
		out.Done = difference(p)
	}
	if len(q.Groups) > 0 {
		p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return !slices.Contains(q.Groups, c.Group) })
		p.Held = slices.DeleteFunc(p.Held, func(l record.Listing) bool { return !slices.Contains(q.Groups, l.Group) })
		p.MoreHeld = 0 // they are of other groups
		if o := p.Other; o != nil {
			o.Groups, o.More = slices.DeleteFunc(o.Groups, func(s cycle.Shift) bool { return !slices.Contains(q.Groups, s.Group) }), 0
		}
	}
	out.Preview = &p
	return out, nil
}

// turnFor runs a turn, after which it is known whether there are such groups. errLater: that takes
// longer, or nobody waits for it.
func (a *App) turnFor(ctx context.Context, q manualRequest, done string) (manualReply, error) {
	if q.async {
		return manualReply{}, errLater
	}
	wait := forEver
	if q.Action != "sync" || len(q.Groups) > 0 || q.Full {
		wait = patience
	}
	switch more, err := a.sync(ctx, wait); {
	case errors.Is(err, errBusy), err == nil && more:
		return manualReply{}, errLater
	case err != nil:
		return manualReply{}, err
	}
	return manualReply{Done: done}, a.journal.Known(ctx, q.Groups)
}

// repin says which domain the journal is for.
func (a *App) repin(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	sid, err := directory.ParseSID(q.Domain)
	if err != nil {
		return manualReply{}, relay.BadRequest(fmt.Errorf("domain: name the domain's SID, as status and the agent's check have it: %w", err))
	}
	if err := a.journal.Ask(ctx, journal.Ask{ID: q.run.Ask, Repin: sid, By: caller.String()}); err != nil {
		return manualReply{}, err
	}
	a.log.Warn("journal is to be of another domain", "domain", sid, "by", caller)
	return a.turnFor(ctx, q, "the agent's next full report from this domain says which container the journal is for: all is read again first")
}

// beginAnew has the journal forget what it knows and read all again.
func (a *App) beginAnew(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	if q.Target != a.journal.Target {
		return manualReply{}, relay.BadRequest(fmt.Errorf("target: name the target whose journal shall begin anew, which is %q", a.journal.Target))
	}
	if err := a.begin(ctx, forEver); err != nil {
		return manualReply{}, err
	}
	err := a.journal.BeginAnew(ctx)
	a.end()
	if err != nil {
		return manualReply{}, err
	}
	a.log.Warn("journal begins anew", "target", q.Target, "by", caller)
	return a.turnFor(ctx, q, "the journal begins anew: all is read again from Entra ID and Active Directory before anything is written")
}

// say hands an operator's word on a hold in, and logs it once it is taken.
func (a *App) say(ctx context.Context, caller relay.Caller, q manualRequest, event string, take func(context.Context, journal.Word) error, done string) (manualReply, error) {
	if len(q.Hold) > maxHoldID {
		return manualReply{}, journal.ErrUnknownHold
	}
	if err := take(ctx, journal.Word{Hold: q.Hold, By: caller.String(), At: q.run.At.UTC(), ID: q.run.NamesAWord()}); err != nil {
		return manualReply{}, err
	}
	a.log.Info(event, "hold", q.Hold, "by", caller)
	return manualReply{Done: done}, nil
}

// maxHoldID is longer than any hold's id: no store takes a name of any length.
const maxHoldID = 64
