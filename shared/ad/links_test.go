package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// managed is a domain in which rules speak of managers, with a group in it.
func managed(t *testing.T) (*Domain, plan.GUID) {
	t.Helper()
	d := newDomain(t)
	d.Attrs = append(d.Attrs, string(plan.ManagedBy))
	return d, create(t, d, 0, "group")
}

// manage is a change of who manages group 0 of a test.
func manage(t *testing.T, g plan.GUID, remove, add []plan.Ref) plan.Change {
	t.Helper()
	return plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: id(t, 0), GUID: g, Remove: remove, Add: add}
}

// manager reads who manages group 0, by its name and by a scan, which have to agree.
func manager(t *testing.T, d *Domain) []plan.Ref {
	t.Helper()
	row := read(t, d, id(t, 0))
	if len(row.Group.Attrs["managedBy"]) > 0 {
		t.Errorf("a DN stands among the attributes: %v", row.Group.Attrs)
	}
	seen := false
	if err := d.Scan(t.Context(), func(r Row) error {
		if r.Group.ID != id(t, 0) {
			return nil
		}
		if seen = true; r.Group.Digest() != row.Group.Digest() {
			t.Errorf("by name %+v, by a scan %+v", row.Group, r.Group)
		}
		return nil
	}); err != nil || !seen {
		t.Fatal(seen, err)
	}
	return row.Group.Links[plan.ManagedBy]
}

func sidOf(t *testing.T, dn string) plan.Ref {
	t.Helper()
	res, err := admin(t).Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"objectSid"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	sid, err := DecodeSID(res.Entries[0].GetRawAttributeValue("objectSid"))
	if err != nil {
		t.Fatal(err)
	}
	return plan.SIDRef(sid)
}

// TestManagedBy: who manages a group is set, changed for another and cleared, and is read as a
// link: a user, a group of somebody's, a group of ours. The members stay as they are.
func TestManagedBy(t *testing.T) {
	d, g := managed(t)
	create(t, d, 1, "ours")
	add(t, "CN=somebody's,"+d.Base, "group", "")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	var was []plan.Ref
	for n, is := range [][]plan.Ref{{user(t, 1)}, {user(t, 9)}, {sidOf(t, "CN=somebody's,"+d.Base)}, {plan.GroupRef(id(t, 1))}, nil, {plan.GroupRef(id(t, 1))}, nil} {
		seq := uint64(3 + 2*n)
		both := func() {
			apply(t, d, seq, manage(t, g, was, nil))
			apply(t, d, seq, manage(t, g, nil, is))
		}
		both()
		if got := manager(t, d); !slices.Equal(got, is) {
			t.Fatalf("managed by %v, want %v", got, is)
		}
		if !slices.Equal(was, is) {
			quiet(t, func() { apply(t, d, seq, manage(t, g, nil, is)) })
		}
		was = is
	}
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 1, 3)) {
		t.Errorf("members are %v", members)
	}
}

// TestManagedByNobody: what manages no group is refused as it is for members, each with its
// reason, and nothing is written. Nor does a second manager come where one is.
func TestManagedByNobody(t *testing.T) {
	d, g := managed(t)
	add(t, "CN=contact,"+d.Base, "contact", "")
	contact, _, err := d.group(t.Context(), "CN=contact,"+d.Base, nil)
	if err == nil || contact.guid == "" {
		t.Fatalf("a contact is no group: %+v, %v", contact, err)
	}
	gone := plan.SIDRef(d.Identity.Domain.With(987_654_321))
	for ref, text := range map[plan.Ref]string{
		"S-1-5-21-1-2-3-1104":                       "is not of a domain of this forest",
		plan.SIDRef(d.Identity.Domain.With(512)):    "it never becomes one of a group's managedBy",
		gone:                                        "Active Directory refuses",
		plan.GUIDRef(contact.guid):                  "become managedBy",
		plan.GroupRef(directory.ID{1, 2, 3}):        "no group of ours stands for cloud group",
		"CN=user00001,CN=Users," + plan.Ref(d.Base): "become managedBy",
	} {
		r := outcome(t, d, 2, manage(t, g, nil, []plan.Ref{ref}))
		if r.Status != plan.Done || len(r.Bad) != 1 || r.Bad[0].Ref != ref || !strings.Contains(r.Bad[0].Text, text) {
			t.Errorf("%s: %+v", ref, r)
		}
	}
	if got := manager(t, d); got != nil {
		t.Errorf("managed by %v", got)
	}
	apply(t, d, 3, manage(t, g, nil, []plan.Ref{user(t, 1)}))
	if r := outcome(t, d, 4, manage(t, g, nil, []plan.Ref{user(t, 2)})); r.Status != plan.Done || len(r.Bad) != 1 || r.Bad[0].Ref != user(t, 2) {
		t.Errorf("a second manager: %+v", r)
	}
	if got := manager(t, d); !slices.Equal(got, []plan.Ref{user(t, 1)}) {
		t.Errorf("managed by %v", got)
	}
	modify(t, g, "adminCount", "1")
	if r := outcome(t, d, 5, manage(t, g, []plan.Ref{user(t, 1)}, []plan.Ref{user(t, 2)})); len(r.Bad) != 1 || !strings.Contains(r.Bad[0].Text, "it takes no new managedBy") {
		t.Errorf("a protected group: %+v", r)
	}
}

