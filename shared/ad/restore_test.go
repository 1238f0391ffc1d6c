package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// TestRestoreRefused: each reason, without a write; only what can never be had back is gone.
func TestRestoreRefused(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	create(t, d, 1, "taken")
	alive := create(t, d, 2, "alive")
	twin := create(t, d, 3, "twin")
	kill(t, g)
	kill(t, twin)
	create(t, d, 3, "twin")
	const never plan.GUID = "11111111-2222-4333-8444-555555555555"
	with := func(change func(*plan.Change)) plan.Change {
		c := restoration(t, d, 0, "group", g)
		change(&c)
		return c
	}
	for _, test := range []struct {
		name string
		c    plan.Change
		code int
		text string
	}{
		{"no GUID", with(func(c *plan.Change) { c.GUID = "" }), 0, "encode GUID"},
		{"there was none", with(func(c *plan.Change) { c.GUID = never }), plan.CodeGone, "no deleted group"},
		{"another group's", with(func(c *plan.Change) { c.GUID = alive }), 68, "there is a group already"},
		{"another deleted group's", with(func(c *plan.Change) { c.GUID = twin }), 0, "was not ours, or stood for another cloud group"},
		{"a group came in its place", restoration(t, d, 3, "twin", twin), 68, "there is a group already: CN=twin,"},
		{"the name is taken", with(func(c *plan.Change) { c.Name = "taken" }), 68, "taken by CN=taken,"},
		{"the container is not there", with(func(c *plan.Change) { c.Parent = "OU=nowhere," + plan.NormalDN(d.Base) }), 0, "does not exist: create it"},
		{"outside of the base", with(func(c *plan.Change) { c.Parent = dc(t).Domain }), 0, "is not below"},
		{"a name that no group may have", with(func(c *plan.Change) { c.Name = strings.Repeat("x", 70) }), 0, "change the rule that makes it"},
	} {
		quiet(t, func() {
			if r := outcome(t, d, 2, test.c); r.Status != plan.Refused || r.Code != test.code || !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: got %+v", test.name, r)
			}
		})
	}
	letRestore(t, false)
	quiet(t, func() {
		if r := outcome(t, d, 2, with(func(*plan.Change) {})); r.Status != plan.Refused || r.Code != 0 || !strings.Contains(r.Text, "cannot be restored: the account has not the right") {
			t.Errorf("without the right: got %+v", r)
		}
	})
}

// TestRestoreDeniedByItsOwnRights: a deleted group has the permissions that it had. That its own
// lack something is said: nobody finds them in the container that is named for the rest.
func TestRestoreDeniedByItsOwnRights(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	const writeProperty = 0x20
	group := read(t, d, id(t, 0)).Group
	at := plan.JoinRDN(group.Name, group.Parent)
	setDescriptor(t, at, denying(descriptor(t, at), dc(t).SIDs["svc-groupwriteback"], writeProperty))
	kill(t, g)
	c := restoration(t, d, 0, "group", g)
	if r := outcome(t, d, 2, c); r.Status != plan.Refused || r.Code != ldap.LDAPResultInsufficientAccessRights || !strings.Contains(r.Text, "an administrator has to restore it") {
		t.Errorf("got %+v", r)
	}
}

// TestRestoreTakenAccountName: somebody has the account name by now. Who that is is told, so
// that the planner takes another one; with that it comes back.
func TestRestoreTakenAccountName(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	kill(t, g)
	c := restoration(t, d, 0, "group", g)
	c.Set["sAMAccountName"] = []string{"user00001"}
	r := outcome(t, d, 2, c)
	if r.Status != plan.Refused || r.Taken == nil || !strings.HasPrefix(r.Taken.By, "CN=user00001,") {
		t.Errorf("got %+v", r)
	}
	c.Set["sAMAccountName"] = []string{"free-" + id(t, 0).String()[:8]}
	apply(t, d, 2, c)
}

// TestRestoreOtherKind: a group comes back as the kind that is wanted now.
func TestRestoreOtherKind(t *testing.T) {
	d := restoring(t)
	d.More.GroupTypes = []string{"universal-distribution"}
	g := create(t, d, 0, "group")
	kill(t, g)
	c := restoration(t, d, 0, "group", g)
	c.Set["groupType"] = []string{"8"}
	apply(t, d, 2, c)
	if row := read(t, d, id(t, 0)); row.Group.Attrs["groupType"][0] != "8" || row.Group.GUID != g {
		t.Errorf("got %+v", row)
	}
}

