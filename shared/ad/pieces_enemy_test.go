package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// refuses has the server refuse whatever writes an attribute.
func refuses(m *meddler, code uint16, attribute string) {
	m.write = func(_ int, req any, do func() error) error {
		if slices.Contains(written(req), attribute) {
			return ldapError(code)
		}
		return do()
	}
}

// refusesTogether has the server refuse the first write for one of its values. What becomes of the
// nth, from the second on, rest says.
func refusesTogether(m *meddler, rest func(n int, do func() error) error) {
	m.write = func(n int, _ any, do func() error) error {
		if n == 1 {
			return ldapError(ldap.LDAPResultConstraintViolation)
		}
		return rest(n, do)
	}
}

// written are the attributes that a request writes.
func written(req any) (names []string) {
	switch r := req.(type) {
	case *ldap.AddRequest:
		for _, a := range r.Attributes {
			names = append(names, a.Type)
		}
	case *ldap.ModifyRequest:
		for _, c := range r.Changes {
			names = append(names, c.Modification.Type)
		}
	}
	return names
}

// TestLetGoWithoutItsNote: a domain that does not take the note for people lets the group go all the same: it once
// stayed under our fence, and was said to be let go.
func TestLetGoWithoutItsNote(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	refuses(meddle(d), ldap.LDAPResultConstraintViolation, "info")
	r := outcome(t, d, 2, disowning(t, 0, g))
	out := dc(t).LDAPSearch(t, d.Base, "(cn=group)", "adminDisplayName")
	if gone := strings.Contains(out, "adminDisplayName: "+plan.Released(d.Instance)); r.Status != plan.Done || !slices.Equal(r.Unset, []string{"info"}) || !gone {
		t.Errorf("let go: %t, %+v\n%s", gone, r, out)
	}
}

// TestRenamedUnderTheFence: a group that an earlier try has made gets its name under the fence of this one, although all
// that was to be set besides is refused.
func TestRenamedUnderTheFence(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "old")
	refuses(meddle(d), ldap.LDAPResultConstraintViolation, "description")
	c := creation(t, d, 0, "new")
	c.Set["displayName"], c.Set["description"] = []string{"old"}, []string{"x"}
	r := outcome(t, d, 3, c)
	row := read(t, d, c.Group)
	if r.Status != plan.Done || r.GUID != g || row.Group.Name != "new" || row.Fence != fence(3).String() {
		t.Errorf("%+v, %s under %s", r, row.Group.Name, row.Fence)
	}
}

// TestOvertakenBetweenPieces: a newer writer comes to the group between two pieces. Nothing more is written, and nothing is
// said to be refused by the server.
func TestOvertakenBetweenPieces(t *testing.T) {
	for _, op := range []plan.Op{plan.Create, plan.Update} {
		t.Run(string(op), func(t *testing.T) {
			d := newDomain(t)
			g := create(t, d, 0, "old")
			refusesTogether(meddle(d), func(n int, do func() error) error {
				if n == 3 {
					modify(t, g, "adminDisplayName", "gwb test 1.9.1")
				}
				return do()
			})
			c := creation(t, d, 0, "new")
			c.Set["displayName"], c.Set["description"] = []string{"b"}, []string{"a"}
			if op == plan.Update {
				c = plan.Change{Op: op, Group: c.Group, GUID: g, Set: map[string][]string{"displayName": {"b"}, "description": {"a"}}}
			}
			r := outcome(t, d, 3, c)
			row := read(t, d, c.Group)
			if r.Status != plan.Fenced || row.Group.Name != "old" || row.Fence != "gwb test 1.9.1" || row.Group.Attrs["displayName"][0] != "old" {
				t.Errorf("%+v; %+v", r, row)
			}
		})
	}
}

// TestOlderWriterBetweenPieces: whoever is outranked may come between two pieces, and costs nothing.
func TestOlderWriterBetweenPieces(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	m := meddle(d)
	m.write = func(n int, req any, do func() error) error {
		if n == 3 {
			modify(t, g, "adminDisplayName", "gwb test 1.1.0")
		}
		if slices.Contains(written(req), "description") {
			return ldapError(ldap.LDAPResultConstraintViolation)
		}
		return do()
	}
	r := outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"displayName": {"b"}, "description": {"a"}}})
	if row := read(t, d, id(t, 0)); r.Status != plan.Refused || r.Code != ldap.LDAPResultConstraintViolation || !strings.HasPrefix(r.Text, "set description of ") || row.Group.Attrs["displayName"][0] != "b" {
		t.Errorf("%+v; %+v", r, row.Group)
	}
}

