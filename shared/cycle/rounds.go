package cycle

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// principalFeeds are the feeds of those who may be members.
func (p *Planner) principalFeeds() []directory.Feed {
	feeds := []directory.Feed{directory.UserFeed, directory.DeviceFeed}
	if p.Rules.Members.Contacts {
		feeds = append(feeds, directory.ContactFeed)
	}
	return feeds
}

// changesOrder is the order in which an incremental round reads the feeds.
func (p *Planner) changesOrder() []directory.Feed {
	return append([]directory.Feed{directory.GroupFeed}, p.principalFeeds()...)
}

// fullOrder is that of a full enumeration: the principals first, so that groups find them.
func (p *Planner) fullOrder() []directory.Feed {
	return append(p.principalFeeds(), directory.GroupFeed)
}

// maxLinkAge is how old Graph's links may become while nothing changes: they
// live seven days.
const maxLinkAge = 24 * time.Hour

// A heard is what became of a reading of Graph.
type heard struct {
	news   bool  // something was told
	unread bool  // it stopped at the limit
	silent bool  // the groups could not be read
	source error // of feeds that could not be read; what was read before stays folded
}

// foldGraph reads what is new, or goes on with a full enumeration where what is known
// does not count without one.
func (p *Planner) foldGraph(ctx context.Context, tx *journal.Tx, limit limit) (got heard, err error) {
	h := &tx.Head
	if tx.Now.Before(h.Wait) {
		return heard{silent: true}, nil
	}
	switch s := h.Shadow; {
	case s == nil && (h.Main.Number == 0 || h.Main.Select != p.Select), s != nil && s.Select != p.Select:
		// What was never asked for would be taken for cleared.
		err = p.begin(ctx, tx, false)
	case s == nil && tx.Now.Sub(h.Main.Began) > p.fullAfter():
		err = p.begin(ctx, tx, true)
	}
	if err != nil {
		return heard{}, err
	}
	if blocked(h) {
		return p.enumerate(ctx, tx, limit)
	}
	before, round := h.Main, h.Main
	if got, err = p.follow(ctx, tx, &round, p.changesOrder(), false, limit); err != nil {
		return heard{}, err
	}
	switch again, beside := lost(&round); {
	case again && h.Shadow == nil:
		h.Main = round
		return heard{unread: true}, p.begin(ctx, tx, beside)
	case again && !beside && h.Shadow.Beside: // what is made beside it is needed now
		shadow := *h.Shadow
		shadow.Beside = false
		h.Main, h.Shadow = round, &shadow
		return heard{unread: true}, nil
	}
	settled := !got.news && !got.unread && len(before.Done) == 0 && !before.Open && !round.Open
	same := before.Behind == round.Behind && maps.Equal(before.Refused, round.Refused) && maps.Equal(before.LostFeeds, round.LostFeeds)
	if settled && same && tx.Now.Sub(h.Written) < maxLinkAge {
		return got, nil // the old links still serve: nothing to write
	}
	h.Main, h.Written = round, tx.Now
	return got, nil
}

// fullAfter is the age at which what is known is enumerated anew: not all targets at
// once.
func (p *Planner) fullAfter() time.Duration {
	every := cmp.Or(p.FullEvery, 7*24*time.Hour)
	sum := fnv.New32a()
	sum.Write([]byte(p.Journal.Target))
	return every + every/8*time.Duration(sum.Sum32()%256)/256
}

// begin begins a full enumeration; beside what is known, if that goes on being
// followed.
func (p *Planner) begin(ctx context.Context, tx *journal.Tx, beside bool) error {
	tx.Head.Shadow = &journal.Round{Select: p.Select, Began: tx.Now, Beside: beside}
	return tx.DropShadow(ctx)
}

// besides says whether an enumeration that is made beside what is known can go on.
func besides(tx *journal.Tx) bool {
	s := tx.Head.Shadow
	return s != nil && s.Beside && !tx.Now.Before(tx.Head.Wait)
}

