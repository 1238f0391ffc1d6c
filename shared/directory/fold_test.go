package directory_test

import (
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
)

// TestFold folds pages and looks at the members of group 1 and at who left it.
func TestFold(t *testing.T) {
	type change = directory.GroupChange
	seen := []directory.Page{ // users 1 to 3 of the group, described
		usersPage(synced(user(1), sid(1101)), synced(user(2), sid(1102)), synced(user(3), sid(1103))),
		groupsPage(change{ID: group(1), Set: set("displayName", "One"), Members: add(user(1), user(2), user(3))}),
	}
	is := func(n int) directory.Member {
		return directory.Member{ID: user(n), Kind: directory.User, Standing: directory.Synced, SID: sid(1100 + n)}
	}
	as := func(m directory.Member, s directory.Standing) directory.Member {
		m.Standing = s
		return m
	}
	lacksSID := func(id directory.ID) directory.PrincipalChange {
		return directory.PrincipalChange{ID: id, Set: set("onPremisesSecurityIdentifier", "")}
	}
	all := []directory.Member{is(1), is(2), is(3)}
	tests := []struct {
		name          string
		pages         []directory.Page
		members, left []directory.Member
	}{
		{name: "as it was", members: all},
		{name: "removed",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: remove(user(2))})},
			members: []directory.Member{is(1), is(3)}, left: []directory.Member{is(2)}},
		{name: "removed, and added on the next page",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: remove(user(2))}), groupsPage(change{ID: group(1), Members: add(user(2))})},
			members: all},
		{name: "removed and added in one item",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: append(remove(user(2)), add(user(2))...)})},
			members: all},
		{name: "added and removed in one item",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: append(add(user(2)), remove(user(2))...)})},
			members: []directory.Member{is(1), is(3)}, left: []directory.Member{is(2)}},
		{name: "somebody removed who was none",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: remove(user(9))})},
			members: all},
		{name: "soft-deleted: the membership and the SID stay",
			pages:   []directory.Page{usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.SoftDeleted})},
			members: []directory.Member{is(1), as(is(2), directory.LostSoft), is(3)}},
		{name: "deleted for good",
			pages:   []directory.Page{usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.Deleted})},
			members: []directory.Member{is(1), as(is(2), directory.LostForGood), is(3)}},
		{name: "soft-deleted after it was deleted for good: an old item",
			pages: []directory.Page{usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.Deleted}),
				usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.SoftDeleted})},
			members: []directory.Member{is(1), as(is(2), directory.LostForGood), is(3)}},
		{name: "restored",
			pages: []directory.Page{usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.SoftDeleted}),
				usersPage(synced(user(2), sid(1102)))},
			members: all},
		{name: "the SID is null: lost, not forgotten",
			pages:   []directory.Page{usersPage(lacksSID(user(2)))},
			members: []directory.Member{is(1), as(is(2), directory.LostSID), is(3)}},
		{name: "the SID is not said: as it was",
			pages:   []directory.Page{usersPage(directory.PrincipalChange{ID: user(2), Set: set("displayName", "Renamed")})},
			members: all},
		{name: "the SID is no SID: lost",
			pages:   []directory.Page{usersPage(synced(user(2), "garbage"))},
			members: []directory.Member{is(1), as(is(2), directory.LostSID), is(3)}},
		{name: "another SID: the old one left",
			pages:   []directory.Page{usersPage(synced(user(2), sid(2222)))},
			members: []directory.Member{is(1), {ID: user(2), Kind: directory.User, Standing: directory.Synced, SID: sid(2222)}, is(3)},
			left:    []directory.Member{is(2)}},
		{name: "another SID and back again: nobody left but the other",
			pages:   []directory.Page{usersPage(synced(user(2), sid(2222))), usersPage(synced(user(2), sid(1102)))},
			members: all, left: []directory.Member{{ID: user(2), Kind: directory.User, Standing: directory.Synced, SID: sid(2222)}}},
		{name: "another SID, removed and added: the old one left still",
			pages: []directory.Page{usersPage(synced(user(2), sid(2222))),
				groupsPage(change{ID: group(1), Members: remove(user(2))}), groupsPage(change{ID: group(1), Members: add(user(2))})},
			members: []directory.Member{is(1), {ID: user(2), Kind: directory.User, Standing: directory.Synced, SID: sid(2222)}, is(3)},
			left:    []directory.Member{is(2)}},
		{name: "removed from the group and deleted",
			pages: []directory.Page{groupsPage(change{ID: group(1), Members: remove(user(2))}),
				usersPage(directory.PrincipalChange{ID: user(2), Removed: directory.Deleted})},
			members: []directory.Member{is(1), is(3)}, left: []directory.Member{is(2)}},
		{name: "the SID is learnt after the membership",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: add(user(4))}), usersPage(synced(user(4), sid(1104)))},
			members: []directory.Member{is(1), is(2), is(3), is(4)}},
		{name: "named, not described",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Members: add(user(4))})},
			members: []directory.Member{is(1), is(2), is(3), {ID: user(4), Kind: directory.User}}},
		// An item of a group that is back may name all members, some, or none: whom it does
		// not name has not left for that. Once who was not named was taken out.
		{name: "the group is restored: what it lists then may not be all, and nobody left",
			pages: []directory.Page{groupsPage(change{ID: group(1), Removed: directory.SoftDeleted}),
				groupsPage(change{ID: group(1), Members: add(user(1))}), groupsPage(change{ID: group(1), Members: add(user(3))})},
			members: []directory.Member{is(1), is(3)}},
		{name: "the group is restored without a word on its members",
			pages:   []directory.Page{groupsPage(change{ID: group(1), Removed: directory.SoftDeleted}), groupsPage(change{ID: group(1), Set: set("displayName", "One")})},
			members: nil},
		{name: "deleted and restored on one page",
			pages: []directory.Page{groupsPage(change{ID: group(1), Removed: directory.SoftDeleted}, change{ID: group(1), Members: add(user(1))},
				change{ID: group(1), Members: add(user(3))})},
			members: []directory.Member{is(1), is(3)}},
		{name: "of a group known by deltas, somebody removed of whom nobody knew that he was a member",
			pages:   []directory.Page{usersPage(synced(user(4), sid(1104))), groupsPage(change{ID: group(2), Members: add(user(4))}, change{ID: group(1), Members: remove(user(4))})},
			members: all, left: []directory.Member{is(4)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := folded(t, folded(t, newSnapshot(), seen...), tt.pages...)
			if diff := gocmp.Diff(tt.members, s.Groups[group(1)].Members, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("members -want +got:\n%s", diff)
			}
			if diff := gocmp.Diff(tt.left, s.Groups[group(1)].Left, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("left -want +got:\n%s", diff)
			}
		})
	}
}