// TestTakenBesideRefused: of a group whose name is taken and whose attribute is refused too the name is told: with another one it is
// made without the attribute.
func TestTakenBesideRefused(t *testing.T) {
	d := newDomain(t)
	add(t, "CN=sales,"+d.Base, "group", "")
	refuses(meddle(d), ldap.LDAPResultConstraintViolation, "description")
	c := creation(t, d, 0, "sales")
	c.Set["description"] = []string{"x"}
	r := outcome(t, d, 1, c)
	if r.Status != plan.Refused || r.Taken == nil || r.Taken.By != "CN=sales,"+d.Base {
		t.Fatalf("%+v", r)
	}
	c.Name = "sales (2)"
	if r := apply(t, d, 2, c); !slices.Equal(r.Unset, []string{"description"}) {
		t.Errorf("%+v", r)
	}
}

// TestTakenBackUnderTheFence: a group that was let go is ours again when that is said, although nothing of it differs from the
// wish, and although all that does is refused.
func TestTakenBackUnderTheFence(t *testing.T) {
	for name, code := range map[string]uint16{"nothing differs": 0, "constraint": ldap.LDAPResultConstraintViolation, "no such attribute": ldap.LDAPResultNoSuchAttribute} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t)
			c := creation(t, d, 0, "group")
			g := apply(t, d, 1, c).GUID
			m := meddle(d)
			refuses(m, ldap.LDAPResultConstraintViolation, "info")
			apply(t, d, 2, disowning(t, 0, g))
			if code > 0 {
				c.Set["description"] = []string{"x"}
				refuses(m, code, "description")
			}
			r := outcome(t, d, 3, c)
			row := read(t, d, c.Group)
			if r.Status != plan.Done || r.GUID != g || row.Fence != fence(3).String() || (code > 0) != slices.Equal(r.Unset, []string{"description"}) {
				t.Errorf("%+v, under %s", r, row.Fence)
			}
		})
	}
}

// TestGoneBetweenPieces: a group that is deleted between two pieces is gone, and nothing of it is said to be there.
func TestGoneBetweenPieces(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	refusesTogether(meddle(d), func(n int, do func() error) error {
		if n == 2 {
			if err := admin(t).Del(ldap.NewDelRequest(byGUID(g), nil)); err != nil {
				t.Fatal(err)
			}
		}
		return do()
	})
	c := creation(t, d, 0, "group")
	c.Set["displayName"], c.Set["description"] = []string{"b"}, []string{"a"}
	if r := outcome(t, d, 3, c); r.Status != plan.Refused || !strings.Contains(r.Text, "is gone") {
		t.Errorf("%+v", r)
	}
}

// TestLostBehindTheBareGroup: a group that was made without what is refused is found by the next try, although nobody heard that it was
// made: it bears our marks from its first moment.
func TestLostBehindTheBareGroup(t *testing.T) {
	d := newDomain(t)
	c := creation(t, d, 0, "group")
	c.Set["description"] = []string{"x"}
	m := meddle(d)
	refusesTogether(m, func(n int, do func() error) error {
		if n == 2 {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		return ldapError(ldap.ErrorNetwork)
	})
	if r, err := d.Apply(t.Context(), fence(1), c); err == nil || r.Status != plan.Unknown {
		t.Fatalf("%+v, %v", r, err)
	}
	d.Conn = m.Conn
	apply(t, d, 2, c)
	if rows := scan(t, d); len(rows) != 1 || rows[c.Group].Group.Attrs["description"][0] != "x" {
		t.Errorf("%+v", rows)
	}
}

// TestTakenByAHandMeanwhile: a group that was let go, and that somebody makes his own between our look and the next reading, stays his.
func TestTakenByAHandMeanwhile(t *testing.T) {
	d := newDomain(t)
	c := creation(t, d, 0, "group")
	g := apply(t, d, 1, c).GUID
	apply(t, d, 2, disowning(t, 0, g))
	m, reads := meddle(d), 0
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if r.BaseDN == byGUID(g) {
			if reads++; reads == 2 {
				modify(t, g, "adminDisplayName", "mine")
			}
		}
		return m.Conn.Search(r)
	}
	r := outcome(t, d, 3, c)
	if out := dc(t).LDAPSearch(t, d.Base, "(cn=group)", "adminDisplayName"); reads < 2 || r.Status != plan.Refused || !strings.Contains(r.Text, "is another one since") || !strings.Contains(out, "adminDisplayName: mine") {
		t.Errorf("%d readings, %+v\n%s", reads, r, out)
	}
}
