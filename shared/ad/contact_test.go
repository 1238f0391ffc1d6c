package ad

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// contact makes one with its attributes: pairs of name and value.
func contact(t *testing.T, dn string, pairs ...string) {
	t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	r.Attribute("objectClass", []string{"contact"})
	all := map[string][]string{}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = append(all[pair[0]], pair[1])
	}
	for name, values := range all {
		r.Attribute(name, values)
	}
	if err := admin(t).Add(r); err != nil {
		t.Fatal(err)
	}
}

// both reads the members of group 0 by its name and by a scan, which have to agree.
func both(t *testing.T, d *Domain) []plan.Ref {
	t.Helper()
	row := read(t, d, id(t, 0))
	if scanned := scan(t, d)[id(t, 0)]; scanned.Group.Digest() != row.Group.Digest() {
		t.Errorf("by name %v, by a scan %v", row.Group.Members(), scanned.Group.Members())
	}
	return row.Group.Members()
}

// TestContacts: a contact comes and goes by its address, wherever in the domain it stands and
// however the address is written there; twice is as good as once, and both ways of reading
// know it by the same.
func TestContacts(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	at := id(t, 0).String()[:8] + ".example" // addresses are the domain's, and the domain is shared
	mail := func(s string) plan.Ref { return plan.MailRef(s + "@" + at) }
	contact(t, "CN=Ann "+at+",CN=Users,"+dc(t).Domain, "mail", "Ann.Lee@"+strings.ToUpper(at))
	contact(t, "CN=Bob,"+d.Base, "proxyAddresses", "smtp:robert@"+at, "proxyAddresses", "SMTP:Bob@"+at)
	contact(t, "CN=Cyd (x*),"+d.Base, "mail", "c*y(d)@"+at, "proxyAddresses", "SMTP:other@"+at)
	people := []plan.Ref{mail("ann.lee"), mail("bob"), mail("c*y(d)")}
	slices.Sort(people)
	change := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: append(people, user(t, 1))}
	if r := outcome(t, d, 2, change); r.Status != plan.Done || len(r.Bad) > 0 {
		t.Fatalf("%+v", r)
	}
	want := append(slices.Clone(people), user(t, 1))
	slices.Sort(want)
	if got := both(t, d); !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}
	quiet(t, func() { apply(t, d, 2, change) })
	out := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: people[:2]}
	if r := outcome(t, d, 3, out); r.Status != plan.Done || len(r.Bad) > 0 {
		t.Fatalf("%+v", r)
	}
	want = []plan.Ref{user(t, 1), people[2]}
	slices.Sort(want)
	if got := both(t, d); !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}
	quiet(t, func() { apply(t, d, 3, out) })
}

// TestNoSuchContact: an address that nobody has, that two have, that one has beside another, or
// that is somebody else's than a contact's is the problem of that member, with the remedy.
func TestNoSuchContact(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	at := id(t, 0).String()[:8] + ".example"
	contact(t, "CN=one,"+d.Base, "mail", "twice@"+at)
	contact(t, "CN=two,"+d.Base, "proxyAddresses", "SMTP:Twice@"+at)
	contact(t, "CN=three,"+d.Base, "mail", "first@"+at, "proxyAddresses", "smtp:second@"+at)
	contact(t, "CN=four,"+d.Base, "mail", "none of the sort")
	add(t, "CN=user,"+d.Base, "user", "mail"+at[:8])
	mailed := ldap.NewModifyRequest("CN=user,"+d.Base, nil)
	mailed.Replace("mail", []string{"user@" + at})
	if err := admin(t).Modify(mailed); err != nil {
		t.Fatal(err)
	}
	var refs []plan.Ref
	texts := map[plan.Ref]string{
		plan.MailRef("nobody@" + at): "no contact of the domain has the address nobody@" + at,
		plan.MailRef("user@" + at):   "no contact of the domain has the address user@" + at,
		plan.MailRef("twice@" + at):  "nobody can say which of them is meant",
		plan.MailRef("second@" + at): "has the address second@" + at + " beside first@" + at + ", by which it is known",
		plan.MailRef("First@" + at):  "only principals with a SID and groups of ours become members", // in no form of ours
		"mail:":                      "only principals with a SID and groups of ours become members",
	}
	for ref := range texts {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: append(refs, user(t, 1))})
	if r.Status != plan.Done || len(r.Bad) != len(refs) {
		t.Fatalf("%+v", r)
	}
	for _, b := range r.Bad {
		if want := texts[b.Ref]; want == "" || !strings.Contains(b.Text, want) {
			t.Errorf("%s: %s, want %s", b.Ref, b.Text, want)
		}
	}
	if got := both(t, d); !slices.Equal(got, []plan.Ref{user(t, 1)}) {
		t.Errorf("members %v", got)
	}

	// Those whom a hand has put in are known as they can be, and each can be taken out.
	modify(t, g, "member", "CN=one,"+d.Base, "CN=two,"+d.Base, "CN=three,"+d.Base, "CN=four,"+d.Base)
	members := both(t, d)
	if len(members) != 4 || members[3] != plan.MailRef("first@"+at) || strings.Count(strings.Join(texted(members), " "), "guid:") != 3 {
		t.Errorf("members %v", members)
	}
	modify(t, g, "member", "CN=one,"+d.Base)
	if got := both(t, d); !slices.Equal(got, []plan.Ref{plan.MailRef("twice@" + at)}) {
		t.Errorf("members %v", got)
	}
	apply(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: []plan.Ref{plan.MailRef("twice@" + at), plan.MailRef("gone@" + at)}})
	if got := both(t, d); len(got) > 0 {
		t.Errorf("members %v", got)
	}
}

