package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestNoAnswer: a change that gets no answer costs that change and what follows of its
// group. It used to end the batch without a word, again and again, and whoever stood
// behind it waited for ever.
func TestNoAnswer(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(c plan.Change) (plan.Result, error) {
		if c.Group == (directory.ID{2}) {
			return noAnswer()
		}
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(2), update(2), update(3))
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	if len(w.acks) != 1 || w.acks[0].Stopped != "" || !slices.Equal(statuses(w.acks[0]), []plan.Status{plan.Done, plan.Unknown, plan.Unknown, plan.Done}) {
		t.Fatalf("acknowledged %+v", w.acks)
	}
	if len(w.applied) != 3 || w.dials != 2 {
		t.Errorf("%d changes were tried over %d connections", len(w.applied), w.dials)
	}
	if w.acks[0].Results[1].Text == "" || w.acks[0].Results[2].Text == "" {
		t.Errorf("the reasons are %+v", w.acks[0].Results)
	}
	if high, err := w.memory.highWater(); err != nil || high.Seq != 8 {
		t.Errorf("finished is %+v, %v", high, err)
	}
}

// TestIdleConnection: a domain controller ends connections that nobody uses. That costs
// neither a change nor a scan.
func TestIdleConnection(t *testing.T) {
	w := newWorld(t)
	a := w.start()
	for i, work := range []func(){func() { w.handOut(8, update(1)) }, func() { w.reply.ReadAll = true }} {
		_, err := a.turn(t.Context())
		ok(t, err)
		w.asleep, w.clock = true, w.clock.Add(15*time.Minute)
		work()
		_, err = a.turn(t.Context())
		ok(t, err)
		if w.dials != i+2 {
			t.Errorf("connected %d times", w.dials)
		}
	}
	if len(w.acks) != 1 || w.acks[0].Results[0].Status != plan.Done || len(w.reports) == 0 || strings.Contains(w.log.String(), "failed") {
		t.Errorf("acknowledged %+v, reported %d times, logged\n%s", w.acks, len(w.reports), &w.log)
	}
}

// TestNoAnswerAndNobodyThere: the batch is told of as far as it came.
func TestNoAnswerAndNobodyThere(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(c plan.Change) (plan.Result, error) {
		if c.Group == (directory.ID{2}) {
			w.onDial = func() error { return errors.New("connection refused") }
			return noAnswer()
		}
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(2), update(3), update(4))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.acks) != 1 || w.acks[0].Stopped != "connection refused" || !slices.Equal(statuses(w.acks[0]), []plan.Status{plan.Done, plan.Unknown}) {
		t.Fatalf("acknowledged %+v", w.acks)
	}
	if high, err := w.memory.highWater(); err != nil || high.Seq != 0 || w.dials != 2 {
		t.Errorf("finished is %+v, %v; connected %d times", high, err, w.dials)
	}
}

// TestNoAnswerAndAnotherDatabase: the domain controller that comes back was restored.
func TestNoAnswerAndAnotherDatabase(t *testing.T) {
	w := newWorld(t)
	ok(t, w.memory.store(lineFile, lineage{relay.DC{Name: "dc1", USN: 100}}))
	w.onApply = func(plan.Change) (plan.Result, error) {
		w.identity.USN = 50
		return noAnswer()
	}
	w.onSend = func() error { return errors.New("503") }
	w.handOut(8, update(1), update(2))
	if _, err := w.start().turn(t.Context()); err == nil || err.Error() != "report part 1 of 1: 503" {
		t.Errorf("the turn: %v", err)
	}
	if len(w.applied) != 1 || len(w.acks) != 1 || w.acks[0].Stopped != "the domain controller was restored or replaced" {
		t.Errorf("applied %d, acknowledged %+v", len(w.applied), w.acks)
	}
	if last, err := w.memory.lineage(); err != nil || last.USN != 100 {
		t.Errorf("the database that was written to is %+v, %v", last, err)
	}
}

