package ad

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/plan"
)

// addressed is a domain whose policy lets a plan write addresses.
func addressed(d *Domain) *Domain {
	d.More.Mail = true
	return d
}

// holder adds an object with attributes: pairs of name and value.
func holder(t *testing.T, conn *ldap.Conn, dn, class string, pairs ...string) {
	t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	r.Attribute("objectClass", []string{class})
	for pair := range slices.Chunk(pairs, 2) {
		r.Attribute(pair[0], strings.Split(pair[1], " "))
	}
	if err := conn.Add(r); err != nil {
		t.Fatalf("add %s: %v", dn, err)
	}
}

// told are clashes as "attribute value by", without the domain.
func told(clashes []plan.Clash) (out []string) {
	for _, c := range clashes {
		out = append(out, fmt.Sprintf("%s %s %s", c.Attribute, c.Value, strings.TrimSuffix(c.By, ",CN=Users,DC=corp,DC=test")))
	}
	return out
}

// TestClashes: whoever in the forest has what a group is to have, whatever it is and in
// whatever letters, is named, and nothing is written: neither with a new group nor with one
// that is there. What nobody has is written.
func TestClashes(t *testing.T) {
	x := withExchange(t, samba.AllOfExchange)
	d := addressed(x.domain)
	elsewhere := func(name string) string { return "CN=" + name + ",CN=Users," + x.Domain }
	holder(t, x.admin, elsewhere("ann"), "user", "mail", "ann@corp.test", "proxyAddresses", "SMTP:ann@corp.test smtp:A*N(N)@corp.test")
	holder(t, x.admin, elsewhere("bob"), "contact", "mail", "Bob@Corp.test", "targetAddress", "SMTP:bob@far.test")
	holder(t, x.admin, elsewhere("list"), "group", "mailNickname", "List", "legacyExchangeDN", "/o=Corp/cn=list", "proxyAddresses", "SMTP:list@corp.test X500:/o=Old/cn=list sip:list@corp.test")
	type set = map[string][]string
	for n, test := range []struct {
		name string
		set  set
		want []string
	}{
		{"a user's", set{"proxyAddresses": {"SMTP:ann@corp.test", "smtp:free0@corp.test"}}, []string{"proxyAddresses SMTP:ann@corp.test CN=ann"}},
		{"in other letters, and as mail", set{"mail": {"ANN@corp.test"}, "proxyAddresses": {"smtp:Ann@corp.test"}}, []string{"proxyAddresses smtp:Ann@corp.test CN=ann"}},
		{"with what filters are made of", set{"proxyAddresses": {"smtp:a*n(n)@corp.test"}}, []string{"proxyAddresses smtp:a*n(n)@corp.test CN=ann"}},
		{"a contact's, as mail only", set{"proxyAddresses": {"smtp:bob@corp.test"}}, []string{"proxyAddresses smtp:bob@corp.test CN=bob"}},
		{"mail that is another's address", set{"mail": {"list@corp.test"}}, []string{"mail list@corp.test CN=list"}},
		{"an alias", set{"mailNickname": {"LIST"}}, []string{"mailNickname LIST CN=list"}},
		{"a legacyExchangeDN", set{"legacyExchangeDN": {"/O=Corp/cn=list"}}, []string{"legacyExchangeDN /O=Corp/cn=list CN=list"}},
		{"one that another has as an address", set{"legacyExchangeDN": {"/o=old/cn=list"}}, []string{"legacyExchangeDN /o=old/cn=list CN=list"}},
		{"an address that another has as that", set{"proxyAddresses": {"x500:/o=corp/cn=list"}}, []string{"proxyAddresses x500:/o=corp/cn=list CN=list"}},
		{"one of another kind", set{"proxyAddresses": {"SIP:list@corp.test"}}, []string{"proxyAddresses SIP:list@corp.test CN=list"}},
		{"several", set{"mail": {"ann@corp.test"}, "mailNickname": {"list"}}, []string{"mail ann@corp.test CN=ann", "mailNickname list CN=list"}},
		{"where another's mail goes on to", set{"proxyAddresses": {"smtp:bob@far.test"}}, nil},
		{"what nobody has", set{"mail": {"free@corp.test"}, "proxyAddresses": {"SMTP:free@corp.test"}, "mailNickname": {"free"}, "legacyExchangeDN": {"/o=Corp/cn=free"}}, nil},
		{"an alias that is another's address", set{"mailNickname": {"ann"}}, nil},
	} {
		c := creation(t, d, n, test.name)
		plain := plan.Change{Op: plan.Update, Group: c.Group, Set: test.set}
		there := creation(t, d, 100+n, "there "+test.name)
		plain.Group, plain.GUID = there.Group, apply(t, d, 1, there).GUID
		for name, v := range test.set {
			c.Set[name] = v
		}
		for _, c := range []plan.Change{c, plain} {
			if len(test.want) == 0 && c.Op == plan.Update { // the new group has it by now
				continue
			}
			before := x.HighestUSN(t)
			r := outcome(t, d, 2, c)
			if !slices.Equal(told(r.Clashes), test.want) || (r.Status == plan.Refused) != (test.want != nil) || r.Code != 0 {
				t.Errorf("%s, %s: %+v", c.Op, test.name, r)
			}
			if test.want != nil && x.HighestUSN(t) != before {
				t.Errorf("%s, %s: something was written", c.Op, test.name)
			}
			for _, clash := range r.Clashes {
				if !strings.Contains(r.Text, clash.Value+" is that of "+clash.By) || clash.Ours {
					t.Errorf("%s, %s: %q, %+v", c.Op, test.name, r.Text, clash)
				}
			}
		}
	}
}

