package journal

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
)

// Snapshot returns the part of what Graph said that names these groups and
// principals, ready to be folded: of the enumeration under way if shadow is set.
func (tx *Tx) Snapshot(ctx context.Context, p directory.Page, shadow bool) (directory.Snapshot, error) {
	t, err := tx.open(ctx)
	if err != nil {
		return directory.Snapshot{}, err
	}
	groups, principals := &t.groups, &t.principals
	s := directory.Snapshot{Groups: map[directory.ID]*directory.Group{}, Principals: map[directory.ID]*directory.Principal{}, Whole: shadow}
	gids, pids := p.Names()
	if shadow {
		groups, principals = &t.shadow.groups, &t.shadow.principals
	}
	if err := fill(ctx, tx, principals, pids, s.Principals); err != nil {
		return s, err
	}
	if shadow { // of those that are known again nobody asks how they were before
		s.Before = map[directory.ID]*directory.Principal{}
		fresh := slices.DeleteFunc(pids, func(id directory.ID) bool { return s.Principals[id] != nil })
		if err := fill(ctx, tx, &t.principals, fresh, s.Before); err != nil {
			return s, err
		}
	}
	if err := fill(ctx, tx, groups, gids, s.Groups); err != nil {
		return s, err
	}
	return s, fill(ctx, tx, groups, s.Parents(p), s.Groups)
}

// fill copies records with these keys from a tree.
func fill[R any](ctx context.Context, tx *Tx, t *tree[R], ids []directory.ID, into map[directory.ID]R) error {
	if err := t.load(ctx, ids); err != nil {
		return tx.explain(ctx, err)
	}
	for _, id := range ids {
		if r, ok := t.get(id); ok {
			into[id] = r
		}
	}
	return nil
}

// Keep stores what a fold changed, and marks the groups that it concerns.
func (tx *Tx) Keep(ctx context.Context, s directory.Snapshot, touched directory.Touched, shadow bool) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	groups, principals := &t.groups, &t.principals
	if shadow {
		groups, principals = &t.shadow.groups, &t.shadow.principals
	}
	for id := range touched.Groups {
		groups.put(id, s.Groups[id])
	}
	for id := range touched.Principals {
		principals.put(id, s.Principals[id])
	}
	if shadow {
		return nil // all groups are decided again when it is complete
	}
	return tx.Mark(ctx, slices.Collect(maps.Keys(touched.Decide))...)
}

// Learn keeps the flags that a group has told, and has it decided again if that is
// news. An enumeration under way, which tells nothing of them, learns them too.
func (tx *Tx) Learn(ctx context.Context, id directory.ID, told directory.Properties) (news bool, err error) {
	t, err := tx.open(ctx)
	if err != nil {
		return false, err
	}
	for _, groups := range []*tree[*directory.Group]{&t.groups, &t.shadow.groups} {
		if err := groups.load(ctx, []directory.ID{id}); err != nil {
			return false, tx.explain(ctx, err)
		}
		g, known := groups.get(id)
		if !known {
			continue
		}
		if now, is := g.Learn(told); is {
			groups.put(id, now)
			news = true
		}
	}
	if !news {
		return false, nil
	}
	return true, tx.Mark(ctx, id)
}

// EachAfter reads groups in the order of InOrder, from the first one behind after on (zero:
// from the beginning), until do says that it is enough, or so many parts were read. It
// returns the last group that do has had, and whether none is behind it.
func (tx *Tx) EachAfter(ctx context.Context, after directory.ID, parts int, do func(*directory.Group) (enough bool)) (last directory.ID, end bool, err error) {
	t, err := tx.open(ctx)
	if err != nil {
		return after, false, err
	}
	numbers := slices.SortedFunc(maps.Keys(t.groups.infos), func(a, b shard) int { return ShardsInOrder(uint32(a), uint32(b)) })
	if after != (directory.ID{}) {
		at := slices.Index(numbers, t.groups.shardOf(after))
		numbers = numbers[max(at, 0):]
	}
	read := 0
	for _, n := range numbers {
		if read == parts {
			return after, false, nil
		}
		ids, err := t.groups.within(ctx, n)
		if err != nil {
			return after, false, tx.explain(ctx, err)
		}
		read += min(len(ids), 1)
		slices.SortFunc(ids, InOrder)
		for _, id := range ids {
			if after != (directory.ID{}) && InOrder(id, after) <= 0 {
				continue
			}
			g, _ := t.groups.get(id)
			after = id
			if do(g) {
				return after, false, nil
			}
		}
	}
	return after, true, nil
}

// Parts returns the numbers of the parts of what Graph said before an enumeration
// under way. They stay the same while nothing else is folded.
func (tx *Tx) Parts(ctx context.Context) ([]uint32, error) {
	t, err := tx.open(ctx)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, n := range slices.Sorted(maps.Keys(t.groups.infos)) {
		out = append(out, uint32(n))
	}
	return out, nil
}

// Carry holds the enumeration under way against a part of what was known before: who
// has left is carried on, and what it lacks is noted. Doing it again changes nothing.
func (tx *Tx) Carry(ctx context.Context, number uint32) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	ids, err := t.groups.within(ctx, shard(number))
	if err != nil {
		return tx.explain(ctx, err)
	}
	if err := t.shadow.groups.load(ctx, ids); err != nil {
		return tx.explain(ctx, err)
	}
	for _, id := range ids {
		old, _ := t.groups.get(id)
		g, _ := t.shadow.groups.get(id)
		t.shadow.groups.put(id, directory.Succeed(g, old))
	}
	t.groups.release(shard(number))
	return nil
}

// Promote makes the completed enumeration the truth. Every group is decided again.
func (tx *Tx) Promote(ctx context.Context) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	// Names keep the kind that they were written under: an object belongs to
	// whatever names it.
	t.groups, t.shadow.groups = t.shadow.groups, newTree(tx, mapObject{}, groupKind+"s", form[*directory.Group]{encodeGroup, decodeGroup, groupBytes})
	t.principals, t.shadow.principals = t.shadow.principals, newTree(tx, mapObject{}, principalKind+"s", form[*directory.Principal]{encodePrincipal, decodePrincipal, principalBytes})
	t.groups.kind, t.principals.kind = groupKind, principalKind
	return tx.MarkAll(ctx)
}

// DropShadow forgets an enumeration under way.
func (tx *Tx) DropShadow(ctx context.Context) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	t.shadow.groups = newTree(tx, mapObject{}, groupKind+"s", form[*directory.Group]{encodeGroup, decodeGroup, groupBytes})
	t.shadow.principals = newTree(tx, mapObject{}, principalKind+"s", form[*directory.Principal]{encodePrincipal, decodePrincipal, principalBytes})
	return nil
}

// EachPrincipal reads those of the users, groups and devices with these ids that are
// known, part by part in no order that means anything, and lets go of them. It says how
// many parts were read for it.
func (tx *Tx) EachPrincipal(ctx context.Context, ids []directory.ID, do func(*directory.Principal)) (read int, err error) {
	t, err := tx.open(ctx)
	if err != nil {
		return 0, err
	}
	const atOnce = 1000
	for some := range slices.Chunk(slices.SortedFunc(slices.Values(ids), InOrder), atOnce) {
		before := len(t.principals.loaded)
		if err := t.principals.load(ctx, some); err != nil {
			return read, tx.explain(ctx, err)
		}
		read += len(t.principals.loaded) - before
		for _, id := range some {
			if p, is := t.principals.get(id); is {
				do(p)
			}
		}
		if t.principals.clean() > keepRead {
			t.principals.releaseAll()
		}
	}
	return read, nil
}
