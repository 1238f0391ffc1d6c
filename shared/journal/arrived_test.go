package journal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
)

// loaded is a step whose inbox holds these objects, none of which is really there:
// whoever reads one fails.
func loaded(t *testing.T, now time.Time, names ...string) *Tx {
	t.Helper()
	w := load(t, (&Journal{Store: blob.Memory(), Target: "t"}).at(&clock{now: now}))
	w.inbox = slices.Sorted(slices.Values(names))
	return w
}

// reported are the names of the parts of a report that has so many of so many.
func reported(at time.Time, from, to, parts int) (out []string) {
	id := fmt.Sprintf("%016x-x", at.UnixNano())
	for n := from; n <= to; n++ {
		out = append(out, reportName(id, n, parts))
	}
	return out
}

// TestHalfReportsAreBounded: parts without their fellows wait, but not for ever, and not
// any number of them. Whoever holds the role of an agent could fill the store with them.
func TestHalfReportsAreBounded(t *testing.T) {
	now := newClock().now.Truncate(time.Millisecond)
	for _, tt := range []struct {
		name   string
		inbox  [][]string
		whole  []int // reports that are read, by their place in inbox
		stay   []int // of the others, those that wait
		unread int   // parts that are dropped
	}{
		{"one, a moment ago", [][]string{reported(now, 1, 3, 4)}, nil, []int{0}, 0},
		{"an hour ago", [][]string{reported(now.Add(-time.Hour), 1, 3, 4)}, nil, []int{0}, 0},
		{"more than an hour ago", [][]string{reported(now.Add(-time.Hour-1), 1, 3, 4)}, nil, nil, 3},
		{"of a clock that goes wrong", [][]string{reported(now.Add(time.Hour+time.Second), 2, 3, 4)}, nil, nil, 2},
		{"whole, however old", [][]string{reported(now.Add(-5*time.Hour), 1, 4, 4)}, []int{0}, nil, 0},
		{"many parts: the newest wait", [][]string{reported(now, 1, mostParts-1, mostParts), reported(now.Add(-time.Second), 1, 2, 3), reported(now.Add(-time.Minute), 1, 1, 2)}, nil, []int{0, 2}, 2},
		{"very many parts: not all in one step", [][]string{reported(now, 1, mostParts, mostParts+1), reported(now.Add(-time.Second), 1, mostDrops+7, mostDrops+8)}, nil, []int{0}, mostDrops},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := loaded(t, now, slices.Concat(tt.inbox...)...)
			var whole []string
			for _, a := range w.Reports() {
				whole = append(whole, a.names...)
			}
			var want []string
			for _, i := range tt.whole {
				want = append(want, tt.inbox[i]...)
			}
			if !slices.Equal(whole, want) || w.Dropped() != tt.unread || len(w.Head.Folded) != tt.unread {
				t.Errorf("%d parts are read, %d dropped, %d named; want %d and %d", len(whole), w.Dropped(), len(w.Head.Folded), len(want), tt.unread)
			}
			for _, i := range tt.stay {
				if slices.ContainsFunc(tt.inbox[i], func(name string) bool { return slices.Contains(w.Head.Folded, name) }) {
					t.Errorf("of report %d something was dropped", i)
				}
			}
		})
	}
}

// TestReportsAreBounded: of very many reports the newest are read, and the one that has
// been begun.
func TestReportsAreBounded(t *testing.T) {
	now := newClock().now.Truncate(time.Millisecond)
	var inbox []string
	for i := range mostWhole + 20 {
		inbox = append(inbox, reported(now.Add(time.Duration(i)*time.Second), 1, 2, 2)...)
	}
	w := loaded(t, now, inbox...)
	begun, _, _ := strings.Cut(strings.TrimPrefix(inbox[6], "in/report/"), "/")
	w.Head.Folding = &Folding{ID: begun, Parts: 1}
	got := w.Reports()
	if len(got) != mostWhole+1 || got[0].ID != begun || got[1].names[0] != inbox[40] || got[mostWhole].names[1] != inbox[len(inbox)-1] {
		t.Errorf("%d reports are read, the first is %s; want what was begun, and the %d newest", len(got), got[0].ID, mostWhole)
	}
	if w.Dropped() != 38 || slices.Contains(w.Head.Folded, inbox[6]) || !slices.Contains(w.Head.Folded, inbox[39]) {
		t.Errorf("%d parts were dropped; want those of 19 reports", w.Dropped())
	}
}

// TestAcksOfNoPlan: words on batches that are not open any more, or never were, are
// dropped unread.
func TestAcksOfNoPlan(t *testing.T) {
	now := newClock().now.Truncate(time.Millisecond)
	w := loaded(t, now, ackName(1, 3), ackName(1, 4), ackName(1, 5), ackName(1, 6), ackName(2, 5), "in/ack/x")
	w.Head.Plan = &Plan{First: 4, Last: 5, Done: 1, Digests: []string{"", ""}}
	w.DropStaleAcks()
	slices.Sort(w.Head.Folded)
	if want := []string{ackName(1, 3), ackName(1, 4), ackName(1, 6), ackName(2, 5), "in/ack/x"}; !slices.Equal(w.Head.Folded, want) {
		t.Errorf("dropped %v, want %v", w.Head.Folded, want)
	}
	w = loaded(t, now, ackName(1, 4))
	if w.DropStaleAcks(); len(w.Head.Folded) != 1 {
		t.Errorf("without a plan %v was dropped", w.Head.Folded)
	}
}
