package journal

import (
	"context"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
)

// Snapshot returns the part of what Graph said that a page concerns, ready to be
// folded: of the enumeration under way if shadow is set.
func (w *Work) Snapshot(ctx context.Context, p directory.Page, shadow bool) (directory.Snapshot, error) {
	t, err := w.open(ctx)
	if err != nil {
		return directory.Snapshot{}, err
	}
	groups, principals := &t.groups, &t.principals
	s := directory.Snapshot{Groups: map[directory.ID]*directory.Group{}, Principals: map[directory.ID]*directory.Principal{}}
	gids, pids := p.Names()
	if shadow {
		groups, principals = &t.shadow.groups, &t.shadow.principals
		s.Before = map[directory.ID]*directory.Principal{}
		if err := fill(ctx, w, &t.principals, pids, s.Before); err != nil {
			return s, err
		}
	}
	if err := fill(ctx, w, principals, pids, s.Principals); err != nil {
		return s, err
	}
	if err := fill(ctx, w, groups, gids, s.Groups); err != nil {
		return s, err
	}
	return s, fill(ctx, w, groups, s.Parents(p), s.Groups)
}

// fill copies records with these keys from a tree.
func fill[R any](ctx context.Context, w *Work, t *tree[R], ids []directory.ID, into map[directory.ID]R) error {
	if err := t.load(ctx, ids); err != nil {
		return w.explain(ctx, err)
	}
	for _, id := range ids {
		if r, ok := t.get(id); ok {
			into[id] = r
		}
	}
	return nil
}

// Keep stores what a fold changed, and marks the groups that it concerns.
func (w *Work) Keep(ctx context.Context, s directory.Snapshot, touched directory.Touched, shadow bool) error {
	t, err := w.open(ctx)
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
	return w.Mark(ctx, slices.Collect(maps.Keys(touched.Decide))...)
}

// Known returns the numbers of the parts of what Graph said before an enumeration
// under way. They stay the same while it is.
func (w *Work) Known(ctx context.Context) ([]uint32, error) {
	t, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, n := range slices.Sorted(maps.Keys(t.groups.infos)) {
		out = append(out, uint32(n))
	}
	return out, nil
}

// Suspects returns the groups of a part that the enumeration under way lacks, or
// lacks members of.
func (w *Work) Suspects(ctx context.Context, number uint32) (out []directory.ID, err error) {
	err = w.compare(ctx, number, func(id directory.ID, g, old *directory.Group) {
		if directory.Lacks(g, old) {
			out = append(out, id)
		}
	})
	return out, err
}

// Inherit notes in the enumeration under way who has left the groups of a part.
func (w *Work) Inherit(ctx context.Context, number uint32) error {
	return w.compare(ctx, number, func(id directory.ID, g, old *directory.Group) {
		if g != nil && (len(old.Left) > 0 || directory.Lacks(g, old)) {
			w.trees.shadow.groups.put(id, g.Since(old))
		}
	})
}

// compare calls do for each group of a part of what was known, with what the
// enumeration under way says of it; nil if it says nothing.
func (w *Work) compare(ctx context.Context, number uint32, do func(id directory.ID, g, old *directory.Group)) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	ids, err := t.groups.within(ctx, unit(number))
	if err != nil {
		return w.explain(ctx, err)
	}
	if err := t.shadow.groups.load(ctx, ids); err != nil {
		return w.explain(ctx, err)
	}
	for _, id := range ids {
		old, _ := t.groups.get(id)
		g, _ := t.shadow.groups.get(id)
		do(id, g, old)
	}
	return nil
}

// Promote makes the completed enumeration the truth. Groups that it does not
// name are gone; every group is decided again.
func (w *Work) Promote(ctx context.Context) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	// Names keep the kind that they were written under: an object belongs to
	// whatever names it.
	t.groups, t.shadow.groups = t.shadow.groups, newTree(w, mapObject{}, groupKind+"s", encodeGroup, decodeGroup)
	t.principals, t.shadow.principals = t.shadow.principals, newTree(w, mapObject{}, principalKind+"s", encodePrincipal, decodePrincipal)
	t.groups.kind, t.principals.kind = groupKind, principalKind
	return w.MarkAll(ctx)
}

// DropShadow forgets an enumeration under way.
func (w *Work) DropShadow(ctx context.Context) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	t.shadow.groups = newTree(w, mapObject{}, groupKind+"s", encodeGroup, decodeGroup)
	t.shadow.principals = newTree(w, mapObject{}, principalKind+"s", encodePrincipal, decodePrincipal)
	return nil
}

// Mark has groups decided again.
func (w *Work) Mark(ctx context.Context, ids ...directory.ID) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		t.haves.infos[t.haves.touch(id)].mark()
	}
	return nil
}

// MarkAll has every group decided again.
func (w *Work) MarkAll(ctx context.Context) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	t.haves.touch(directory.ID{})
	for _, info := range t.haves.infos {
		info.mark()
	}
	return nil
}

// Unit is a part of the groups that is decided together.
type Unit struct {
	Number uint32
	Groups []directory.ID // all that Graph or Active Directory knows in it
}

func (i *unitInfo) mark() { i.Todo, i.Fresh = true, false }

