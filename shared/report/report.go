// Package report reads what one installation owns in a directory, and what a check would find
// of the place where it writes, and puts both into the words of the relay. The agent tells
// them so, and the pilot looks at them so.
//
// It writes nothing, and can write nothing: what it is given reads. What it keeps true: a
// report is whole or an error; of what could not be read of one thing the reason is told,
// and never that the thing is not there.
package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// Directory is what a full report is read from: an *ad.Domain, or an *ad.Reader.
type Directory interface {
	Scan(ctx context.Context, each func(ad.Row) error) error
	Sight(ctx context.Context) (blind string, err error)
	Exchange(ctx context.Context) (exchange.Site, error)
	Restoring(ctx context.Context) (lacks string, err error)
	Graves(ctx context.Context) (map[directory.ID]plan.Grave, error)
}

// Reader reads for reports. An error of its methods is one of the connection, or of a scan.
type Reader struct {
	Directory Directory
	After     uint64 // the last batch whose work the reading shows
	Log       *slog.Logger
	Alive     func(context.Context) // is called between groups; nil: nothing is
}

// Full reads every group that is owned, into rows, and what stands once in a report of them.
// One with content is asked for where something is in doubt, and so proves that there is
// nothing else.
func (r Reader) Full(ctx context.Context, content bool, rows *Rows) (relay.Report, error) {
	report := relay.Report{Full: true, After: r.After}
	var err error
	if report.Target.Restores, err = r.Restores(ctx); err != nil {
		return report, err
	}
	if report.Target.Exchange, err = r.exchange(ctx); err != nil {
		return report, err
	}
	graves, err := r.graves(ctx, report.Target.Restores)
	if err != nil {
		return report, err
	}
	err = r.Directory.Scan(ctx, func(x ad.Row) error {
		if r.Alive != nil {
			r.Alive(ctx)
		}
		delete(graves, x.Group.ID) // another one stands for it
		return rows.Add(Row(x, r.After, content))
	})
	if err == nil && content {
		report.Proven, report.Blind, err = r.Prove(ctx)
	}
	if err != nil {
		return report, err
	}
	for _, id := range slices.SortedFunc(maps.Keys(graves), directory.ID.Compare) {
		grave := graves[id]
		report.Graves = append(report.Graves, relay.Gone{ID: id, After: r.After, Grave: &grave})
	}
	return report, nil
}

// exchange is what the forest has of Exchange, or why that cannot be said: groups go on
// without. An error is one of the connection.
func (r Reader) exchange(ctx context.Context) (exchange.Site, error) {
	site, err := r.Directory.Exchange(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return exchange.Site{}, err
	case err != nil:
		r.Log.Warn("what there is of Exchange cannot be read", "err", err)
		return exchange.Site{Unread: err.Error()}, nil
	}
	return site, nil
}

// Prove says whether the account sees all that is there, or why that is not sure.
func (r Reader) Prove(ctx context.Context) (proven bool, blind string, err error) {
	blind, err = r.Directory.Sight(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return false, "", err
	case err != nil:
		blind = err.Error()
	}
	if blind != "" {
		r.Log.Warn("groups may be there that this account does not see", "why", blind)
	}
	return blind == "", blind, nil
}

// Restores says whether the account could have deleted groups back.
func (r Reader) Restores(ctx context.Context) (bool, error) {
	lacks, err := r.Directory.Restoring(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return false, err
	case err != nil:
		r.Log.Warn("whether deleted groups can be restored is not known", "err", err)
	}
	return err == nil && lacks == "", nil
}

// mostGraves is how many deleted groups a report tells of: beyond that a group is asked for by
// name when it matters.
const mostGraves = 1000

// graves are the deleted groups that could be restored. What cannot be read is told another
// time. An error is one of the connection.
func (r Reader) graves(ctx context.Context, restores bool) (map[directory.ID]plan.Grave, error) {
	if !restores {
		return nil, nil
	}
	all, err := r.Directory.Graves(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return nil, err
	case err != nil:
		r.Log.Warn("deleted groups cannot be read", "err", err)
	case len(all) > mostGraves:
		r.Log.Warn("there are more deleted groups than a report tells of", "groups", len(all), "most", mostGraves)
		for i, id := range slices.SortedFunc(maps.Keys(all), directory.ID.Compare) {
			if i >= mostGraves {
				delete(all, id)
			}
		}
	}
	return all, nil
}

// Place is the directory that a report is of, as far as its identity says it.
func Place(base string, id ad.Identity) relay.Target {
	return relay.Target{Base: plan.NormalDN(base), BaseGUID: string(id.Base), DomainSID: id.Domain, Domains: id.Domains,
		DC: relay.DC{Name: id.Server, InvocationID: string(id.Invocation), USN: id.USN}, External: id.External}
}

// Row is a group in the relay's words. Of one that is in trouble what could be read
// is told, but never a half of it.
func Row(x ad.Row, after uint64, content bool) relay.Row {
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

// Listener takes a report, part by part: a relay.Queue.
type Listener interface {
	Report(ctx context.Context, r relay.Report) error
}

// Send sends a report in its parts: what it has beside its rows stands in the first. An error
// of the listener is Untold.
func Send(ctx context.Context, to Listener, whole relay.Report, rows *Rows, alive func(context.Context)) error {
	whole.Parts = rows.Parts()
	return rows.each(func(n int, some []relay.Row) error {
		if alive != nil {
			alive(ctx)
		}
		part := whole
		part.Part, part.Rows = n, some
		if n > 1 {
			part.Absent, part.Graves, part.Found, part.Target.Exchange = nil, nil, nil, exchange.Site{}
		}
		if err := to.Report(ctx, part); err != nil {
			return Untold{fmt.Errorf("report part %d of %d: %w", n, whole.Parts, err)}
		}
		return nil
	})
}

// Untold is why a report did not arrive.
type Untold struct{ error }

// Unwrap gives what it wraps.
func (u Untold) Unwrap() error { return u.error }
