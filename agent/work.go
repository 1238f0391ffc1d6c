package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// work applies one batch and acknowledges it. An error means that the batch is
// not acknowledged: the relay hands it out again, and what was done is found done.
func (a *agent) work(ctx context.Context, r relay.PollReply) error {
	b, release, digest, err := a.verify(r)
	if err != nil {
		return err
	}
	if err := a.high.allows(b.Epoch, b.Seq, digest); err != nil {
		return errors.Join(a.distrust(err.Error()), a.refuse(ctx, r.Token, b, digest))
	}
	if err := a.awake(ctx, r.Attrs); err != nil {
		return err
	}
	if a.doubt.any() {
		return a.refuse(ctx, r.Token, b, digest)
	}
	began := a.now()
	results, stopped := a.apply(ctx, r, b, release)
	if ctx.Err() != nil {
		return fmt.Errorf("batch %d: %w", b.Seq, ctx.Err())
	}
	if stopped == "" {
		// Before the acknowledgement: a crash between them repeats this batch and no other.
		a.high = highWater{b.Epoch, b.Seq, digest}
		if err := a.memory.store(highFile, a.high); err != nil {
			return err
		}
		a.closed = max(a.closed, b.Seq)
	}
	took := a.now().Sub(began)
	missed := a.logMissed(b, results)
	_, err = a.queue.Ack(ctx, relay.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: digest, Token: r.Token, Instance: a.self.Instance, Results: results, Stopped: stopped, Seconds: took.Seconds()})
	if errors.Is(err, relay.ErrClosed) {
		a.log.Warn("batch was closed before it was acknowledged", "seq", b.Seq)
		err = nil
	}
	a.log.Info("batch", "seq", b.Seq, "changes", len(b.Changes), "not_made", missed, "took", took.Round(time.Millisecond), "stopped", stopped)
	if err == nil && a.session != nil && !a.doubt.any() {
		err = a.remember(ctx)
	}
	return err
}

// refuse acknowledges a batch that was made for another state than is there: nothing
// of it was done, nor will be.
func (a *agent) refuse(ctx context.Context, token uint64, b relay.Batch, digest string) error {
	_, err := a.queue.Ack(ctx, relay.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: digest, Token: token, Instance: a.self.Instance, Results: []plan.Result{}, Stopped: a.doubt.Why})
	if errors.Is(err, relay.ErrClosed) {
		return nil
	}
	return err
}

// maxNumber is more than a journal ever counts to. Behind a batch with the
// highest number of all this agent would take no other.
const maxNumber = 1 << 48

// maxAhead is how far before the clock the numbers of epochs and leases may be, which are
// times since 1970, in seconds and in milliseconds: a planner outbids what it has seen by
// a day at most. Behind a later one nobody would write, neither this agent nor another.
const maxAhead = 24*time.Hour + 10*time.Minute

// verify holds a batch to its release, and the release to what this agent is
// for. What the relay answers may be anything.
func (a *agent) verify(r relay.PollReply) (b relay.Batch, release relay.Release, digest string, err error) {
	if err := json.Unmarshal(r.Release, &release); err != nil {
		return b, release, "", fmt.Errorf("decode release: %w", err)
	}
	sum := sha256.Sum256(r.Batch)
	digest = hex.EncodeToString(sum[:])
	switch {
	case release.Target != a.target:
		return b, release, "", fmt.Errorf("the release is for target %q, this agent is for %q", release.Target, a.target)
	case release.Epoch != r.Epoch || r.Seq < release.First || r.Seq > release.Last || r.Seq-release.First >= uint64(len(release.Digests)):
		return b, release, "", fmt.Errorf("batch %d is not in release %d-%d", r.Seq, release.First, release.Last)
	case r.Seq > maxNumber || r.Epoch > uint64(a.latest().Unix()) || r.Token > uint64(a.latest().UnixMilli()):
		return b, release, "", fmt.Errorf("batch %d.%d under lease %d has a number that no journal counts to", r.Epoch, r.Seq, r.Token)
	case release.Digests[r.Seq-release.First] != digest:
		return b, release, "", fmt.Errorf("batch %d is not what was released: its digest is %.12s…", r.Seq, digest)
	case a.now().After(release.Expires):
		return b, release, "", fmt.Errorf("batch %d expired at %s", r.Seq, release.Expires)
	}
	if err := json.Unmarshal(r.Batch, &b); err != nil {
		return b, release, "", fmt.Errorf("decode batch: %w", err)
	}
	if b.Target != a.target || b.Epoch != release.Epoch || b.Seq != r.Seq {
		return b, release, "", fmt.Errorf("batch says it is %s %d.%d, not %s %d.%d", b.Target, b.Epoch, b.Seq, a.target, release.Epoch, r.Seq)
	}
	return b, release, digest, nil
}

// latest is when the last epoch or lease may have begun, by its number.
func (a *agent) latest() time.Time { return a.now().Add(maxAhead) }

