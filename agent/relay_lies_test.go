package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestLyingRelay: for 500 steps a relay answers what it likes, bounded values and nonsense,
// and changes the clock, the target, the numbers, digests and times of what it hands out.
// The agent does nothing that its policy forbids, and nothing that was not released to it;
// it asks, scans and reads no more often than it should, goes on, and works for an honest
// relay afterwards without a hand.
//
// What a well-formed plan may do in Active Directory, shared/ad's own tests hold to the
// marks, the base and the attributes.
func TestLyingRelay(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("GROUPWRITEBACK_TEST_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		ok(t, err)
	}
	t.Logf("GROUPWRITEBACK_TEST_SEED=%d", seed)
	l := &liar{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 5)), released: map[string]bool{}}
	l.world.policy = policy{Never: []string{vip}}
	l.sids = map[plan.Ref]directory.SID{"guid:vip": vip, plan.GroupRef(directory.ID{9}): vip, "guid:other": "S-1-5-21-1-2-3-1200", plan.GroupRef(directory.ID{2}): "S-1-5-21-1-2-3-1201"}
	for n := byte(1); n < 6; n++ {
		l.groups = append(l.groups, ad.Row{Group: plan.Group{ID: directory.ID{n}, GUID: plan.GUID(fmt.Sprint(n))}, Fence: "gwb corp 1.1.1"})
	}
	l.onApply = func(c plan.Change) (plan.Result, error) { l.judge(c); return plan.Result{Status: plan.Done}, nil }
	reads := 0
	l.onRead = func(directory.ID, plan.GUID) error { reads++; return nil }
	scans := 0
	l.onScan = func() error { scans++; return nil }
	l.onPoll = func() error {
		if l.rng.IntN(10) == 0 {
			return []error{relay.ErrLease, relay.ErrClosed, fmt.Errorf("answer 500")}[l.rng.IntN(3)]
		}
		return nil
	}
	a := l.start()
	a.scanEvery = 15 * time.Minute
	began, peak := l.clock, uint64(0)
	for step := range 500 {
		if l.rng.IntN(50) == 0 {
			a = l.start() // a restart
			a.scanEvery = 15 * time.Minute
		}
		l.lie()
		before := reads
		next, err := a.turn(t.Context())
		if err == nil && (next < 0 || next > latest) || reads-before > mostNamed {
			t.Errorf("step %d: asked again after %s; %d groups were read", step, next, reads-before)
		}
		l.clock = l.clock.Add(max(next, soonest) + time.Duration(l.rng.IntN(3000))*time.Millisecond)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		l.reports = l.reports[max(0, len(l.reports)-5):]
		if t.Failed() {
			t.Fatalf("step %d: %+.2000v", step, l.reply)
		}
	}
	t.Logf("%d changes applied, %d batches acknowledged, %d scans, %d MB in use at most", len(l.applied), len(l.acks), scans, peak>>20)
	if most := int(l.clock.Sub(began)/time.Minute) + wholeAtOnce + 15*10; peak > 256<<20 || scans > most {
		t.Errorf("%d MB, %d scans in %s", peak>>20, scans, l.clock.Sub(began))
	}
	if len(l.applied) < 20 || len(l.acks) < 20 {
		t.Errorf("%d changes were applied, %d batches acknowledged: the play proves nothing", len(l.applied), len(l.acks))
	}
	l.honest(a)
}

const vip = "S-1-5-21-1-2-3-1100"

// liar is a relay that lies.
type liar struct {
	*world
	rng      *rand.Rand
	released map[string]bool // digests of what was handed out as it should be
}

// judge holds what is written to the policy.
func (l *liar) judge(c plan.Change) {
	for _, r := range slices.Concat(c.Add, c.Remove) {
		sid, is := r.SID()
		if !is {
			sid = l.sids[r]
		}
		if sid == vip || sid == "" {
			l.t.Errorf("the policy's never names %s, and it is in %+v", r, c)
		}
	}
	if !l.released[l.digest()] {
		l.t.Errorf("what was not released was written: %+v", c)
	}
	if f := l.fences[len(l.fences)-1]; f.Instance != "corp" || f.Epoch > uint64(l.clock.Add(25*time.Hour).Unix()) || f.Lease > uint64(l.clock.Add(25*time.Hour).UnixMilli()) {
		l.t.Errorf("the fence is %v", f)
	}
}

// digest is that of the batch that is handed out.
func (l *liar) digest() string {
	sum := sha256.Sum256(l.reply.Batch)
	return hex.EncodeToString(sum[:])
}

func (l *liar) number() uint64 {
	switch l.rng.IntN(12) {
	case 0:
		return math.MaxUint64
	case 1:
		return 1 << l.rng.IntN(64)
	case 2:
		return uint64(l.clock.Add(time.Duration(l.rng.IntN(48)) * time.Hour).Unix())
	case 3:
		return 0
	}
	return 1 + l.rng.Uint64N(40)
}

func (l *liar) word() string {
	return []string{"", "x", "\x00", "S-1-5-32-544", "CN=Users,DC=corp", strings.Repeat("A", 5000), "member", "../..", "adminCount"}[l.rng.IntN(9)]
}

