package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Identity is which directory this is, and which copy of it. A caller compares
// it with what it knew: another Domain or Base is another target, and another
// Invocation or a USN that went back is a restored or another server.
type Identity struct {
	NC         string          // DN of the domain
	Domain     directory.SID   // of the domain
	Domains    []directory.SID // of all domains of the forest, sorted
	Base       plan.GUID       // of the OU
	Server     string          // DN of the domain controller's settings (dsServiceName)
	Invocation plan.GUID       // of the domain controller's database
	USN        int64           // highestCommittedUSN
	External   bool            // the schema has msDS-ExternalDirectoryObjectId

	// Protected are Exchange's own groups, sorted. They are never touched, nor made members.
	// Domain.Exchange brings them up to date.
	Protected []directory.SID
}

// capReadOnly marks a read-only domain controller (MS-ADTS 3.1.1.3.4.3.6).
const capReadOnly = "1.2.840.113556.1.4.1920"

// external is the indexed twin of adminDescription as an ownership mark.
const external = "msDS-ExternalDirectoryObjectId"

// Identify asks the server who it is. It refuses a read-only domain controller,
// and a domain without Base. It does not set d.Identity.
func (d *Domain) Identify(ctx context.Context) (Identity, error) {
	id, err := d.identify(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("identify domain: %w", err)
	}
	return id, nil
}

func (d *Domain) identify(ctx context.Context) (id Identity, err error) {
	root, err := d.must(ctx, query{attrs: []string{"defaultNamingContext", "configurationNamingContext", "schemaNamingContext",
		"dsServiceName", "highestCommittedUSN", "supportedCapabilities"}})
	if err != nil {
		return id, err
	}
	if slices.Contains(root.GetAttributeValues("supportedCapabilities"), capReadOnly) {
		return id, errors.New("the domain controller is read-only: name a writable one")
	}
	id.NC, id.Server = plainDN(root.GetAttributeValue("defaultNamingContext")), plainDN(root.GetAttributeValue("dsServiceName"))
	if id.USN, err = strconv.ParseInt(root.GetAttributeValue("highestCommittedUSN"), 10, 64); err != nil {
		return id, fmt.Errorf("read highestCommittedUSN: %w", err)
	}
	if id.Domain, err = d.domainSID(ctx, id.NC); err != nil {
		return id, err
	}
	config := plainDN(root.GetAttributeValue("configurationNamingContext"))
	if id.Domains, err = d.forest(ctx, config); err != nil {
		return id, err
	}
	if id.Protected, err = d.exchangeGroups(ctx, config); err != nil {
		return id, err
	}
	if !slices.Contains(id.Domains, id.Domain) {
		return id, fmt.Errorf("the forest's list of domains lacks %s: let the account read CN=Partitions", id.NC)
	}
	if id.Invocation, err = d.guid(ctx, id.Server, "invocationId"); err != nil {
		return id, err
	}
	if id.Base, err = d.guid(ctx, d.Base, "objectGUID"); err != nil {
		return id, err
	}
	schema := query{base: plainDN(root.GetAttributeValue("schemaNamingContext")), scope: ldap.ScopeSingleLevel,
		filter: "(lDAPDisplayName=" + external + ")", attrs: []string{"cn"}}
	_, id.External, err = d.entry(ctx, schema)
	return id, err
}

func (d *Domain) domainSID(ctx context.Context, nc string) (directory.SID, error) {
	e, err := d.must(ctx, query{base: nc, attrs: []string{"objectSid"}})
	if err != nil {
		return "", err
	}
	return DecodeSID(e.GetRawAttributeValue("objectSid"))
}

// forest lists the SIDs of the forest's domains: its crossRef objects that stand
// for a domain (FLAG_CR_NTDS_DOMAIN, MS-ADTS 6.1.1.2.1.1.1.2), whose nCName has
// the SID in its extended form.
func (d *Domain) forest(ctx context.Context, config string) (sids []directory.SID, err error) {
	domains := query{base: "CN=Partitions," + config, scope: ldap.ScopeSingleLevel, attrs: []string{"nCName"}, page: 1000,
		filter: "(&(objectClass=crossRef)(systemFlags:" + bitAnd + ":=2))"}
	err = d.search(ctx, domains, func(e *ldap.Entry) error {
		l, err := parseLink(e.GetAttributeValue("nCName"))
		if err == nil && l.sid != "" {
			sids = append(sids, l.sid)
		}
		return err
	})
	slices.Sort(sids)
	return sids, err
}

// bitAnd is LDAP_MATCHING_RULE_BIT_AND (MS-ADTS 3.1.1.3.4.4.1).
const bitAnd = "1.2.840.113556.1.4.803"

func (d *Domain) guid(ctx context.Context, dn, attr string) (plan.GUID, error) {
	e, err := d.must(ctx, query{base: dn, attrs: []string{attr}})
	if err != nil {
		return "", err
	}
	value := e.GetRawAttributeValue(attr)
	if len(value) == 0 {
		return "", fmt.Errorf("the account may not read %s of %s: let it", attr, dn)
	}
	g, err := DecodeGUID(value)
	if err != nil {
		return "", fmt.Errorf("read %s of %s: %w", attr, dn, err)
	}
	return g, nil
}

// must reads one object that has to be there.
func (d *Domain) must(ctx context.Context, q query) (*ldap.Entry, error) {
	e, found, err := d.entry(ctx, q)
	if err == nil && !found {
		err = fmt.Errorf("%q does not exist, or the account may not read it: correct its name, make it, or let the account read it", q.base)
	}
	return e, err
}
