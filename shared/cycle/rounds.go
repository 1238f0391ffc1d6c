package cycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// The order of the feeds. A full enumeration reads the principals first, so that
// groups find them.
var (
	changesOrder = []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	fullOrder    = []directory.Feed{directory.UserFeed, directory.DeviceFeed, directory.GroupFeed}
)

// maxLinkAge is how old Graph's links may become while nothing changes: they
// live seven days.
const maxLinkAge = 24 * time.Hour

// foldGraph reads what is new, or goes on with a full enumeration. unread says
// that it stopped for time. An error of the source leaves what was read folded.
func (p *Planner) foldGraph(ctx context.Context, w *journal.Work, end time.Time) (unread bool, source, err error) {
	switch s := w.Head.Shadow; {
	case s == nil && (w.Head.Main.Number == 0 || w.Head.Main.Select != p.Select):
		// What was never asked for would be taken for cleared.
		w.Head.Shadow = &journal.Round{Select: p.Select}
	case s != nil && s.Select != p.Select:
		w.Head.Shadow = &journal.Round{Select: p.Select}
		if err := w.DropShadow(ctx); err != nil {
			return false, nil, err
		}
	}
	if w.Head.Shadow != nil {
		return p.enumerate(ctx, w, end)
	}
	before := w.Head.Main
	round := before
	round.Open = true
	news, unread, source, err := p.follow(ctx, w, &round, changesOrder, end)
	switch {
	case err != nil:
		return false, nil, err
	case errors.Is(source, directory.ErrResync):
		w.Head.Main, w.Head.Shadow = round, &journal.Round{Select: p.Select}
		return true, nil, nil
	case !news && !before.Open && !round.Open && w.Now.Sub(w.Head.Written) < maxLinkAge:
		return false, nil, nil // the old links still serve: nothing to write
	}
	w.Head.Main, w.Head.Written = round, w.Now
	return unread, source, nil
}

// enumerate goes on with a full enumeration beside what is known, which takes
// its place when it is complete.
func (p *Planner) enumerate(ctx context.Context, w *journal.Work, end time.Time) (unread bool, source, err error) {
	round := *w.Head.Shadow
	_, unread, source, err = p.follow(ctx, w, &round, fullOrder, end)
	if err == nil && source == nil && !unread {
		unread, source, err = p.confirm(ctx, w, &round, end)
	}
	switch {
	case err != nil:
		return false, nil, err
	case errors.Is(source, directory.ErrResync):
		w.Head.Shadow = &journal.Round{Select: p.Select}
		return true, nil, w.DropShadow(ctx)
	case source != nil || unread:
		w.Head.Shadow = &round
		return unread, source, nil
	}
	round.Number, round.Confirmed = w.Head.Main.Number+1, 0
	w.Head.Main, w.Head.Shadow, w.Head.Written = round, nil, w.Now
	return false, nil, w.Promote(ctx)
}

// confirm reads once more, by name, the groups of which an enumeration lacks
// something that was known: a page that was lost must not pass for members that
// left. What both reads lack is gone.
func (p *Planner) confirm(ctx context.Context, w *journal.Work, round *journal.Round, end time.Time) (unread bool, source, err error) {
	parts, err := w.Known(ctx)
	if err != nil {
		return false, nil, err
	}
	done := 0
	for _, n := range parts {
		if n <= round.Confirmed {
			continue
		}
		if late(ctx, end, done) {
			return true, nil, nil
		}
		suspects, err := w.Suspects(ctx, n)
		if err != nil {
			return false, nil, err
		}
		for groups := range slices.Chunk(suspects, 50) {
			if source, err := p.again(ctx, w, groups); source != nil || err != nil {
				return false, source, err
			}
		}
		if err := w.Inherit(ctx, n); err != nil {
			return false, nil, err
		}
		round.Confirmed = n
		done++
	}
	return false, nil, nil
}

// again reads groups once more, and folds them into the enumeration under way.
func (p *Planner) again(ctx context.Context, w *journal.Work, groups []directory.ID) (source, err error) {
	for link := ""; ; {
		page, err := p.Source.Again(ctx, groups, link)
		if err != nil {
			return fmt.Errorf("read %d groups once more: %v", len(groups), err), nil // whatever it is, it is no word on the enumeration
		}
		if err := fold(ctx, w, page, true); err != nil {
			return nil, err
		}
		if link = page.Next; link == "" {
			return nil, nil
		}
	}
}

// follow reads pages until each feed is at its end, and folds them. Only then
// is the round closed: a page may say "removed" and the next one "added".
func (p *Planner) follow(ctx context.Context, w *journal.Work, round *journal.Round, feeds []directory.Feed, end time.Time) (news, unread bool, source, err error) {
	shadow := w.Head.Shadow != nil
	round.Links, round.Done = maps.Clone(round.Links), maps.Clone(round.Done)
	if round.Links == nil {
		round.Links = map[directory.Feed]string{}
	}
	if round.Done == nil {
		round.Done = map[directory.Feed]bool{}
	}
	round.Open = true
	pages := 0
	for _, feed := range feeds {
		for ; !round.Done[feed]; pages++ {
			if late(ctx, end, pages) {
				return news, true, nil, nil
			}
			page, err := p.Source.Page(ctx, feed, round.Links[feed])
			if err != nil {
				return news, false, err, nil
			}
			news = news || len(page.Groups)+len(page.Principals) > 0
			if err := fold(ctx, w, page, shadow); err != nil {
				return news, false, nil, err
			}
			round.Links[feed] = page.Next + page.Delta
			round.Done[feed] = page.Delta != ""
		}
	}
	round.Open, round.Done = false, nil
	return news, false, nil, nil
}

func fold(ctx context.Context, w *journal.Work, page directory.Page, shadow bool) error {
	s, err := w.Snapshot(ctx, page, shadow)
	if err != nil {
		return err
	}
	return w.Keep(ctx, s, s.Fold(page), shadow)
}

// late says whether a step should commit what it has: its time is over and it got
// somewhere, or the turn is near its end.
func late(ctx context.Context, end time.Time, done int) bool {
	return done > 0 && time.Now().After(end) || nearEnd(ctx)
}

// nearEnd says whether the host will stop this turn soon.
func nearEnd(ctx context.Context) bool {
	d, ok := ctx.Deadline()
	return ok && time.Until(d) < 10*time.Second
}
