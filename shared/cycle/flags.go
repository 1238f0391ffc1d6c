package cycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// How much of Graph and of the store a step uses for flags at a time: where Graph refuses, few
// others have been asked meanwhile; and of many groups perhaps none has flags.
const (
	askedAtOnce = 4
	mostParts   = 64
)

// noteNews has groups asked for their flags soon of which a page had news.
func noteNews(tx *journal.Tx, s directory.Snapshot, news []directory.ID) {
	tx.Head.Polling = tx.Head.Polling.Note(slices.DeleteFunc(news, func(id directory.ID) bool {
		g := s.Groups[id]
		return g == nil || !g.HasFlags()
	}))
}

// poll asks some groups for their flags, which nothing else tells: how many and who,
// journal.Polling says. It is the last thing that a step does, and only where there is
// nothing else to do. more says that a group has told something new.
//
// How far it came is committed with what it learnt: a crash has the same groups asked again.
func (p *Planner) poll(ctx context.Context, tx *journal.Tx, limit limit) (more bool, err error) {
	h := &tx.Head
	h.Polling = h.Polling.For(directory.Flags(p.Rules.Properties()), tx.Now)
	if h.Main.Number == 0 || h.Main.Open || blocked(h) || tx.Now.Before(h.Wait) {
		return false, nil
	}
	changed, most := h.Polling.Wants(tx.Now)
	if len(changed) == 0 && most == 0 {
		return false, nil
	}
	outcomes, changed, err := without(ctx, tx, changed)
	if err != nil {
		return false, err
	}
	q := pass{after: h.Polling.After}
	if most > 0 {
		h.Polling = h.Polling.Begin(tx.Now)
		if q, err = next(ctx, tx, most); err != nil {
			return false, err
		}
	}
	told := p.askFlags(ctx, tx, limit, slices.Concat(changed, q.groups))
	for _, t := range told {
		outcomes = append(outcomes, t.Outcome)
	}
	h.Polling = h.Polling.Answered(outcomes, tx.Now)
	for _, t := range told {
		h.Polling = h.Polling.RestUntil(askedToWait(tx, t.Err))
	}
	if most > 0 {
		after, ended := q.came(len(told)-len(changed), h.Polling.After)
		h.Polling = h.Polling.Passed(after, ended, tx.Now)
	}
	return learn(ctx, tx, told)
}

// without takes groups out that have no flags, or not any more.
func without(ctx context.Context, tx *journal.Tx, ids []directory.ID) (none []journal.Outcome, rest []directory.ID, err error) {
	if err := tx.FetchGroups(ctx, ids); err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if g := tx.Group(id); g == nil || !g.HasFlags() {
			none = append(none, journal.Outcome{Group: id, None: true})
		} else {
			rest = append(rest, id)
		}
	}
	return none, rest, nil
}

// pass is whom the pass asks in a step.
type pass struct {
	groups []directory.ID
	after  directory.ID // the last group that was looked at for it
	ended  bool         // there is none behind it
}

// next is whom the pass asks next: at most so many.
func next(ctx context.Context, tx *journal.Tx, most int) (q pass, err error) {
	polling := tx.Head.Polling
	q.after, q.ended, err = tx.EachAfter(ctx, polling.After, mostParts, func(g *directory.Group) bool {
		if g.HasFlags() && !polling.Awaits(g.ID) {
			q.groups = append(q.groups, g.ID)
		}
		return len(q.groups) == most
	})
	return q, err
}

// came is how far a pass came by which the first n of its groups were asked.
func (q pass) came(n int, before directory.ID) (after directory.ID, ended bool) {
	switch {
	case n >= len(q.groups):
		return q.after, q.ended
	case n > 0:
		return q.groups[n-1], false
	}
	return before, false
}

// told is what became of asking a group, and what it told.
type told struct {
	journal.Outcome
	page directory.Page
}

// heard says whether there was an answer, though it be that there is nothing to tell.
func (t told) heard() bool { return t.Err == nil || errors.Is(t.Err, directory.ErrUntold) }

// askFlags asks groups for their flags, in order: until the step has to end, somebody gets
// no answer, or some in a row are refused.
func (p *Planner) askFlags(ctx context.Context, tx *journal.Tx, limit limit, ids []directory.ID) (all []told) {
	for some := range slices.Chunk(ids, askedAtOnce) {
		if limit.reached(tx, 1) {
			break
		}
		answers := make([]told, len(some))
		var asking sync.WaitGroup
		for i, id := range some {
			asking.Go(func() { answers[i] = p.askFlag(ctx, id) })
		}
		asking.Wait()
		all = append(all, answers...)
		for _, t := range answers {
			p.tellOdd(tx, t.page)
		}
		failed := slices.IndexFunc(answers, func(t told) bool { return !t.heard() && !errors.Is(t.Err, directory.ErrRefused) })
		if failed >= 0 {
			p.tellUnanswered("flags of groups", len(answers), answers[failed].Err) // the feeds are asked all the same
		}
		if failed >= 0 || !slices.ContainsFunc(answers, told.heard) {
			break
		}
	}
	return all
}

func (p *Planner) askFlag(ctx context.Context, id directory.ID) (t told) {
	t.Group = id
	t.page, t.Err = p.Source.Flags(ctx, id)
	for _, o := range t.page.Odd {
		t.Odd = fmt.Errorf("ask group %s for its flags: %s", id, o.What)
	}
	return t
}

// learn keeps what groups have told, and says whether that is news.
func learn(ctx context.Context, tx *journal.Tx, all []told) (news bool, err error) {
	for _, t := range all {
		for _, g := range t.page.Groups {
			is, err := tx.Learn(ctx, g.ID, g.Set)
			if err != nil {
				return false, err
			}
			news = news || is
		}
	}
	return news, nil
}
