package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// domain is what the agent needs of Active Directory: an *ad.Domain.
type domain interface {
	Apply(ctx context.Context, f plan.Fence, c plan.Change) (plan.Result, error)
	Scan(ctx context.Context, each func(ad.Row) error) error
	Read(ctx context.Context, id directory.ID, guid plan.GUID) (ad.Row, bool, error)
	Sight(ctx context.Context) (blind string, err error)
	Identify(ctx context.Context) (ad.Identity, error)
}

// agent pulls batches, applies and acknowledges them, and reports what is there.
// One goroutine does all of it: there is one writer.
type agent struct {
	queue     relay.Queue
	connect   func(ctx context.Context, attrs []string) (*session, error)
	target    string
	base      string
	policy    policy
	highFile  string
	lineFile  string
	scanEvery time.Duration
	pollEvery time.Duration // at the latest; 0: as the relay says
	log       *slog.Logger
	now       func() time.Time

	high     highWater
	session  *session  // nil: not connected
	scanned  time.Time // when a full scan was last begun
	closed   uint64    // the last batch known finished or closed
	answered struct {  // when the relay's wish to read was last met
		state string
		at    time.Time
	}
}

// session is a connection to one domain controller.
type session struct {
	domain
	identity ad.Identity
	attrs    []string
	close    func()
}

func (s *session) lineage() relay.DC {
	if s == nil {
		return relay.DC{}
	}
	return relay.DC{Name: s.identity.Server, InvocationID: string(s.identity.Invocation), USN: s.identity.USN}
}

// maxSkew is how far this clock and the relay's may differ: leases and expiry
// are times.
const maxSkew = 2 * time.Minute

func checkClock(here, relays time.Time) error {
	if skew := here.Sub(relays); skew.Abs() > maxSkew {
		return fmt.Errorf("this clock and the relay's differ by %s: set the clock", skew.Abs().Round(time.Second))
	}
	return nil
}

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
			pause = min(max(2*pause, 250*time.Millisecond), most)
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
	r, err := a.queue.Poll(ctx, relay.Poll{DC: a.session.lineage()})
	if err != nil {
		return 0, err
	}
	if err := checkClock(a.now(), r.Now); err != nil {
		return 0, err
	}
	if len(r.Attrs) == 0 {
		return a.soon(5 * time.Second), nil // no planner has run yet
	}
	if r.Epoch > a.high.Epoch {
		a.closed = 0
	}
	a.closed = max(a.closed, r.Closed)
	restored, err := a.dial(ctx, r.Attrs)
	if err != nil {
		return 0, err
	}
	if restored {
		return 0, a.lost(a.startOver(ctx, r, "the domain controller was restored or replaced"))
	}
	if err := a.report(ctx, r); err != nil {
		return 0, a.lost(err)
	}
	if r.Batch == nil {
		return a.soon(time.Duration(r.Next * float64(time.Second))), nil
	}
	return 0, a.lost(a.work(ctx, r))
}

// soon is when to ask the relay again if it needs nothing before next.
func (a *agent) soon(next time.Duration) time.Duration {
	if a.pollEvery > 0 {
		next = min(next, a.pollEvery)
	}
	return next
}

// dial connects if there is no connection, or if other attributes are to be
// read. restored says that the domain controller's database is not the one, or
// is older than, what this agent has written to.
func (a *agent) dial(ctx context.Context, attrs []string) (restored bool, err error) {
	if a.session != nil && slices.Equal(attrs, a.session.attrs) {
		return false, nil
	}
	a.hangUp()
	s, err := a.connect(ctx, attrs)
	if err != nil {
		return false, err
	}
	a.session = s
	last, err := readLineage(a.lineFile)
	if err != nil {
		return false, err
	}
	return last.setBack(s.lineage()), nil
}

// startOver is for a directory or a journal that was set back: the plan in flight
// was made for another state, and all of it is read again before anything is written.
func (a *agent) startOver(ctx context.Context, r relay.PollReply, why string) error {
	a.log.Warn("reading all of the directory again", "why", why)
	if r.Batch != nil {
		if err := a.refuse(ctx, r, why); err != nil {
			return err
		}
	}
	return a.full(ctx, true)
}

// lost hangs up after an error of the connection: the next turn dials again.
func (a *agent) lost(err error) error {
	if errors.Is(err, ad.ErrConnection) {
		a.hangUp()
	}
	return err
}

func (a *agent) hangUp() {
	if a.session != nil {
		a.session.close()
		a.session = nil
	}
}