// apply runs the changes of a batch, in order. A change that fails costs that
// change, and those of the same group that follow. stopped says why the batch will
// not be finished by this agent; the changes from there on have no result.
func (a *agent) apply(ctx context.Context, r relay.PollReply, b relay.Batch, release relay.Release) (results []plan.Result, stopped string) {
	fence := plan.Fence{Instance: a.target, Epoch: b.Epoch, Seq: b.Seq, Lease: r.Token}
	spoilt := map[directory.ID]plan.Result{}
	for _, c := range b.Changes {
		if err := a.mayGoOn(ctx, r.Attrs, release.Expires); err != nil {
			return results, err.Error()
		}
		res, isSpoilt := spoilt[c.Group]
		if !isSpoilt {
			res = a.change(ctx, fence, c)
			if what, ends := spoils(c, res); ends {
				spoilt[c.Group] = what
			}
		}
		results = append(results, res)
	}
	return results, ""
}

// mostMissed is how many changes and members of a batch that were not written the log names.
const mostMissed = 20

// logMissed names the changes and members that were not written, and counts them.
func (a *agent) logMissed(b relay.Batch, results []plan.Result) (missed int) {
	for i, res := range results {
		for _, bad := range res.Bad {
			if missed++; missed <= mostMissed {
				a.log.Warn("member not written", "group", b.Changes[i].Group, "link", b.Changes[i].Of(), "member", bad.Ref, "code", bad.Code, "why", bad.Text)
			}
		}
		if res.Status == plan.Done {
			continue
		}
		if missed++; missed <= mostMissed {
			a.log.Warn("change not made", "group", b.Changes[i].Group, "op", b.Changes[i].Op, "status", res.Status, "why", res.Text)
		}
	}
	return missed
}

// change brings one change about, as far as the policy allows. If there is no
// answer, its outcome is unknown and the connection is given up.
func (a *agent) change(ctx context.Context, f plan.Fence, c plan.Change) plan.Result {
	allowed, bad, refusal, err := a.judge(ctx, c)
	if refusal != "" {
		return plan.Result{Status: plan.Refused, Text: refusal}
	}
	res := plan.Result{Status: plan.Unknown}
	if err == nil {
		res, err = a.session.Apply(ctx, f, allowed)
	}
	if err != nil {
		a.hangUp()
		res.Status = plan.Unknown
		if res.Text == "" {
			res.Text = err.Error()
		}
	}
	res.Bad = append(res.Bad, bad...)
	return res
}

// spoils says what becomes of the changes of a group that follow on one that was
// not made: what they build upon is not there, or not known.
func spoils(c plan.Change, res plan.Result) (rest plan.Result, ends bool) {
	switch {
	case res.Status == plan.Unknown:
		return plan.Result{Status: plan.Unknown, Text: "what became of the change before it is not known: the group is to be read first"}, true
	case res.Status == plan.Fenced:
		return plan.Result{Status: plan.Fenced, Text: res.Text}, true
	case c.Op == plan.Create && res.Status != plan.Done:
		return plan.Result{Status: plan.Skipped, Text: "the group could not be created"}, true
	case c.Op == plan.Restore && res.Status != plan.Done:
		return plan.Result{Status: plan.Skipped, Text: "the group could not be restored"}, true
	}
	return plan.Result{}, false
}

// mayGoOn says why no further change may be begun. It looks at the clock, and
// connects again, once, after a change that got no answer.
func (a *agent) mayGoOn(ctx context.Context, attrs []string, expires time.Time) error {
	if err := a.inTime(ctx, expires); err != nil {
		return err
	}
	if err := a.dial(ctx, attrs); err != nil {
		return err
	}
	if a.doubt.any() {
		return errors.New(a.doubt.Why)
	}
	return nil
}

// renewAt is how long before its end a lease is renewed.
const renewAt = 20 * time.Second

// inTime makes sure that there is time for one more write: the lease is
// renewed when it nears its end, and nothing is begun after the plan's.
func (a *agent) inTime(ctx context.Context, expires time.Time) error {
	if a.now().After(expires) {
		return errors.New("the plan expired")
	}
	err := a.stay(ctx)
	if !a.now().Before(a.until) {
		return fmt.Errorf("the lease ran out and could not be renewed: %v", err)
	}
	return nil
}

// stay renews the lease when it nears its end.
func (a *agent) stay(ctx context.Context) error {
	if a.until.Sub(a.now()) > renewAt {
		return nil
	}
	_, err := a.poll(ctx)
	return err
}

// keepLease renews the lease while a report is made, which takes a large directory
// minutes. A lease that is lost ends the work, not the report, and a relay that does
// not answer must not hold it up at each row.
func (a *agent) keepLease(ctx context.Context) {
	const again = 5 * time.Second
	if now := a.now(); now.Before(a.until) && now.Sub(a.asked) > again {
		_ = a.stay(ctx)
	}
}