// TestManyAddresses: of 200 addresses two are others'; both are named, and by few searches. The
// next change of the group, which adds one, asks for that one alone, and one without
// addresses for none.
func TestManyAddresses(t *testing.T) {
	d := addressed(newDomain(t))
	at := "@many.test"
	contact(t, "CN=first,"+d.Base, "mail", "a007"+at)
	contact(t, "CN=last,"+d.Base, "proxyAddresses", "smtp:A199"+at)
	c := creation(t, d, 0, "group")
	for i := range 200 {
		c.Set["proxyAddresses"] = append(c.Set["proxyAddresses"], fmt.Sprintf("smtp:a%03d%s", i, at))
	}
	var searches []string
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if strings.Contains(r.Filter, "proxyAddresses") {
			searches = append(searches, r.Filter)
		}
		return m.Conn.Search(r)
	}
	r := outcome(t, d, 1, c)
	if got := told(r.Clashes); len(got) != 2 || !strings.HasPrefix(got[0], "proxyAddresses smtp:a007@many.test CN=first,") || !strings.HasPrefix(got[1], "proxyAddresses smtp:a199@many.test CN=last,") || len(searches) != 4 {
		t.Errorf("%q, by %d searches", got, len(searches))
	}
	c.Set["proxyAddresses"] = plan.WithoutClashes(c.Set, nil, r.Clashes)["proxyAddresses"]
	g := apply(t, d, 2, c).GUID
	searches = nil
	apply(t, d, 3, plan.Change{Op: plan.Update, Group: c.Group, GUID: g, Set: map[string][]string{"description": {"d"}}})
	if len(searches) > 0 {
		t.Errorf("a change without addresses asked for some: %q", searches)
	}
	apply(t, d, 4, plan.Change{Op: plan.Update, Group: c.Group, GUID: g, Set: map[string][]string{"proxyAddresses": append(c.Set["proxyAddresses"], "smtp:one"+at)}})
	if len(searches) != 1 || searches[0] != "(|(mail=one@many.test)(proxyAddresses=smtp:one@many.test))" {
		t.Errorf("searches %q", searches)
	}
}

// TestOwnAddresses: what the group has is its own, be it another's too; a change that was done
// is done again; and of another group of ours that is said.
func TestOwnAddresses(t *testing.T) {
	d := addressed(newDomain(t))
	c := creation(t, d, 0, "group")
	c.Set["proxyAddresses"] = []string{"SMTP:own@own.test", "smtp:other@own.test"}
	g := apply(t, d, 1, c).GUID
	apply(t, d, 1, c)
	contact(t, "CN=double,"+d.Base, "mail", "own@own.test")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: c.Group, GUID: g, Set: map[string][]string{"mail": {"own@own.test"}, "proxyAddresses": {"SMTP:Own@own.test", "smtp:new@own.test"}}})
	contact(t, "CN=a stranger with our fence,"+dc(t).Domain, "mail", "far@own.test", "adminDisplayName", fence(1).String())
	second := creation(t, d, 1, "second")
	second.Set["proxyAddresses"] = []string{"smtp:new@own.test", "smtp:own@own.test", "smtp:far@own.test"}
	r := outcome(t, d, 3, second)
	if len(r.Clashes) != 3 || !strings.HasPrefix(r.Clashes[0].By, "CN=group,") || !r.Clashes[0].Ours || !strings.HasPrefix(r.Clashes[1].By, "CN=double,") || r.Clashes[1].Ours || r.Clashes[2].Ours {
		t.Errorf("%+v", r.Clashes)
	}
	modify(t, g, "adminDisplayName", plan.Released(d.Instance))
	second.Set["proxyAddresses"] = []string{"smtp:new@own.test"}
	if r := outcome(t, d, 3, second); len(r.Clashes) != 1 || r.Clashes[0].Ours {
		t.Errorf("of a group that was let go: %+v", r.Clashes)
	}
}

