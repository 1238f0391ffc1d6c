package cycle

import (
	"context"
	"errors"
	"fmt"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Preview is what a turn would do now, without doing it.
type Preview struct {
	Waiting string                     // why nothing can be planned yet; empty if it can
	Digest  string                     `json:",omitempty"` // names all that is wanted now, for a person to confirm
	Changes []plan.Change              // about as many as one plan holds
	More    int                        `json:",omitempty"` // changes that are not listed: they come with later plans
	Groups  map[directory.ID]Described // those that Changes name
	Held    []record.Listing           // one without an id would be opened by the turn
	Totals  record.Counts
}

// Described is a group in words.
type Described struct {
	Name    string `json:"name"`
	Members int    `json:"members"` // in AD now
}

// Preview runs a turn and commits nothing. What becomes of the groups in first it lists
// in any case.
func (p *Planner) Preview(ctx context.Context, first ...directory.ID) (Preview, error) {
	tx, err := p.Journal.View(ctx)
	if err != nil {
		return Preview{}, err
	}
	if err := p.adopt(ctx, tx); err != nil {
		return Preview{}, err
	}
	limit := p.limit(ctx)
	if _, err := foldInbox(ctx, tx, limit); err != nil {
		return Preview{}, err
	}
	got, err := p.foldGraph(ctx, tx, limit)
	if err = errors.Join(err, got.source); err != nil {
		return Preview{}, err
	}
	out := Preview{Waiting: waiting(tx, got.unread), Totals: tx.Head.Totals, Groups: map[directory.ID]Described{}}
	if out.Waiting != "" {
		return out, nil
	}
	quiet := *p
	quiet.Log = nil
	tx.Head.Switch, tx.Head.ReadOnly = journal.Switch{On: true}, false // as if it might be done
	d, err := quiet.decide(ctx, tx, limit, false, first...)
	if err != nil {
		return Preview{}, err
	}
	if out.Changes, err = d.changes(ctx, tx); err != nil {
		return Preview{}, err
	}
	p.explain(tx, d, out.Changes)
	all, err := d.total(ctx, tx)
	if err != nil {
		return Preview{}, err
	}
	out.Totals, out.Digest, out.More = all, Digest(&tx.Head, all), all.Changes
	for _, g := range d.groups {
		out.More -= len(g.Changes())
	}
	for _, c := range out.Changes {
		described := Described{Name: c.Name}
		if g := d.groups[c.Group].Observed; g != nil {
			described = Described{Name: g.Name, Members: len(g.Members)}
		}
		if _, named := out.Groups[c.Group]; !named {
			out.Groups[c.Group] = described
		}
	}
	out.Held, err = tx.Holds(ctx)
	for i, l := range out.Held {
		if d.opened[l.ID] { // no such id will ever be
			out.Held[i].ID = ""
		}
	}
	return out, err
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
