package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// asksForMembers counts the searches that read members.
func asksForMembers(d *Domain) *int {
	n, m := new(int), meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		if slices.ContainsFunc(r.Attributes, func(a string) bool { return strings.HasPrefix(a, "member") }) {
			*n++
		}
		return m.Conn.Search(r)
	}
	return n
}

// TestMembersUnread: one person joins or leaves a group of very many. The server's answer
// says whether it could be so; the members are read only where it says that something
// is so already.
func TestMembersUnread(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	create(t, d, 1, "child")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 30)})
	n := asksForMembers(d)
	child := []plan.Ref{plan.GroupRef(id(t, 1))}
	domain := string(d.Identity.Domain)
	for i, test := range []struct {
		name  string
		c     plan.Change
		reads int
		bad   int
	}{
		{"one joins", plan.Change{Add: someUsers(t, 31, 31)}, 0, 0},
		{"one leaves", plan.Change{Remove: someUsers(t, 1, 1)}, 0, 0},
		{"some of both", plan.Change{Remove: someUsers(t, 2, 5), Add: someUsers(t, 32, 40)}, 0, 0},
		{"a group joins", plan.Change{Add: child}, 0, 0},
		{"a group leaves", plan.Change{Remove: child}, 0, 0},
		{"who is in joins", plan.Change{Add: someUsers(t, 31, 31)}, 1, 0},
		{"who is out leaves", plan.Change{Remove: someUsers(t, 1, 1)}, 1, 0},
		{"half done already", plan.Change{Remove: someUsers(t, 4, 7), Add: someUsers(t, 39, 42)}, 1, 0},
		{"nobody knows them", plan.Change{Add: append(someUsers(t, 43, 44), plan.Ref(domain+"-999999")), Remove: []plan.Ref{plan.Ref(domain + "-999998")}}, 2, 1},
		{"no names at all", plan.Change{Remove: []plan.Ref{"guid:x>;CN=y", "S-1-x", "mark:x", plan.GUIDRef("")}}, 0, 0},
	} {
		*n = 0
		test.c.Op, test.c.Group, test.c.GUID = plan.Update, id(t, 0), g
		r := outcome(t, d, uint64(3+i), test.c)
		if r.Status != plan.Done || len(r.Bad) != test.bad || *n != test.reads {
			t.Errorf("%s: %d reads, want %d; got %+v", test.name, *n, test.reads, r)
		}
	}
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 8, 44)) {
		t.Errorf("members are %v", members)
	}
}

// TestRefusedAttribute: the server takes an attribute of a change and not another. That
// keeps nobody in the group who has left it: the members are done, and what was
// refused is told.
func TestRefusedAttribute(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"displayName": {strings.Repeat("x", 300)}},
		Remove: someUsers(t, 1, 1), Add: append(someUsers(t, 4, 4), "S-1-1-0")}
	for seq := range uint64(2) { // again, with nothing left to do but what is refused
		r := outcome(t, d, 3+seq, c)
		if r.Status != plan.Refused || r.Code == 0 || !strings.Contains(r.Text, "displayName") || len(r.Bad) != 1 {
			t.Errorf("got %+v", r)
		}
		if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 2, 4)) {
			t.Errorf("members are %v", members)
		}
	}
	// A group that turns out not to be ours is not written to at all.
	m := meddle(d)
	m.write = func(n int, _ any, do func() error) error {
		if n == 1 {
			modify(t, g, "adminDescription", "hands off")
			return ldapError(ldap.LDAPResultNoSuchAttribute)
		}
		return do()
	}
	c.Remove, c.Add = someUsers(t, 2, 2), nil
	if r := outcome(t, d, 5, c); r.Status != plan.Refused || !strings.Contains(r.Text, "has lost our mark") || m.n != 1 {
		t.Errorf("got %+v after %d writes", r, m.n)
	}
}

