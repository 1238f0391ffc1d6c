package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/record"
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

// TestInboxIsBounded: what waits for a planner that does not run has a bound, in bytes
// too, and what is there already may be told again. The parts that an older version has
// written, whose names tell no size, count as well.
func TestInboxIsBounded(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	l := poll(t, j, "a", 0)
	part := func(n int, text string) error {
		return j.Report(ctx, Report{ID: ReportID(c.now)[:17] + "x", Part: n, Parts: 9, Agent: "a", Blind: text})
	}
	if err := part(1, ""); err != nil || l.Token == 0 {
		t.Fatal(err)
	}
	put(t, j, reportName("old", 1, 2), "{}")
	for n := range 3 {
		put(t, j, sizedPart(reportName("big", n+1, 4), 1<<30), "{}")
	}
	put(t, j, sizedPart(reportName("big", 4, 4), 1<<30-unsizedPart-3<<10), "{}")
	for _, tt := range []struct {
		part int
		text string
		want error
	}{{2, "", nil}, {1, "", nil}, {1, strings.Repeat("other ", 300), errDiffers}, {3, strings.Repeat("long ", 300), ErrFull}, {3, "", nil}, {4, "", ErrFull}, {3, "", nil}} {
		if err := part(tt.part, tt.text); !errors.Is(err, tt.want) {
			t.Errorf("part %d %.9s: %v, want %v", tt.part, tt.text, err, tt.want)
		}
	}
	names := objects(t, j, "in/report/")
	if n := len(names); n != 8 {
		t.Errorf("%d parts are there: %v", n, names)
	}

	j = (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	hold := openHold(t, j, record.Listing{Group: gid(1), Items: []record.Item{{Group: gid(1)}}})
	poll(t, j, "a", 0)
	for n := range mostObjects {
		put(t, j, reportName("many", n+1, mostObjects+1), "{}")
		put(t, j, approvals+hold.ID+"-"+fmt.Sprint(n), "{}")
	}
	asks := 0
	for ; asks < 100 && j.Ask(ctx, Ask{}) == nil; asks++ {
	}
	if err := part(1, ""); !errors.Is(err, ErrFull) || asks != mostAsks {
		t.Errorf("one more part among very many: %v; %d asks were taken", err, asks)
	}
	if err := j.Approve(ctx, Word{Hold: hold.ID}); !errors.Is(err, ErrFull) {
		t.Errorf("one more word among very many: %v", err)
	}
	if err := j.Reject(ctx, Word{Hold: hold.ID}); err != nil {
		t.Errorf("a word of the other kind: %v", err)
	}
}

// TestSizeOfPart: what is no size that the relay writes is none.
func TestSizeOfPart(t *testing.T) {
	name := reportName("x-y", 1, 2)
	for given, want := range map[string]int{"": unsizedPart, "-": unsizedPart, "-0": unsizedPart, "-01": unsizedPart, "-1": 1 << 10, "-8192": 8 << 20, "-1x": unsizedPart, "-99999999999": unsizedPart} {
		of, bytes := sizeOfPart(name + given)
		if bytes != want || (of == name) != (given == "" || want != unsizedPart) {
			t.Errorf("%q is %d bytes of %s", given, bytes, of)
		}
	}
	if got := sizedPart(name, 1025); got != name+"-2" {
		t.Errorf("a part of 1025 bytes is named %s", got)
	}
}
