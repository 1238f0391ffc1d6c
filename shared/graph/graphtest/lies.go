package graphtest

import (
	"slices"

	"groupwriteback/shared/directory"
)

// Lie is what an answer keeps back. The zero value keeps nothing back. What is kept
// back is never told later, unless it happens again or is enumerated anew.
type Lie struct {
	Empty   bool           // there is nothing at all
	Objects []directory.ID // these are not listed, nor that they are gone
	Members []directory.ID // these are no members, in any group, nor have they left
	Bare    bool           // groups come without members and owners
}

// Lies are the lies of a server, each told independently of the others.
type Lies struct {
	Feeds map[directory.Feed]Lie // enumerations, and what changed
	Again Lie                    // groups that are read by id
	List  map[directory.Feed]Lie // users, devices and contacts that are read by id
}

// Lie has the server tell lies in place of those it told before, until it is called
// again; the zero value is the truth. An answer of many pages is what it was when the
// first of them was asked for.
func (s *Server) Lie(l Lies) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = l
}

func (s *Server) lieTo(q query) Lie {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case q.list:
		return s.lies.List[q.feed]
	case len(q.ids) > 0:
		return s.lies.Again
	}
	return s.lies.Feeds[q.feed]
}

// tell returns items less what l keeps back.
func (l Lie) tell(items []item) []item {
	var out []item
	for _, it := range items {
		if l.Empty || slices.Contains(l.Objects, it.id) {
			continue
		}
		it.members, it.owners = l.members(it.members), l.owners(it.owners)
		out = append(out, it)
	}
	return out
}

// Page returns a page of a feed as l tells it, for tests that need no server.
func (l Lie) Page(p directory.Page) directory.Page {
	out := p
	out.Groups, out.Principals = nil, nil
	for _, c := range p.Groups {
		if !l.Empty && !slices.Contains(l.Objects, c.ID) {
			c.Members, c.Owners = l.members(c.Members), l.owners(c.Owners)
			out.Groups = append(out.Groups, c)
		}
	}
	for _, c := range p.Principals {
		if !l.Empty && !slices.Contains(l.Objects, c.ID) {
			out.Principals = append(out.Principals, c)
		}
	}
	return out
}

func (l Lie) members(all []directory.MemberChange) (out []directory.MemberChange) {
	for _, m := range all {
		if !l.Bare && !slices.Contains(l.Members, m.ID) {
			out = append(out, m)
		}
	}
	return out
}

func (l Lie) owners(all []directory.MemberChange) []directory.MemberChange {
	if l.Bare {
		return nil
	}
	return all
}
