package journal

import (
	"context"
	"maps"
	"slices"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// Mark has groups decided again.
func (tx *Tx) Mark(ctx context.Context, ids ...directory.ID) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		t.records.infos[t.records.touch(id)].mark()
	}
	return nil
}

// MarkAll has every group decided again.
func (tx *Tx) MarkAll(ctx context.Context) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	t.records.touch(directory.ID{})
	return tx.MarkShards(ctx, func(record.Counts) bool { return true })
}

// MarkShards has the groups of shards decided again.
func (tx *Tx) MarkShards(ctx context.Context, which func(record.Counts) bool) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	for _, info := range t.records.infos {
		if which(info.Counts) {
			info.mark()
		}
	}
	return nil
}

func (i *shardInfo) mark() { i.Todo, i.Counted = true, false }

// Shard is a part of the groups that is decided together.
type Shard struct {
	Number uint32
	Groups []directory.ID // all that Graph or Active Directory knows in it, in order
}

// Todo returns the numbers of the shards that are to be decided: uncounted are
// those whose changes nobody has counted since they were marked, counted the
// others, those that were planned longest ago first.
func (tx *Tx) Todo(ctx context.Context) (uncounted, counted []uint32, err error) {
	if tx.trees == nil && tx.Head.Map.Name == "" {
		return nil, nil, nil
	}
	t, err := tx.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var after []uint32
	for _, n := range slices.Sorted(maps.Keys(t.records.infos)) {
		switch i := t.records.infos[n]; {
		case i.Wake != 0 && i.Wake <= tx.Now.Unix(), i.Todo && !i.Counted:
			uncounted = append(uncounted, uint32(n))
		case i.Todo && uint32(n) <= tx.Head.Cursor:
			after = append(after, uint32(n))
		case i.Todo:
			counted = append(counted, uint32(n))
		}
	}
	return uncounted, append(counted, after...), nil
}

// Shards returns the numbers of the shards whose counts match.
func (tx *Tx) Shards(ctx context.Context, which func(record.Counts) bool) ([]uint32, error) {
	t, err := tx.open(ctx)
	if err != nil {
		return nil, err
	}
	var out []uint32
	for _, n := range slices.Sorted(maps.Keys(t.records.infos)) {
		if which(t.records.infos[n].Counts) {
			out = append(out, uint32(n))
		}
	}
	return out, nil
}

// CountsOf returns what was counted in a shard.
func (tx *Tx) CountsOf(number uint32) record.Counts {
	return tx.trees.records.infos[shard(number)].Counts
}

// Shard lists a shard's groups.
func (tx *Tx) Shard(ctx context.Context, number uint32) (Shard, error) {
	t, err := tx.open(ctx)
	if err != nil {
		return Shard{}, err
	}
	cloud, err := t.groups.keys(ctx, shard(number))
	if err != nil {
		return Shard{}, tx.explain(ctx, err)
	}
	known, err := t.records.keys(ctx, shard(number))
	if err != nil {
		return Shard{}, tx.explain(ctx, err)
	}
	ids := slices.Concat(cloud, known)
	slices.SortFunc(ids, InOrder)
	return Shard{number, slices.Compact(ids)}, nil
}

// keepRead is how many bytes of shards that were read and not changed a transaction
// keeps for a second look.
const keepRead = 24 << 20

// Trim lets go of what was read and has not been changed, where that is much: a step
// that walks over all groups holds some shards at a time. What is needed after it has to
// be fetched again.
func (tx *Tx) Trim() {
	t := tx.trees
	if t == nil || t.groups.clean()+t.principals.clean()+t.records.clean()+t.shadow.groups.clean()+t.shadow.principals.clean() < keepRead {
		return
	}
	t.groups.releaseAll()
	t.principals.releaseAll()
	t.records.releaseAll()
	t.shadow.groups.releaseAll()
	t.shadow.principals.releaseAll()
}

// Target is the name of the journal's target.
func (tx *Tx) Target() string { return tx.journal.Target }

// Changed is how many bytes the transaction is to write so far, about: a step that
// changes much commits before it holds too much.
func (tx *Tx) Changed() (bytes int) {
	defer func() {
		for _, o := range tx.puts {
			bytes += len(o.data)
		}
	}()
	if t := tx.trees; t != nil {
		bytes = t.groups.weight() + t.principals.weight() + t.records.weight() + t.shadow.groups.weight() + t.shadow.principals.weight()
	}
	return bytes
}

// Counted stores what was found in a shard. It stays marked while there is
// something to do, and is marked again when wake has come (zero: never).
func (tx *Tx) Counted(s Shard, c record.Counts, todo bool, wake time.Time) {
	info := tx.trees.records.infos[shard(s.Number)]
	info.Counts, info.Todo, info.Counted, info.Wake = c, todo, todo, 0
	if !wake.IsZero() {
		info.Wake = wake.Unix() + 1
	}
}

// Fetch makes groups readable by Group and Record.
func (tx *Tx) Fetch(ctx context.Context, ids []directory.ID) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	if err := t.groups.load(ctx, ids); err != nil {
		return tx.explain(ctx, err)
	}
	return tx.explain(ctx, t.records.load(ctx, ids))
}

// FetchGroups makes groups readable by Group alone.
func (tx *Tx) FetchGroups(ctx context.Context, ids []directory.ID) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	return tx.explain(ctx, t.groups.load(ctx, ids))
}

// FetchRecords makes groups readable by Record alone.
func (tx *Tx) FetchRecords(ctx context.Context, ids []directory.ID) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	return tx.explain(ctx, t.records.load(ctx, ids))
}

// Group returns what Graph said of a fetched group; nil if it never said anything.
func (tx *Tx) Group(id directory.ID) *directory.Group {
	g, _ := tx.trees.groups.get(id)
	return g
}

// Record returns what is known of a fetched group in Active Directory; never nil.
// It is replaced by PutRecord, not modified.
func (tx *Tx) Record(id directory.ID) *record.Group {
	if r, ok := tx.trees.records.get(id); ok {
		return r
	}
	return &record.Group{ID: id}
}

// PutRecord stores a fetched group's record; one that says nothing is not kept.
func (tx *Tx) PutRecord(r *record.Group) {
	if r.Empty() {
		tx.trees.records.drop(r.ID)
		return
	}
	tx.trees.records.put(r.ID, r)
}

// PutGroup stores what Graph said of a fetched group.
func (tx *Tx) PutGroup(g *directory.Group) { tx.trees.groups.put(g.ID, g) }

// Each reads the records of all groups, a shard at a time.
func (tx *Tx) Each(ctx context.Context, do func(*record.Group) error) error {
	return tx.EachOf(ctx, func(record.Counts) bool { return true }, do)
}

// EachOf reads the records of the shards whose counts match.
func (tx *Tx) EachOf(ctx context.Context, which func(record.Counts) bool, do func(*record.Group) error) error {
	t, err := tx.open(ctx)
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(t.records.infos)) {
		if !which(t.records.infos[n].Counts) {
			continue
		}
		ids, err := t.records.within(ctx, n)
		if err != nil {
			return tx.explain(ctx, err)
		}
		for _, id := range ids {
			if err := do(tx.Record(id)); err != nil {
				return err
			}
		}
		t.records.release(n)
	}
	return nil
}
