package journal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
)

// TestTwoAgentsOfOneRegistration: they share a name and are told apart by what each keeps
// to itself. One of them works, and the other's words on its batches, its reports and its
// asking for work are not taken.
func TestTwoAgentsOfOneRegistration(t *testing.T) {
	const secret = "the first's own"
	ctx := t.Context()
	c := newClock()
	j := issued(t, c, 1)
	one, two := Poll{Agent: "a", Instance: secret}, Poll{Agent: "a", Instance: "two"}
	r, err := j.Poll(ctx, one)
	if err != nil || r.Seq != 1 {
		t.Fatalf("the first: batch %d, %v", r.Seq, err)
	}
	for _, other := range []Poll{two, {Agent: "a"}} {
		if _, err := j.Poll(ctx, other); !errors.Is(err, ErrLease) || strings.Contains(err.Error(), secret) {
			t.Errorf("another asks for work: %v", err)
		}
		a := ackOf("a", r)
		a.Instance = other.Instance
		if _, err := j.Ack(ctx, a); !errors.Is(err, ErrLease) {
			t.Errorf("another's word on the batch: %v", err)
		}
		report := Report{ID: ReportID(c.now), Part: 1, Parts: 1, Agent: "a", Instance: other.Instance}
		if err := j.Report(ctx, report); !errors.Is(err, ErrLease) {
			t.Errorf("another's report: %v", err)
		}
	}
	a := ackOf("a", r)
	a.Instance = secret
	if _, err := j.Ack(ctx, a); err != nil {
		t.Errorf("its own word: %v", err)
	}
	report(t, j, Report{ID: ReportID(c.now), Part: 1, Parts: 1, Agent: "a", Instance: secret})
	for _, name := range objects(t, j, "in/") {
		if data, _, err := j.Store.Get(ctx, j.prefix()+name); err != nil || strings.Contains(string(data), secret) {
			t.Errorf("%s tells what the agent keeps to itself: %s, %v", name, data, err)
		}
	}
	c.pass(leaseTime + Grace)
	if _, err := j.Poll(ctx, two); err != nil {
		t.Errorf("the other, later: %v", err)
	}
	if _, err := j.Poll(ctx, one); !errors.Is(err, ErrLease) {
		t.Errorf("the first, then: %v", err)
	}
}

// TestOddLease: a lease that nobody of ours wrote keeps nobody from working.
func TestOddLease(t *testing.T) {
	for _, lease := range []string{"", "null", "[]", `{"agent":7}`, `{"agent":"x","token":1,"until":"9999-01-01T00:00:00Z"}`, `{"agent":"a","token":18446744073709551615,"until":"2026-02-03T04:05:07Z"}`} {
		c := newClock()
		j := issued(t, c, 1)
		put(t, j, "lease", lease)
		if _, err := j.Ack(t.Context(), Ack{Epoch: 1, Seq: 1, Digest: load(t, j).Head.Plan.Digests[0], Agent: "a"}); !errors.Is(err, ErrLease) {
			t.Errorf("%q: an acknowledgement under it: %v", lease, err)
		}
		if r := poll(t, j, "a", 1); r.Token != uint64(c.now.UnixMilli()) {
			t.Errorf("%q: token %d", lease, r.Token)
		}
	}
	// One that ends in the time that another has is one.
	c := newClock()
	j := issued(t, c, 1)
	put(t, j, "lease", `{"agent":"x","token":7,"until":"`+c.now.Add(leaseTime).Format(time.RFC3339)+`"}`)
	if _, err := j.Poll(t.Context(), Poll{Agent: "a"}); !errors.Is(err, ErrLease) {
		t.Errorf("while another has it: %v", err)
	}
	if err := j.Store.Delete(t.Context(), j.prefix()+"lease"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.lease(t.Context()); err != nil {
		t.Errorf("no lease: %v", err)
	}
	j.Store = blob.Memory()
	if tx, err := j.View(t.Context()); err != nil {
		t.Error(err)
	} else if token, err := tx.LeaseToken(t.Context()); token != 0 || err != nil {
		t.Errorf("no lease has token %d, %v", token, err)
	}
}
