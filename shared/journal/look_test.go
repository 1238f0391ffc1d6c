package journal

import (
	"context"
	"errors"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
)

// TestAnotherTarget: an agent whose file names another target finds none of our groups,
// for their mark bears ours. Its report used to be believed, that there are none, and it
// held the lease meanwhile.
func TestAnotherTarget(t *testing.T) {
	c := newClock()
	j := issued(t, c, 1)
	const text = `the agent is set up for another target: its file says "other", and this relay is for "t": correct target or relay.url in its file`
	if _, err := j.Poll(t.Context(), Poll{Agent: "a", For: "other"}); !errors.Is(err, ErrTarget) || err.Error() != text {
		t.Errorf("poll: %v", err)
	}
	for _, target := range []string{"", "t"} { // an older agent does not say
		if _, err := j.Poll(t.Context(), Poll{Agent: "b", For: target}); err != nil {
			t.Errorf("the agent of %q: %v", target, err)
		}
	}
	r := Report{ID: ReportID(c.now), Part: 1, Parts: 1, Agent: "b", Full: true, Target: Target{DomainSID: directory.SID("S-1-5-21-1-2-3")}}
	r.For = "other"
	if err := j.Report(t.Context(), r); !errors.Is(err, ErrTarget) {
		t.Errorf("report: %v", err)
	}
	if left := load(t, j).Reports(); len(left) != 0 {
		t.Errorf("what it reported was taken: %+v", left)
	}
	r.For = "t"
	if err := j.Report(t.Context(), r); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

// TestLook reads and writes nothing, where there is no journal too.
func TestLook(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	h, err := j.Look(t.Context())
	if keys, listErr := j.Store.List(t.Context(), ""); err != nil || h.Gen != 0 || listErr != nil || len(keys) != 0 {
		t.Errorf("no journal: generation %d, %v; objects %q, %v", h.Gen, err, keys, listErr)
	}
	put := func(text string) {
		if _, err := j.Store.Put(context.Background(), "t/t/head", []byte(text), blob.Any); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]error{`{"format":99}`: ErrFormat, `{"format":1}`: ErrOldFormat} {
		put(text)
		if _, err := j.Look(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	full := issued(t, &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}, 1)
	if h, err := full.Look(t.Context()); err != nil || h.Gen != 1 || h.Rules != "r" {
		t.Errorf("a journal: %+v, %v", h, err)
	}
}
