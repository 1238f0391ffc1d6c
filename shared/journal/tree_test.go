package journal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestSplit stores more groups than fit a shard, and looks for each of them.
func TestSplit(t *testing.T) {
	ctx := t.Context()
	const n = 4000
	store, writes := watched(blob.Memory())
	j := (&Journal{Store: store, Target: "t"}).at(newClock())
	w := load(t, j)
	for part := range slices.Chunk(upTo(n), 500) {
		if err := keep(ctx, w, named("group with a name that takes some room", part, 1), false); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, w)

	w = load(t, j)
	trees, err := w.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(trees.groups.infos) < 4 {
		t.Fatalf("%d groups are %d shards: nothing was split", n, len(trees.groups.infos))
	}
	if err := covers(trees.groups.infos); err != nil {
		t.Error(err)
	}
	for _, id := range upTo(n) {
		if err := w.Fetch(ctx, []directory.ID{gid(id)}); err != nil {
			t.Fatal(err)
		}
		if g := w.Group(gid(id)); g == nil || len(g.Members) != 1 || !strings.HasSuffix(g.Props.First("displayName"), fmt.Sprint(" ", id)) {
			t.Fatalf("group %d is %+v", id, g)
		}
	}
	for shard, info := range trees.groups.infos {
		data, _, err := store.Get(ctx, j.prefix()+info.Ref.Name)
		if err != nil || len(data) > splitAt+splitAt/8 {
			t.Errorf("shard %x: %d bytes, %v", shard, len(data), err)
		}
	}
	all, err := trees.groups.within(ctx, root)
	if err != nil || len(all) != n {
		t.Errorf("within everything: %d groups, %v; want %d", len(all), err, n)
	}

	// Whoever changes one group writes one shard, not the tenant.
	writes()
	if err := keep(ctx, w, named("renamed", []int{77}), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	got := kinds(writes())
	if want := map[string]int{"g": 1, "map": 1, "head": 1}; !maps.Equal(got, want) {
		t.Errorf("one group changed: wrote %v, want %v", got, want)
	}
}

// covers says where shards overlap or leave a hole.
func covers(infos map[shard]*shardInfo) error {
	sum := 0
	for a := range infos {
		sum += 1 << (maxDepth - a.depth())
		for b := range infos {
			if a != b && a.overlaps(b) {
				return fmt.Errorf("shards %x and %x overlap", a, b)
			}
		}
	}
	if sum != 1<<maxDepth {
		return fmt.Errorf("%d shards cover %d of %d", len(infos), sum, 1<<maxDepth)
	}
	return nil
}

// kinds counts keys by the part behind the target's name.
func kinds(keys []string) map[string]int {
	out := map[string]int{}
	for _, k := range keys {
		out[strings.Split(k, "/")[2]]++
	}
	return out
}

func TestShards(t *testing.T) {
	for _, id := range []directory.ID{{}, gid(1), uid(2), {0xff}} {
		h := hashOf(id)
		for d := range maxDepth + 1 {
			n := leaf(h, d)
			if n.depth() != d || !n.has(h) || !root.overlaps(n) || !n.overlaps(root) {
				t.Errorf("shard %x at depth %d does not hold its own key", n, d)
			}
			if d > 0 && (!(n / 2).has(h) || (n ^ 1).has(h) || n.overlaps(n^1)) {
				t.Errorf("shard %x, its parent and its twin disagree", n)
			}
		}
	}
	if got := leaf(1<<31, 1); got != 3 {
		t.Errorf("the first bit leads to shard %x, want 3", got)
	}
}

// A record that is larger than a shard should be stays alone and whole.
func TestLargeRecord(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	for part := range slices.Chunk(upTo(10_000), 1000) {
		if err := keep(ctx, w, named("large", []int{1}, part...), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := keep(ctx, w, named("small", upTo(20)), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	w = load(t, j)
	if err := w.Fetch(ctx, []directory.ID{gid(1), gid(2)}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Group(gid(1)).Members); n != 10_000 {
		t.Errorf("%d members, want 10000", n)
	}
	if w.Group(gid(2)) == nil {
		t.Error("a small group was lost beside the large one")
	}
	alone := (&Journal{Store: blob.Memory(), Target: "alone"}).at(newClock())
	w = load(t, alone)
	for part := range slices.Chunk(upTo(10_000), 1000) {
		if err := keep(ctx, w, named("large", []int{1}, part...), false); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, w)
	if shards := objects(t, alone, "g/"); len(shards) != 1 {
		t.Errorf("alone it takes %d objects, want one: there is nothing to divide", len(shards))
	}
}

// TestDamage takes away or changes each object that the head leads to: what was
// there is never taken for empty.
func TestDamage(t *testing.T) {
	ctx := t.Context()
	fresh := func() *Journal {
		j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
		w := load(t, j)
		if err := keep(ctx, w, named("group", upTo(3), 1, 2), false); err != nil {
			t.Fatal(err)
		}
		if err := keep(ctx, w, named("shadow", upTo(3), 1, 2), true); err != nil {
			t.Fatal(err)
		}
		if err := w.Fetch(ctx, []directory.ID{gid(1)}); err != nil {
			t.Fatal(err)
		}
		w.PutRecord(&record.Group{ID: gid(1), LastWrite: 1})
		if _, err := w.Issue([]plan.Change{update(1, 1)}, 1<<30); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		return j
	}
	// Everything is read: main, shadow and the plan.
	read := func(j *Journal) error {
		_, err := contents(ctx, j)
		if err != nil {
			return err
		}
		w, err := j.View(ctx)
		if err != nil {
			return err
		}
		_, err = w.Snapshot(ctx, named("shadow", upTo(3), 1, 2), true)
		return err
	}
	if err := read(fresh()); err != nil {
		t.Fatal(err)
	}
	damages := map[string]func(data []byte) []byte{
		"gone":       nil,
		"empty":      func([]byte) []byte { return nil },
		"cut":        func(d []byte) []byte { return d[:len(d)-1] },
		"changed":    func(d []byte) []byte { d[len(d)/2] ^= 1; return d },
		"empty list": func([]byte) []byte { return []byte{0x80} },
	}
	for i, name := range objects(t, fresh(), "") {
		if name == "head" || strings.HasPrefix(name, "release/") {
			continue
		}
		for how, damage := range damages {
			j := fresh()
			key := j.prefix() + objects(t, j, "")[i] // the same object under its new chance name
			data, _, err := j.Store.Get(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Store.Delete(ctx, key); err != nil {
				t.Fatal(err)
			}
			if damage != nil {
				if _, err := j.Store.Put(ctx, key, damage(data), blob.Absent); err != nil {
					t.Fatal(err)
				}
			}
			if err := read(j); !errors.Is(err, errMissing) {
				t.Errorf("%s %s: %v, want that it is missing or damaged", name, how, err)
			}
		}
	}
}

func TestDamagedHead(t *testing.T) {
	for _, data := range []string{"", "{", `{"gen":"x"}`, "null x", "null", "{}", `{"gen":7}`} {
		j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
		if _, err := j.Store.Put(t.Context(), "t/t/head", []byte(data), blob.Absent); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Load(t.Context()); err == nil {
			t.Errorf("head %q was read without an error", data)
		}
	}
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	if _, err := j.Store.Put(t.Context(), "t/t/head", fmt.Appendf(nil, `{"format":%d}`, Format+1), blob.Absent); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Load(t.Context()); !errors.Is(err, ErrFormat) {
		t.Errorf("a newer format: %v, want ErrFormat", err)
	}
}

// A shard that is not there because another step replaced it is a conflict.
func TestReplacedShard(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	w := load(t, j)
	if err := keep(ctx, w, named("group", upTo(3)), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	slow := load(t, j)
	old := objects(t, j, "g/")
	w = load(t, j)
	if err := keep(ctx, w, named("renamed", upTo(3)), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	for _, name := range old {
		if err := j.Store.Delete(ctx, j.prefix()+name); err != nil {
			t.Fatal(err)
		}
	}
	if err := slow.Fetch(ctx, []directory.ID{gid(1)}); !errors.Is(err, ErrConflict) {
		t.Errorf("a shard that was replaced and deleted: %v, want ErrConflict", err)
	}
}
