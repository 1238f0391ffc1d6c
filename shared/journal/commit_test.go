package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

func TestCommitWritesOnlyWhatChanged(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			store, writes := watched(s)
			c := newClock()
			j := (&Journal{Store: store, Target: "t"}).at(c)
			w := load(t, j)
			commit(t, w)
			if got := writes(); len(got) > 0 || w.Committed() {
				t.Errorf("a new journal in which nothing happened: wrote %v", got)
			}
			page := named("group", upTo(3), 1)
			w = load(t, j)
			if err := keep(ctx, w, page, false); err != nil {
				t.Fatal(err)
			}
			commit(t, w)
			if got, want := fmt.Sprint(kinds(writes())), "map[g:1 h:1 head:1 m:1 map:1]"; got != want || !w.Committed() {
				t.Errorf("a first page: wrote %s, want %s", got, want)
			}
			before := mustContents(t, j)
			c.pass(time.Hour)
			w = load(t, j)
			if err := keep(ctx, w, page, false); err != nil {
				t.Fatal(err)
			}
			if err := w.Fetch(ctx, []directory.ID{gid(0), gid(1)}); err != nil {
				t.Fatal(err)
			}
			commit(t, w)
			if got := writes(); len(got) > 0 {
				t.Errorf("the same page again: wrote %v", got)
			}
			w = load(t, j)
			if err := w.Mark(ctx, gid(1)); err != nil { // it is marked already
				t.Fatal(err)
			}
			commit(t, w)
			if got := writes(); len(got) > 0 {
				t.Errorf("marked again: wrote %v", got)
			}
			uncounted, _, err := w.Todo(ctx)
			if err != nil || len(uncounted) != 1 {
				t.Fatalf("to do: %v, %v", uncounted, err)
			}
			u, err := w.Shard(ctx, uncounted[0])
			if err != nil || len(u.Groups) != 3 {
				t.Fatalf("shard %v, %v; want three groups", u, err)
			}
			w.Counted(u, record.Counts{}, false, time.Time{})
			commit(t, w)
			if got, want := fmt.Sprint(kinds(writes())), "map[head:1 map:1]"; got != want {
				t.Errorf("a mark taken away: wrote %s, want %s", got, want)
			}
			if after := mustContents(t, j); after != before {
				t.Errorf("the contents changed:\n%s\nwere:\n%s", after, before)
			}
		})
	}
}