// TestUnread: no delta makes up for what was kept back before it; an enumeration
// from nothing does.
func TestUnread(t *testing.T) {
	type change = directory.GroupChange
	hidden := set("visibility", "HiddenMembership")
	restored := func(c change) []directory.Page {
		return []directory.Page{groupsPage(change{ID: group(1), Removed: directory.SoftDeleted}), groupsPage(c)}
	}
	tests := []struct {
		name  string
		pages []directory.Page
		want  bool
	}{
		{"seen whole", []directory.Page{groupsPage(change{ID: group(1), Set: hidden, Members: add(user(1))})}, false},
		{"kept back", []directory.Page{groupsPage(change{ID: group(1), Set: hidden, Unread: true})}, true},
		{"kept back, then seen", []directory.Page{groupsPage(change{ID: group(1), Set: hidden, Unread: true}), groupsPage(change{ID: group(1), Set: hidden, Members: add(user(1))})}, true},
		{"seen, then kept back", []directory.Page{groupsPage(change{ID: group(1), Set: hidden, Members: add(user(1))}), groupsPage(change{ID: group(1), Set: hidden, Unread: true})}, true},
		{"kept back, then not hidden", []directory.Page{groupsPage(change{ID: group(1), Set: hidden, Unread: true}), groupsPage(change{ID: group(1), Set: set("visibility", "Public")})}, true},
		{"kept back, then restored", append([]directory.Page{groupsPage(change{ID: group(1), Set: hidden, Unread: true})}, restored(change{ID: group(1), Set: hidden})...), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := folded(t, newSnapshot(), tt.pages...)
			if got := s.Groups[group(1)].Unread; got != tt.want {
				t.Errorf("Unread is %t, want %t", got, tt.want)
			}
		})
	}
	s := folded(t, newSnapshot(), tests[0].pages...)
	if touched := s.Fold(groupsPage(change{ID: group(1), Unread: true})); !touched.Decide[group(1)] || !touched.Groups[group(1)] {
		t.Errorf("members that are not to be believed any more change nothing: %+v", touched)
	}
}

