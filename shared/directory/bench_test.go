package directory_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"groupwriteback/infra/scale"
	"groupwriteback/shared/directory"
)

// BenchmarkFoldLargeGroup folds a group of 50,000 members that arrives in
// slices of 500, as Graph sends it: not in order, and before the users.
func BenchmarkFoldLargeGroup(b *testing.B) {
	const members, slice = 50_000, 500
	var ids []directory.ID
	var users []directory.PrincipalChange
	for i := range members {
		id := directory.ID{2}
		binary.BigEndian.PutUint32(id[12:], uint32(i))
		ids = append(ids, id)
		users = append(users, synced(id, sid(1000+i)))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for b.Loop() {
		s := newSnapshot()
		for part := range slices.Chunk(ids, slice) {
			s.Fold(groupsPage(directory.GroupChange{ID: group(1), Members: add(part...)}))
		}
		for part := range slices.Chunk(users, slice) {
			s.Fold(usersPage(part...))
		}
		if n := len(s.Groups[group(1)].Members); n != members {
			b.Fatalf("%d members, want %d", n, members)
		}
	}
}

// BenchmarkDoublingLeavers folds a page by which half of a large group leaves it.
func BenchmarkDoublingLeavers(b *testing.B) {
	scale.Doubling(b, 50_000, func(n int) func() {
		var ids []directory.ID
		for i := range n {
			id := directory.ID{2}
			binary.BigEndian.PutUint32(id[12:], uint32(i))
			ids = append(ids, id)
		}
		s := newSnapshot()
		s.Fold(groupsPage(directory.GroupChange{ID: group(1), Members: add(ids...)}))
		return func() {
			s.Fold(groupsPage(directory.GroupChange{ID: group(1), Members: remove(ids[:n/2]...)}))
			if g := s.Groups[group(1)]; len(g.Members) != n/2 || len(g.Left) != n/2 {
				b.Fatalf("%d are in it, and %d left", len(g.Members), len(g.Left))
			}
		}
	})
}