// first fills a journal: groups, a plan of one batch, and the agent's word on it.
func first(t *testing.T, j *Journal) {
	ctx := t.Context()
	w := load(t, j)
	w.Head.Rules, w.Head.Switch.On = "first", true
	if err := keep(ctx, w, named("group", upTo(3), 1, 2), false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Issue([]plan.Change{update(1, 1)}, 1<<30); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	acknowledge(t, j, "agent")
}

func acknowledge(t *testing.T, j *Journal, agent string) {
	t.Helper()
	r, err := j.Poll(t.Context(), Poll{Agent: agent})
	if err != nil || r.Seq == 0 {
		t.Fatalf("poll: batch %d, %v", r.Seq, err)
	}
	a := Ack{Epoch: r.Epoch, Seq: r.Seq, Digest: Digest(r.Batch), Agent: agent, Token: r.Token, Results: []plan.Result{{Status: plan.Done}}}
	if _, err := j.Ack(t.Context(), a); err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
}

// second is a step that writes an object of every kind: it folds the word of the
// agent, closes the plan, folds a page, opens a hold and issues the next plan.
// It does nothing if it was done.
func second(ctx context.Context, j *Journal) error {
	w, err := j.Load(ctx)
	if err != nil || w.Head.Rules == "second" {
		return err
	}
	a, ok, err := w.NextAck(ctx)
	if err != nil || !ok {
		return fmt.Errorf("the acknowledgement is not there: %v", err)
	}
	b, err := w.Batch(ctx, a.Seq)
	if err != nil {
		return err
	}
	if err := w.Fetch(ctx, []directory.ID{gid(0), gid(1)}); err != nil {
		return err
	}
	g := plan.Outcome(plan.Group{}, b.Changes[0], a.Results[0])
	if err := w.Note(ctx, b, a); err != nil {
		return err
	}
	w.ClosePlan()
	if err := keep(ctx, w, named("renamed", []int{2, 3}, 3), false); err != nil {
		return err
	}
	hold, err := w.OpenHold(record.Listing{Group: gid(1), Text: "too much", Count: 7, Opened: w.Now})
	if err != nil {
		return err
	}
	w.PutRecord(&record.Group{ID: gid(1), Observed: &g, LastWrite: 3, Hold: &hold})
	var changes []plan.Change
	for i := range 2 { // two batches
		c := plan.Change{Op: plan.Update, Group: gid(i)}
		for m := range MaxBatchValues - 10 {
			c.Add = append(c.Add, plan.SIDRef(sidOf(100_000+m)))
		}
		changes = append(changes, c)
	}
	if n, err := w.Issue(changes, 1<<30); err != nil || n != 2 {
		return fmt.Errorf("issue: %d, %v", n, err)
	}
	w.Head.Rules = "second"
	return w.Commit(ctx)
}

// TestEveryWriteLost loses each write of a step in turn, and in the other half of
// the cases loses only the answer. Whatever happened, the journal then says what
// it said before or what it says after, and the step can be taken again.
func TestEveryWriteLost(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	start := func(around func(n int64, key string, write func() error) error) (*Journal, *blobtest.Hook) {
		j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
		first(t, j)
		hook := &blobtest.Hook{Store: j.Store, Around: around}
		return (&Journal{Store: hook, Target: "t"}).at(c), hook
	}
	whole := func(_ int64, _ string, write func() error) error { return write() }
	j, hook := start(whole)
	before := mustContents(t, j)
	if err := second(ctx, j); err != nil {
		t.Fatal(err)
	}
	after, writes := mustContents(t, j), hook.Writes()
	if before == after || writes < 10 {
		t.Fatalf("the step writes %d objects, want one of each kind", writes)
	}
	for n := range writes {
		for _, tookEffect := range []bool{false, true} {
			lost := ""
			j, hook := start(func(i int64, key string, write func() error) error {
				if i != n+1 {
					return write()
				}
				if lost = key; tookEffect {
					_ = write()
				}
				return blobtest.ErrInjected
			})
			t.Run(fmt.Sprintf("%d took effect %t", n, tookEffect), func(t *testing.T) {
				err := second(ctx, j)
				hook.Around = whole
				now := mustContents(t, j)
				isHead := strings.HasSuffix(lost, "/head")
				switch {
				case now != before && now != after:
					t.Errorf("%s lost: the journal is\n%s", lost, now)
				case err == nil && !(isHead && tookEffect && now == after):
					t.Errorf("%s lost: nobody was told", lost)
				case now == after && !isHead && !strings.Contains(lost, "/release/"):
					t.Errorf("%s lost, and the step counts", lost)
				}
				c.pass(time.Second)
				if err := second(ctx, j); err != nil {
					t.Fatalf("%s lost, and then the step fails for good: %v", lost, err)
				}
				if now := mustContents(t, j); now != after {
					t.Errorf("%s lost, and taken again the step leads to\n%s\nwant\n%s", lost, now, after)
				}
				if r, err := j.Poll(ctx, Poll{Agent: "agent"}); err != nil || r.Seq != 2 || len(r.Release) == 0 {
					t.Errorf("%s lost: the agent is given batch %d, %v; want 2", lost, r.Seq, err)
				}
			})
		}
	}
}

// A crash between head and release: the plan is in force, and the next step lets
// it run.
func TestReleaseAfterCrash(t *testing.T) {
	ctx := t.Context()
	crash := false
	store := &blobtest.Hook{Store: blob.Memory(), Around: func(_ int64, key string, write func() error) error {
		if crash && strings.Contains(key, "/release/") {
			return blobtest.ErrInjected
		}
		return write()
	}}
	j := (&Journal{Store: store, Target: "t"}).at(newClock())
	w := load(t, j)
	w.Head.Rules, w.Head.Switch.On = "r", true
	if _, err := w.Issue([]plan.Change{update(1, 1)}, 1<<30); err != nil {
		t.Fatal(err)
	}
	crash = true
	if err := w.Commit(ctx); !errors.Is(err, blobtest.ErrInjected) {
		t.Errorf("commit: %v, want that the release was not written", err)
	}
	if r, err := j.Poll(ctx, Poll{Agent: "a"}); err != nil || r.Seq != 0 || r.Batch != nil {
		t.Errorf("before the release: the agent is given batch %d, %v", r.Seq, err)
	}
	crash = false
	if w := load(t, j); w.Head.Plan == nil {
		t.Fatal("the plan was lost")
	}
	release := objects(t, j, "release/")
	if r, err := j.Poll(ctx, Poll{Agent: "a"}); err != nil || r.Seq != 1 || len(release) != 1 {
		t.Errorf("after the next load: the agent is given batch %d, %v; releases %v", r.Seq, err, release)
	}
}

// TestAnswerOfTheSwapLost: the head was written, and the answer to that is an error. It is
// looked at, and the step goes on: to do it again would only cost another one.
func TestAnswerOfTheSwapLost(t *testing.T) {
	store := &blobtest.Hook{Store: blob.Memory(), Around: func(_ int64, key string, write func() error) error {
		if err := write(); err != nil || !strings.HasSuffix(key, "/head") {
			return err
		}
		return errors.New("the connection broke")
	}}
	w := load(t, (&Journal{Store: store, Target: "t"}).at(newClock()))
	w.Head.Rules = "r"
	if err := w.Commit(t.Context()); err != nil || !w.Committed() {
		t.Errorf("%v; committed %t", err, w.Committed())
	}
}

func TestTwoPlanners(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			j := (&Journal{Store: s, Target: "t"}).at(newClock())
			first(t, j)
			a, b := load(t, j), load(t, j)
			for i, w := range []*Tx{a, b} {
				if err := keep(ctx, w, named(fmt.Sprint("planner ", i), []int{1, 2}), false); err != nil {
					t.Fatal(err)
				}
			}
			commit(t, a)
			after := mustContents(t, j)
			if err := b.Commit(ctx); !errors.Is(err, ErrConflict) {
				t.Errorf("the second: %v, want ErrConflict", err)
			}
			if got := mustContents(t, j); got != after {
				t.Errorf("the second left\n%s\nwant\n%s", got, after)
			}
			if !strings.Contains(after, "planner 0 1") {
				t.Errorf("the first is not there:\n%s", after)
			}
		})
	}
}

