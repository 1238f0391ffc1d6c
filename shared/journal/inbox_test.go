package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// report takes a report of an agent that has the lease then.
func report(t *testing.T, j *Journal, r Report) {
	t.Helper()
	if _, err := j.renew(t.Context(), Poll{Agent: r.Agent, Instance: r.Instance}); err != nil {
		t.Fatal(err)
	}
	if err := j.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// folded are the ids and parts of the reports that a step is given.
func folded(t *testing.T, w *Tx) (out []string) {
	t.Helper()
	for _, a := range w.Reports() {
		for n := range a.Parts() {
			p, odd, err := w.Part(t.Context(), a, n)
			if err != nil || odd {
				t.Fatalf("part %d of %s: odd %t, %v", n, a.ID, odd, err)
			}
			out = append(out, fmt.Sprintf("%s.%d", p.ID, p.Part))
		}
		w.Done(a)
	}
	return out
}

// TestReportForm: a report that no agent of ours makes is not kept. Its id says when it
// was made: one of another time would sort before all others, or never end.
func TestReportForm(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	id := ReportID(c.now)
	for _, r := range []Report{
		{ID: id, Part: 0, Parts: 1}, {ID: id, Part: 2, Parts: 1}, {ID: id}, {ID: id, Part: 1, Parts: maxParts + 1},
		{ID: "", Part: 1, Parts: 1}, {ID: "../head", Part: 1, Parts: 1}, {ID: strings.ToUpper(id) + "X", Part: 1, Parts: 1}, {ID: id + "/b", Part: 1, Parts: 1},
		{ID: id + strings.Repeat("0", 64), Part: 1, Parts: 1}, {ID: "0", Part: 1, Parts: 1}, {ID: "x", Part: 1, Parts: 1},
		{ID: ReportID(c.now.Add(-31 * time.Minute)), Part: 1, Parts: 1}, {ID: ReportID(c.now.Add(31 * time.Minute)), Part: 1, Parts: 1},
	} {
		if err := j.Report(t.Context(), r); !errors.Is(err, ErrReport) {
			t.Errorf("report %q part %d of %d: %v, want ErrReport", r.ID, r.Part, r.Parts, err)
		}
	}
	if got := objects(t, j, ""); len(got) > 0 {
		t.Errorf("kept %v", got)
	}
	a := Report{ID: id, Part: 1, Parts: 1, Agent: "x"}
	report(t, j, a)
	report(t, j, a) // sent again because the answer was lost
	a.Agent = "y"
	if err := j.Report(t.Context(), a); err == nil {
		t.Error("another report of the same name was taken")
	}
}

// TestReports hands reports out whole, oldest first, and once.
func TestReports(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	old := ReportID(c.now)
	c.pass(time.Second)
	late := ReportID(c.now)
	half := ReportID(c.now.Add(time.Millisecond))
	report(t, j, Report{ID: late, Part: 1, Parts: 1})
	for _, part := range []int{10, 2, 1, 9, 3, 4, 5, 6, 7, 8} {
		report(t, j, Report{ID: old, Part: part, Parts: 10})
	}
	report(t, j, Report{ID: half, Part: 1, Parts: 2})

	w := load(t, j)
	var want []string
	for part := 1; part <= 10; part++ {
		want = append(want, fmt.Sprintf("%s.%d", old, part))
	}
	if got, want := folded(t, w), append(want, late+".1"); !slices.Equal(got, want) {
		t.Errorf("folded %v, want %v", got, want)
	}
	if got := folded(t, w); len(got) > 0 {
		t.Errorf("in the same step again: %v", got)
	}
	commit(t, w)
	w = load(t, j)
	if got := folded(t, w); len(got) > 0 {
		t.Errorf("in the next step again: %v", got)
	}
	if got := objects(t, j, "in/report/"); len(got) != 1 {
		t.Errorf("kept %v, want the half report", got)
	}
	report(t, j, Report{ID: half, Part: 2, Parts: 2})
	w = load(t, j)
	if got, want := folded(t, w), []string{half + ".1", half + ".2"}; !slices.Equal(got, want) {
		t.Errorf("completed: %v, want %v", got, want)
	}
}

// A part whose fellows never come is let go of after an hour, and so is what has no
// part's name, or an id that says no time: somebody's hand wrote it.
func TestHalfReport(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	young := reportName(ReportID(c.now), 2, 2)
	for _, name := range []string{young, reportName("0", 1, 2), reportName("zz", 2, 3), reportName("7fffffffffffffff-0", 1, 2), "in/report/0/0001"} {
		put(t, j, name, "{}")
	}
	drop := func() []string {
		for range 2 {
			w := load(t, j)
			if got := folded(t, w); len(got) > 0 {
				t.Fatalf("half a report was folded: %v", got)
			}
			commit(t, w)
		}
		_ = load(t, j)
		return objects(t, j, "in/report/")
	}
	if got := drop(); !slices.Equal(got, []string{young}) {
		t.Errorf("kept %v, want the young one", got)
	}
	c.pass(time.Hour + time.Second)
	if got := drop(); len(got) > 0 {
		t.Errorf("after an hour: kept %v", got)
	}
}

// Parts that do not say the same number of parts are no report: one of them would pass
// for another, and what it names for not there.
func TestMixedReport(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	id := ReportID(c.now)
	for _, part := range [][2]int{{1, 3}, {1, 9}, {3, 3}} {
		report(t, j, Report{ID: id, Part: part[0], Parts: part[1]})
	}
	if got := folded(t, load(t, j)); len(got) > 0 {
		t.Errorf("folded %v", got)
	}
}

// put writes an object as it lies in the inbox, past the relay.
func put(t *testing.T, j *Journal, name, data string) {
	t.Helper()
	if _, err := j.Store.Put(t.Context(), j.prefix()+name, []byte(data), blob.Any); err != nil {
		t.Fatal(err)
	}
}

// An acknowledgement that nobody waits for goes; one that is early stays.
func TestStaleAcks(t *testing.T) {
	ctx := t.Context()
	j := issued(t, newClock(), 3)
	put(t, j, "in/ack/1-000000000000", "{}") // of a plan long closed
	put(t, j, "in/ack/2-000000000001", "{}") // of another epoch
	put(t, j, "in/ack/x", "{}")
	put(t, j, ackName(1, 2), "{}") // the second batch's came before the first's
	w := load(t, j)
	if _, ok, err := w.NextAck(ctx); ok || err != nil {
		t.Errorf("the first batch was acknowledged by nobody: %v", err)
	}
	w.DropStaleAcks()
	commit(t, w)
	_ = load(t, j)
	if got, want := objects(t, j, "in/ack/"), []string{ackName(1, 2)}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

// The word on another batch of the same number, from before a restore, does not count.
func TestAckOfAnotherBatch(t *testing.T) {
	ctx := t.Context()
	j := issued(t, newClock(), 1)
	data := fmt.Appendf(nil, `{"epoch":1,"seq":1,"digest":%q}`, Digest([]byte("another")))
	if _, err := j.Store.Put(ctx, j.prefix()+ackName(1, 1), data, blob.Absent); err != nil {
		t.Fatal(err)
	}
	w := load(t, j)
	if _, ok, err := w.NextAck(ctx); ok || err != nil || w.Head.Plan.Done != 0 {
		t.Errorf("taken: %t, %v", ok, err)
	}
}

// TestOddInbox: what in the inbox is not what the relay writes is dropped, and the rest
// goes on. Once one such object made every step fail until somebody deleted it.
func TestOddInbox(t *testing.T) {
	for _, odd := range []string{"", "{", "[1]", `"text"`, `{"parts":"x","groups":7,"epoch":"x","hold":[]}`} {
		t.Run(odd, func(t *testing.T) {
			ctx := t.Context()
			c := newClock()
			j := issued(t, c, 2)
			w := load(t, j)
			hold, err := w.OpenHold(record.Listing{Text: "too much"})
			if err != nil {
				t.Fatal(err)
			}
			commit(t, w)
			for _, name := range []string{ackName(1, 1), reportName(ReportID(c.now), 1, 1), "in/ask/1", approvals + hold.ID + "-1", rejections + "unknown-1"} {
				put(t, j, name, odd)
			}
			if err := j.Ask(ctx, Ask{Full: true}); err != nil {
				t.Fatal(err)
			}
			if r := poll(t, j, "a", 0); r.Batch != nil {
				t.Error("a batch was handed out behind one of which nobody knows what became")
			}
			w = load(t, j)
			if a, ok, err := w.NextAck(ctx); !ok || err != nil || a.Seq != 1 || len(a.Results) > 0 || w.Head.Plan.Done != 1 {
				t.Errorf("acknowledgement %+v, %t, %v; want one without a word on any change", a, ok, err)
			}
			for _, a := range w.Reports() {
				if r, isOdd, err := w.Part(ctx, a, 0); err != nil || !isOdd || len(r.Rows) > 0 || r.Full {
					t.Errorf("report %+v, odd %t, %v", r, isOdd, err)
				}
				w.Done(a)
			}
			if got, err := w.Verdicts(ctx); err != nil || len(got) > 0 {
				t.Errorf("verdicts %+v, %v", got, err)
			}
			if got, err := w.Asks(ctx); err != nil || !got.Full {
				t.Errorf("asked %+v, %v; want what the other one asks", got, err)
			}
			commit(t, w)
			_ = load(t, j)
			if got := objects(t, j, "in/"); len(got) > 0 {
				t.Errorf("kept %v", got)
			}
		})
	}
}

// A store that does not answer is no odd object: nothing is dropped.
func TestUnreachableInbox(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	s := blob.Memory()
	j := (&Journal{Store: s, Target: "t"}).at(c)
	report(t, j, Report{ID: ReportID(c.now), Part: 1, Parts: 1})
	if err := j.Ask(ctx, Ask{Full: true}); err != nil {
		t.Fatal(err)
	}
	w := load(t, j)
	j.Store = unreachable{s}
	if _, odd, err := w.Part(ctx, w.Reports()[0], 0); !errors.Is(err, errDown) || odd {
		t.Errorf("a part: odd %t, %v", odd, err)
	}
	if _, err := w.Asks(ctx); !errors.Is(err, errDown) || len(w.Head.Folded) > 0 {
		t.Errorf("asks: %v, dropped %v", err, w.Head.Folded)
	}
}

// TestIssue cuts changes into batches that stay within the limits and lose nothing.
func TestIssue(t *testing.T) {
	ctx := t.Context()
	wide := func(i, n int) plan.Change {
		c := plan.Change{Op: plan.Update, Group: gid(i)}
		for m := range n - 1 {
			c.Add = append(c.Add, plan.SIDRef(sidOf(100_000+m)))
		}
		return c
	}
	nested := func(i int) plan.Change { // few values, many bytes
		c := plan.Change{Op: plan.Update, Group: gid(i), Known: map[directory.ID]plan.GUID{}}
		for m := range 3000 {
			c.Add, c.Known[gid(m)] = append(c.Add, plan.GroupRef(gid(m))), "00000000-0000-0000-0000-000000000000"
		}
		return c
	}
	tests := []struct {
		name           string
		changes        []plan.Change
		batches, taken int
	}{
		{"none", nil, 0, 0},
		{"one", []plan.Change{update(1, 1)}, 1, 1},
		{"as many values as fit", []plan.Change{wide(1, MaxBatchValues-2), update(2, 1)}, 1, 2},
		{"one more", []plan.Change{wide(1, MaxBatchValues-1), update(2, 1)}, 2, 2},
		{"large bytes", []plan.Change{nested(1), nested(2), nested(3)}, 3, 3},
		{"more than a plan", slices.Repeat([]plan.Change{wide(1, MaxBatchValues)}, MaxBatches+3), MaxBatches, MaxBatches},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
			w := load(t, j)
			taken, err := w.Issue(tt.changes, 1<<30)
			if err != nil || taken != tt.taken {
				t.Fatalf("issued %d, %v; want %d", taken, err, tt.taken)
			}
			commit(t, w)
			if tt.batches == 0 {
				if w.Head.Plan != nil || w.Head.NextSeq != 1 {
					t.Errorf("a plan of nothing: %+v", w.Head.Plan)
				}
				return
			}
			p := w.Head.Plan
			if len(p.Digests) != tt.batches || p.First != 1 || p.Last != uint64(tt.batches) || w.Head.NextSeq != p.Last+1 || p.Changes != taken {
				t.Errorf("plan %d-%d of %d batches and %d changes, next %d", p.First, p.Last, len(p.Digests), p.Changes, w.Head.NextSeq)
			}
			w, n := load(t, j), 0
			for seq := p.First; seq <= p.Last; seq++ {
				data, err := j.batch(ctx, p, seq)
				if err != nil || len(data) > MaxBatchBytes {
					t.Fatalf("batch %d: %d bytes, %v", seq, len(data), err)
				}
				b, err := w.Batch(ctx, seq)
				if err != nil || b.Seq != seq || b.Target != "t" || b.Epoch != 1 {
					t.Fatalf("batch %d is %d of %s, %v", seq, b.Seq, b.Target, err)
				}
				values := 0
				for _, c := range b.Changes {
					if c.Group != tt.changes[n].Group {
						t.Errorf("batch %d: change of %s, want %s", seq, c.Group, tt.changes[n].Group)
					}
					values, n = values+c.Values(), n+1
				}
				if values > MaxBatchValues {
					t.Errorf("batch %d: %d values", seq, values)
				}
			}
			if n != taken {
				t.Errorf("%d changes in batches, %d taken", n, taken)
			}
		})
	}
}

