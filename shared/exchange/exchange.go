// Package exchange is what on-premises Exchange is and wants, as far as groups go: what of
// it a forest has, and what stands in the attributes of a group with mail.
//
// It is pure: no context, no clock, no log, no I/O. What no public source tells is marked
// "not verified against Exchange" where it stands.
package exchange

import (
	"fmt"
	"reflect"
	"slices"
)

// Site is what a forest has of Exchange, as the agent's account sees it. The zero value is
// a forest without Exchange: neither its schema nor an organization.
type Site struct {
	Organization string `json:"organization,omitempty"` // DN of its container; empty: there is none
	LegacyDN     string `json:"legacyDN,omitempty"`     // of the administrative group: what legacyExchangeDN begins with, up to /cn=Recipients

	Schema int `json:"schema,omitempty"` // rangeUpper of ms-Exch-Schema-Version-Pt; 0: the schema is not extended
	Forest int `json:"forest,omitempty"` // objectVersion of the organization
	Domain int `json:"domain,omitempty"` // objectVersion of the target's domain; 0: it is not prepared

	Systems       []string `json:"systems,omitempty"`       // DNs of the domain's containers of Exchange's system objects: one where it is prepared, and more are a fault; sorted
	Servers       []string `json:"servers,omitempty"`       // serialNumber of each, such as "Version 15.2 (Build 32562.17)"; sorted, unique
	MailRecipient bool     `json:"mailRecipient,omitempty"` // the class group has mailRecipient as an auxiliary one
	Attributes    []string `json:"attributes,omitempty"`    // those of Attributes that a group can have here, by their own names; sorted
	Protected     []string `json:"protected,omitempty"`     // SIDs of Exchange's own groups, which nobody else writes to or nests; sorted

	Lists    []AddressList    `json:"lists,omitempty"`    // by DN
	Accepted []AcceptedDomain `json:"accepted,omitempty"` // by name

	// Unread says why the agent could not read all of that lately; the rest is then what it
	// read last, or nothing.
	Unread string `json:"unread,omitempty"`
}

// AddressList is an address list, with the filter that says who is in it.
type AddressList struct {
	DN     string `json:"dn"`
	GUID   string `json:"guid,omitempty"`   // by which the list is named in showInAddressBook; agents of before do not say it
	Filter string `json:"filter,omitempty"` // purportedSearch, an LDAP filter
	System bool   `json:"system,omitempty"` // below All System Address Lists: hidden objects are in it too
}

// AcceptedDomain is a domain that Exchange takes mail for.
type AcceptedDomain struct {
	Name string `json:"name"` // a wildcard such as *.corp.example stands for all below
	Type string `json:"type"` // Authoritative, InternalRelay or ExternalRelay
}

// Types of accepted domains.
const (
	Authoritative = "authoritative"
	InternalRelay = "internal-relay"
	ExternalRelay = "external-relay"
)

// Limits of what is read and told of one forest. Outlook and Exchange are at the end of
// their strength long before.
const (
	MostLists = 4096
	MostBytes = 1 << 20 // of all names and filters
)

// Attributes are all that we can write of a group because it has mail, by their own names,
// sorted. Those that every group can have (displayName, description, managedBy) are not
// among them.
func Attributes() []string {
	names := []string{
		"mail", "mailNickname", "proxyAddresses", "legacyExchangeDN", "targetAddress", "textEncodedORAddress",
		"msExchRecipientDisplayType", "msExchRecipientTypeDetails", "msExchVersion", "msExchPoliciesExcluded",
		"msExchHideFromAddressLists", "hideDLMembership", "showInAddressBook",
		"msExchRequireAuthToSendTo", "authOrig", "unauthOrig", "dLMemSubmitPerms", "dLMemRejectPerms",
		"reportToOriginator", "reportToOwner", "oOFReplyToOriginator",
		"msExchCoManagedByLink", "msExchGroupJoinRestriction", "msExchGroupDepartRestriction",
	}
	for n := range 15 {
		names = append(names, fmt.Sprintf("extensionAttribute%d", n+1))
	}
	slices.Sort(names)
	return names
}

// None says whether the forest has nothing of Exchange at all.
func (s Site) None() bool { return s.Schema == 0 && s.Organization == "" }

// Same says whether two sites have the same; why one could not be read does not count.
func (s Site) Same(other Site) bool {
	s.Unread, other.Unread = "", ""
	return reflect.DeepEqual(s, other)
}

// Size is about how many bytes a site takes.
func (s Site) Size() (bytes int) {
	for _, texts := range [][]string{{s.Organization, s.LegacyDN, s.Unread}, s.Systems, s.Servers, s.Attributes, s.Protected} {
		for _, text := range texts {
			bytes += len(text)
		}
	}
	for _, l := range s.Lists {
		bytes += len(l.DN) + len(l.GUID) + len(l.Filter)
	}
	for _, d := range s.Accepted {
		bytes += len(d.Name) + len(d.Type)
	}
	return bytes
}
