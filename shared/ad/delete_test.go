package ad

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// deletion is a change that deletes group n of a test as it is now.
func deletion(t testing.TB, d *Domain, n int) plan.Change {
	t.Helper()
	g := read(t, d, id(t, n)).Group
	return plan.Change{Op: plan.Delete, Group: g.ID, GUID: g.GUID, Digest: g.Digest()}
}

// restoration is a change that has group n of a test back.
func restoration(t testing.TB, d *Domain, n int, name string, g plan.GUID) plan.Change {
	c := creation(t, d, n, name)
	c.Op, c.GUID = plan.Restore, g
	return c
}

// TestDeleteAndRestore: it comes back with its SID and its GUID; the attributes with it, the
// members by the next diff.
func TestDeleteAndRestore(t *testing.T) {
	d := restoring(t)
	g, child := create(t, d, 0, "group"), create(t, d, 1, "child")
	outer := create(t, d, 2, "outer")
	members := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: slices.Sorted(slices.Values(append(someUsers(t, 1, 3), plan.GroupRef(id(t, 1))))), Known: map[directory.ID]plan.GUID{id(t, 1): child}}
	nesting := plan.Change{Op: plan.Update, Group: id(t, 2), GUID: outer, Add: []plan.Ref{plan.GroupRef(id(t, 0))}}
	apply(t, d, 2, members)
	apply(t, d, 2, nesting)
	before := read(t, d, id(t, 0))

	c := deletion(t, d, 0)
	if r := apply(t, d, 3, c); r.GUID != g {
		t.Errorf("got %+v", r)
	}
	if _, found, err := d.Read(t.Context(), id(t, 0), g); found || err != nil {
		t.Errorf("it is still there: %v, %v", found, err)
	}
	quiet(t, func() { apply(t, d, 4, c) })
	if left := read(t, d, id(t, 2)).Group.Members(); len(left) != 0 {
		t.Errorf("the outer group still has %v", left)
	}

	back := restoration(t, d, 0, "new name", g)
	back.Set["description"] = []string{"back"}
	back.Set["sAMAccountName"] = []string{"new-" + id(t, 0).String()[:8]}
	m := meddle(d)
	if r := apply(t, d, 5, back); r.GUID != g || m.n != 1 {
		t.Errorf("got %+v in %d writes", r, m.n)
	}
	quiet(t, func() { apply(t, d, 6, back) })
	got := read(t, d, id(t, 0))
	want := plan.Group{ID: id(t, 0), GUID: g, Parent: plan.NormalDN(d.Base), Name: "new name", Attrs: back.Set}
	if diff := cmp.Diff(want, got.Group); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.SID != before.SID || got.Fence != fence(5).String() {
		t.Errorf("SID %s was %s, fence %q", got.SID, before.SID, got.Fence)
	}
	ldif := dc(t).LDAPSearch(t, d.Base, "(cn=new name)", "adminDescription", external)
	for _, attr := range []string{"adminDescription", external} {
		if !strings.Contains(ldif, attr+": "+plan.Mark(id(t, 0))) {
			t.Errorf("no %s in\n%s", attr, ldif)
		}
	}
	apply(t, d, 7, members)
	apply(t, d, 7, nesting)
	if now := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(now, before.Group.Members()) {
		t.Errorf("members are %v, were %v", now, before.Group.Members())
	}
}

