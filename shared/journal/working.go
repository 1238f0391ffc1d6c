package journal

import (
	"cmp"
	"fmt"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// form is how the records of a tree are written and read.
type form[R any] struct {
	encode func(R) ([]byte, error)
	decode func([]byte) (directory.ID, R, error)
	bytes  func(R) int // that a decoded record takes in memory, about
}

// working is the records of a tree that were used last, decoded. It has a bound: a step
// may go through all there are, and change many.
type working[R any] struct {
	live    map[directory.ID]R
	changed map[directory.ID]bool // of live: those that were put
	taken   int                   // bytes of live
	waiting int                   // bytes of changed
	failed  error                 // of what could not be encoded
}

// maxWorking is how many bytes of decoded records a tree keeps.
const maxWorking = 8 << 20

// get returns a loaded record; whoever asks for one that was not loaded has
// taken unknown for empty.
func (t *tree[R]) get(id directory.ID) (r R, ok bool) {
	n := t.shardOf(id)
	if n == 0 {
		return r, false
	}
	u := t.loaded[n]
	if u == nil {
		panic("journal: record of " + t.kind + " asked for before it was loaded")
	}
	b, ok := u.records[id]
	if !ok {
		return r, false
	}
	if r, ok = t.live[id]; ok {
		return r, true
	}
	_, r, err := t.decode(b)
	if err != nil { // its shard is what its hash says: this program wrote it so
		panic(fmt.Sprintf("journal: decode record %s of %s: %v", id, t.infos[n].Ref.Name, err))
	}
	t.keep(id, r)
	return r, true
}

// put stores a record; its shard must be loaded.
func (t *tree[R]) put(id directory.ID, r R) {
	u := t.loaded[t.touch(id)]
	u.dirty = true
	if _, is := u.records[id]; !is {
		u.records[id] = nil
	}
	t.keep(id, r)
	if t.changed == nil {
		t.changed = map[directory.ID]bool{}
	}
	t.changed[id] = true
	t.waiting += t.bytes(r)
}

// drop forgets a record; its shard must be loaded.
func (t *tree[R]) drop(id directory.ID) {
	if n := t.shardOf(id); n != 0 {
		u := t.loaded[n]
		if b, is := u.records[id]; is {
			delete(u.records, id)
			t.forget(id)
			u.size -= len(b)
			u.dirty = true
		}
	}
}

// keep takes a record into the working set, and makes room for it first.
func (t *tree[R]) keep(id directory.ID, r R) {
	t.forget(id)
	size := t.bytes(r)
	if t.taken+size > maxWorking && len(t.live) > 0 {
		t.failed = t.settle()
	}
	if t.live == nil {
		t.live = map[directory.ID]R{}
	}
	t.live[id] = r
	t.taken += size
}

// forget takes a record out of the working set.
func (t *tree[R]) forget(id directory.ID) {
	old, is := t.live[id]
	if !is {
		return
	}
	t.taken -= t.bytes(old)
	if t.changed[id] {
		t.waiting -= t.bytes(old)
	}
	delete(t.live, id)
	delete(t.changed, id)
}

// settle brings the working set into the form in which it is written, and forgets it.
func (t *tree[R]) settle() error {
	for id := range t.changed {
		b, err := t.encode(t.live[id])
		if err != nil {
			return cmp.Or(t.failed, fmt.Errorf("encode %s %s: %w", t.kind, id, err))
		}
		u := t.loaded[t.shardOf(id)]
		u.size += len(b) - len(u.records[id])
		u.records[id] = b
	}
	clear(t.changed)
	clear(t.live)
	t.taken, t.waiting = 0, 0
	return t.failed
}

// weight is how many bytes the changed shards have, about.
func (t *tree[R]) weight() (bytes int) {
	for _, u := range t.loaded {
		if u.dirty {
			bytes += u.size
		}
	}
	return bytes + t.waiting/4
}

// What decoded records take: a member has four words of text, a reference one.
const (
	memberBytes = 112
	refBytes    = 64
)

func groupBytes(g *directory.Group) int {
	return 500 + memberBytes*(len(g.Members)+len(g.Left)+len(g.Owners))
}

func principalBytes(p *directory.Principal) int { return 250 + 16*len(p.Parents) }

func recordBytes(r *record.Group) int {
	n := 500 + 200*(len(r.Parked)+len(r.Clashes)+len(r.Problems))
	if r.Observed != nil {
		for _, refs := range r.Observed.Links {
			n += refBytes * len(refs)
		}
	}
	for _, i := range r.Issued {
		n += refBytes * len(i.Impact.Refs)
	}
	return n
}
