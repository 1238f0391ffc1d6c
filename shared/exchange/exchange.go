// Package exchange is what on-premises Exchange is and wants, as far as groups go: what of
// it a forest has, and what stands in the attributes of a group with mail.
//
// It is pure: no context, no clock, no log, no I/O. What no public source tells is marked
// "not verified against Exchange" where it stands.
package exchange

// Site is what a forest has of Exchange, as the agent's account sees it. The zero value is
// a forest without Exchange.
type Site struct {
	Organization string `json:"organization,omitempty"` // DN of its container; empty: there is none
	LegacyDN     string `json:"legacyDN,omitempty"`     // of the administrative group: what legacyExchangeDN begins with, up to /cn=Recipients

	Schema int `json:"schema,omitempty"` // rangeUpper of ms-Exch-Schema-Version-Pt; 0: the schema is not extended
	Forest int `json:"forest,omitempty"` // objectVersion of the organization
	Domain int `json:"domain,omitempty"` // objectVersion of the target's domain; 0: it is not prepared

	Servers       []string `json:"servers,omitempty"`       // serialNumber of each, such as "Version 15.2 (Build 32562.17)"; sorted, unique
	MailRecipient bool     `json:"mailRecipient,omitempty"` // the class group has mailRecipient as an auxiliary one
	Attributes    []string `json:"attributes,omitempty"`    // those of Attributes that a group can have here, by their own names; sorted

	Lists    []AddressList    `json:"lists,omitempty"`    // by DN
	Accepted []AcceptedDomain `json:"accepted,omitempty"` // by name
}

// AddressList is an address list, with the filter that says who is in it.
type AddressList struct {
	DN     string `json:"dn"`
	Filter string `json:"filter,omitempty"` // purportedSearch, an LDAP filter
	System bool   `json:"system,omitempty"` // below All System Address Lists: hidden objects are in it too
}

// AcceptedDomain is a domain that Exchange takes mail for.
type AcceptedDomain struct {
	Name string `json:"name"`
	Type string `json:"type"` // authoritative, internal-relay, external-relay
}
