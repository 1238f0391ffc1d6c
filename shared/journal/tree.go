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
	"groupwriteback/shared/record"
)

// shard numbers a part of the space of record keys as a node of a binary trie,
// in the way of a heap: 1 is everything, and the parts of n are 2n and 2n+1, by
// the next bit of the SHA-256 of the key. A tree's shards cover the space without
// overlap. A shard that grows is written as its two parts, so that a small tenant
// is a handful of objects, and a large one thousands of which a turn touches few.
type shard uint32

const root shard = 1

const (
	maxDepth = 20
	// splitAt is the size in bytes over which a shard is split: small enough to be
	// rewritten for one change, large enough that a request is not mostly overhead.
	splitAt = 64 << 10
)

func (n shard) depth() int { return bits.Len32(uint32(n)) - 1 }

// has says whether keys with this hash lie in n.
func (n shard) has(hash uint32) bool { return leaf(hash, n.depth()) == n }

// overlaps says whether n and m have keys in common: one is part of the other.
func (n shard) overlaps(m shard) bool {
	if d := n.depth() - m.depth(); d >= 0 {
		return n>>d == m
	}
	return m.overlaps(n)
}

// leaf is the shard of a hash at a depth.
func leaf(hash uint32, depth int) shard { return shard(uint64(1)<<depth | uint64(hash)>>(32-depth)) }

func hashOf(id directory.ID) uint32 {
	sum := sha256.Sum256(id[:])
	return binary.BigEndian.Uint32(sum[:])
}

// shardInfo is the map's entry of one shard.
type shardInfo struct {
	Ref     Ref           `cbor:"1,keyasint"`
	Todo    bool          `cbor:"2,keyasint,omitempty"` // its groups are to be decided again
	Counted bool          `cbor:"5,keyasint,omitempty"` // and were counted since they were marked
	Counts  record.Counts `cbor:"3,keyasint,omitzero"`
	Wake    int64         `cbor:"4,keyasint,omitempty"` // Unix seconds: when something parked in it is to be tried again
}

// tree is a set of records by object id, kept in shards that are read when they
// are needed and written when they changed.
//
// What is read stays in the form in which it is written, which is a fraction of what it
// takes decoded; of decoded records the tree keeps some: see working.go.
type tree[R any] struct {
	form[R]
	kind   string // the first part of the shards' names
	store  blob.Store
	prefix string

	infos  map[shard]*shardInfo
	loaded map[shard]*loadedShard
	working[R]
}

// loadedShard holds the records of a shard as they are written. One that is being worked
// on may be nil here: it has a newer form in the tree's working set.
type loadedShard struct {
	records map[directory.ID]cborRaw
	dirty   bool
	size    int // bytes of records
}

// shardOf returns the shard that holds or would hold a key; 0 if the tree is empty.
func (t *tree[R]) shardOf(id directory.ID) shard {
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
	need := map[shard]bool{}
	for _, id := range ids {
		if n := t.shardOf(id); n != 0 {
			need[n] = true
		}
	}
	return t.loadShards(ctx, slices.Collect(maps.Keys(need)))
}

// loadShards reads shards at once, with bounded parallelism.
func (t *tree[R]) loadShards(ctx context.Context, shards []shard) error {
	shards = slices.DeleteFunc(slices.Clone(shards), func(n shard) bool { return t.loaded[n] != nil })
	read := make([]*loadedShard, len(shards))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i, n := range shards {
		g.Go(func() (err error) {
			read[i], err = t.read(ctx, n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, n := range shards {
		t.loaded[n] = read[i]
	}
	return nil
}

func (t *tree[R]) read(ctx context.Context, n shard) (*loadedShard, error) {
	data, err := getRef(ctx, t.store, t.prefix, t.infos[n].Ref)
	if err != nil {
		return nil, err
	}
	var raw []cborRaw
	if err := decode(data, &raw); err != nil {
		return nil, fmt.Errorf("decode %s: %w", t.infos[n].Ref.Name, err)
	}
	u := &loadedShard{records: make(map[directory.ID]cborRaw, len(raw)), size: len(data)}
	for _, b := range raw {
		id, err := idOf(b, t.kind)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", t.infos[n].Ref.Name, err)
		}
		u.records[id] = b
	}
	return u, nil
}

// errMissing is a blob that head or map names and that is not there, or is not
// what they say: a conflict if the head has moved meanwhile, damage otherwise.
// Never emptiness.
var errMissing = errors.New("an object that the journal names is missing or damaged; if it stays so, begin the journal anew (action begin-anew)")

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

// refTo names an object that is to have this content.
func refTo(name string, data []byte) Ref {
	sum := sha256.Sum256(data)
	return Ref{Name: name, Hash: sum[:]}
}

// release lets go of a shard that has not been changed: it is read again where it is
// needed.
func (t *tree[R]) release(n shard) {
	for m, u := range t.loaded {
		if !u.dirty && m.overlaps(n) {
			delete(t.loaded, m)
		}
	}
}

func (t *tree[R]) releaseAll() {
	maps.DeleteFunc(t.loaded, func(_ shard, u *loadedShard) bool { return !u.dirty })
}

// clean is how many bytes the shards have that were read and not changed.
func (t *tree[R]) clean() (bytes int) {
	for _, u := range t.loaded {
		if !u.dirty {
			bytes += u.size
		}
	}
	return bytes
}

// touch returns the shard of a key, and makes the first one of an empty tree.
func (t *tree[R]) touch(id directory.ID) shard {
	n := t.shardOf(id)
	if n == 0 {
		n = root
		t.infos[n] = &shardInfo{}
		t.loaded[n] = &loadedShard{records: map[directory.ID]cborRaw{}, dirty: true}
	}
	return n
}

// within returns the keys of all records that lie in part n of the space.
func (t *tree[R]) within(ctx context.Context, n shard) ([]directory.ID, error) {
	var shards []shard
	for m := range t.infos {
		if m.overlaps(n) {
			shards = append(shards, m)
		}
	}
	if err := t.loadShards(ctx, shards); err != nil {
		return nil, err
	}
	var ids []directory.ID
	for _, m := range shards {
		for id := range t.loaded[m].records {
			if n.has(hashOf(id)) {
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, directory.ID.Compare)
	return ids, nil
}

// keys returns what within does, and keeps not more than some shards for it.
func (t *tree[R]) keys(ctx context.Context, n shard) (ids []directory.ID, err error) {
	for m := range t.infos {
		if !m.overlaps(n) {
			continue
		}
		some, err := t.within(ctx, max(m, n)) // the smaller of the two has the higher number
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
		if t.clean() > keepRead {
			t.releaseAll()
		}
	}
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
