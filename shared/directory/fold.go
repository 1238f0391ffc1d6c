package directory

import (
	"cmp"
	"maps"
	"slices"
)

// Snapshot is the part of a tenant that a fold needs: all of it in a test, the
// records that a page names in production. An absent record does not exist.
type Snapshot struct {
	Groups     map[ID]*Group
	Principals map[ID]*Principal

	// Before holds the principals of the last complete enumeration while a new
	// one is folded from nothing, so that a SID once known is not forgotten
	// because a page was lost. Nil otherwise.
	Before map[ID]*Principal

	// Whole says that a full enumeration is folded: each group that it names it names
	// with all members.
	Whole bool
}

// Touched lists what a fold changed.
type Touched struct {
	Groups     map[ID]bool // records that changed
	Principals map[ID]bool // records that changed
	Decide     map[ID]bool // groups whose wanted state may be another now

	stale map[ID][]ID // by group, the members that changed
}

// Names lists the records that must be in a Snapshot before p is folded into
// it; the groups of Snapshot.Parents come on top.
func (p Page) Names() (groups, principals []ID) {
	gs, ps := map[ID]bool{}, map[ID]bool{}
	for _, c := range p.Groups {
		gs[c.ID], ps[c.ID] = true, true
		for _, m := range c.Members {
			ps[m.ID] = true
			if m.Kind == GroupKind {
				gs[m.ID] = true
			}
		}
		for _, o := range c.Owners {
			ps[o.ID] = true
		}
	}
	for _, c := range p.Principals {
		ps[c.ID] = true
	}
	return sortedIDs(gs), sortedIDs(ps)
}

// Parents lists the groups that hold a principal which p changes. s must hold
// what p.Names lists.
func (s Snapshot) Parents(p Page) []ID {
	gs := map[ID]bool{}
	add := func(id ID) {
		if x := s.Principals[id]; x != nil {
			for _, g := range x.Parents {
				gs[g] = true
			}
		}
	}
	for _, c := range p.Groups {
		add(c.ID)
	}
	for _, c := range p.Principals {
		add(c.ID)
	}
	return sortedIDs(gs)
}

// Fold changes s by what p says. Folding the same page twice, or the items of a
// change split over many pages, leads to the same snapshot. Records that a fold
// changes are replaced, never modified in place.
func (s Snapshot) Fold(p Page) Touched {
	t := newTouched()
	for _, c := range joined(p.Groups) {
		s.foldGroup(c, t)
	}
	for _, c := range p.Principals {
		s.foldPrincipal(c, t)
	}
	s.refreshAll(t)
	return t
}

// joined puts the items of one group together, as far as nothing is said of its
// deletion between them: a group may be large, and come in thousands of items.
func joined(items []GroupChange) []GroupChange {
	var out []GroupChange
	open := map[ID]int{} // where the last item of a group stands
	for _, c := range items {
		at, is := open[c.ID]
		if is && c.Removed == NotRemoved && out[at].Removed == NotRemoved {
			out[at] = join(out[at], c)
			continue
		}
		open[c.ID] = len(out)
		out = append(out, c.clipped())
	}
	return out
}

// clipped is an item of which what is put behind its lists does not lie on a neighbour's.
func (c GroupChange) clipped() GroupChange {
	c.Members, c.Owners = slices.Clip(c.Members), slices.Clip(c.Owners)
	return c
}

func newTouched() Touched {
	return Touched{map[ID]bool{}, map[ID]bool{}, map[ID]bool{}, map[ID][]ID{}}
}

func (s Snapshot) refreshAll(t Touched) {
	for id, principals := range t.stale {
		s.refresh(id, principals, t)
	}
}

func (s Snapshot) foldGroup(c GroupChange, t Touched) {
	old := s.Groups[c.ID]
	if c.Removed != NotRemoved {
		// A deletion of a group that we never saw says nothing to us. One that is
		// gone for good cannot come back to the recycle bin: an older item replayed.
		if old == nil || old.Gone == c.Removed || old.Gone == Deleted {
			return
		}
		g := *old
		g.Gone = c.Removed
		s.putGroup(&g, t)
		s.regroup(&g, t)
		return
	}
	g := Group{ID: c.ID}
	if old != nil {
		g = *old
	}
	changed := old == nil || c.Unread && !old.Unread
	g.Unread = g.Unread || c.Unread
	switch {
	case g.Gone != NotRemoved: // it is back: who its members are now, an item alone does not tell
		g.comeBack()
		changed = true
	case old == nil && s.Whole:
		g.Reading, g.OwnersKnown = Whole, true
	}
	if c.Partial && g.Reading != Doubted && g.Reading != Partial {
		g.Reading, changed = Doubted, true
	}
	props, setAny := g.Props.with(c.Set)
	g.Props = props
	members, owners := s.foldMembers(&g, c.Members, t), s.foldOwners(&g, c, t)
	if members || owners || setAny || changed {
		s.putGroup(&g, t)
	}
	if setAny || changed {
		s.regroup(&g, t)
	}
}

