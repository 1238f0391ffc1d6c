package main

import (
	"context"
	"errors"
	"fmt"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/preflight"
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
	l.Good("directory", p.identity())
	nobody, err := d.Strangers(ctx, c.Policy.sids())
	if err != nil {
		l.Bad("policy", err)
	}
	for _, sid := range nobody {
		l.Warn("policy", fmt.Sprintf("never: nobody in this domain has %s: is it meant?", sid))
	}
	p.inspection().base(ctx, l)
	if c.Policy.Delete {
		lacks, err := d.Restoring(ctx)
		tellRestoring(l, lacks, err)
	}
	blind, err := d.Sight(ctx)
	if err == nil && blind != "" {
		err = errors.New(blind)
	}
	l.Say("sight", err, "the account may list and read all that is below the base")
	site, err := d.Exchange(ctx)
	tellExchange(l, site, err)
	return p, nil
}

// tellRestoring says whether what is deleted can be had back.
func tellRestoring(l *checklist.List, lacks string, err error) {
	if err == nil && lacks != "" {
		err = errors.New("nothing will be deleted, because it could not be had back: " + lacks)
	}
	l.Say("restore", err, "the account sees what was deleted, and may have it back")
}

// tellExchange says what there is of Exchange, and what is missing of what groups with mail
// need. Nothing of that is a failure: groups without mail need none of it.
func tellExchange(l *checklist.List, site exchange.Site, err error) {
	if err != nil {
		site = exchange.Site{Unread: err.Error()}
	}
	l.Tell(preflight.Exchange(site, false)...)
}

func (p *place) inspection() inspection {
	return inspection{domain: p.domain, top: p.domain.Base, target: p.domain.Instance}
}

func (p *place) identity() string {
	id := p.domain.Identity
	_, settings, _ := plan.SplitRDN(id.Server) // CN=NTDS Settings,CN=<name>,…
	name, _, _ := plan.SplitRDN(settings)
	return fmt.Sprintf("%s, domain %s, domains in the forest: %d", name, id.Domain, len(id.Domains))
}
