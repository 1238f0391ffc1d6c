package journal

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func idsUpTo(n int) (out []directory.ID) {
	for i := range n {
		out = append(out, gid(i))
	}
	return out
}

// count says of each shard that this was found in it.
func count(t *testing.T, w *Tx, c record.Counts) {
	t.Helper()
	shards, err := w.Shards(t.Context(), func(record.Counts) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range shards {
		w.Counted(Shard{Number: n}, c, false, time.Time{})
	}
}

// large is the record of a group that takes about 600 bytes.
func large(n int) *record.Group {
	return &record.Group{ID: gid(n), Observed: &plan.Group{ID: gid(n), Name: strings.Repeat("x", 500)}}
}

// TestCountsWhileSplitting: a shard that was counted grows and is written as its parts.
// Until they are counted no total goes down: shares of limits are of them, and what was
// counted as wanted may not be forgotten.
func TestCountsWhileSplitting(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if err := w.Fetch(ctx, idsUpTo(10)); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		w.PutRecord(large(i))
	}
	counted := record.Counts{Groups: 10, Known: 70, Managed: 10, Held: 3, Pending: map[plan.GuardName]int{plan.Removals: 5}, Over: map[plan.GuardName]int{plan.Moves: 1}}
	count(t, w, counted)
	commit(t, w)
	if got := w.Head.Totals; !cmp.Equal(got, counted) {
		t.Fatalf("totals %+v, want %+v", got, counted)
	}
	w = load(t, j)
	if err := w.Fetch(ctx, idsUpTo(1000)); err != nil {
		t.Fatal(err)
	}
	for i := range 990 {
		w.PutRecord(large(10 + i))
	}
	commit(t, w)
	shards, err := w.Shards(ctx, func(record.Counts) bool { return true })
	if err != nil || len(shards) < 4 {
		t.Fatalf("%d shards, %v: nothing was split", len(shards), err)
	}
	if diff := cmp.Diff(counted, w.Head.Totals); diff != "" {
		t.Errorf("totals -before +after the split:\n%s", diff)
	}
	w = load(t, j)
	uncounted, again, err := w.Todo(ctx)
	if err != nil || len(uncounted) != len(shards) || len(again) > 0 {
		t.Errorf("to be counted: %d, others %d, %v; want all %d", len(uncounted), len(again), err, len(shards))
	}
	if hold, err := w.Shards(ctx, func(c record.Counts) bool { return c.Held > 0 }); err != nil || len(hold) != 1 {
		t.Errorf("%d shards hold something, %v", len(hold), err)
	}
}

// TestTrim: what was changed is never let go of, what was only read is, where it is much.
func TestTrim(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if err := keep(ctx, w, named("group", upTo(3)), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)

	w = load(t, j)
	if err := w.Fetch(ctx, idsUpTo(3)); err != nil {
		t.Fatal(err)
	}
	w.PutRecord(&record.Group{ID: gid(1), LastWrite: 7})
	w.Trim()
	if w.Group(gid(1)) == nil {
		t.Error("a little is kept for a second look")
	}
	for _, u := range w.trees.groups.loaded {
		u.size = keepRead
	}
	w.Trim()
	if n := len(w.trees.groups.loaded); n > 0 {
		t.Errorf("%d shards that were only read are kept", n)
	}
	if got := w.Record(gid(1)).LastWrite; got != 7 {
		t.Errorf("what was changed is gone: written %d", got)
	}
	err := w.EachOf(ctx, func(record.Counts) bool { return true }, func(r *record.Group) error { return nil })
	if err != nil || w.Record(gid(1)).LastWrite != 7 {
		t.Errorf("after a walk over all records what was changed is gone: %v", err)
	}
	commit(t, w)
	w = load(t, j)
	if err := w.Fetch(ctx, idsUpTo(3)); err != nil {
		t.Fatal(err)
	}
	if w.Record(gid(1)).LastWrite != 7 || w.Group(gid(1)) == nil {
		t.Errorf("committed: %+v, %+v", w.Record(gid(1)), w.Group(gid(1)))
	}
}

// TestEmptyRecord: a record that says nothing is not kept. Of groups that nobody writes a
// tenant has very many.
func TestEmptyRecord(t *testing.T) {
	ctx := t.Context()
	store, writes := watched(blob.Memory())
	j := (&Journal{Store: store, Target: "t"}).at(newClock())
	each := func() (n int) {
		if err := load(t, j).Each(ctx, func(*record.Group) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	step := func(rs ...*record.Group) {
		w := load(t, j)
		if err := w.Fetch(ctx, idsUpTo(3)); err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			w.PutRecord(r)
		}
		commit(t, w)
	}
	step(&record.Group{ID: gid(1)})
	if got := writes(); len(got) > 0 {
		t.Errorf("a record of nothing in an empty journal: wrote %v", got)
	}
	step(&record.Group{ID: gid(1), Stale: true}, &record.Group{ID: gid(2), SID: sidOf(1101)})
	if n := each(); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	step(&record.Group{ID: gid(1)})
	if n := each(); n != 1 {
		t.Errorf("%d records, want the one that says something", n)
	}
	writes()
	step(&record.Group{ID: gid(1)})
	if got := writes(); len(got) > 0 {
		t.Errorf("a record of nothing once more: wrote %v", got)
	}
}
