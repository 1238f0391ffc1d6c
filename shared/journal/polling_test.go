package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

var (
	noon      = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	flagNames = []string{"hideFromAddressLists"}
	errSilent = errors.New("no answer")
)

// asker plays turns of a polling against n groups, in order.
type asker struct {
	Polling
	n, next int
	asked   int
	answer  func(directory.ID) error // nil: all tell
}

func (a *asker) turn(now time.Time) (asked []directory.ID) {
	changed, most := a.Wants(now)
	if len(changed) == 0 && most == 0 {
		return nil
	}
	asked = changed
	if most > 0 {
		if a.Ended {
			a.next = 0
		}
		a.Polling = a.Begin(now)
		for ; most > 0 && a.next < a.n; a.next++ {
			if id := gid(a.next); !a.Awaits(id) {
				asked = append(asked, id)
				most--
			}
		}
	}
	a.asked += len(asked)
	var outcomes []Outcome
	for _, id := range asked {
		o := Outcome{Group: id}
		if a.answer != nil {
			o.Err = a.answer(id)
		}
		outcomes = append(outcomes, o)
	}
	a.Polling = a.Answered(outcomes, now)
	if len(asked) > len(changed) || a.next == a.n {
		a.Polling = a.Passed(gid(max(a.next-1, 0)), a.next == a.n, now)
	}
	return asked
}

// TestPace: 50,000 groups take less than a day, each is asked once in it, and never more than
// 40 in a minute, however often turns are taken. A small tenant is asked once a day.
func TestPace(t *testing.T) {
	a := &asker{Polling: Polling{}.For(flagNames, noon), n: 50_000}
	now, minute := noon, 0
	for ; !a.Ended; now = now.Add(20 * time.Second) {
		n := len(a.turn(now))
		if now.Second() == 0 {
			minute = 0
		}
		if minute += n; minute > 40 {
			t.Fatalf("%d groups asked in the minute of %s", minute, now)
		}
	}
	if took := now.Sub(noon); took < 20*time.Hour || took > 24*time.Hour || a.asked != a.n {
		t.Errorf("%d groups were asked %d times in %s", a.n, a.asked, took)
	}

	small := &asker{Polling: Polling{}.For(flagNames, noon), n: 100}
	for minute := range 3 * 24 * 60 {
		small.turn(noon.Add(time.Duration(minute) * time.Minute))
	}
	if small.asked != 3*small.n {
		t.Errorf("100 groups were asked %d times in three days", small.asked)
	}
}

// TestNewsFirst: groups of which there is news come before the pass, and do not hold it back;
// what has no room has the next pass begin at once.
func TestNewsFirst(t *testing.T) {
	a := &asker{Polling: Polling{}.For(flagNames, noon), n: 1000}
	a.turn(noon)
	var news []directory.ID
	for i := range 100 {
		news = append(news, gid(500+i))
	}
	a.Polling = a.Note(news).Note(news[:10])
	asked := a.turn(noon.Add(time.Minute))
	if len(asked) != 40 || !slices.Equal(asked[:20], news[:20]) || asked[20] != gid(40) {
		t.Errorf("asked %v", asked)
	}
	for minute := 2; !a.Ended; minute++ {
		a.turn(noon.Add(time.Duration(minute) * time.Minute))
	}
	if a.asked < 1000 || a.asked > 1100 || len(a.Changed) > 0 || a.Again {
		t.Errorf("a pass of 1000 groups asked %d, %d wait", a.asked, len(a.Changed))
	}
	later := noon.Add(6 * time.Hour)
	a.Polling = a.Note(news[:1])
	if asked := a.turn(later); !slices.Equal(asked, news[:1]) {
		t.Errorf("after the pass: asked %v", asked)
	}
	news = nil
	for i := range 300 {
		news = append(news, gid(i))
	}
	a.Polling = a.Note(news)
	if n := len(a.Changed); n != 200 || !a.Again {
		t.Errorf("of 300 groups %d wait, again %t", n, a.Again)
	}
	if changed, pass := a.Wants(later.Add(time.Minute)); len(changed) == 0 || pass == 0 {
		t.Error("the next pass does not begin")
	}
}

