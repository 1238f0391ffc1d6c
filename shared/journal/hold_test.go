package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// openHold opens a hold in a step of its own.
func openHold(t *testing.T, j *Journal, l record.Listing) record.Hold {
	t.Helper()
	w := load(t, j)
	h, err := w.OpenHold(l)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	return h
}

// TestApprove: all that is said of a hold is kept, each word under a name of its own, and
// handed out once, in the order in which it was said.
func TestApprove(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	h := openHold(t, j, record.Listing{Group: gid(1), Text: "too much", Items: []record.Item{{Group: gid(1)}}})
	for _, id := range []string{"ffff", "", "../head", "x y", h.ID + "/", h.ID + "0", h.ID[:39]} {
		if err := j.Approve(ctx, Word{Hold: id}); !errors.Is(err, ErrUnknownHold) {
			t.Errorf("approve %q: %v, want ErrUnknownHold", id, err)
		}
	}
	say := func(word func() error) {
		t.Helper()
		c.pass(time.Second)
		if err := word(); err != nil {
			t.Error(err)
		}
	}
	late := c.now
	say(func() error { return j.Approve(ctx, Word{Hold: h.ID, By: "ann"}) })
	say(func() error { return j.Reject(ctx, Word{Hold: h.ID, By: "bob"}) })
	say(func() error { return j.Approve(ctx, Word{Hold: h.ID, By: "ann"}) })
	say(func() error { return j.Approve(ctx, Word{Hold: h.ID, By: "eve", At: late}) }) // it was said first, and came last
	w := load(t, j)
	got, err := w.Verdicts(ctx)
	var by []string
	for _, v := range got {
		by = append(by, v.By)
		if v.Hold != h.ID || v.Listing.Text != "too much" || len(v.Listing.Items) > 0 || v.At.IsZero() || v.Approve != (v.By != "bob") {
			t.Errorf("verdict %+v", v)
		}
	}
	if want := []string{"eve", "ann", "bob", "ann"}; err != nil || !slices.Equal(by, want) {
		t.Errorf("the words of %v, %v; want %v", by, err, want)
	}
	commit(t, w)
	w = load(t, j)
	if got, err := w.Verdicts(ctx); err != nil || len(got) > 0 {
		t.Errorf("said again by nobody: %v, %v", got, err)
	}
}

// TestHoldID: the same list opened again is another hold, and no two are one by chance.
func TestHoldID(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	list := record.Listing{Guard: plan.Moves, Items: []record.Item{{Group: gid(1), To: "CN=x"}}}
	seen := map[string]bool{}
	for range 20 {
		h := openHold(t, j, list)
		if len(h.ID) != maxHoldID || seen[h.ID] || h.List != list.Digest() || h.Guard != plan.Moves {
			t.Fatalf("hold %+v, want another id of %d characters, and what it lists", h, maxHoldID)
		}
		seen[h.ID] = true
		l, err := j.Hold(t.Context(), h.ID)
		if err != nil || l.ID != h.ID || l.Digest() != h.List {
			t.Errorf("it lists %+v, %v", l, err)
		}
	}
}

// TestHolds lists what is open: those over all groups, then those of single ones, whether
// or not somebody has said that it shall not go.
func TestHolds(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	w := load(t, j)
	w.Head.Holds = []record.Hold{{ID: "1", Guard: plan.Moves}, {ID: "2", Guard: plan.Removals, Approved: c.now}}
	if err := keep(ctx, w, named("group", upTo(4)), false); err != nil {
		t.Fatal(err)
	}
	if err := w.Fetch(ctx, idsUpTo(4)); err != nil {
		t.Fatal(err)
	}
	for i, h := range []*record.Hold{{ID: "3"}, {ID: "4", Approved: c.now}, {ID: "5", Rejected: true, By: "ann"}, nil} {
		w.PutRecord(&record.Group{ID: gid(i), Observed: &plan.Group{ID: gid(i), Name: "n" + string(rune('0'+i))}, Hold: h})
	}
	count(t, w, record.Counts{Held: 1})
	commit(t, w)
	got, more, err := load(t, j).Holds(ctx, 10)
	var ids []string
	for _, l := range got {
		ids = append(ids, l.ID+" "+l.Name+" "+l.Denied)
	}
	if want := []string{"1  ", "3 n0 ", "5 n2 ann"}; err != nil || more != 0 || !slices.Equal(ids, want) {
		t.Errorf("open are %q and %d more, %v; want %q", ids, more, err, want)
	}
	for most, want := range map[int]string{0: "", 1: "5", 2: "5 1", 3: "5 1 3"} {
		got, more, err := load(t, j).Holds(ctx, most, gid(2), gid(1), gid(2), gid(9))
		var ids []string
		for _, l := range got {
			ids = append(ids, l.ID)
		}
		if err != nil || more != 3-most || strings.Join(ids, " ") != want {
			t.Errorf("of these groups first, and %d at most: %q and %d more, %v; want %q", most, ids, more, err, want)
		}
	}
}

// TestFastClock: a word of a host whose clock runs ahead was said now at the latest: what
// is said after it counts.
func TestFastClock(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	h := openHold(t, j, record.Listing{Group: gid(1), Items: []record.Item{{Group: gid(1)}}})
	if err := j.Approve(t.Context(), Word{Hold: h.ID, By: "ann", At: c.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	w := load(t, j)
	got, err := w.Verdicts(t.Context())
	if err != nil || len(got) != 1 || got[0].At.After(w.Now) {
		t.Errorf("%+v, %v; now it is %s", got, err, w.Now)
	}
}
