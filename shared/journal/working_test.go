package journal

import (
	"fmt"
	"testing"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestWorkingSet: a step that changes more than is kept decoded loses none of it, neither
// while it goes on nor when it is read again, and it holds little more than what it will
// write.
func TestWorkingSet(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	w := load(t, j)
	const groups, members = 300, 1000 // some 34 MB decoded
	if err := w.Fetch(ctx, idsUpTo(groups)); err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		r := &record.Group{ID: gid(i), Observed: &plan.Group{ID: gid(i), Name: fmt.Sprint(i)}}
		for k := range members {
			r.Observed.Links = r.Observed.Links.With(plan.Member, append(r.Observed.Members(), plan.SIDRef(sidOf(1000+k))))
		}
		w.PutRecord(r)
		if i%10 == 3 {
			w.PutRecord(&record.Group{ID: gid(i - 1)}) // says nothing: it is dropped
		}
		if i%10 == 5 {
			changed := *w.Record(gid(1))
			changed.LastWrite = uint64(i)
			w.PutRecord(&changed)
		}
	}
	if taken := w.trees.records.taken; taken > maxWorking+members*2*refBytes {
		t.Errorf("%d bytes are kept decoded, of %d", taken, maxWorking)
	}
	check := func(w *Tx) {
		t.Helper()
		for i := range groups {
			r := w.Record(gid(i))
			gone := i%10 == 2
			if gone != r.Empty() || !gone && (r.Observed.Name != fmt.Sprint(i) || len(r.Observed.Members()) != members) {
				t.Errorf("group %d is %+v", i, r)
			}
		}
		if last := w.Record(gid(1)).LastWrite; last != groups-5 {
			t.Errorf("group 1 was written last by %d, want %d", last, groups-5)
		}
	}
	check(w)
	if size := w.Changed(); size < groups*members*6 || size > groups*members*12 {
		t.Errorf("%d bytes are to be written of %d members", size, groups*members)
	}
	commit(t, w)
	w = load(t, j)
	if err := w.Fetch(ctx, idsUpTo(groups)); err != nil {
		t.Fatal(err)
	}
	check(w)
	if w.Changed() != 0 {
		t.Errorf("%d bytes are to be written though nothing was changed", w.Changed())
	}
}