// TestManagedByHand: somebody has made an object a group's manager that no plan would, and a
// manager was deleted. What the rules want is put right by what Diff makes of it; where they do
// not speak of managers, nothing is done.
func TestManagedByHand(t *testing.T) {
	d, g := managed(t)
	add(t, "CN=contact,"+d.Base, "contact", "")
	add(t, "CN=leaver,"+d.Base, "user", "leaver"+id(t, 0).String()[:8])
	leaver := sidOf(t, "CN=leaver,"+d.Base)
	want := read(t, d, id(t, 0)).Group
	want.Links = want.Links.With(plan.ManagedBy, []plan.Ref{user(t, 1)})
	right := func(seq uint64, want plan.Group, changes int) {
		t.Helper()
		all := plan.Diff(plan.State{want.ID: want}, plan.State{want.ID: read(t, d, want.ID).Group})
		for _, c := range all {
			apply(t, d, seq, c)
		}
		if len(all) != changes {
			t.Errorf("%d changes: %+v", len(all), all)
		}
	}
	right(2, want, 1)
	modify(t, g, "managedBy", "CN=contact,"+d.Base)
	if got := manager(t, d); len(got) != 1 || !strings.HasPrefix(string(got[0]), "guid:") {
		t.Errorf("managed by %v", got)
	}
	silent := want.Clone()
	delete(silent.Links, plan.ManagedBy)
	right(3, silent, 0)
	right(3, want, 2)
	if got := manager(t, d); !slices.Equal(got, []plan.Ref{user(t, 1)}) {
		t.Errorf("managed by %v", got)
	}
	modify(t, g, "managedBy", "CN=leaver,"+d.Base)
	if got := manager(t, d); !slices.Equal(got, []plan.Ref{leaver}) {
		t.Errorf("managed by %v", got)
	}
	if err := admin(t).Del(ldap.NewDelRequest("CN=leaver,"+d.Base, nil)); err != nil {
		t.Fatal(err)
	}
	if got := manager(t, d); got != nil {
		t.Errorf("managed by one who was deleted: %v", got)
	}
	apply(t, d, 4, manage(t, g, []plan.Ref{leaver}, nil)) // it went with the object
	right(5, want, 1)
	nobody := want.Clone()
	nobody.Links[plan.ManagedBy] = nil
	right(6, nobody, 1)
	if got := manager(t, d); got != nil {
		t.Errorf("managed by %v", got)
	}
}

// TestLinkIsItself: a change of a link can be taken for no other: members are written by no
// relink, other links by nothing else, unknown ones not at all, and never as text.
func TestLinkIsItself(t *testing.T) {
	d, g := managed(t)
	who := []plan.Ref{user(t, 1)}
	for text, c := range map[string]plan.Change{
		"does more than that":     {Op: plan.Update, Link: plan.ManagedBy, Add: who},
		`link "member" is not`:    {Op: plan.Relink, Link: plan.Member, Add: who},
		`link "" is not`:          {Op: plan.Relink, Add: who},
		`link "MANAGEDBY" is not`: {Op: plan.Relink, Link: "MANAGEDBY", Add: who},
		`link "manager" is not`:   {Op: plan.Relink, Link: "manager", Remove: who},
		"sets no attributes":      {Op: plan.Relink, Link: plan.ManagedBy, Set: map[string][]string{"description": {"x"}}},
		"not set by a plan":       {Op: plan.Update, Set: map[string][]string{"managedBy": {"CN=user00001,CN=Users," + dc(t).Domain}}},
	} {
		c.Group, c.GUID = id(t, 0), g
		quiet(t, func() {
			if r := outcome(t, d, 2, c); r.Status != plan.Refused || !strings.Contains(r.Text, text) {
				t.Errorf("%+v: %+v", c, r)
			}
		})
	}
}
