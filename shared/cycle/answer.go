package cycle

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// What is asked of Graph in one step, at most, and in one call.
const (
	mostGroups     = 200
	mostPrincipals = 300
	inOneCall      = 50
)

// questions are what decisions have to know from Graph.
type questions struct {
	may        bool
	groups     map[directory.ID]bool
	principals map[directory.Feed]map[directory.ID]bool
	count      int // of principals
}

func newQuestions(may bool) questions {
	return questions{may: may, groups: map[directory.ID]bool{}, principals: map[directory.Feed]map[directory.ID]bool{directory.UserFeed: {}, directory.DeviceFeed: {}, directory.ContactFeed: {}}}
}

// room says whether one more group's questions may be asked.
func (q *questions) room() bool {
	return q.may && len(q.groups) < mostGroups && q.count < mostPrincipals
}

func (q *questions) add(n decision.Question) {
	for _, id := range n.Groups {
		q.groups[id] = true
	}
	for _, m := range n.Principals {
		feed := directory.UserFeed
		switch m.Kind {
		case directory.Device:
			feed = directory.DeviceFeed
		case directory.Contact:
			feed = directory.ContactFeed
		}
		if !q.principals[feed][m.ID] {
			q.principals[feed][m.ID] = true
			q.count++
		}
	}
}

// answer asks Graph, and folds what it says: the groups that this concerns are decided
// again in the next step. What cannot be answered is asked again later.
func (p *Planner) answer(ctx context.Context, tx *journal.Tx, q questions) (answered bool, err error) {
	groups := slices.SortedFunc(maps.Keys(q.groups), directory.ID.Compare)
	for some := range slices.Chunk(groups, inOneCall) {
		tx.Trim()
		pages, source := p.byName(ctx, some)
		if source != nil {
			p.unanswered(tx, "groups by name", len(some), source)
			break
		}
		if err := foldByName(ctx, tx, some, pages); err != nil {
			return false, err
		}
		answered = true
	}
	for _, feed := range p.principalFeeds() {
		ids := slices.SortedFunc(maps.Keys(q.principals[feed]), directory.ID.Compare)
		for some := range slices.Chunk(ids, inOneCall) {
			tx.Trim()
			page, source := p.Source.Describe(ctx, feed, some)
			if source != nil {
				p.unanswered(tx, string(feed)+" by id", len(some), source)
				break
			}
			p.tellOdd(tx, page)
			if _, err := p.fold(ctx, tx, page, false); err != nil {
				return false, err
			}
			answered = answered || len(page.Principals) > 0
		}
	}
	return answered, nil
}

// byName reads groups whole.
func (p *Planner) byName(ctx context.Context, groups []directory.ID) (pages []directory.Page, err error) {
	for link := ""; ; {
		page, err := p.Source.Again(ctx, groups, link)
		if err != nil {
			return nil, err // half a reading is none
		}
		pages = append(pages, page)
		if link = page.Next; link == "" {
			return pages, nil
		}
	}
}

func foldByName(ctx context.Context, tx *journal.Tx, asked []directory.ID, pages []directory.Page) error {
	all := directory.Page{Feed: directory.GroupFeed}
	for _, page := range pages {
		all.Groups = append(all.Groups, page.Groups...)
	}
	for _, id := range asked { // also those that Graph does not list
		all.Groups = append(all.Groups, directory.GroupChange{ID: id})
	}
	s, err := tx.Snapshot(ctx, all, false)
	if err != nil {
		return err
	}
	if err := tx.Keep(ctx, s, s.Read(asked, pages), false); err != nil {
		return err
	}
	return tx.Mark(ctx, asked...)
}

func (p *Planner) unanswered(tx *journal.Tx, what string, n int, err error) {
	waitFor(tx, err)
	p.tellUnanswered(what, n, err)
}

func (p *Planner) tellUnanswered(what string, n int, err error) {
	if p.Log != nil {
		p.Log.Warn("Graph did not answer a question: it is asked again later", "about", what, "count", n, "err", err)
	}
}