func (s Snapshot) foldPrincipal(c PrincipalChange, t Touched) {
	old := s.Principals[c.ID]
	p := Principal{ID: c.ID, Kind: c.Kind}
	if old != nil {
		p = *old
	} else if b := s.Before[c.ID]; b != nil {
		p.SID, p.Mail = b.SID, b.Mail
	}
	if old == nil && c.Removed != NotRemoved {
		return // never seen, already gone
	}
	p.Kind = c.Kind
	p.stand(c)
	if old != nil && old.asMember() == p.asMember() && old.Name == p.Name {
		return
	}
	s.putPrincipal(&p, t)
}

// stand sets name, SID and standing by what Graph says of a user or device, or of a
// contact.
func (p *Principal) stand(c PrincipalChange) {
	switch c.Removed {
	case SoftDeleted:
		if p.Standing != LostForGood {
			p.Standing = LostSoft
		}
		return
	case Deleted:
		p.Standing = LostForGood
		return
	}
	if name := cmp.Or(c.Set.First("userPrincipalName"), c.Set.First("displayName")); name != "" {
		p.Name = name
	}
	if c.Kind == Contact {
		p.standAt(c.Set)
		return
	}
	_, said := c.Set["onPremisesSecurityIdentifier"]
	sid, err := ParseSID(c.Set.First("onPremisesSecurityIdentifier"))
	switch {
	case err == nil:
		p.SID, p.Standing = sid, Synced
	case p.Standing == Synced && !said:
		// Not said is not lost.
	case p.SID != "":
		p.Standing = LostSID
	case c.Set.First("userType") == "Guest":
		p.Standing = Guest
	case p.Standing == Guest && c.Set["userType"] == nil:
		// still one
	default:
		p.Standing = CloudOnly
	}
}

// standAt sets address and standing by what Graph says of a contact.
func (p *Principal) standAt(set Properties) {
	_, said := set["mail"]
	switch mail := Address(set.First("mail")); {
	case mail != "":
		p.Mail, p.Standing = mail, Synced
	case p.Standing == Synced && !said:
		// Not said is not lost.
	case p.Mail != "":
		p.Standing = LostMail
	default:
		p.Standing = NoMail
	}
}

// regroup brings the principal behind a group, if it is a member somewhere, in
// line with the group, and has the groups that hold it decided again.
func (s Snapshot) regroup(g *Group, t Touched) {
	old := s.Principals[g.ID]
	if old == nil {
		return
	}
	p := *old
	p.standAs(g)
	s.putPrincipal(&p, t)
}

// standAs sets what a group is as a member. One that has a SID on premises is
// there, whoever masters it: the AD group of a converted one is kept.
func (p *Principal) standAs(g *Group) {
	p.Name = g.Props.First("displayName")
	sid, err := ParseSID(g.Props.First("onPremisesSecurityIdentifier"))
	switch {
	case err == nil:
		p.Standing, p.SID = Synced, sid
	case p.SID != "":
		p.Standing = LostSID
	default:
		p.Standing = CloudOnly
	}
	switch g.Gone {
	case SoftDeleted:
		p.Standing = LostSoft
	case Deleted:
		p.Standing = LostForGood
	}
}

// putPrincipal stores p; its memberships follow in refresh.
func (s Snapshot) putPrincipal(p *Principal, t Touched) {
	s.Principals[p.ID] = p
	t.Principals[p.ID] = true
	for _, id := range p.Parents {
		if s.Groups[id] != nil {
			t.stale[id] = append(t.stale[id], p.ID)
		}
	}
}

// refresh brings the members and owners of a group in line with the principals behind
// them: once for all that a page changed, for a group may be large.
func (s Snapshot) refresh(id ID, principals []ID, t Touched) {
	g := *s.Groups[id]
	g.Members, g.Owners = slices.Clone(g.Members), slices.Clone(g.Owners)
	var left []Member
	changed := false
	for _, pid := range principals {
		p := s.Principals[pid]
		at, is := find(g.Members, pid)
		owned, owns := find(g.Owners, pid)
		if !is && !owns { // it left: prune
			q := *p
			q.Parents = slices.DeleteFunc(slices.Clone(p.Parents), func(x ID) bool { return x == id })
			s.Principals[pid] = &q
			continue
		}
		t.Decide[id] = true
		now := p.asMember()
		if owns && g.Owners[owned] != now {
			g.Owners[owned], changed = now, true
		}
		if !is || g.Members[at] == now {
			continue
		}
		was := g.Members[at]
		if was.nameable() && !was.is(now) {
			left = append(left, was)
		}
		g.Members[at], changed = now, true
	}
	if changed {
		slices.SortFunc(left, byID) // a page may name principals in any order
		g.leave(slices.CompactFunc(left, func(a, b Member) bool { return byID(a, b) == 0 }))
		s.putGroup(&g, t)
	}
}

func (s Snapshot) putGroup(g *Group, t Touched) {
	s.Groups[g.ID] = g
	t.Groups[g.ID], t.Decide[g.ID] = true, true
}

// with returns p changed by set, and whether that made a difference.
func (p Properties) with(set Properties) (Properties, bool) {
	changed := false
	for k, v := range set {
		if slices.Equal(p[k], v) {
			continue
		}
		if !changed {
			p, changed = maps.Clone(p), true
			if p == nil {
				p = Properties{}
			}
		}
		if len(v) == 0 {
			delete(p, k)
		} else {
			p[k] = v
		}
	}
	return p, changed
}

func sortedIDs(set map[ID]bool) []ID { return slices.SortedFunc(maps.Keys(set), ID.Compare) }
