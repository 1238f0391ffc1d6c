package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestOldContentReturns: a shard becomes what it once was while a sweep that began
// before that deletes what nobody named then. Names come from the step, not from
// the content, so that nothing that is in force is deleted.
func TestOldContentReturns(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	step := func(name string) {
		w := load(t, j)
		if err := keep(t.Context(), w, named(name, upTo(3)), false); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
	}
	step("old")
	first := objects(t, j, "g/")
	step("new")
	c.pass(2 * time.Hour)
	sweeper := load(t, j) // it has read which objects are in force: not the first
	want := mustContents(t, j)
	step("old")
	returned := mustContents(t, j)
	sweeper.Head.Rate++
	if err := sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := objects(t, j, "g/")
	if slices.Contains(now, first[0]) || want == returned {
		t.Fatalf("nothing was swept: %v", now)
	}
	if got := mustContents(t, j); got != returned {
		t.Errorf("after the sweep the journal holds\n%s\nwant\n%s", got, returned)
	}
}

// TestOrphanBatch: a step wrote its batches and crashed before the swap. Nobody
// is given them, and a later plan under the same numbers is its own.
func TestOrphanBatch(t *testing.T) {
	lost := errors.New("crash")
	crash := true
	c := newClock()
	hook := &blobtest.Hook{Store: blob.Memory(), Around: func(_ int64, key string, write func() error) error {
		if crash && strings.HasSuffix(key, "/head") {
			return lost
		}
		return write()
	}}
	j := (&Journal{Store: hook, Target: "t"}).at(c)
	issue := func(member int) error {
		w := load(t, j)
		w.Head.Rules, w.Head.Switch.On = "r", true
		if _, err := w.Issue([]plan.Change{update(1, member)}, 1<<30); err != nil {
			t.Fatal(err)
		}
		return w.Commit(t.Context())
	}
	if err := issue(1); !errors.Is(err, lost) {
		t.Fatalf("the crash: %v", err)
	}
	orphan := objects(t, j, "batch/")
	if len(orphan) != 1 {
		t.Fatalf("batches %v, want the orphan", orphan)
	}
	poll(t, j, "a", 0)
	crash = false
	if err := issue(2); err != nil {
		t.Fatal(err)
	}
	r := poll(t, j, "a", 1)
	if data, _, err := hook.Get(t.Context(), "t/t/"+orphan[0]); err != nil || slices.Equal(data, r.Batch) {
		t.Errorf("the agent was given the orphan (%v)", err)
	}
}

// TestRetention: what tells people what was done is kept for more than a year,
// and a hold for as long as it is open.
func TestRetention(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	first(t, j)
	if err := second(t.Context(), j); err != nil { // folds the word on a batch, and notes it
		t.Fatal(err)
	}
	w := load(t, j)
	var holds []record.Hold
	for _, name := range []string{"open", "closed"} {
		h, err := w.OpenHold(record.Listing{Guard: plan.Removals, Opened: w.Now, Items: []record.Item{{Group: gid(1), To: name}}})
		if err != nil {
			t.Fatal(err)
		}
		holds = append(holds, h)
	}
	open, closed := holds[0].ID, holds[1].ID
	w.Head.Holds = holds[:1]
	count(t, w, record.Counts{Held: 1})
	commit(t, w)
	sweep := func() []string {
		w := load(t, j)
		w.Head.Rate++
		if err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		return slices.Concat(objects(t, j, "audit/"), objects(t, j, "hold/"))
	}
	kept := sweep()
	c.pass(399 * 24 * time.Hour)
	if got := sweep(); len(got) < 3 || !slices.Equal(got, kept) {
		t.Errorf("after 399 days there are %v, want %v", got, kept)
	}
	c.pass(48 * time.Hour)
	// Another hold is open in the record of its group.
	if got := sweep(); len(got) != 2 || !slices.Contains(got, "hold/"+open) || slices.Contains(got, "hold/"+closed) {
		t.Errorf("after 401 days there are %v, want the open holds", got)
	}
}
