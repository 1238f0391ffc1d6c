package exchange

import (
	"slices"
	"strings"
)

// The types of an accepted domain.
const (
	Authoritative = "authoritative"  // every recipient of the domain is here
	InternalRelay = "internal-relay" // recipients that are not here are elsewhere in the organization
	ExternalRelay = "external-relay" // all mail goes elsewhere
)

// Warnings are what stands in the way of mail to groups with primary addresses in these domains, by domain: from
// senders on-premises, where it is not delivered here. The send connector's address space and DNS are not seen from
// here: docs/exchange-hybrid.md says how to check them.
func (s Site) Warnings(domains ...string) (faults []Fault) {
	folded := make([]string, len(domains))
	for i, d := range domains {
		folded[i] = strings.ToLower(strings.TrimSpace(d))
	}
	slices.Sort(folded)
	for _, d := range slices.Compact(folded) {
		if what, remedy := s.route(d); what != "" {
			faults = append(faults, Fault{What: what, Remedy: remedy, Warning: true})
		}
	}
	return faults
}

// route says what is wrong with the way of mail for a domain; empty: nothing that is seen from here.
func (s Site) route(domain string) (what, remedy string) {
	const connector = ", and put it into the address space of the send connector to Exchange Online"
	given, _ := tenantDomain(domain)
	accepted, found := s.accepted(domain)
	switch {
	case domain == "" || found && accepted.Type == InternalRelay:
		return "", ""
	case !found && given:
		return "groups have addresses in the tenant's own domain " + domain + " alone, which is no accepted domain of Exchange here: mail from on-premises reaches only those that take mail from outside",
			"give the groups an address in a domain of their own, or accept " + domain + " as an internal relay domain" + connector
	case !found:
		return domain + " is no accepted domain of Exchange here: mail from on-premises reaches only groups that take mail from outside",
			"accept it: New-AcceptedDomain -DomainType InternalRelay" + connector
	case accepted.Type == Authoritative:
		return domain + " is an authoritative domain of Exchange here: it sends no mail for the domain on, also not to a group in the cloud",
			"give groups a domain of their own that is an internal relay domain, or make this one such: Set-AcceptedDomain -DomainType InternalRelay" + connector
	}
	return domain + " is an accepted domain of the type " + accepted.Type + " here; Microsoft names internal relay alone for the domain of groups",
		"Set-AcceptedDomain -DomainType InternalRelay" + connector
}

// accepted is the accepted domain that counts for a domain: itself, or the longest of those that
// stand for all domains below (*.corp.example; * is all).
func (s Site) accepted(domain string) (best AcceptedDomain, found bool) {
	for _, a := range s.Accepted {
		name := strings.ToLower(a.Name)
		below, wild := strings.CutPrefix(name, "*")
		if name != domain && !(wild && strings.HasSuffix(domain, below) && len(domain) > len(below)) {
			continue
		}
		if !found || len(name) > len(best.Name) {
			best, found = a, true
		}
	}
	return best, found
}
