package cycle_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
)

// newTarget is a world of three groups in the cloud whose journal nobody has switched on,
// and whose agent has reported.
func newTarget(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.users(10)
	for i := range 3 {
		w.group(i, 0, 5)
	}
	w.begin()
	return w
}

// begin gives a world a new journal, which is off.
func (w *world) begin() {
	w.t.Helper()
	w.store = blob.Memory()
	w.journal = &journal.Journal{Store: w.store, Target: "corp", Now: func() time.Time { return w.now }}
	w.planner.Journal = w.journal
	w.untilQuiet()
}

// digest names the plan that a person is shown.
func (w *world) digest() string {
	w.t.Helper()
	p, err := w.planner.Preview(w.t.Context())
	w.do(err)
	if p.Waiting != "" || p.Digest == "" {
		w.t.Fatalf("nothing can be confirmed: %q", p.Waiting)
	}
	return p.Digest
}

func (w *world) say(word, digest string) {
	w.t.Helper()
	w.do(w.journal.Ask(w.t.Context(), journal.Ask{Switch: word, Digest: digest, By: "operator"}))
	w.later(time.Minute)
}

// TestOffUntilConfirmed: a new target reads, decides and shows for as long as nobody has
// confirmed its plan, and writes it then.
func TestOffUntilConfirmed(t *testing.T) {
	w := newTarget(t)
	for range 20 {
		w.later(time.Hour)
	}
	p, err := w.planner.Preview(t.Context())
	w.do(err)
	if w.writes != 0 || w.head().Plan != nil || len(p.Groups) != 3 || w.head().Totals.Changes != 6 {
		t.Fatalf("unasked: %d writes, plan %v; shown are %d changes, and counted %d; want 0, none, 6, 6", w.writes, w.head().Plan, len(p.Changes), w.head().Totals.Changes)
	}
	w.say(journal.SwitchGoOn, "")
	w.say(journal.SwitchPause, "")
	w.say(journal.SwitchOn, "of no plan")
	if s := w.head().Switch; w.writes != 0 || s.On || !s.Moved {
		t.Fatalf("after words that confirm nothing: %d writes, %+v", w.writes, s)
	}
	w.say(journal.SwitchOn, w.digest())
	if s := w.head().Switch; len(w.ad) != 3 || !s.On || s.By != "operator" || s.At.IsZero() || s.Confirmed != "" {
		t.Errorf("confirmed: %d groups, %+v", len(w.ad), s)
	}
}

// TestConfirmedAndMovedOn: what a person has confirmed and what would be written now are
// two things: it is asked again. One more who joins does not make it another plan.
func TestConfirmedAndMovedOn(t *testing.T) {
	for name, tt := range map[string]struct {
		moves func(w *world)
		on    bool
	}{
		"nothing":              {func(*world) {}, true},
		"somebody joins":       {func(w *world) { w.do(w.tenant.AddMember(group(1), user(7))) }, true},
		"somebody leaves":      {func(w *world) { w.do(w.tenant.RemoveMember(group(0), user(1))) }, false},
		"another group":        {func(w *world) { w.group(5, 0, 2) }, false},
		"a new name":           {func(w *world) { w.do(w.tenant.Rename(group(2), "Other")) }, false},
		"a group is gone":      {func(w *world) { w.do(w.tenant.SoftDelete(group(2))) }, false},
		"nobody confirms soon": {func(w *world) { w.now = w.now.Add(time.Hour) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.users(10)
			w.group(0, 0, 5)
			w.untilQuiet()
			w.group(1, 0, 5)
			w.group(2, 0, 5)
			w.do(w.tenant.RemoveMember(group(0), user(0))) // so the first plan takes somebody out
			w.begin()
			w.writes = 0
			digest := w.digest()
			tt.moves(w)
			w.say(journal.SwitchOn, digest)
			if s := w.head().Switch; s.On != tt.on || s.Moved == tt.on || tt.on != (w.writes > 0) {
				t.Errorf("on: %t, moved on: %t, %d writes; want on: %t", s.On, s.Moved, w.writes, tt.on)
			}
			w.say(journal.SwitchOn, w.digest())
			if s := w.head().Switch; !s.On || s.Moved || w.writes == 0 {
				t.Errorf("confirmed as it is now: %+v, %d writes", s, w.writes)
			}
		})
	}
}

// TestConfirmedTooLongAgo: a word that could not be looked at meanwhile does not switch on
// a day later.
func TestConfirmedTooLongAgo(t *testing.T) {
	w := newTarget(t)
	digest := w.digest()
	w.source.expired = true // nothing is known for certain before all is read anew
	w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchOn, Digest: digest, By: "operator"}))
	w.source.edit = func(*directory.Page) error { return errFault }
	if err := w.planner.Run(t.Context()); err == nil {
		t.Fatal("set-up: Graph can be read")
	}
	if s := w.head().Switch; s.On || s.Confirmed == "" {
		t.Fatalf("set-up: %+v", s)
	}
	w.source.edit = nil
	w.later(24 * time.Hour)
	if s := w.head().Switch; s.On || s.Confirmed != "" || !s.Moved || w.writes > 0 {
		t.Errorf("a day later: %+v, %d writes", s, w.writes)
	}
}

