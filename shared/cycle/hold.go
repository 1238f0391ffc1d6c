package cycle

import (
	"context"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// hold opens a hold.
func (p *Planner) hold(ctx context.Context, tx *journal.Tx, d *draft, l record.Listing) (record.Hold, error) {
	var err error
	if l.Causes, err = causes(ctx, tx, l.Items); err != nil {
		return record.Hold{}, err
	}
	h, err := tx.OpenHold(l)
	if err != nil {
		return record.Hold{}, err
	}
	d.opened[h.ID] = true
	l.ID = h.ID
	p.tell("held", tx, l)
	return h, nil
}

// tellEvery is how often open holds are told of again: a leaver must not keep
// access in silence.
const tellEvery = 24 * time.Hour

// announce tells again of holds that nobody has answered.
func (p *Planner) announce(ctx context.Context, tx *journal.Tx) error {
	if tx.Head.Totals.Held+len(tx.Head.Totals.Over) == 0 || tx.Now.Sub(tx.Head.Told) < tellEvery {
		return nil
	}
	first := tx.Head.Told.IsZero()
	tx.Head.Told = tx.Now
	if first {
		return nil // they were told of when they were opened
	}
	holds, err := tx.Holds(ctx)
	holds = slices.DeleteFunc(holds, func(l record.Listing) bool { return l.Denied != "" })
	for _, l := range holds[:min(len(holds), 20)] {
		p.tell("still held", tx, l)
	}
	return err
}

func (p *Planner) tell(what string, tx *journal.Tx, l record.Listing) {
	if p.Log != nil {
		p.Log.Warn(what, "hold", l.ID, "group", l.Name, "limit", l.Guard, "why", l.Text, "age", tx.Now.Sub(l.Opened).Round(time.Minute), "remedy", "approve or reject it, or put right in the cloud what it lists")
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
func causes(ctx context.Context, tx *journal.Tx, items []record.Item) (map[string]int, error) {
	out := map[string]int{}
	for _, i := range items {
		if len(i.Remove) == 0 {
			continue
		}
		if err := tx.Fetch(ctx, []directory.ID{i.Group}); err != nil {
			return nil, err
		}
		left := map[plan.Ref]directory.ID{}
		var ids []directory.ID
		if g := tx.Group(i.Group); g != nil {
			for _, m := range g.Left {
				ref := plan.SIDRef(m.SID)
				if m.SID == "" {
					ref = plan.GroupRef(m.ID)
				}
				left[ref] = m.ID
				ids = append(ids, m.ID)
			}
		}
		principals, err := tx.Principals(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range i.Remove {
			out[cause(r, left, principals)]++
		}
		if len(items) > 1 { // a disaster may be of all groups there are
			tx.Trim()
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
