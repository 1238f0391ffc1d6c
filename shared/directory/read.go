package directory

import "maps"

// Read folds what a reading by name said of the groups that were asked for: pages
// are all of its pages. It tells of whole groups, and yet it is one witness: where it
// contradicts what was known, another reading by name has to agree before anything is
// concluded from it.
func (s Snapshot) Read(asked []ID, pages []Page) Touched {
	t := newTouched()
	items := map[ID]GroupChange{}
	for _, p := range pages {
		for _, c := range p.Groups {
			if first, is := items[c.ID]; is {
				c = join(first, c)
			}
			items[c.ID] = c.clipped()
		}
	}
	for _, id := range asked {
		if c, listed := items[id]; listed && c.Removed == NotRemoved {
			s.readGroup(c, t)
		} else {
			s.unlisted(id, t)
		}
	}
	s.refreshAll(t)
	return t
}

// join puts the items of one group together.
func join(a, b GroupChange) GroupChange {
	return GroupChange{ID: b.ID, Set: a.Set.then(b.Set), Removed: b.Removed,
		Members: append(a.Members, b.Members...), Unread: a.Unread || b.Unread, Partial: a.Partial || b.Partial,
		Owners: append(a.Owners, b.Owners...), OwnersTold: a.OwnersTold && b.OwnersTold}
}

// then is what two changes say, one after the other: also what they clear.
func (p Properties) then(later Properties) Properties {
	switch {
	case len(later) == 0:
		return p
	case len(p) == 0:
		return later
	}
	out := maps.Clone(p)
	maps.Copy(out, later)
	return out
}

// readGroup takes a group as a reading by name has it.
func (s Snapshot) readGroup(c GroupChange, t Touched) {
	old := s.Groups[c.ID]
	g := Group{ID: c.ID}
	if old != nil {
		g = *old
	}
	if g.Gone != NotRemoved {
		g.comeBack()
	}
	props, other := g.Props.with(c.Set)
	g.Props = props
	if g.Unread = c.Unread; !c.Unread { // what was kept back is not nobody
		known := g.Members
		g.Members = nil
		s.foldMembers(&g, c.Members, t)
		g.leave(nil)
		lacks := len(lost(g.Members, known)) > 0 || c.Partial
		g.Reading = g.Reading.confirmed(lacks, lacks || other || len(lost(known, g.Members)) > 0)
	}
	s.readOwners(&g, c, t)
	s.putGroup(&g, t)
	s.regroup(&g, t)
}

// confirmed is the reading after another one, by name: it lacks some who were known, or
// is in any other way not what was known. Then it is news, or it comes from a server that
// has not heard of the last changes yet: the next one tells.
func (r Reading) confirmed(lacks, differs bool) Reading {
	switch {
	case r == Partial && lacks:
		return Partial // nobody has told of all of its members yet
	case r == Partial:
		return Whole
	case differs:
		return Doubted
	}
	return Named
}

// unlisted notes that a group was asked for by name and is not listed. It is gone when
// both an enumeration, or what was known, and a second look agree.
func (s Snapshot) unlisted(id ID, t Touched) {
	old := s.Groups[id]
	g := Group{ID: id, Gone: Unlisted, Reading: Named}
	switch {
	case old == nil:
	case old.Gone == SoftDeleted || old.Gone == Deleted, old.Gone == Unlisted && old.Reading == Named:
		return
	default:
		g.Props, g.Left, g.Unread = old.Props, old.Left, old.Unread
		if old.Gone == NotRemoved {
			g.Reading = Whole // the first time
		}
	}
	s.putGroup(&g, t)
	s.regroup(&g, t)
}

// Succeed is what a complete enumeration says of a group, g, in the light of what was
// known before it, old; g is nil if it does not list it. Whom it lacks has not left
// for that: guards and evidence ask for more. Flags no enumeration tells: they stay.
func Succeed(g, old *Group) *Group {
	if g == nil {
		if old.Gone != NotRemoved {
			return old
		}
		return &Group{ID: old.ID, Props: old.Props, Left: old.Left, Gone: Unlisted, Reading: Whole}
	}
	if g.Gone == Unlisted {
		return g // it was held against the same before
	}
	learnt, _ := g.Learn(old.flags())
	now := *learnt
	now.Left = old.Left
	now.leave(nil)
	if old.Gone == NotRemoved && len(lost(g.Members, old.Members)) > 0 {
		now.Reading = Doubted
	}
	if old.Gone == NotRemoved && len(lost(g.Owners, old.Owners)) > 0 {
		now.OwnersKnown = false
	}
	return &now // whoever came while nobody listened it may lack: by name it was not read
}

// lost lists the members of old that are not among now; both sorted.
func lost(now, old []Member) (out []Member) {
	for _, m := range old {
		if _, is := find(now, m.ID); !is {
			out = append(out, m)
		}
	}
	return out
}
