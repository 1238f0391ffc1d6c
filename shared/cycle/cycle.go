// Package cycle is one planning turn: what Graph has to say is folded, what
// Active Directory has become is folded, and what differs from the wish becomes
// the next plan. Read Step first.
//
// It decides and does no I/O of its own: the journal and the source are handed
// in. A turn may be cut at any point; the next one begins where the last commit
// stands.
package cycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// Source is what Entra ID says, page by page. link is empty at the beginning of
// a full enumeration, and what the last page gave after that. It returns
// directory.ErrResync if the link is no longer known.
type Source interface {
	Page(ctx context.Context, feed directory.Feed, link string) (directory.Page, error)
	// Again reads some groups once more, at most 50, whole. link is empty at first,
	// and then the last page's Next until that is empty.
	Again(ctx context.Context, groups []directory.ID, link string) (directory.Page, error)
}

// Planner makes plans for one target. The first four fields are needed.
type Planner struct {
	Source  Source
	Tenant  string // id of the tenant that Source reads
	Rules   *rules.Rules
	Journal *journal.Journal

	// Select names the properties that Source reads. Links go on only with those
	// that they began with: another Select has everything enumerated again.
	Select string

	StepTime time.Duration // after which a step commits what it has; 0: 25 s
	Log      *slog.Logger  // nil: nothing is logged
}

// end is when a step that begins now commits what it has: one that is long loses
// its swap to every other one.
func (p *Planner) end() time.Time { return time.Now().Add(cmp.Or(p.StepTime, 25*time.Second)) }

// Run takes steps until there is nothing to do but wait for the agent, or ctx
// is near its end. Two planners may run at once: the one that commits second
// begins its step again.
func (p *Planner) Run(ctx context.Context) error {
	const tries = 5
	conflicts := 0
	for {
		more, err := p.Step(ctx)
		switch {
		case errors.Is(err, journal.ErrConflict) && conflicts < tries:
			conflicts++
		case err != nil || !more:
			return err
		case ctx.Err() != nil || nearEnd(ctx):
			return nil // the next turn goes on
		}
	}
}

// Step is one pass over everything, committed whole or not at all. more says
// that another step would find work at once.
func (p *Planner) Step(ctx context.Context) (more bool, err error) {
	w, err := p.Journal.Load(ctx)
	if err != nil {
		return false, err
	}
	start := time.Now()
	more, source, err := p.turn(ctx, w)
	if err == nil {
		err = w.Sweep(ctx)
	}
	if err != nil {
		return false, err
	}
	if err := w.Commit(ctx); err != nil {
		return false, err
	}
	if w.Committed() {
		p.log(w, time.Since(start))
	}
	return more && source == nil, source
}

// turn is a step without its commit. An error of the source does not undo what
// was folded before it, so it is apart.
func (p *Planner) turn(ctx context.Context, w *journal.Work) (more bool, source, err error) {
	if err := p.adopt(ctx, w); err != nil {
		return false, nil, err
	}
	if err := foldInbox(ctx, w); err != nil {
		return false, nil, err
	}
	end := p.end()
	unread, source, err := p.foldGraph(ctx, w, end)
	if err != nil || source != nil || unread {
		return unread, source, err
	}
	if !ready(w) {
		return false, nil, nil
	}
	if len(w.Head.Holds) > 0 && !w.Now.Before(w.Head.Window.End()) { // the limits begin anew
		w.Head.Window = w.Head.Window.At(w.Now)
		if err := w.MarkUnits(ctx, func(c journal.Counts) bool { return len(c.Over) > 0 }); err != nil {
			return false, nil, err
		}
	}
	changes, left, err := p.decide(ctx, w, end)
	if err != nil {
		return false, nil, err
	}
	if err := p.announce(ctx, w); err != nil {
		return false, nil, err
	}
	taken, err := issue(ctx, w, changes)
	return left && taken == 0, nil, err
}

// ready says whether a plan may be made: nothing is in flight, Graph has been
// read to its end, and the agent has said what is there.
func ready(w *journal.Work) bool {
	m := w.Head.Main
	return w.Head.Plan == nil && w.Head.Stop == "" && w.Head.Shadow == nil && m.Number > 0 && !m.Open && !w.Head.Reported.IsZero()
}

