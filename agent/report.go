package main

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/report"
)

// reading is what was reported last, and what of it failed.
type reading struct {
	scanned  time.Time     // when the last scan of everything that was reported was begun
	owed     bool          // the relay was told that nothing can be read: a scan takes that back
	wants    relay.Wants   // what that which was reported last was looked at for
	whole    *rate.Limiter // of scans of everything that the relay asks for
	answered struct {      // when the relay's wish to read was last met
		state string
		at    time.Time
	}
	failed failure
	unread map[directory.ID]*failure // named groups whose reading failed
}

// Limits of what a relay may have read: a scan of everything takes a large
// directory minutes.
const (
	wholeEvery  = time.Minute
	wholeAtOnce = 10 // one behind the other: a planner in doubt reads three times
	mostNamed   = 1000
)

// answerAgain is after how long an answer that no planner has folded is given
// again.
const answerAgain = 5 * time.Minute

// report tells what is there, and looks after what becomes of that: what cannot be
// read or told now is tried again later, and the work goes on meanwhile.
func (a *agent) report(ctx context.Context, r relay.PollReply) {
	if !a.reading.failed.over(a.now()) {
		return
	}
	switch err := a.lost(a.tell(ctx, r)); {
	case ctx.Err() != nil:
	case err == nil:
		a.reading.failed = failure{}
	default:
		a.complain(ctx, err)
	}
}

// tell reports what the relay asks for with its content, and everything by its
// digest when it is time.
func (a *agent) tell(ctx context.Context, r relay.PollReply) error {
	asked := r.State != a.reading.answered.state || a.now().Sub(a.reading.answered.at) > answerAgain
	due := a.reading.owed || a.now().Sub(a.reading.scanned) >= a.scanEvery
	if !due && r.Batch == nil && !reflect.DeepEqual(r.Wants, a.reading.wants) {
		due = a.reading.whole.AllowN(a.now(), 1)
	}
	answer := true
	var report func() error
	switch {
	case asked && r.ReadAll && a.reading.whole.AllowN(a.now(), 1):
		report = func() error { return a.full(ctx, true, r.Wants) }
	case asked && !r.ReadAll && len(r.Read) > 0:
		report = func() error { return a.named(ctx, r) }
	case due && r.Batch == nil:
		report, answer = func() error { return a.full(ctx, false, r.Wants) }, false
	default:
		return nil
	}
	if err := a.awake(ctx, r.Attrs); err != nil || a.doubt.any() { // which the next turn sees to
		return err
	}
	if err := report(); err != nil {
		return err
	}
	if answer {
		a.reading.answered.state, a.reading.answered.at = r.State, a.now()
	}
	return nil
}

// full reports every group that we own. One with content is asked for where
// something is in doubt, and so proves that there is nothing else.
func (a *agent) full(ctx context.Context, content bool, wants relay.Wants) error {
	began := a.now()
	rows := a.rows()
	defer rows.Drop()
	report, err := a.reader().Full(ctx, content, rows)
	if err != nil {
		return err
	}
	a.place.Restores = report.Target.Restores
	report.Found = a.inspect(ctx, wants)
	if err := a.send(ctx, report, rows); err != nil {
		return err
	}
	a.reading.scanned, a.reading.owed, a.reading.wants = began, false, wants
	if err := a.remember(ctx); err != nil {
		return err
	}
	a.log.Info("report", "groups", rows.Groups, "content", content, "took", a.now().Sub(began).Round(time.Millisecond))
	return nil
}

// rows are those of a report, beside the agent's memory where they are many.
func (a *agent) rows() *report.Rows { return &report.Rows{Scratch: a.memory.scratch} }

// reader reads for a report.
func (a *agent) reader() report.Reader {
	return report.Reader{Directory: a.session, After: a.closed, Log: a.log, Alive: a.keepLease}
}

// row is a group in the relay's words, with its content.
func (a *agent) row(x ad.Row) relay.Row { return report.Row(x, a.closed, true) }

