package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"groupwriteback/shared/graph"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/report"
)

// rounds is how often the directory is read at most: the planner asks again for groups of ours
// of which something is in doubt.
const rounds = 4

// read has the planner read Entra ID to its end, and tells it what is in the directory, until
// neither has a question.
func (p *pilot) read(ctx context.Context) error {
	poll := relay.Poll{Agent: "pilot", Instance: rand.Text(), For: p.target, ReadOnly: true, DC: report.Place(p.base, p.here).DC}
	for range rounds {
		if err := p.plan(ctx); err != nil {
			return err
		}
		r, err := p.journal.Poll(ctx, poll)
		if err != nil {
			return err
		}
		if !r.ReadAll && len(r.Read) == 0 {
			return nil
		}
		if err := p.tell(ctx, poll); err != nil {
			return err
		}
	}
	return nil
}

// plan runs the planner to its end. Graph may ask to wait: nothing of what was read is lost.
func (p *pilot) plan(ctx context.Context) error {
	for {
		err := p.planner.Run(ctx)
		busy, waits := errors.AsType[*graph.NotBefore](err)
		if !waits {
			return err
		}
		wait := max(time.Until(busy.NotBefore()), time.Second)
		p.progress.show("Microsoft Graph asks to wait for " + wait.Round(time.Second).String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell reads the directory as the agent does, and gives the planner the report.
func (p *pilot) tell(ctx context.Context, poll relay.Poll) error {
	p.progress.show("reading groups in " + p.base)
	rows := &report.Rows{Scratch: func() (*os.File, error) { return os.CreateTemp(p.folder, ".rows-") }}
	defer rows.Drop()
	whole, err := report.Reader{Directory: p.domain, Log: slog.New(slog.DiscardHandler)}.Full(ctx, true, rows)
	if err != nil {
		return err
	}
	place := report.Place(p.base, p.here)
	place.Restores, place.Exchange = whole.Target.Restores, whole.Target.Exchange
	whole.Target, whole.ID, whole.For, whole.Instance, whole.Agent = place, relay.ReportID(time.Now()), poll.For, poll.Instance, poll.Agent
	keep := func(ctx context.Context) { _, _ = p.journal.Poll(ctx, poll) } // a report is taken from who holds the lease
	keep(ctx)
	if err := report.Send(ctx, p.journal, whole, rows, keep); err != nil {
		return fmt.Errorf("give the planner what is in the directory: %w", err)
	}
	return nil
}