// adopt puts this planner's rules in force. New rules have every group decided
// again; rules that were replaced before are those of a host that was not
// updated, and must not undo the new ones. A planner of another tenant would
// find all groups gone.
func (p *Planner) adopt(ctx context.Context, w *journal.Work) error {
	if w.Head.Tenant == "" {
		w.Head.Tenant = p.Tenant
	}
	if !strings.EqualFold(w.Head.Tenant, p.Tenant) {
		return fmt.Errorf("this journal is of tenant %s, and this planner reads tenant %s: correct the tenant id, or give the other tenant a target of its own", w.Head.Tenant, p.Tenant)
	}
	hash := p.Rules.Hash()
	switch {
	case w.Head.Rules == hash:
		return nil
	case slices.Contains(w.Head.Former, hash):
		return fmt.Errorf("these rules (%.8s) were replaced by newer ones (%.8s): bring the rules file of this host up to date; to go back to them on purpose, raise their revision", hash, w.Head.Rules)
	case w.Head.Rules != "":
		w.Head.Former = append(slices.Clone(w.Head.Former), w.Head.Rules)
		if err := w.MarkAll(ctx); err != nil {
			return err
		}
	}
	if !slices.Equal(w.Head.Attrs, p.Rules.Attributes()) {
		w.Head.Attrs, w.Head.ReadAll = p.Rules.Attributes(), true
	}
	w.Head.Rules = hash
	return nil
}

// Preview is what a turn would do now, without doing it.
type Preview struct {
	Waiting string // why nothing can be planned yet; empty if it can
	Changes []plan.Change
	Groups  map[directory.ID]Described // those that Changes name
	Held    []journal.Listing
	Totals  journal.Counts
}

// Described is a group in words.
type Described struct {
	Name    string `json:"name"`
	Members int    `json:"members"` // in AD now
}

// Preview runs a turn and commits nothing.
func (p *Planner) Preview(ctx context.Context) (Preview, error) {
	w, err := p.Journal.View(ctx)
	if err != nil {
		return Preview{}, err
	}
	if err := p.adopt(ctx, w); err != nil {
		return Preview{}, err
	}
	if err := foldInbox(ctx, w); err != nil {
		return Preview{}, err
	}
	end := p.end()
	unread, source, err := p.foldGraph(ctx, w, end)
	if err = errors.Join(err, source); err != nil {
		return Preview{}, err
	}
	out := Preview{Waiting: waiting(w, unread), Totals: w.Head.Totals, Groups: map[directory.ID]Described{}}
	if out.Waiting != "" {
		return out, nil
	}
	if out.Changes, _, err = p.decide(ctx, w, end); err != nil {
		return Preview{}, err
	}
	for _, c := range out.Changes {
		d := Described{Name: c.Name}
		if h := w.Have(c.Group).Group; h != nil {
			d = Described{Name: h.Name, Members: len(h.Members)}
		}
		if _, named := out.Groups[c.Group]; !named {
			out.Groups[c.Group] = d
		}
	}
	out.Held, err = w.Holds(ctx)
	return out, err
}

// waiting says in words why no plan can be made, or "".
func waiting(w *journal.Work, unread bool) string {
	switch {
	case unread || w.Head.Main.Number == 0 || w.Head.Shadow != nil:
		return "the enumeration of Entra ID is not complete yet"
	case w.Head.Main.Open:
		return "the last read of Entra ID was not complete"
	case w.Head.Stop != "":
		return w.Head.Stop
	case w.Head.Reported.IsZero():
		return "no agent has reported what is in Active Directory yet: is it running?"
	case w.Head.Plan != nil:
		return fmt.Sprintf("a plan of %d changes is being applied", w.Head.Plan.Changes)
	}
	return ""
}

func (p *Planner) log(w *journal.Work, took time.Duration) {
	if p.Log == nil {
		return
	}
	attrs := []any{"gen", w.Head.Gen, "took", took.Round(time.Millisecond), "groups", w.Head.Totals.Groups, "members", w.Head.Totals.Members}
	if pl := w.Head.Plan; pl != nil {
		attrs = append(attrs, "plan", fmt.Sprintf("%d-%d", pl.First, pl.Last), "changes", pl.Changes, "done", pl.Done)
	}
	problems := 0
	for _, n := range w.Head.Totals.Problems {
		problems += n
	}
	for _, a := range []struct {
		name string
		n    int
	}{{"held", w.Head.Totals.Held}, {"problems", problems}} {
		if a.n > 0 {
			attrs = append(attrs, a.name, a.n)
		}
	}
	p.Log.Info("turn", attrs...)
}
