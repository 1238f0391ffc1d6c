package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/relay"
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
	asked := a.unmet(r)
	due := a.reading.owed || a.now().Sub(a.reading.scanned) >= a.scanEvery
	if !due && r.Batch == nil && !reflect.DeepEqual(r.Wants, a.reading.wants) {
		due = a.reading.whole.AllowN(a.now(), 1)
	}
	answer := true
	var report func() error
	switch {
	case asked && r.ReadAll && a.reading.whole.AllowN(a.now(), 1):
		report = func() error { return a.full(ctx, true, r.Wants) }
	case !r.ReadAll && len(a.wanted(r)) > 0:
		report, answer = func() error { return a.named(ctx, r) }, asked
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

// unmet says whether the relay's wish to read was not met yet, or nobody has heard that it was.
func (a *agent) unmet(r relay.PollReply) bool {
	return r.State != a.reading.answered.state || a.now().Sub(a.reading.answered.at) > answerAgain
}

// wanted are the named groups that are to be read now. Of a wish that was met they are those
// whose reading failed: nobody asks for them in another way, since for the relay nothing has
// changed.
func (a *agent) wanted(r relay.PollReply) (ids []directory.ID) {
	asked := a.unmet(r)
	for _, id := range r.Read[:min(len(r.Read), mostNamed)] {
		if f := a.reading.unread[id]; f == nil && asked || f != nil && f.over(a.now()) {
			ids = append(ids, id)
		}
	}
	return ids
}

// full reports every group that we own. One with content is asked for where
// something is in doubt, and so proves that there is nothing else.
func (a *agent) full(ctx context.Context, content bool, wants relay.Wants) error {
	began := a.now()
	if err := a.restores(ctx); err != nil {
		return err
	}
	report := relay.Report{Full: true, After: a.closed, Found: a.inspect(ctx, wants)}
	rows := a.rows()
	defer rows.drop()
	var err error
	if report.Target.Exchange, err = a.exchange(ctx); err != nil {
		return err
	}
	graves, err := a.graves(ctx)
	if err != nil {
		return err
	}
	err = a.session.Scan(ctx, func(x ad.Row) error {
		a.keepLease(ctx)
		delete(graves, x.Group.ID) // another one stands for it
		return rows.add(row(x, report.After, content))
	})
	if err == nil && content {
		report.Proven, report.Blind, err = a.prove(ctx)
	}
	if err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(graves), directory.ID.Compare) {
		grave := graves[id]
		report.Graves = append(report.Graves, relay.Gone{ID: id, After: a.closed, Grave: &grave})
	}
	if err := a.send(ctx, report, rows); err != nil {
		return err
	}
	a.reading.scanned, a.reading.owed, a.reading.wants = began, false, wants
	if err := a.remember(ctx); err != nil {
		return err
	}
	a.log.Info("report", "groups", rows.groups, "content", content, "took", a.now().Sub(began).Round(time.Millisecond))
	return nil
}

// exchange is what the forest has of Exchange, or why that cannot be said: groups go on
// without. An error is one of the connection.
func (a *agent) exchange(ctx context.Context) (exchange.Site, error) {
	site, err := a.session.Exchange(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return exchange.Site{}, err
	case err != nil:
		a.log.Warn("what there is of Exchange cannot be read", "err", err)
		return exchange.Site{Unread: err.Error()}, nil
	}
	return site, nil
}

// prove says whether the account sees all that is there, or why that is not sure.
func (a *agent) prove(ctx context.Context) (proven bool, blind string, err error) {
	blind, err = a.session.Sight(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return false, "", err
	case err != nil:
		blind = err.Error()
	}
	if blind != "" {
		a.log.Warn("groups may be there that this account does not see", "why", blind)
	}
	return blind == "", blind, nil
}

// named reports groups that were asked for. One whose reading fails is left out, and
// read again later: the others do not wait for it.
func (a *agent) named(ctx context.Context, r relay.PollReply) error {
	report := relay.Report{After: a.closed}
	rows := a.rows()
	defer rows.drop()
	maps.DeleteFunc(a.reading.unread, func(id directory.ID, _ *failure) bool { return !slices.Contains(r.Read, id) })
	for _, id := range a.wanted(r) {
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
			err = rows.add(row(x, a.closed, true))
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
	if rows.groups+len(report.Absent) == 0 {
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
func (a *agent) tellNamed(ctx context.Context, report relay.Report, rows *rows) (err error) {
	if len(report.Absent) > 0 {
		if err := a.restores(ctx); err != nil { // who may not have them back sees none
			return err
		}
		if report.Proven, report.Blind, err = a.prove(ctx); err != nil {
			return err
		}
		if !report.Proven {
			report.Absent = nil
		}
	}
	return a.send(ctx, report, rows)
}

// row is a group in the relay's words. Of one that is in trouble what could be read
// is told, but never a half of it.
func row(x ad.Row, after uint64, content bool) relay.Row {
	r := relay.Row{ID: x.Group.ID, GUID: x.Group.GUID, After: after, USN: x.USN, Fence: x.Fence, SID: x.SID, Trouble: x.Trouble}
	if !x.Whole() {
		return r
	}
	r.Digest = x.Group.Digest()
	if content {
		r.Group = &x.Group
	}
	return r
}

// send sends a report in its parts.
func (a *agent) send(ctx context.Context, whole relay.Report, rows *rows) error {
	var err error
	if whole.Grounds, err = a.grounds(ctx); err != nil {
		return err
	}
	whole.ID, whole.Parts = relay.ReportID(a.now()), rows.parts()
	site := whole.Target.Exchange
	whole.High, whole.Target = relay.Mark{Epoch: a.high.Epoch, Seq: a.high.Seq}, a.place
	whole.Target.Exchange = site
	whole.For, whole.Instance = a.self.For, a.self.Instance
	return rows.each(func(n int, some []relay.Row) error {
		a.keepLease(ctx)
		part := whole
		part.Part, part.Rows = n, some
		if n > 1 {
			part.Absent, part.Graves, part.Found, part.Target.Exchange = nil, nil, nil, exchange.Site{}
		}
		if err := a.queue.Report(ctx, part); err != nil {
			return untold{fmt.Errorf("report part %d of %d: %w", n, whole.Parts, err)}
		}
		return nil
	})
}

// untold is why a report did not arrive.
type untold struct{ error }

func (u untold) Unwrap() error { return u.error }

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
	if _, isUntold := errors.AsType[untold](err); isUntold {
		return
	}
	a.reading.owed = true
	word := relay.Report{ID: relay.ReportID(a.now()), Part: 1, Parts: 1, After: a.closed, Target: a.place, For: a.self.For, Instance: a.self.Instance,
		High: relay.Mark{Epoch: a.high.Epoch, Seq: a.high.Seq}, Rows: []relay.Row{}, Blind: "the directory could not be read: " + err.Error()}
	if err := a.queue.Report(ctx, word); err != nil {
		a.log.Warn("the relay was not told of it", "err", err)
	}
}