// MarkUnits has the groups of units decided again.
func (w *Work) MarkUnits(ctx context.Context, which func(Counts) bool) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	for _, info := range t.haves.infos {
		if which(info.Counts) {
			info.mark()
		}
	}
	return nil
}

// Todo returns the numbers of the units that are to be decided: uncounted are
// those whose changes nobody has counted since they were marked, counted the
// others, those that were planned longest ago first.
func (w *Work) Todo(ctx context.Context) (uncounted, counted []uint32, err error) {
	if w.trees == nil && w.Head.Map.Name == "" {
		return nil, nil, nil
	}
	t, err := w.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var after []uint32
	for _, n := range slices.Sorted(maps.Keys(t.haves.infos)) {
		switch i := t.haves.infos[n]; {
		case i.Wake != 0 && i.Wake <= w.Now.Unix(), i.Todo && !i.Fresh:
			uncounted = append(uncounted, uint32(n))
		case i.Todo && uint32(n) <= w.Head.Cursor:
			after = append(after, uint32(n))
		case i.Todo:
			counted = append(counted, uint32(n))
		}
	}
	return uncounted, append(counted, after...), nil
}

// Units returns the numbers of the units whose counts match.
func (w *Work) Units(ctx context.Context, which func(Counts) bool) ([]uint32, error) {
	t, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, n := range slices.Sorted(maps.Keys(t.haves.infos)) {
		if which(t.haves.infos[n].Counts) {
			out = append(out, uint32(n))
		}
	}
	return out, nil
}

// CountsOf returns what was counted in a unit.
func (w *Work) CountsOf(number uint32) Counts { return w.trees.haves.infos[unit(number)].Counts }

// Principals returns the users, groups and devices with these ids that are known.
func (w *Work) Principals(ctx context.Context, ids []directory.ID) (map[directory.ID]*directory.Principal, error) {
	t, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	out := map[directory.ID]*directory.Principal{}
	return out, fill(ctx, w, &t.principals, ids, out)
}

// Unit reads a unit's groups, with all that is known of them.
func (w *Work) Unit(ctx context.Context, number uint32) (Unit, error) {
	t, err := w.open(ctx)
	if err != nil {
		return Unit{}, err
	}
	cloud, err := t.groups.within(ctx, unit(number))
	if err != nil {
		return Unit{}, w.explain(ctx, err)
	}
	known, err := t.haves.within(ctx, unit(number))
	if err != nil {
		return Unit{}, w.explain(ctx, err)
	}
	ids := slices.Concat(cloud, known)
	slices.SortFunc(ids, directory.ID.Compare)
	return Unit{number, slices.Compact(ids)}, nil
}

// Counted stores what was found in a unit. It stays marked while there is
// something to do, and is marked again when wake has come (zero: never).
func (w *Work) Counted(u Unit, c Counts, todo bool, wake time.Time) {
	info := w.trees.haves.infos[unit(u.Number)]
	info.Counts, info.Todo, info.Fresh, info.Wake = c, todo, todo, 0
	if !wake.IsZero() {
		info.Wake = wake.Unix() + 1
	}
}

// Fetch makes groups readable by Group and Have.
func (w *Work) Fetch(ctx context.Context, ids []directory.ID) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	if err := t.groups.load(ctx, ids); err != nil {
		return w.explain(ctx, err)
	}
	return w.explain(ctx, t.haves.load(ctx, ids))
}

// Group returns what Graph said of a fetched group; nil if it lists none.
func (w *Work) Group(id directory.ID) *directory.Group {
	g, _ := w.trees.groups.get(id)
	return g
}

// Have returns what is known of a fetched group in Active Directory; never nil.
// It is replaced by PutHave, not modified.
func (w *Work) Have(id directory.ID) *Have {
	if h, ok := w.trees.haves.get(id); ok {
		return h
	}
	return &Have{ID: id}
}

// PutHave stores a fetched group's record.
func (w *Work) PutHave(h *Have) { w.trees.haves.put(h.ID, h) }

// PutGroup stores what Graph said of a fetched group.
func (w *Work) PutGroup(g *directory.Group) { w.trees.groups.put(g.ID, g) }

// Holds lists the open holds: those over all groups, then those of single ones.
func (w *Work) Holds(ctx context.Context) ([]Listing, error) {
	var out []Listing
	for _, h := range w.Head.Holds {
		if h.Open() {
			out = append(out, h.listing())
		}
	}
	err := w.Each(ctx, func(h *Have) error {
		if h.Hold == nil || !h.Hold.Open() {
			return nil
		}
		l := h.Hold.listing()
		l.Group = h.ID
		if h.Group != nil {
			l.Name = h.Group.Name
		}
		out = append(out, l)
		return nil
	})
	return out, err
}

// Each reads what is known of every group in Active Directory, by unit.
func (w *Work) Each(ctx context.Context, do func(*Have) error) error {
	t, err := w.open(ctx)
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(t.haves.infos)) {
		ids, err := t.haves.within(ctx, n)
		if err != nil {
			return w.explain(ctx, err)
		}
		for _, id := range ids {
			if err := do(w.Have(id)); err != nil {
				return err
			}
		}
	}
	return nil
}
