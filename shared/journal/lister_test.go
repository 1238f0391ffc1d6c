package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// items are what a guard over all groups holds of n groups, in order.
func items(n, refs int) (out []record.Item) {
	for g := range n {
		i := record.Item{Group: gid(g), Name: fmt.Sprint("Group ", g)}
		for r := range refs {
			i.Remove = append(i.Remove, plan.SIDRef(sidOf(100_000+100*g+r)))
		}
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b record.Item) int { return InOrder(a.Group, b.Group) })
	return out
}

// list opens a hold that lists items, beside those that are open. It says how many parts
// were written for it.
func list(t *testing.T, j *Journal, items []record.Item) (record.Hold, int) {
	t.Helper()
	ctx := t.Context()
	parts := len(objects(t, j, "hold/"))
	w := load(t, j)
	var before *record.Hold
	if n := len(w.Head.Holds); n > 0 {
		before = &w.Head.Holds[n-1]
	}
	l, err := w.List(ctx, plan.Removals, before)
	for some := range slices.Chunk(items, 37) {
		err = errors.Join(err, l.Add(ctx, some...))
	}
	if err != nil {
		t.Fatal(err)
	}
	all, sample, err := l.Close(ctx)
	if err != nil || len(items) > 0 && len(sample) == 0 {
		t.Fatalf("a sample of %d, %v", len(sample), err)
	}
	if before != nil && all.Digest() == before.List && l.Damaged == nil {
		return *before, len(objects(t, j, "hold/")) - parts
	}
	h, err := w.OpenHold(all)
	if err != nil {
		t.Fatal(err)
	}
	parts = len(objects(t, j, "hold/")) - parts
	w.Head.Holds = append(slices.Clone(w.Head.Holds), h)
	commit(t, w)
	return h, parts
}

// approves looks up what a hold approves of items, and returns those of which it is
// nothing.
func approves(t *testing.T, j *Journal, h record.Hold, items []record.Item) (not []directory.ID, damaged error) {
	t.Helper()
	a, err := load(t, j).Approval(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		got, err := a.Of(t.Context(), i.Group)
		switch {
		case err != nil:
			t.Fatal(err)
		case got.Group != i.Group:
			not = append(not, i.Group)
		case !slices.Equal(got.Remove, i.Remove):
			t.Errorf("of %s it approves %v, want %v", i.Group, got.Remove, i.Remove)
		}
	}
	return not, a.Damaged
}

// TestListInParts: what a hold over everything lists lies in parts, each of which is read
// and written by itself. It once was one object, made in memory.
func TestListInParts(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	all := items(1200, 10)
	h, parts := list(t, j, all)
	if parts < 200 {
		t.Fatalf("%d parts", parts)
	}
	if not, err := approves(t, j, h, all); len(not) > 0 || err != nil {
		t.Errorf("%d are not approved, %v", len(not), err)
	}
	if not, err := approves(t, j, h, []record.Item{{Group: gid(5000)}, {Group: gid(5001)}}); len(not) != 2 || err != nil {
		t.Errorf("of groups that it does not list %v, %v", not, err)
	}
	l, err := j.Hold(t.Context(), h.ID)
	if err != nil || len(l.Items) > 0 || len(l.Parts) != parts || l.Count != 12_000 {
		t.Fatalf("it lists %d items in %d parts, %d in all, %v", len(l.Items), len(l.Parts), l.Count, err)
	}
	var shown []record.Item
	for _, p := range l.Parts {
		some, err := j.HoldPart(t.Context(), h.ID, p.Number)
		if err != nil || len(some.Items) != p.Groups || p.Count != 10*p.Groups || some.ID != h.ID {
			t.Errorf("part %+v: %d items, %v", p, len(some.Items), err)
		}
		shown = append(shown, some.Items...)
	}
	if (record.Listing{Items: shown}).Digest() != (record.Listing{Items: all}).Digest() {
		t.Error("the parts are not what was listed")
	}
	if _, err := j.HoldPart(t.Context(), h.ID, 256); !errors.Is(err, ErrUnknownHold) {
		t.Errorf("a part that is none: %v", err)
	}

	if again, parts := list(t, j, all); again != h || parts != 0 {
		t.Errorf("the same is listed as %+v, in %d more parts", again, parts)
	}
	changed := slices.Clone(all)
	changed[700].Remove = changed[700].Remove[:9]
	later, parts := list(t, j, changed)
	if later.ID == h.ID || later.List == h.List || parts != 1 {
		t.Errorf("with one change it is %+v, in %d more parts", later, parts)
	}
	if not, err := approves(t, j, later, changed); len(not) > 0 || err != nil {
		t.Errorf("%d are not approved, %v", len(not), err)
	}
	if less, parts := list(t, j, changed[:400]); parts != 0 || less.List == later.List {
		t.Errorf("a part of it is %+v, in %d more parts", less, parts)
	}
	few, parts := list(t, j, changed[:5])
	if not, err := approves(t, j, few, changed[:6]); parts != 0 || len(not) != 1 || err != nil {
		t.Errorf("a short list: %d parts, %v is not approved, %v", parts, not, err)
	}
}

