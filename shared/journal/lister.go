package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// A hold over all groups may list all memberships that there are. Where that is much its
// items lie in parts beside its object, each of the groups of one range of the hash: so
// they are listed, and what was approved is looked up, a part at a time.
const (
	mostInline = 256 << 10 // bytes of items beside which there are no parts
	partBits   = 8         // of the hash, which name a part
)

func partOf(id directory.ID) int { return int(hashOf(id) >> (32 - partBits)) }

func partName(p record.Part) string { return fmt.Sprintf("hold/%s-%d", p.Hold, p.Number) }

// InOrder compares groups by their places in the space of shards.
func InOrder(a, b directory.ID) int {
	return cmp.Or(cmp.Compare(hashOf(a), hashOf(b)), a.Compare(b))
}

// ShardsInOrder compares shards, by their numbers, in the same way.
func ShardsInOrder(a, b uint32) int { return cmp.Compare(shard(a).first(), shard(b).first()) }

// first is the lowest hash that lies in n.
func (n shard) first() uint32 { return uint32(uint64(n) << (32 - n.depth())) }

// partObject is the object of a part.
type partObject struct {
	Items []record.Item `json:"items"`
}

// A Lister lists what a hold over all groups holds, while it is found. A part that the
// hold before it has too is not written again; others are written at once, and count for
// nothing before the step is committed.
type Lister struct {
	Damaged error // of the hold before: it cannot be read, or is not what was held

	tx     *Tx
	guard  plan.GuardName
	before map[int]record.Part
	id     string
	items  []record.Item // that are in no part yet
	bytes  int           // of items, about
	count  int
	parts  []record.Part
	sample []record.Item // of the first part
}

// List begins to list what a guard holds. before is the open hold that may list the same;
// nil if there is none.
func (tx *Tx) List(ctx context.Context, guard plan.GuardName, before *record.Hold) (*Lister, error) {
	l := &Lister{tx: tx, guard: guard, before: map[int]record.Part{}}
	if before == nil {
		return l, nil
	}
	old, damaged, err := tx.listed(ctx, *before)
	l.Damaged = damaged
	for _, p := range old.Parts {
		l.before[p.Number] = p
	}
	return l, err
}

// listed reads what a hold lists. What is damaged lists nothing.
func (tx *Tx) listed(ctx context.Context, h record.Hold) (l record.Listing, damaged, err error) {
	l, err = tx.Listing(ctx, h.ID)
	if err == nil && l.Digest() != h.List {
		err = fmt.Errorf("read hold %s: %w", h.ID, errAltered)
	}
	if damaged, err = damage(err); err != nil || damaged != nil {
		return record.Listing{}, damaged, err
	}
	return l, nil, nil
}