func TestListingOfNothing(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	if _, err := w.Listing(t.Context(), "0a1b"); !errors.Is(err, errMissing) {
		t.Errorf("a hold that is named and not there: %v, want an error", err)
	}
}

// TestFoldedIsForgotten: the head lists what the last step has folded, and not what all
// before it have: it would grow for ever.
func TestFoldedIsForgotten(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	for range 3 {
		c.pass(time.Second)
		if err := j.Ask(t.Context(), Ask{By: "operator"}); err != nil {
			t.Fatal(err)
		}
		w := load(t, j)
		if _, err := w.Asks(t.Context()); err != nil {
			t.Fatal(err)
		}
		commit(t, w)
		if n := len(w.Head.Folded); n != 1 {
			t.Errorf("%d names are listed, want one", n)
		}
	}
}

// TestPlanIsBounded: a plan takes about so many values, and the rest waits for the next.
func TestPlanIsBounded(t *testing.T) {
	w := load(t, (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock()))
	var changes []plan.Change
	for i := range 10 {
		c := plan.Change{Op: plan.Update, Group: gid(i)}
		for m := range 99 {
			c.Add = append(c.Add, plan.SIDRef(sidOf(2000+m)))
		}
		changes = append(changes, c)
	}
	if taken, err := w.Issue(changes, 250); err != nil || taken != 3 || w.Head.Plan.Values != 300 {
		t.Errorf("%d changes of %d values are taken, %v; want 3 of 300", taken, w.Head.Plan.Values, err)
	}
}

// TestCalled: what was there when a step began is no call, whether the step folds it or leaves it; what comes then is one.
func TestCalled(t *testing.T) {
	c := newClock()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	report(t, j, Report{ID: ReportID(c.now), Part: 1, Parts: 2}) // of which the rest is on its way
	if err := j.Ask(t.Context(), Ask{Full: true}); err != nil {
		t.Fatal(err)
	}
	w := load(t, j)
	if _, err := w.Asks(t.Context()); err != nil {
		t.Fatal(err)
	}
	called := func(want bool) {
		t.Helper()
		if is, err := w.Called(t.Context()); is != want || err != nil {
			t.Errorf("called: %t, %v", is, err)
		}
	}
	called(false)
	if err := j.Ask(t.Context(), Ask{Retry: true}); err != nil {
		t.Fatal(err)
	}
	called(true)
	w = load(t, j)
	called(false)
}
