// Package journal is the memory of one target between turns: what Graph said,
// what Active Directory holds, what is on its way there. It lies in object
// storage, and it is a protocol: docs/protocol.md argues it rule by rule.
//
// One object is replaced, the head, by compare-and-swap; it names all others,
// which are written once. So a step commits whole or not at all, a crash
// anywhere repeats a step, and recovery is the normal path. The planner writes
// head, map, shards, batches, releases and holds; the relay writes the inbox and
// the lease.
//
// The package keeps the protocol and decides nothing: what to plan is package
// cycle's.
package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// Errors that callers tell apart.
var (
	// ErrConflict: somebody else committed meanwhile. Throw the work away, load again.
	ErrConflict = errors.New("the journal was changed by another planner")
	// ErrFormat: the journal was written by a newer version of this program.
	ErrFormat = errors.New("the journal was written by a newer version: update this planner")
	// ErrOldFormat: it was written by an older one, whose objects this one does not read.
	ErrOldFormat = errors.New("the journal was written by an older version: begin it anew (action begin-anew, docs/recover.md): all of it is read again from Entra ID and Active Directory")
)

// Journal is the journal of one target. Its zero value needs Store and Target.
type Journal struct {
	Store  blob.Store
	Target string // name of the target: lower-case letters, digits and '-'
	Now    func() time.Time
}

func (j *Journal) prefix() string { return "t/" + j.Target + "/" }

func (j *Journal) now() time.Time {
	if j.Now != nil {
		return j.Now().UTC()
	}
	return time.Now().UTC()
}

// The kinds of shards.
const (
	groupKind     = "g"
	principalKind = "m"
	recordKind    = "h"
)

// mapObject lists all shards. Shadow trees carry a trailing s in their kind.
type mapObject struct {
	Trees map[string]map[shard]*shardInfo `cbor:"1,keyasint"`
}

// Tx is one step's view of the journal: what was committed, and what the step
// makes of it. It is read as it is needed and written by Commit.
type Tx struct {
	Head Head
	Now  time.Time // of the step; all that it decides is decided as of then

	journal *Journal
	tag     blob.Tag
	loaded  []byte   // head as it was read
	ruled   string   // hash of the rules in force as it was read
	mapData []byte   // map as it was read
	trees   *trees   // nil: not needed yet
	inbox   []string // what nobody has folded yet
	folded  []string // what was folded and is still there
	puts    []object // batches, holds: written before the map
	dropped int      // parts of reports
	view    bool     // nothing is written
	spare   *int     // parts that may be read for names yet; nil: all

	committed bool
	said      []Said
}

// Said is something for the log, to be told when the step that found it is committed.
type Said struct {
	What string
	Args []any // of slog

	Group directory.ID // it is about members of
	Refs  []plan.Ref   // who may be known by name
}

// Say has something told once the step is committed.
func (tx *Tx) Say(what string, args ...any) { tx.said = append(tx.said, Said{What: what, Args: args}) }

// SayOf has something told of members of a group.
func (tx *Tx) SayOf(group directory.ID, refs []plan.Ref, what string, args ...any) {
	tx.said = append(tx.said, Said{what, args, group, refs})
}

// Said returns what there is to be told: before the step is committed, nothing.
func (tx *Tx) Said() []Said {
	if !tx.committed {
		return nil
	}
	return tx.said
}

type object struct {
	name string
	data []byte
}

type trees struct {
	groups     tree[*directory.Group]
	principals tree[*directory.Principal]
	records    tree[*record.Group]
	shadow     struct {
		groups     tree[*directory.Group]
		principals tree[*directory.Principal]
	}
}

// Load begins a step. It finishes what a crash may have left of the last one:
// the open plan's release is written if it is not there, and what was folded
// is deleted from the inbox.
func (j *Journal) Load(ctx context.Context) (*Tx, error) {
	tx, err := j.View(ctx)
	if err != nil {
		return nil, err
	}
	tx.view = false
	if tx.Head.Plan != nil {
		if err := j.writeRelease(ctx, tx.Head); err != nil {
			return nil, err
		}
	}
	for _, name := range tx.folded {
		if err := j.Store.Delete(ctx, j.prefix()+name); err != nil {
			return nil, fmt.Errorf("delete %s: %w", name, err)
		}
	}
	return tx, nil
}

