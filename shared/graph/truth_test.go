package graph_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

// mirror is the simplest fold there is, so that nobody shares its mistakes.
type mirror struct {
	props   map[directory.ID]directory.Properties
	members map[directory.ID]map[directory.ID]bool
	owners  map[directory.ID]map[directory.ID]bool
	removed map[directory.ID]directory.Removal
}

func newMirror() mirror {
	links := func() map[directory.ID]map[directory.ID]bool { return map[directory.ID]map[directory.ID]bool{} }
	return mirror{map[directory.ID]directory.Properties{}, links(), links(), map[directory.ID]directory.Removal{}}
}

func (m mirror) fold(p directory.Page) {
	for _, c := range p.Groups {
		m.put(c.ID, c.Set, c.Removed)
		link(m.members, c.ID, c.Members)
		link(m.owners, c.ID, c.Owners)
	}
	for _, c := range p.Principals {
		m.put(c.ID, c.Set, c.Removed)
	}
}

func link(links map[directory.ID]map[directory.ID]bool, id directory.ID, changes []directory.MemberChange) {
	for _, x := range changes {
		if links[id] == nil {
			links[id] = map[directory.ID]bool{}
		}
		links[id][x.ID] = !x.Removed
	}
}

func (m mirror) put(id directory.ID, set directory.Properties, removed directory.Removal) {
	if m.removed[id] != directory.NotRemoved && removed == directory.NotRemoved {
		delete(m.members, id) // restored: all its members and owners come
		delete(m.owners, id)
	}
	m.removed[id] = removed
	if m.props[id] == nil {
		m.props[id] = directory.Properties{}
	}
	maps.Copy(m.props[id], set)
}

// row is what mirror and truth are compared by.
type row struct {
	Removed directory.Removal
	Props   map[string]string
	Members []string
	Owners  []string
}

func (m mirror) rows() map[string]row {
	rows := map[string]row{}
	for id, removed := range m.removed {
		r := row{Removed: removed}
		if removed == directory.NotRemoved {
			r.Props = map[string]string{}
			for name, v := range m.props[id] {
				if len(v) > 0 {
					r.Props[name] = fmt.Sprint(v)
				}
			}
			r.Members, r.Owners = linked(m.members[id]), linked(m.owners[id])
		}
		rows[id.String()] = r
	}
	return rows
}

func linked(of map[directory.ID]bool) (out []string) {
	for id, is := range of {
		if is {
			out = append(out, id.String())
		}
	}
	slices.Sort(out)
	return out
}

// truth tells the tenant's own story in the same rows. What was deleted before the
// mirror saw it need not be in the mirror.
func truth(c *graph.Client, t graphtest.Truth, seen mirror) map[string]row {
	rows := map[string]row{}
	add := func(objects []graphtest.TruthObject, f directory.Feed) {
		for _, o := range objects {
			if _, known := seen.removed[o.ID]; o.Removed != directory.NotRemoved && !known {
				continue
			}
			r := row{Removed: o.Removed}
			if o.Removed == directory.NotRemoved {
				r.Props = map[string]string{}
				for name, v := range o.Properties {
					if s, single := v.([]string); slices.Contains(c.Select(f), name) && (!single || len(s) > 0) {
						r.Props[name] = fmt.Sprint(values(v))
					}
				}
				for _, m := range o.Members {
					r.Members = append(r.Members, m.ID.String())
				}
				for _, m := range o.Owners {
					r.Owners = append(r.Owners, m.ID.String())
				}
			}
			rows[o.ID.String()] = r
		}
	}
	add(t.Groups, directory.GroupFeed)
	add(t.Users, directory.UserFeed)
	add(t.Devices, directory.DeviceFeed)
	return rows
}

func values(v any) []string {
	if list, is := v.([]string); is {
		return list
	}
	return []string{fmt.Sprint(v)}
}

