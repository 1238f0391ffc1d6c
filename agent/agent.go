package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/report"
)

// domain is what the agent needs of Active Directory: an *ad.Domain.
type domain interface {
	reader
	writer
	report.Inspected
}

type reader interface {
	Scan(ctx context.Context, each func(ad.Row) error) error
	Read(ctx context.Context, id directory.ID, guid plan.GUID) (ad.Row, bool, error)
	Sight(ctx context.Context) (blind string, err error)
	Grounds(ctx context.Context) (string, error)
	Identify(ctx context.Context) (ad.Identity, error)
	Exchange(ctx context.Context) (exchange.Site, error)
	Restoring(ctx context.Context) (lacks string, err error)
	Grave(ctx context.Context, id directory.ID, last plan.GUID) (plan.Grave, bool, error)
	Graves(ctx context.Context) (map[directory.ID]plan.Grave, error)
}

type writer interface {
	Apply(ctx context.Context, f plan.Fence, c plan.Change) (plan.Result, error)
	Resolve(ctx context.Context, refs []plan.Ref, known map[directory.ID]plan.GUID) (map[plan.Ref]directory.SID, error)
}

// agent pulls batches, applies and acknowledges them, and reports what is there.
// One goroutine does all of it: there is one writer.
type agent struct {
	queue     relay.Queue
	connect   func(ctx context.Context, attrs []string) (*session, error)
	target    string
	base      string
	policy    policy
	memory    memory // what must survive a restart
	self      relay.Poll
	scanEvery time.Duration
	pollEvery time.Duration // at the latest; 0: as the relay says
	log       *slog.Logger
	now       func() time.Time

	high    highWater
	doubt   doubt
	session *session // nil: not connected
	place   relay.Target
	closed  uint64    // the last batch known finished or closed
	until   time.Time // of the lease
	asked   time.Time // when the relay was last asked for it
	reading reading
}

// session is a connection to one domain controller.
type session struct {
	domain
	identity ad.Identity
	attrs    []string
	close    func()
	heard    time.Time // when the domain controller last answered, as far as that was noted
}

func (s *session) lineage() relay.DC {
	if s == nil {
		return relay.DC{}
	}
	return report.Place("", s.identity).DC
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

// start remembers what an agent before this one has left.
func (a *agent) start() (err error) {
	a.reading.whole = rate.NewLimiter(rate.Every(wholeEvery), wholeAtOnce)
	if a.high, err = a.memory.highWater(); err != nil {
		return err
	}
	a.closed = a.high.Seq
	a.doubt, err = a.memory.doubt()
	return err
}

// turn asks for work once and does it. next is when to ask again. What is there
// is reported after the work and whatever became of it, and a report that fails
// does not fail the turn: neither keeps the other from being done.
func (a *agent) turn(ctx context.Context) (next time.Duration, err error) {
	r, err := a.poll(ctx)
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
	if err := a.dial(ctx, r.Attrs); err != nil {
		return 0, err
	}
	next = a.soon(bounded(r.Next))
	if r.Batch != nil {
		next, err = 0, a.lost(a.work(ctx, r))
	}
	if a.doubt.any() {
		return next, errors.Join(err, a.lost(a.startOver(ctx, r)))
	}
	if a.session != nil { // else the next turn connects again
		a.report(ctx, r)
	}
	return next, err
}

// poll asks the relay for work, and keeps the lease.
func (a *agent) poll(ctx context.Context) (relay.PollReply, error) {
	q := a.self
	q.DC = a.session.lineage()
	r, err := a.queue.Poll(ctx, q)
	if err == nil {
		a.until = r.Until
	}
	a.asked = a.now()
	return r, err
}

// The relay says when it is to be asked again, but neither without a pause nor
// hardly ever.
const (
	soonest = 500 * time.Millisecond
	latest  = 5 * time.Minute
)

// bounded is a number of seconds, whatever it is, as a pause that is bearable.
func bounded(seconds float64) time.Duration {
	if math.IsNaN(seconds) {
		return soonest
	}
	return time.Duration(min(max(seconds, soonest.Seconds()), latest.Seconds()) * float64(time.Second))
}

// soon is when to ask the relay again if it needs nothing before next.
func (a *agent) soon(next time.Duration) time.Duration {
	if a.pollEvery > 0 {
		next = min(next, a.pollEvery)
	}
	return next
}

// dial connects if there is no connection, or if other attributes are to be
// read. A domain controller whose database is not the one, or is older than, what
// this agent has written to is in doubt from then on.
func (a *agent) dial(ctx context.Context, attrs []string) error {
	if a.session != nil && slices.Equal(attrs, a.session.attrs) {
		return nil
	}
	a.hangUp()
	s, err := a.connect(ctx, attrs)
	if err != nil {
		return err
	}
	last, err := a.memory.lineage()
	if err == nil && last.setBack(s.lineage()) {
		err = a.distrust("the domain controller was restored or replaced")
	}
	if err != nil {
		s.close()
		return err
	}
	a.session, s.heard = s, a.now()
	a.locate()
	return nil
}

// idle is after how long a connection is tried before it is used.
const idle = time.Second

// awake makes sure of the connection after a pause: domain controllers end those that
// nobody uses, and neither a change nor a scan should be lost to find that out.
func (a *agent) awake(ctx context.Context, attrs []string) error {
	if s := a.session; s != nil && a.now().Sub(s.heard) > idle {
		if _, err := s.Identify(ctx); err != nil {
			a.hangUp()
		} else {
			s.heard = a.now()
		}
	}
	return a.dial(ctx, attrs)
}

// locate notes what the relay is told of the directory.
func (a *agent) locate() {
	restores := a.place.Restores
	a.place = report.Place(a.base, a.session.identity)
	a.place.Restores = restores
}

// distrust notes, on the disk, that the directory or the journal was set back.
func (a *agent) distrust(why string) error {
	a.doubt = doubt{why}
	return a.memory.store(doubtFile, a.doubt)
}

// startOver is for a directory or a journal that was set back: nothing is written
// before all of it was read again and the report was taken. A crash before that
// finds the doubt on the disk.
func (a *agent) startOver(ctx context.Context, r relay.PollReply) error {
	a.log.Warn("reading all of the directory again", "why", a.doubt.Why)
	if err := a.dial(ctx, r.Attrs); err != nil {
		return err
	}
	if err := a.full(ctx, true, r.Wants); err != nil {
		return err
	}
	a.doubt = doubt{}
	return a.memory.forget(doubtFile)
}

// lost hangs up after an error of the connection: whoever needs it dials again.
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