// TestDeleteRefused: each reason, without a write.
func TestDeleteRefused(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
	other := create(t, d, 1, "other")
	foreign := create(t, d, 2, "foreign")
	newer := create(t, d, 3, "newer")
	good, theirs, late := deletion(t, d, 0), deletion(t, d, 2), deletion(t, d, 3)
	modify(t, foreign, "adminDisplayName", "gwb elsewhere 1.1.1")
	modify(t, newer, "adminDisplayName", "gwb test 9.9.9")
	with := func(change func(*plan.Change)) plan.Change { c := good; change(&c); return c }
	for _, test := range []struct {
		name   string
		c      plan.Change
		status plan.Status
		code   int
		text   string
	}{
		{"no GUID", with(func(c *plan.Change) { c.GUID = "" }), plan.Refused, 0, "by its GUID and its digest"},
		{"no digest", with(func(c *plan.Change) { c.Digest = "" }), plan.Refused, 0, "by its GUID and its digest"},
		{"with members", with(func(c *plan.Change) { c.Remove = someUsers(t, 1, 1) }), plan.Refused, 0, "changes nothing of it"},
		{"another's GUID", with(func(c *plan.Change) { c.GUID = other }), plan.Refused, 0, ""},
		{"a digest of before", with(func(c *plan.Change) { c.Digest = "0123" }), plan.Refused, plan.CodeAnother, "is not as it was when its deletion was decided"},
		{"a group of another installation", theirs, plan.Refused, 0, `belongs to installation "elsewhere"`},
		{"a newer writer", late, plan.Fenced, 0, "a newer writer"},
	} {
		quiet(t, func() {
			if r := outcome(t, d, 5, test.c); r.Status != test.status || r.Code != test.code || !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: got %+v", test.name, r)
			}
		})
	}
	// Somebody was taken in since the deletion was decided.
	modify(t, g, "member", sids(t, 1, 3)...)
	quiet(t, func() {
		if r := outcome(t, d, 5, good); r.Code != plan.CodeAnother {
			t.Errorf("another member: got %+v", r)
		}
	})
	letRestore(t, false)
	quiet(t, func() {
		r := outcome(t, d, 5, deletion(t, d, 0))
		if r.Status != plan.Refused || !strings.Contains(r.Text, "nothing is deleted that could not be had back: the account has not the right Reanimate-Tombstones") {
			t.Errorf("without the right: got %+v", r)
		}
	})
}

// TestDeleteOfContainer: what else is in a group stays, and the group with it.
func TestDeleteOfContainer(t *testing.T) {
	d := restoring(t)
	create(t, d, 0, "group")
	c := deletion(t, d, 0)
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && r.Scope == ldap.ScopeSingleLevel && strings.HasPrefix(r.BaseDN, "CN=group,") {
			res.Entries = append(res.Entries, ldap.NewEntry("CN=printer,"+r.BaseDN, nil))
		}
		return res, err
	}
	quiet(t, func() {
		if r := outcome(t, d, 2, c); r.Status != plan.Refused || !strings.Contains(r.Text, "because it contains CN=printer,CN=group,") {
			t.Errorf("got %+v", r)
		}
	})
	// The account does not see what is in it: the server does, for it is asked for one object.
	m.search = nil
	m.write = func(_ int, req any, do func() error) error {
		if del, ok := req.(*ldap.DelRequest); ok {
			if len(del.Controls) != 0 {
				t.Errorf("deletes with %v", del.Controls)
			}
			return ldapError(ldap.LDAPResultNotAllowedOnNonLeaf)
		}
		return do()
	}
	if r := outcome(t, d, 2, c); r.Status != plan.Refused || r.Code != ldap.LDAPResultNotAllowedOnNonLeaf {
		t.Errorf("got %+v", r)
	}
	read(t, d, id(t, 0))
}