// TestRestoreInParts: a server does not take all attributes with the undelete. What is left
// is set behind it; the agent may have ended in between.
func TestRestoreInParts(t *testing.T) {
	for _, crash := range []bool{false, true} {
		d := restoring(t)
		n := 0
		if crash {
			n = 1
		}
		g := create(t, d, n, "group")
		sid := read(t, d, id(t, n)).SID
		kill(t, g)
		c := restoration(t, d, n, "group", g)
		c.Set["description"] = []string{"x"}
		m := meddle(d)
		ended := false
		m.write = func(_ int, req any, do func() error) error {
			r := req.(*ldap.ModifyRequest)
			has := func(name string) bool {
				return slices.ContainsFunc(r.Changes, func(c ldap.Change) bool { return c.Modification.Type == name })
			}
			switch {
			case has("isDeleted") && has("description"):
				return ldapError(ldap.LDAPResultUnwillingToPerform)
			case !has("isDeleted") && crash && !ended:
				ended = true
				return ldap.NewError(ldap.ErrorNetwork, errMoved)
			}
			return do()
		}
		if crash {
			if r, err := d.Apply(t.Context(), fence(2), c); err == nil || r.Status != plan.Unknown {
				t.Fatalf("got %+v, %v", r, err)
			}
			if row := read(t, d, id(t, n)); row.Trouble != nil || row.Group.GUID != g || row.Fence != fence(2).String() {
				t.Errorf("in between it is %+v", row)
			}
		}
		apply(t, d, 2, c)
		if row := read(t, d, id(t, n)); row.SID != sid || row.Group.Attrs["description"][0] != "x" || m.n != 3+n {
			t.Errorf("got %+v in %d writes", row, m.n)
		}
		if err := admin(t).Del(ldap.NewDelRequest(byGUID(g), nil)); err != nil {
			t.Fatal(err)
		}
		if err := admin(t).Del(ldap.NewDelRequest(d.Base, nil)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestoreRaces: two agents have one group back at once, and a hand does.
func TestRestoreRaces(t *testing.T) {
	for _, test := range []struct {
		name   string
		meddle func(t *testing.T, d *Domain, c plan.Change)
		status plan.Status
		text   string
	}{
		{"an older agent", func(t *testing.T, d *Domain, c plan.Change) { apply(t, d, 1, c) }, plan.Done, ""},
		{"a newer agent", func(t *testing.T, d *Domain, c plan.Change) { apply(t, d, 9, c) }, plan.Fenced, "a newer writer"},
		{"a hand", func(t *testing.T, _ *Domain, c plan.Change) {
			req := ldap.NewModifyRequest(tombDN(t, c.GUID), []ldap.Control{showDeleted()})
			req.Delete("isDeleted", nil)
			req.Replace("distinguishedName", []string{plan.JoinRDN("by hand", c.Parent)})
			if err := admin(t).Modify(req); err != nil {
				t.Fatal(err)
			}
		}, plan.Refused, "there is a group already: CN=by hand,"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := restoring(t)
			g := create(t, d, 0, "group")
			kill(t, g)
			c := restoration(t, d, 0, "group", g)
			m := meddle(d)
			m.write = func(_ int, _ any, do func() error) error {
				m.write = nil
				test.meddle(t, &Domain{Conn: m.Conn, Base: d.Base, Instance: d.Instance, Identity: d.Identity, Wait: d.Wait}, c)
				return do()
			}
			if r := outcome(t, d, 5, c); r.Status != test.status || r.Code == plan.CodeGone || !strings.Contains(r.Text, test.text) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// tombDN is the name of a deleted object.
func tombDN(t testing.TB, g plan.GUID) string {
	t.Helper()
	filter, err := filterGUID(g)
	if err != nil {
		t.Fatal(err)
	}
	res, err := admin(t).Search(ldap.NewSearchRequest("CN=Deleted Objects,"+dc(t).Domain, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"cn"}, []ldap.Control{showDeleted()}))
	if err != nil || len(res.Entries) != 1 {
		t.Fatalf("find deleted %s: %v", g, err)
	}
	return res.Entries[0].DN
}
