package cycle_test

import (
	"errors"
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
