package cycle_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// source is Graph without a network: a link is "since:until:offset", two numbers
// of the tenant's history and how many objects between them were told of.
type source struct {
	tenant  *graphtest.Tenant
	expired bool // links are forgotten once
	size    int  // objects in a page; 0: all
	pages   int
	took    time.Duration

	lag    int                      // events that are not told yet
	rewind int                      // how many events are told again by the next delta
	refuse map[directory.Feed]error // of links, until the feed is begun anew
	bare   bool                     // the item of a restored group names none of the members that it had
	whole  bool                     // the page under way is of an enumeration
	owners bool                     // owners are asked for

	edit   func(p *directory.Page) error // what goes wrong with a page; nil: nothing
	reread int                           // groups that were read once more
	again  func(p *directory.Page) error // what goes wrong then; nil: nothing

	described int                           // users that were read by id
	describe  func(p *directory.Page) error // what goes wrong then; nil: nothing

	flags func(id directory.ID) error // what goes wrong with flags; nil: nothing
	asked []directory.ID              // for their flags
}

// sources is held while one is asked for flags, which is done by several at once.
var sources sync.Mutex

// Flags is what a Microsoft 365 group says of itself.
func (s *source) Flags(_ context.Context, id directory.ID) (directory.Page, error) {
	sources.Lock()
	defer sources.Unlock()
	s.asked = append(s.asked, id)
	p := directory.Page{Feed: directory.GroupFeed}
	if s.flags != nil {
		if err := s.flags(id); err != nil {
			return p, err
		}
	}
	for _, g := range s.tenant.Dump().Groups {
		if g.ID == id && g.Removed == "" {
			set := directory.Properties{}
			for _, name := range []string{"allowExternalSenders", "hideFromAddressLists", "hideFromOutlookClients"} {
				set[name] = []string{strconv.FormatBool(g.Properties[name] == true)}
			}
			p.Groups = append(p.Groups, directory.GroupChange{ID: id, Set: set})
			return p, nil
		}
	}
	return p, directory.ErrUntold
}

func (s *source) Again(_ context.Context, groups []directory.ID, link string) (directory.Page, error) {
	s.reread += len(groups)
	p := s.changes(directory.GroupFeed, s.tenant.Dump(), s.tenant.History(), true)
	p.Groups = slices.DeleteFunc(p.Groups, func(c directory.GroupChange) bool { return !slices.Contains(groups, c.ID) })
	if len(groups) > 50 || link != "" {
		return p, errors.New("bad request")
	}
	p.Delta = "not to be followed"
	if s.again != nil {
		return p, s.again(&p)
	}
	return p, nil
}

// Describe reads users by id.
func (s *source) Describe(_ context.Context, feed directory.Feed, ids []directory.ID) (directory.Page, error) {
	s.described += len(ids)
	p := s.changes(feed, s.tenant.Dump(), s.tenant.History(), true)
	p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return !slices.Contains(ids, c.ID) })
	if len(ids) > 50 {
		return p, errors.New("bad request")
	}
	if s.describe != nil {
		return p, s.describe(&p)
	}
	return p, nil
}

func (s *source) Page(_ context.Context, feed directory.Feed, link string) (directory.Page, error) {
	s.pages++
	defer func(began time.Time) { s.took += time.Since(began) }(time.Now())
	if link != "" && s.expired {
		s.expired = false
		return directory.Page{}, directory.ErrResync
	}
	if err := s.refuse[feed]; err != nil && link != "" {
		return directory.Page{}, err
	}
	if link == "" {
		delete(s.refuse, feed)
	}
	truth := s.tenant.Dump()
	since, until, offset := 0, int(truth.Seq), 0
	if link != "" {
		if _, err := fmt.Sscanf(link, "%d:%d:%d", &since, &until, &offset); err != nil {
			return directory.Page{}, err
		}
	}
	if offset == 0 { // a round begins
		since, until = until, max(until, int(truth.Seq)-s.lag)
	}
	if link == "" {
		since, until = 0, max(0, int(truth.Seq)-s.lag)
	}
	s.whole = link == "" || since == 0
	if !s.whole && offset == 0 {
		since = max(1, since-s.rewind)
		s.rewind = 0
	}
	p := s.changes(feed, truth, s.tenant.History()[since:until], s.whole)
	all := max(len(p.Groups), len(p.Principals))
	end := all
	if s.size > 0 {
		end = min(offset+s.size, all)
	}
	p.Groups, p.Principals = part(p.Groups, offset, end), part(p.Principals, offset, end)
	if end < all {
		p.Next = fmt.Sprintf("%d:%d:%d", since, until, end)
	} else {
		p.Delta = fmt.Sprintf("%d:%d:0", since, until)
	}
	if s.edit != nil {
		if err := s.edit(&p); err != nil {
			return directory.Page{}, err
		}
	}
	return p, nil
}

