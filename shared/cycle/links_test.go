package cycle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
)

// TestLinkRefusedForEver: Graph refuses the link of one feed for ever, where a new
// enumeration would do. The other feeds go on, the enumeration is made, in as many steps
// as it takes, and nothing is lost.
func TestLinkRefusedForEver(t *testing.T) {
	for _, feed := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
		for _, refusal := range []error{directory.ErrLink, directory.ErrResync} {
			t.Run(string(feed)+" "+refusal.Error(), func(t *testing.T) {
				w := town(t)
				w.source.size = 40
				w.source.refuse = map[directory.Feed]error{feed: refusal} // links made so far
				w.do(w.tenant.AddMember(group(3), user(50)))
				w.do(w.tenant.RemoveMember(group(1), user(0)))
				w.planner.StepTime = time.Nanosecond
				turns := 0
				for ; turns < 200 && (w.in(group(1), 0) || !w.in(group(3), 50) || w.head().Main.Number < 2); turns++ {
					if _, err := w.planner.Step(t.Context()); err != nil && !errors.Is(err, refusal) {
						t.Fatal(err)
					}
					if _, err := w.agent(); err != nil {
						t.Fatal(err)
					}
					w.now = w.now.Add(time.Minute)
				}
				h := w.head()
				if w.in(group(1), 0) || !w.in(group(3), 50) || h.Shadow != nil || h.Main.Number != 2 || len(w.removed) != 1 {
					t.Errorf("after %d steps: the leaver is in %t, who joined %t; rounds %d, shadow %+v, removed %v", turns, w.in(group(1), 0), w.in(group(3), 50), h.Main.Number, h.Shadow, w.removed)
				}
			})
		}
	}
}

// TestRefusedOnceIsNoLoss: a link that is refused once, and then is not, begins nothing anew.
func TestRefusedOnceIsNoLoss(t *testing.T) {
	w := town(t)
	n := 0
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed {
			if n++; n%2 == 1 {
				return directory.ErrLink
			}
		}
		return nil
	}
	for range 6 {
		if err := w.turn(); err != nil && !errors.Is(err, directory.ErrLink) {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
	}
	if h := w.head(); h.Main.Number != 1 || h.Shadow != nil {
		t.Errorf("round %d, shadow %+v", h.Main.Number, h.Shadow)
	}
}

// waiting is an error of a source that asks to wait.
type waiting struct{ at time.Time }

func (waiting) Error() string { return "too many requests" }

func (w waiting) NotBefore() time.Time { return w.at }

// TestGraphAsksToWait: the wish outlives the process, timers and manual syncs keep to it,
// and what needs nothing of Graph goes on.
func TestGraphAsksToWait(t *testing.T) {
	w := town(t)
	at := w.now.Add(time.Hour)
	w.source.edit = func(*directory.Page) error { return waiting{at} }
	if err := w.turn(); !errors.As(err, new(waiting)) {
		t.Fatalf("the refused turn: %v", err)
	}
	w.restart()
	pages := w.source.pages
	w.leave(group(3), ref(0))
	w.do(w.report(true, nil))
	for range 50 {
		w.now = w.now.Add(time.Minute)
		w.do(w.turn())
	}
	if w.source.pages != pages || !w.in(group(3), 0) {
		t.Errorf("%d requests in the time that Graph asked for; what was done by hand is put right: %t", w.source.pages-pages, w.in(group(3), 0))
	}
	w.source.edit = nil
	w.later(15 * time.Minute)
	if w.source.pages == pages {
		t.Error("an hour later Graph is not asked")
	}
}

// TestEverythingAnew: once a week everything is enumerated anew, beside what is known, which
// goes on being planned from; what no delta ever told comes to light.
func TestEverythingAnew(t *testing.T) {
	w := town(t)
	w.source.size = 10
	w.source.edit = func(p *directory.Page) error { // deltas of groups tell nothing
		if p.Feed == directory.GroupFeed && !w.source.whole {
			p.Groups = slices.DeleteFunc(p.Groups, func(c directory.GroupChange) bool { return c.ID == group(1) })
		}
		return nil
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.later(6 * 24 * time.Hour)
	if !w.in(group(1), 0) || w.head().Main.Number != 1 {
		t.Fatalf("within a week: removed %v, round %d", w.removed, w.head().Main.Number)
	}
	w.now = w.now.Add(3 * 24 * time.Hour)
	w.planner.StepTime = time.Nanosecond
	for range 5 {
		_, err := w.planner.Step(t.Context())
		w.do(err)
	}
	if s := w.head().Shadow; s == nil || !s.Beside {
		t.Fatalf("after a week: shadow %+v", s)
	}
	w.do(w.tenant.AddMember(group(3), user(60))) // goes on meanwhile
	for range 12 {
		_, err := w.planner.Step(t.Context())
		w.do(err)
		_, err = w.agent()
		w.do(err)
	}
	if w.head().Shadow == nil || !w.in(group(3), 60) {
		t.Errorf("while it is enumerated: shadow %+v, who joined is in %t", w.head().Shadow, w.in(group(3), 60))
	}
	w.planner.StepTime = 0
	w.untilQuiet()
	w.later(2 * time.Minute)
	if w.in(group(1), 0) || len(w.removed) != 1 || w.head().Main.Number != 2 {
		t.Errorf("removed %v, round %d", w.removed, w.head().Main.Number)
	}
}

// TestFullBeginsAnew: whoever asks for everything anew has it read from the beginning behind what is under way.
func TestFullBeginsAnew(t *testing.T) {
	w := town(t)
	w.source.expired = true
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.DeviceFeed && w.source.whole {
			return errFault
		}
		return nil
	}
	if err := w.turn(); !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	began := w.head().Shadow.Began
	w.now = w.now.Add(time.Hour)
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
	w.source.edit = nil
	pages := w.source.pages
	w.untilQuiet()
	if h := w.head(); h.Shadow != nil || h.Main.Number != 3 || !h.Main.Began.After(began) || w.source.pages-pages < 6 {
		t.Errorf("shadow %+v, the round began %v; the one that was dropped %v", h.Shadow, h.Main.Began, began)
	}
}

// TestDevicesCannotBeRead: the app may not read devices. The rest goes on: who left is taken
// out, and strangers are asked about and go.
func TestDevicesCannotBeRead(t *testing.T) {
	w := town(t)
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.DeviceFeed {
			return errFault
		}
		return nil
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.stranger(group(3), ref(500))
	w.do(w.report(true, nil))
	for range 4 {
		if err := w.planner.Run(t.Context()); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		_, err := w.agent()
		w.do(err)
		w.now = w.now.Add(2 * time.Minute)
	}
	if len(w.removed) != 2 {
		t.Errorf("removed %v, want the leaver and the stranger", w.removed)
	}
}

// TestUsersLinkLost: only the link of the users is lost. Groups are followed and planned from
// while everything is enumerated beside that, even if it never comes to its end.
func TestUsersLinkLost(t *testing.T) {
	w := town(t)
	w.source.refuse = map[directory.Feed]error{directory.UserFeed: directory.ErrResync}
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.DeviceFeed && w.source.whole {
			return errFault
		}
		return nil
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	for range 4 {
		if err := w.planner.Run(t.Context()); err != nil && !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		_, err := w.agent()
		w.do(err)
		w.now = w.now.Add(time.Minute)
	}
	if h := w.head(); h.Shadow == nil || !h.Shadow.Beside || w.in(group(1), 0) {
		t.Errorf("shadow %+v, the leaver is in %t", h.Shadow, w.in(group(1), 0))
	}
}
