package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/bits"
	"slices"

	"golang.org/x/sync/errgroup"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
)

// unit numbers a part of the space of record keys as a node of a binary trie,
// in the way of a heap: 1 is everything, and the parts of n are 2n and 2n+1, by
// the next bit of the SHA-256 of the key. A tree's units cover the space without
// overlap. A unit that grows is written as its two parts, so that a small tenant
// is a handful of objects, and a large one thousands of which a turn touches few.
type unit uint32

const root unit = 1

const (
	maxDepth = 20
	// splitAt is the size in bytes over which a unit is split: small enough to be
	// rewritten for one change, large enough that a request is not mostly overhead.
	splitAt = 64 << 10
)

func (n unit) depth() int { return bits.Len32(uint32(n)) - 1 }

// holds says whether keys with this hash lie in n.
func (n unit) holds(hash uint32) bool { return leaf(hash, n.depth()) == n }

// overlaps says whether n and m have keys in common: one is part of the other.
func (n unit) overlaps(m unit) bool {
	if d := n.depth() - m.depth(); d >= 0 {
		return n>>d == m
	}
	return m.overlaps(n)
}

// leaf is the unit of a hash at a depth.
func leaf(hash uint32, depth int) unit { return unit(uint64(1)<<depth | uint64(hash)>>(32-depth)) }

func hashOf(id directory.ID) uint32 {
	sum := sha256.Sum256(id[:])
	return binary.BigEndian.Uint32(sum[:])
}

// unitInfo is the map's entry of one unit.
type unitInfo struct {
	Ref    Ref    `cbor:"1,keyasint"`
	Todo   bool   `cbor:"2,keyasint,omitempty"` // its groups are to be decided again
	Fresh  bool   `cbor:"5,keyasint,omitempty"` // and were counted since they were marked
	Asked  bool   `cbor:"6,keyasint,omitempty"` // and somebody waits for it
	Counts Counts `cbor:"3,keyasint,omitzero"`
	Wake   int64  `cbor:"4,keyasint,omitempty"` // Unix seconds: when something parked in it is to be tried again
}

// tree is a set of records by object id, kept in units that are read when they
// are needed and written when they changed.
type tree[R any] struct {
	kind   string // the first part of the units' names
	store  blob.Store
	prefix string
	encode func(R) ([]byte, error)
	decode func([]byte) (directory.ID, R, error)

	infos  map[unit]*unitInfo
	loaded map[unit]*loadedUnit[R]
}

type loadedUnit[R any] struct {
	records map[directory.ID]R
	dirty   bool
}

// unitOf returns the unit that holds or would hold a key; 0 if the tree is empty.
func (t *tree[R]) unitOf(id directory.ID) unit {
	h := hashOf(id)
	for d := 0; d <= maxDepth; d++ {
		if n := leaf(h, d); t.infos[n] != nil {
			return n
		}
	}
	return 0
}

// load makes the records with these keys readable.
func (t *tree[R]) load(ctx context.Context, ids []directory.ID) error {
	need := map[unit]bool{}
	for _, id := range ids {
		if n := t.unitOf(id); n != 0 {
			need[n] = true
		}
	}
	return t.loadUnits(ctx, slices.Collect(maps.Keys(need)))
}

// loadUnits reads units at once, with bounded parallelism.
func (t *tree[R]) loadUnits(ctx context.Context, units []unit) error {
	units = slices.DeleteFunc(slices.Clone(units), func(n unit) bool { return t.loaded[n] != nil })
	read := make([]*loadedUnit[R], len(units))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, n := range units {
		g.Go(func() (err error) {
			read[i], err = t.read(ctx, n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, n := range units {
		t.loaded[n] = read[i]
	}
	return nil
}

func (t *tree[R]) read(ctx context.Context, n unit) (*loadedUnit[R], error) {
	data, err := getRef(ctx, t.store, t.prefix, t.infos[n].Ref)
	if err != nil {
		return nil, err
	}
	var raw []cborRaw
	if err := decMode().Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("decode %s: %w", t.infos[n].Ref.Name, err)
	}
	u := &loadedUnit[R]{records: make(map[directory.ID]R, len(raw))}
	for _, b := range raw {
		id, r, err := t.decode(b)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", t.infos[n].Ref.Name, err)
		}
		u.records[id] = r
	}
	return u, nil
}

// errMissing is a blob that head or map names and that is not there, or is not
// what they say: a conflict if the head has moved meanwhile, damage otherwise.
// Never emptiness.
var errMissing = errors.New("an object that the journal names is missing or damaged")

func getRef(ctx context.Context, s blob.Store, prefix string, ref Ref) ([]byte, error) {
	data, _, err := s.Get(ctx, prefix+ref.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", ref.Name, errMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref.Name, err)
	}
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], ref.Hash) {
		return nil, fmt.Errorf("read %s: content does not match its hash: %w", ref.Name, errMissing)
	}
	return data, nil
}

