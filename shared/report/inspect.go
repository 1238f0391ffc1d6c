package report

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
	"groupwriteback/shared/preflight"
)

// Inspected is what the directory says of itself: an *ad.Domain.
type Inspected interface {
	Powers(ctx context.Context, dn string) (ad.Powers, error)
	Census(ctx context.Context) (ad.Census, error)
	Holds(dn string) bool
}

// Inspection looks at where groups are to be written, and at what the account may do there.
type Inspection struct {
	Domain Inspected
	Top    string // DN of the base
	Target string // the installation
}

// Base tells what the base is, the rights there, and the groups of ours below it.
func (i Inspection) Base(ctx context.Context, l *checklist.List) {
	base := i.Top
	may, err := i.Domain.Powers(ctx, base)
	if err == nil {
		err = fit(base, may)
	}
	l.Say("base", err, fmt.Sprintf("%s, a container (%s)", base, may.Class))
	if err != nil {
		l.Unknown("rights", "the base is not what groups can be written to")
		l.Unknown("groups", "the base is not what groups can be written to")
		l.Unknown("writers", "the base is not what groups can be written to")
		return
	}
	if may.System {
		l.Warn("base", "it is one of Active Directory's own containers: make an OU for the groups, and nothing else")
	}
	there, err := i.Domain.Census(ctx)
	l.Say("rights", errors.Join(mayWrite(base, may), locked(there)), fmt.Sprintf("to create groups, and to change all that is written of them; looked at %d of ours", there.Looked))
	for _, text := range excess(may) {
		l.Warn("rights", text)
	}
	text := fmt.Sprintf("%d of %s", there.Owned, i.Target)
	switch {
	case err == nil && there.Owned == 0 && len(there.Others) > 0:
		l.Warn("groups", fmt.Sprintf("none of %s, but of other installations: %s; is target the right one?", i.Target, others(there)))
	case len(there.Others) > 0:
		l.Good("groups", text+"; of other installations: "+others(there))
	default:
		l.Say("groups", err, text)
	}
	if err != nil {
		l.Unknown("writers", "the groups could not be looked at")
		return
	}
	tellWriters(l, there)
}

// tellWriters says which groups other programs have made for groups of the cloud.
func tellWriters(l *checklist.List, c ad.Census) {
	var words []string
	for _, by := range []struct {
		groups int
		who    string
	}{{c.CloudSync, "as Cloud Sync marks them"}, {c.Connect, "as Entra Connect's group writeback marks them"}} {
		if by.groups > 0 {
			words = append(words, fmt.Sprintf("%d %s", by.groups, by.who))
		}
	}
	if len(words) == 0 {
		l.Good("writers", "no other program has made groups of the cloud here")
		return
	}
	l.Tell(checklist.Row{What: "writers", State: checklist.Warning, Text: "other programs have made groups of the cloud here: " + strings.Join(words, ", ") + "; such as " + c.Example,
		Remedy: "they are never changed, and their cloud groups are not made a second time: leave those out of the rules' scope, or end the other program and take its groups away"})
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

// Container says whether groups can be written to a container that the rules name.
func (i Inspection) Container(ctx context.Context, dn string) (string, error) {
	if !i.Domain.Holds(dn) {
		return "", fmt.Errorf("the rules write to %s, which is neither directory.base nor below it: correct the rules' ou or directory.base", dn)
	}
	if strings.EqualFold(plan.NormalDN(dn), plan.NormalDN(i.Top)) {
		return dn + ", to which the rules write, is the base", nil
	}
	may, err := i.Domain.Powers(ctx, dn)
	if err == nil {
		err = fit(dn, may)
	}
	if err == nil {
		err = mayWrite(dn, may)
	}
	return dn + ", to which the rules write", err
}

// TellRestoring says whether what is deleted can be had back.
func TellRestoring(l *checklist.List, lacks string, err error) {
	if err == nil && lacks != "" {
		err = errors.New("nothing will be deleted, because it could not be had back: " + lacks)
	}
	l.Say("restore", err, "the account sees what was deleted, and may have it back")
}

// TellExchange says what there is of Exchange, and what is missing of what groups with mail
// need. Nothing of that is a failure: groups without mail need none of it.
func TellExchange(l *checklist.List, site exchange.Site, err error, mail bool) {
	if err != nil {
		site = exchange.Site{Unread: err.Error()}
	}
	l.Tell(preflight.Exchange(site, mail)...)
}

// TellSight says whether the account sees all that is below the base.
func TellSight(l *checklist.List, blind string, err error) {
	if err == nil && blind != "" {
		err = errors.New(blind)
	}
	l.Say("sight", err, "the account may list and read all that is below the base")
}

// Called is a domain controller and its domain, for people.
func Called(id ad.Identity) string {
	_, settings, _ := plan.SplitRDN(id.Server) // CN=NTDS Settings,CN=<name>,…
	name, _, _ := plan.SplitRDN(settings)
	return fmt.Sprintf("%s, domain %s, domains in the forest: %d", name, id.Domain, len(id.Domains))
}
