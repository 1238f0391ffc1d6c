package journal

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// group fetches what Graph said of a group.
func group(t *testing.T, w *Tx, n int) *directory.Group {
	t.Helper()
	if err := w.Fetch(t.Context(), []directory.ID{gid(n)}); err != nil {
		t.Fatal(err)
	}
	return w.Group(gid(n))
}

// TestShadow enumerates beside what is known, over two steps, and swaps.
func TestShadow(t *testing.T) {
	ctx := t.Context()
	store, writes := watched(blob.Memory())
	j := (&Journal{Store: store, Target: "t"}).at(newClock())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := load(t, j)
	do(keep(ctx, w, named("old", upTo(4), 1), false))
	sid := directory.Properties{"onPremisesSecurityIdentifier": {string(sidOf(1101))}}
	do(keep(ctx, w, directory.Page{Feed: directory.UserFeed, Principals: []directory.PrincipalChange{{ID: uid(1), Kind: directory.User, Set: sid}}}, false))
	commit(t, w)

	w = load(t, j)
	do(keep(ctx, w, named("new", []int{0, 1}, 1), true))
	commit(t, w)
	w = load(t, j)
	do(keep(ctx, w, named("new", []int{2}), true))
	if g := group(t, w, 0); g.Props.First("displayName") != "old 0" {
		t.Errorf("before it is complete group 0 is %+v", g)
	}
	commit(t, w)

	w = load(t, j)
	for range 2 { // a step that carried a part may be taken again
		parts, err := w.Parts(ctx)
		do(err)
		for _, n := range parts {
			do(w.Carry(ctx, n))
		}
		commit(t, w)
		w = load(t, j)
	}
	do(w.Promote(ctx))
	if g := group(t, w, 1); g.Props.First("displayName") != "new 1" || len(g.Members) != 1 || g.Members[0].SID != sidOf(1101) {
		t.Errorf("when it is complete group 1 is %+v; want its member's SID of before", g)
	}
	writes()
	commit(t, w)
	if got := kinds(writes()); got["g"]+got["m"]+got["gs"]+got["ms"] > 0 {
		t.Errorf("the swap wrote %v, want no records", got)
	}
	w = load(t, j)
	want := []directory.Group{
		{Reading: directory.Whole}, {Reading: directory.Whole},
		{Reading: directory.Doubted}, // its member was not listed
		{Reading: directory.Whole, Gone: directory.Unlisted},
	}
	for n, want := range want {
		if g := group(t, w, n); g == nil || g.Reading != want.Reading || g.Gone != want.Gone {
			t.Errorf("group %d is %+v, want reading %q and gone %q", n, g, want.Reading, want.Gone)
		}
	}
	if uncounted, _, err := w.Todo(ctx); err != nil || len(uncounted) == 0 {
		t.Errorf("to do: %v, %v; want every group", uncounted, err)
	}

	// The next enumeration begins with nothing.
	do(keep(ctx, w, named("newer", []int{9}), true))
	do(w.DropShadow(ctx))
	do(keep(ctx, w, named("newest", []int{1}), true))
	do(w.Promote(ctx))
	commit(t, w)
	w = load(t, j)
	if group(t, w, 9) != nil || group(t, w, 0) != nil || group(t, w, 1) == nil {
		t.Error("the shadow that was dropped is part of the next")
	}
}

// TestTodo: what is marked is decided again, what was counted longest ago first.
func TestTodo(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	w := load(t, j)
	const n = 3000
	for part := range slices.Chunk(upTo(n), 500) {
		if err := keep(ctx, w, named("group", part), false); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if err := w.Fetch(ctx, []directory.ID{gid(i)}); err != nil {
			t.Fatal(err)
		}
		w.PutRecord(&record.Group{ID: gid(i), Observed: &plan.Group{ID: gid(i), Name: strings.Repeat("x", 50)}})
	}
	commit(t, w)

	w = load(t, j)
	uncounted, counted, err := w.Todo(ctx)
	if err != nil || len(uncounted) < 3 || len(counted) > 0 {
		t.Fatalf("to do: %v, %v, %v; want all shards uncounted", uncounted, counted, err)
	}
	seen := map[directory.ID]bool{}
	for i, number := range uncounted {
		u, err := w.Shard(ctx, number)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range u.Groups {
			if seen[id] {
				t.Fatalf("group %s lies in two shards", id)
			}
			seen[id] = true
		}
		wake := time.Time{}
		if i == 0 {
			wake = c.now.Add(time.Hour)
		}
		w.Counted(u, record.Counts{Groups: len(u.Groups), Changes: 1}, i > 0, wake)
	}
	if len(seen) != n {
		t.Errorf("%d groups in all shards, want %d", len(seen), n)
	}
	w.Head.Cursor = uncounted[1]
	commit(t, w)
	if w.Head.Totals.Groups != n {
		t.Errorf("the totals are of %d groups, want %d", w.Head.Totals.Groups, n)
	}

	w = load(t, j)
	first, again, err := w.Todo(ctx)
	if want := append(slices.Clone(uncounted[2:]), uncounted[1]); err != nil || len(first) > 0 || !slices.Equal(again, want) {
		t.Errorf("counted: %v, %v, %v; want %v", first, again, err, want)
	}
	c.pass(time.Hour - time.Second)
	w = load(t, j)
	if first, _, err = w.Todo(ctx); err != nil || len(first) > 0 {
		t.Errorf("before anything parked is due: %v, %v", first, err)
	}
	c.pass(3 * time.Second)
	w = load(t, j)
	if first, _, err = w.Todo(ctx); err != nil || !slices.Equal(first, uncounted[:1]) {
		t.Errorf("when something parked is due: %v, %v; want %v", first, err, uncounted[:1])
	}
	if err := w.MarkShards(ctx, func(c record.Counts) bool { return c.Changes > 0 }); err != nil {
		t.Fatal(err)
	}
	if first, again, _ = w.Todo(ctx); len(first) != len(uncounted) || len(again) > 0 {
		t.Errorf("marked: %v, %v; want all uncounted", first, again)
	}
}