// TestWrittenOnce: what has another content under a name of a step's own is never written
// over; the same again is the answer that was lost.
func TestWrittenOnce(t *testing.T) {
	for content, want := range map[string]error{"ours": nil, "another's": errDiffers} {
		j := &Journal{Store: blob.Memory(), Target: "t"}
		put(t, j, "batch/1-x", "ours")
		if err := j.create(t.Context(), "batch/1-x", []byte(content)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", content, err, want)
		}
		if data, _, err := j.Store.Get(t.Context(), j.prefix()+"batch/1-x"); err != nil || string(data) != "ours" {
			t.Errorf("%s: the object is %q, %v", content, data, err)
		}
	}
}

// Two planners begin a journal at the same time: one of them made it.
func TestTwoFirstPlanners(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	a, b := load(t, j), load(t, j)
	a.Head.Rules, b.Head.Rules = "a", "b"
	commit(t, a)
	if err := b.Commit(t.Context()); !errors.Is(err, ErrConflict) {
		t.Errorf("the second: %v, want ErrConflict", err)
	}
}

// TestInboxIsDeletedAfterCommit: what the agent said is deleted by the step after
// the one that folded it, so that no crash loses it.
func TestInboxIsDeletedAfterCommit(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	first(t, j)
	const ack = "in/ack/1-000000000001"
	there := func() bool { return slices.Contains(objects(t, j, "in/"), ack) }
	w := load(t, j)
	if _, ok, err := w.NextAck(ctx); !ok || err != nil {
		t.Fatalf("no acknowledgement: %v", err)
	}
	if !there() {
		t.Fatal("deleted before the commit")
	}
	_ = load(t, j) // the step above crashed
	if !there() {
		t.Fatal("deleted by a step that folded nothing")
	}
	w.ClosePlan()
	commit(t, w)
	if !there() {
		t.Fatal("deleted in the step that folded it")
	}
	_ = load(t, j)
	if there() {
		t.Error("not deleted by the step after")
	}
	// A late retry brings it back: it is not folded twice.
	if _, err := j.Store.Put(ctx, j.prefix()+ack, []byte("{}"), blob.Absent); err != nil {
		t.Fatal(err)
	}
	w = load(t, j)
	w.DropStaleAcks()
	commit(t, w)
	_ = load(t, j)
	if there() {
		t.Error("it came back and stays")
	}
}

// TestHoldAfterCrash: a step that opens a hold is lost after the hold was
// written. The next one opens the same hold, a moment later.
func TestHoldAfterCrash(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	crash := true
	store := &blobtest.Hook{Store: blob.Memory(), Around: func(_ int64, key string, write func() error) error {
		if crash && strings.HasSuffix(key, "/head") {
			return blobtest.ErrInjected
		}
		return write()
	}}
	j := (&Journal{Store: store, Target: "t"}).at(c)
	step := func() error {
		w := load(t, j)
		if _, err := w.OpenHold(record.Listing{Text: "the same list", Opened: w.Now}); err != nil {
			t.Fatal(err)
		}
		return w.Commit(ctx)
	}
	if err := step(); !errors.Is(err, blobtest.ErrInjected) {
		t.Fatalf("the crash: %v", err)
	}
	crash = false
	c.pass(time.Minute)
	if err := step(); err != nil {
		t.Errorf("the step after it: %v", err)
	}
}

// A store that cannot be reached is not a damaged journal.
func TestUnreachable(t *testing.T) {
	ctx := t.Context()
	s := blob.Memory()
	j := (&Journal{Store: s, Target: "t"}).at(newClock())
	first(t, j)
	w := load(t, j)
	j.Store = unreachable{s}
	if _, err := w.Batch(ctx, 1); !errors.Is(err, errDown) || errors.Is(err, errMissing) {
		t.Errorf("batch: %v, want that the store is down and no more", err)
	}
	if err := w.Fetch(ctx, []directory.ID{gid(1)}); !errors.Is(err, errDown) || errors.Is(err, errMissing) {
		t.Errorf("shard: %v, want that the store is down and no more", err)
	}
	if _, err := j.Load(ctx); !errors.Is(err, errDown) {
		t.Errorf("load: %v, want that the store is down", err)
	}
}

var errDown = errors.New("the network is down")

type unreachable struct{ blob.Store }

func (unreachable) Get(context.Context, string) ([]byte, blob.Tag, error) {
	return nil, "", errDown
}