// TestClashBehindFence: a writer that is outranked is told that, and asks for nothing.
func TestClashBehindFence(t *testing.T) {
	d := addressed(newDomain(t))
	g := create(t, d, 0, "group")
	contact(t, "CN=holder,"+d.Base, "mail", "fenced@fence.test")
	apply(t, d, 9, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"description": {"d"}}})
	if r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"mail": {"fenced@fence.test"}}}); r.Status != plan.Fenced || r.Clashes != nil {
		t.Errorf("%+v", r)
	}
}

// TestRestoreClash: a deleted group whose address somebody has by now stays deleted; without
// the address it comes back.
func TestRestoreClash(t *testing.T) {
	d := addressed(restoring(t))
	c := creation(t, d, 0, "group")
	c.Set["mail"] = []string{"grave@grave.test"}
	g := apply(t, d, 1, c).GUID
	kill(t, g)
	contact(t, "CN=heir,"+d.Base, "mail", "grave@grave.test")
	back := restoration(t, d, 0, "group", g)
	back.Set["mail"] = []string{"grave@grave.test"}
	quiet(t, func() {
		if r := outcome(t, d, 2, back); r.Status != plan.Refused || len(r.Clashes) != 1 || !strings.HasPrefix(r.Clashes[0].By, "CN=heir,") {
			t.Errorf("%+v", r)
		}
	})
	delete(back.Set, "mail")
	apply(t, d, 2, back)
}

// TestLooseClash: Active Directory finds who has an address in letters that it takes for the
// same and we do not. It is asked which one it meant; where it means the group itself, that
// may write its address in other letters.
func TestLooseClash(t *testing.T) {
	d := addressed(newDomain(t))
	contact(t, "CN=jose,"+d.Base, "mail", "jose@loose.test")
	c := creation(t, d, 1, "group")
	c.Set["mail"] = []string{"zoe@loose.test"}
	g := apply(t, d, 1, c).GUID
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		claims := strings.Contains(r.Filter, "(proxyAddresses=")
		q := *r
		q.Filter = strings.NewReplacer(`jos\c3\a9@`, "jose@", `zo\c3\ab@`, "zoe@").Replace(r.Filter)
		res, err := m.Conn.Search(&q)
		if err == nil && claims && len(res.Entries) > 0 && slices.Contains(r.Attributes, plan.ProxyAddresses) && q.Filter == r.Filter {
			t.Errorf("found to the letter: %s", r.Filter)
		}
		return res, err
	}
	c = creation(t, d, 0, "other")
	c.Set["proxyAddresses"] = []string{"smtp:ann@loose.test", "smtp:josé@loose.test"}
	if r := outcome(t, d, 1, c); len(r.Clashes) != 1 || r.Clashes[0].Value != "smtp:josé@loose.test" || !strings.HasPrefix(r.Clashes[0].By, "CN=jose,") {
		t.Errorf("%+v", r)
	}
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 1), GUID: g, Set: map[string][]string{"mail": {"zoë@loose.test"}}})
}

// blinded is a domain that does not find who has addresses: another domain's, as it were.
func blinded(d *Domain) {
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if strings.Contains(r.Filter, "(proxyAddresses=") {
			return &ldap.SearchResult{}, nil
		}
		return m.Conn.Search(r)
	}
}

// closing is a connection that tells when it is closed.
type closing struct {
	Conn
	io.Closer
}

type closer func()

func (c closer) Close() error { c(); return nil }