func part[T any](all []T, from, to int) []T { return all[min(from, len(all)):min(to, len(all))] }

// changes lists what events say of objects, as they are now; all says that they are listed
// whole, as in an enumeration.
func (s *source) changes(feed directory.Feed, truth graphtest.Truth, events []graphtest.Event, all bool) directory.Page {
	p := directory.Page{Feed: feed}
	about := map[directory.ID][]graphtest.Event{}
	for _, e := range events {
		if directory.IsFlag(e.Property) {
			continue // no delta tells of it
		}
		about[e.Object] = append(about[e.Object], e)
	}
	objects := map[directory.Feed][]graphtest.TruthObject{directory.GroupFeed: truth.Groups, directory.UserFeed: truth.Users, directory.DeviceFeed: truth.Devices, directory.ContactFeed: truth.Others}[feed]
	kind := map[directory.Feed]directory.Kind{directory.UserFeed: directory.User, directory.DeviceFeed: directory.Device, directory.ContactFeed: directory.Contact}[feed]
	for _, o := range objects {
		events := about[o.ID]
		switch {
		case len(events) == 0, all && o.Removed != "":
		case feed == directory.GroupFeed:
			c := groupChange(o, truth, events, all, s.bare)
			if s.owners && c.Removed == "" {
				c.Owners, c.OwnersTold = links(o.Owners, truth, events, all, s.bare, graphtest.OwnerAdded, graphtest.OwnerRemoved), true
			}
			p.Groups = append(p.Groups, c)
		default:
			p.Principals = append(p.Principals, directory.PrincipalChange{ID: o.ID, Kind: kind, Set: properties(o, events), Removed: o.Removed})
		}
	}
	return p
}

// groupChange is what a delta says of a group: of its members only those that came or
// left, but all of one that is new or restored.
func groupChange(o graphtest.TruthObject, truth graphtest.Truth, events []graphtest.Event, all, bare bool) directory.GroupChange {
	if o.Removed != "" {
		return directory.GroupChange{ID: o.ID, Removed: o.Removed}
	}
	return directory.GroupChange{ID: o.ID, Set: properties(o, events),
		Members: links(o.Members, truth, events, all, bare, graphtest.MemberAdded, graphtest.MemberRemoved)}
}

// links are a group's members or owners, or those that came or left.
func links(have []graphtest.TruthMember, truth graphtest.Truth, events []graphtest.Event, all, bare bool, added, removed graphtest.What) (out []directory.MemberChange) {
	told := map[directory.ID]bool{}
	for _, e := range events {
		switch e.What {
		case graphtest.Added:
			all = true
		case graphtest.Restored:
			all = all || !bare
		case added, removed:
			told[e.Member] = true
		}
	}
	for _, m := range have {
		if all || told[m.ID] {
			out = append(out, directory.MemberChange{ID: m.ID, Kind: m.Kind})
		}
		delete(told, m.ID)
	}
	for _, id := range slices.SortedFunc(maps.Keys(told), directory.ID.Compare) {
		kind := directory.User
		if slices.ContainsFunc(truth.Groups, func(g graphtest.TruthObject) bool { return g.ID == id }) {
			kind = directory.GroupKind
		}
		out = append(out, directory.MemberChange{ID: id, Kind: kind, Removed: true})
	}
	return out
}

func properties(o graphtest.TruthObject, events []graphtest.Event) directory.Properties {
	out := directory.Properties{}
	for _, e := range events {
		if e.What == graphtest.PropertySet {
			out[e.Property] = []string{} // unless it has a value
		}
	}
	for name, v := range o.Properties {
		if directory.IsFlag(name) {
			continue
		}
		switch v := v.(type) {
		case string:
			out[name] = []string{v}
		case bool:
			out[name] = []string{strconv.FormatBool(v)}
		case []string:
			out[name] = slices.Clone(v)
		}
	}
	return out
}
