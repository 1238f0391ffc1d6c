package graphtest

import (
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
)

// relation is what others are to a group.
type relation int

const (
	member relation = iota
	owner
)

// edge is the last that happened to a membership or an ownership.
type edge struct {
	present bool
	seq     uint64
}

// former is what somebody was to a group.
type former struct {
	group directory.ID
	as    relation
}

// AddMember adds a member to a group. One that is there already is no event.
func (t *Tenant) AddMember(group, id directory.ID) error { return t.change(group, member, id, true) }

// RemoveMember takes a member out of a group. One that is not there is no event.
func (t *Tenant) RemoveMember(group, id directory.ID) error {
	return t.change(group, member, id, false)
}

// AddOwner makes a user or a service principal an owner of a group. One that is so already
// is no event.
func (t *Tenant) AddOwner(group, id directory.ID) error { return t.change(group, owner, id, true) }

// RemoveOwner ends that. One that is no owner is no event.
func (t *Tenant) RemoveOwner(group, id directory.ID) error {
	return t.change(group, owner, id, false)
}

func (t *Tenant) change(group directory.ID, r relation, other directory.ID, present bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, err := t.live(group, directory.GroupKind)
	if err == nil {
		err = t.fits(r, other)
	}
	if err != nil {
		return fmt.Errorf("change membership or ownership: %w", err)
	}
	t.link(g, r, other, present)
	return nil
}

// fits says why something cannot be a member or owner of a group.
// Source: https://learn.microsoft.com/graph/api/group-post-owners.
func (t *Tenant) fits(r relation, id directory.ID) error {
	o, err := t.live(id, "")
	if err == nil && r == owner && o.kind != directory.User && o.kind != directory.ServicePrincipal {
		err = fmt.Errorf("a %s cannot own a group", o.kind)
	}
	return err
}

func (t *Tenant) link(g *object, r relation, other directory.ID, present bool) {
	if g.links[r][other].present == present {
		return
	}
	what := [...][2]What{member: {MemberRemoved, MemberAdded}, owner: {OwnerRemoved, OwnerAdded}}[r]
	e := Event{What: what[0], Object: g.id, Member: other}
	if present {
		e.What = what[1]
	}
	if g.links[r] == nil {
		g.links[r] = map[directory.ID]edge{}
	}
	g.links[r][other] = edge{present, t.append(e)}
}

// leaveAll takes an object out of every group, and returns what it was to them.
func (t *Tenant) leaveAll(id directory.ID) (left []former) {
	for _, gid := range t.order {
		g := t.objects[gid]
		for r := range g.links {
			if g.links[r][id].present {
				t.link(g, relation(r), id, false)
				left = append(left, former{gid, relation(r)})
			}
		}
	}
	return left
}

// present lists who is a member or owner of a group, sorted.
func (o *object) present(r relation) []directory.ID {
	var ids []directory.ID
	for id, e := range o.links[r] {
		if e.present {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, directory.ID.Compare)
	return ids
}

// changed is what is told of a group's members or owners: all of them, or what is new.
func (t *Tenant) changed(o *object, r relation, q query, all bool) []directory.MemberChange {
	var changes []directory.MemberChange
	for id, e := range o.links[r] {
		news := e.seq > q.since
		switch {
		case e.present && (news || all), !e.present && news && (q.since > 0 || q.deleted):
			changes = append(changes, directory.MemberChange{ID: id, Kind: t.objects[id].kind, Removed: !e.present})
		}
	}
	slices.SortFunc(changes, func(a, b directory.MemberChange) int { return a.ID.Compare(b.ID) })
	return changes
}
