package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// Exchange reads what of Exchange the forest has: from its configuration, its schema and
// the domain. It is all of it, or an error that names what the account may not read; the
// zero value says that there is nothing. It is about twenty searches, none of which reads
// recipients, and writes nothing but d.Identity.Protected.
func (d *Domain) Exchange(ctx context.Context) (exchange.Site, error) {
	s := &siteReader{Domain: d}
	err := d.valid()
	if err == nil {
		err = s.read(ctx)
	}
	if err != nil {
		return exchange.Site{}, fmt.Errorf("look for Exchange: %w", err)
	}
	d.Identity.Protected = s.protected
	if s.site.None() {
		return exchange.Site{}, nil
	}
	return s.site, nil
}

// A siteReader puts a Site together. What it does not find it takes for absent only where
// the account may list what is around it.
type siteReader struct {
	*Domain
	config, schemaNC string
	token            []directory.SID
	site             exchange.Site
	protected        []directory.SID
}

func (s *siteReader) read(ctx context.Context) error {
	root, err := s.must(ctx, query{attrs: []string{"configurationNamingContext", "schemaNamingContext"}})
	if err != nil {
		return err
	}
	s.config, s.schemaNC = plainDN(root.GetAttributeValue("configurationNamingContext")), plainDN(root.GetAttributeValue("schemaNamingContext"))
	if s.token, err = s.Domain.token(ctx); err != nil {
		return err
	}
	if s.protected, err = s.exchangeGroups(ctx, s.config); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.version, s.organization} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if s.site.None() {
		return nil
	}
	for _, step := range []func(context.Context) error{s.domain, s.groupClass, s.attributes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, sid := range s.protected {
		s.site.Protected = append(s.site.Protected, string(sid))
	}
	if n := s.site.Size(); n > exchange.MostBytes {
		return fmt.Errorf("the names and filters of Exchange's lists and servers take %d bytes, and %d is the most that is read", n, exchange.MostBytes)
	}
	return nil
}

// version reads how far the schema was extended.
func (s *siteReader) version(ctx context.Context) error {
	e, found, err := s.object(ctx, "CN=ms-Exch-Schema-Version-Pt,"+s.schemaNC, "rangeUpper")
	if err == nil && found {
		s.site.Schema, err = number(e, "rangeUpper")
	}
	return err
}

// exchangeService is the container of all that Exchange configures in a forest.
func exchangeService(config string) string { return "CN=Microsoft Exchange,CN=Services," + config }

// organization reads the one organization of the forest, and what is in it. What people
// see of lists has names in the language of the setup; these containers have not: not verified
// against Exchange.
func (s *siteReader) organization(ctx context.Context) error {
	_, found, err := s.object(ctx, exchangeService(s.config))
	if err != nil || !found {
		return err
	}
	all, err := s.children(ctx, exchangeService(s.config), "msExchOrganizationContainer", "objectVersion")
	if err != nil || len(all) == 0 {
		return err
	}
	if len(all) > 1 {
		return fmt.Errorf("%s and %s are organizations of Exchange, and a forest has one: delete what is left over", plainDN(all[0].DN), plainDN(all[1].DN))
	}
	s.site.Organization = plainDN(all[0].DN)
	if s.site.Forest, err = number(all[0], "objectVersion"); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.servers, s.lists, s.accepted} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// administrativeGroup is the name that setup gives the one of all servers since 2007.
const administrativeGroup = "Exchange Administrative Group (FYDIBOHF23SPDLT)"

// servers reads the administrative groups and the servers in them. A server that was
// announced and not installed yet has no serialNumber.
func (s *siteReader) servers(ctx context.Context) error {
	groups, err := s.children(ctx, "CN=Administrative Groups,"+s.site.Organization, "msExchAdminGroup", "legacyExchangeDN")
	if err != nil {
		return err
	}
	for _, g := range groups {
		dn := plainDN(g.DN)
		if name, _, _ := plan.SplitRDN(dn); name == administrativeGroup || len(groups) == 1 {
			s.site.LegacyDN = g.GetEqualFoldAttributeValue("legacyExchangeDN")
		}
		servers, err := s.children(ctx, "CN=Servers,"+dn, "msExchExchangeServer", "serialNumber")
		if err != nil {
			return err
		}
		for _, e := range servers {
			s.site.Servers = append(s.site.Servers, e.GetEqualFoldAttributeValues("serialNumber")...)
		}
	}
	slices.Sort(s.site.Servers)
	s.site.Servers = slices.Compact(s.site.Servers)
	return nil
}

