package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
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
		for _, what := range []string{"base", "rights", "groups", "sight", "exchange"} {
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
	p.checkBase(ctx, l)
	if c.Policy.Delete {
		lacks, err := d.Restoring(ctx)
		if err == nil && lacks != "" {
			err = errors.New("nothing will be deleted, because it could not be had back: " + lacks)
		}
		l.Say("restore", err, "the account sees what was deleted, and may have it back")
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

// tellExchange says what there is of Exchange, and what is missing of what groups with mail
// need. Nothing of that is a failure: groups without mail need none of it.
func tellExchange(l *checklist.List, site exchange.Site, err error) {
	if err != nil {
		l.Warn("exchange", err.Error()+"; groups with mail wait, all others do not")
		return
	}
	l.Good("exchange", site.String())
	if site.None() {
		return
	}
	for _, lack := range site.Lacks() {
		l.Warn("exchange", lack.Text)
	}
}

func (p *place) identity() string {
	id := p.domain.Identity
	_, settings, _ := plan.SplitRDN(id.Server) // CN=NTDS Settings,CN=<name>,…
	name, _, _ := plan.SplitRDN(settings)
	return fmt.Sprintf("%s, domain %s, domains in the forest: %d", name, id.Domain, len(id.Domains))
}

// checkBase tells what the base is, the rights there, and the groups of ours below it.
func (p *place) checkBase(ctx context.Context, l *checklist.List) {
	base := p.domain.Base
	may, err := p.domain.Powers(ctx, base)
	if err == nil {
		err = fit(base, may)
	}
	l.Say("base", err, fmt.Sprintf("%s, a container (%s)", base, may.Class))
	if err != nil {
		l.Unknown("rights", "the base is not what groups can be written to")
		l.Unknown("groups", "the base is not what groups can be written to")
		return
	}
	if may.System {
		l.Warn("base", "it is one of Active Directory's own containers: make an OU for the groups, and nothing else")
	}
	there, err := p.domain.Census(ctx)
	l.Say("rights", errors.Join(mayWrite(base, may), locked(there)), fmt.Sprintf("to create groups, and to change all that is written of them; looked at %d of ours", there.Looked))
	for _, text := range excess(may) {
		l.Warn("rights", text)
	}
	if err == nil && there.Owned == 0 && len(there.Others) > 0 {
		l.Warn("groups", fmt.Sprintf("none of %s, but of other installations: %s; is target the right one?", p.domain.Instance, others(there)))
		return
	}
	text := fmt.Sprintf("%d of %s", there.Owned, p.domain.Instance)
	if len(there.Others) > 0 {
		text += "; of other installations: " + others(there)
	}
	l.Say("groups", err, text)
}

// fit says why groups cannot be written below an object.
func fit(dn string, may ad.Powers) error {
	switch {
	case may.Class == "domainDNS":
		return fmt.Errorf("%s is the whole domain: make an OU for the groups, and name that", dn)
	case !may.Container():
		return fmt.Errorf("%s is of the class %s, and groups are written to OUs and containers only: name one", dn, may.Class)
	}
	return nil
}

// leastRights is where the remedy for missing rights is.
const leastRights = "give it the rights of docs/agent.md, \"The least rights in Active Directory\""

// mayWrite says which rights on a container are missing.
func mayWrite(dn string, may ad.Powers) error {
	var errs []error
	if !slices.Contains(may.Creates, "group") {
		errs = append(errs, fmt.Errorf("the account may not create groups in %s: %s", dn, leastRights))
	}
	if len(may.Lacks) > 0 {
		errs = append(errs, fmt.Errorf("of groups in %s the account will not be able to change %s: %s", dn, strings.Join(may.Lacks, ", "), leastRights))
	}
	return errors.Join(errs...)
}

// mostTold is how many groups are named.
const mostTold = 5

// locked says which groups of ours the account cannot write to.
func locked(c ad.Census) error {
	var errs []error
	for i, dn := range slices.Sorted(maps.Keys(c.Locked)) {
		if i == mostTold {
			errs = append(errs, fmt.Errorf("and %d more groups", len(c.Locked)-mostTold))
			break
		}
		errs = append(errs, fmt.Errorf("the account may not change %s of %s: look whether it inherits permissions (a group with adminCount 1 does not)", strings.Join(c.Locked[dn], ", "), dn))
	}
	return errors.Join(errs...)
}

// excess says what the account may do and need not: whoever has its password can do it
// too.
func excess(may ad.Powers) (texts []string) {
	if may.Admin {
		return []string{"the account is an administrator of the domain or the forest, and needs far less: " + leastRights}
	}
	others := slices.DeleteFunc(slices.Clone(may.Creates), func(class string) bool { return class == "group" })
	if len(others) > 0 {
		texts = append(texts, "more than is needed: the account may also create "+list(others))
	}
	if len(may.Writes) > 0 {
		texts = append(texts, "more than is needed: of the container itself the account may change "+list(may.Writes))
	}
	return texts
}

// list names some, and counts the rest.
func list(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// others lists other installations, with how many groups each has.
func others(c ad.Census) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(c.Others)) {
		words = append(words, fmt.Sprintf("%s (%d)", name, c.Others[name]))
	}
	return list(words)
}

// container says whether groups can be written to a container that the rules name.
func (p *place) container(ctx context.Context, dn string) (string, error) {
	if !p.domain.Holds(dn) {
		return "", fmt.Errorf("the rules write to %s, which is neither directory.base nor below it: correct the rules' ou or directory.base", dn)
	}
	if strings.EqualFold(plan.NormalDN(dn), plan.NormalDN(p.domain.Base)) {
		return dn + ", to which the rules write, is the base", nil
	}
	may, err := p.domain.Powers(ctx, dn)
	if err == nil {
		err = fit(dn, may)
	}
	if err == nil {
		err = mayWrite(dn, may)
	}
	return dn + ", to which the rules write", err
}