// TestFencedGroup: a newer fence is the outcome of that group's changes. It used to
// stop the batch, and with it all groups behind.
func TestFencedGroup(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(c plan.Change) (plan.Result, error) {
		if c.Group == (directory.ID{1}) {
			return plan.Result{Status: plan.Fenced, Text: "a newer writer has been at it"}, nil
		}
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(1), update(2))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.acks) != 1 || w.acks[0].Stopped != "" || !slices.Equal(statuses(w.acks[0]), []plan.Status{plan.Fenced, plan.Fenced, plan.Done}) {
		t.Fatalf("acknowledged %+v", w.acks)
	}
	if len(w.applied) != 2 || w.acks[0].Results[1].Text == "" {
		t.Errorf("%d changes were tried; %+v", len(w.applied), w.acks[0].Results)
	}
	if want := (plan.Fence{Instance: "corp", Epoch: 1, Seq: 8, Lease: 3}); w.fences[0] != want {
		t.Errorf("the fence is %v, want %v", w.fences[0], want)
	}
	if !strings.Contains(w.log.String(), `level=WARN msg="change not made"`) {
		t.Errorf("the log does not name the change:\n%s", &w.log)
	}
}

// TestGroupThatWasNotCreated: its other changes are skipped, those of others are not.
func TestGroupThatWasNotCreated(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(c plan.Change) (plan.Result, error) {
		if c.Op == plan.Create {
			return plan.Result{Status: plan.Refused, Code: 68}, nil
		}
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, plan.Change{Op: plan.Create, Group: directory.ID{1}}, update(1), update(2))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.acks) != 1 || !slices.Equal(statuses(w.acks[0]), []plan.Status{plan.Refused, plan.Skipped, plan.Done}) {
		t.Errorf("acknowledged %+v", w.acks)
	}
}

// TestFinishedBeforeAcknowledged: what a crash between the two leaves is an agent that
// knows the batch, runs that very one again, and no other under its number.
func TestFinishedBeforeAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.handOut(8, update(1))
	var kept highWater
	w.onAck = func() (err error) {
		kept, err = w.memory.highWater()
		return errors.Join(err, errors.New("the answer is lost"))
	}
	if _, err := w.start().turn(t.Context()); err == nil || !strings.Contains(err.Error(), "the answer is lost") {
		t.Fatalf("the turn: %v", err)
	}
	if kept.Epoch != 1 || kept.Seq != 8 || kept.Digest == "" {
		t.Fatalf("while the batch is acknowledged the disk says %+v", kept)
	}
	w.onAck = nil
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.applied) != 2 || len(w.acks) != 2 || w.acks[1].Stopped != "" {
		t.Fatalf("the same batch again: applied %d, acknowledged %+v", len(w.applied), w.acks)
	}
}

// TestOldNumber: a journal that was set back gives out other changes under numbers
// that were used. None of them is run, and everything is read again.
func TestOldNumber(t *testing.T) {
	for _, seq := range []uint64{8, 7} {
		w := newWorld(t)
		ok(t, w.memory.store(highFile, highWater{1, 8, "another digest"}))
		w.handOut(seq, update(1))
		_, err := w.start().turn(t.Context())
		ok(t, err)
		if len(w.applied) != 0 || len(w.acks) != 1 || !strings.Contains(w.acks[0].Stopped, "the journal was set back") {
			t.Errorf("batch %d: applied %v, acknowledged %+v", seq, w.applied, w.acks)
		}
		if len(w.reports) != 1 || !w.reports[0].Full || !w.reports[0].Proven || w.reports[0].High.Seq != 8 {
			t.Errorf("batch %d: reported %+v", seq, w.reports)
		}
	}
}

// TestPlanEnds: nothing is begun after the plan's end, which comes between two changes.
func TestPlanEnds(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(plan.Change) (plan.Result, error) {
		w.clock = w.clock.Add(61 * time.Second)
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(2))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.applied) != 1 || len(w.acks) != 1 || w.acks[0].Stopped != "the plan expired" || len(w.acks[0].Results) != 1 {
		t.Errorf("applied %d, acknowledged %+v", len(w.applied), w.acks)
	}
}

