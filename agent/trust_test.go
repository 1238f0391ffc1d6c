package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// The tests of this file are about what an agent believes: numbers, clocks, databases, its
// own disk, and how much of the directory it has seen.

// TestAllowedNumbers: an epoch counts before a number, and a number is run twice only with
// the very same content.
func TestAllowedNumbers(t *testing.T) {
	done := highWater{Epoch: 2, Seq: 9, Digest: "d"}
	for _, test := range []struct {
		epoch, seq uint64
		digest     string
		allowed    bool
	}{
		{2, 10, "x", true}, {3, 1, "x", true}, {2, 9, "d", true},
		{2, 9, "x", false}, {2, 8, "d", false}, {1, 10, "x", false}, {1, 9, "d", false},
	} {
		if err := done.allows(test.epoch, test.seq, test.digest); (err == nil) != test.allowed {
			t.Errorf("batch %d.%d %s: %v", test.epoch, test.seq, test.digest, err)
		}
	}
}

// TestBatchIsWhatItSays: what was released under one number, epoch or target is not run if
// it says that it is another.
func TestBatchIsWhatItSays(t *testing.T) {
	for what, change := range map[string]func(*relay.Release, *relay.PollReply){
		"number": func(r *relay.Release, p *relay.PollReply) { r.First, r.Last, p.Seq = 9, 9, 9 },
		"epoch":  func(r *relay.Release, p *relay.PollReply) { r.Epoch, p.Epoch = 2, 2 },
	} {
		w := newWorld(t)
		w.handOut(8, update(1))
		var r relay.Release
		ok(t, json.Unmarshal(w.reply.Release, &r))
		change(&r, &w.reply)
		data, err := json.Marshal(r)
		ok(t, err)
		w.reply.Release = data
		if _, err := w.start().turn(t.Context()); err == nil || !strings.Contains(err.Error(), "batch says it is corp 1.8") || len(w.applied)+len(w.acks) != 0 {
			t.Errorf("another %s: %v, applied %v, acknowledged %v", what, err, w.applied, w.acks)
		}
	}
}

// TestSetBack: another database under the same name and an older state of the same one are
// both noticed, each by itself; another domain controller is neither.
func TestSetBack(t *testing.T) {
	last := lineage{relay.DC{Name: "dc1", InvocationID: "i", USN: 100}}
	for _, test := range []struct {
		now     relay.DC
		setBack bool
	}{
		{relay.DC{Name: "dc1", InvocationID: "i", USN: 100}, false},
		{relay.DC{Name: "dc1", InvocationID: "i", USN: 101}, false},
		{relay.DC{Name: "dc1", InvocationID: "i", USN: 99}, true},
		{relay.DC{Name: "dc1", InvocationID: "j", USN: 101}, true},
		{relay.DC{Name: "dc2", InvocationID: "j", USN: 1}, false},
	} {
		if got := last.setBack(test.now); got != test.setBack {
			t.Errorf("%+v: set back %t", test.now, got)
		}
	}
}

// TestWrittenWhole: a file is replaced, never written over: a crash in between would leave
// half a number.
func TestWrittenWhole(t *testing.T) {
	m := memory{filepath.Join(t.TempDir(), "corp")}
	ok(t, m.store(highFile, highWater{1, 8, "old"}))
	before, err := os.ReadFile(m.file(highFile))
	ok(t, err)
	same := m.file(highFile) + ".same"
	ok(t, os.Link(m.file(highFile), same))
	ok(t, m.store(highFile, highWater{1, 9, "new"}))
	after, err := os.ReadFile(same)
	ok(t, err)
	if string(after) != string(before) {
		t.Errorf("the file was written over: %s", after)
	}
	if h, err := m.highWater(); err != nil || h.Seq != 9 {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestWrongClock: leases and plans end by the clock: an agent whose clock is wrong, in either
// direction, does nothing.
func TestWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-3 * time.Minute, 3 * time.Minute} {
		w := newWorld(t)
		w.handOut(8, update(1))
		a := w.start()
		a.now = func() time.Time { return w.clock.Add(off) }
		if _, err := a.turn(t.Context()); err == nil || !strings.Contains(err.Error(), "set the clock") || len(w.applied)+len(w.acks) != 0 {
			t.Errorf("%v off: %v, applied %v, acknowledged %v", off, err, w.applied, w.acks)
		}
	}
}

// TestPolicyIsKept: what the policy forbids of a batch is not done, and told as not done.
func TestPolicyIsKept(t *testing.T) {
	const chief, clerk = plan.Ref("S-1-5-21-1-2-3-1104"), plan.Ref("S-1-5-21-1-2-3-1105")
	w := newWorld(t)
	w.policy = policy{Never: []string{string(chief)}}
	w.handOut(8, update(1, chief, clerk))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.applied) != 1 || len(w.applied[0].Add) != 1 || w.applied[0].Add[0] != clerk {
		t.Errorf("applied %+v", w.applied)
	}
	if bad := w.acks[0].Results[0].Bad; len(bad) != 1 || bad[0].Ref != chief {
		t.Errorf("told as not done: %+v", bad)
	}
}

// TestHowMuchWasSeen: a scan that broke off is no report, and one of an account that does
// not see everything, or of which nobody can say that it does, proves nothing.
func TestHowMuchWasSeen(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*world)
		full   int // reports of everything
		proven bool
	}{
		"all":             {func(*world) {}, 1, true},
		"a part":          {func(w *world) { w.blind = "the account may not list what is in the OU" }, 1, false},
		"nobody can say":  {func(w *world) { w.sightErr = errors.New("no such attribute") }, 1, false},
		"half of a scan":  {func(w *world) { w.onScan = func() error { return errors.New("an odd answer") } }, 0, false},
		"no directory":    {func(w *world) { w.onScan = func() error { return ad.ErrConnection } }, 0, false},
		"nobody there":    {func(w *world) { w.sightErr = ad.ErrConnection }, 0, false},
		"the relay fails": {func(w *world) { w.onSend = func() error { return errors.New("503") } }, 0, false},
	} {
		w := newWorld(t)
		w.groups = []ad.Row{group(1, 1)}
		w.reply.ReadAll = true
		test.change(w)
		_, err := w.start().turn(t.Context())
		ok(t, err)
		full := 0
		for _, r := range w.reports {
			if r.Full {
				full++
			}
			if r.Proven != test.proven || r.Proven && r.Blind != "" || r.Full && !r.Proven && r.Blind == "" {
				t.Errorf("%s: proven %t, blind %q", name, r.Proven, r.Blind)
			}
		}
		if full != test.full {
			t.Errorf("%s: %d reports of everything, want %d", name, full, test.full)
		}
	}
}
