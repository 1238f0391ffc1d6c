package directory_test

import (
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
)

const hidden, external = "hideFromAddressLists", "allowExternalSenders"

func unified(id directory.ID, flags directory.Properties) *directory.Group {
	g := &directory.Group{ID: id, Props: directory.Properties{"groupTypes": {"Unified"}, "displayName": {"Team"}}, Reading: directory.Whole}
	for name, v := range flags {
		g.Props[name] = v
	}
	return g
}

func TestFlags(t *testing.T) {
	got := directory.Flags([]string{"mail", hidden, "owners", external})
	if !slices.Equal(got, []string{hidden, external}) {
		t.Errorf("of some properties %v are flags", got)
	}
	tests := map[string]struct {
		group *directory.Group
		has   bool
	}{
		"a Microsoft 365 group": {unified(directory.ID{1}, nil), true},
		"one that is dynamic":   {&directory.Group{Props: directory.Properties{"groupTypes": {"DynamicMembership", "Unified"}}}, true},
		"a security group":      {&directory.Group{Props: directory.Properties{"groupTypes": {}, "securityEnabled": {"true"}}}, false},
		"one that is gone":      {&directory.Group{Props: directory.Properties{"groupTypes": {"Unified"}}, Gone: directory.SoftDeleted}, false},
		"one of unknown kind":   {&directory.Group{}, false},
	}
	for name, tt := range tests {
		if got := tt.group.HasFlags(); got != tt.has {
			t.Errorf("%s is asked for flags: %t", name, got)
		}
	}
}

// TestLearn: what a group did not tell stays as it was, and what is no flag it tells in
// other ways.
func TestLearn(t *testing.T) {
	known := directory.Properties{hidden: {"true"}}
	tests := []struct {
		name       string
		told, want directory.Properties
		news       bool
	}{
		{"nothing", nil, known, false},
		{"the same", directory.Properties{hidden: {"true"}}, known, false},
		{"another", directory.Properties{hidden: {"false"}}, directory.Properties{hidden: {"false"}}, true},
		{"one more", directory.Properties{external: {"false"}}, directory.Properties{hidden: {"true"}, external: {"false"}}, true},
		{"null", directory.Properties{hidden: {}}, known, false},
		{"what is no flag", directory.Properties{"displayName": {"Other"}}, known, false},
	}
	for _, tt := range tests {
		old := unified(directory.ID{1}, known)
		now, news := old.Learn(tt.told)
		if news != tt.news {
			t.Errorf("%s: news %t", tt.name, news)
		}
		if diff := gocmp.Diff(unified(directory.ID{1}, tt.want), now); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
		if diff := gocmp.Diff(unified(directory.ID{1}, known), old); diff != "" {
			t.Errorf("%s: the record itself was changed:\n%s", tt.name, diff)
		}
	}
}

// TestFlagsStay: deltas, readings by name, deletion and enumerations say nothing of flags, so
// that what was read stays known through all of them.
func TestFlagsStay(t *testing.T) {
	id := directory.ID{1}
	known := directory.Properties{hidden: {"true"}, external: {"false"}}
	of := func(c directory.GroupChange) directory.Page {
		c.ID = id
		return directory.Page{Feed: directory.GroupFeed, Groups: []directory.GroupChange{c}}
	}
	said := directory.Properties{"groupTypes": {"Unified"}, "displayName": {"Team 2"}}
	ways := map[string]func(s directory.Snapshot){
		"a delta": func(s directory.Snapshot) { s.Fold(of(directory.GroupChange{Set: said})) },
		"deleted": func(s directory.Snapshot) { s.Fold(of(directory.GroupChange{Removed: directory.SoftDeleted})) },
		"a reading by name": func(s directory.Snapshot) {
			s.Read([]directory.ID{id}, []directory.Page{of(directory.GroupChange{Set: said})})
		},
		"not found by name":       func(s directory.Snapshot) { s.Read([]directory.ID{id}, nil) },
		"an enumeration":          func(s directory.Snapshot) { s.Groups[id] = directory.Succeed(unified(id, nil), s.Groups[id]) },
		"an enumeration lacks it": func(s directory.Snapshot) { s.Groups[id] = directory.Succeed(nil, s.Groups[id]) },
		"deleted, and back": func(s directory.Snapshot) {
			s.Fold(of(directory.GroupChange{Removed: directory.SoftDeleted}))
			s.Fold(of(directory.GroupChange{Set: said}))
		},
		"deleted, then enumerated": func(s directory.Snapshot) {
			s.Fold(of(directory.GroupChange{Removed: directory.SoftDeleted}))
			s.Groups[id] = directory.Succeed(unified(id, nil), s.Groups[id])
		},
	}
	for name, way := range ways {
		s := directory.Snapshot{Groups: map[directory.ID]*directory.Group{id: unified(id, known)}, Principals: map[directory.ID]*directory.Principal{}}
		way(s)
		got := directory.Properties{hidden: s.Groups[id].Props[hidden], external: s.Groups[id].Props[external]}
		if diff := gocmp.Diff(known, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestNews: who joins and leaves says nothing of flags, all else may.
func TestNews(t *testing.T) {
	id := directory.ID{1}
	joins := []directory.MemberChange{{ID: directory.ID{9}, Kind: directory.User}}
	same := directory.Properties{"groupTypes": {"Unified"}, "displayName": {"Team"}}
	other := directory.Properties{"displayName": {"Team 2"}}
	read := unified(id, directory.Properties{hidden: {"true"}})
	gone := *read
	gone.Gone = directory.SoftDeleted
	tests := []struct {
		name string
		old  *directory.Group
		item directory.GroupChange
		news bool
	}{
		{"a new group", nil, directory.GroupChange{Set: same, Members: joins}, true},
		{"one that is back", &gone, directory.GroupChange{Set: same, Members: joins}, true},
		{"one that is gone", read, directory.GroupChange{Removed: directory.SoftDeleted}, false},
		{"somebody joins", read, directory.GroupChange{Set: same, Members: joins}, false},
		{"somebody owns it", read, directory.GroupChange{Set: same, Owners: joins}, false},
		{"somebody joins one that was never read", unified(id, nil), directory.GroupChange{Set: same, Members: joins}, true},
		{"it has another name, and somebody joins", read, directory.GroupChange{Set: other, Members: joins}, true},
		{"something that nobody asked for has changed", read, directory.GroupChange{Set: same}, true},
	}
	for _, tt := range tests {
		s := directory.Snapshot{Groups: map[directory.ID]*directory.Group{}}
		if tt.old != nil {
			s.Groups[id] = tt.old
		}
		tt.item.ID = id
		if got := s.News(directory.Page{Groups: []directory.GroupChange{tt.item}}); (len(got) == 1) != tt.news {
			t.Errorf("%s: news of %v", tt.name, got)
		}
	}
}
