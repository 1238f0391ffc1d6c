package rules_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
)

// TestFlatView: whatever way groups are in each other, who is in a flat group is everybody
// that can be reached from it; nobody of them counts as having left; those who left a part
// and cannot be reached do, or are in doubt; and nothing that was shown is changed.
func TestFlatView(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		groups := tangle(rng)
		before := map[directory.ID]directory.Group{}
		for id, g := range groups {
			copied := *g
			copied.Members, copied.Left, copied.Props = slices.Clone(g.Members), slices.Clone(g.Left), maps.Clone(g.Props)
			before[id] = copied
		}
		flat := &rules.Rules{Members: rules.Members{Flat: true}}
		root := groups[directory.ID{1}]
		v := flat.View(root, func(id directory.ID) *directory.Group { return groups[id] })
		want, whole := closure(groups, root)
		var got []directory.ID
		for _, m := range v.Group.Members {
			got = append(got, m.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: -reached +members:\n%s", seed, diff)
		}
		for _, m := range v.Group.Left {
			if m.Kind == directory.User && slices.Contains(want, m.ID) {
				t.Errorf("seed %d: %s is a member, and left", seed, m.ID)
			}
		}
		for _, m := range root.Left {
			gone := slices.Contains(v.Group.Left, m)
			if m.Kind != directory.User || slices.Contains(want, m.ID) {
				continue
			}
			if doubtful := slices.Contains(v.Doubtful, m); gone == doubtful || gone != whole {
				t.Errorf("seed %d: %s left a part; of the whole he left: %t, in doubt: %t; all is known: %t", seed, m.ID, gone, doubtful, whole)
			}
		}
		for id, g := range groups {
			if diff := cmp.Diff(before[id], *g); diff != "" {
				t.Fatalf("seed %d: a group was changed: %s", seed, diff)
			}
		}
	}
}

// tangle is some groups with people and each other in them; the first is directory.ID{1}.
func tangle(rng *rand.Rand) map[directory.ID]*directory.Group {
	const most = 7
	groups := map[directory.ID]*directory.Group{}
	for n := range byte(1 + rng.IntN(most)) {
		g := &directory.Group{ID: directory.ID{n + 1}, Props: directory.Properties{"displayName": {"x"}}, Reading: directory.Named}
		for other := range byte(most) {
			if id := (directory.ID{other + 1}); id != g.ID && rng.IntN(4) == 0 {
				g.Members = append(g.Members, directory.Member{ID: id, Kind: directory.GroupKind})
			}
		}
		for user := range byte(9) {
			m := directory.Member{ID: directory.ID{100 + user}, Kind: directory.User, SID: "S-1-5-21-1-2-3-1101", Standing: directory.Synced}
			switch rng.IntN(6) {
			case 0:
				g.Members = append(g.Members, m)
			case 1:
				g.Left = append(g.Left, m)
			}
		}
		if rng.IntN(12) == 0 {
			g.Reading = directory.Whole
		}
		groups[g.ID] = g
	}
	return groups
}

// closure are those who can be reached from a group, by id: people, and groups that nobody
// knows. whole says that all that was met is certain.
func closure(groups map[directory.ID]*directory.Group, from *directory.Group) (reached []directory.ID, whole bool) {
	all, seen := map[directory.ID]bool{}, map[directory.ID]bool{}
	whole = true
	var visit func(g *directory.Group)
	visit = func(g *directory.Group) {
		seen[g.ID] = true
		whole = whole && g.Reading == directory.Named
		for _, m := range g.Members {
			switch below := groups[m.ID]; {
			case m.Kind == directory.GroupKind && below == nil:
				all[m.ID], whole = true, false
			case m.Kind != directory.GroupKind:
				all[m.ID] = true
			case !seen[m.ID]:
				visit(below)
			}
		}
	}
	visit(from)
	return slices.SortedFunc(maps.Keys(all), directory.ID.Compare), whole
}

// TestViewLeavesOut: those whom the rules leave out count as having left, so that what they
// have in Active Directory goes.
func TestViewLeavesOut(t *testing.T) {
	user := directory.Member{ID: directory.ID{2}, Kind: directory.User, SID: "S-1-5-21-1-2-3-1101", Standing: directory.Synced}
	device := directory.Member{ID: directory.ID{3}, Kind: directory.Device, SID: "S-1-5-21-1-2-3-1102", Standing: directory.Synced}
	onPremises := directory.Member{ID: directory.ID{4}, Kind: directory.GroupKind, SID: "S-1-5-21-1-2-3-1103", Standing: directory.Synced}
	nested := directory.Member{ID: directory.ID{5}, Kind: directory.GroupKind}
	all := []directory.Member{user, device, onPremises, nested}
	for _, tt := range []struct {
		name string
		of   rules.Members
		left []directory.Member
	}{
		{"nobody", rules.Members{}, nil},
		{"users", rules.Members{NoUsers: true}, []directory.Member{user}},
		{"devices", rules.Members{NoDevices: true}, []directory.Member{device}},
		{"groups", rules.Members{NoGroups: true}, []directory.Member{onPremises, nested}},
		{"groups of Active Directory", rules.Members{NoADGroups: true}, []directory.Member{onPremises}},
	} {
		v := (&rules.Rules{Members: tt.of}).View(&directory.Group{ID: id, Members: all}, func(directory.ID) *directory.Group { return nil })
		kept := slices.DeleteFunc(slices.Clone(all), func(m directory.Member) bool { return slices.Contains(tt.left, m) })
		if diff := cmp.Diff([][]directory.Member{kept, tt.left}, [][]directory.Member{v.Group.Members, v.Group.Left}); diff != "" {
			t.Errorf("%s are left out: members and left: -want +got:\n%s", tt.name, diff)
		}
	}
}
