package journal

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
)

// TestEachAfter: whoever comes by all groups in steps, however they are cut, meets each once,
// though shards are divided meanwhile.
func TestEachAfter(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if last, end, err := w.EachAfter(ctx, directory.ID{}, 1, func(*directory.Group) bool { return false }); err != nil || !end || last != (directory.ID{}) {
		t.Errorf("of none: %v, %t, %v", last, end, err)
	}
	const groups = 2000
	members := upTo(10)
	fold := func(from, to int) {
		if err := keep(ctx, w, named("g", upTo(to)[from:], members...), false); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		w = load(t, j)
	}
	fold(0, groups/4)
	met, parts := map[directory.ID]int{}, 0
	var order []directory.ID
	var after directory.ID
	for end := false; !end; parts++ {
		if parts > groups {
			t.Fatal("it does not come to an end")
		}
		if parts == 3 {
			fold(groups/4, groups)
		}
		n := 0
		var err error
		after, end, err = w.EachAfter(ctx, after, 2, func(g *directory.Group) bool {
			met[g.ID]++
			order = append(order, g.ID)
			n++
			return n == 30
		})
		if err != nil {
			t.Fatal(err)
		}
		w = load(t, j)
	}
	if !slices.IsSortedFunc(order, InOrder) {
		t.Error("not in order")
	}
	for i := range groups / 4 {
		if met[gid(i)] != 1 {
			t.Errorf("group %d was met %d times", i, met[gid(i)])
		}
	}
	var shards int
	if _, err := w.open(ctx); err != nil {
		t.Fatal(err)
	}
	if shards = len(w.trees.groups.infos); shards < 4 || parts < 20 || len(order) < groups/2 {
		t.Errorf("%d shards, %d parts, %d groups: nothing was divided", shards, parts, len(order))
	}
}

// TestLearn: a flag that is news is kept and has the group decided again; one that is not
// writes nothing. An enumeration under way has it too, whether it has held that part of the
// groups against what was known or not.
func TestLearn(t *testing.T) {
	ctx := t.Context()
	store, writes := watched(blob.Memory())
	j := (&Journal{Store: store, Target: "t"}).at(newClock())
	w := load(t, j)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	learn := func(n int, value string, news bool) {
		t.Helper()
		is, err := w.Learn(ctx, gid(n), directory.Properties{"hideFromAddressLists": {value}})
		if err != nil || is != news {
			t.Errorf("group %d learns %s: news %t, %v", n, value, is, err)
		}
	}
	next := func() {
		t.Helper()
		commit(t, w)
		w = load(t, j)
	}
	settle := func() {
		t.Helper()
		uncounted, counted, err := w.Todo(ctx)
		do(err)
		for _, n := range slices.Concat(uncounted, counted) {
			s, err := w.Shard(ctx, n)
			do(err)
			w.Counted(s, w.CountsOf(n), false, time.Time{})
		}
		next()
	}
	do(keep(ctx, w, named("g", upTo(3), 1), false))
	next()
	settle()
	learn(0, "true", true)
	learn(7, "true", false) // nobody knows it
	if uncounted, _, err := w.Todo(ctx); err != nil || len(uncounted) == 0 {
		t.Errorf("it is not decided again: %v, %v", uncounted, err)
	}
	next()
	settle()
	writes()
	learn(0, "true", false)
	next()
	if got := writes(); len(got) > 0 {
		t.Errorf("what was known was written: %v", got)
	}

	do(keep(ctx, w, named("g", upTo(3), 1), true))
	next()
	learn(0, "false", true) // before it is carried
	next()
	parts, err := w.Parts(ctx)
	do(err)
	for _, n := range parts {
		do(w.Carry(ctx, n))
	}
	next()
	learn(1, "true", true) // after that
	next()
	do(w.Promote(ctx))
	next()
	for n, want := range []string{"false", "true", ""} {
		if got := group(t, w, n).Props.First("hideFromAddressLists"); got != want {
			t.Errorf("after an enumeration group %d has %q, want %q", n, got, want)
		}
	}
}