func (l *liar) ref() plan.Ref {
	return []plan.Ref{vip, "guid:vip", plan.GroupRef(directory.ID{9}), "guid:other", plan.GroupRef(directory.ID{2}), "S-1-5-21-1-2-3-1300", "S-1-05-21-1-2-3-1100",
		"s-1-5-21-1-2-3-1100", "guid:nobody", "mark:", plan.Ref(l.word())}[l.rng.IntN(11)]
}

// lie makes the next answer.
func (l *liar) lie() {
	seq := l.number()
	if l.rng.IntN(2) == 0 {
		high, err := l.memory.highWater()
		ok(l.t, err)
		l.reply.Epoch, seq = high.Epoch, high.Seq+1 // as it should be
	} else {
		l.reply.Epoch = l.number()
	}
	l.reply.Token, l.reply.Closed, l.reply.Seq = 3, l.number(), 0
	if l.rng.IntN(8) == 0 {
		l.reply.Token = l.number() * 1000
	}
	l.reply.State, l.reply.Next = fmt.Sprint(l.rng.IntN(1000)), []float64{0, -1, 1e300, math.NaN(), 2, 0.1, math.Inf(1)}[l.rng.IntN(7)]
	l.reply.Attrs, l.reply.ReadAll, l.reply.Read, l.reply.Batch, l.reply.Release = []string{"description"}, l.rng.IntN(4) == 0, nil, nil, nil
	if l.rng.IntN(20) == 0 {
		l.reply.Attrs = []string{l.word()}
	}
	if l.rng.IntN(4) == 0 {
		for i := range l.rng.IntN(3000) {
			l.reply.Read = append(l.reply.Read, directory.ID{byte(i), byte(i >> 8)})
		}
	}
	if l.rng.IntN(4) > 0 {
		l.batch(seq)
	}
}

// batch hands out a plan, three times in four as it should be.
func (l *liar) batch(seq uint64) {
	b := relay.Batch{Target: "corp", Epoch: l.reply.Epoch, Seq: seq}
	for range l.rng.IntN(5) {
		c := plan.Change{Op: []plan.Op{plan.Update, plan.Update, plan.Create, plan.Rename, "burn"}[l.rng.IntN(5)], Group: directory.ID{byte(l.rng.IntN(9))}, GUID: plan.GUID(l.word()),
			Set: map[string][]string{l.word(): {l.word()}}, Parent: l.word(), Name: l.word()}
		for range l.rng.IntN(4) {
			c.Add, c.Remove = append(c.Add, l.ref()), append(c.Remove, l.ref())
		}
		b.Changes = append(b.Changes, c)
	}
	data, err := json.Marshal(b)
	ok(l.t, err)
	l.reply.Batch, l.reply.Seq = data, seq
	r := relay.Release{Target: "corp", Epoch: b.Epoch, First: seq, Last: seq, Digests: []string{l.digest()}, Expires: l.clock.Add(time.Minute)}
	good := true
	if l.rng.IntN(4) == 0 {
		good = false
		switch l.rng.IntN(7) {
		case 0:
			r.Target = l.word()
		case 1:
			r.Epoch++
		case 2:
			r.First, r.Last = seq+1, math.MaxUint64
		case 3:
			r.Digests = []string{strings.Repeat("0", 64)}
		case 4:
			r.Expires = l.clock.Add(-time.Minute)
		case 5:
			r.Digests = nil
		case 6:
			l.reply.Batch = append(slices.Clone(data), ' ')
		}
	}
	l.released[l.digest()] = l.released[l.digest()] || good
	l.reply.Release, err = json.Marshal(r)
	ok(l.t, err)
	if l.rng.IntN(30) == 0 {
		l.reply.Release = []byte(l.word())
	}
}

// honest is the true relay again: it hears how far the agent is, begins a new epoch
// behind that, as a planner does, and has a batch done.
func (l *liar) honest(a *agent) {
	l.onPoll = nil
	high, err := l.memory.highWater()
	ok(l.t, err)
	l.clock = l.clock.Add(time.Hour)
	l.reply = relay.PollReply{Token: 3, Epoch: high.Epoch + 1, Attrs: []string{"description"}, State: "honest", Next: 2, ReadAll: true}
	for range 3 {
		_, err = a.turn(l.t.Context())
		l.clock = l.clock.Add(10 * time.Minute)
	}
	ok(l.t, err)
	if last := l.reports[len(l.reports)-1]; !last.Full || !last.Proven || len(last.Rows) != 5 || last.High.Epoch != high.Epoch || high.Epoch > uint64(l.clock.Add(25*time.Hour).Unix()) {
		l.t.Errorf("the report is %+v", last)
	}
	l.reply.ReadAll = false
	done := len(l.acks)
	l.handOut(1, plan.Change{Op: plan.Update, Group: directory.ID{1}, GUID: "1", Add: []plan.Ref{"S-1-5-21-1-2-3-1300"}})
	l.released[l.digest()] = true
	_, err = a.turn(l.t.Context())
	ok(l.t, err)
	if len(l.acks) != done+1 || l.acks[done].Stopped != "" || l.acks[done].Results[0].Status != plan.Done {
		l.t.Errorf("after the lies a batch ends so: %+v", l.acks[done:])
	}
}
