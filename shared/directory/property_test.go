package directory_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
)

// A chooser returns a number in [0, n).
type chooser func(n int) int

// page draws what Graph may say next: a few items, each about another object.
func (choose chooser) page() directory.Page {
	if choose(3) == 0 {
		var items []directory.PrincipalChange
		for n := range 4 {
			if choose(2) == 0 {
				items = append(items, choose.user(user(n)))
			}
		}
		return usersPage(items...)
	}
	var items []directory.GroupChange
	for n := range 3 {
		if choose(2) == 0 {
			items = append(items, choose.group(group(n)))
		}
	}
	return groupsPage(items...)
}

func (choose chooser) user(id directory.ID) directory.PrincipalChange {
	switch choose(8) {
	case 0:
		return directory.PrincipalChange{ID: id, Removed: directory.SoftDeleted}
	case 1:
		return directory.PrincipalChange{ID: id, Removed: directory.Deleted}
	case 2:
		return directory.PrincipalChange{ID: id, Set: set("userType", "Guest")}
	case 3:
		return directory.PrincipalChange{ID: id, Set: set("onPremisesSecurityIdentifier", "")}
	}
	return synced(id, sid(1000+10*int(id[15])+choose(2)))
}

func (choose chooser) group(id directory.ID) directory.GroupChange {
	c := directory.GroupChange{ID: id}
	switch choose(12) {
	case 0:
		c.Removed = directory.SoftDeleted
		return c
	case 1:
		c.Removed = directory.Deleted
		return c
	case 2:
		c.Set = set("onPremisesSecurityIdentifier", string(sid(2000+choose(2))))
	case 3:
		c.Set = set("onPremisesSecurityIdentifier", "", "displayName", "G")
	case 4:
		c.Set = set("displayName", "H")
	case 5:
		c.Set, c.Unread = set("visibility", "HiddenMembership"), true
	case 6:
		c.Set = set("visibility", "HiddenMembership") // the app may see it now
	case 7:
		c.Partial = true
	case 8:
		c.Set = set("displayName", "", "description", "D")
	}
	if c.OwnersTold = choose(6) > 0; c.OwnersTold {
		c.Owners = choose.changes(everybody()[:4])
	}
	// Removed first, added after: what Graph never says of one item is that somebody
	// came and went; nor that a group is its own member, which Entra ID refuses.
	others := slices.DeleteFunc(everybody(), func(other directory.ID) bool { return other == c.ID })
	c.Members = choose.changes(others)
	return c
}

// changes removes some, and then adds some.
func (choose chooser) changes(of []directory.ID) (out []directory.MemberChange) {
	for _, id := range of {
		if choose(3) == 0 {
			out = append(out, remove(id)...)
		}
	}
	for _, id := range of {
		if choose(3) == 0 {
			out = append(out, add(id)...)
		}
	}
	return out
}

func everybody() (ids []directory.ID) {
	for n := range 4 {
		ids = append(ids, user(n))
	}
	for n := range 3 {
		ids = append(ids, group(n))
	}
	return ids
}

// split says the same as p in many pages: members and owners in slices, each in an item
// and a page of its own, and properties with any of them.
func (choose chooser) split(p directory.Page) (out []directory.Page) {
	for _, c := range p.Groups {
		props := c.Set
		for len(c.Members) > 0 && choose(4) > 0 {
			n := 1 + choose(len(c.Members))
			part := directory.GroupChange{ID: c.ID, Members: c.Members[:n], OwnersTold: c.OwnersTold}
			if len(c.Owners) > 0 && choose(2) == 0 {
				at := 1 + choose(len(c.Owners))
				part.Owners, c.Owners = c.Owners[:at], c.Owners[at:]
			}
			if choose(2) == 0 {
				part.Set, part.Unread = props, c.Unread
			}
			out, c.Members = append(out, groupsPage(part)), c.Members[n:]
		}
		out = append(out, groupsPage(c))
	}
	for _, c := range p.Principals {
		out = append(out, usersPage(c))
	}
	return out
}

// together says the same as pages of one feed in one page of many items.
func together(pages []directory.Page) directory.Page {
	var p directory.Page
	for _, part := range pages {
		p.Feed, p.Delta = part.Feed, part.Delta
		p.Groups = append(p.Groups, part.Groups...)
		p.Principals = append(p.Principals, part.Principals...)
	}
	return p
}

// shuffled says the same as p in another order. Changes of one member keep theirs.
func (choose chooser) shuffled(p directory.Page) directory.Page {
	p.Groups = slices.Clone(p.Groups)
	for i, c := range p.Groups {
		p.Groups[i].Members, p.Groups[i].Owners = choose.reordered(c.Members), choose.reordered(c.Owners)
	}
	return p
}

func (choose chooser) reordered(changes []directory.MemberChange) []directory.MemberChange {
	order := map[directory.ID]int{}
	for _, m := range changes {
		if _, ok := order[m.ID]; !ok {
			order[m.ID] = choose(100)
		}
	}
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b directory.MemberChange) int { return order[a.ID] - order[b.ID] })
	return changes
}

// loaded is the part of s that production loads to fold p.
func loaded(s directory.Snapshot, p directory.Page) directory.Snapshot {
	part := newSnapshot()
	part.Whole = s.Whole
	take := func(ids []directory.ID) {
		for _, id := range ids {
			if g := s.Groups[id]; g != nil {
				part.Groups[id] = g
			}
		}
	}
	groups, principals := p.Names()
	for _, id := range principals {
		if x := s.Principals[id]; x != nil {
			part.Principals[id] = x
		}
	}
	take(groups)
	take(part.Parents(p))
	return part
}