// lists reads the address lists: all that is deeper than the containers of lists, of
// which one is of the system.
func (s *siteReader) lists(ctx context.Context) error {
	container := "CN=Address Lists Container," + s.site.Organization
	system := "CN=All System Address Lists," + container
	all, err := s.below(ctx, container, ldap.ScopeWholeSubtree, "addressBookContainer", "purportedSearch")
	if err != nil {
		return err
	}
	for _, e := range all {
		l, err := parseLink(e.DN)
		if err != nil {
			return err
		}
		dn := l.dn
		if _, parent, _ := plan.SplitRDN(dn); strings.EqualFold(parent, plan.NormalDN(container)) {
			continue
		}
		s.site.Lists = append(s.site.Lists, exchange.AddressList{DN: dn, GUID: string(l.guid), Filter: e.GetEqualFoldAttributeValue("purportedSearch"), System: plan.Below(dn, system)})
	}
	slices.SortFunc(s.site.Lists, func(a, b exchange.AddressList) int { return strings.Compare(a.DN, b.DN) })
	return nil
}

// accepted reads the accepted domains. Which bits say the type no document of Microsoft's
// tells; public scripts agree on them: not verified against Exchange.
func (s *siteReader) accepted(ctx context.Context) error {
	all, err := s.children(ctx, "CN=Accepted Domains,CN=Transport Settings,"+s.site.Organization, "msExchAcceptedDomain",
		"msExchAcceptedDomainName", "msExchAcceptedDomainFlags")
	if err != nil {
		return err
	}
	for _, e := range all {
		a := exchange.AcceptedDomain{Name: e.GetEqualFoldAttributeValue("msExchAcceptedDomainName")}
		flags, _ := strconv.Atoi(e.GetEqualFoldAttributeValue("msExchAcceptedDomainFlags")) // absent is 0
		a.Type = []string{exchange.Authoritative, exchange.ExternalRelay, exchange.InternalRelay, ""}[flags&3]
		if a.Name == "" {
			return fmt.Errorf("the account may not read msExchAcceptedDomainName of %s: let it", plainDN(e.DN))
		}
		s.site.Accepted = append(s.site.Accepted, a)
	}
	slices.SortFunc(s.site.Accepted, func(a, b exchange.AcceptedDomain) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// domain reads whether the target's domain was prepared.
func (s *siteReader) domain(ctx context.Context) error {
	nc := s.Identity.NC
	q := query{base: nc, scope: ldap.ScopeWholeSubtree, filter: "(objectCategory=msExchSystemObjectsContainer)", attrs: []string{"objectVersion"}, page: pageSize}
	err := s.search(ctx, q, func(e *ldap.Entry) error {
		n, err := number(e, "objectVersion")
		s.site.Systems, s.site.Domain = append(s.site.Systems, plainDN(e.DN)), max(s.site.Domain, n)
		return err
	})
	if err == nil && len(s.site.Systems) == 0 { // where setup makes it, it may be without being readable
		_, _, err = s.object(ctx, "CN=Microsoft Exchange System Objects,"+nc)
	}
	slices.Sort(s.site.Systems)
	return err
}

// groupClass reads whether groups are recipients of mail, as far as their class says.
func (s *siteReader) groupClass(ctx context.Context) error {
	e, found, err := s.object(ctx, "CN=Group,"+s.schemaNC, "auxiliaryClass", "systemAuxiliaryClass")
	if err == nil && !found {
		err = errors.New("the schema has no class group")
	}
	if err != nil {
		return err
	}
	is := func(class string) bool { return strings.EqualFold(class, "mailRecipient") }
	s.site.MailRecipient = slices.ContainsFunc(e.GetEqualFoldAttributeValues("auxiliaryClass"), is) ||
		slices.ContainsFunc(e.GetEqualFoldAttributeValues("systemAuxiliaryClass"), is)
	return nil
}

// attributes reads which attributes a group can have here, by the server's own word on
// Domain Users, which is a group in every domain (MS-ADTS 3.1.1.4.5.21).
func (s *siteReader) attributes(ctx context.Context) error {
	e, err := s.must(ctx, query{base: bySID(directory.SID(fmt.Sprintf("%s-513", s.Identity.Domain))), attrs: []string{"allowedAttributes"}})
	if err != nil {
		return err
	}
	can := e.GetEqualFoldAttributeValues("allowedAttributes")
	if len(can) == 0 {
		return fmt.Errorf("the account may not read allowedAttributes of %s: let it", plainDN(e.DN))
	}
	for _, name := range exchange.Attributes() {
		if slices.ContainsFunc(can, func(c string) bool { return strings.EqualFold(c, name) }) {
			s.site.Attributes = append(s.site.Attributes, name)
		}
	}
	return nil
}

// exchangeGroups are the SIDs of Exchange's own groups, sorted: those that its setup has
// noted by well-known GUIDs, whatever people have named them and wherever moved.
func (d *Domain) exchangeGroups(ctx context.Context, config string) (sids []directory.SID, err error) {
	e, found, err := d.entry(ctx, query{base: exchangeService(config), attrs: []string{"otherWellKnownObjects"}})
	if err != nil || !found {
		return nil, err
	}
	for _, value := range e.GetEqualFoldAttributeValues("otherWellKnownObjects") {
		_, dn, _ := strings.Cut(strings.TrimPrefix(value, "B:32:"), ":") // B:32:<GUID>:<DN> (MS-ADTS 3.1.1.2.2.2.2)
		if l, err := parseLink(dn); err == nil && l.sid != "" {          // else it names no group any more
			sids = append(sids, l.sid)
		}
	}
	slices.Sort(sids)
	return slices.Compact(sids), nil
}

// guarded says whether a SID is that of one of Exchange's own groups.
func (d *Domain) guarded(sid directory.SID) bool { return slices.Contains(d.Identity.Protected, sid) }

// object reads an object that may be missing. One that is there without its class is one
// that the account may not read; one that is not there may be hidden.
func (s *siteReader) object(ctx context.Context, dn string, attrs ...string) (*ldap.Entry, bool, error) {
	e, found, err := s.entry(ctx, query{base: dn, attrs: append(attrs, "objectClass")})
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("read %s: %w", dn, err)
	case !found:
		_, parent, _ := plan.SplitRDN(dn)
		return nil, false, s.listable(ctx, parent)
	}
	return e, true, readable(e)
}

func readable(e *ldap.Entry) error {
	if len(e.GetEqualFoldAttributeValues("objectClass")) == 0 {
		return fmt.Errorf("the account may not read %s: let it", plainDN(e.DN))
	}
	return nil
}

// listable is an error where the account may not list what is in a container, or in the one
// that would have it.
func (s *siteReader) listable(ctx context.Context, dn string) error {
	e, found, err := s.entry(ctx, query{base: dn, attrs: []string{"nTSecurityDescriptor"}, dacl: true})
	switch _, parent, _ := plan.SplitRDN(dn); {
	case err != nil:
		return fmt.Errorf("read the permissions of %s: %w", dn, err)
	case !found && parent == "":
		return fmt.Errorf("the account may not read %s: let it", dn)
	case !found:
		return s.listable(ctx, parent)
	}
	return s.lets(e)
}

// children lists the objects of a class in a container, which may be missing.
func (s *siteReader) children(ctx context.Context, dn, class string, attrs ...string) ([]*ldap.Entry, error) {
	return s.below(ctx, dn, ldap.ScopeSingleLevel, class, attrs...)
}

// below lists the objects of a class below a container. Of a whole subtree each object must
// let its own children be listed: what is below one that does not would just be missing.
func (s *siteReader) below(ctx context.Context, dn string, scope int, class string, attrs ...string) (found []*ldap.Entry, err error) {
	all := 0
	q := query{base: dn, scope: scope, attrs: append(attrs, "objectClass"), page: pageSize}
	if scope == ldap.ScopeWholeSubtree {
		q.attrs, q.dacl = append(q.attrs, "nTSecurityDescriptor"), true
	}
	err = s.search(ctx, q, func(e *ldap.Entry) error {
		if all++; all > exchange.MostLists {
			return fmt.Errorf("more than %d objects are below %s: they are not read", exchange.MostLists, dn)
		}
		if slices.Contains(e.GetEqualFoldAttributeValues("objectClass"), class) {
			found = append(found, e)
		}
		if err := readable(e); err != nil || !q.dacl {
			return err
		}
		return s.lets(e)
	})
	switch {
	case code(err) == ldap.LDAPResultNoSuchObject:
		_, _, err = s.object(ctx, dn)
		return nil, err
	case code(err) != 0:
		return nil, fmt.Errorf("read what is in %s: %w", dn, err)
	case err == nil && all == 0:
		return nil, s.listable(ctx, dn)
	}
	return found, err
}

// lets is an error where an entry's permissions do not let the account list what is in it.
func (s *siteReader) lets(e *ldap.Entry) error {
	blind, err := unlisted(e, s.token)
	if err == nil && blind != "" {
		err = errors.New(blind)
	}
	return err
}

// number reads a whole number that has to be there.
func number(e *ldap.Entry, attr string) (int, error) {
	text := e.GetEqualFoldAttributeValue(attr)
	if text == "" {
		return 0, fmt.Errorf("the account may not read %s of %s: let it", attr, plainDN(e.DN))
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("read %s of %s: %w", attr, plainDN(e.DN), err)
	}
	return int(n), nil
}