// TestAlteredHold: what somebody has changed of a list, or deleted, is not approved; the
// rest of it is.
func TestAlteredHold(t *testing.T) {
	all := items(1200, 10)
	other := strings.NewReplacer(string(all[0].Remove[0]), string(plan.SIDRef(sidOf(500))))
	for name, tt := range map[string]struct {
		whole bool // the hold's own object
		alter func(old string) string
	}{
		"a part is gone":             {false, func(string) string { return "" }},
		"a part is no part":          {false, func(string) string { return "[" }},
		"a part lists somebody else": {false, other.Replace},
		"a part lists nobody":        {false, func(string) string { return "{}" }},
		"the hold is gone":           {true, func(string) string { return "" }},
		"the hold is none":           {true, func(string) string { return "{" }},
		"the hold has another list":  {true, func(old string) string { return strings.Replace(old, `"list":"`, `"list":"0`, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
			h, _ := list(t, j, all)
			l, err := j.Hold(ctx, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			object, want := partName(l.Parts[0]), l.Parts[0].Groups
			if tt.whole {
				object, want = "hold/"+h.ID, len(all)
			}
			old, tag, err := j.Store.Get(ctx, j.prefix()+object)
			if err != nil {
				t.Fatal(err)
			}
			if data := tt.alter(string(old)); data == "" {
				err = j.Store.Delete(ctx, j.prefix()+object)
			} else {
				_, err = j.Store.Put(ctx, j.prefix()+object, []byte(data), tag)
			}
			if err != nil {
				t.Fatal(err)
			}
			if not, damaged := approves(t, j, h, all); len(not) != want || damaged == nil {
				t.Errorf("%d groups are not approved, want %d; it tells %v", len(not), want, damaged)
			}
			if tt.whole {
				if _, parts := list(t, j, all); parts < 200 {
					t.Errorf("listed anew in %d parts", parts)
				}
			}
		})
	}
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	h := openHold(t, j, record.Listing{Group: gid(1), Items: []record.Item{{Group: gid(1), Remove: []plan.Ref{plan.SIDRef(sidOf(1))}}}})
	h.List = record.Listing{}.Digest()
	if not, damaged := approves(t, j, h, []record.Item{{Group: gid(1)}}); len(not) != 1 || damaged == nil {
		t.Errorf("a list that is not the one that was held is approved: %v, %v", not, damaged)
	}
}

// TestSweepParts: parts of a step that was lost go within hours, others with the last hold
// that names them.
func TestSweepParts(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	all := items(1200, 10)
	parts := func() int { return len(objects(t, j, "hold/")) }
	sweep := func(d time.Duration) {
		t.Helper()
		c.pass(d)
		w := load(t, j)
		w.Head.Cursor++
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
	}
	view, err := j.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*Tx{view, load(t, j)} {
		l, err := w.List(ctx, plan.Removals, nil)
		if err := errors.Join(err, l.Add(ctx, all...)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if n := parts(); (n > 0) == (w == view) {
			t.Fatalf("%d parts were written; only looking: %t", n, w == view)
		}
	}
	sweep(30 * time.Minute)
	if parts() == 0 {
		t.Error("parts of a step that may be under way were swept")
	}
	sweep(2 * time.Hour)
	if n := parts(); n > 0 {
		t.Errorf("%d parts of a step that was lost are there after hours", n)
	}
	first, _ := list(t, j, all)
	all[3].Remove = all[3].Remove[:1]
	c.pass(24 * time.Hour)
	second, _ := list(t, j, all)
	w := load(t, j)
	w.Head.Holds = []record.Hold{second}
	commit(t, w)
	sweep(retention + time.Hour) // the second is open
	if _, err := j.Hold(ctx, first.ID); !errors.Is(err, ErrUnknownHold) {
		t.Errorf("the first is there still: %v", err)
	}
	if not, err := approves(t, j, second, all); len(not) > 0 || err != nil {
		t.Errorf("of an open hold %d are gone, %v", len(not), err)
	}
	w = load(t, j)
	w.Head.Holds = nil
	commit(t, w)
	sweep(2 * time.Hour)
	if n := parts(); n > 0 {
		t.Errorf("%d objects of holds that are over are there", n)
	}
}