// View reads the journal as Load does, and writes nothing.
func (j *Journal) View(ctx context.Context) (*Tx, error) {
	h, tag, err := j.head(ctx)
	if err != nil {
		return nil, err
	}
	tx := &Tx{Head: h, Now: j.now().Truncate(time.Millisecond), journal: j, tag: tag, ruled: h.Rules, view: true}
	if tx.loaded, err = json.Marshal(h); err != nil {
		return nil, fmt.Errorf("encode head: %w", err)
	}
	keys, err := j.Store.List(ctx, j.prefix()+"in/")
	if err != nil {
		return nil, fmt.Errorf("list inbox: %w", err)
	}
	folded := set(h.Folded)
	for _, k := range keys {
		if name := k[len(j.prefix()):]; folded[name] {
			tx.folded = append(tx.folded, name)
		} else {
			tx.inbox = append(tx.inbox, name)
		}
	}
	return tx, nil
}

// open reads the map, once.
func (tx *Tx) open(ctx context.Context) (*trees, error) {
	if tx.trees != nil {
		return tx.trees, nil
	}
	var m mapObject
	if tx.Head.Map.Name != "" {
		data, err := getRef(ctx, tx.journal.Store, tx.journal.prefix(), tx.Head.Map)
		if err != nil {
			return nil, tx.explain(ctx, err)
		}
		if err := decode(data, &m); err != nil {
			return nil, fmt.Errorf("decode map: %w", err)
		}
		tx.mapData = data
	}
	t := &trees{}
	tx.trees = t
	t.groups = newTree(tx, m, groupKind, form[*directory.Group]{encodeGroup, decodeGroup, groupBytes})
	t.principals = newTree(tx, m, principalKind, form[*directory.Principal]{encodePrincipal, decodePrincipal, principalBytes})
	t.records = newTree(tx, m, recordKind, form[*record.Group]{encodeRecord, decodeRecord, recordBytes})
	t.shadow.groups = newTree(tx, m, groupKind+"s", form[*directory.Group]{encodeGroup, decodeGroup, groupBytes})
	t.shadow.principals = newTree(tx, m, principalKind+"s", form[*directory.Principal]{encodePrincipal, decodePrincipal, principalBytes})
	if tx.mapData == nil {
		tx.mapData, _ = t.encodeMap() // a new journal: what is empty is not written
	}
	return t, nil
}

func (t *trees) encodeMap() ([]byte, error) {
	return encMode().Marshal(mapObject{map[string]map[shard]*shardInfo{
		groupKind: t.groups.infos, principalKind: t.principals.infos, recordKind: t.records.infos,
		groupKind + "s": t.shadow.groups.infos, principalKind + "s": t.shadow.principals.infos}})
}

func newTree[R any](tx *Tx, m mapObject, kind string, f form[R]) tree[R] {
	infos := m.Trees[kind]
	if infos == nil {
		infos = map[shard]*shardInfo{}
	}
	return tree[R]{form: f, kind: kind, store: tx.journal.Store, prefix: tx.journal.prefix(), infos: infos, loaded: map[shard]*loadedShard{}}
}

// explain turns a missing object into a conflict if the head has moved on: then
// it was deleted rightly.
func (tx *Tx) explain(ctx context.Context, err error) error {
	if !errors.Is(err, errMissing) {
		return err
	}
	if h, _, err2 := tx.journal.head(ctx); err2 == nil && (h.Gen != tx.Head.Gen || h.Nonce != tx.Head.Nonce) {
		return fmt.Errorf("%w (%v)", ErrConflict, err)
	}
	return err
}

