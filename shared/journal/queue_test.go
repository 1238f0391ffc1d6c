package journal

import (
	"errors"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/plan"
)

// issued is a journal with a plan of n batches in flight, one change each.
func issued(t *testing.T, c *clock, n int) *Journal {
	t.Helper()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(c)
	w := load(t, j)
	w.Head.Rules, w.Head.Reported, w.Head.Switch.On = "r", c.now, true
	var changes []plan.Change
	for i := range n {
		change := plan.Change{Op: plan.Update, Group: gid(i)}
		for m := range MaxBatchValues - 1 { // two do not fit in one batch
			change.Add = append(change.Add, plan.SIDRef(sidOf(100_000+m)))
		}
		changes = append(changes, change)
	}
	if taken, err := w.Issue(changes, 1<<30); err != nil || taken != n || len(w.Head.Plan.Digests) != n {
		t.Fatalf("issue: %d changes in %d batches, %v; want %d", taken, len(w.Head.Plan.Digests), err, n)
	}
	commit(t, w)
	return j
}

// poll asks for work and expects a batch; 0 is none.
func poll(t *testing.T, j *Journal, agent string, want uint64) PollReply {
	t.Helper()
	r, err := j.Poll(t.Context(), Poll{Agent: agent})
	if err != nil || r.Seq != want {
		t.Fatalf("agent %s is given batch %d, %v; want %d", agent, r.Seq, err, want)
	}
	return r
}

// ackOf is the word that an agent would give on what it was handed.
func ackOf(agent string, r PollReply) Ack {
	return Ack{Epoch: r.Epoch, Seq: r.Seq, Digest: Digest(r.Batch), Agent: agent, Token: r.Token, Results: []plan.Result{{Status: plan.Done}}}
}

func TestAck(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	tests := []struct {
		name   string
		change func(j *Journal, a *Ack)
		want   error
	}{
		{"as it should be", func(*Journal, *Ack) {}, nil},
		{"another digest", func(_ *Journal, a *Ack) { a.Digest = Digest(nil) }, ErrClosed},
		{"another token", func(_ *Journal, a *Ack) { a.Token++ }, ErrLease},
		{"an older token", func(_ *Journal, a *Ack) { a.Token-- }, ErrLease},
		{"another agent", func(_ *Journal, a *Ack) { a.Agent = "b" }, ErrLease},
		{"another epoch", func(_ *Journal, a *Ack) { a.Epoch++ }, ErrClosed},
		{"a batch before the plan", func(_ *Journal, a *Ack) { a.Seq = 0 }, ErrClosed},
		{"a batch after the plan", func(_ *Journal, a *Ack) { a.Seq = 3 }, ErrClosed},
		{"another batch of the plan", func(_ *Journal, a *Ack) { a.Seq = 2 }, ErrClosed},
		{"a plan that is closed", func(j *Journal, _ *Ack) { w := load(t, j); w.ClosePlan(); commit(t, w) }, ErrClosed},
		{"no lease at all", func(j *Journal, _ *Ack) { _ = j.Store.Delete(ctx, j.prefix()+"lease") }, ErrLease},
		// What was done is true, whenever it is told.
		{"an expired plan that is not closed yet", func(*Journal, *Ack) { c.pass(planLife + time.Second) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := issued(t, c, 2)
			a := ackOf("a", poll(t, j, "a", 1))
			tt.change(j, &a)
			if _, err := j.Ack(ctx, a); !errors.Is(err, tt.want) {
				t.Errorf("ack: %v, want %v", err, tt.want)
			}
			if n := len(objects(t, j, "in/ack/")); (n == 1) != (tt.want == nil) {
				t.Errorf("%d acknowledgements are kept", n)
			}
		})
	}
}

// The first word on a batch stands, and the same again is fine.
func TestAckTwice(t *testing.T) {
	ctx := t.Context()
	j := issued(t, newClock(), 1)
	a := ackOf("a", poll(t, j, "a", 1))
	for i := range 2 {
		if last, err := j.Ack(ctx, a); err != nil || !last {
			t.Fatalf("ack %d: last %t, %v", i+1, last, err)
		}
	}
	b := a
	b.Results = []plan.Result{{Status: plan.Refused, Code: 53}}
	if _, err := j.Ack(ctx, b); err != nil {
		t.Errorf("in other words: %v", err)
	}
	w := load(t, j)
	got, ok, err := w.NextAck(ctx)
	if !ok || err != nil || got.Results[0].Status != plan.Done {
		t.Errorf("kept is %+v, %v; want the first", got, err)
	}
}

