package journal

import (
	"fmt"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// flush writes the changed shards under names that end in suffix, splits those that
// have grown, hands each to put, and lets go of it.
func (t *tree[R]) flush(suffix string, put func(name string, data []byte)) error {
	if err := t.settle(); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(t.loaded)) {
		if u := t.loaded[n]; u.dirty {
			if err := t.write(n, u, suffix, put); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tree[R]) write(n shard, u *loadedShard, suffix string, put func(name string, data []byte)) error {
	if u.size = sizeOf(u.records); u.size > splitAt && len(u.records) > 1 && n.depth() < maxDepth {
		return t.split(n, u, suffix, put)
	}
	raw := make([]cborRaw, 0, len(u.records))
	for _, id := range slices.SortedFunc(maps.Keys(u.records), directory.ID.Compare) {
		raw = append(raw, u.records[id])
	}
	data, err := encMode().Marshal(raw)
	if err != nil {
		return fmt.Errorf("encode shard %d of %s: %w", n, t.kind, err)
	}
	info := t.infos[n]
	info.Ref = refTo(fmt.Sprintf("%s/%06x/%s", t.kind, uint32(n), suffix), data)
	delete(t.loaded, n)
	put(info.Ref.Name, data)
	return nil
}

func sizeOf(records map[directory.ID]cborRaw) (bytes int) {
	for _, b := range records {
		bytes += len(b)
	}
	return bytes
}

// split writes a shard as its two halves. They are to be counted anew; until then the
// first stands for all that was counted in the whole, so that no sum goes down.
func (t *tree[R]) split(n shard, u *loadedShard, suffix string, put func(name string, data []byte)) error {
	counts := t.infos[n].Counts
	delete(t.infos, n)
	delete(t.loaded, n)
	for _, half := range []shard{2 * n, 2*n + 1} {
		h := &loadedShard{records: map[directory.ID]cborRaw{}, dirty: true}
		for id, b := range u.records {
			if half.has(hashOf(id)) {
				h.records[id] = b
			}
		}
		t.infos[half] = &shardInfo{Todo: t.kind == recordKind, Counts: counts}
		counts = record.Counts{}
		t.loaded[half] = h
		if err := t.write(half, h, suffix, put); err != nil {
			return err
		}
	}
	return nil
}
