package ad

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

func scan(t testing.TB, d *Domain) map[directory.ID]Row {
	t.Helper()
	rows := map[directory.ID]Row{}
	err := d.Scan(t.Context(), func(r Row) error {
		if _, ok := rows[r.Group.ID]; ok {
			t.Errorf("%s came twice", r.Group.ID)
		}
		rows[r.Group.ID] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestScan goes over several pages, and agrees with Read.
func TestScan(t *testing.T) {
	d := newDomain(t)
	sub := newOU(t, "sub", d.Base)
	const groups = rowsInOne + 30
	for n := range groups {
		c := creation(t, d, n, fmt.Sprintf("group %d", n))
		if n%2 == 0 {
			c.Parent = plan.NormalDN(sub)
		}
		apply(t, d, 1, c)
	}
	// Each holds the next, so that every second one refers to a page to come.
	for n := range groups {
		apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, n), Add: []plan.Ref{plan.GroupRef(id(t, (n+1)%groups)), user(t, 1+n%users)}})
	}
	// None of these is ours.
	for n, attrs := range []map[string]string{
		{"adminDisplayName": "gwb tests 1.1.1"}, {"adminDisplayName": "x"}, {"adminDescription": "Group_x"},
	} {
		g := create(t, d, groups+n, fmt.Sprintf("stranger %d", n))
		for attr, value := range attrs {
			modify(t, g, attr, value)
		}
	}
	rows := scan(t, d)
	if len(rows) != groups {
		t.Fatalf("%d rows, want %d", len(rows), groups)
	}
	for n := range groups {
		row := rows[id(t, n)]
		want := []plan.Ref{plan.GroupRef(id(t, (n+1)%groups)), user(t, 1+n%users)}
		slices.Sort(want)
		if row.Group.Name != fmt.Sprintf("group %d", n) || !slices.Equal(row.Group.Members(), want) {
			t.Errorf("group %d: %+v", n, row)
		}
	}
	if diff := cmp.Diff(rows[id(t, 7)], read(t, d, id(t, 7))); diff != "" {
		t.Errorf("scan and read differ (-scan +read):\n%s", diff)
	}
	if row := read(t, d, id(t, groups)); row.Trouble == nil || row.Trouble.Case != plan.TroubleForeign {
		t.Errorf("read a stranger: %+v", row)
	}
}

// TestScanTwins: somebody copied a group of ours with its marks. Which of the two is
// meant only a person knows; the others are seen all the same.
func TestScanTwins(t *testing.T) {
	d := newDomain(t)
	create(t, d, 0, "one")
	g := create(t, d, 1, "two")
	create(t, d, 2, "three")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 2), Add: []plan.Ref{plan.GroupRef(id(t, 1))}})
	modify(t, g, "adminDescription", plan.Mark(id(t, 0)))
	modify(t, g, external, plan.Mark(id(t, 0)))
	named := func(what string, row Row) {
		t.Helper()
		if p := row.Trouble; p == nil || p.Case != plan.TroubleTwin || !strings.Contains(p.Text, "CN=one,"+d.Base) || !strings.Contains(p.Text, "CN=two,"+d.Base) {
			t.Errorf("%s: got %+v", what, row)
		}
	}
	rows := scan(t, d)
	named("scan", rows[id(t, 0)])
	if other := rows[id(t, 2)]; len(rows) != 2 || other.Trouble != nil || !slices.Equal(other.Group.Members(), []plan.Ref{plan.GroupRef(id(t, 0))}) {
		t.Errorf("the others: %+v", rows)
	}
	named("read", read(t, d, id(t, 0)))
	r := outcome(t, d, 1, creation(t, d, 0, "one"))
	if r.Status != plan.Refused || !strings.Contains(r.Text, "CN=two,") {
		t.Errorf("create: got %+v", r)
	}
	// A ref to the one or the other: nobody can say which.
	r = outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 2), Add: []plan.Ref{plan.GroupRef(id(t, 0))}})
	if len(r.Bad) != 1 {
		t.Errorf("add a twin: got %+v", r)
	}
}

// TestScanNothing: what cannot be read is an error, not an empty directory.
func TestScanNothing(t *testing.T) {
	d := newDomain(t)
	if rows := scan(t, d); len(rows) != 0 {
		t.Errorf("rows in an empty OU: %v", rows)
	}
	for name, broken := range map[string]Domain{
		"no such base": {Conn: d.Conn, Identity: d.Identity, Instance: "test", Base: "OU=none," + d.Base},
		"no instance":  {Conn: d.Conn, Identity: d.Identity, Base: d.Base},
		"two words":    {Conn: d.Conn, Identity: d.Identity, Instance: "a b", Base: d.Base},
		"no base":      {Conn: d.Conn, Identity: d.Identity, Instance: "test"},
		"no identity":  {Conn: d.Conn, Instance: "test", Base: d.Base},
	} {
		if err := broken.Scan(t.Context(), func(Row) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestIdentify(t *testing.T) {
	d := newDomain(t)
	id := d.Identity
	domain := dc(t).SIDs["user00001"].Domain()
	if id.NC != dc(t).Domain || id.Domain != domain || !slices.Equal(id.Domains, []directory.SID{domain}) || !id.External {
		t.Errorf("got %+v", id)
	}
	if id.USN == 0 || id.Invocation == "" || id.Base == "" || !strings.HasPrefix(id.Server, "CN=NTDS Settings,CN=DC1,") {
		t.Errorf("got %+v", id)
	}
	d.Base = "OU=none," + dc(t).Domain
	if _, err := d.Identify(t.Context()); err == nil || !strings.Contains(err.Error(), d.Base) {
		t.Errorf("without base: %v", err)
	}
}

// TestScanNewTwin: somebody copies a group while the scan reads. No cloud group is told of
// twice, and the next scan sees that there are two.
func TestScanNewTwin(t *testing.T) {
	d := newDomain(t)
	create(t, d, 0, "one")
	m := meddle(d)
	copied := false
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if !copied && slices.Contains(r.Attributes, "member") {
			copied = true
			stranger(t, d.Base, "a copy", map[string]string{"adminDescription": plan.Mark(id(t, 0)), "adminDisplayName": fence(1).String()})
		}
		return m.Conn.Search(r)
	}
	if row := scan(t, d)[id(t, 0)]; row.Trouble != nil || row.Group.Name != "one" {
		t.Errorf("got %+v", row)
	}
	if row := scan(t, d)[id(t, 0)]; row.Trouble == nil || row.Trouble.Case != plan.TroubleTwin {
		t.Errorf("got %+v", row)
	}
}