// TestPause: nothing more is written, and all is shown, until somebody resumes.
func TestPause(t *testing.T) {
	w := town(t)
	w.say(journal.SwitchPause, "")
	before := w.writes
	w.do(w.tenant.RemoveMember(group(1), user(1)))
	for range 20 {
		w.later(time.Hour)
	}
	if h := w.head(); w.writes != before || h.Plan != nil || h.Totals.Changes != 1 || !h.Switch.Paused {
		t.Fatalf("paused: %d writes, plan %v, %d changes, %+v", w.writes-before, h.Plan, h.Totals.Changes, h.Switch)
	}
	w.say(journal.SwitchGoOn, "")
	if w.in(group(1), 1) || w.head().Switch.Paused {
		t.Errorf("resumed: the leaver is in: %t, %+v", w.in(group(1), 1), w.head().Switch)
	}
}

// TestPauseStopsThePlanInFlight: what was issued and not handed out is not.
func TestPauseStopsThePlanInFlight(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(1)))
	w.do(w.planner.Run(t.Context()))
	if w.head().Plan == nil {
		t.Fatal("set-up: no plan is in flight")
	}
	w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchPause, By: "operator"}))
	w.do(w.planner.Run(t.Context()))
	if r, err := w.poll(); err != nil || r.Batch != nil {
		t.Errorf("paused, and the agent is given a batch of %d bytes, %v", len(r.Batch), err)
	}
	w.say(journal.SwitchGoOn, "")
	if w.in(group(1), 1) {
		t.Error("resumed, and the leaver is in")
	}
}

// TestReadOnly: the network's own word is that nothing is written. All is shown, nothing is
// issued, so nothing is refused and parked; a week later it is written within a minute of
// the other word.
func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	w.self.ReadOnly = true
	w.users(10)
	for i := range 3 {
		w.group(i, 0, 5)
	}
	w.untilQuiet()
	for range 7 * 24 {
		w.later(time.Hour)
	}
	h := w.head()
	p, err := w.planner.Preview(t.Context())
	w.do(err)
	if w.writes != 0 || h.Plan != nil || h.NextSeq != 1 || h.Totals.Parked != 0 || h.Totals.Changes != 6 || len(p.Groups) != 3 || p.Waiting != "" {
		t.Fatalf("read-only for a week: %d writes, plan %v, next batch %d, %d parked, %d changes; shown %d (%q)", w.writes, h.Plan, h.NextSeq, h.Totals.Parked, h.Totals.Changes, len(p.Changes), p.Waiting)
	}
	w.self.ReadOnly = false
	_, err = w.poll()
	w.do(err)
	w.later(time.Minute)
	if len(w.ad) != 3 {
		t.Errorf("a minute after it may: %d groups", len(w.ad))
	}
}

// TestReadOnlyIsHandedNothing: an agent that was made read-only while a plan was in flight
// has nothing to refuse.
func TestReadOnlyIsHandedNothing(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(1)))
	w.do(w.planner.Run(t.Context()))
	w.self.ReadOnly = true
	if r, err := w.poll(); err != nil || r.Batch != nil {
		t.Errorf("it is given a batch of %d bytes, %v", len(r.Batch), err)
	}
}

// TestIdleWhileOff: a target that is off and has much to do costs no more than a target
// that has nothing to do.
func TestIdleWhileOff(t *testing.T) {
	w, count := counted(t, 50, 5)
	w.say(journal.SwitchPause, "")
	for i := range 50 {
		w.do(w.tenant.AddMember(group(i), user(5)))
	}
	w.untilQuiet()
	w.restart()
	count.Take()
	w.do(w.planner.Run(t.Context()))
	if c := count.Take(); c.Puts > 0 || c.Gets > 2 || c.Lists > 1 {
		t.Errorf("an idle turn with 50 changes that may not be made: %+v", c)
	}
}

// TestSwitchIsToldOf: whoever reads the log sees who has switched on, and that somebody
// could not.
func TestSwitchIsToldOf(t *testing.T) {
	w := newTarget(t)
	var log strings.Builder
	w.planner.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.say(journal.SwitchOn, "of no plan")
	w.say(journal.SwitchOn, w.digest())
	for _, want := range []string{"nothing is switched: the plan is not what was confirmed any more", "switched on: what differs is written from now on", "by=operator"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}

// TestManyWordsAtOnce: a turn that finds several words on the switch takes each of them, in their order. It once took the
// last alone: whoever said pause a moment before another's disable was not heard.
func TestManyWordsAtOnce(t *testing.T) {
	w := newTarget(t)
	w.say(journal.SwitchOn, w.digest())
	p, err := w.planner.PreviewEnd(t.Context(), life.Delete)
	w.do(err)
	for i, word := range []journal.Ask{{Switch: journal.SwitchPause}, {Switch: journal.SwitchOff, End: life.Delete, Digest: p.Digest}} {
		word.ID, word.By = fmt.Sprint(i), fmt.Sprint("operator ", i)
		w.do(w.journal.Ask(t.Context(), word))
	}
	w.later(time.Minute)
	if s := w.head().Switch; !s.Paused || s.Ending != life.Delete || len(w.ad) != 3 {
		t.Errorf("%+v, %d groups", s, len(w.ad))
	}
}

// TestPausedAtOnce: pause counts where it comes before the plan of an enable is looked at, and ends with an enable that came to nothing.
func TestPausedAtOnce(t *testing.T) {
	for digest, on := range map[string]bool{"": true, "another": false} {
		w := newTarget(t)
		w.do(w.journal.Ask(t.Context(), journal.Ask{ID: "1", Switch: journal.SwitchOn, Digest: cmp.Or(digest, w.digest()), By: "operator"}))
		w.do(w.journal.Ask(t.Context(), journal.Ask{ID: "2", Switch: journal.SwitchPause, By: "operator"}))
		w.later(time.Minute)
		if s := w.head().Switch; s.On != on || s.Paused != on || len(w.ad) > 0 {
			t.Errorf("%q: %+v, %d groups", digest, s, len(w.ad))
		}
	}
}
