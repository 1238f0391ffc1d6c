// Package cycle is one planning turn: what Graph has to say is folded, what
// Active Directory has become is folded, and what differs from the wish becomes
// the next plan. Read Step first.
//
// It loads, asks and stores; what is decided, package decision decides. The journal
// and the source are handed in. A turn may be cut at any point; the next one begins
// where the last commit stands.
package cycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// Source is what Entra ID says, page by page.
type Source interface {
	// Page reads a page of a feed. link is empty at the beginning of a full enumeration,
	// and what the last page gave after that. It returns directory.ErrResync if the link
	// is no longer known, and directory.ErrLink if it is refused otherwise.
	Page(ctx context.Context, feed directory.Feed, link string) (directory.Page, error)
	// Again reads some groups by name, at most 50, whole. link is empty at first, and
	// then the last page's Next until that is empty.
	Again(ctx context.Context, groups []directory.ID, link string) (directory.Page, error)
	// Describe reads users, devices or contacts by id, at most 50. Of those that it leaves out it
	// says nothing.
	Describe(ctx context.Context, feed directory.Feed, ids []directory.ID) (directory.Page, error)
	// Flags asks a group for the flags that the rules read. The error is directory.ErrUntold
	// or directory.ErrRefused where it says something about the group.
	Flags(ctx context.Context, group directory.ID) (directory.Page, error)
}

// Planner makes plans for one target. The first four fields are needed.
type Planner struct {
	Source  Source
	Tenant  string // id of the tenant that Source reads
	Rules   *rules.Rules
	Journal *journal.Journal

	// Text is the rules file that Rules are of: the journal keeps it while they are in
	// force. Nil: it is not kept.
	Text []byte

	// InForce gives the rules that a journal's head says are in force, where they do not stand in
	// a file of this host: they take the place of Rules, Text, Source and Select, which may be nil then.
	// journal.ErrNoRules, journal.ErrUnusable. Nil: those given count.
	InForce func(context.Context, *journal.Tx) (Ruling, error)
	// Stored says that they are put in force in the store, by PutInForce.
	Stored bool

	// Select names the properties that Source reads. Links go on only with those
	// that they began with: another Select has everything enumerated again.
	Select string

	StepTime  time.Duration // after which a step commits what it has; 0: 25 s
	Room      int           // values that a plan should hold, and a preview lists; 0: what is done in about a minute
	StepBytes int           // of changed shards after which it does; 0: 24 MiB
	LookTime  time.Duration // of PreviewFirst's survey; 0: 25 s
	FullEvery time.Duration // how often everything is enumerated anew, beside the rest; 0: a week
	Log       *slog.Logger  // nil: nothing is logged

	shifts *shifts   // of a preview of other rules
	end    life.Fate // of a preview of the end
	survey *Survey   // of a preview with one: to be filled
	chosen bool      // a person puts these rules in force: they may have been there before
	taken  bool      // see Ruling.Taken
}

// ErrReplaced: rules were in force once, and others took their place.
var ErrReplaced = errors.New("these rules were replaced by newer ones")

// Run takes steps until there is nothing to do but wait for the agent, or ctx
// is near its end. Two planners may run at once: the one that commits second
// begins its step again.
func (p *Planner) Run(ctx context.Context) error {
	_, err := p.Work(ctx)
	return err
}

// Work is Run. more says that there was no time for all.
func (p *Planner) Work(ctx context.Context) (more bool, err error) {
	const tries = 5
	conflicts := 0
	for {
		more, err := p.Step(ctx)
		switch {
		case errors.Is(err, journal.ErrConflict) && conflicts < tries:
			conflicts++
		case err != nil || !more:
			return false, err
		case ctx.Err() != nil || nearEnd(ctx):
			return true, nil // the next turn goes on
		}
	}
}

// Step is one pass over everything, committed whole or not at all. more says
// that another step would find work at once.
func (p *Planner) Step(ctx context.Context) (more bool, err error) {
	tx, err := p.Journal.Load(ctx)
	if err != nil {
		return false, err
	}
	start, epoch := time.Now(), tx.Head.Epoch
	more, source, err := p.turnInForce(ctx, tx)
	if errors.Is(err, journal.ErrNoRules) {
		return false, err // which is no failure: somebody has to put the first in force
	}
	if err == nil {
		err = tx.Sweep(ctx)
	}
	if err != nil {
		p.note(ctx, err)
		return false, err
	}
	if !more && source == nil {
		wasRead(tx)
	}
	tx.Head.Failed(journal.FailedGraph, source, tx.Now)
	tx.Head.Failed(journal.FailedTurn, nil, tx.Now)
	if err := tx.Commit(ctx); err != nil {
		return false, err
	}
	if tx.Committed() {
		p.log(ctx, tx, epoch, time.Since(start))
	}
	return more && source == nil, source
}

