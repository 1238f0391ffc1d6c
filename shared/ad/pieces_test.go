package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// TestOneAttributeRefused: the schema of this domain has no extensionAttribute1. The group is made without
// it, and all else that is set is.
func TestOneAttributeRefused(t *testing.T) {
	d := newDomain(t)
	d.More.Attributes = []string{"extensionAttribute1"}
	c := creation(t, d, 0, "made")
	c.Set["description"], c.Set["extensionAttribute1"] = []string{"first"}, []string{"x"}
	r := apply(t, d, 1, c)
	if row := read(t, d, c.Group); !slices.Equal(r.Unset, []string{"extensionAttribute1"}) || row.Group.Attrs["description"][0] != "first" || row.Group.Attrs["displayName"][0] != "made" {
		t.Errorf("%+v %+v", r, row.Group)
	}
	quiet := apply(t, d, 2, c) // as after a crash before the answer
	if !slices.Equal(quiet.Unset, r.Unset) || quiet.GUID != r.GUID {
		t.Errorf("again: %+v", quiet)
	}
	u := plan.Change{Op: plan.Update, Group: c.Group, GUID: r.GUID, Set: map[string][]string{"description": {"second"}, "extensionAttribute1": {"x"}}}
	got := outcome(t, d, 3, u)
	if got.Status != plan.Refused || got.Code == 0 || !strings.HasPrefix(got.Text, "set extensionAttribute1 of ") || strings.Contains(got.Text, "description") {
		t.Errorf("update: %+v", got)
	}
	if row := read(t, d, c.Group); row.Group.Attrs["description"][0] != "second" || row.Fence != fence(3).String() {
		t.Errorf("%+v", row)
	}
}

// TestPolicyLacksOneAttribute: what the policy could allow and does not is not written, and costs nothing else.
func TestPolicyLacksOneAttribute(t *testing.T) {
	d := newDomain(t)
	c := creation(t, d, 0, "made")
	c.Set["description"], c.Set["wWWHomePage"], c.Set["mail"] = []string{"first"}, []string{"http://x"}, []string{"a@b.example"}
	r := apply(t, d, 1, c)
	if row := read(t, d, c.Group); !slices.Equal(r.Unset, []string{"mail", "wWWHomePage"}) || row.Group.Attrs["description"][0] != "first" {
		t.Errorf("%+v %+v", r, row.Group)
	}
	u := plan.Change{Op: plan.Update, Group: c.Group, GUID: r.GUID, Set: map[string][]string{"description": {"second"}, "wWWHomePage": {"http://x"}}}
	got := outcome(t, d, 2, u)
	if row := read(t, d, c.Group); got.Status != plan.Refused || !strings.Contains(got.Text, "policy.attributes") || row.Group.Attrs["description"][0] != "second" {
		t.Errorf("%+v %+v", got, row.Group)
	}
	if out := dc(t).LDAPSearch(t, d.Base, "(cn=made)", "wWWHomePage", "mail"); strings.Contains(out, "\nmail:") || strings.Contains(out, "http://x") {
		t.Errorf("written all the same:\n%s", out)
	}
}

// TestRefusedForAnotherReason: a write that is refused for what is not about one attribute is not tried
// in pieces.
func TestRefusedForAnotherReason(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	for code, writes := range map[uint16]int{ldap.LDAPResultAdminLimitExceeded: 1, ldap.LDAPResultConstraintViolation: 1 + 2} {
		m := meddle(d)
		m.write = func(int, any, func() error) error { return ldapError(code) }
		r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"description": {"x"}, "displayName": {"y"}}})
		if r.Status != plan.Refused || r.Code != int(code) || m.n != writes {
			t.Errorf("%d: %d writes, %+v", code, m.n, r)
		}
		d.Conn = m.Conn
	}
}

// TestNoAnswerInPieces: a connection that is lost between two pieces is no refusal.
func TestNoAnswerInPieces(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	refusesTogether(meddle(d), func(n int, do func() error) error {
		if n == 2 {
			return do()
		}
		return ldapError(ldap.ErrorNetwork)
	})
	r, err := d.Apply(t.Context(), fence(2), plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"description": {"x"}, "displayName": {"y"}}})
	if err == nil || r.Status != plan.Unknown {
		t.Errorf("%+v %v", r, err)
	}
}

// TestPieces: what makes a group a recipient of mail stays together.
func TestPieces(t *testing.T) {
	var all []ldap.Change
	for _, name := range []string{"description", "extensionAttribute1", "mail", "mailNickname", "PROXYADDRESSES", "displayName"} {
		all = append(all, ldap.Change{Modification: ldap.PartialAttribute{Type: name}})
	}
	var got []string
	for _, piece := range pieces(all) {
		got = append(got, strings.Join(names(piece), "+"))
	}
	if want := "description extensionAttribute1 displayName mail+mailNickname+PROXYADDRESSES"; strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
}
