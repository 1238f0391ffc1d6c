package ad

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

const users = 60

// shared is the one domain of this package's tests. Each test has an OU of its own.
var shared = adtest.Shared{Users: users}

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func dc(t testing.TB) *adtest.DC { return shared.DC(t) }

func dial(t testing.TB, user, password string) *ldap.Conn {
	t.Helper()
	return dialTo(t, dc(t), user, password)
}

func dialTo(t testing.TB, dc *adtest.DC, user, password string) *ldap.Conn {
	t.Helper()
	conn, err := Dial(t.Context(), Config{URL: dc.URL, ServerName: dc.ServerName, CAFile: dc.CAFile, User: user, Password: password, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// admin does what the agent may not.
func admin(t testing.TB) *ldap.Conn { return dial(t, dc(t).AdminName, dc(t).AdminPassword) }

// newDomain is a Domain on an OU of its own below Cloud Groups, by the service account.
func newDomain(t testing.TB) *Domain {
	t.Helper()
	d := &Domain{
		Conn:     dial(t, dc(t).BindName, dc(t).Password),
		Base:     newOU(t, strings.ReplaceAll(t.Name(), "/", " "), dc(t).Base),
		Instance: "test",
		Attrs:    []string{"description", "displayName", "groupType", "sAMAccountName"},
		Wait:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	var err error
	if d.Identity, err = d.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func newOU(t testing.TB, name, parent string) string {
	t.Helper()
	dn := "OU=" + name + "," + parent
	req := ldap.NewAddRequest(dn, nil)
	req.Attribute("objectClass", []string{"organizationalUnit"})
	if err := admin(t).Add(req); err != nil {
		t.Fatal(err)
	}
	return dn
}

// id is a cloud group's id that no other test has.
func id(t testing.TB, n int) directory.ID {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", t.Name(), n))
	return directory.ID(h[:16])
}

func user(t testing.TB, n int) plan.Ref { return plan.SIDRef(dc(t).SIDs[fmt.Sprintf("user%05d", n)]) }

func someUsers(t testing.TB, from, to int) (refs []plan.Ref) {
	for n := from; n <= to; n++ {
		refs = append(refs, user(t, n))
	}
	slices.Sort(refs)
	return refs
}

func fence(seq uint64) plan.Fence { return plan.Fence{Instance: "test", Epoch: 1, Seq: seq, Lease: 1} }

const universal = "-2147483640" // a universal security group (MS-ADTS 2.2.12)

// creation is a change that creates group n of a test.
func creation(t testing.TB, d *Domain, n int, name string) plan.Change {
	return plan.Change{Op: plan.Create, Group: id(t, n), Parent: plan.NormalDN(d.Base), Name: name, Set: map[string][]string{
		"sAMAccountName": {plan.Mark(id(t, n))}, "groupType": {universal}, "displayName": {name},
	}}
}

// apply expects a change to be done, without bad members.
func apply(t testing.TB, d *Domain, seq uint64, c plan.Change) plan.Result {
	t.Helper()
	r := outcome(t, d, seq, c)
	if r.Status != plan.Done || len(r.Bad) > 0 {
		t.Fatalf("%s: got %+v", c.Op, r)
	}
	return r
}

// outcome expects an answer, of whatever kind.
func outcome(t testing.TB, d *Domain, seq uint64, c plan.Change) plan.Result {
	t.Helper()
	r, err := d.Apply(t.Context(), fence(seq), c)
	if err != nil {
		t.Fatalf("%s: %v", c.Op, err)
	}
	return r
}

func create(t testing.TB, d *Domain, n int, name string) plan.GUID {
	t.Helper()
	return apply(t, d, 1, creation(t, d, n, name)).GUID
}

func read(t testing.TB, d *Domain, id directory.ID) Row {
	t.Helper()
	row, found, err := d.Read(t.Context(), id, "")
	if err != nil || !found {
		t.Fatalf("read %s: found %v, %v", id, found, err)
	}
	return row
}

// modify changes an object as an administrator.
func modify(t testing.TB, g plan.GUID, attr string, values ...string) {
	t.Helper()
	req := ldap.NewModifyRequest(byGUID(g), nil)
	req.Replace(attr, values)
	if err := admin(t).Modify(req); err != nil {
		t.Fatal(err)
	}
}

// quiet expects f to write nothing at all to the directory.
func quiet(t testing.TB, f func()) {
	t.Helper()
	before := dc(t).HighestUSN(t)
	f()
	if after := dc(t).HighestUSN(t); after != before {
		t.Errorf("wrote: USN went from %d to %d", before, after)
	}
}