// get returns a loaded record; whoever asks for one that was not loaded has
// taken unknown for empty.
func (t *tree[R]) get(id directory.ID) (r R, ok bool) {
	n := t.unitOf(id)
	if n == 0 {
		return r, false
	}
	u := t.loaded[n]
	if u == nil {
		panic("journal: record of " + t.kind + " asked for before it was loaded")
	}
	r, ok = u.records[id]
	return r, ok
}

// put stores a record; its unit must be loaded.
func (t *tree[R]) put(id directory.ID, r R) {
	n := t.touch(id)
	t.loaded[n].records[id] = r
	t.loaded[n].dirty = true
}

// touch returns the unit of a key, and makes the first one of an empty tree.
func (t *tree[R]) touch(id directory.ID) unit {
	n := t.unitOf(id)
	if n == 0 {
		n = root
		t.infos[n] = &unitInfo{}
		t.loaded[n] = &loadedUnit[R]{records: map[directory.ID]R{}, dirty: true}
	}
	return n
}

// within returns the keys of all records that lie in part n of the space.
func (t *tree[R]) within(ctx context.Context, n unit) ([]directory.ID, error) {
	var units []unit
	for m := range t.infos {
		if m.overlaps(n) {
			units = append(units, m)
		}
	}
	if err := t.loadUnits(ctx, units); err != nil {
		return nil, err
	}
	var ids []directory.ID
	for _, m := range units {
		for id := range t.loaded[m].records {
			if n.holds(hashOf(id)) {
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, directory.ID.Compare)
	return ids, nil
}

func (t *tree[R]) dirty() bool {
	for _, u := range t.loaded {
		if u.dirty {
			return true
		}
	}
	return false
}

// flush encodes the changed units under names that end in suffix, splits those
// that have grown, and hands each to put.
func (t *tree[R]) flush(suffix string, put func(name string, data []byte)) error {
	for _, n := range slices.Sorted(maps.Keys(t.loaded)) {
		u := t.loaded[n]
		if !u.dirty {
			continue
		}
		if err := t.write(n, u, suffix, put); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree[R]) write(n unit, u *loadedUnit[R], suffix string, put func(name string, data []byte)) error {
	raw := make([]cborRaw, 0, len(u.records))
	size := 0
	for _, id := range slices.SortedFunc(maps.Keys(u.records), directory.ID.Compare) {
		b, err := t.encode(u.records[id])
		if err != nil {
			return fmt.Errorf("encode %s %s: %w", t.kind, id, err)
		}
		raw = append(raw, b)
		size += len(b)
	}
	if size > splitAt && len(raw) > 1 && n.depth() < maxDepth {
		return t.split(n, u, suffix, put)
	}
	data, err := encMode().Marshal(raw)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	info := t.infos[n]
	info.Ref = Ref{Name: fmt.Sprintf("%s/%06x/%s", t.kind, uint32(n), suffix), Hash: sum[:]}
	u.dirty = false
	put(info.Ref.Name, data)
	return nil
}

func (t *tree[R]) split(n unit, u *loadedUnit[R], suffix string, put func(name string, data []byte)) error {
	delete(t.infos, n)
	delete(t.loaded, n)
	for _, part := range []unit{2 * n, 2*n + 1} {
		p := &loadedUnit[R]{records: map[directory.ID]R{}, dirty: true}
		for id, r := range u.records {
			if part.holds(hashOf(id)) {
				p.records[id] = r
			}
		}
		t.infos[part] = &unitInfo{Todo: t.kind == haveKind} // its counts are to be made anew
		t.loaded[part] = p
		if err := t.write(part, p, suffix, put); err != nil {
			return err
		}
	}
	return nil
}
