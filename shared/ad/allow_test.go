package ad

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// TestOnlyWhatRulesDecide: a plan that a lying cloud wrote sets what no rule decides, under
// names that a list of forbidden ones does not have. Nothing of it reaches the server.
func TestOnlyWhatRulesDecide(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	meddle(d).search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		t.Errorf("asked the server for %s", r.Filter)
		return nil, ldapError(ldap.LDAPResultOther)
	}
	for name, values := range map[string][]string{
		"adminCount": nil, "managedBy": {"CN=x"}, "mail": {"x"}, "userPassword": {"x"}, "systemFlags": {"1"}, "nTSecurityDescriptor": {"x"},
		"sIDHistory": {"x"}, "unicodePwd": {"x"}, "servicePrincipalName": {"x"}, "member": {"CN=x"}, "MEMBER": {"CN=x"}, "adminDisplayName": {"x"}, "cn": {"x"},
		"2.5.4.31": {"CN=x"}, "OID.2.5.4.31": {"CN=x"}, "member;range=0-*": {"CN=x"}, "member;binary": {"CN=x"}, "description;binary": {"x"},
		"1.2.840.113556.1.2.226": {"Group_x"}, " description": {"x"}, "description ": {"x"}, "": {"x"}, "Description\x00": {"x"},
	} {
		quiet(t, func() {
			r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{name: values}})
			if r.Status != plan.Refused || !strings.Contains(r.Text, "is not set by a plan") {
				t.Errorf("%q: got %+v", name, r)
			}
		})
	}
	for name, values := range map[string][]string{
		"groupType": {"2"}, "grouptype": nil, "GROUPTYPE": {"2", "8"}, "sAMAccountName": {"a*b"}, "samaccountname": nil, "ADMINDESCRIPTION": nil,
	} {
		r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{name: values}})
		if r.Status != plan.Refused {
			t.Errorf("%s = %q: got %+v", name, values, r)
		}
	}
}

// TestPolicyAllowsMore: what the owner of the network allows goes through to the server, and
// nothing beside it; and no group that is there becomes a distribution group.
func TestPolicyAllowsMore(t *testing.T) {
	d := newDomain(t)
	change := func(n int, kind string) plan.Change {
		c := creation(t, d, n, fmt.Sprint("kind ", n))
		c.Set["groupType"] = []string{plan.GroupTypes()[kind]}
		c.Set["wWWHomePage"] = []string{"x"}
		return c
	}
	for n, kind := range []string{"universal-security", "universal-distribution", "global-security", "global-distribution", "domain-local-security", "domain-local-distribution"} {
		quiet(t, func() {
			if d.More = (Allowed{Attributes: []string{"wwwHomePage"}}); kind == plan.UniversalSecurity {
				return
			}
			if r := outcome(t, d, 1, change(n, kind)); r.Status != plan.Refused || !strings.Contains(r.Text, "policy.group_types") {
				t.Errorf("%s, which nobody allowed: %+v", kind, r)
			}
		})
		d.More = Allowed{Attributes: []string{"wwwHomePage"}, GroupTypes: []string{kind}}
		apply(t, d, 1, change(n, kind))
		d.Attrs = []string{"groupType", "wWWHomePage"}
		if got := read(t, d, id(t, n)).Group.Attrs; !slices.Equal(got["groupType"], []string{plan.GroupTypes()[kind]}) || !slices.Equal(got["wWWHomePage"], []string{"x"}) {
			t.Errorf("%s became %v", kind, got)
		}
	}
	d.More.GroupTypes = []string{"universal-distribution"}
	quiet(t, func() {
		set := map[string][]string{"groupType": {plan.GroupTypes()["universal-distribution"]}}
		if r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), Set: set}); r.Status != plan.Refused || !strings.Contains(r.Text, "policy.quarantine") {
			t.Errorf("a security group made a distribution group: %+v", r)
		}
	})
}

// TestAttributesOfRights: no policy allows what gives rights or identity, or what a plan has
// another way to.
func TestAttributesOfRights(t *testing.T) {
	for _, name := range []string{"nTSecurityDescriptor", "SIDHistory", "member", "managedBy", "adminCount", "userPassword", "cn", "description", "2.5.4.31", "mail;binary", "", "adminDisplayName"} {
		if AttributeFault(name) == "" {
			t.Errorf("a policy can allow %q", name)
		}
	}
	for _, name := range []string{"mail", "extensionAttribute15", "msExchExtensionCustomAttribute1"} {
		if fault := AttributeFault(name); fault != "" {
			t.Errorf("no policy can allow %s: it %s", name, fault)
		}
	}
}

// TestSettingsAreDocumented holds the agent's documentation to the list.
func TestSettingsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/agent.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range (&Domain{}).settings() {
		if !strings.Contains(string(doc), "`"+s.name+"`") {
			t.Errorf("docs/agent.md does not have `%s`", s.name)
		}
	}
}

// TestNames: what the rule for names lets through a real directory takes and gives back as
// it was, and what it does not is refused in words before anything is asked. Samba takes
// a line feed in a name; Active Directory makes the names of deleted objects with it.
func TestNames(t *testing.T) {
	d := newDomain(t)
	for n, name := range []string{
		"tab\tand return\r", ".", "-", strings.Repeat("ü", plan.NameLimit), strings.Repeat("🙂", plan.NameLimit/2), "\u00a0no-break\u00a0", "del\x7f", "\x01",
	} {
		c := creation(t, d, n, name)
		c.Set["displayName"] = []string{"x"}
		apply(t, d, 1, c)
		if got := read(t, d, c.Group).Group.Name; got != name {
			t.Errorf("%q is read back as %q", name, got)
		}
	}
	for n, name := range []string{"a.b-c_d!#$%&'()@^`{}~", "Größe 日本 🙂", "1", strings.Repeat("ü", 128), strings.Repeat("a", plan.AccountNameLimit)} {
		c := creation(t, d, 100+n, fmt.Sprint(n))
		c.Set["sAMAccountName"] = []string{name}
		apply(t, d, 1, c)
		if got := read(t, d, c.Group).Group.Attrs["sAMAccountName"]; !slices.Equal(got, []string{name}) {
			t.Errorf("%q is read back as %q", name, got)
		}
	}
	g := create(t, d, 200, "before")
	for _, name := range []string{"line\nfeed", "Sales\nDEL:0b1c", "nul\x00", "", strings.Repeat("a", 65)} {
		quiet(t, func() {
			c := creation(t, d, 201, name)
			if r := outcome(t, d, 1, c); r.Status != plan.Refused || !strings.HasSuffix(r.Text, plan.NameFault(name)+": change the rule that makes it") {
				t.Errorf("create %q: got %+v", name, r)
			}
			rename := plan.Change{Op: plan.Rename, Group: id(t, 200), GUID: g, Name: name, Parent: d.Base}
			if r := outcome(t, d, 2, rename); r.Status != plan.Refused || !strings.HasSuffix(r.Text, plan.NameFault(name)+": change the rule that makes it") {
				t.Errorf("rename %q: got %+v", name, r)
			}
		})
	}
}