// TestStanding is what Graph says of one user, item by item.
func TestStanding(t *testing.T) {
	item := func(pairs ...string) directory.PrincipalChange {
		return directory.PrincipalChange{ID: user(1), Set: set(pairs...)}
	}
	const sidName = "onPremisesSecurityIdentifier"
	tests := []struct {
		name  string
		items []directory.PrincipalChange
		want  directory.Principal
	}{
		{"synced", []directory.PrincipalChange{item(sidName, "S-1-5-21-1-2-3-1101", "userPrincipalName", "a@b", "displayName", "A")},
			directory.Principal{Name: "a@b", Standing: directory.Synced, SID: sid(1101)}},
		{"cloud only", []directory.PrincipalChange{item(sidName, "", "displayName", "A")}, directory.Principal{Name: "A", Standing: directory.CloudOnly}},
		{"guest", []directory.PrincipalChange{item("userType", "Guest")}, directory.Principal{Standing: directory.Guest}},
		{"a guest with an AD account", []directory.PrincipalChange{item("userType", "Guest", sidName, "S-1-5-21-1-2-3-1101")},
			directory.Principal{Standing: directory.Synced, SID: sid(1101)}},
		{"a guest that is renamed stays one", []directory.PrincipalChange{item("userType", "Guest"), item("displayName", "B")},
			directory.Principal{Name: "B", Standing: directory.Guest}},
		{"a guest that becomes a member", []directory.PrincipalChange{item("userType", "Guest"), item("userType", "Member")},
			directory.Principal{Standing: directory.CloudOnly}},
		{"a guest whose type is cleared", []directory.PrincipalChange{item("userType", "Guest"), item("userType", "")},
			directory.Principal{Standing: directory.CloudOnly}},
		{"synced later", []directory.PrincipalChange{item(sidName, ""), item(sidName, "S-1-5-21-1-2-3-1101")},
			directory.Principal{Standing: directory.Synced, SID: sid(1101)}},
		{"a lost SID comes back", []directory.PrincipalChange{item(sidName, "S-1-5-21-1-2-3-1101"), item(sidName, ""), item("displayName", "B"), item(sidName, "S-1-5-21-1-2-3-1102")},
			directory.Principal{Name: "B", Standing: directory.Synced, SID: sid(1102)}},
		{"a name that is cleared is kept for reports", []directory.PrincipalChange{item("displayName", "A"), item("displayName", "")},
			directory.Principal{Name: "A", Standing: directory.CloudOnly}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSnapshot()
			for _, c := range tt.items {
				folded(t, s, usersPage(c))
			}
			tt.want.ID, tt.want.Kind = user(1), directory.User
			if diff := gocmp.Diff(&tt.want, s.Principals[user(1)], cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("deleted, and never seen", func(t *testing.T) {
		s := folded(t, newSnapshot(), usersPage(directory.PrincipalChange{ID: user(1), Removed: directory.Deleted}))
		if len(s.Principals) > 0 {
			t.Errorf("somebody who never was is kept: %v", s.Principals)
		}
	})
}

func TestProperties(t *testing.T) {
	s := folded(t, newSnapshot(), groupsPage(
		directory.GroupChange{ID: group(1), Set: set("displayName", "One", "description", "Text", "mail", "")},
		directory.GroupChange{ID: group(1), Set: set("description", "", "securityEnabled", "true")}))
	want := directory.Properties{"displayName": {"One"}, "securityEnabled": {"true"}} // null is cleared, absent is not said
	if diff := gocmp.Diff(want, s.Groups[group(1)].Props); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	before := s.Groups[group(1)]
	touched := s.Fold(groupsPage(directory.GroupChange{ID: group(1), Set: set("displayName", "One", "description", "")}))
	if len(touched.Groups)+len(touched.Decide) > 0 || s.Groups[group(1)] != before {
		t.Errorf("what was said before touched %v", touched)
	}
	s.Fold(groupsPage(directory.GroupChange{ID: group(1), Set: set("displayName", "Two")}))
	if before.Props.First("displayName") != "One" {
		t.Error("a fold modified a record in place")
	}
}

func TestGroupsGone(t *testing.T) {
	soft := groupsPage(directory.GroupChange{ID: group(1), Removed: directory.SoftDeleted})
	gone := groupsPage(directory.GroupChange{ID: group(1), Removed: directory.Deleted})
	is := groupsPage(directory.GroupChange{ID: group(1), Set: set("displayName", "One")})
	tests := []struct {
		name  string
		pages []directory.Page
		want  directory.Removal
	}{
		{"soft-deleted", []directory.Page{is, soft}, directory.SoftDeleted},
		{"deleted", []directory.Page{is, gone}, directory.Deleted},
		{"one after the other", []directory.Page{is, soft, gone}, directory.Deleted},
		{"an old item after the last", []directory.Page{is, gone, soft}, directory.Deleted},
		{"restored", []directory.Page{is, soft, is}, directory.NotRemoved},
	}
	for _, tt := range tests {
		if got := folded(t, newSnapshot(), tt.pages...).Groups[group(1)].Gone; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if s := folded(t, newSnapshot(), gone); len(s.Groups) > 0 {
		t.Errorf("a group that was never seen is kept because it was deleted: %v", s.Groups)
	}
}

// TestNestedGroups follows what a member that is a group is worth.
func TestNestedGroups(t *testing.T) {
	holds := directory.GroupChange{ID: group(1), Set: set("displayName", "One"), Members: add(group(2))}
	cloud := directory.GroupChange{ID: group(2), Set: set("displayName", "Two")}
	mastered := directory.GroupChange{ID: group(2), Set: set("onPremisesSyncEnabled", "true", "onPremisesSecurityIdentifier", string(sid(1102)))}
	converted := directory.GroupChange{ID: group(2), Set: set("onPremisesSyncEnabled", "")}
	lost := directory.GroupChange{ID: group(2), Set: set("onPremisesSyncEnabled", "", "onPremisesSecurityIdentifier", "")}
	gone := directory.GroupChange{ID: group(2), Removed: directory.SoftDeleted}
	tests := []struct {
		name  string
		items []directory.GroupChange
		want  directory.Member
	}{
		{"named, not described", []directory.GroupChange{holds}, directory.Member{}},
		{"a cloud group", []directory.GroupChange{holds, cloud}, directory.Member{Standing: directory.CloudOnly}},
		{"described before it is named", []directory.GroupChange{cloud, holds}, directory.Member{Standing: directory.CloudOnly}},
		{"mastered on premises", []directory.GroupChange{holds, mastered}, directory.Member{Standing: directory.Synced, SID: sid(1102)}},
		{"the same, described first", []directory.GroupChange{mastered, holds}, directory.Member{Standing: directory.Synced, SID: sid(1102)}},
		{"soft-deleted", []directory.GroupChange{holds, cloud, gone}, directory.Member{Standing: directory.LostSoft}},
		{"mastered on premises and soft-deleted", []directory.GroupChange{holds, mastered, gone}, directory.Member{Standing: directory.LostSoft, SID: sid(1102)}},
		// Its AD group is still there, under the same SID, whoever masters it now.
		{"converted", []directory.GroupChange{holds, mastered, converted}, directory.Member{Standing: directory.Synced, SID: sid(1102)}},
		{"its SID is lost, not forgotten", []directory.GroupChange{holds, mastered, lost}, directory.Member{Standing: directory.LostSID, SID: sid(1102)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSnapshot()
			for _, c := range tt.items {
				folded(t, s, groupsPage(c))
			}
			tt.want.ID, tt.want.Kind = group(2), directory.GroupKind
			if diff := gocmp.Diff([]directory.Member{tt.want}, s.Groups[group(1)].Members); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := s.Groups[group(1)].Left; len(got) > 0 {
				t.Errorf("%v left, want nobody", got)
			}
		})
	}
}

// TestDecide is which groups have to be decided again.
func TestDecide(t *testing.T) {
	base := []directory.Page{groupsPage(
		directory.GroupChange{ID: group(1), Set: set("displayName", "One"), Members: add(group(2), user(1))},
		directory.GroupChange{ID: group(2), Set: set("displayName", "Two"), Members: add(user(2))},
		directory.GroupChange{ID: group(3), Set: set("displayName", "Three"), Members: add(user(1), user(2))},
		directory.GroupChange{ID: group(3), Members: remove(user(2))}),
		usersPage(synced(user(1), sid(1101)), synced(user(2), sid(1102)))}
	tests := []struct {
		name string
		page directory.Page
		want []directory.ID
	}{
		{"nothing new", groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1))}), nil},
		{"a member", groupsPage(directory.GroupChange{ID: group(3), Members: add(user(2))}), []directory.ID{group(3)}},
		{"a nested group, and who holds it", groupsPage(directory.GroupChange{ID: group(2), Set: set("displayName", "2")}), []directory.ID{group(1), group(2)}},
		{"a nested group is deleted", groupsPage(directory.GroupChange{ID: group(2), Removed: directory.Deleted}), []directory.ID{group(1), group(2)}},
		{"a user's SID", usersPage(synced(user(1), sid(2201))), []directory.ID{group(1), group(3)}},
		{"a user who left a group", usersPage(synced(user(2), sid(2202))), []directory.ID{group(2)}},
		{"a user who is nowhere", usersPage(synced(user(3), sid(1103))), nil},
	}
	for _, tt := range tests {
		s := folded(t, newSnapshot(), base...)
		touched := s.Fold(tt.page)
		if got := slices.SortedFunc(maps.Keys(touched.Decide), directory.ID.Compare); !slices.Equal(got, tt.want) {
			t.Errorf("%s: decide %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestParentsArePruned: a principal forgets a group that it left when it is looked at the
// next time. Else whoever was in many groups once is looked up in all of them for ever.
func TestParentsArePruned(t *testing.T) {
	s := folded(t, newSnapshot(),
		usersPage(synced(user(1), sid(1101))),
		groupsPage(directory.GroupChange{ID: group(1), Members: add(user(1))}, directory.GroupChange{ID: group(2), Members: add(user(1))}),
		groupsPage(directory.GroupChange{ID: group(1), Members: remove(user(1))}),
		usersPage(synced(user(1), sid(1109))))
	if got := s.Principals[user(1)].Parents; !slices.Equal(got, []directory.ID{group(2)}) {
		t.Errorf("it is held by %v, want group 2 alone", got)
	}
	if got := s.Groups[group(2)].Members[0].SID; got != sid(1109) {
		t.Errorf("group 2 has it with %s", got)
	}
}
