package cycle

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// hold opens a hold. sample is what the causes are told of: all that it lists, or some.
func (p *Planner) hold(ctx context.Context, tx *journal.Tx, d *draft, l record.Listing, sample []record.Item) (record.Hold, error) {
	var err error
	if l.Causes, err = d.causes(ctx, tx, sample); err != nil {
		return record.Hold{}, err
	}
	if rest := l.Count - count(sample); rest > 0 && len(l.Causes) > 0 {
		l.Causes[causeUnknown] += rest
	}
	h, err := tx.OpenHold(l)
	if err != nil {
		return record.Hold{}, err
	}
	d.opened[h.ID] = true
	l.ID = h.ID
	tell("held", tx, l)
	return h, nil
}

// mostHolds is how many open holds are listed: after a disaster there may be one for each
// group.
const mostHolds = 1000

// tellEvery is how often open holds are told of again: a leaver must not keep
// access in silence.
const tellEvery = 24 * time.Hour

// announce tells again of holds that nobody has answered.
func announce(ctx context.Context, tx *journal.Tx) error {
	if tx.Head.Totals.Held+len(tx.Head.Totals.Over) == 0 || tx.Now.Sub(tx.Head.Told) < tellEvery {
		return nil
	}
	first := tx.Head.Told.IsZero()
	tx.Head.Told = tx.Now
	if first {
		return nil // they were told of when they were opened
	}
	holds, _, err := tx.Holds(ctx, mostHolds)
	holds = slices.DeleteFunc(holds, func(l record.Listing) bool { return l.Denied != "" })
	for _, l := range holds[:min(len(holds), 20)] {
		tell("still held", tx, l)
	}
	return err
}

func tell(what string, tx *journal.Tx, l record.Listing) {
	tx.Say(what, "hold", l.ID, "group", l.Name, "limit", l.Guard, "why", l.Text, "age", tx.Now.Sub(l.Opened).Round(time.Minute), "remedy", "approve or reject it, or put right in the cloud what it lists")
}

// tellDamage tells of a list of what is held, or of a part of one, that cannot be read:
// nothing in it is approved, and it is listed anew.
func (p *Planner) tellDamage(err error) {
	if err != nil && p.Log != nil {
		p.Log.Warn("what a hold lists cannot be read, so that none of it goes: it is listed anew", "err", err)
	}
}

// The causes of a removal, for whoever approves it.
const (
	causeLeft     = "left the cloud group"
	causeSID      = "account's SID changed"
	causeMail     = "contact's address changed"
	causeStranger = "never was in the cloud group"
	causeGone     = "account is %s in the cloud"
	causeUnknown  = "not looked at, of so many"
)

// mostCauses is how many parts of the principals are read in one step to tell why members
// go. After a disaster each hold is about others, who stand in all kinds of places.
const mostCauses = 2000

func count(items []record.Item) (n int) {
	for _, i := range items {
		n += i.Impact().Size()
	}
	return n
}

// causes counts why members go: to lose a membership, an account, or never to
// have been in the cloud group are three different things.
func (d *draft) causes(ctx context.Context, tx *journal.Tx, items []record.Item) (map[string]int, error) {
	out := map[string]int{}
	for _, i := range items {
		switch {
		case len(i.Remove) == 0:
			continue
		case d.causesRead >= mostCauses:
			out[causeUnknown] += len(i.Remove)
			continue
		}
		if err := d.causesOf(ctx, tx, i, out); err != nil {
			return nil, err
		}
		if len(items) > 1 {
			tx.Trim()
		}
	}
	return out, nil
}

// causesOf counts why the members of one group go.
func (d *draft) causesOf(ctx context.Context, tx *journal.Tx, i record.Item, out map[string]int) error {
	if err := tx.Fetch(ctx, []directory.ID{i.Group}); err != nil {
		return err
	}
	who := map[plan.Ref]directory.ID{}
	if g := tx.Group(i.Group); g != nil {
		for _, m := range g.Left {
			for _, ref := range plan.AppendForms(nil, m) {
				if _, goes := slices.BinarySearch(i.Remove, ref); goes {
					who[ref] = m.ID
				}
			}
		}
	}
	left := map[directory.ID][]plan.Ref{}
	for ref, id := range who {
		left[id] = append(left[id], ref)
	}
	out[causeStranger] += len(i.Remove) - len(who)
	out[causeLeft] += len(who) // until more is known of them
	read, err := tx.EachPrincipal(ctx, slices.Collect(maps.Keys(left)), func(p *directory.Principal) {
		for _, ref := range left[p.ID] {
			out[causeLeft]--
			out[cause(ref, p)]++
		}
	})
	d.causesRead += read
	maps.DeleteFunc(out, func(_ string, n int) bool { return n == 0 })
	return err
}

// cause says why somebody goes who was in the cloud group.
func cause(r plan.Ref, x *directory.Principal) string {
	switch {
	case x.Standing == directory.LostSoft, x.Standing == directory.LostForGood:
		return strings.Replace(causeGone, "%s", string(x.Standing), 1)
	case x.SID != "" && plan.SIDRef(x.SID) != r && x.Kind != directory.GroupKind:
		return causeSID
	case x.Mail != "" && plan.MailRef(x.Mail) != r:
		return causeMail
	}
	return causeLeft
}