// Commit writes what the step changed: shards, batches and holds, then the map, then
// the head by compare-and-swap, then the release. A step that changed nothing
// writes nothing. After ErrConflict nothing happened.
//
// A crash before the swap leaves objects that nobody names; after it, the next
// Load writes the release.
func (tx *Tx) Commit(ctx context.Context) error {
	before := tx.Head
	if !tx.changed() {
		return nil
	}
	tx.Head.Gen++
	tx.Head.Nonce = nonce(tx.Now)
	if err := tx.putShards(ctx); err != nil {
		tx.Head = before
		return err
	}
	data, err := json.Marshal(tx.Head)
	if err != nil {
		return fmt.Errorf("encode head: %w", err)
	}
	if _, err := tx.journal.Store.Put(ctx, tx.journal.prefix()+"head", data, tx.tag); err != nil {
		if err := tx.resolveCommit(ctx, err); err != nil {
			return err
		}
	}
	tx.committed = true
	if tx.Head.Plan != nil {
		return tx.journal.writeRelease(ctx, tx.Head)
	}
	return nil
}

// Committed says whether Commit wrote something.
func (tx *Tx) Committed() bool { return tx.committed }

// changed says whether there is something to commit.
func (tx *Tx) changed() bool {
	t := tx.trees
	if now, err := json.Marshal(tx.Head); err != nil || len(tx.puts) > 0 || !slices.Equal(now, tx.loaded) {
		return true
	}
	if t == nil {
		return false
	}
	if t.groups.dirty() || t.principals.dirty() || t.records.dirty() || t.shadow.groups.dirty() || t.shadow.principals.dirty() {
		return true
	}
	data, err := t.encodeMap() // marks and counts lie in the map alone
	return err != nil || !slices.Equal(data, tx.mapData)
}

// resolveCommit finds out what became of a swap whose answer was an error.
func (tx *Tx) resolveCommit(ctx context.Context, cause error) error {
	h, _, err := tx.journal.head(ctx)
	switch {
	case err != nil:
		return errors.Join(cause, err)
	case h.Gen == tx.Head.Gen && h.Nonce == tx.Head.Nonce:
		return nil // it was done
	case errors.Is(cause, blob.ErrConflict) || h.Gen >= tx.Head.Gen:
		return ErrConflict
	}
	return fmt.Errorf("write head: %w", cause)
}

// putShards writes everything that the new head will name.
func (tx *Tx) putShards(ctx context.Context) error {
	objects := tx.puts
	if t := tx.trees; t != nil {
		suffix := fmt.Sprintf("%d-%s", tx.Head.Gen, tx.Head.Nonce)
		put := func(name string, data []byte) { objects = append(objects, object{name, data}) }
		err := errors.Join(t.groups.flush(suffix, put), t.principals.flush(suffix, put), t.records.flush(suffix, put),
			t.shadow.groups.flush(suffix, put), t.shadow.principals.flush(suffix, put))
		if err != nil {
			return err
		}
		tx.Head.Totals = t.totals()
		data, err := t.encodeMap()
		if err != nil {
			return fmt.Errorf("encode map: %w", err)
		}
		if !slices.Equal(data, tx.mapData) {
			tx.Head.Map = refTo("map/"+suffix, data)
			if err := tx.putAll(ctx, objects); err != nil {
				return err
			}
			return tx.putAll(ctx, []object{{tx.Head.Map.Name, data}})
		}
	}
	return tx.putAll(ctx, objects)
}

// putAll creates objects whose names nobody else uses. One that is there
// already with these bytes is this step's own, from a try whose answer was lost.
func (tx *Tx) putAll(ctx context.Context, objects []object) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, o := range objects {
		g.Go(func() error { return tx.journal.create(ctx, o.name, o.data) })
	}
	return g.Wait()
}

// create writes an object that must be new, or the same.
func (j *Journal) create(ctx context.Context, name string, data []byte) error {
	_, err := j.Store.Put(ctx, j.prefix()+name, data, blob.Absent)
	if !errors.Is(err, blob.ErrConflict) {
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	}
	old, _, err := j.Store.Get(ctx, j.prefix()+name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !slices.Equal(old, data) {
		return fmt.Errorf("write %s: %w", name, errDiffers)
	}
	return nil
}

// errDiffers: an object that is written once is there already, with other bytes.
var errDiffers = errors.New("it was written before, with other content")

func (t *trees) totals() record.Counts {
	var sum record.Counts
	for _, n := range slices.Sorted(maps.Keys(t.records.infos)) {
		sum.Add(t.records.infos[n].Counts)
	}
	return sum
}

// Digest names content: SHA-256 in hexadecimal.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
