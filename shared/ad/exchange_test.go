package ad

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// exchanged is the service account's view of a domain with Exchange.
type exchanged struct {
	*adtest.DC
	domain *Domain
	admin  *ldap.Conn
}

func withExchange(t *testing.T, kind samba.Exchange) exchanged {
	t.Helper()
	dc := adtest.StartWith(t, samba.Options{Exchange: kind})
	d := &Domain{Conn: dialTo(t, dc, dc.BindName, dc.Password), Base: dc.Base, Instance: "test", Attrs: []string{"description"}}
	var err error
	if d.Identity, err = d.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	return exchanged{dc, d, dialTo(t, dc, dc.AdminName, dc.AdminPassword)}
}

// site is what is found now.
func (x exchanged) site(t *testing.T) exchange.Site {
	t.Helper()
	s, err := x.domain.Exchange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// own are the SIDs of Exchange's own groups, as the domain's maker knows them.
func (x exchanged) own() (sids []directory.SID) {
	for _, name := range []string{"Organization Management", "Recipient Management", "Exchange Servers", "Exchange Trusted Subsystem", "Exchange Windows Permissions"} {
		sids = append(sids, x.SIDs[name])
	}
	slices.Sort(sids)
	return sids
}

// TestExchange finds all that a forest has of Exchange by the service account, then what is
// left of it as it is taken away piece by piece, with one connection all the time.
func TestExchange(t *testing.T) {
	x := withExchange(t, samba.AllOfExchange)
	t.Run("all", func(t *testing.T) { wholeSite(t, x) })
	t.Run("unread", func(t *testing.T) { unreadSite(t, x) })
	t.Run("bounded", func(t *testing.T) { boundedSite(t, x) })
	t.Run("own groups", func(t *testing.T) { ownGroups(t, x) })
	t.Run("mail", func(t *testing.T) { mailed(t, x) })
	t.Run("rights", func(t *testing.T) { mailRights(t, x) })
	t.Run("taken away", func(t *testing.T) { takenAway(t, x) })
}

func wholeSite(t *testing.T, x exchanged) {
	list := func(name, filter string) exchange.AddressList {
		return exchange.AddressList{DN: "CN=" + name + "," + samba.AddressLists, Filter: filter, System: strings.HasSuffix(name, "System Address Lists")}
	}
	want := exchange.Site{
		Organization: samba.Organization, LegacyDN: "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)",
		Schema: 17003, Forest: 16763, Domain: 13243, Systems: []string{samba.SystemObjects},
		Servers: []string{"Version 15.2 (Build 31748.10)"}, MailRecipient: true, Attributes: exchange.Attributes(),
		Lists: []exchange.AddressList{
			list("All Contacts,CN=All Address Lists", "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=contact)) ))"),
			list("All Distribution Lists,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=group))"),
			list("All Groups(VLV),CN=All System Address Lists", ""),
			list("All Groups,CN=All Address Lists", "(& (mailnickname=*) (| (objectCategory=group) ))"),
			list("All Recipients(VLV),CN=All System Address Lists", ""),
			list("All Users,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=person)(objectClass=user))"),
			list("Alle Verteiler,CN=All Address Lists", "(&(mailNickname=*)(objectCategory=group)(displayName=Verteiler *))"),
			list("Default Global Address List,CN=All Global Address Lists", "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=group)))"),
			list(`München\, Süd,CN=Alle Verteiler,CN=All Address Lists`, "(&(mailNickname=*)(objectCategory=group)(extensionAttribute1=München))"),
		},
		Accepted: []exchange.AcceptedDomain{
			{Name: "*.lists.corp.test", Type: exchange.Authoritative}, {Name: "corp.test", Type: exchange.Authoritative},
			{Name: "groups.corp.test", Type: exchange.InternalRelay}, {Name: "partner.example", Type: exchange.ExternalRelay},
		},
	}
	for _, sid := range x.own() {
		want.Protected = append(want.Protected, string(sid))
	}
	before := x.HighestUSN(t)
	got := x.site(t)
	for i, l := range got.Lists { // each by its own GUID
		if g, err := canonical(plan.GUID(l.GUID)); err != nil || string(g) != l.GUID || slices.ContainsFunc(got.Lists[:i], func(o exchange.AddressList) bool { return o.GUID == l.GUID }) {
			t.Errorf("%s has the GUID %q", l.DN, l.GUID)
		}
		if i < len(want.Lists) {
			want.Lists[i].GUID = l.GUID
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	d := *x.domain
	d.Conn = backwards{d.Conn}
	if other, err := d.Exchange(t.Context()); err != nil || !reflect.DeepEqual(other, want) {
		t.Errorf("in another order: %+v, %v", other, err)
	}
	if lacks := got.Lacks(); len(lacks) > 0 {
		t.Errorf("lacks %+v", lacks)
	}
	if after := x.HighestUSN(t); after != before {
		t.Error("it wrote to the directory")
	}
}

// backwards is a connection whose answers come in another order: no server promises one.
type backwards struct{ Conn }

func (b backwards) Search(q *ldap.SearchRequest) (*ldap.SearchResult, error) {
	res, err := b.Conn.Search(q)
	if err == nil {
		slices.Reverse(res.Entries)
	}
	return res, err
}

// unreadSite takes rights to read from the account, one at a time: what it cannot see is
// never taken for absent.
func unreadSite(t *testing.T, x exchanged) {
	const list, read = 0x4, 0x10
	config := "CN=Configuration," + x.Domain
	mayNotRead := func(dn string) string { return "the account may not read " + dn + ": let it" }
	mayNotList := func(dn string) string { return "the account may not list what is in " + dn + ": let it" }
	for _, test := range []struct {
		dn    string
		right uint32
		want  string
	}{
		{"CN=Services," + config, list, mayNotList("CN=Services," + config)},
		{samba.ExchangeService, read, mayNotRead(samba.ExchangeService)},
		{samba.ExchangeService, list, mayNotList(samba.ExchangeService)},
		{samba.Organization, read, mayNotRead(samba.Organization)},
		{"CN=Administrative Groups," + samba.Organization, list, mayNotList("CN=Administrative Groups," + samba.Organization)},
		{samba.ExchangeServer, read, mayNotRead(samba.ExchangeServer)},
		{samba.AddressLists, list, mayNotList(samba.AddressLists)},
		{"CN=All Address Lists," + samba.AddressLists, list, mayNotList("CN=All Address Lists," + samba.AddressLists)},
		{"CN=Alle Verteiler,CN=All Address Lists," + samba.AddressLists, list, mayNotList("CN=Alle Verteiler,CN=All Address Lists," + samba.AddressLists)},
		{"CN=All Users,CN=All Address Lists," + samba.AddressLists, read, mayNotRead("CN=All Users,CN=All Address Lists," + samba.AddressLists)},
		{"CN=corp.test,CN=Accepted Domains,CN=Transport Settings," + samba.Organization, read, mayNotRead("CN=corp.test,CN=Accepted Domains,CN=Transport Settings," + samba.Organization)},
		{samba.SystemObjects, read, mayNotRead(samba.SystemObjects)},
	} {
		t.Run(fmt.Sprintf("%x of %s", test.right, test.dn), func(t *testing.T) {
			was := descriptorBy(t, x.admin, test.dn)
			setDescriptorBy(t, x.admin, test.dn, denying(was, x.SIDs["svc-groupwriteback"], test.right))
			defer setDescriptorBy(t, x.admin, test.dn, was)
			s, err := x.domain.Exchange(t.Context())
			if err == nil || err.Error() != "look for Exchange: "+test.want || !reflect.DeepEqual(s, exchange.Site{}) {
				t.Errorf("got %+v, %v; want %s", s, err, test.want)
			}
		})
	}
	x.Modify(t, "dn: CN=Left over,"+samba.ExchangeService+"\nchangetype: add\nobjectClass: msExchOrganizationContainer\nobjectVersion: 12640\n")
	if s, err := x.domain.Exchange(t.Context()); err == nil || !strings.Contains(err.Error(), "CN=Left over,"+samba.ExchangeService) || !s.None() {
		t.Errorf("two organizations: %+v, %v", s, err)
	}
	x.Modify(t, "dn: CN=Left over,"+samba.ExchangeService+"\nchangetype: delete\n")
	if s := x.site(t); len(s.Lacks()) > 0 {
		t.Errorf("with all rights again it lacks %+v", s.Lacks())
	}
}

// manyLists is a connection whose answers have each address list many times, or with a
// long filter.
type manyLists struct {
	Conn
	times  int
	filter string
}

func (m manyLists) Search(q *ldap.SearchRequest) (*ldap.SearchResult, error) {
	res, err := m.Conn.Search(q)
	if err != nil || q.BaseDN != samba.AddressLists {
		return res, err
	}
	once := res.Entries
	for range m.times - 1 {
		res.Entries = append(res.Entries, once...)
	}
	if m.filter == "" {
		return res, nil
	}
	for _, e := range res.Entries {
		e.Attributes = append([]*ldap.EntryAttribute{ldap.NewEntryAttribute("purportedSearch", []string{m.filter})}, e.Attributes...)
	}
	return res, nil
}

func boundedSite(t *testing.T, x exchanged) {
	for want, conn := range map[string]manyLists{
		"more than 4096 objects are below " + samba.AddressLists + ": they are not read": {times: 400},
		"take 1": {times: 100, filter: "(cn=" + strings.Repeat("x", 2000) + ")"},
	} {
		d := *x.domain
		conn.Conn = d.Conn
		d.Conn = conn
		if s, err := d.Exchange(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %d lists, %v; want %s", len(s.Lists), err, want)
		}
	}
}

// ownGroups: Exchange's own groups are touched by no change, whatever marks they bear and
// wherever they are, and become nobody's members.
func ownGroups(t *testing.T, x exchanged) {
	if !slices.Equal(x.domain.Identity.Protected, x.own()) {
		t.Fatalf("protected are %v, want %v", x.domain.Identity.Protected, x.own())
	}
	odd := *x.domain
	odd.Conn = oddGroups{odd.Conn}
	if id, err := odd.Identify(t.Context()); err != nil || !slices.Equal(id.Protected, x.own()) {
		t.Errorf("values that name nothing: %v, %v", id.Protected, err)
	}
	without := *x.domain
	without.Identity.Protected = nil
	if a, b := grounds(t, x.domain), grounds(t, &without); a == b {
		t.Error("what is refused because of them is not tried again when they are others")
	}
	ours := apply(t, x.domain, 1, creation(t, x.domain, 1, "ours")).GUID
	// Somebody moves one of them to where ours are, and gives it our marks.
	marked := "CN=Exchange Windows Permissions," + x.Base
	if err := x.admin.ModifyDN(ldap.NewModifyDNRequest("CN=Exchange Windows Permissions,OU=Microsoft Exchange Security Groups,"+x.Domain, "CN=Exchange Windows Permissions", true, x.Base)); err != nil {
		t.Fatal(err)
	}
	req := ldap.NewModifyRequest(marked, nil)
	req.Replace("adminDescription", []string{plan.Mark(id(t, 2))})
	req.Replace(external, []string{plan.Mark(id(t, 2))})
	req.Replace("adminDisplayName", []string{fence(1).String()})
	if err := x.admin.Modify(req); err != nil {
		t.Fatal(err)
	}
	before := x.HighestUSN(t)
	r := outcome(t, x.domain, 2, plan.Change{Op: plan.Update, Group: id(t, 2), Set: map[string][]string{"description": {"x"}}, Add: []plan.Ref{plan.SIDRef(x.SIDs["dev1"])}})
	if want := marked + " is one of Exchange's own groups: it is never touched"; r.Status != plan.Refused || r.Text != want {
		t.Errorf("written to: %+v", r)
	}
	refs := []plan.Ref{plan.SIDRef(x.SIDs["Recipient Management"]), plan.GroupRef(id(t, 2))}
	r = outcome(t, x.domain, 3, plan.Change{Op: plan.Update, Group: id(t, 1), GUID: ours, Add: refs})
	if r.Status != plan.Done || len(r.Bad) != 2 {
		t.Fatalf("nested: %+v", r)
	}
	for _, bad := range r.Bad {
		if !slices.Contains(refs, bad.Ref) || !strings.HasSuffix(bad.Text, " is one of Exchange's own groups: it never becomes one of a group's members") {
			t.Errorf("refused: %+v", bad)
		}
	}
	if after := x.HighestUSN(t); after != before {
		t.Error("something was written")
	}
}

// mailRights: with the rights on the two property sets of docs/agent.md, and no more, an
// account can write all attributes of mail; with none of them no attribute.
func mailRights(t *testing.T, x exchanged) {
	const exchangeInformation, publicInformation = "1f298a89-de98-47b8-b5cd-572ad53d267e", "e48d0154-bcf8-11d1-8702-00c04fb96050"
	ou := "OU=Mail alone," + x.Domain
	dn := "CN=with mail," + ou
	x.Modify(t, "dn: "+ou+"\nchangetype: add\nobjectClass: organizationalUnit\n")
	x.Modify(t, "dn: "+dn+"\nchangetype: add\nobjectClass: group\n")
	may := func() []string {
		e, found, err := x.domain.entry(t.Context(), query{base: dn, attrs: []string{"allowedAttributesEffective"}})
		if err != nil || !found {
			t.Fatal(found, err)
		}
		all := e.GetAttributeValues("allowedAttributesEffective")
		return slices.DeleteFunc(exchange.Attributes(), func(name string) bool { return !slices.Contains(all, name) })
	}
	if got := may(); len(got) > 0 {
		t.Errorf("without rights it may change %v", got)
	}
	sid := x.SIDs["svc-groupwriteback"]
	for _, set := range []plan.GUID{exchangeInformation, publicInformation} {
		was := descriptorBy(t, x.admin, dn)
		setDescriptorBy(t, x.admin, dn, allowing(was, sid, 0x30, set))
	}
	if got := may(); !slices.Equal(got, exchange.Attributes()) {
		t.Errorf("with the rights it may change %v", got)
	}
	req := ldap.NewModifyRequest(dn, nil)
	req.Replace("mailNickname", []string{"with.mail"})
	req.Replace("proxyAddresses", []string{"SMTP:with.mail@corp.test"})
	req.Replace("authOrig", []string{"CN=dev1,OU=Machines," + x.Domain})
	if err := x.domain.Conn.Modify(req); err != nil {
		t.Error(err)
	}
}

// takenAway: what is missing is missing, and what is more than it should be is told.
func takenAway(t *testing.T, x exchanged) {
	lacks := func(s exchange.Site) (words []string) {
		for _, l := range s.Lacks() {
			words = append(words, l.What)
		}
		return words
	}
	whole := x.site(t)
	for _, step := range []struct {
		kind  samba.Exchange
		lacks []string
		is    func(exchange.Site) bool
	}{
		{samba.OddList, nil, func(s exchange.Site) bool {
			return len(s.Lists) == len(whole.Lists)+1 && strings.Contains(s.Lists[slices.IndexFunc(s.Lists, func(l exchange.AddressList) bool { return strings.HasPrefix(l.DN, "CN=Odd,") })].Filter, "1.2.840.113556.1.4.1941")
		}},
		{samba.PreparedTwice, []string{exchange.LackDomain}, func(s exchange.Site) bool { return len(s.Systems) == 2 && s.Domain == 13243 }},
		{samba.NoServer, []string{exchange.LackServer, exchange.LackDomain}, func(s exchange.Site) bool { return s.Servers == nil && s.LegacyDN == whole.LegacyDN }},
		{samba.SchemaAlone, []string{exchange.LackOrganization, exchange.LackServer, exchange.LackDomain}, func(s exchange.Site) bool {
			return s.Schema == 17003 && s.Forest == 0 && s.LegacyDN == "" && s.Lists == nil && s.Accepted == nil && s.Protected == nil
		}},
		{samba.Unprepared, []string{exchange.LackOrganization, exchange.LackServer}, func(s exchange.Site) bool { return len(s.Systems) == 1 && s.Domain == 12639 }},
	} {
		x.Modify(t, step.kind.LDIF())
		s := x.site(t)
		if got := lacks(s); !slices.Equal(got, step.lacks) || !step.is(s) {
			t.Errorf("%s: lacks %v, want %v; %+v", step.kind, got, step.lacks, s)
		}
	}
	if n := len(x.domain.Identity.Protected); n > 0 {
		t.Errorf("%d groups are still protected", n)
	}
}

// TestOldExchange: numbers of an old release, and attributes that its schema lacks.
func TestOldExchange(t *testing.T) {
	x := withExchange(t, samba.OldExchange)
	s := x.site(t)
	if got := s.String(); got != "Exchange 2013 CU3 (schema 15283, organization 15763, domain 13236), newest server 15.0.775.38, address lists: 9, accepted domains: 4" {
		t.Errorf("got %s", got)
	}
	var texts []string
	for _, l := range s.Lacks() {
		texts = append(texts, l.Text)
	}
	want := []string{
		"groups here cannot have msExchCoManagedByLink, msExchRecipientTypeDetails, and they are not written: bring Exchange's schema up to date (Setup.exe /PrepareSchema)",
		"Exchange 2013 CU3 is older than what Microsoft names for groups of the cloud (2013 CU11, 2016 CU1): update it",
	}
	if !slices.Equal(texts, want) {
		t.Errorf("lacks %q", texts)
	}
}

// TestNoExchange: a forest without it is the zero value, in which nothing is missing by
// mistake: the account sees all around it.
func TestNoExchange(t *testing.T) {
	d := newDomain(t)
	quiet(t, func() {
		if s, err := d.Exchange(t.Context()); err != nil || !reflect.DeepEqual(s, exchange.Site{}) || !s.None() || d.Identity.Protected != nil {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	d.Conn = refusing{d.Conn, "CN=Microsoft Exchange,"}
	if _, err := d.Exchange(t.Context()); err == nil {
		t.Error("no answer is taken for no Exchange")
	}
}

// refusing is a connection that has no answer about an object.
type refusing struct {
	Conn
	dn string
}

func (r refusing) Search(q *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if strings.HasPrefix(q.BaseDN, r.dn) {
		return nil, ldap.NewError(ldap.LDAPResultOperationsError, fmt.Errorf("not now"))
	}
	return r.Conn.Search(q)
}

// oddGroups is a connection that tells of Exchange's own groups in values that name none, too.
type oddGroups struct{ Conn }

func (o oddGroups) Search(q *ldap.SearchRequest) (*ldap.SearchResult, error) {
	res, err := o.Conn.Search(q)
	if err != nil || q.BaseDN != samba.ExchangeService {
		return res, err
	}
	for _, a := range res.Entries[0].Attributes {
		if a.Name == "otherWellKnownObjects" {
			a.Values = append([]string{"", "B:32:", "B:32:00:CN=x", "B:32:00:<GUID=x>;CN=x"}, a.Values...)
		}
	}
	return res, nil
}

func grounds(t *testing.T, d *Domain) string {
	t.Helper()
	g, err := d.Grounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return g
}
