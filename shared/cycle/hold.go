package cycle

import (
	"context"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// hold opens a hold for what l lists, unless the same is open already.
func (p *Planner) hold(ctx context.Context, w *journal.Work, old *journal.Hold, l journal.Listing) (journal.Hold, error) {
	var list strings.Builder
	for _, i := range l.Items {
		list.WriteString(i.Group.String())
		for _, r := range i.Remove {
			list.WriteString(" " + string(r))
		}
		for _, r := range i.Add {
			list.WriteString(" +" + string(r))
		}
		list.WriteByte('\n')
	}
	digest := journal.Digest([]byte(list.String()))
	if old != nil && old.List == digest && old.Open() {
		return *old, nil
	}
	l.ID, l.Opened = w.HoldID(string(l.Scope)+digest), w.Now
	var err error
	if l.Causes, err = causes(ctx, w, l.Items); err != nil {
		return journal.Hold{}, err
	}
	p.tell("held", w, l)
	h := journal.Hold{ID: l.ID, List: digest, Count: l.Count, Opened: l.Opened, Text: l.Text, Scope: l.Scope}
	return h, w.OpenHold(l)
}

// tellEvery is how often open holds are told of again: a leaver must not keep
// access in silence.
const tellEvery = 24 * time.Hour

// announce tells again of holds that nobody has answered.
func (p *Planner) announce(ctx context.Context, w *journal.Work) error {
	if w.Head.Totals.Held+len(w.Head.Totals.Over) == 0 || w.Now.Sub(w.Head.Told) < tellEvery {
		return nil
	}
	first := w.Head.Told.IsZero()
	w.Head.Told = w.Now
	if first {
		return nil // they were told of when they were opened
	}
	holds, err := w.Holds(ctx)
	holds = slices.DeleteFunc(holds, func(l journal.Listing) bool { return l.Denied != "" })
	for _, l := range holds[:min(len(holds), 20)] {
		p.tell("still held", w, l)
	}
	return err
}

func (p *Planner) tell(what string, w *journal.Work, l journal.Listing) {
	if p.Log != nil {
		p.Log.Warn(what, "hold", l.ID, "group", l.Name, "scope", l.Scope, "why", l.Text, "age", w.Now.Sub(l.Opened).Round(time.Minute), "remedy", "approve or reject it, or put right in the cloud what it lists")
	}
}

// The causes of a removal, for whoever approves it.
const (
	causeLeft     = "left the cloud group"
	causeSID      = "account's SID changed"
	causeStranger = "never was in the cloud group"
	causeGone     = "account is %s in the cloud"
)

// causes counts why members go: to lose a membership, an account, or never to
// have been in the cloud group are three different things.
func causes(ctx context.Context, w *journal.Work, items []journal.Item) (map[string]int, error) {
	out := map[string]int{}
	for _, i := range items {
		if len(i.Remove) == 0 {
			continue
		}
		left := map[plan.Ref]directory.ID{}
		var ids []directory.ID
		if g := w.Group(i.Group); g != nil {
			for _, m := range g.Left {
				ref := plan.SIDRef(m.SID)
				if m.SID == "" {
					ref = plan.GroupRef(m.ID)
				}
				left[ref] = m.ID
				ids = append(ids, m.ID)
			}
		}
		principals, err := w.Principals(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range i.Remove {
			out[cause(r, left, principals)]++
		}
	}
	return out, nil
}

func cause(r plan.Ref, left map[plan.Ref]directory.ID, principals map[directory.ID]*directory.Principal) string {
	id, known := left[r]
	if !known {
		return causeStranger
	}
	switch x := principals[id]; {
	case x == nil:
		return causeLeft
	case x.Standing == directory.LostSoft, x.Standing == directory.LostForGood:
		return strings.Replace(causeGone, "%s", string(x.Standing), 1)
	case x.SID != "" && plan.SIDRef(x.SID) != r && x.Kind != directory.GroupKind:
		return causeSID
	}
	return causeLeft
}