// TestSweep deletes what nobody names and nobody will, and nothing else.
func TestSweep(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	first(t, j)
	if err := second(ctx, j); err != nil {
		t.Fatal(err)
	}
	lost := load(t, j) // a step that will be lost
	if err := keep(ctx, lost, named("lost", upTo(2)), false); err != nil {
		t.Fatal(err)
	}
	w := load(t, j)
	if err := keep(ctx, w, named("third", upTo(2)), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	_ = lost.Commit(ctx)
	before := mustContents(t, j)

	sweep := func() []string {
		w := load(t, j)
		w.Head.Rate++ // a step that changes nothing does not sweep
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		return objects(t, j, "")
	}
	young := sweep()
	c.pass(2 * time.Hour)
	old := sweep()
	if len(young) <= len(old) {
		t.Fatalf("%d objects before the hour, %d after it: nothing was swept", len(young), len(old))
	}
	w = load(t, j)
	named, err := w.named(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name := range maps.Keys(named) {
		if name != "" && !slices.Contains(old, name) {
			t.Errorf("%s is named and was swept", name)
		}
	}
	for _, name := range old {
		keep := strings.HasPrefix(name, "audit/") || strings.HasPrefix(name, "hold/") || strings.HasPrefix(name, "in/") || name == "head" || name == "lease"
		if !named[name] && !keep {
			t.Errorf("%s is named by nobody and was kept", name)
		}
	}
	if after := mustContents(t, j); after != before {
		t.Errorf("the contents changed:\n%s\nwere:\n%s", after, before)
	}
	c.pass(sweepEvery - time.Second)
	if again := sweep(); !slices.Equal(old, again) {
		t.Errorf("swept again within the hour:\n%v\nwere\n%v", again, old)
	}
}

// TestSweepBehindAnother: a step that sweeps does not know that another has committed a
// plan meanwhile. It leaves the plan's release alone.
func TestSweepBehindAnother(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	first(t, j)
	slow := load(t, j)
	if err := second(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	p := load(t, j).Head.Plan
	slow.Head.Rate++
	if err := slow.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := objects(t, j, "release/"), releaseName(load(t, j).Head.Epoch, p.First); p.First <= slow.Head.Closed || !slices.Contains(got, want) {
		t.Errorf("releases %v are left, want %s", got, want)
	}
}

// TestMemberIsDescribed: a page of users names no group, and whoever holds one of them is
// brought in line with it, and decided.
func TestMemberIsDescribed(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if err := keep(ctx, w, named("group", []int{1}, 1), false); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	w = load(t, j)
	sid := directory.Properties{"onPremisesSecurityIdentifier": {string(sidOf(1101))}}
	if err := keep(ctx, w, directory.Page{Feed: directory.UserFeed, Principals: []directory.PrincipalChange{{ID: uid(1), Kind: directory.User, Set: sid}}}, false); err != nil {
		t.Fatal(err)
	}
	if m := group(t, w, 1).Members; len(m) != 1 || m[0].SID != sidOf(1101) {
		t.Errorf("members %+v", m)
	}
}

// TestPromoteDecidesAll: what an enumeration has found is decided, also of groups that
// nothing is to be done for by what was known.
func TestPromoteDecidesAll(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if err := keep(ctx, w, named("old", upTo(4)), false); err != nil {
		t.Fatal(err)
	}
	uncounted, _, err := w.Todo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range uncounted {
		s, err := w.Shard(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		w.Counted(s, record.Counts{}, false, time.Time{})
	}
	commit(t, w)
	w = load(t, j)
	if uncounted, counted, err := w.Todo(ctx); err != nil || len(uncounted)+len(counted) != 0 {
		t.Fatalf("set-up: %v, %v, %v", uncounted, counted, err)
	}
	if err := w.Promote(ctx); err != nil {
		t.Fatal(err)
	}
	if uncounted, _, err := w.Todo(ctx); err != nil || len(uncounted) == 0 {
		t.Errorf("to do: %v, %v; want everything", uncounted, err)
	}
}