// enumerate goes on with a full enumeration, which takes the place of what is known when
// it is complete. What it lacks of that is not believed for that: see decision.
func (p *Planner) enumerate(ctx context.Context, tx *journal.Tx, limit limit) (got heard, err error) {
	h := &tx.Head
	round := *h.Shadow
	got, err = p.follow(ctx, tx, &round, p.fullOrder(), true, limit)
	if err == nil && got.source == nil && !got.unread {
		got.source = namedNobody(&round)
	}
	if err == nil && got.source == nil && !got.unread {
		got.unread, err = carry(ctx, tx, &round, limit)
	}
	switch again, _ := lost(&round); {
	case err != nil:
		return heard{}, err
	case again:
		if err := p.begin(ctx, tx, round.Beside); err != nil {
			return heard{}, err
		}
		if h.Shadow.Restarts = round.Restarts + 1; h.Shadow.Restarts > maxRestarts {
			h.Wait = tx.Now.Add(restartWait)
			return got, nil
		}
		return heard{unread: true}, nil
	case got.source != nil || got.unread:
		h.Shadow = &round
		return got, nil
	}
	// What changed while it was read, its own links will tell: it counts when they have.
	h.Main = journal.Round{Number: h.Main.Number + 1, Select: round.Select, Links: round.Links, Open: true, Began: round.Began}
	h.Shadow, h.Written = nil, tx.Now
	return heard{unread: true}, tx.Promote(ctx)
}

// An enumeration whose links are lost again and again is not begun again at once.
const (
	maxRestarts = 3
	restartWait = 5 * time.Minute
)

// carry holds an enumeration against what was known, part by part.
func carry(ctx context.Context, tx *journal.Tx, round *journal.Round, limit limit) (unread bool, err error) {
	parts, err := tx.Parts(ctx)
	if err != nil {
		return false, err
	}
	done := 0
	for _, n := range parts {
		if n <= round.Carried {
			continue
		}
		if limit.reached(tx, done) {
			return true, nil
		}
		if err := tx.Carry(ctx, n); err != nil {
			return false, err
		}
		round.Carried = n
		done++
	}
	return false, nil
}

// follow reads pages until each feed is at its end, and folds them. A feed that cannot
// be read holds back no other: who is behind a member changes nothing about whether he
// is one. But where Graph asks to be left alone, or a feed has used up the time of the
// step, none is asked any more.
func (p *Planner) follow(ctx context.Context, tx *journal.Tx, round *journal.Round, feeds []directory.Feed, shadow bool, limit limit) (heard, error) {
	f := follower{p: p, tx: tx, round: round, shadow: shadow, limit: limit}
	round.Links, round.Done, round.Named, round.Refused = clone(round.Links), clone(round.Done), clone(round.Named), clone(round.Refused)
	var err error
	for _, feed := range feeds {
		if round.Lost(feed) {
			continue
		}
		if f.heard.source != nil && (tx.Now.Before(tx.Head.Wait) || limit.reached(tx, 1)) {
			break
		}
		f.heard.unread, err = f.feed(ctx, feed)
		if f.heard.unread || err != nil {
			break
		}
	}
	round.Open = !round.Done[directory.GroupFeed] && (round.Open || f.groups)
	round.Behind = round.Behind && slices.ContainsFunc(p.principalFeeds(), func(feed directory.Feed) bool { return !round.Done[feed] })
	if !shadow && !f.heard.unread { // the next round begins with all of them
		round.Done = nil
	}
	return f.heard, err
}