// TestReadAsWritten: what people write is read back to the letter, be it in the form in
// which the server writes names of objects; else each scan would find it changed.
func TestReadAsWritten(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	for n, v := range []string{
		"<GUID=3a5c3221-c465-48c0-95b8-e9305786a271>;x", " leading", "trailing ", "two  spaces", "tab\there", "line\nbreak", "e\u0301 decomposed", "\u00e9 composed",
	} {
		set := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"description": {v}, "displayName": {v}}}
		apply(t, d, uint64(2+n), set)
		if attrs := read(t, d, id(t, 0)).Group.Attrs; !slices.Equal(attrs["description"], []string{v}) || !slices.Equal(attrs["displayName"], []string{v}) {
			t.Errorf("%q is read back as %q", v, attrs)
		}
		quiet(t, func() { apply(t, d, 100, set) })
		modify(t, g, "adminDisplayName", fence(1).String())
	}
	// The mark in other letters is the mark.
	modify(t, g, "adminDescription", "Group_"+strings.ToUpper(id(t, 0).String()))
	quiet(t, func() {
		apply(t, d, 100, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"adminDescription": {plan.Mark(id(t, 0))}}})
	})
}

// TestLowRID: a group with the RID of a group of the system is never touched, be it that
// the account may not read which groups are critical.
func TestLowRID(t *testing.T) {
	d := newDomain(t)
	e, err := d.must(t.Context(), query{base: "CN=Domain Guests,CN=Users," + dc(t).Domain, attrs: []string{"objectGUID"}})
	if err != nil {
		t.Fatal(err)
	}
	guests, err := DecodeGUID(e.GetRawAttributeValue("objectGUID"))
	if err != nil {
		t.Fatal(err)
	}
	for attr, value := range map[string]string{"adminDescription": plan.Mark(id(t, 0)), "adminDisplayName": fence(1).String()} {
		modify(t, guests, attr, value)
		defer modify(t, guests, attr)
	}
	d.Base = dc(t).Domain
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil {
			for _, e := range res.Entries {
				e.Attributes = slices.DeleteFunc(e.Attributes, func(a *ldap.EntryAttribute) bool { return a.Name == "isCriticalSystemObject" })
			}
		}
		return res, err
	}
	for _, c := range []plan.Change{
		{Op: plan.Update, GUID: guests, Add: someUsers(t, 1, 1)},
		{Op: plan.Update, Add: someUsers(t, 1, 1)},
		{Op: plan.Rename, GUID: guests, Name: "x", Parent: dc(t).Base},
		{Op: plan.Create, Name: "x", Parent: dc(t).Base},
	} {
		c.Group = id(t, 0)
		if r := outcome(t, d, 2, c); r.Status != plan.Refused || !strings.Contains(r.Text, "RID below 1000") || m.n != 0 {
			t.Errorf("%s: got %+v after %d writes", c.Op, r, m.n)
		}
	}
}

// TestRemovalByName: a member of another domain, whose SID this domain controller does not
// know. It refuses to take it out by the SID, and takes it out by the name that it gives.
func TestRemovalByName(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	m := meddle(d)
	m.write = func(_ int, req any, do func() error) error {
		for _, c := range req.(*ldap.ModifyRequest).Changes {
			if c.Operation == ldap.DeleteAttribute && strings.HasPrefix(c.Modification.Vals[0], "<SID=") {
				return ldapError(ldap.LDAPResultUnwillingToPerform)
			}
		}
		return do()
	}
	apply(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: someUsers(t, 1, 2)})
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 3, 3)) || m.n != 2 {
		t.Errorf("members are %v after %d writes", members, m.n)
	}
}

// TestRemovalInHalves: the server has had enough of a removal before anybody has read the
// members. Of the smaller ones one is of somebody who has gone already: that is no refusal.
func TestRemovalInHalves(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	meddle(d).write = func(_ int, req any, do func() error) error {
		if memberValues(req) > 1 {
			return ldapError(ldap.LDAPResultAdminLimitExceeded)
		}
		return do()
	}
	apply(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: someUsers(t, 3, 6)})
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 1, 2)) {
		t.Errorf("members are %v", members)
	}
}
