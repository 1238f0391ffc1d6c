package directory_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
)

// told is what is known of group 1 after Graph was asked and has told.
type told struct {
	gone    directory.Removal
	reading directory.Reading
	unread  bool
	members []directory.ID
}

func toldOf(g *directory.Group) told { return told{g.Gone, g.Reading, g.Unread, memberIDs(g)} }

// step is one thing that Graph says of group 1.
type step func(t *testing.T, s directory.Snapshot)

// byName is a reading by name that lists the group with these members.
func byName(users ...int) step { return listed(directory.GroupChange{Members: add(ids(users)...)}) }

func listed(c directory.GroupChange) step {
	return func(t *testing.T, s directory.Snapshot) {
		t.Helper()
		c.ID = group(1)
		read(t, s, groupsPage(c))
	}
}

// noSuch is a reading by name that does not list it.
func noSuch(t *testing.T, s directory.Snapshot) {
	t.Helper()
	read(t, s, groupsPage())
}

func read(t *testing.T, s directory.Snapshot, pages ...directory.Page) directory.Touched {
	t.Helper()
	touched := s.Read([]directory.ID{group(1)}, pages)
	if err := consistent(s); err != nil {
		t.Fatal(err)
	}
	return touched
}

// delta is an item of the feed.
func delta(c directory.GroupChange) step {
	return func(t *testing.T, s directory.Snapshot) {
		t.Helper()
		c.ID = group(1)
		folded(t, s, groupsPage(c))
	}
}

// enumerated is the group as a full enumeration has listed it.
func enumerated(users ...int) step {
	return func(t *testing.T, s directory.Snapshot) {
		t.Helper()
		s.Whole = true
		folded(t, s, groupsPage(directory.GroupChange{ID: group(1), Members: add(ids(users)...)}))
	}
}

func ids(users []int) (out []directory.ID) {
	for _, n := range users {
		out = append(out, user(n))
	}
	return out
}

