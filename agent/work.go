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

// work applies one batch and acknowledges it. An error means that the batch was
// not finished and is not acknowledged: the relay hands it out again, and what
// was done is found done.
func (a *agent) work(ctx context.Context, r relay.PollReply) error {
	b, release, digest, err := a.verify(r)
	if err != nil {
		return err
	}
	if err := a.high.allows(b.Epoch, b.Seq, digest); err != nil {
		return a.startOver(ctx, r, err.Error())
	}
	began := a.now()
	results, stopped, err := a.apply(ctx, r, b, release)
	if err != nil {
		return fmt.Errorf("batch %d: %w", b.Seq, err)
	}
	if stopped == "" {
		// Before the acknowledgement: a crash between them repeats this batch and no other.
		a.high = highWater{b.Epoch, b.Seq, digest}
		if err := a.high.store(a.highFile); err != nil {
			return err
		}
		a.closed = max(a.closed, b.Seq)
	}
	took := a.now().Sub(began)
	_, err = a.queue.Ack(ctx, relay.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: digest, Token: r.Token, Results: results, Stopped: stopped, Seconds: took.Seconds()})
	if errors.Is(err, relay.ErrClosed) {
		a.log.Warn("batch was closed before it was acknowledged", "seq", b.Seq)
		err = nil
	}
	if err == nil {
		err = a.remember(ctx)
	}
	a.log.Info("batch", "seq", b.Seq, "changes", len(b.Changes), "took", took.Round(time.Millisecond), "stopped", stopped)
	return err
}

// refuse acknowledges a batch of which nothing was done, nor will be.
func (a *agent) refuse(ctx context.Context, r relay.PollReply, why string) error {
	b, _, digest, err := a.verify(r)
	if err != nil {
		return err
	}
	_, err = a.queue.Ack(ctx, relay.Ack{Epoch: b.Epoch, Seq: b.Seq, Digest: digest, Token: r.Token, Results: []plan.Result{}, Stopped: why})
	if errors.Is(err, relay.ErrClosed) {
		return nil
	}
	return err
}

// verify holds a batch to its release, and the release to what this agent is
// for.
func (a *agent) verify(r relay.PollReply) (b relay.Batch, release relay.Release, digest string, err error) {
	if err := json.Unmarshal(r.Release, &release); err != nil {
		return b, release, "", fmt.Errorf("decode release: %w", err)
	}
	sum := sha256.Sum256(r.Batch)
	digest = hex.EncodeToString(sum[:])
	switch {
	case release.Target != a.target:
		return b, release, "", fmt.Errorf("the release is for target %q, this agent is for %q", release.Target, a.target)
	case release.Epoch != r.Epoch || r.Seq < release.First || r.Seq > release.Last || int(r.Seq-release.First) >= len(release.Digests):
		return b, release, "", fmt.Errorf("batch %d is not in release %d-%d", r.Seq, release.First, release.Last)
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

// apply runs the changes of a batch, in order. stopped says why it will not be
// finished by this agent; the changes from there on have no result.
func (a *agent) apply(ctx context.Context, r relay.PollReply, b relay.Batch, release relay.Release) (results []plan.Result, stopped string, err error) {
	fence := plan.Fence{Instance: a.target, Epoch: b.Epoch, Seq: b.Seq, Lease: r.Token}
	failed := map[directory.ID]bool{}
	until := r.Until
	for _, c := range b.Changes {
		if until, err = a.inTime(ctx, until, release.Expires); err != nil {
			return results, err.Error(), nil
		}
		res, err := a.change(ctx, fence, c, failed)
		if err != nil {
			return nil, "", err
		}
		failed[c.Group] = failed[c.Group] || c.Op == plan.Create && res.Status != plan.Done
		results = append(results, res)
	}
	return results, "", nil
}

func (a *agent) change(ctx context.Context, f plan.Fence, c plan.Change, failed map[directory.ID]bool) (plan.Result, error) {
	if failed[c.Group] {
		return plan.Result{Status: plan.Skipped, Text: "the group could not be created"}, nil
	}
	allowed, bad, refusal := a.policy.judge(c)
	if refusal != "" {
		return plan.Result{Status: plan.Refused, Text: refusal}, nil
	}
	res, err := a.session.Apply(ctx, f, allowed)
	res.Bad = append(res.Bad, bad...)
	return res, err
}

// renewAt is how long before its end a lease is renewed.
const renewAt = 20 * time.Second

// inTime makes sure that there is time for one more write: the lease is
// renewed when it nears its end, and nothing is begun after the plan's.
func (a *agent) inTime(ctx context.Context, until, expires time.Time) (time.Time, error) {
	now := a.now()
	if now.After(expires) {
		return until, errors.New("the plan expired")
	}
	if until.Sub(now) > renewAt {
		return until, nil
	}
	r, err := a.queue.Poll(ctx, relay.Poll{DC: a.session.lineage()})
	if err == nil {
		until = r.Until
	}
	if !now.Before(until) {
		return until, fmt.Errorf("the lease ran out and could not be renewed: %v", err)
	}
	return until, nil
}