// history does n random things to a tenant. What is not possible just then is left.
func history(t *graphtest.Tenant, r *rand.Rand, n int) {
	user := func() directory.ID { return graphtest.ID(fmt.Sprint("user ", r.IntN(30))) }
	group := func() directory.ID { return graphtest.ID(fmt.Sprint("group ", r.IntN(12))) }
	any := func() directory.ID {
		if r.IntN(5) == 0 {
			return group()
		}
		return user()
	}
	for range n {
		switch r.IntN(17) {
		case 0:
			_ = t.AddUser(graphtest.User{ID: user(), UPN: "u@x", SID: "S-1-5-21-1-2-3-1101"})
		case 1:
			_ = t.AddGroup(graphtest.Group{ID: group(), DisplayName: "G"})
		case 2:
			_ = t.Rename(any(), fmt.Sprint("name ", r.IntN(9)))
		case 3:
			_ = t.SetProperty(any(), "description", nil)
		case 4:
			_ = t.SetProperty(group(), "groupTypes", []string{"Unified", "DynamicMembership"}[:r.IntN(3)])
		case 5:
			_ = t.SetProperty(user(), "onPremisesSecurityIdentifier", nil)
		case 6:
			_ = t.SoftDelete(any())
		case 7:
			_ = t.Restore(any())
		case 8:
			if r.IntN(8) == 0 {
				_ = t.HardDelete(any())
			}
		case 9:
			_ = t.RemoveMember(group(), any())
		case 10:
			_ = t.RemoveOwner(group(), user())
		case 11, 12:
			_ = t.AddOwner(group(), user())
		default:
			_ = t.AddMember(group(), any())
		}
	}
}

// TestDeltasLeadToTheTruth: however the pages are cut, shuffled and repeated, and
// whatever happens while they are read, who folds them ends up with the tenant.
func TestDeltasLeadToTheTruth(t *testing.T) {
	for name, o := range map[string]graphtest.Options{
		"polite":   {},
		"small":    {PageSize: 1, MemberSlice: 1},
		"shuffled": {PageSize: 3, MemberSlice: 2, Shuffle: true},
		"repeated": {PageSize: 4, MemberSlice: 3, Repeat: 2},
		"nasty":    {PageSize: 2, MemberSlice: 2, Shuffle: true, Repeat: 1, EmptyPages: 1, ListDeleted: true, Replay: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				converge(t, o, seed)
			}
		})
	}
}

func converge(t *testing.T, o graphtest.Options, seed uint64) {
	t.Helper()
	var tenant graphtest.Tenant
	r := rand.New(rand.NewPCG(seed, 1))
	history(&tenant, r, 200)
	o.Seed = seed
	s := serve(t, &tenant, o)
	c := dial(t, s, func(o *graph.Options) { o.Properties = []string{"owners"} })
	m := newMirror()
	snapshot := directory.Snapshot{Groups: map[directory.ID]*directory.Group{}, Principals: map[directory.ID]*directory.Principal{}}
	links := map[directory.Feed]string{}
	feeds := []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	for round := range 8 {
		if s.Thaw(); round < 7 && o.Replay > 0 {
			s.Freeze(feeds[round%3]) // it comes late
		}
		for _, f := range feeds {
			for {
				p, err := c.Page(context.Background(), f, links[f])
				ok(t, err)
				m.fold(p)
				snapshot.Fold(p)
				if links[f] = p.Next; p.Delta != "" {
					links[f] = p.Delta
					break
				}
				if round < 7 { // the last round is quiet
					history(&tenant, r, 3)
				}
			}
		}
		if round < 6 {
			history(&tenant, r, 20)
		}
	}
	if d := cmp.Diff(truth(c, tenant.Dump(), m), m.rows()); d != "" {
		t.Errorf("seed %d:\n%s", seed, d)
	}
	for _, g := range tenant.Dump().Groups {
		if got := snapshot.Groups[g.ID]; g.Removed == directory.NotRemoved && (got == nil || got.Gone != directory.NotRemoved || !same(got.Members, g.Members) || !same(got.Owners, g.Owners)) {
			t.Errorf("seed %d: directory.Snapshot has group %s as %+v, want members %v, owners %v", seed, g.ID, got, g.Members, g.Owners)
		}
	}
}

func same(got []directory.Member, want []graphtest.TruthMember) bool {
	return slices.EqualFunc(got, want, func(a directory.Member, b graphtest.TruthMember) bool { return a.ID == b.ID && a.Kind == b.Kind })
}
