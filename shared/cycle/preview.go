package cycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// Preview is what a turn would do now, without doing it.
type Preview struct {
	Waiting string                     // why nothing can be planned yet; empty if it can
	Digest  string                     `json:",omitempty"` // names all that is wanted now, for a person to confirm
	Changes []plan.Change              // about as many as one plan holds
	More    int                        `json:",omitempty"` // changes that are not listed: they come with later plans
	Groups  map[directory.ID]Described // those that Changes name
	Names   journal.Names              `json:",omitempty"` // of members that come and go, as far as there are not too many
	Held    []record.Listing           // one without an id would be opened by the turn

	MoreHeld int `json:",omitempty"` // holds that are not listed
	Totals   record.Counts

	NotDeleted int `json:",omitempty"` // groups that are to be deleted, and are not, because they could not be had back

	Other *Other `json:",omitempty"` // of PreviewRules
}

// Described is a group in words.
type Described struct {
	Name    string `json:"name"`
	Members int    `json:"members"` // in AD now
}

// Preview runs a turn and commits nothing. What becomes of the groups in first, and what
// holds of them are open, it lists in any case.
func (p *Planner) Preview(ctx context.Context, first ...directory.ID) (Preview, error) {
	return p.preview(ctx, nil, first...)
}

// PreviewEnd is Preview as if writeback ended: every group is decided so. Nothing is stored.
func (p *Planner) PreviewEnd(ctx context.Context, fate life.Fate) (Preview, error) {
	q := *p
	q.end = fate
	return q.preview(ctx, nil)
}

// preview is Preview, by other rules if there are any.
func (p *Planner) preview(ctx context.Context, other *rules.Rules, first ...directory.ID) (Preview, error) {
	tx, err := p.Journal.View(ctx)
	if err != nil {
		return Preview{}, err
	}
	if p, err = p.inForce(ctx, tx); err != nil {
		why := ""
		switch {
		case other != nil && errors.Is(err, journal.ErrNoRules):
			why = "no rules are in force, and nothing is read before some are"
		case other != nil && errors.Is(err, journal.ErrUnusable):
			why = "there is nothing to hold them against: " + err.Error()
		default:
			return Preview{}, err
		}
		return Preview{Waiting: why, Totals: tx.Head.Totals, Groups: map[directory.ID]Described{}}, nil
	}
	basis := *p // what other rules are held against: those in force as this program reads them, although a newer one reads them otherwise
	basis.chosen = p.Stored && other != nil
	p = &basis
	if err := p.adopt(ctx, tx); err != nil {
		return Preview{}, err
	}
	limit := p.limit(ctx)
	if _, err := foldInbox(ctx, tx, limit); err != nil {
		return Preview{}, err
	}
	got, err := p.foldGraph(ctx, tx, limit)
	if err == nil && got.source != nil && p.survey != nil { // whoever is to switch on is shown all the rest
		return Preview{Waiting: "Entra ID could not be read, or not all of it: " + got.source.Error(), Totals: tx.Head.Totals, Groups: map[directory.ID]Described{}}, nil
	}
	if err = errors.Join(err, got.source); err != nil {
		return Preview{}, err
	}
	quiet := *p
	quiet.Log = nil
	if other != nil {
		if err := quiet.propose(ctx, tx, other); err != nil {
			return Preview{}, err
		}
		limit = limit.whole()
	}
	if p.end != "" || tx.Head.Switch.Ending != "" { // as if another word were in force
		if err := tx.MarkAll(ctx); err != nil {
			return Preview{}, err
		}
	}
	if p.end != "" {
		limit = limit.whole()
	}
	out := Preview{Waiting: waiting(tx, got.unread), Totals: tx.Head.Totals, Groups: map[directory.ID]Described{}}
	if out.Waiting != "" {
		return out, nil
	}
	tx.Head.Switch, tx.Head.ReadOnly = journal.Switch{On: true}, false // as if it might be done
	d, err := quiet.decide(ctx, tx, limit, false, first...)
	if err != nil {
		return Preview{}, err
	}
	if out.Changes, err = d.changes(ctx, tx); err != nil {
		return Preview{}, err
	}
	tellWhy(tx, d, out.Changes)
	all, err := d.total(ctx, tx)
	if err != nil {
		return Preview{}, err
	}
	out.Totals, out.More, out.NotDeleted = all, all.Changes, all.Problems[decision.NotDeleted]
	if d.complete {
		out.Digest = Digest(&tx.Head, all)
	}
	for _, g := range d.groups {
		out.More -= len(g.Changes())
	}
	for _, c := range out.Changes {
		described := Described{Name: c.Name}
		if g := d.groups[c.Group].Observed; g != nil {
			described = Described{Name: g.Name, Members: len(g.Members())}
		}
		if _, named := out.Groups[c.Group]; !named {
			out.Groups[c.Group] = described
		}
	}
	if out.Names, err = named(ctx, tx, out.Changes); err != nil {
		return Preview{}, err
	}
	if quiet.shifts != nil {
		parts, err := tx.Shards(ctx, func(record.Counts) bool { return true })
		if err != nil {
			return Preview{}, err
		}
		out.Other = quiet.shifts.result(d, len(parts))
	}
	out.Held, out.MoreHeld, err = tx.Holds(ctx, max(mostHolds, len(first)), first...)
	for i, l := range out.Held {
		if d.opened[l.ID] { // no such id will ever be
			out.Held[i].ID = ""
		}
	}
	if err == nil && p.survey != nil {
		err = p.survey.look(ctx, &quiet, tx, all)
	}
	return out, err
}

// mostNames is how many members a preview and the log know by name: each may lie in
// another part of the journal.
const mostNames = 500

// named are the names of who comes and goes by changes, those who go first.
func named(ctx context.Context, tx *journal.Tx, changes []plan.Change) (journal.Names, error) {
	out := journal.Names{}
	left := mostNames
	for _, of := range []func(plan.Change) []plan.Ref{func(c plan.Change) []plan.Ref { return c.Remove }, func(c plan.Change) []plan.Ref { return c.Add }} {
		for _, c := range changes {
			refs := of(c)
			if c.Of().NamesLists() {
				nameLists(tx, out, refs)
				continue
			}
			refs = refs[:min(len(refs), left)]
			if left -= len(refs); len(refs) == 0 {
				continue
			}
			if err := tx.NameMembers(ctx, out, c.Group, refs); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// nameLists names address lists by what people see of them.
func nameLists(tx *journal.Tx, names journal.Names, refs []plan.Ref) {
	for _, l := range tx.Head.Target.Exchange.Lists {
		ref := plan.GUIDRef(plan.GUID(l.GUID))
		if cn, _, ok := plan.SplitRDN(l.DN); ok && slices.Contains(refs, ref) {
			names[ref] = cn
		}
	}
}

// waiting says in words why no plan can be made, or "".
func waiting(tx *journal.Tx, unread bool) string {
	h := &tx.Head
	switch {
	case unread || h.Main.Number == 0 || blocked(h):
		return "the enumeration of Entra ID is not complete yet"
	case h.Main.Open:
		return "the last read of Entra ID was not complete"
	case h.Stop != "":
		return h.Stop
	case h.Reported.IsZero():
		return "no agent has reported what is in Active Directory yet: is it running?"
	case h.Plan != nil:
		return fmt.Sprintf("a plan of %d changes is being applied", h.Plan.Changes)
	}
	return ""
}