// Add lists items. They come in the order of InOrder.
func (l *Lister) Add(ctx context.Context, items ...record.Item) error {
	for _, i := range items {
		if l.bytes > mostInline && len(l.items) > 0 && partOf(i.Group) != partOf(l.items[0].Group) {
			if err := l.part(ctx, l.items); err != nil {
				return err
			}
			l.items = nil
		}
		before := l.bytes
		l.items = append(l.items, i)
		l.count += i.Impact().Size()
		l.bytes += itemBytes(i)
		if before <= mostInline && l.bytes > mostInline {
			if err := l.divide(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// itemBytes is what an item takes, about.
func itemBytes(i record.Item) int {
	n := 100 + len(i.Name) + len(i.To)
	for _, refs := range [][]plan.Ref{i.Remove, i.Add} {
		for _, r := range refs {
			n += 4 + len(r)
		}
	}
	return n
}

// divide makes parts of what was listed so far, but of the range that more may follow to.
func (l *Lister) divide(ctx context.Context) error {
	for len(l.items) > 0 {
		n := partOf(l.items[0].Group)
		end := slices.IndexFunc(l.items, func(i record.Item) bool { return partOf(i.Group) != n })
		if end < 0 {
			return nil
		}
		if err := l.part(ctx, l.items[:end]); err != nil {
			return err
		}
		l.items = l.items[end:]
	}
	return nil
}

// part writes items as a part, unless the hold before has the same.
func (l *Lister) part(ctx context.Context, items []record.Item) error {
	p := record.Part{Number: partOf(items[0].Group), Groups: len(items), List: record.Listing{Items: items}.Digest()}
	for _, i := range items {
		p.Count += i.Impact().Size()
	}
	if l.sample == nil {
		l.sample = items
	}
	if old, is := l.before[p.Number]; is && old.List == p.List {
		l.parts = append(l.parts, old)
		return nil
	}
	if l.id == "" {
		l.id = l.tx.HoldID(string(l.guard))
	}
	p.Hold = l.id
	l.parts = append(l.parts, p)
	if l.tx.view {
		return nil
	}
	data, err := json.Marshal(partObject{items})
	if err != nil {
		return fmt.Errorf("encode part of hold: %w", err)
	}
	return l.tx.journal.create(ctx, partName(p), data)
}

// Close ends the list. The listing has an id where a part of it was written; sample is
// some of what it lists.
func (l *Lister) Close(ctx context.Context) (list record.Listing, sample []record.Item, err error) {
	list = record.Listing{Guard: l.guard, Count: l.count}
	if l.bytes <= mostInline {
		list.Items = l.items
		return list, l.items, nil
	}
	if len(l.items) > 0 {
		if err := l.part(ctx, l.items); err != nil {
			return list, nil, err
		}
	}
	list.ID, list.Parts = l.id, l.parts
	return list, l.sample, nil
}

// damage tells an object that is missing or is not what it should be from one that could
// not be read.
func damage(err error) (damaged, other error) {
	if errors.Is(err, errOdd) || errors.Is(err, errMissing) && !errors.Is(err, ErrConflict) {
		return err, nil
	}
	return nil, err
}

// errAltered is a list that is not the one that the journal speaks of.
var errAltered = fmt.Errorf("it lists something else than what was held: %w", errOdd)

// An Approval is what an approved hold lists. What of it cannot be read, or is not what
// was held, is not approved: it is held, and listed, anew.
type Approval struct {
	Damaged error // of what was looked up so far

	tx    *Tx
	list  record.Listing
	part  int // whose items these are; -1: the list has no parts
	items map[directory.ID]record.Item
}

// Approval reads an approved hold.
func (tx *Tx) Approval(ctx context.Context, h record.Hold) (*Approval, error) {
	a := &Approval{tx: tx, part: -1}
	var err error
	a.list, a.Damaged, err = tx.listed(ctx, h)
	a.take(a.list.Items)
	return a, err
}

func (a *Approval) take(items []record.Item) {
	a.items = make(map[directory.ID]record.Item, len(items))
	for _, i := range items {
		a.items[i.Group] = i
	}
}

// Of returns what is approved of a group; nothing where the list does not name it. Groups
// that are asked for in order cost one reading of each part.
func (a *Approval) Of(ctx context.Context, id directory.ID) (record.Item, error) {
	n := partOf(id)
	at := slices.IndexFunc(a.list.Parts, func(p record.Part) bool { return p.Number == n })
	if at >= 0 && a.part != n {
		items, err := a.tx.journal.partItems(ctx, a.list.Parts[at])
		damaged, err := damage(a.tx.explain(ctx, err))
		if err != nil {
			return record.Item{}, err
		}
		a.Damaged = cmp.Or(a.Damaged, damaged)
		a.part = n
		a.take(items)
	}
	if len(a.list.Parts) > 0 && at < 0 {
		return record.Item{}, nil
	}
	return a.items[id], nil
}

// partItems reads what a part lists.
func (j *Journal) partItems(ctx context.Context, p record.Part) ([]record.Item, error) {
	o, err := getJSON[partObject](ctx, j, partName(p))
	if err == nil && (record.Listing{Items: o.Items}).Digest() != p.List {
		err = fmt.Errorf("read %s: %w", partName(p), errAltered)
	}
	if err != nil {
		return nil, err
	}
	return o.Items, nil
}

// HoldPart returns a hold with the items of one of its parts.
func (j *Journal) HoldPart(ctx context.Context, id string, number int) (record.Listing, error) {
	l, err := j.Hold(ctx, id)
	if err != nil {
		return l, err
	}
	for _, p := range l.Parts {
		if p.Number == number {
			l.Items, err = j.partItems(ctx, p)
			return l, err
		}
	}
	return l, fmt.Errorf("part %d: %w", number, ErrUnknownHold)
}
