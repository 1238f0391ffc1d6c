package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// maxComment is the longest comment on a version of the rules, in bytes.
const maxComment = 500

// rulesReply is what an answer says of rules that are to be put in force, or were.
type rulesReply struct {
	InForce *status.Version `json:"inForce,omitempty"` // absent: none is
	Digest  string          `json:"digest,omitempty"`  // to be said for these to take its place; it begins with the version's number
}

// errInFile: rules are not put in force this way where they come out of a file.
var errInFile = errors.New("rules: they come from the file that " + prefix + "RULES names: deploy the file; or, to put rules in force by a command, set " + prefix + "RULES=" + inStore + " in its place")

// putRules shows what other rules would do, and names it by a digest. Said again with that digest and
// the version that they replace they are put in force, unless either is another one by then.
func (a *App) putRules(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	if !a.planner.Stored {
		return manualReply{}, relay.BadRequest(errInFile)
	}
	h, err := a.takenOver(ctx)
	if err != nil {
		return manualReply{}, err
	}
	parsed, text, err := a.proposed(ctx, h, q)
	if err != nil {
		return manualReply{}, err
	}
	now := h.InForce()
	_, unusable := a.book.of(ctx, h)
	same := now.Number > 0 && now.Text == journal.Digest(text)
	switch {
	case same && unusable == nil && (q.Digest != "" && now.Replaces == q.Replaces || h.Rules == parsed.Hash()):
		return inForce(now, "these rules are in force"), nil
	case q.Digest != "" && now.Number != q.Replaces:
		return manualReply{}, cycle.Outdated(now, q.Replaces)
	}
	p, err := a.previewOther(ctx, parsed)
	if err != nil {
		return manualReply{}, err
	}
	plan, open := bound(h, p, unusable)
	p.Digest = "" // that of the plan as a whole is for enable
	out := inForce(now, "")
	out.Preview = &p
	if !open {
		out.Done = "these rules cannot be put in force yet: " + p.Waiting + "; pause has no more handed out, and a plan under way ends by itself"
		return out, nil
	}
	out.Rules.Digest = rulesDigest(h, text, plan)
	if q.Digest != out.Rules.Digest {
		out.Done = toPutInForce(p, q.Digest, out.Rules.Digest)
		return out, nil
	}
	v, err := a.planner.PutInForce(ctx, cycle.Ruling{Rules: parsed, Text: text}, journal.Version{Replaces: q.Replaces, Back: q.Version, By: caller.String(), Comment: q.Comment})
	if err != nil {
		return manualReply{}, err
	}
	a.log.Warn("rules were put in force", "number", v.Number, "replaces", v.Replaces, "rules", fmt.Sprintf("%.8s", v.Rules), "by", caller)
	return inForce(v, "in force: the next turn decides every group by these rules, within the limits"), nil
}

// takenOver is the head, once the rules of a file that were in force are a version of the store's: whoever puts
// others in their place can go back to them.
func (a *App) takenOver(ctx context.Context) (journal.Head, error) {
	h, err := a.journal.Look(ctx)
	if at, is := a.book.settings.where(h); err != nil || !is || !at.taken {
		return h, err
	}
	_, failed := a.sync(ctx, patience) // what fails behind it is another matter
	h, err = a.journal.Look(ctx)
	if at, is := a.book.settings.where(h); err == nil && is && at.taken && !errors.Is(failed, journal.ErrUnusable) && !errors.Is(failed, journal.ErrNoRules) {
		err = fmt.Errorf("take over the rules that were in a file: %w", cmp.Or(failed, errors.New("a turn has to run first: ask again in a minute")))
	}
	return h, err
}

// inForce is the answer that a version is in force.
func inForce(v journal.Version, done string) manualReply {
	out := manualReply{Done: done, Rules: &rulesReply{}}
	if v.Number > 0 {
		out.Rules.InForce = &v
	}
	return out
}

// proposed are the rules that a request means: its text, or that of a version. All mistakes in them
// are told.
func (a *App) proposed(ctx context.Context, h journal.Head, q manualRequest) (*rules.Rules, []byte, error) {
	var text []byte
	if q.Rules != nil {
		text = []byte(*q.Rules)
	} else {
		_, old, err := a.journal.RulesText(ctx, h, q.Version)
		if err != nil {
			return nil, nil, err
		}
		text = old
	}
	r, text, err := parseRules(text)
	if err != nil {
		return nil, nil, relay.BadRequest(err)
	}
	return r, text, nil
}

// bound names the plan that a person's word on rules is bound to; open says that they may be put in
// force. What they would do may not be known where nothing is written anyhow, where there are no rules to
// go on with until it is, or where it is more than one look has room for. unusable says why those in force
// cannot be gone on with.
func bound(h journal.Head, p cycle.Preview, unusable error) (plan string, open bool) {
	if p.Waiting == "" {
		return p.Digest, true
	}
	return "", !h.Switch.On || errors.Is(unusable, journal.ErrNoRules) || errors.Is(unusable, journal.ErrUnusable)
}

// rulesDigest names a change of rules: their text, the version that they replace, and what they would do.
func rulesDigest(h journal.Head, text []byte, plan string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %x %s", journal.Digest(text), h.Version.In.Hash, plan))
	return strconv.FormatUint(h.InForce().Number, 10) + "-" + hex.EncodeToString(sum[:8])
}

// toPutInForce says how rules are put in force that were shown.
func toPutInForce(p cycle.Preview, said, digest string) string {
	text := "what these rules would do is not known yet (" + p.Waiting + ")"
	if p.Other != nil {
		text = difference(p)
	}
	if said != "" {
		text = "not in force: what these rules would do is not what was confirmed any more. Now " + text
	}
	return text + ". To put them in force, say rules with digest " + digest
}

// rulesNow are the rules in force.
func (a *App) rulesNow(ctx context.Context, q query) (any, error) {
	if err := q.know(); err != nil {
		return nil, err
	}
	if !a.planner.Stored {
		r, err := a.ruled(ctx)
		if err != nil {
			return nil, err
		}
		return status.Rules{Source: status.InFile, Hash: r.Rules.Hash(), InForce: true, Text: string(r.Text)}, nil
	}
	h, err := a.journal.Look(ctx)
	if err != nil {
		return nil, err
	}
	if n := h.InForce().Number; n > 0 {
		return status.ReadVersion(ctx, a.journal, n)
	}
	text, err := a.journal.RulesOf(ctx, h)
	if text == nil && err == nil {
		err = journal.ErrNoRules
	}
	return status.Rules{Source: status.InStore, Hash: h.Rules, InForce: true, Text: string(text)}, err
}

// listVersions lists the versions that the store keeps.
func (a *App) listVersions(ctx context.Context, q query) (any, error) {
	limit, err := q.limit()
	if err := errors.Join(q.know("limit", "cursor"), err); err != nil {
		return nil, err
	}
	return status.Versions(ctx, a.journal, q.values.Get("cursor"), limit)
}

// rulesOf are the rules of one version.
func (a *App) rulesOf(ctx context.Context, q query) (any, error) {
	if err := q.know(); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(q.r.PathValue("version"), 10, 63)
	if err != nil || n == 0 {
		return nil, relay.BadRequest(errors.New("version: write its number, as rules/versions lists it"))
	}
	return status.ReadVersion(ctx, a.journal, n)
}