// TestAskedAgain: what a group answers says when it is asked again.
func TestAskedAgain(t *testing.T) {
	untold, refused := fmt.Errorf("a: %w", directory.ErrUntold), fmt.Errorf("b: %w", directory.ErrRefused)
	ended := Polling{Flags: flagNames, Began: noon, Ended: true, Told: 5}
	for name, tt := range map[string]struct {
		err   error
		rests bool
		named string
		keeps bool // it is asked again of itself, where the pass has asked it
	}{
		"it tells":   {nil, false, "", false},
		"no mailbox": {untold, false, "", false},
		"refused":    {refused, true, "b: ", true},
		"no answer":  {errSilent, true, "", true},
	} {
		p := ended.Note([]directory.ID{gid(1)}).Answered([]Outcome{{Group: gid(1), Err: tt.err}}, noon)
		if p.Awaits(gid(1)) != (tt.err != nil) {
			t.Errorf("%s: a group of which there is news is asked again: %t", name, p.Awaits(gid(1)))
		}
		if p.Rest.Due(noon) == tt.rests {
			t.Errorf("%s: others are asked on: %t", name, !tt.rests)
		}
		if !strings.HasPrefix(p.Refused.Text, tt.named) || (tt.named == "") != p.Refused.Since.IsZero() {
			t.Errorf("%s: named as %+v", name, p.Refused)
		}
		if p := ended.Answered([]Outcome{{Group: gid(2), Err: tt.err}}, noon); p.Awaits(gid(2)) != tt.keeps {
			t.Errorf("%s: a group of the pass is asked again before the next: %t", name, p.Awaits(gid(2)))
		}
	}

	a := &asker{Polling: ended.Note([]directory.ID{gid(1)}), answer: func(directory.ID) error { return untold }}
	var at []time.Duration
	for d := time.Duration(0); d < 23*time.Hour; d += time.Minute {
		if len(a.turn(noon.Add(d))) > 0 {
			at = append(at, d)
		}
	}
	if want := []time.Duration{0, 5 * time.Minute, 25 * time.Minute, 105 * time.Minute, 425 * time.Minute}; !slices.Equal(at, want) || a.Awaits(gid(1)) {
		t.Errorf("a group without a mailbox is asked at %v, want %v", at, want)
	}
	if p := ended.Note([]directory.ID{gid(1)}).Answered([]Outcome{{Group: gid(1), None: true}}, noon); p.Awaits(gid(1)) || p.Told != 5 {
		t.Errorf("a group without flags: %+v", p)
	}
}

// TestLastingRefusal: where nobody answers they are asked once an hour, and that is one
// problem, whoever says it, until all have answered again.
func TestLastingRefusal(t *testing.T) {
	for name, err := range map[string]error{"refused": directory.ErrRefused, "down": errSilent} {
		a := &asker{Polling: Polling{}.For(flagNames, noon), n: 2000, answer: func(id directory.ID) error { return fmt.Errorf("of %s: %w", id, err) }}
		turns := 0
		for minute := range 24 * 60 {
			if len(a.turn(noon.Add(time.Duration(minute)*time.Minute))) > 0 {
				turns++
			}
		}
		if turns < 20 || turns > 30 {
			t.Errorf("%s: asked at %d times in a day", name, turns)
		}
		if a.Refused.Text == "" || len(a.Refused.Text) > 200 {
			t.Errorf("%s: named as %+v", name, a.Refused)
		}
		since := a.Refused.Since
		a.Polling, a.answer = a.Retry(), nil
		if asked := a.turn(noon.Add(24 * time.Hour)); len(asked) != 40 {
			t.Errorf("%s: mended, and %d are asked", name, len(asked))
		}
		for minute := range 3 * 24 * 60 {
			a.turn(noon.Add(24*time.Hour + time.Duration(minute)*time.Minute))
		}
		if a.Refused != (Failure{}) || a.Rest != (record.Tries{}) || since.IsZero() {
			t.Errorf("%s: two days after the end of it: %+v, since %s", name, a.Refused, since)
		}
	}
	once := Polling{Flags: flagNames, Began: noon}.Answered([]Outcome{{Group: gid(1), Err: errSilent}}, noon)
	if once.Refused != (Failure{}) {
		t.Errorf("one that did not answer once is named: %+v", once.Refused)
	}
}

// TestNobodyTells: a tenant in which no group has flags is told of, until one has.
func TestNobodyTells(t *testing.T) {
	a := &asker{Polling: Polling{}.For(flagNames, noon), n: 3, answer: func(directory.ID) error { return directory.ErrUntold }}
	a.turn(noon)
	if !strings.Contains(a.Refused.Text, "of 3 Microsoft 365 groups none") {
		t.Errorf("named as %+v", a.Refused)
	}
	a.Polling = a.Note([]directory.ID{gid(1)})
	a.answer = nil
	a.turn(noon.Add(time.Hour))
	if a.Refused != (Failure{}) {
		t.Errorf("one has told: %+v", a.Refused)
	}
}

// TestOddFlagIsNamed: so is something that cannot be read, though the rest can.
func TestOddFlagIsNamed(t *testing.T) {
	p := Polling{Flags: flagNames, Began: noon}.Answered([]Outcome{{Group: gid(1), Odd: errors.New("neither true nor false")}, {Group: gid(2)}}, noon)
	if p.Refused.Text != "neither true nor false" || !p.Rest.Due(noon) || p.Told != 2 {
		t.Errorf("%+v", p)
	}
}

// TestOtherFlags: other flags are asked for from the beginning, and none leave nothing behind.
func TestOtherFlags(t *testing.T) {
	a := &asker{Polling: Polling{}.For(flagNames, noon), n: 10}
	a.turn(noon)
	if got := a.For(flagNames, noon.Add(time.Hour)); !got.Ended {
		t.Errorf("the same flags: %+v", got)
	}
	if got := a.For([]string{"allowExternalSenders"}, noon.Add(time.Hour)); got.Ended || got.After != (directory.ID{}) {
		t.Errorf("others: %+v", got)
	}
	none := a.For(nil, noon).Note([]directory.ID{gid(1)})
	b, err := json.Marshal(Head{Polling: none})
	if err != nil || strings.Contains(string(b), "polling") {
		t.Errorf("none: %v in %s", err, b)
	}
	if changed, pass := none.Wants(noon.Add(48 * time.Hour)); len(changed)+pass > 0 {
		t.Errorf("none: %d and %d are asked", len(changed), pass)
	}
}
