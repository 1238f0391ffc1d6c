package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// A Place is a place among the groups, in the order of InOrder: behind a group, or before all
// with a hash. It stays what it is while groups come and go and shards are split. The zero
// Place is before all groups.
type Place struct {
	hash uint64 // up to 1<<32, which is behind all
	id   directory.ID
}

// String is a place as a text without meaning, for who asks for the next page.
func (p Place) String() string {
	if p.id == (directory.ID{}) {
		return fmt.Sprintf("%09x", p.hash)
	}
	return fmt.Sprintf("%09x%x", p.hash, p.id[:])
}

// ErrPlace is a text that String has not made.
var ErrPlace = errors.New("this is no cursor: take the next of the page before, unchanged")

// ParsePlace reads what String has made; an empty text is the zero Place.
func ParsePlace(s string) (p Place, err error) {
	if s == "" {
		return p, nil
	}
	if len(s) != 9 && len(s) != 9+2*len(p.id) {
		return p, ErrPlace
	}
	if p.hash, err = strconv.ParseUint(s[:9], 16, 64); err != nil || p.hash > 1<<32 {
		return p, ErrPlace
	}
	if s = s[9:]; s != "" {
		if p.id, err = directory.ParseID(strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")); err != nil || p.String()[9:] != s {
			return p, ErrPlace
		}
	}
	return p, nil
}

// passed says whether a group lies at a place or before it.
func (p Place) passed(id directory.ID) bool {
	if h := uint64(hashOf(id)); h != p.hash {
		return h < p.hash
	}
	return id.Compare(p.id) <= 0
}

// A Walk says which groups somebody looks through.
type Walk struct {
	From    Place
	Which   func(record.Counts) bool // of parts by what was counted in them; nil: all
	Records bool                     // those that have a record alone: what the cloud says is not read
	Parts   int                      // how many parts are read at most
}

// Walk goes through groups from a place on, part by part, and hands each to do, with its
// record readable, and what the cloud says if that is read. do returns false to stop before a group.
// next is where to go on; more is false at the end.
func (tx *Tx) Walk(ctx context.Context, w Walk, do func(directory.ID) (bool, error)) (next Place, more bool, err error) {
	t, err := tx.open(ctx)
	if err != nil {
		return w.From, false, err
	}
	at := w.From
	for parts := 0; at.hash < 1<<32; {
		n := t.records.at(uint32(at.hash))
		if i := t.records.infos[n]; w.Which != nil && (i == nil || !w.Which(i.Counts)) {
			at = Place{hash: n.end()}
			continue
		}
		if !w.Records {
			n = max(n, t.groups.at(uint32(at.hash))) // the smaller of the two
		}
		if parts++; parts > w.Parts {
			return at, true, nil
		}
		ids, err := tx.part(ctx, t, n, !w.Records)
		if err != nil {
			return at, true, err
		}
		for _, id := range ids {
			if at.passed(id) {
				continue
			}
			if goOn, err := do(id); err != nil || !goOn {
				return at, true, err
			}
			at = Place{uint64(hashOf(id)), id}
		}
		at = Place{hash: n.end()}
		tx.Trim()
	}
	return at, false, nil
}

// part lists the groups of a part, in order.
func (tx *Tx) part(ctx context.Context, t *trees, n shard, cloud bool) ([]directory.ID, error) {
	ids, err := t.records.within(ctx, n)
	if err == nil && cloud {
		var more []directory.ID
		more, err = t.groups.within(ctx, n)
		ids = append(ids, more...)
	}
	if err != nil {
		return nil, tx.explain(ctx, err)
	}
	slices.SortFunc(ids, InOrder)
	return slices.Compact(ids), nil
}

// at returns the shard that has a hash, or the whole space where there is none.
func (t *tree[R]) at(hash uint32) shard {
	for d := 0; d <= maxDepth; d++ {
		if n := leaf(hash, d); t.infos[n] != nil {
			return n
		}
	}
	return root
}

// end is the lowest hash behind n.
func (n shard) end() uint64 { return uint64(n.first()) + 1<<(32-n.depth()) }