// TestCatalog: who has an address in another domain of the forest is found by the global catalog
// of the same server. A connection to it that has ended is made again; where there is none the
// domain alone is searched, the log says so once, and it is left alone for a while.
func TestCatalog(t *testing.T) {
	d := addressed(newDomain(t))
	contact(t, "CN=far,"+d.Base, "mail", "far@catalog.test")
	blinded(d)
	var log bytes.Buffer
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	dials, closed, n := 0, 0, 0
	config := Config{URL: dc(t).URL, ServerName: dc(t).ServerName, CAFile: dc(t).CAFile, User: dc(t).BindName, Password: dc(t).Password}
	d.Catalog = func(ctx context.Context) (Conn, error) {
		dials++
		conn, err := DialCatalog(ctx, config)
		return closing{conn, closer(func() { closed++; conn.Close() })}, err
	}
	asks := func() plan.Result {
		n++
		c := creation(t, d, n, fmt.Sprint("group ", n))
		c.Set["mail"] = []string{"far@catalog.test"}
		return outcome(t, d, 1, c)
	}
	expect := func(when string, found bool, wantDials, wantClosed int) {
		t.Helper()
		r := asks()
		if (len(r.Clashes) == 1) != found || found && !strings.HasPrefix(r.Clashes[0].By, "CN=far,") || found != (r.Status == plan.Refused) || dials != wantDials || closed != wantClosed {
			t.Errorf("%s: %+v; %d dials, %d closed", when, r, dials, closed)
		}
	}
	expect("at first", true, 1, 0)
	expect("again", true, 1, 0)
	d.catalog.conn.(closing).Conn.(*ldap.Conn).Close() // as a server does that finds it idle
	expect("by a connection that has ended", true, 2, 1)
	d.Close()
	expect("closed by us", true, 3, 2)
	d.Close()
	if log.Len() > 0 {
		t.Errorf("the log says %s", &log)
	}
	up := d.Catalog
	d.Catalog = func(context.Context) (Conn, error) { dials++; return nil, errors.New("no route") }
	expect("no catalog", false, 4, 3)
	expect("left alone", false, 4, 3)
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "no route") {
		t.Errorf("the log says %q", text)
	}
	d.Catalog, d.catalog.again = up, time.Now()
	expect("there again", true, 5, 3)
}

// TestFaultyCatalog: a catalog that answers with an error, or no more, keeps no group from
// being written, and says nothing of who has what.
func TestFaultyCatalog(t *testing.T) {
	for name, err := range map[string]error{"refuses": ldapError(ldap.LDAPResultUnwillingToPerform), "hangs up": ldapError(ldap.ErrorNetwork)} {
		t.Run(name, func(t *testing.T) {
			d := addressed(newDomain(t))
			dials := 0
			d.Catalog = func(context.Context) (Conn, error) {
				dials++
				return &meddler{search: func(*ldap.SearchRequest) (*ldap.SearchResult, error) { return nil, err }}, nil
			}
			c := creation(t, d, 0, "group")
			c.Set["mail"] = []string{"free@" + strings.ReplaceAll(name, " ", "-") + ".test"}
			apply(t, d, 1, c)
			if want := map[string]int{"refuses": 1, "hangs up": 2}[name]; dials != want {
				t.Errorf("%d dials, want %d", dials, want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			d.catalog.again = time.Time{}
			d.Catalog = func(context.Context) (Conn, error) { cancel(); return nil, context.Canceled }
			c.Group, c.Name, c.Set["mail"] = id(t, 1), "other", []string{"other@x.test"}
			c.Set["sAMAccountName"] = []string{plan.Mark(c.Group)}
			if r, err := d.Apply(ctx, fence(2), c); r.Status != plan.Unknown || err == nil || !d.catalog.again.IsZero() {
				t.Errorf("ended meanwhile: %+v, %v; the catalog is left alone until %s", r, err, d.catalog.again)
			}
		})
	}
}

// TestClashUnanswered: where the domain does not answer who has an address, or refuses to,
// nothing is written.
func TestClashUnanswered(t *testing.T) {
	d := addressed(newDomain(t))
	c := creation(t, d, 0, "group")
	c.Set["mail"] = []string{"x@unanswered.test"}
	m := meddle(d)
	for code, want := range map[uint16]plan.Status{ldap.LDAPResultInsufficientAccessRights: plan.Refused, ldap.ErrorNetwork: plan.Unknown} {
		m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
			if strings.Contains(r.Filter, "proxyAddresses") {
				return nil, ldapError(code)
			}
			return m.Conn.Search(r)
		}
		quiet(t, func() {
			if r, err := d.Apply(t.Context(), fence(1), c); r.Status != want || (err == nil) != (want == plan.Refused) || r.Clashes != nil {
				t.Errorf("code %d: %+v, %v", code, r, err)
			}
		})
	}
}
