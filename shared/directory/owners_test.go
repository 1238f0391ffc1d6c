package directory_test

import (
	"maps"
	"slices"
	"testing"

	"groupwriteback/shared/directory"
)

// owned is an item that tells of owners.
func owned(changes ...directory.MemberChange) directory.GroupChange {
	return directory.GroupChange{Owners: changes, OwnersTold: true}
}

// TestOwners is who owns group 1, and whether that is all, after Graph was asked and has
// told. Unknown is not empty.
func TestOwners(t *testing.T) {
	unread := owned(add(user(2))...)
	unread.Unread = true
	part := directory.GroupChange{Owners: add(user(2))} // one of the item's owners could not be read
	gone := delta(directory.GroupChange{Removed: directory.SoftDeleted})
	whole := func(c directory.GroupChange) step {
		return func(t *testing.T, s directory.Snapshot) {
			s.Whole, c.ID = true, group(1)
			folded(t, s, groupsPage(c))
		}
	}
	tests := []struct {
		name  string
		steps []step
		want  []int
		known bool
	}{
		{"nobody asked for them", []step{whole(directory.GroupChange{})}, nil, false},
		{"none", []step{whole(owned())}, nil, true},
		{"enumerated", []step{whole(owned(add(user(2), user(1))...))}, []int{1, 2}, true},
		{"enumerated in slices", []step{whole(owned(add(user(2))...)), delta(owned(add(user(1))...))}, []int{1, 2}, true},
		{"one of the slices could not be read", []step{whole(owned(add(user(1))...)), delta(part)}, []int{1, 2}, false},
		{"added and removed later", []step{whole(owned(add(user(1))...)), delta(owned(add(user(2))...)), delta(owned(remove(user(1))...))}, []int{2}, true},
		{"removed and added in one item", []step{whole(owned(add(user(1))...)), delta(owned(append(remove(user(1)), add(user(1))...)...))}, []int{1}, true},
		{"the same again", []step{whole(owned(add(user(1))...)), delta(owned(add(user(1))...))}, []int{1}, true},
		{"one removed who was none", []step{whole(owned(add(user(1))...)), delta(owned(remove(user(2))...))}, []int{1}, true},
		{"by deltas alone", []step{delta(owned(add(user(1))...))}, []int{1}, false},
		{"a later delta makes up for nothing", []step{whole(owned()), delta(part), delta(owned(remove(user(1))...))}, []int{2}, false},
		{"members were kept back, and perhaps owners", []step{whole(unread)}, []int{2}, false},
		{"deleted and restored", []step{whole(owned(add(user(1))...)), gone, delta(owned(add(user(2))...))}, []int{2}, false},

		{"by deltas, then read by name", []step{delta(owned(add(user(1))...)), listed(owned(add(user(1), user(2))...))}, []int{1, 2}, true},
		{"the reading lacks one: another has to agree", []step{whole(owned(add(user(1), user(2))...)), listed(owned(add(user(1))...))}, []int{1}, false},
		{"another one agrees", []step{whole(owned(add(user(1), user(2))...)), listed(owned(add(user(1))...)), listed(owned(add(user(1))...))}, []int{1}, true},
		{"the reading has one more: another has to agree", []step{whole(owned()), listed(owned(add(user(1))...))}, []int{1}, false},
		{"a reading of which a part could not be read", []step{whole(owned(add(user(1))...)), listed(part)}, []int{1, 2}, false},
		{"not asked for any more", []step{whole(owned(add(user(1))...)), byName(1)}, []int{1}, false},
		{"restored, and read by name", []step{whole(owned(add(user(1))...)), gone, listed(owned(add(user(2))...))}, []int{2}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSnapshot()
			for _, next := range tt.steps {
				next(t, s)
			}
			g := s.Groups[group(1)]
			if got := ownerIDs(g); !slices.Equal(got, ids(tt.want)) || g.OwnersKnown != tt.known {
				t.Errorf("owners %v, all of them: %t; want %v, %t", got, g.OwnersKnown, ids(tt.want), tt.known)
			}
			if len(g.Left) > 0 {
				t.Errorf("%v left, who were no members", g.Left)
			}
		})
	}
}

// TestOwnersApart: what is odd about owners says nothing of the members, and the other way
// round.
func TestOwnersApart(t *testing.T) {
	s := newSnapshot()
	s.Whole = true
	folded(t, s, groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1)), OwnersTold: true},
		directory.GroupChange{ID: group(2), Members: add(user(1)), OwnersTold: true}))
	folded(t, s, groupsPage(directory.GroupChange{ID: group(1), Owners: add(user(2))},
		directory.GroupChange{ID: group(2), Partial: true, OwnersTold: true}))
	if g := s.Groups[group(1)]; g.Reading != directory.Whole || g.OwnersKnown {
		t.Errorf("with odd owners: members %q, all owners %t", g.Reading, g.OwnersKnown)
	}
	if g := s.Groups[group(2)]; g.Reading != directory.Doubted || !g.OwnersKnown {
		t.Errorf("with odd members: members %q, all owners %t", g.Reading, g.OwnersKnown)
	}
	read(t, s, groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1)), Owners: add(user(2), user(3)), OwnersTold: true}))
	if g := s.Groups[group(1)]; g.Reading != directory.Named || !g.OwnersKnown {
		t.Errorf("read by name, members as they were: members %q, all owners %t", g.Reading, g.OwnersKnown)
	}
}

