package main

import (
	"context"
	"fmt"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/report"
)

// place is the directory as a check sees it.
type place struct {
	domain *ad.Domain
	close  func()
}

// checkDirectory signs in, and says what the base is, what the account may do there and
// what it sees. The error is one of the sign-in, which is told already.
func (c config) checkDirectory(ctx context.Context, l *checklist.List) (*place, error) {
	d, hangUp, err := c.connect(ctx, c.directoryCaution())
	if err != nil {
		l.Bad("directory", err)
		for _, what := range []string{"base", "rights", "groups", "writers", "sight", "exchange"} {
			l.Unknown(what, "the directory could not be asked")
		}
		return nil, err
	}
	p := &place{d, hangUp}
	l.Good("directory", report.Called(d.Identity))
	nobody, err := d.Strangers(ctx, c.Policy.sids())
	if err != nil {
		l.Bad("policy", err)
	}
	for _, sid := range nobody {
		l.Warn("policy", fmt.Sprintf("never: nobody in this domain has %s: is it meant?", sid))
	}
	p.inspection().Base(ctx, l)
	if c.Policy.Delete {
		lacks, err := d.Restoring(ctx)
		report.TellRestoring(l, lacks, err)
	}
	blind, err := d.Sight(ctx)
	report.TellSight(l, blind, err)
	site, err := d.Exchange(ctx)
	report.TellExchange(l, site, err, false) // whether the rules write mail the relay says
	return p, nil
}

func (p *place) inspection() report.Inspection {
	return report.Inspection{Domain: p.domain, Top: p.domain.Base, Target: p.domain.Instance}
}
