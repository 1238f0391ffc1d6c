package stage

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/graph/graphtest"
)

const team = "Marketing team" // of each company

// TestMailWaits: whatever is missing of Exchange, groups with mail wait by one problem that names it, and security groups go on;
// when it is there they come.
func TestMailWaits(t *testing.T) {
	for kind, test := range map[samba.Exchange]struct{ lacks, rules string }{
		samba.NoExchange:  {"the schema is not extended for Exchange", ""},
		samba.OldExchange: {"groups here cannot have msExchRecipientTypeDetails", "kinds: {security: security, microsoft365: distribution}\nmail: {route: expand, leave_out: [msExchRecipientTypeDetails]}\n"},
	} {
		t.Run(fmt.Sprintf("exchange %q", kind), func(t *testing.T) {
			p := newPost(t, kind, mailRules)
			must(t, p.StartAgent())
			p.wait(t, "Engineering", 1, test.lacks)
			if test.rules != "" {
				p.rule(t, test.rules)
				p.has(t, "what is missing is left out", team, p.marketing())
			}
		})
	}
	t.Run("in part", func(t *testing.T) {
		p := newPost(t, samba.AllOfExchange, mailRules)
		prepared := taken(t, p.Stage, samba.SystemObjects, "objectVersion")
		must(t, p.DC.Modify(t.Context(), samba.Unprepared.LDIF()))
		p.team(t, "Many", "many", map[string]any{"proxyAddresses": manyAddresses()})
		must(t, p.StartAgent())
		p.wait(t, "Engineering", 2, "the domain was never prepared")
		ldapAs(t, p.DC, "ldapadd", prepared)
		p.has(t, "prepared", team, p.marketing())
		p.has(t, "all addresses", "Many", bagOf("many", p.legacyDN("Many", "many")).with("proxyAddresses", strings.Join(manyAddresses(), " | ")))

		must(t, p.DC.Modify(t.Context(), samba.PreparedTwice.LDIF()))
		p.without(t, "twice", "2 containers of Exchange's system objects", 3)
		ldapAs(t, p.DC, "ldapmodify", "dn: CN=Microsoft Exchange System Objects old,"+p.DC.Domain+"\nchangetype: delete\n")
		p.until(t, "prepared once", waits(0, ""))

		must(t, p.DC.Modify(t.Context(), samba.SchemaAlone.LDIF()))
		p.without(t, "schema", "there is no Exchange organization", 4)
		const lists = "showInAddressBook" // which went with the organization
		if diff := p.marketing().without(lists).differs(p.bag(t, team).without(lists)); diff != "" {
			t.Errorf("without an organization its mail did not stay: %s", diff)
		}
	})
}

func (p post) marketing() mailbag { return bagOf("marketing", p.legacyDN(team, "marketing")) }

// manyAddresses are 200, in order.
func manyAddresses() []string {
	all := []string{"SMTP:many@corp.test"}
	for n := range 199 {
		all = append(all, fmt.Sprintf("smtp:many%03d@corp.test", n))
	}
	return all
}

// wait has teams wait, and a security group made.
func (p post) wait(t *testing.T, security string, teams int, lacks string) {
	t.Helper()
	p.until(t, "teams wait", func(st Status) string {
		if p.entry(t, security) == nil {
			return security + " is not there"
		}
		return waits(teams, lacks)(st)
	})
}

// without makes a security group and a team while something is missing: one waits.
func (p post) without(t *testing.T, name, lacks string, teams int) {
	t.Helper()
	p.until(t, name, waits(teams-1, lacks))
	must(t, p.Company.Tenant.AddGroup(graphtest.Group{ID: p.Company.ID(name + " security"), DisplayName: name + " security"}))
	p.team(t, name, name, nil)
	p.wait(t, name+" security", teams, lacks)
	if p.entry(t, name) != nil {
		t.Errorf("%s: a team was made", name)
	}
}