func TestBatchesInOrder(t *testing.T) {
	ctx := t.Context()
	j := issued(t, newClock(), 3)
	for seq := uint64(1); seq <= 3; seq++ {
		r := poll(t, j, "a", seq)
		poll(t, j, "a", seq) // asked again before it is acknowledged: the same
		if last, err := j.Ack(ctx, ackOf("a", r)); err != nil || last != (seq == 3) {
			t.Fatalf("ack %d: last %t, %v", seq, last, err)
		}
	}
	poll(t, j, "a", 0)
	w := load(t, j)
	for range 3 {
		if _, ok, err := w.NextAck(ctx); !ok || err != nil {
			t.Fatalf("an acknowledgement is missing: %v", err)
		}
	}
	if _, ok, err := w.NextAck(ctx); ok || err != nil {
		t.Errorf("a fourth acknowledgement of three: %v", err)
	}
	w.ClosePlan()
	if w.Head.Plan != nil || w.Head.Closed != 3 || w.Head.NextSeq != 4 {
		t.Errorf("closed %d, next %d; want 3, 4", w.Head.Closed, w.Head.NextSeq)
	}
}

// TestNothingIsHandedOut lists when an agent is given no batch though there is a plan.
func TestNothingIsHandedOut(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	tests := []struct {
		name   string
		change func(j *Journal)
	}{
		{"expired", func(*Journal) { c.pass(planLife + time.Second) }},
		{"stopped for good", func(j *Journal) { w := load(t, j); w.Head.Stop = "another domain"; commit(t, w) }},
		{"not released", func(j *Journal) {
			if err := j.Store.Delete(ctx, j.prefix()+releaseName(1, 1)); err != nil {
				t.Fatal(err)
			}
		}},
		{"behind a stopped batch", func(j *Journal) {
			a := ackOf("a", poll(t, j, "a", 1))
			a.Stopped = "out of time"
			if last, err := j.Ack(ctx, a); err != nil || !last {
				t.Fatalf("a stopped ack: last %t, %v; want that the planner is woken", last, err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := issued(t, c, 2)
			tt.change(j)
			if r := poll(t, j, "a", 0); r.Batch != nil || r.Release != nil {
				t.Errorf("given %d bytes", len(r.Batch))
			}
		})
	}
}

// A batch whose bytes are not those that the plan names is not handed out.
func TestForgedBatch(t *testing.T) {
	ctx := t.Context()
	j := issued(t, newClock(), 1)
	name := objects(t, j, "batch/")[0]
	if _, err := j.Store.Put(ctx, j.prefix()+name, []byte(`{"changes":[]}`), blob.Any); err != nil {
		t.Fatal(err)
	}
	if r, err := j.Poll(ctx, Poll{Agent: "a"}); !errors.Is(err, errMissing) || r.Batch != nil {
		t.Errorf("given %q, %v; want an error", r.Batch, err)
	}
}

func TestLease(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := issued(t, c, 1)
	one := poll(t, j, "a", 1)
	if one.Token == 0 || !one.Until.After(c.now) || !one.Now.Equal(c.now) {
		t.Errorf("lease %d until %s, now %s", one.Token, one.Until, one.Now)
	}
	if _, err := j.Poll(ctx, Poll{Agent: "b"}); !errors.Is(err, ErrLease) {
		t.Errorf("another agent: %v, want ErrLease", err)
	}
	c.pass(leaseTime * 3 / 4)
	two := poll(t, j, "a", 1)
	if two.Token != one.Token || !two.Until.After(one.Until) {
		t.Errorf("renewed: token %d until %s; had %d until %s", two.Token, two.Until, one.Token, one.Until)
	}
	c.pass(leaseTime + Grace - time.Second) // a write of the other may still arrive
	if _, err := j.Poll(ctx, Poll{Agent: "b"}); !errors.Is(err, ErrLease) {
		t.Errorf("another agent within the grace time: %v, want ErrLease", err)
	}
	c.pass(time.Second)
	three := poll(t, j, "b", 1)
	if three.Token <= two.Token {
		t.Errorf("the new holder's token is %d, the old one's %d", three.Token, two.Token)
	}
	if _, err := j.Ack(ctx, ackOf("a", two)); !errors.Is(err, ErrLease) {
		t.Errorf("the slow agent's word: %v, want ErrLease", err)
	}
	if _, err := j.Ack(ctx, ackOf("b", three)); err != nil {
		t.Errorf("the new agent's word: %v", err)
	}
}

// An agent that comes first is asked to read all, once it is known what.
func TestFirstPoll(t *testing.T) {
	ctx := t.Context()
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	if r := poll(t, j, "a", 0); r.ReadAll || len(r.Attrs) > 0 {
		t.Errorf("before any planner: %+v; want that nothing is asked", r)
	}
	w := load(t, j)
	w.Head.Rules, w.Head.Attrs = "r", []string{"info"}
	commit(t, w)
	if r := poll(t, j, "a", 0); !r.ReadAll || len(r.Attrs) != 1 || r.State != w.Head.Nonce {
		t.Errorf("after the planner: %+v; want that all is asked", r)
	}
	w = load(t, j)
	w.Head.Reported = w.Now
	commit(t, w)
	if r, err := j.Poll(ctx, Poll{Agent: "a"}); err != nil || r.ReadAll {
		t.Errorf("after the report: %+v, %v; want that nothing is asked", r, err)
	}
}

// TestLeaseLost: the object that counts the tokens was deleted. The next token outranks
// those in Active Directory's fences none the less; from one it would be refused for ever.
func TestLeaseLost(t *testing.T) {
	ctx := t.Context()
	c := newClock()
	j := issued(t, c, 1)
	last := uint64(0)
	for _, agent := range []string{"a", "b", "c"} {
		if r := poll(t, j, agent, 1); r.Token <= last {
			t.Errorf("agent %s: token %d, the one before had %d", agent, r.Token, last)
		} else {
			last = r.Token
		}
		c.pass(leaseTime + Grace)
		if agent == "b" {
			if err := j.Store.Delete(ctx, j.prefix()+"lease"); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(t, j, "lease", `{"agent":"z","token":99999999999999}`) // counted further than the clock
	if r := poll(t, j, "a", 1); r.Token != 100_000_000_000_000 {
		t.Errorf("token %d, want one more", r.Token)
	}
}

// TestWhereAGroupWas: an agent that is asked for a group is told where it was last, if
// anybody knows: it may not bear our marks any more.
func TestWhereAGroupWas(t *testing.T) {
	j := (&Journal{Store: blob.Memory(), Target: "t"}).at(newClock())
	w := load(t, j)
	w.Head.Rules, w.Head.Reported = "r", w.Now
	w.Head.Reads = []Sought{{ID: gid(1), GUID: "there"}, {ID: gid(2)}}
	commit(t, w)
	if r := poll(t, j, "a", 0); len(r.Read) != 2 || len(r.Known) != 1 || r.Known[gid(1)] != "there" {
		t.Errorf("asked for %v, known %v", r.Read, r.Known)
	}
}

// TestTwoAgentsAtOnce: two ask for a lease that nobody has, each before the other's is
// written. One of them has it.
func TestTwoAgentsAtOnce(t *testing.T) {
	plain, c := blob.Memory(), newClock()
	b := (&Journal{Store: plain, Target: "t"}).at(c)
	between := false
	a := (&Journal{Target: "t", Store: &blobtest.Hook{Store: plain, Around: func(_ int64, _ string, write func() error) error {
		if !between {
			between = true
			poll(t, b, "b", 0)
		}
		return write()
	}}}).at(c)
	if r, err := a.Poll(t.Context(), Poll{Agent: "a"}); !errors.Is(err, ErrLease) || !between {
		t.Errorf("the slower one: %+v, %v", r, err)
	}
}
