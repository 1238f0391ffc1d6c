package journal

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"groupwriteback/shared/blob"
)

// TestRuns: the same key of the same caller is the same run, today and tomorrow; with another
// request it is refused, and another caller's key is another run.
func TestRuns(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	begin := func(caller, key, body string) (Run, bool, error) {
		return j.Begin(ctx, Run{Action: "sync", Body: body}, caller, key)
	}
	one, known, err := begin("alice", "k", "b")
	if err != nil || known {
		t.Fatalf("%+v, %v, %v", one, known, err)
	}
	if again, known, err := begin("alice", "k", "b"); err != nil || !known || again.ID != one.ID || again.Ask != one.Ask {
		t.Errorf("again: %+v, %v, %v; want %+v", again, known, err, one)
	}
	if _, _, err := begin("alice", "k", "other"); !errors.Is(err, ErrKeyReused) {
		t.Errorf("another request: %v", err)
	}
	if bob, known, err := begin("bob", "k", "other"); err != nil || known || bob.ID == one.ID {
		t.Errorf("another caller: %+v, %v, %v", bob, known, err)
	}
	if x, known, err := begin("alice", "", "b"); err != nil || known || x.ID == one.ID {
		t.Errorf("without a key: %+v, %v, %v", x, known, err)
	}
	if _, err := j.Reply(ctx, one.ID); !errors.Is(err, ErrUnknownRun) {
		t.Errorf("a reply before there is one: %v", err)
	}
	for _, text := range []string{`{"done":"first"}`, `{"done":"second"}`} {
		if err := j.Replied(ctx, one.ID, json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := j.Reply(ctx, one.ID); err != nil || string(got) != `{"done":"first"}` {
		t.Errorf("%s, %v", got, err)
	}
	c.pass(24 * time.Hour)
	if again, known, err := begin("alice", "k", "b"); err != nil || !known || again.ID != one.ID {
		t.Errorf("tomorrow: %+v, %v, %v", again, known, err)
	}
	if err := j.Undo(ctx, one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Run(ctx, one.ID); !errors.Is(err, ErrUnknownRun) {
		t.Errorf("undone: %v", err)
	}
	for _, id := range []string{"", "../head", one.ID + "0"} {
		if _, err := j.Run(ctx, id); !errors.Is(err, ErrUnknownRun) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestRunsAreSwept: runs and what was answered to them go after three days.
func TestRunsAreSwept(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	run, _, err := j.Begin(ctx, Run{Body: "b"}, "alice", "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Replied(ctx, run.ID, json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	for day, want := range []int{2, 2, 2, 0} {
		w := load(t, j)
		w.Head.Rate++
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		if got := len(objects(t, j, runs)) + len(objects(t, j, replies)); got != want {
			t.Errorf("day %d: %d objects, want %d", day, got, want)
		}
		c.pass(24 * time.Hour)
	}
}

// TestSameWishIsOne: a wish that is said again under its id waits once.
func TestSameWishIsOne(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	run, _, err := j.Begin(t.Context(), Run{Body: "b"}, "alice", "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Ask(t.Context(), Ask{ID: run.Ask, Full: true}); err != nil {
			t.Fatal(err)
		}
	}
	w := load(t, j)
	if n := len(w.inboxNames("in/ask/")); n != 1 || !w.Waits(run) {
		t.Errorf("%d wishes, it waits: %v", n, w.Waits(run))
	}
	if _, err := w.Asks(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	if load(t, j).Waits(run) {
		t.Error("it was taken up, and waits still")
	}
}