// TestRead is the ladder of readings: whoever was a member, and whether a group is
// there, is concluded from no single answer.
func TestRead(t *testing.T) {
	removed := func(r directory.Removal) step { return delta(directory.GroupChange{Removed: r}) }
	hidden := directory.GroupChange{Unread: true, Members: add(user(1))}
	tests := []struct {
		name  string
		steps []step
		want  told
	}{
		{"known by deltas", []step{delta(directory.GroupChange{Members: add(user(1))})},
			told{members: ids([]int{1})}},
		{"known by deltas, then read: the first word on all of its members", []step{delta(directory.GroupChange{Members: add(user(1))}), byName(1, 2)},
			told{reading: directory.Whole, members: ids([]int{1, 2})}},
		{"read twice, and the same: confirmed", []step{delta(directory.GroupChange{Members: add(user(1))}), byName(1, 2), byName(1, 2)},
			told{reading: directory.Named, members: ids([]int{1, 2})}},
		{"never heard of, then read", []step{byName(1)},
			told{reading: directory.Whole, members: ids([]int{1})}},
		{"enumerated, and read by name", []step{enumerated(1, 2), byName(1, 2)},
			told{reading: directory.Named, members: ids([]int{1, 2})}},
		{"somebody came meanwhile, or left, and the reading was late", []step{enumerated(1), byName(1, 2)},
			told{reading: directory.Doubted, members: ids([]int{1, 2})}},
		{"somebody came: another one agrees", []step{enumerated(1), byName(1, 2), byName(1, 2)},
			told{reading: directory.Named, members: ids([]int{1, 2})}},
		{"somebody left: another one does not name him", []step{enumerated(1), byName(1, 2), byName(1), byName(1)},
			told{reading: directory.Named, members: ids([]int{1})}},
		{"it has another name, or had it before", []step{enumerated(1), listed(directory.GroupChange{Set: set("displayName", "Other"), Members: add(user(1))})},
			told{reading: directory.Doubted, members: ids([]int{1})}},
		{"a reading lacks somebody: in doubt", []step{enumerated(1, 2), byName(1)},
			told{reading: directory.Doubted, members: ids([]int{1})}},
		{"another one agrees", []step{enumerated(1, 2), byName(1), byName(1)},
			told{reading: directory.Named, members: ids([]int{1})}},
		{"another one has him: the third tells", []step{enumerated(1, 2), byName(1), byName(1, 2)},
			told{reading: directory.Doubted, members: ids([]int{1, 2})}},
		{"another one lacks one more", []step{enumerated(1, 2), byName(1), byName()},
			told{reading: directory.Doubted}},
		{"what was confirmed, and lacks somebody now, is in doubt again", []step{enumerated(1, 2), byName(1, 2), byName(2)},
			told{reading: directory.Doubted, members: ids([]int{2})}},
		{"a reading of which a part could not be read", []step{enumerated(1), listed(directory.GroupChange{Partial: true, Members: add(user(1))})},
			told{reading: directory.Doubted, members: ids([]int{1})}},
		{"a delta of which a part could not be read", []step{enumerated(1), byName(1), delta(directory.GroupChange{Partial: true})},
			told{reading: directory.Doubted, members: ids([]int{1})}},
		{"deltas keep a reading", []step{enumerated(1, 2), byName(1, 2), delta(directory.GroupChange{Members: remove(user(2))})},
			told{reading: directory.Named, members: ids([]int{1})}},

		{"never heard of, and not listed", []step{noSuch},
			told{gone: directory.Unlisted, reading: directory.Named}},
		{"listed once, then not", []step{enumerated(1), noSuch},
			told{gone: directory.Unlisted, reading: directory.Whole}},
		{"and not again: it is gone", []step{enumerated(1), noSuch, noSuch},
			told{gone: directory.Unlisted, reading: directory.Named}},
		{"not listed, and then it is: it begins anew", []step{enumerated(1, 2), noSuch, byName(1)},
			told{reading: directory.Whole, members: ids([]int{1})}},
		{"it was confirmed to be gone, and is listed", []step{enumerated(1, 2), noSuch, noSuch, byName(1), byName(1)},
			told{reading: directory.Named, members: ids([]int{1})}},
		{"deleted, and not listed: Graph's own word stands", []step{enumerated(1), removed(directory.SoftDeleted), noSuch},
			told{gone: directory.SoftDeleted, reading: directory.Whole, members: ids([]int{1})}},
		{"deleted for good, and not listed", []step{enumerated(1), removed(directory.Deleted), noSuch},
			told{gone: directory.Deleted, reading: directory.Whole, members: ids([]int{1})}},
		{"deleted, and listed: restored", []step{enumerated(1, 2), removed(directory.SoftDeleted), byName(1)},
			told{reading: directory.Whole, members: ids([]int{1})}},
		{"an item that says that it was deleted is no listing", []step{enumerated(1), listed(directory.GroupChange{Removed: directory.SoftDeleted})},
			told{gone: directory.Unlisted, reading: directory.Whole}},

		{"members were kept back: what was known stays", []step{enumerated(1, 2), listed(hidden)},
			told{reading: directory.Whole, unread: true, members: ids([]int{1, 2})}},
		{"they may be seen now", []step{enumerated(1, 2), listed(hidden), byName(1, 2)},
			told{reading: directory.Named, members: ids([]int{1, 2})}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSnapshot()
			for _, next := range tt.steps {
				next(t, s)
			}
			if diff := gocmp.Diff(tt.want, toldOf(s.Groups[group(1)]), gocmp.AllowUnexported(told{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestReadPages: a group that comes in slices over many pages is one reading, and has
// the groups that hold it decided again.
func TestReadPages(t *testing.T) {
	s := folded(t, newSnapshot(), groupsPage(
		directory.GroupChange{ID: group(1), Set: set("displayName", "One", "description", "Text"), Members: add(user(1), user(2), user(3))},
		directory.GroupChange{ID: group(2), Members: add(group(1))}))
	touched := read(t, s,
		groupsPage(directory.GroupChange{ID: group(1), Set: set("displayName", "1"), Members: add(user(3))}),
		groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1))}, directory.GroupChange{ID: group(1), Set: set("description", ""), Members: add(user(2))}))
	g := s.Groups[group(1)]
	want := told{reading: directory.Whole, members: ids([]int{1, 2, 3})}
	if diff := gocmp.Diff(want, toldOf(g), gocmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := gocmp.Diff(directory.Properties{"displayName": {"1"}}, g.Props); diff != "" {
		t.Errorf("properties, of which one was cleared: -want +got:\n%s", diff)
	}
	if !touched.Decide[group(1)] || !touched.Decide[group(2)] {
		t.Errorf("to be decided: %v; want the group, and the one that holds it", touched.Decide)
	}
}

// TestWordOnOneNotKnown: that somebody was removed of whom nobody knew that he was a
// member tells something where the members are not all known, or are in doubt. Where they
// are, it is an old item replayed.
func TestWordOnOneNotKnown(t *testing.T) {
	for name, tt := range map[string]struct {
		steps []step
		left  bool
	}{
		"by deltas alone": {[]step{delta(directory.GroupChange{Members: add(user(1))})}, true},
		"in doubt":        {[]step{enumerated(1, 2), byName(1)}, true},
		"as a whole":      {[]step{enumerated(1)}, false},
		"by name":         {[]step{enumerated(1), byName(1)}, false},
	} {
		s := folded(t, newSnapshot(), usersPage(synced(user(2), sid(1102))), groupsPage(directory.GroupChange{ID: group(2), Members: add(user(2))}))
		for _, next := range tt.steps {
			next(t, s)
		}
		folded(t, s, groupsPage(directory.GroupChange{ID: group(1), Members: remove(user(2))}))
		got := s.Groups[group(1)].Left
		if (len(got) == 1 && got[0].SID == sid(1102)) != tt.left || len(got) > 1 {
			t.Errorf("members known %s: who left is %+v, want the one removed: %t", name, got, tt.left)
		}
	}
}

// TestReadNobodyLeft: whom a reading lacks is no member any more, and yet nobody said
// that he left.
func TestReadNobodyLeft(t *testing.T) {
	for seed := range 200 {
		choose := chooser(rand.New(rand.NewPCG(uint64(seed), 3)).IntN)
		s := newSnapshot()
		s.Whole = choose(2) == 0
		for range 8 {
			if choose(2) == 0 {
				folded(t, s, choose.page())
				continue
			}
			before := leftOf(s)[group(1)]
			page := groupsPage()
			if choose(4) > 0 {
				c := directory.GroupChange{ID: group(1)}
				for _, id := range everybody()[:4] {
					if choose(3) > 0 {
						c.Members = append(c.Members, add(id)...)
					}
				}
				page.Groups = append(page.Groups, c)
			}
			read(t, s, page)
			for _, m := range leftOf(s)[group(1)] {
				if !slices.Contains(before, m) {
					t.Fatalf("seed %d: a reading by name has %v leave", seed, m)
				}
			}
		}
	}
}

// TestItemsOfOnePage: what a later item of a page clears is cleared, and items that lie
// in one piece of memory do not run into each other.
func TestItemsOfOnePage(t *testing.T) {
	s := folded(t, newSnapshot(), groupsPage(directory.GroupChange{ID: group(1), Set: set("displayName", "One", "description", "Text")}))
	folded(t, s, groupsPage(
		directory.GroupChange{ID: group(1), Set: set("displayName", "1")},
		directory.GroupChange{ID: group(1), Set: set("description", "")}))
	if diff := gocmp.Diff(directory.Properties{"displayName": {"1"}}, s.Groups[group(1)].Props); diff != "" {
		t.Errorf("properties -want +got:\n%s", diff)
	}
	all := add(user(1), user(2), user(3))
	folded(t, s, groupsPage(
		directory.GroupChange{ID: group(1), Members: all[:1]},
		directory.GroupChange{ID: group(2), Members: all[1:2]},
		directory.GroupChange{ID: group(1), Members: all[2:]}))
	if got := memberIDs(s.Groups[group(1)]); !slices.Equal(got, ids([]int{1, 3})) {
		t.Errorf("members of the first group: %v", got)
	}
	if got := memberIDs(s.Groups[group(2)]); !slices.Equal(got, ids([]int{2})) {
		t.Errorf("members of the second group: %v", got)
	}
}

// TestSucceed is what a complete enumeration says in the light of what was known.
func TestSucceed(t *testing.T) {
	member := func(n int) directory.Member { return directory.Member{ID: user(n), Kind: directory.User} }
	of := func(r directory.Reading, users ...int) *directory.Group {
		g := &directory.Group{ID: group(1), Reading: r}
		for _, n := range users {
			g.Members = append(g.Members, member(n))
		}
		return g
	}
	gone := func(g *directory.Group, r directory.Removal) *directory.Group { g.Gone = r; return g }
	unread := func(g *directory.Group) *directory.Group { g.Unread = true; return g }
	left := func(g *directory.Group, users ...int) *directory.Group {
		for _, n := range users {
			g.Left = append(g.Left, member(n))
		}
		return g
	}
	tests := []struct {
		name     string
		now, old *directory.Group
		want     *directory.Group
	}{
		{"as it was known by deltas", of(directory.Whole, 1), of(directory.Partial, 1), of(directory.Whole, 1)},
		{"it was confirmed, and that is over", of(directory.Whole, 1, 2), of(directory.Named, 1), of(directory.Whole, 1, 2)},
		{"as it was in doubt: it has to be asked for again", of(directory.Whole, 1), of(directory.Doubted, 1), of(directory.Whole, 1)},
		{"it was confirmed, and members were kept back since", of(directory.Whole, 1), unread(of(directory.Named, 1)), of(directory.Whole, 1)},
		{"it lacks somebody: in doubt, and nobody left", of(directory.Whole, 1), of(directory.Named, 1, 2), of(directory.Doubted, 1)},
		{"it lacks everybody", of(directory.Whole), of(directory.Whole, 1, 2), of(directory.Doubted)},
		{"a part of it could not be read", of(directory.Doubted, 1), of(directory.Named, 1), of(directory.Doubted, 1)},
		{"it was deleted, and is back: who was a member then does not count", of(directory.Whole, 1), gone(of(directory.Named, 1, 2), directory.SoftDeleted), of(directory.Whole, 1)},
		{"who left is carried on", of(directory.Whole, 1), left(of(directory.Whole, 1), 2), left(of(directory.Whole, 1), 2)},
		{"who left and is back is not", of(directory.Whole, 1, 2), left(of(directory.Whole, 1), 2, 3), left(of(directory.Whole, 1, 2), 3)},
		{"not listed: to be asked for by name", nil, left(of(directory.Named, 1), 2), left(gone(of(directory.Whole), directory.Unlisted), 2)},
		{"not listed, and deleted: Graph's own word stands", nil, gone(of(directory.Whole, 1), directory.Deleted), gone(of(directory.Whole, 1), directory.Deleted)},
		{"not listed once more: still to be asked for by name", nil, gone(of(directory.Whole), directory.Unlisted), gone(of(directory.Whole), directory.Unlisted)},
		{"not listed, as confirmed", nil, gone(of(directory.Named), directory.Unlisted), gone(of(directory.Named), directory.Unlisted)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := directory.Succeed(tt.now, tt.old)
			if diff := gocmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if again := directory.Succeed(got, tt.old); !gocmp.Equal(got, again, cmpopts.EquateEmpty()) {
				t.Errorf("a second time: -first +second:\n%s", gocmp.Diff(got, again))
			}
		})
	}
}

// TestFirstReadingLacksSome: of a group known by deltas alone a reading by name lacks somebody
// who is known as a member. It is no word on all of them.
func TestFirstReadingLacksSome(t *testing.T) {
	s := newSnapshot()
	s.Fold(usersPage(synced(user(1), sid(1101)), synced(user(2), sid(1102))))
	s.Fold(groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1))}))
	s.Read([]directory.ID{group(1)}, []directory.Page{groupsPage(directory.GroupChange{ID: group(1), Members: add(user(2))})})
	if g := s.Groups[group(1)]; g.Reading != directory.Partial {
		t.Errorf("it is read %q", g.Reading)
	}
}
