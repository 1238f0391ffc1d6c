package stage

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	gocmp "github.com/google/go-cmp/cmp"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
)

var update = flag.Bool("update", false, "write docs/groups.ldif anew")

// A specimen is one kind of group, and what its mail is made of; no route: it has none.
type specimen struct {
	title, group string
	cloud        exchange.Group
	route        exchange.Route
}

// TestGroupsLDIF holds docs/groups.ldif to what stands in a real domain: of each kind of group every value, with where it is known
// from that this is what belongs there. A value without a source fails.
func TestGroupsLDIF(t *testing.T) {
	owners := "owners: co_managers\n"
	p := newPost(t, samba.AllOfExchange, mailRules+owners, func(s *Stage) {
		s.Policy = "policy:\n  mail: true\n  quarantine: true\n  group_types: [universal-distribution, global-security, domain-local-security]\n"
	})
	id, c := p.Company.ID, p.Company.Tenant
	people := []directory.ID{id("user00001"), id("user00002")}
	must(t, c.AddGroup(graphtest.Group{ID: id("Security"), DisplayName: "Security", Description: "For files", Members: people}))
	must(t, c.AddGroup(graphtest.Group{ID: id("Owned"), DisplayName: "Owned", Members: people, Owners: people, Props: Team("owned")}))
	p.team(t, "Hidden", "hidden", map[string]any{"hideFromAddressLists": true})
	p.team(t, "Open", "open", map[string]any{"allowExternalSenders": true})
	must(t, p.StartAgent())
	legacy := func(group, alias string) string { return p.legacyDN(group, alias) }
	bag := func(group, alias string) mailbag { return bagOf(alias, legacy(group, alias)) }
	plain := exchange.Group{HideFromLists: exchange.False, HideFromOutlook: exchange.False, AllowExternal: exchange.False}
	hidden, open, secure := plain, plain, plain
	hidden.HideFromLists, open.AllowExternal, secure.Security = exchange.True, exchange.True, true
	page := &ldifPage{post: p}

	p.has(t, "expanded", team, bag(team, "marketing"))
	p.has(t, "hidden", "Hidden", bag("Hidden", "hidden").with("msExchHideFromAddressLists", "TRUE", "showInAddressBook", ofSystem))
	p.has(t, "open", "Open", bag("Open", "open").with("msExchRequireAuthToSendTo", "FALSE"))
	p.has(t, "owned", "Owned", bag("Owned", "owned"))
	page.add(t, specimen{title: "A security group", group: "Security"})
	page.add(t, specimen{"A Microsoft 365 group as a distribution group, mail.route: expand", team, plain, exchange.Expand})
	page.add(t, specimen{"The same, hidden from address lists", "Hidden", hidden, exchange.Expand})
	page.add(t, specimen{"The same, which takes mail from outside", "Open", open, exchange.Expand})
	page.add(t, specimen{"The same, with its owners: owners: co_managers", "Owned", plain, exchange.Expand})

	must(t, c.SoftDelete(id("Owned")))
	p.has(t, "in quarantine", "Owned", bag("Owned", "owned").with("msExchHideFromAddressLists", "TRUE").without("mail", "mailNickname", "proxyAddresses", "msExchRecipientDisplayType", "showInAddressBook"))
	page.add(t, specimen{"The same in quarantine", "Owned", hidden, exchange.Expand})

	p.rule(t, "kinds: {security: security, microsoft365: distribution}\nmail: {route: cloud}\n"+owners)
	p.has(t, "by the cloud", team, bag(team, "marketing").with("targetAddress", "SMTP:marketing@corptest.onmicrosoft.com", "msExchRecipientTypeDetails", "8796093022208"))
	page.add(t, specimen{"A Microsoft 365 group as a distribution group, mail.route: cloud", team, plain, exchange.Cloud})

	p.rule(t, "kinds: {security: security, microsoft365: mail-enabled-security}\nmail: {route: expand}\n"+owners)
	p.has(t, "mail-enabled", team, bag(team, "marketing").with("groupType", "-2147483640", "msExchRecipientDisplayType", "1073741833"))
	page.add(t, specimen{"A Microsoft 365 group as a mail-enabled security group, mail.route: expand", team, secure, exchange.Expand})

	p.team(t, "Plain", "plain", nil)
	p.rule(t, "kinds: {security: security, microsoft365: security}\n")
	p.has(t, "as a security group", "Plain", mailbag{"groupType": "-2147483640"})
	page.add(t, specimen{title: "A Microsoft 365 group as a security group", group: "Plain"})

	for _, scope := range []struct{ word, groupType string }{{"global", "-2147483646"}, {"domain-local", "-2147483644"}} {
		must(t, c.AddGroup(graphtest.Group{ID: id(scope.word), DisplayName: scope.word, Members: people}))
		p.rule(t, fmt.Sprintf("ou: %s\nscope: {groups: [%s]}\ngroup_scope: %s\n", p.Base, id(scope.word), scope.word))
		p.has(t, scope.word, scope.word, mailbag{"groupType": scope.groupType})
		page.add(t, specimen{title: "A security group, group_scope: " + scope.word, group: scope.word})
	}
	page.hold(t)
}