// TestLeaseIsRenewed when 20 seconds of it are left, in the middle of a batch.
func TestLeaseIsRenewed(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(plan.Change) (plan.Result, error) {
		w.clock = w.clock.Add(14 * time.Second)
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(2), update(3), update(4))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.polls) != 2 || len(w.applied) != 4 || w.acks[0].Stopped != "" {
		t.Errorf("asked %d times, applied %d, acknowledged %+v", len(w.polls), len(w.applied), w.acks)
	}
}

// TestLeaseRunsOut: whoever cannot renew the lease begins nothing after its end.
func TestLeaseRunsOut(t *testing.T) {
	w := newWorld(t)
	w.onApply = func(plan.Change) (plan.Result, error) {
		w.onPoll = func() error { return relay.ErrLease }
		w.clock = w.clock.Add(20 * time.Second)
		return plan.Result{Status: plan.Done}, nil
	}
	w.handOut(8, update(1), update(2), update(3), update(4))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.applied) != 3 || len(w.acks) != 1 || w.acks[0].Stopped != "the lease ran out and could not be renewed: another agent holds the lease" {
		t.Errorf("applied %d, acknowledged %+v", len(w.applied), w.acks)
	}
}

// TestRestoredIsReadFirst: that a domain controller was restored was known to one turn
// of one process. If its report failed, the next turn wrote.
func TestRestoredIsReadFirst(t *testing.T) {
	w := newWorld(t)
	ok(t, w.memory.store(lineFile, lineage{relay.DC{Name: "dc1", USN: 900}}))
	w.onSend = func() error { return errors.New("503") }
	a := w.start()
	for range 3 {
		if _, err := a.turn(t.Context()); err == nil {
			t.Fatal("the report did not arrive, and the turn is content")
		}
		w.handOut(8, update(1))
		w.identity.USN = 1000 // others write, and the number is a usual one again
		a = w.start()
	}
	if len(w.applied) != 0 || len(w.acks) != 2 || w.acks[1].Stopped != "the domain controller was restored or replaced" {
		t.Fatalf("applied %v, acknowledged %+v", w.applied, w.acks)
	}
	w.onSend = nil
	_, err := a.turn(t.Context())
	ok(t, err)
	if len(w.applied) != 0 || len(w.reports) != 1 || !w.reports[0].Full || !w.reports[0].Proven {
		t.Fatalf("applied %v, reported %+v", w.applied, w.reports)
	}
	for i, a := range []*agent{a, w.start()} {
		w.handOut(uint64(9+i), update(1))
		_, err = a.turn(t.Context())
		ok(t, err)
		if len(w.applied) != i+1 {
			t.Errorf("after the report was taken: applied %v", w.applied)
		}
	}
}

// TestRowsSayWhenTheyWereRead: behind the last batch that is known to be over, by the
// relay's word or since this agent has finished it; and anew in a new epoch.
func TestRowsSayWhenTheyWereRead(t *testing.T) {
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 1)}
	ok(t, w.memory.store(highFile, highWater{1, 5, "d"}))
	w.reply.ReadAll = true
	a := w.start()
	for i, test := range []struct {
		epoch, closed, batch uint64
		want                 uint64
	}{{1, 3, 0, 5}, {1, 6, 0, 6}, {1, 6, 7, 7}, {2, 2, 0, 2}} {
		w.reply.Epoch, w.reply.Closed, w.reply.State = test.epoch, test.closed, fmt.Sprint(i)
		if test.batch > 0 {
			w.handOut(test.batch, update(1))
		}
		w.clock = w.clock.Add(time.Minute)
		_, err := a.turn(t.Context())
		ok(t, err)
		if r := w.reports[len(w.reports)-1]; len(w.reports) != i+1 || r.After != test.want || r.Rows[0].After != test.want {
			t.Errorf("epoch %d, closed %d, batch %d: the report is behind batch %d, its rows %d, want %d", test.epoch, test.closed, test.batch, r.After, r.Rows[0].After, test.want)
		}
	}
}

// TestClosedMeanwhile: a batch that nobody waits for any more is done with.
func TestClosedMeanwhile(t *testing.T) {
	for _, closed := range []error{relay.ErrClosed, errors.New("503")} {
		w := newWorld(t)
		w.onAck = func() error { return fmt.Errorf("ack: %w", closed) }
		w.handOut(8, update(1))
		_, err := w.start().turn(t.Context())
		if (err == nil) != errors.Is(closed, relay.ErrClosed) || len(w.applied) != 1 {
			t.Errorf("%v: the turn says %v", closed, err)
		}
	}
}

