package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/relay"
)

// report tells what is there: what the relay asks for with its content, and
// everything by its digest when it is time.
func (a *agent) report(ctx context.Context, r relay.PollReply) (err error) {
	due := a.now().Sub(a.scanned) >= a.scanEvery
	asked := (r.ReadAll || len(r.Read) > 0) && (r.State != a.answered.state || a.now().Sub(a.answered.at) > answerAgain)
	switch {
	case asked && r.ReadAll:
		err = a.full(ctx, true)
	case asked:
		err = a.named(ctx, r.Read)
	case due && r.Batch == nil:
		return a.full(ctx, false)
	default:
		return nil
	}
	if err == nil {
		a.answered.state, a.answered.at = r.State, a.now()
	}
	return err
}

// answerAgain is after how long an answer that no planner has folded is given
// again.
const answerAgain = 5 * time.Minute

// full reports every group that we own; what it does not name is not there. One
// with content is asked for where something is in doubt, and so proves that there
// is nothing else.
func (a *agent) full(ctx context.Context, content bool) error {
	began := a.now()
	rows, report := []relay.Row{}, relay.Report{Full: true, After: a.closed}
	err := a.session.Scan(ctx, func(x ad.Row) error {
		rows = append(rows, row(x, report.After, content))
		return nil
	})
	if err == nil && content {
		report.Proven, report.Blind, err = a.prove(ctx)
	}
	if err != nil {
		return err
	}
	report.Rows = rows
	if err := a.send(ctx, report); err != nil {
		return err
	}
	a.scanned = began
	if err := a.remember(ctx); err != nil {
		return err
	}
	a.log.Info("report", "groups", len(rows), "content", content, "took", a.now().Sub(began).Round(time.Millisecond))
	return nil
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

// named reports groups that were asked for.
func (a *agent) named(ctx context.Context, ids []directory.ID) error {
	report := relay.Report{After: a.closed}
	for _, id := range ids {
		x, found, err := a.session.Read(ctx, id, "")
		switch {
		case err != nil:
			return err
		case found:
			report.Rows = append(report.Rows, row(x, a.closed, true))
		default:
			report.Absent = append(report.Absent, relay.Gone{ID: id, After: a.closed})
		}
	}
	return a.send(ctx, report)
}

func row(x ad.Row, after uint64, content bool) relay.Row {
	r := relay.Row{ID: x.Group.ID, GUID: x.Group.GUID, Digest: x.Group.Digest(), After: after, USN: x.USN, Fence: x.Fence}
	if content {
		r.Group = &x.Group
	}
	return r
}

// Limits of one part of a report: so many rows, and so many members in them.
const (
	maxRows    = 2000
	maxMembers = 15_000
)

// send sends a report in parts of bearable size. One group's members are never
// divided.
func (a *agent) send(ctx context.Context, r relay.Report) error {
	var parts [][]relay.Row
	members := 0
	for i, row := range r.Rows {
		n := 0
		if row.Group != nil {
			n = len(row.Group.Members)
		}
		if i == 0 || len(parts[len(parts)-1]) >= maxRows || members+n > maxMembers {
			parts, members = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], row)
		members += n
	}
	if len(parts) == 0 {
		parts = [][]relay.Row{nil}
	}
	id := relay.ReportID(a.now())
	for i, rows := range parts {
		p := relay.Report{ID: id, Part: i + 1, Parts: len(parts), Full: r.Full, After: r.After,
			High: relay.Mark{Epoch: a.high.Epoch, Seq: a.high.Seq}, Target: a.where(), Rows: rows, Proven: r.Proven, Blind: r.Blind}
		if i == 0 {
			p.Absent = r.Absent
		}
		if err := a.queue.Report(ctx, p); err != nil {
			return fmt.Errorf("report part %d of %d: %w", i+1, len(parts), err)
		}
	}
	return nil
}
