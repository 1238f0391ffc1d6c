package directory

import (
	"cmp"
	"slices"
)

// merged is what changes make of a list of members or owners. All are by ID.
type merged struct {
	now   []Member
	came  bool
	gone  []Member // out of the list
	never []Member // taken out, and not in the list: an item replayed, or nobody knew of them
}

// merge merges one item's changes into a list of the members or owners of a group. What
// the item says last of somebody counts.
func (s Snapshot) merge(group ID, list []Member, changes []MemberChange, t Touched) (m merged) {
	if len(changes) == 0 {
		return merged{now: list}
	}
	m.now = make([]Member, 0, len(list)+len(changes))
	for _, c := range lastWords(changes) {
		at, is := find(list, c.ID)
		m.now, list = append(m.now, list[:at]...), list[at:]
		switch {
		case is && c.Removed:
			m.gone, list = append(m.gone, list[0]), list[1:]
		case !is && !c.Removed:
			m.now, m.came = append(m.now, s.member(c, group, t).asMember()), true
		case !is && s.Principals[c.ID] != nil:
			m.never = append(m.never, s.Principals[c.ID].asMember())
		}
	}
	m.now = append(m.now, list...)
	return m
}

// foldMembers merges one item's changes into the members of g, and says whether that made
// a difference.
func (s Snapshot) foldMembers(g *Group, changes []MemberChange, t Touched) bool {
	m := s.merge(g.ID, g.Members, changes, t)
	left := m.gone
	if g.Reading == Partial || g.Reading == Doubted { // nobody knew that they were members, and perhaps they were
		left = union(left, m.never)
	}
	if !m.came && len(left) == 0 {
		return false
	}
	g.Members = m.now
	g.leave(left)
	return true
}

// foldOwners does the same for the owners of g. Who was one and is not any more is nobody
// to whom anything is owed: he is forgotten.
func (s Snapshot) foldOwners(g *Group, c GroupChange, t Touched) bool {
	m := s.merge(g.ID, g.Owners, c.Owners, t)
	known := g.OwnersKnown && c.ownersTold()
	changed := m.came || len(m.gone) > 0 || known != g.OwnersKnown
	g.Owners, g.OwnersKnown = m.now, known
	return changed
}

// readOwners takes the owners as a reading by name has them. One that lacks an owner, or,
// of owners who were all known, has another, is contradicted: the next one tells.
func (s Snapshot) readOwners(g *Group, c GroupChange, t Touched) {
	before := g.Owners
	if c.ownersTold() {
		g.Owners = nil
	}
	g.Owners = s.merge(g.ID, g.Owners, c.Owners, t).now
	lacks, more := len(lost(g.Owners, before)) > 0, len(lost(before, g.Owners)) > 0
	g.OwnersKnown = c.ownersTold() && !lacks && !(more && g.OwnersKnown)
}

// ownersTold says whether an item keeps no change of owners back. Of a group that keeps
// its members to itself nobody promises that it does not.
func (c GroupChange) ownersTold() bool { return c.OwnersTold && !c.Unread }

// comeBack makes a group that was gone one that is there: who its members and owners are
// now, that alone does not tell.
func (g *Group) comeBack() {
	g.Gone, g.Reading, g.Members, g.Owners, g.OwnersKnown = NotRemoved, Partial, nil, nil, false
}

// lastWords sorts changes by member, and keeps the last of each.
func lastWords(changes []MemberChange) []MemberChange {
	out := slices.Clone(changes)
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b MemberChange) int { return a.ID.Compare(b.ID) })
	return slices.CompactFunc(out, func(a, b MemberChange) bool { return a.ID == b.ID })
}

// leave adds to those that left, less those that are in g again: g.Members is
// as it is now.
func (g *Group) leave(left []Member) {
	g.Left = slices.DeleteFunc(union(g.Left, left), func(m Member) bool {
		at, is := find(g.Members, m.ID)
		return is && g.Members[at].is(m)
	})
}

// find returns where a member is or would be.
func find(ms []Member, id ID) (at int, is bool) {
	return slices.BinarySearchFunc(ms, id, func(m Member, id ID) int { return m.ID.Compare(id) })
}

func (p *Principal) asMember() Member {
	return Member{ID: p.ID, Kind: p.Kind, Standing: p.Standing, SID: p.SID, Mail: p.Mail}
}

// member returns the principal behind a new member of a group, and notes the
// group as its parent.
func (s Snapshot) member(c MemberChange, parent ID, t Touched) *Principal {
	p := s.Principals[c.ID]
	if p == nil {
		p = &Principal{ID: c.ID, Kind: c.Kind}
		if b := s.Before[c.ID]; b != nil {
			p.Name, p.SID, p.Mail = b.Name, b.SID, b.Mail
		}
		if g := s.Groups[c.ID]; g != nil && c.Kind == GroupKind {
			p.standAs(g)
		}
	}
	at, has := slices.BinarySearchFunc(p.Parents, parent, ID.Compare)
	if has && s.Principals[c.ID] != nil {
		return p
	}
	q := *p
	if !has {
		q.Parents = slices.Insert(slices.Clone(p.Parents), at, parent)
	}
	s.Principals[c.ID] = &q
	t.Principals[c.ID] = true
	return &q
}

// is says whether somebody whom Graph names twice is the same one in Active Directory.
func (m Member) is(other Member) bool { return m.SID == other.SID && m.Mail == other.Mail }

// nameable says whether somebody has been anybody in Active Directory.
func (m Member) nameable() bool { return m.SID != "" || m.Mail != "" }

func byID(a, b Member) int {
	return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.SID, b.SID), cmp.Compare(a.Mail, b.Mail))
}

// union merges two lists of members, both sorted and unique by id, SID and address.
func union(a, b []Member) []Member {
	if len(b) == 0 {
		return slices.Clone(a)
	}
	out := make([]Member, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := byID(a[0], b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
