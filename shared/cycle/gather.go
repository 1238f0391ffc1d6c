package cycle

import (
	"context"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// How many changes of pages are folded at once. Each fold writes anew every group that it
// names, and reads principals of all kinds of places: with a page of 500 members to a
// fold, a group of very many costs their square.
const (
	leastAtOnce = 20_000
	mostAtOnce  = 60_000 // they are held in memory
	ofPrincipal = 4      // a user or device takes as much as so many members
)

// gathered is pages of one feed that were read and are not folded yet. A step folds them
// before it commits the links behind them.
type gathered struct {
	page    directory.Page
	changes int
	largest int // of the groups that were folded last: its members
}

// gather takes a page, and folds what was gathered where that is much: the more, the more
// members a group that is written anew has.
func (f *follower) gather(ctx context.Context, page directory.Page) error {
	g := &f.gathered
	g.page.Feed = page.Feed
	g.page.Groups = append(g.page.Groups, page.Groups...)
	g.page.Principals = append(g.page.Principals, page.Principals...)
	g.changes += len(page.Groups) + ofPrincipal*len(page.Principals)
	for _, c := range page.Groups {
		g.changes += len(c.Members) + len(c.Owners)
	}
	if g.changes < min(max(leastAtOnce, g.largest/4), mostAtOnce) {
		return nil
	}
	return f.fold(ctx)
}

// fold folds what was gathered.
func (f *follower) fold(ctx context.Context) error {
	page := f.gathered.page
	f.gathered = gathered{}
	if len(page.Groups)+len(page.Principals) == 0 {
		return nil
	}
	s, err := f.p.fold(ctx, f.tx, page, f.shadow)
	for _, c := range page.Groups {
		if g := s.Groups[c.ID]; g != nil {
			f.largest = max(f.largest, len(g.Members)+len(g.Left))
		}
	}
	f.tx.Trim()
	return err
}

// fold folds a page, and returns the part of the tenant that it is about.
func (p *Planner) fold(ctx context.Context, tx *journal.Tx, page directory.Page, shadow bool) (directory.Snapshot, error) {
	s, err := tx.Snapshot(ctx, page, shadow)
	if err != nil {
		return s, err
	}
	news := s.News(page)
	touched := s.Fold(page)
	if err := tx.Keep(ctx, s, touched, shadow); err != nil || shadow { // all groups are decided again when it is complete
		return s, err
	}
	noteNews(tx, s, news)
	return s, p.markRelated(ctx, tx, touched)
}
