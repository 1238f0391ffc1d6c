package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
)

var errOutage = errors.New("graph has an outage")

// asksToWait is an error by which Graph asks to be left alone.
type asksToWait struct{ until time.Time }

func (asksToWait) Error() string          { return "too many requests" }
func (e asksToWait) NotBefore() time.Time { return e.until }

// TestFeedsThatCannotBeRead: a feed that fails holds back no other, unless that has
// taken all the time of the step, or Graph wants to be left alone.
func TestFeedsThatCannotBeRead(t *testing.T) {
	now := newWorld(t).now
	tests := []struct {
		name  string
		err   error
		step  time.Duration
		pages int // that are asked for in this turn
	}{
		{"some time is left", errOutage, time.Hour, 3},
		{"none is left", errOutage, time.Nanosecond, 1},
		{"Graph asks to wait", asksToWait{now.Add(time.Hour)}, time.Hour, 1},
		{"Graph asked to wait", asksToWait{now.Add(-time.Second)}, time.Hour, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.users(3)
			w.group(1, 0, 2)
			w.untilQuiet()
			w.planner.StepTime, w.source.pages = tt.step, 0
			w.source.edit = func(p *directory.Page) error {
				if p.Feed == directory.GroupFeed {
					return tt.err
				}
				return nil
			}
			if err := w.planner.Run(t.Context()); !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if w.source.pages != tt.pages {
				t.Errorf("%d pages were asked for, want %d", w.source.pages, tt.pages)
			}
		})
	}
}

// TestGraphAsksToWait: the wish lasts over restarts and whoever runs the turn, and ends
// with its time, a day at most.
func TestGraphAsksToWait(t *testing.T) {
	for _, tt := range []struct{ asked, waits time.Duration }{{time.Hour, time.Hour}, {1000 * time.Hour, 24 * time.Hour}} {
		t.Run(fmt.Sprint(tt.asked), func(t *testing.T) {
			w := newWorld(t)
			w.users(3)
			w.group(1, 0, 2)
			w.untilQuiet()
			w.do(w.tenant.AddMember(group(1), user(2)))
			w.source.edit = func(*directory.Page) error { return asksToWait{w.now.Add(tt.asked)} }
			if err := w.planner.Run(t.Context()); err == nil {
				t.Fatal("a turn in which Graph was not to be read ends without an error")
			}
			w.source.edit, w.source.pages = nil, 0
			w.restart()
			w.later(tt.waits - time.Second)
			if w.source.pages != 0 {
				t.Errorf("Graph was asked for %d pages although it wants to be left alone", w.source.pages)
			}
			w.later(time.Second)
			if n := len(w.ad[group(1)].Members); n != 3 {
				t.Errorf("the group has %d members an hour later, want 3", n)
			}
		})
	}
}

// TestLinkRefusedForEver: Graph refuses a link that it made itself, and will for ever. The
// feed is begun anew after the second time; nobody has to do anything, nothing is lost, and
// meanwhile the other feeds go on.
func TestLinkRefusedForEver(t *testing.T) {
	for _, feed := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
		t.Run(string(feed), func(t *testing.T) {
			w := newWorld(t)
			w.users(6)
			for i := 1; i <= 3; i++ {
				w.group(i, 0, 2+i)
			}
			w.untilQuiet()
			refused := 0
			w.source.edit = func(p *directory.Page) error {
				if p.Feed == feed && !w.source.whole && w.head().Main.Number == 1 {
					refused++
					return directory.ErrLink
				}
				return nil
			}
			w.do(errors.Join(w.tenant.AddMember(group(1), user(5)), w.tenant.RemoveMember(group(2), user(0))))
			if err := w.planner.Run(t.Context()); !errors.Is(err, directory.ErrLink) {
				t.Fatalf("error %v, want that a link is refused", err)
			}
			if _, err := w.agent(); err != nil {
				t.Fatal(err)
			}
			_, came := slices.BinarySearch(w.ad[group(1)].Members, ref(5))
			if want := feed != directory.GroupFeed; came != want {
				t.Errorf("while the link of %s is refused, the new member is there: %t, want %t", feed, came, want)
			}
			w.untilQuiet() // without an error any more
			w.equalsCloud(t, map[directory.ID]int{group(1): 4, group(2): 3, group(3): 5})
			if refused != 2 || len(w.removed) != 1 {
				t.Errorf("refused %d times, want 2; removed %v, want one who left", refused, w.removed)
			}
		})
	}
}

// equalsCloud holds groups to the number of members that they should have.
func (w *world) equalsCloud(t *testing.T, sizes map[directory.ID]int) {
	t.Helper()
	for id, n := range sizes {
		if got := len(w.ad[id].Members); got != n {
			t.Errorf("group %s has %d members, want %d", w.ad[id].Name, got, n)
		}
	}
}