func clone[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// A follower reads the feeds of a round.
type follower struct {
	p      *Planner
	tx     *journal.Tx
	round  *journal.Round
	shadow bool
	limit  limit

	pages  int
	groups bool // a page of groups was folded
	heard  heard
	gathered
}

// leastPages is how many pages of an enumeration a step reads however much they change:
// each page names members of all kinds of places, and whatever a step changes a little of
// it writes anew. With a page to a step a large tenant is never read.
const leastPages = 50

// stop says whether a step has read enough.
func (f *follower) stop() bool {
	limit := f.limit
	if f.shadow && f.pages < leastPages {
		limit.bytes = math.MaxInt
	}
	return limit.reached(f.tx, f.pages)
}

// feed reads one feed to its end.
func (f *follower) feed(ctx context.Context, feed directory.Feed) (unread bool, err error) {
	r := f.round
	for ; !r.Done[feed]; f.pages++ {
		if unread = f.stop(); unread {
			break
		}
		page, err := f.p.Source.Page(ctx, feed, r.Links[feed])
		if err != nil {
			f.refused(feed, err)
			break
		}
		delete(r.Refused, feed)
		f.heard.news = f.heard.news || len(page.Groups)+len(page.Principals) > 0
		f.groups = f.groups || feed == directory.GroupFeed
		f.p.tellOdd(f.tx, page)
		f.count(page)
		if err := f.gather(ctx, page); err != nil {
			return false, err
		}
		r.Links[feed] = page.Next + page.Delta
		r.Done[feed] = page.Delta != ""
	}
	return unread, f.fold(ctx)
}

// refused notes why a feed could not be read. A link that Graph does not know any more,
// or refuses twice, is lost.
func (f *follower) refused(feed directory.Feed, err error) {
	waitFor(f.tx, err)
	f.heard.silent = f.heard.silent || feed == directory.GroupFeed
	r := f.round
	switch {
	case errors.Is(err, directory.ErrResync), errors.Is(err, directory.ErrLink) && r.Refused[feed]:
		if r.LostFeeds == nil {
			r.LostFeeds = map[directory.Feed]bool{}
		}
		r.LostFeeds = maps.Clone(r.LostFeeds)
		r.LostFeeds[feed] = true
		delete(r.Refused, feed)
		if f.shadow {
			f.heard.source = errors.Join(f.heard.source, err)
		}
		return
	case errors.Is(err, directory.ErrLink):
		r.Refused[feed] = true
	}
	f.heard.source = errors.Join(f.heard.source, err)
}

// lost says whether a feed of a round is lost and nothing was done about it yet, and
// whether the round still serves while another one is made: it does without any but the
// groups' feed.
func lost(r *journal.Round) (again, beside bool) {
	beside = !r.LostFeeds[directory.GroupFeed]
	for range r.LostFeeds {
		again = true
	}
	return again, beside
}

// maxWait is how long Graph is believed that it must not be asked.
const maxWait = 24 * time.Hour

// waitFor keeps Graph's wish not to be asked for a while: nobody else would remember it.
func waitFor(tx *journal.Tx, err error) {
	if at := askedToWait(tx, err); !at.IsZero() {
		tx.Head.Wait = at
	}
}

// askedToWait is until when Graph asks to be left alone; zero: it does not.
func askedToWait(tx *journal.Tx, err error) time.Time {
	var wait interface{ NotBefore() time.Time }
	if !errors.As(err, &wait) {
		return time.Time{}
	}
	at := wait.NotBefore().UTC().Truncate(time.Second)
	if most := tx.Now.Add(maxWait); at.After(most) {
		at = most
	}
	return at
}

// userMembers counts, in Round.Named, users that groups named as members.
const userMembers directory.Feed = "user members"

// namedNobody is the error of an enumeration in which the feed of users, which is said to
// be complete, names nobody, although groups have users as members. It is read again.
func namedNobody(r *journal.Round) error {
	if r.Named[directory.UserFeed] > 0 || r.Named[userMembers] == 0 {
		return nil
	}
	r.Links, r.Done = maps.Clone(r.Links), maps.Clone(r.Done)
	delete(r.Links, directory.UserFeed)
	delete(r.Done, directory.UserFeed)
	return errors.New("the users feed of Graph ended without a single user, although groups have users as members: it is read again in the next turn; does the app have User.Read.All?")
}

func (f *follower) count(page directory.Page) {
	if !f.shadow {
		return
	}
	f.round.Named[page.Feed] += len(page.Groups) + len(page.Principals)
	for _, c := range page.Groups {
		for _, m := range c.Members {
			if m.Kind == directory.User {
				f.round.Named[userMembers]++
			}
		}
	}
}

// tellOdd tells of what could not be read of a page.
func (p *Planner) tellOdd(tx *journal.Tx, page directory.Page) {
	if p.Log == nil {
		return
	}
	for _, o := range page.Odd[:min(len(page.Odd), 20)] {
		p.Log.Warn("something that Graph sent could not be read, and was left out", "feed", page.Feed, "object", o.ID, "property", o.Property, "why", o.What)
	}
}
