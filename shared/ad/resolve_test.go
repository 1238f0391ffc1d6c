package ad

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestResolve: a policy that speaks of SIDs is held to what a plan names in other ways: a
// group of ours by its mark, and anything at all by a GUID.
func TestResolve(t *testing.T) {
	d := newDomain(t)
	g, h := create(t, d, 0, "by mark"), create(t, d, 1, "by GUID")
	create(t, d, 4, "odd GUID")
	create(t, d, 2, "twin one")
	twin := create(t, d, 3, "twin two")
	modify(t, twin, "adminDescription", plan.Mark(id(t, 2)))
	modify(t, twin, external, plan.Mark(id(t, 2)))
	contact := ldap.NewAddRequest("CN=contact,"+d.Base, nil)
	contact.Attribute("objectClass", []string{"contact"})
	if err := admin(t).Add(contact); err != nil {
		t.Fatal(err)
	}
	guidOf := func(dn string) plan.GUID {
		e, err := d.must(t.Context(), query{base: dn, attrs: []string{"objectGUID"}})
		if err != nil {
			t.Fatal(err)
		}
		guid, err := DecodeGUID(e.GetRawAttributeValue("objectGUID"))
		if err != nil {
			t.Fatal(err)
		}
		return guid
	}
	ann := guidOf(bySID(dc(t).SIDs["user00001"]))
	upper := func(g plan.GUID) plan.GUID { return plan.GUID(strings.ToUpper(string(g))) }
	want := map[plan.Ref]directory.SID{
		plan.Ref("mark:" + strings.ToUpper(id(t, 0).String())): read(t, d, id(t, 0)).SID,
		plan.GroupRef(id(t, 0)):                                read(t, d, id(t, 0)).SID,
		plan.GroupRef(id(t, 1)):                                read(t, d, id(t, 1)).SID,
		plan.GroupRef(id(t, 8)):                                dc(t).SIDs["user00001"],  // what the plan says is not what it is
		plan.GroupRef(id(t, 4)):                                read(t, d, id(t, 4)).SID, // no GUID at all: Apply looks for the mark
		plan.GUIDRef(ann):                                      dc(t).SIDs["user00001"],
		plan.GUIDRef(g):                                        read(t, d, id(t, 0)).SID,
		plan.GUIDRef(upper(ann)):                               dc(t).SIDs["user00001"], // what Apply takes the policy must see
	}
	all := slices.Concat(slices.Collect(maps.Keys(want)), []plan.Ref{
		user(t, 2), plan.GroupRef(id(t, 2)), plan.GroupRef(id(t, 9)), "guid:x)(objectClass=*", "guid:", plan.GUIDRef(guidOf("CN=contact," + d.Base)), "mark:x", "",
	})
	got, err := d.Resolve(t.Context(), all, map[directory.ID]plan.GUID{id(t, 1): h, id(t, 8): upper(ann), id(t, 4): "x"})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	many := []plan.Ref{}
	for n := range 250 {
		many = append(many, plan.GroupRef(id(t, 1000+n)), plan.GUIDRef(plan.GUID(id(t, n).String())))
	}
	if got, err := d.Resolve(t.Context(), append(many, all...), nil); err != nil || len(got) != 7 {
		t.Errorf("among many: %v, %v", got, err)
	}
	meddle(d).search = func(*ldap.SearchRequest) (*ldap.SearchResult, error) { return nil, ldapError(ldap.LDAPResultBusy) }
	if got, err := d.Resolve(t.Context(), all, nil); err == nil || got != nil || !strings.HasPrefix(err.Error(), "resolve members: ") {
		t.Errorf("without an answer: %v, %v", got, err)
	}
}

// TestGrounds: what was refused is worth another try when the account's rights have
// changed, and not because time has passed.
func TestGrounds(t *testing.T) {
	d := newDomain(t)
	grounds := func() string {
		t.Helper()
		s, err := d.Grounds(t.Context())
		if err != nil || s == "" {
			t.Fatalf("got %q, %v", s, err)
		}
		return s
	}
	before := grounds()
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	if got := grounds(); got != before {
		t.Errorf("a write of ours made %s of %s", got, before)
	}
	was := descriptor(t, d.Base)
	setDescriptor(t, d.Base, denying(was, dc(t).SIDs["svc-groupwriteback"], 0x1)) // to create children
	denied := grounds()
	setDescriptor(t, d.Base, denying(was, dc(t).SIDs["svc-groupwriteback"], 0x4)) // to list them: no attribute says so but the permissions
	if unlisted := grounds(); unlisted == before || unlisted == denied {
		t.Errorf("%s became %s without the right to list, %s without that to create", before, unlisted, denied)
	}
	setDescriptor(t, d.Base, was)
	if back := grounds(); denied == before || back != before {
		t.Errorf("%s became %s without a right, and %s with it again", before, denied, back)
	}
	d.Identity.External = false
	if grounds() == before {
		t.Error("another schema is no other ground")
	}
	n := 0
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) { n++; return m.Conn.Search(r) }
	if grounds(); n != 2 {
		t.Errorf("%d searches", n)
	}
	d.Base = "OU=none," + d.Base
	if s, err := d.Grounds(t.Context()); err == nil {
		t.Errorf("no base: got %q", s)
	}
}