// named reports groups that were asked for. One whose reading fails is left out, and
// read again later each time it is asked for: the others do not wait for it.
func (a *agent) named(ctx context.Context, r relay.PollReply) error {
	report := relay.Report{After: a.closed}
	rows := a.rows()
	defer rows.Drop()
	ids := r.Read[:min(len(r.Read), mostNamed)]
	maps.DeleteFunc(a.reading.unread, func(id directory.ID, _ *failure) bool { return !slices.Contains(ids, id) })
	for _, id := range ids {
		if f := a.reading.unread[id]; f != nil && !f.over(a.now()) {
			continue
		}
		a.keepLease(ctx)
		if err := a.dial(ctx, r.Attrs); err != nil {
			return err
		}
		x, found, err := a.session.Read(ctx, id, r.Known[id])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			a.leaveOut(id, a.lost(err))
			continue
		case found:
			err = rows.Add(a.row(x))
		default:
			grave, err := a.grave(ctx, id, r.Known[id])
			if err != nil {
				a.leaveOut(id, a.lost(err))
				continue
			}
			report.Absent = append(report.Absent, relay.Gone{ID: id, After: a.closed, Grave: grave})
		}
		if err != nil {
			return err
		}
		delete(a.reading.unread, id)
	}
	if rows.Groups+len(report.Absent) == 0 {
		return nil
	}
	if err := a.dial(ctx, r.Attrs); err != nil {
		return err
	}
	return a.tellNamed(ctx, report, rows)
}

// leaveOut notes that a group could not be read.
func (a *agent) leaveOut(id directory.ID, err error) {
	if a.reading.unread == nil {
		a.reading.unread = map[directory.ID]*failure{}
	}
	f := a.reading.unread[id]
	if f == nil {
		f = &failure{}
		a.reading.unread[id] = f
	}
	if f.isNew(a.now(), err) {
		a.log.Error("group not read", "group", id, "err", err, "again_in", f.pause)
	}
}

// tellNamed sends a report of named groups. A group is gone only for an account that
// was proved to see all that is there.
func (a *agent) tellNamed(ctx context.Context, report relay.Report, rows *report.Rows) (err error) {
	if len(report.Absent) > 0 {
		if report.Proven, report.Blind, err = a.reader().Prove(ctx); err != nil {
			return err
		}
		if !report.Proven {
			report.Absent = nil
		}
	}
	return a.send(ctx, report, rows)
}

// send sends a report in its parts.
func (a *agent) send(ctx context.Context, whole relay.Report, rows *report.Rows) error {
	var err error
	if whole.Grounds, err = a.grounds(ctx); err != nil {
		return err
	}
	whole.ID = relay.ReportID(a.now())
	site := whole.Target.Exchange
	whole.High, whole.Target = relay.Mark{Epoch: a.high.Epoch, Seq: a.high.Seq}, a.place
	whole.Target.Exchange = site
	whole.For, whole.Instance = a.self.For, a.self.Instance
	return report.Send(ctx, a.queue, whole, rows, a.keepLease)
}

// failure is why the last report was not made.
type failure struct {
	kind   string
	logged time.Time
	pause  time.Duration
	again  time.Time // when the next try is due
}

// How long the next try waits after a report that failed, at first and at most, and
// after how long a failure that lasts is logged again.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	remind     = time.Hour
)

func (f *failure) over(now time.Time) bool { return !now.Before(f.again) }

// isNew notes one more failure, and says whether it is to be told.
func (f *failure) isNew(now time.Time, err error) bool {
	f.pause = min(max(2*f.pause, firstPause), lastPause)
	f.again = now.Add(f.pause)
	kind := kindOf(err)
	if kind == f.kind && now.Sub(f.logged) < remind {
		return false
	}
	f.kind, f.logged = kind, now
	return true
}

var digits = regexp.MustCompile(`[0-9]+`)

// kindOf is an error without its numbers: ports and counts differ each time.
func kindOf(err error) string {
	return digits.ReplaceAllString(err.Error(), "0")
}

// complain says, once for each kind, why a report was not made: in the log, and to
// the relay by a report that names nothing and says itself blind.
func (a *agent) complain(ctx context.Context, err error) {
	f := &a.reading.failed
	if !f.isNew(a.now(), err) {
		return
	}
	a.log.Error("report failed", "err", err, "again_in", f.pause)
	if _, isUntold := errors.AsType[report.Untold](err); isUntold {
		return
	}
	a.reading.owed = true
	word := relay.Report{ID: relay.ReportID(a.now()), Part: 1, Parts: 1, After: a.closed, Target: a.place, For: a.self.For, Instance: a.self.Instance,
		High: relay.Mark{Epoch: a.high.Epoch, Seq: a.high.Seq}, Rows: []relay.Row{}, Blind: "the directory could not be read: " + err.Error()}
	if err := a.queue.Report(ctx, word); err != nil {
		a.log.Warn("the relay was not told of it", "err", err)
	}
}