// readEvery is how often it is noted that Graph was read to its end.
const readEvery = time.Hour

// wasRead notes that Graph was read to its end, for people to see that somebody does.
func wasRead(tx *journal.Tx) {
	h := &tx.Head
	if h.Main.Number > 0 && !h.Main.Open && len(h.Main.LostFeeds) == 0 && !tx.Now.Before(h.Wait) && tx.Now.Sub(h.Read) >= readEvery {
		h.Read = tx.Now
	}
}

// note keeps the reason of a step that could not be made where people look.
func (p *Planner) note(ctx context.Context, err error) {
	if errors.Is(err, journal.ErrConflict) || ctx.Err() != nil {
		return
	}
	if err := p.Journal.NoteFailure(ctx, journal.FailedTurn, err); err != nil && p.Log != nil && !errors.Is(err, journal.ErrConflict) {
		p.Log.Warn("the failure of a turn could not be noted", "err", err)
	}
}

// turn is a step without its commit. An error of the source undoes nothing and stops
// nothing that needs no word of it, so it is apart.
func (p *Planner) turn(ctx context.Context, tx *journal.Tx) (more bool, source, err error) {
	if err := p.adopt(ctx, tx); err != nil {
		return false, nil, err
	}
	if err := p.takeOver(ctx, tx); err != nil {
		return false, nil, err
	}
	limit, reads := p.limit(ctx), len(tx.Head.Reads)
	unfolded, err := foldInbox(ctx, tx, limit)
	if err != nil {
		return false, nil, err
	}
	got, err := p.foldGraph(ctx, tx, limit)
	if err != nil {
		return false, nil, err
	}
	idle := ready(tx)
	if idle {
		if more, err = p.plan(ctx, tx, limit, !got.silent); err != nil {
			return false, nil, err
		}
	}
	var beside heard
	switch agentWaits := idle && tx.Head.Plan != nil || len(tx.Head.Reads) > reads; {
	case got.silent || !besides(tx):
	case agentWaits: // for what this step commits
		more = true
	default:
		if beside, err = p.enumerate(ctx, tx, limit.listening()); err != nil {
			return false, nil, err
		}
	}
	if more = more || unfolded || got.unread || beside.unread; !more && !got.silent {
		more, err = p.poll(ctx, tx, limit)
	}
	return more, errors.Join(got.source, beside.source), err
}

// plan decides what may have changed, issues what is to be done, and asks Graph what
// has to be known before more can be said. left says that there is more to do at once.
func (p *Planner) plan(ctx context.Context, tx *journal.Tx, limit limit, mayAsk bool) (left bool, err error) {
	if err := refresh(ctx, tx); err != nil {
		return false, err
	}
	d, err := p.decide(ctx, tx, limit, mayAsk && !tx.Now.Before(tx.Head.Wait))
	if err != nil {
		return false, err
	}
	if again, err := confirm(ctx, tx, d); again || err != nil {
		return again, err
	}
	if err := announce(ctx, tx); err != nil {
		return false, err
	}
	changes, err := d.changes(ctx, tx)
	if err != nil {
		return false, err
	}
	taken, err := p.issue(ctx, tx, d, changes)
	if err != nil {
		return false, err
	}
	tx.Head.Ruled = tx.Head.Ruled && (len(changes) > 0 || !d.complete || d.more)
	answered, err := p.answer(ctx, tx, d.asks)
	return d.more && taken == 0 || answered, err
}

// ready says whether a plan may be made: nothing is in flight, Graph has been read to
// the end of its groups, and the agent has said what is there.
func ready(tx *journal.Tx) bool {
	h := &tx.Head
	return h.Plan == nil && h.Stop == "" && !blocked(h) && h.Main.Number > 0 && !h.Main.Open && !h.Reported.IsZero()
}

// blocked says whether what is known has to be enumerated anew before it counts.
func blocked(h *journal.Head) bool { return h.Shadow != nil && !h.Shadow.Beside }