// TestWorkWhileReadingFails: a directory that cannot be scanned used to keep every
// batch from being applied, and nobody was told. It is logged once, told to the relay
// once, and tried again, later each time.
func TestWorkWhileReadingFails(t *testing.T) {
	w := newWorld(t)
	scans := 0
	w.onScan = func() error {
		scans++
		return errors.New("scan OU=x: entry 17 is no group")
	}
	w.reply.ReadAll = true
	a := w.start()
	for i := range 30 {
		w.handOut(uint64(8+i), update(1))
		_, err := a.turn(t.Context())
		ok(t, err)
		w.clock = w.clock.Add(2 * time.Second)
	}
	if len(w.applied) != 30 || len(w.acks) != 30 {
		t.Errorf("applied %d, acknowledged %d", len(w.applied), len(w.acks))
	}
	if scans < 2 || scans > 6 {
		t.Errorf("scanned %d times within a minute", scans)
	}
	if n := strings.Count(w.log.String(), "scan OU=x: entry 17 is no group"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if len(w.reports) != 1 || w.reports[0].Full || w.reports[0].Blind != "the directory could not be read: scan OU=x: entry 17 is no group" {
		t.Errorf("the relay was told %+v", w.reports)
	}
	w.onScan = nil
	w.clock = w.clock.Add(5 * time.Minute)
	_, err := a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 2 || !w.reports[1].Full {
		t.Errorf("after it was put right: %+v", w.reports)
	}
}

// TestBlindnessIsTakenBack: a reading that the relay had asked for failed, once, and the relay
// was told that nothing can be seen. It asks for nothing more: a scan says that all can be.
func TestBlindnessIsTakenBack(t *testing.T) {
	w := newWorld(t)
	fails := true
	w.onScan = func() error {
		if fails {
			fails = false
			return errors.New("the line was cut")
		}
		return nil
	}
	w.reply.ReadAll = true
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 1 || w.reports[0].Blind == "" {
		t.Fatalf("set-up: %+v", w.reports)
	}
	w.reply.ReadAll = false
	for range 5 {
		w.clock = w.clock.Add(time.Second)
		_, err := a.turn(t.Context())
		ok(t, err)
	}
	if len(w.reports) != 2 || !w.reports[1].Full || w.reports[1].Blind != "" {
		t.Errorf("after that it was told %+v", w.reports)
	}
}

// FuzzVerify: whatever the relay answers, the agent says no, or has a batch of the
// right number, digest and target. A release from 0 to the highest number made it
// panic.
func FuzzVerify(f *testing.F) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	batch := []byte(`{"target":"corp","epoch":1,"seq":9223372036854775808}`)
	sum := sha256.Sum256(batch)
	for _, r := range []relay.Release{
		{Target: "corp", Epoch: 1, First: 0, Last: 1<<64 - 1, Digests: []string{hex.EncodeToString(sum[:])}, Expires: now},
		{Target: "corp", Epoch: 1, First: 1 << 63, Last: 1 << 63, Digests: []string{hex.EncodeToString(sum[:])}, Expires: now},
		{Target: "corp", Epoch: 1, First: 9, Last: 8, Expires: now},
	} {
		data, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, batch, uint64(1), uint64(1<<63))
		f.Add(data, batch, uint64(now.Add(25*time.Hour).Unix()), uint64(9))
	}
	a := &agent{target: "corp", now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, release, batch []byte, epoch, seq uint64) {
		b, r, digest, err := a.verify(relay.PollReply{Epoch: epoch, Seq: seq, Release: release, Batch: batch})
		if err != nil {
			return
		}
		sum := sha256.Sum256(batch)
		if b.Target != "corp" || r.Target != "corp" || b.Seq != seq || b.Epoch != epoch || seq > maxNumber || epoch > uint64(a.latest().Unix()) || digest != hex.EncodeToString(sum[:]) || now.After(r.Expires) {
			t.Errorf("taken: %+v of %+v", b, r)
		}
	})
}