// TestOwnersAreRenewed: an owner's SID is his principal's, and a change has the groups that
// he owns decided again, until he owns them no more.
func TestOwnersAreRenewed(t *testing.T) {
	s := folded(t, newSnapshot(),
		groupsPage(directory.GroupChange{ID: group(1), Owners: add(user(1)), OwnersTold: true},
			directory.GroupChange{ID: group(2), Owners: add(user(1)), Members: add(user(1)), OwnersTold: true},
			directory.GroupChange{ID: group(3), Owners: add(user(1)), OwnersTold: true}),
		groupsPage(directory.GroupChange{ID: group(2), Owners: remove(user(1)), OwnersTold: true},
			directory.GroupChange{ID: group(3), Owners: remove(user(1)), OwnersTold: true}))
	before := s.Groups[group(1)]
	touched := s.Fold(usersPage(synced(user(1), sid(1101))))
	if got := slices.SortedFunc(maps.Keys(touched.Decide), directory.ID.Compare); !slices.Equal(got, []directory.ID{group(1), group(2)}) {
		t.Errorf("decided again: %v, want the one that he owns and the one that he is a member of", got)
	}
	want := directory.Member{ID: user(1), Kind: directory.User, Standing: directory.Synced, SID: sid(1101)}
	if got := s.Groups[group(1)].Owners; len(got) != 1 || got[0] != want {
		t.Errorf("owner %+v, want %+v", got, want)
	}
	if before.Owners[0].SID != "" {
		t.Error("a fold modified a record in place")
	}
	if got := s.Principals[user(1)].Parents; !slices.Equal(got, []directory.ID{group(1), group(2)}) {
		t.Errorf("it is held by %v, want groups 1 and 2", got)
	}
	if err := consistent(s); err != nil {
		t.Error(err)
	}
}

// TestOwnersSucceed: an enumeration that lacks an owner is contradicted, until the group is
// read by name.
func TestOwnersSucceed(t *testing.T) {
	of := func(known bool, users ...int) *directory.Group {
		g := &directory.Group{ID: group(1), Reading: directory.Whole, OwnersKnown: known}
		for _, n := range users {
			g.Owners = append(g.Owners, directory.Member{ID: user(n), Kind: directory.User})
		}
		return g
	}
	gone := of(true, 1, 2)
	gone.Gone = directory.SoftDeleted
	for name, tt := range map[string]struct {
		now, old *directory.Group
		known    bool
	}{
		"the same":                    {of(true, 1), of(true, 1), true},
		"asked for now":               {of(true, 1), of(false), true},
		"one more":                    {of(true, 1, 2), of(true, 1), true},
		"it lacks one":                {of(true, 1), of(true, 1, 2), false},
		"it was deleted, and is back": {of(true, 1), gone, true},
		"not asked for any more":      {of(false), of(true, 1), false},
	} {
		got := directory.Succeed(tt.now, tt.old)
		if got.OwnersKnown != tt.known || !slices.Equal(got.Owners, tt.now.Owners) || got.Reading != directory.Whole {
			t.Errorf("%s: owners %v, all of them: %t, read %q", name, got.Owners, got.OwnersKnown, got.Reading)
		}
	}
}

// TestOwnersInParts: a group that comes in several items has all its owners told only if each of
// them tells its own, in whichever order, in the feed and by name.
func TestOwnersInParts(t *testing.T) {
	told := directory.GroupChange{ID: group(1), Owners: add(user(1)), OwnersTold: true}
	more := directory.GroupChange{ID: group(1), Owners: add(user(2)), OwnersTold: true}
	odd := directory.GroupChange{ID: group(1), Owners: add(user(2))}
	for name, tt := range map[string]struct {
		items []directory.GroupChange
		known bool
	}{
		"each is told":              {[]directory.GroupChange{told, more}, true},
		"the last one is not":       {[]directory.GroupChange{told, odd}, false},
		"the first one is not":      {[]directory.GroupChange{odd, told}, false},
		"the one in between is not": {[]directory.GroupChange{told, odd, told}, false},
	} {
		s := newSnapshot()
		s.Whole = true
		folded(t, s, groupsPage(tt.items...))
		byName := newSnapshot()
		var pages []directory.Page
		for _, c := range tt.items {
			pages = append(pages, groupsPage(c))
		}
		read(t, byName, pages...)
		for how, g := range map[string]*directory.Group{"of a page": s.Groups[group(1)], "by name": byName.Groups[group(1)]} {
			if g.OwnersKnown != tt.known || !slices.Equal(ownerIDs(g), ids([]int{1, 2})) {
				t.Errorf("%s, %s: owners %v, all of them: %t", name, how, ownerIDs(g), g.OwnersKnown)
			}
		}
	}
}