// ldifPage is docs/groups.ldif.
type ldifPage struct {
	post
	text strings.Builder
}

// add writes a group as an administrator reads it.
func (l *ldifPage) add(t *testing.T, s specimen) {
	t.Helper()
	e := l.entry(t, s.group)
	if e == nil {
		t.Fatalf("%s: there is no group %s", s.title, s.group)
	}
	rows := map[string]exchange.Row{}
	if s.route != "" {
		alias := strings.TrimSuffix(strings.ToLower(s.group), " team")
		s.cloud.ID, s.cloud.Mail, s.cloud.Nickname = l.Company.ID(s.group).String(), alias+"@corp.test", alias
		s.cloud.Proxies, _ = Team(alias)["proxyAddresses"].([]string)
		rows = exchange.NewStamp(exchange.Site{LegacyDN: "/o=Corp"}, exchange.Options{Route: s.route}).Of(s.cloud, exchange.Standing{}).Rows
	}
	fmt.Fprintf(&l.text, "\n# == %s\n\ndn: %s\n", s.title, e.DN)
	slices.SortFunc(e.Attributes, func(a, b *ldap.EntryAttribute) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	for _, a := range e.Attributes {
		source := sources()[a.Name]
		if row, is := rows[a.Name]; is {
			if source = row.Source; !row.Verified {
				source = exchange.Unverified + ": " + source
			}
		}
		if source == "" {
			t.Errorf("%s: nobody says where %s is known from: %q", s.title, a.Name, a.Values)
		}
		fmt.Fprintf(&l.text, "# %s\n", source)
		slices.Sort(a.Values)
		for _, v := range a.Values {
			if what := unstable()[a.Name]; what != "" {
				v = "<" + what + ">"
			}
			fmt.Fprintf(&l.text, "%s: %s\n", a.Name, fenceText.ReplaceAllString(v, "gwb corp <epoch> <lease> <batch>"))
		}
	}
}

var fenceText = regexp.MustCompile(`^gwb corp .*$`)

// unstable are the attributes that have another value each time.
func unstable() map[string]string {
	return map[string]string{"objectGUID": "GUID", "objectSid": "SID", "uSNCreated": "USN", "uSNChanged": "USN", "whenCreated": "date", "whenChanged": "date", "dSCorePropagationData": "date"}
}

// sources are where values other than those of mail are known from.
func sources() map[string]string {
	const domain = "set by the domain controller: MS-ADTS 3.1.1.5.2 and 3.1.1.5.3"
	all := map[string]string{
		"objectClass":                    "MS-ADSC, class group",
		"cn":                             "the rules' cn: MS-ADTS 3.1.1.5.1.2",
		"sAMAccountName":                 "the cn as an account's name: MS-SAMR 3.1.1.6",
		"displayName":                    "Graph's displayName: MS-ADA1, displayName",
		"description":                    "Graph's description: MS-ADA1, description",
		"groupType":                      "MS-ADTS 2.2.12, Group Type Flags",
		"member":                         "MS-ADA2, member",
		"managedBy":                      "MS-ADA2, managedBy",
		"msExchCoManagedByLink":          exchange.Unverified + ": the other owners, by what the attribute is called; no documentation was found",
		"adminDescription":               "the mark of groups that Entra ID writes: Microsoft, Group writeback with Microsoft Entra Cloud Sync; MS-ADA1, adminDescription",
		"msDS-ExternalDirectoryObjectId": "the same mark, where the schema has it: MS-ADA2, msDS-ExternalDirectoryObjectId",
		"adminDisplayName":               "this product's own: who wrote last; MS-ADA1, adminDisplayName",
		"info":                           "this product's own: a note to people; MS-ADA1, info",
	}
	for _, name := range []string{"distinguishedName", "dSCorePropagationData", "instanceType", "name", "nTSecurityDescriptor", "objectCategory", "objectGUID", "objectSid", "sAMAccountType",
		"uSNChanged", "uSNCreated", "whenChanged", "whenCreated", "memberOf"} {
		all[name] = domain
	}
	return all
}

const ldifHead = `# Groups as they stand in Active Directory, one of each kind, read by an administrator from a domain with Exchange's schema.
# Above each value stands where it is known from that it belongs there; what no public source tells
# is marked "` + exchange.Unverified + `". What differs each time is in angle brackets.
# Written by: go test ./infra/stage -run TestGroupsLDIF -update
`

func (l *ldifPage) hold(t *testing.T) {
	t.Helper()
	const file = "../../docs/groups.ldif"
	is := ldifHead + l.text.String()
	if *update {
		must(t, os.WriteFile(file, []byte(is), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(is, "\n")); diff != "" {
		t.Errorf("-%s +now (-update writes it anew)\n%s", file, diff)
	}
}