// TestManyContacts: a contact that two searches of one change find, each by another of its
// addresses, is one.
func TestManyContacts(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	at := id(t, 0).String()[:8] + ".example"
	contact(t, "CN=ann,"+d.Base, "mail", "a@"+at, "proxyAddresses", "SMTP:a@"+at, "proxyAddresses", "smtp:z@"+at)
	refs := []plan.Ref{plan.MailRef("a@" + at)}
	for n := range 2 * atOnce {
		refs = append(refs, plan.MailRef(fmt.Sprintf("m%03d@%s", n, at)))
	}
	refs = append(refs, plan.MailRef("z@"+at))
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: refs})
	if r.Status != plan.Done || len(r.Bad) != len(refs)-1 {
		t.Errorf("%s, %d bad of %d", r.Status, len(r.Bad), len(refs))
	}
	if got := both(t, d); !slices.Equal(got, refs[:1]) {
		t.Errorf("members %v", got)
	}
}

func texted(refs []plan.Ref) (out []string) {
	for _, r := range refs {
		out = append(out, string(r))
	}
	return out
}

// TestContactManages: a contact that a hand has made a group's manager is known by its address,
// and none becomes one by a plan.
func TestContactManages(t *testing.T) {
	d, g := managed(t)
	at := id(t, 0).String()[:8] + ".example"
	contact(t, "CN=ann,"+d.Base, "mail", "ann@"+at)
	ann := plan.MailRef("ann@" + at)
	if r := outcome(t, d, 2, manage(t, g, nil, []plan.Ref{ann})); len(r.Bad) != 1 || !strings.Contains(r.Bad[0].Text, "become managedBy") {
		t.Errorf("%+v", r)
	}
	modify(t, g, "managedBy", "CN=ann,"+d.Base)
	if got := manager(t, d); !slices.Equal(got, []plan.Ref{ann}) {
		t.Errorf("managed by %v", got)
	}
	apply(t, d, 3, manage(t, g, []plan.Ref{ann}, nil))
	if got := manager(t, d); len(got) > 0 {
		t.Errorf("managed by %v", got)
	}
}

// TestContactsCost: groups without contacts cost no search for any, and a scan looks each one
// up once.
func TestContactsCost(t *testing.T) {
	d := newDomain(t)
	at := id(t, 0).String()[:8] + ".example"
	contact(t, "CN=ann,"+d.Base, "mail", "ann@"+at)
	for n := range 3 {
		g := create(t, d, n, "group "+string(rune('a'+n)))
		apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, n), GUID: g, Add: someUsers(t, 1, 3)})
	}
	counted := &countsContacts{Conn: d.Conn}
	d.Conn = counted
	if scan(t, d); counted.searches != 0 {
		t.Errorf("%d searches for contacts where there are none", counted.searches)
	}
	for n := range 3 {
		apply(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, n), Add: []plan.Ref{plan.MailRef("ann@" + at)}})
	}
	counted.searches = 0
	rows := scan(t, d)
	if counted.searches != 1 {
		t.Errorf("%d searches for one contact in three groups", counted.searches)
	}
	for n := range 3 {
		if !slices.Contains(rows[id(t, n)].Group.Members(), plan.MailRef("ann@"+at)) {
			t.Errorf("group %d has %v", n, rows[id(t, n)].Group.Members())
		}
	}
}

// countsContacts counts the searches for contacts.
type countsContacts struct {
	Conn
	searches int
}

func (c *countsContacts) Search(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if strings.Contains(r.Filter, "(objectClass=contact)") {
		c.searches++
	}
	return c.Conn.Search(r)
}