// TestDeleteRaces: somebody comes in before the fence is taken, and behind it.
func TestDeleteRaces(t *testing.T) {
	for _, test := range []struct {
		name   string
		at     int
		meddle func(t *testing.T, g plan.GUID)
		status plan.Status
		code   int
		gone   bool
	}{
		{"a newer writer", 1, func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 1.9.1") }, plan.Fenced, 0, false},
		{"an older writer and its change", 1, func(t *testing.T, g plan.GUID) {
			modify(t, g, "adminDisplayName", "gwb test 1.1.0")
			modify(t, g, "member", sids(t, 1, 2)...)
		}, plan.Refused, plan.CodeAnother, false},
		{"an older writer without a change", 1, func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 1.1.0") }, plan.Done, 0, true},
		{"a hand", 1, func(t *testing.T, g plan.GUID) { modify(t, g, "member", sids(t, 1, 2)...) }, plan.Refused, plan.CodeAnother, false},
		{"a hand that deletes it before the fence", 1, func(t *testing.T, g plan.GUID) { kill(t, g) }, plan.Done, 0, true},
		{"a hand that deletes it behind the fence", 2, func(t *testing.T, g plan.GUID) { kill(t, g) }, plan.Done, 0, true},
		{"a hand that takes it", 1, func(t *testing.T, g plan.GUID) { modify(t, g, "adminDisplayName", "mine") }, plan.Refused, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := restoring(t)
			g := create(t, d, 0, "group")
			c := deletion(t, d, 0)
			meddle(d).write = func(n int, _ any, do func() error) error {
				if n == test.at {
					test.meddle(t, g)
				}
				return do()
			}
			if r := outcome(t, d, 3, c); r.Status != test.status || r.Code != test.code {
				t.Errorf("got %+v", r)
			}
			_, live, err := d.group(t.Context(), byGUID(g), nil)
			if err != nil || live == test.gone {
				t.Errorf("live %v, %v", live, err)
			}
		})
	}
}

// TestDeletedUnseen: a group that is not seen any more is not gone.
func TestDeletedUnseen(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	c := deletion(t, d, 0)
	dn := "CN=group," + d.Base
	was := descriptor(t, dn)
	setDescriptor(t, dn, denying(was, dc(t).SIDs["svc-groupwriteback"], 0x10|0x20000))
	r := outcome(t, d, 3, c)
	setDescriptor(t, dn, was)
	if r.Status != plan.Refused || r.Code != 0 {
		t.Errorf("got %+v", r)
	}
	// Nor is one that is not even found, while the account may not list where it is.
	m := meddle(d)
	m.search = func(req *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if req.BaseDN == byGUID(g) {
			return nil, ldapError(ldap.LDAPResultNoSuchObject)
		}
		return m.Conn.Search(req)
	}
	was = descriptor(t, d.Base)
	setDescriptor(t, d.Base, denying(was, dc(t).SIDs["svc-groupwriteback"], listChildren))
	r = outcome(t, d, 3, c)
	setDescriptor(t, d.Base, was)
	if r.Status != plan.Refused || !strings.Contains(r.Text, "is not found, and may be there: the account may not list") {
		t.Errorf("where it may not list: got %+v", r)
	}
	d.Conn = m.Conn
	nowhere := c
	nowhere.GUID = "11111111-2222-4333-8444-555555555555"
	quiet(t, func() { apply(t, d, 3, nowhere) })
	if read(t, d, id(t, 0)).Group.GUID != g {
		t.Error("it is another one")
	}
}

// TestLifeLost loses the connection at each write of a group's last days, before it took
// effect and after. Doing it again on a new connection leads to the same end.
func TestLifeLost(t *testing.T) {
	for _, effect := range []bool{false, true} {
		for at := 1; ; at++ {
			if !loseLife(t, at, effect) {
				if at < 6 {
					t.Errorf("there are %d writes only", at-1)
				}
				break
			}
		}
	}
}

func loseLife(t *testing.T, at int, effect bool) (lost bool) {
	d := restoring(t)
	g := create(t, d, at, "group")
	sid := read(t, d, id(t, at)).SID
	last := restoration(t, d, at, "back", g)
	last.Set["description"] = []string{"x"}
	away := plan.Change{Op: plan.Disown, Group: id(t, at), GUID: g, Set: map[string][]string{"info": {"let go"}}}
	changes := []plan.Change{deletion(t, d, at), last, away, creation(t, d, at, "again")}
	m := meddle(d)
	n := 0
	m.write = func(_ int, req any, do func() error) error {
		n++
		switch {
		case n < at:
			return do()
		case n == at && effect:
			if err := do(); err != nil {
				t.Error(err)
			}
		}
		lost = true
		return ldap.NewError(ldap.ErrorNetwork, io.ErrUnexpectedEOF)
	}
	done := 0
	for _, c := range changes {
		if r, err := d.Apply(t.Context(), fence(7), c); err != nil {
			if !errors.Is(err, ErrConnection) || r.Status != plan.Unknown {
				t.Errorf("got %+v, %v", r, err)
			}
			break
		}
		done++
	}
	m.write = nil
	for _, c := range changes[done:] {
		apply(t, d, 7, c)
	}
	got := read(t, d, id(t, at))
	if got.Group.GUID != g || got.SID != sid || got.Group.Name != "again" || got.Fence != fence(7).String() || len(scan(t, d)) != 1 {
		t.Errorf("at %d, effect %v: got %+v", at, effect, got)
	}
	kill(t, g)
	if err := admin(t).Del(ldap.NewDelRequest(d.Base, nil)); err != nil {
		t.Fatal(err)
	}
	return lost
}
