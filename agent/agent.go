package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// domain is what the agent needs of Active Directory: an *ad.Domain.
type domain interface {
	Apply(ctx context.Context, f ad.Fence, c plan.Change) (plan.Result, error)
	Scan(ctx context.Context, each func(ad.Row) error) error
	Read(ctx context.Context, id directory.ID) (ad.Row, bool, error)
}

// agent pulls batches, applies and acknowledges them, and reports what is there.
// One goroutine does all of it: there is one writer.
type agent struct {
	queue     relay.Queue
	connect   func(ctx context.Context, attrs []string) (domain, ad.Identity, error)
	target    string
	base      string
	policy    policy
	highFile  string
	scanEvery time.Duration
	pollEvery time.Duration // at the latest; 0: as the relay says
	log       *slog.Logger
	now       func() time.Time

	high     highWater
	domain   domain // nil: not connected
	attrs    []string
	identity ad.Identity
	scanned  time.Time // when a full scan was last begun
	closed   uint64    // the last batch known finished or closed
	answered struct {  // when the relay's wish to read was last met
		gen uint64
		at  time.Time
	}
}

// maxSkew is how far this clock and the relay's may differ: leases and expiry
// are times.
const maxSkew = 2 * time.Minute

// run works until ctx ends. Errors are logged and tried again, later each time.
func (a *agent) run(ctx context.Context) error {
	if err := a.start(); err != nil {
		return err
	}
	const most = time.Minute
	pause := time.Duration(0)
	for {
		next, err := a.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, relay.ErrLease):
			a.log.Info("standing by", "why", err)
			next = 15 * time.Second
		case err != nil:
			pause = min(max(2*pause, time.Second), most)
			next = pause
			a.log.Error("turn failed", "err", err, "again_in", next)
		default:
			pause = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		}
	}
}

func (a *agent) start() (err error) {
	a.high, err = readHighWater(a.highFile)
	a.closed = a.high.Seq
	return err
}

// turn asks for work once and does it. next is when to ask again.
func (a *agent) turn(ctx context.Context) (next time.Duration, err error) {
	r, err := a.queue.Poll(ctx, relay.Poll{DC: relay.DC{Name: a.identity.Server, InvocationID: string(a.identity.Invocation), USN: a.identity.USN}})
	if err != nil {
		return 0, err
	}
	if skew := a.now().Sub(r.Now).Abs(); skew > maxSkew {
		return 0, fmt.Errorf("this clock and the relay's differ by %s: set the clock", skew.Round(time.Second))
	}
	if len(r.Attrs) == 0 {
		return 5 * time.Second, nil // no planner has run yet
	}
	if r.Epoch > a.high.Epoch {
		a.closed = 0
	}
	a.closed = max(a.closed, r.Closed)
	if err := a.dial(ctx, r.Attrs); err != nil {
		return 0, err
	}
	if err := a.report(ctx, r); err != nil {
		return 0, a.lost(err)
	}
	next = time.Duration(r.Next * float64(time.Second))
	if a.pollEvery > 0 {
		next = min(next, a.pollEvery)
	}
	if r.Batch == nil {
		return next, nil
	}
	return 0, a.lost(a.work(ctx, r))
}

// dial connects if there is no connection, or if other attributes are to be read.
func (a *agent) dial(ctx context.Context, attrs []string) error {
	if a.domain != nil && fmt.Sprint(attrs) == fmt.Sprint(a.attrs) {
		return nil
	}
	d, id, err := a.connect(ctx, attrs)
	if err != nil {
		return err
	}
	a.domain, a.identity, a.attrs = d, id, attrs
	return nil
}

// lost drops the connection after an error of it: the next turn dials again.
func (a *agent) lost(err error) error {
	if errors.Is(err, ad.ErrConnection) {
		a.domain = nil
	}
	return err
}