// tell folds random pages in one of the ways in which they may come.
func tell(t *testing.T, choose chooser, pages int) {
	s := newSnapshot()
	s.Whole = choose(2) == 0
	for range pages {
		p := choose.page()
		before := copied(s)

		part := loaded(before, p)
		touched := part.Fold(p)
		folded(t, s, p)
		partly := copied(before)
		for id := range touched.Groups {
			partly.Groups[id] = part.Groups[id]
		}
		for id := range touched.Principals {
			partly.Principals[id] = part.Principals[id]
		}
		check(t, "of what a page names, and kept what it touched", p, s, partly)
		for id := range touched.Groups {
			if !touched.Decide[id] {
				t.Fatalf("group %s was changed and is not decided again", id)
			}
		}
		if diff := gocmp.Diff(leftOf(s), leftOf(partly)); diff != "" {
			t.Fatalf("%+v folded of what it names: who left -want +got:\n%s", p, diff)
		}
		for id, g := range before.Groups {
			if now := s.Groups[id].Reading; now != g.Reading && (now == directory.Whole || now == directory.Named) {
				t.Fatalf("group %s is %q after %+v, which is a delta", id, now, p)
			}
			if !g.OwnersKnown && s.Groups[id].OwnersKnown {
				t.Fatalf("all owners of group %s are known after %+v, which is a delta", id, p)
			}
			if g.Unread && !s.Groups[id].Unread {
				t.Fatalf("group %s is believed after %+v, which cannot say who was kept back before", id, p)
			}
		}

		check(t, "twice", p, s, folded(t, copied(s), p))
		check(t, "in slices", p, s, folded(t, copied(before), choose.split(p)...))
		check(t, "in many items of one page", p, s, folded(t, copied(before), together(choose.split(p))))
		check(t, "in another order", p, s, folded(t, copied(before), choose.shuffled(p)))
	}
}

// leftOf is who left each group.
func leftOf(s directory.Snapshot) map[directory.ID][]directory.Member {
	out := map[directory.ID][]directory.Member{}
	for id, g := range s.Groups {
		if len(g.Left) > 0 {
			out[id] = g.Left
		}
	}
	return out
}

func check(t *testing.T, how string, p directory.Page, want, got directory.Snapshot) {
	t.Helper()
	if diff := differ(want, got); diff != "" {
		t.Fatalf("%+v folded %s: -want +got:\n%s", p, how, diff)
	}
}

func TestFoldedInAnyWay(t *testing.T) {
	for seed := range 200 {
		tell(t, rand.New(rand.NewPCG(uint64(seed), 1)).IntN, 10)
	}
}

func FuzzFold(f *testing.F) {
	f.Add([]byte("what Graph says"))
	f.Add([]byte{1, 0, 9, 9, 2, 2, 1, 1, 0, 0, 1, 0, 4, 1, 0, 1, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		tell(t, func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		}, min(1+len(data)/16, 12))
	})
}

// TestFeedsCommute folds groups before users and after them: who is a member,
// and what he is worth, is the same.
func TestFeedsCommute(t *testing.T) {
	for seed := range 200 {
		choose := chooser(rand.New(rand.NewPCG(uint64(seed), 2)).IntN)
		var groups, users []directory.Page
		for range 4 {
			if p := choose.page(); p.Feed == directory.GroupFeed {
				groups = append(groups, p)
			} else {
				users = append(users, p)
			}
		}
		a := folded(t, newSnapshot(), slices.Concat(groups, users)...)
		b := folded(t, newSnapshot(), slices.Concat(users, groups)...)
		for id, g := range a.Groups {
			if !slices.Equal(memberIDs(g), memberIDs(b.Groups[id])) {
				t.Fatalf("seed %d: members of %s: %v and %v", seed, id, memberIDs(g), memberIDs(b.Groups[id]))
			}
		}
	}
}

// TestBefore enumerates anew beside what is known: what is lost on the way is
// remembered, with the reason that it was not seen.
func TestBefore(t *testing.T) {
	main := folded(t, newSnapshot(),
		usersPage(synced(user(1), sid(1101)), synced(user(2), sid(1102)), synced(user(3), sid(1103))),
		groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1), user(2), user(3))},
			directory.GroupChange{ID: group(2), Set: set("onPremisesSecurityIdentifier", string(sid(2102)))},
			directory.GroupChange{ID: group(3), Members: add(group(2))}))
	shadow := newSnapshot()
	shadow.Before = maps.Clone(main.Principals)
	folded(t, shadow,
		usersPage(synced(user(1), sid(1101)), directory.PrincipalChange{ID: user(2), Set: set("onPremisesSecurityIdentifier", "")}), // the page with user 3 is lost
		groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1), user(2), user(3), user(4))},
			directory.GroupChange{ID: group(3), Members: add(group(2))})) // and group 2 is not listed
	want := map[directory.ID]directory.Member{
		user(1):  {Kind: directory.User, Standing: directory.Synced, SID: sid(1101)},
		user(2):  {Kind: directory.User, Standing: directory.LostSID, SID: sid(1102)},
		user(3):  {Kind: directory.User, Standing: directory.Unseen, SID: sid(1103)},
		user(4):  {Kind: directory.User, Standing: directory.Unseen},
		group(2): {Kind: directory.GroupKind, Standing: directory.Unseen, SID: sid(2102)},
	}
	for _, g := range []directory.ID{group(1), group(3)} {
		for _, m := range shadow.Groups[g].Members {
			w := want[m.ID]
			w.ID = m.ID
			if m != w {
				t.Errorf("member %+v, want %+v", m, w)
			}
			delete(want, m.ID)
		}
	}
	if len(want) > 0 {
		t.Errorf("members are missing: %v", want)
	}
}