// refresh has decided again what time alone has changed: limits whose window moved on,
// groups that wait to be read and that nobody was asked for. And it looks whether the
// agent may write by now.
func refresh(ctx context.Context, tx *journal.Tx) error {
	if tx.Head.ReadOnly {
		if err := lookAtAgent(ctx, tx); err != nil {
			return err
		}
	}
	before := tx.Head.Window.Count
	now := tx.Head.Window.At(tx.Now)
	moved := false
	for _, h := range tx.Head.Holds {
		moved = moved || now.Count(h.Guard) != before(h.Guard)
	}
	unasked := tx.Head.Totals.Unasked > 0 && len(tx.Head.Reads) < maxReads/2
	tx.Head.Window = now
	if !moved && !unasked {
		return nil
	}
	return tx.MarkShards(ctx, func(c record.Counts) bool { return moved && len(c.Over) > 0 || unasked && c.Unasked > 0 })
}

// grounds identifies on what a change would be refused now: what was refused on others
// is tried at once.
func grounds(h *journal.Head) string {
	return fmt.Sprintf("%.8s %s %d %d", h.Rules, h.Grounds, h.Retries, h.Epoch)
}

// A limit is when a step commits what it has.
type limit struct {
	ctx   context.Context
	end   time.Time
	bytes int
	ear   *ear // nil: nobody is listened to
}

// limit is that of a step that begins now: one that is long loses its swap to every
// other one, and one that changes much holds it all.
func (p *Planner) limit(ctx context.Context) limit {
	return limit{ctx: ctx, end: time.Now().Add(cmp.Or(p.StepTime, 25*time.Second)), bytes: cmp.Or(p.StepBytes, 24<<20)}
}

// listening is limit for work that nobody waits for: it lets those go first who call meanwhile.
func (l limit) listening() limit {
	l.ear = &ear{next: time.Now().Add(listenEvery)}
	return l
}

// listenEvery is how often it is heard who calls: a look is a list of the store.
const listenEvery = time.Second

// An ear hears whether somebody called since the step began: an operator who asks, the agent
// who is done.
type ear struct {
	next   time.Time // when it is listened again
	called bool
}

// hears listens now and then. A store that does not answer is told of where more depends on it.
func (e *ear) hears(ctx context.Context, tx *journal.Tx) bool {
	if e == nil || e.called || time.Now().Before(e.next) {
		return e != nil && e.called
	}
	called, err := tx.Called(ctx)
	e.next, e.called = time.Now().Add(listenEvery), called && err == nil
	return e.called
}

// reached says whether a step should commit what it has: it got somewhere and its time
// is over, it holds much or somebody calls, or the turn is near its end.
func (l limit) reached(tx *journal.Tx, done int) bool {
	return done > 0 && (time.Now().After(l.end) || tx.Changed() > l.bytes || l.ear.hears(l.ctx, tx)) || nearEnd(l.ctx)
}

// nearEnd says whether the host will stop this turn soon.
func nearEnd(ctx context.Context) bool {
	d, ok := ctx.Deadline()
	return ok && time.Until(d) < 10*time.Second
}

// mostSaid is how much of one step is told.
const mostSaid = 50

func (p *Planner) log(ctx context.Context, tx *journal.Tx, before uint64, took time.Duration) {
	if p.Log == nil {
		return
	}
	h := &tx.Head
	if h.Epoch != before {
		p.Log.Warn("a new epoch begins: all of Active Directory is read again", "epoch", h.Epoch, "before", before)
	}
	attrs := []any{"gen", h.Gen, "took", took.Round(time.Millisecond), "groups", h.Totals.Groups, "members", h.Totals.Members}
	if pl := h.Plan; pl != nil {
		attrs = append(attrs, "plan", fmt.Sprintf("%d-%d", pl.First, pl.Last), "changes", pl.Changes, "done", pl.Done)
	}
	problems := 0
	for _, n := range h.Totals.Problems {
		problems += n
	}
	for _, a := range []struct {
		name string
		n    int
	}{{"held", h.Totals.Held}, {"unproven", h.Totals.Unproven}, {"problems", problems}} {
		if a.n > 0 {
			attrs = append(attrs, a.name, a.n)
		}
	}
	p.Log.Info("turn", attrs...)
	p.tell(ctx, tx)
	if n := tx.Dropped(); n > 0 {
		p.Log.Warn("reports that nobody needs were dropped unread: incomplete for an hour, or too many at once", "parts", n, "remedy", "if it goes on, see who holds the role of the agent")
	}
}

// tell logs what a step that is committed has to say.
func (p *Planner) tell(ctx context.Context, tx *journal.Tx) {
	if p.Log == nil {
		return
	}
	for i, s := range tx.Said() {
		if i == mostSaid {
			p.Log.Warn("and more of that kind", "more", len(tx.Said())-i)
			break
		}
		p.Log.Warn(s.What, append(s.Args, who(ctx, tx, s)...)...)
	}
}
