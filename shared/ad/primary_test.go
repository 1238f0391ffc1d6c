package ad

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// replace changes an attribute of any object as an administrator.
func replace(t testing.TB, dn, attr string, values ...string) {
	t.Helper()
	req := ldap.NewModifyRequest(dn, nil)
	req.Replace(attr, values)
	if err := admin(t).Modify(req); err != nil {
		t.Fatal(err)
	}
}

// TestPrimaryGroup: an administrator makes a group of ours the primary group of one of
// its members. Active Directory takes the account out of the attribute member, and it
// has all access still: it must be seen as a member, and not be taken for one who left.
func TestPrimaryGroup(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
	ann := bySID(dc(t).SIDs["user00001"])
	replace(t, ann, "primaryGroupID", fmt.Sprint(read(t, d, id(t, 0)).SID.RID()))
	back := func() { replace(t, ann, "primaryGroupID", "513") }
	defer back()
	if out := dc(t).LDAPSearch(t, "CN=group,"+d.Base, "-s", "base", "(objectClass=*)", "member"); strings.Contains(out, "user00001") {
		t.Fatalf("the attribute has the account still:\n%s", out)
	}
	for name, row := range map[string]Row{"read": read(t, d, id(t, 0)), "scan": scan(t, d)[id(t, 0)]} {
		if !slices.Equal(row.Group.Members(), someUsers(t, 1, 2)) {
			t.Errorf("%s: members are %v", name, row.Group.Members())
		}
	}
	quiet(t, func() {
		apply(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
	})
	leave := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: someUsers(t, 1, 2)}
	r := outcome(t, d, 4, leave)
	want := "CN=user00001,OU=p000,OU=People,DC=corp,DC=test stays in CN=group," + d.Base + ", which is its primary group: make another group its primary group (primaryGroupID) first"
	if r.Status != plan.Done || len(r.Bad) != 1 || r.Bad[0].Ref != user(t, 1) || r.Bad[0].Code != 53 || r.Bad[0].Text != want {
		t.Errorf("got %+v", r)
	}
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 1, 1)) {
		t.Errorf("members are %v", members)
	}
	back()
	apply(t, d, 5, leave)
	if members := read(t, d, id(t, 0)).Group.Members(); len(members) != 0 {
		t.Errorf("what the text says was done, and members are %v", members)
	}
}
