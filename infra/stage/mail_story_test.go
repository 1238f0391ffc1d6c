package stage

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
)

// TestMailStory: teams with mail live beside Exchange: written, moved, hidden, by each route and as each type, deleted and
// restored, changed by hand; and Exchange goes and comes.
func TestMailStory(t *testing.T) {
	s := mailStory{newPost(t, samba.AllOfExchange, mailRules, func(s *Stage) {
		s.Policy = mailPolicy + "  delete: true\n"
	})}
	id, c := s.Company.ID, s.Company.Tenant
	s.team(t, blue, "team.blue", map[string]any{"allowExternalSenders": true})
	s.team(t, "Verteiler Süd", "sued", nil)
	s.team(t, "Secret", "secret", map[string]any{"hideFromOutlookClients": true})
	must(t, errors.Join(c.AddMember(id(blue), id("cloud1")), c.AddMember(id(blue), id("guest"))))
	must(t, s.StartAgent())
	for _, act := range []struct {
		name string
		play func(*testing.T)
	}{
		{"teams appear", s.appear},
		{"its addresses change", s.moves},
		{"hidden, and what is left out of mail stays", s.hides},
		{"by way of the cloud and back", s.routes},
		{"another type and back", s.types},
		{"in quarantine and back", s.quarantine},
		{"drift", s.drift},
		{"a list with a filter that nobody can read", s.oddList},
		{"Exchange vanishes and comes back", s.vanishes},
		{"nothing happens", s.idle},
	} {
		if !t.Run(act.name, act.play) {
			t.FailNow()
		}
	}
}

type mailStory struct{ post }

const (
	blue     = "Team Blue"
	allLists = "All Distribution Lists | All Groups | All Groups(VLV) | All Recipients(VLV) | Default Global Address List"
	ofSystem = "All Groups(VLV) | All Recipients(VLV)"
)

// bagOf is the mail of a team that is shown, and takes no mail from outside.
func bagOf(alias, legacyDN string) mailbag {
	return mailbag{
		"mail": alias + "@corp.test", "mailNickname": alias, "proxyAddresses": "SMTP:" + alias + "@corp.test | smtp:" + alias + "@corptest.onmicrosoft.com",
		"legacyExchangeDN": legacyDN, "msExchRecipientDisplayType": "1", "msExchVersion": "44220983382016", "msExchPoliciesExcluded": "{26491cfc-9e50-4857-861b-0cb8df22b5d7}",
		"reportToOriginator": "TRUE", "msExchHideFromAddressLists": "FALSE", "msExchRequireAuthToSendTo": "TRUE", "showInAddressBook": allLists, "groupType": "8",
	}
}

// legacyDN is what a group with this alias is stamped with: it is cut where 128 characters are full.
func (p post) legacyDN(group, alias string) string {
	const before = "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
	hex := strings.ReplaceAll(p.Company.ID(group).String(), "-", "")
	return before + hex + "-" + alias
}

func (s mailStory) blue() mailbag {
	return bagOf("team.blue", s.legacyDN(blue, "team.blue")).with("msExchRequireAuthToSendTo", "FALSE")
}

func (s mailStory) appear(t *testing.T) {
	s.has(t, "made, and its flags read", blue, s.blue())
	s.has(t, "in the list of its language", "Verteiler Süd", bagOf("sued", s.legacyDN("Verteiler Süd", "sued")).with("showInAddressBook", "All Distribution Lists | All Groups | All Groups(VLV) | All Recipients(VLV) | Alle Verteiler | Default Global Address List"))
	s.has(t, "made, and hidden", "Secret", bagOf("secret", s.legacyDN("Secret", "secret")).with("msExchHideFromAddressLists", "TRUE", "showInAddressBook", ofSystem))
	if b := s.bag(t, "Engineering"); len(b) != 1 || b["groupType"] != "-2147483640" {
		t.Errorf("a security group has %v", b)
	}
	s.living.converge(t, "--mail")
}

func (s mailStory) moves(t *testing.T) {
	id, c := s.Company.ID(blue), s.Company.Tenant
	must(t, errors.Join(c.SetProperty(id, "mail", "blau@corp.test"), c.SetProperty(id, "mailNickname", "blau"),
		c.SetProperty(id, "proxyAddresses", []string{"SMTP:blau@corp.test", "smtp:team.blue@corp.test", "smtp:team.blue@corptest.onmicrosoft.com", "X500:/o=Old/cn=blue", "SPO:SPO_1"})))
	s.has(t, "moved", blue, s.blue().with("mail", "blau@corp.test", "mailNickname", "blau",
		"proxyAddresses", "SMTP:blau@corp.test | smtp:team.blue@corp.test | smtp:team.blue@corptest.onmicrosoft.com | x500:/o=Old/cn=blue"))
	must(t, errors.Join(c.SetProperty(id, "mail", "team.blue@corp.test"), c.SetProperty(id, "mailNickname", "team.blue"),
		c.SetProperty(id, "proxyAddresses", Team("team.blue")["proxyAddresses"])))
	s.has(t, "moved back", blue, s.blue())
}

// hides: rules that ask for other flags have all groups asked at once, else within a day.
func (s mailStory) hides(t *testing.T) {
	id, c := s.Company.ID(blue), s.Company.Tenant
	must(t, errors.Join(c.SetProperty(id, "hideFromAddressLists", true), c.SetProperty(id, "allowExternalSenders", false)))
	s.rule(t, "kinds: {security: security, microsoft365: distribution}\nmail: {route: expand, leave_out: [msExchRequireAuthToSendTo]}\n")
	s.has(t, "hidden, and who may write stays as it was", blue, s.blue().with("msExchHideFromAddressLists", "TRUE", "showInAddressBook", ofSystem))
	s.rule(t, mailRules)
	s.has(t, "nobody from outside", blue, s.blue().with("msExchHideFromAddressLists", "TRUE", "showInAddressBook", ofSystem, "msExchRequireAuthToSendTo", "TRUE"))
	must(t, errors.Join(c.SetProperty(id, "hideFromAddressLists", false), c.SetProperty(id, "allowExternalSenders", true)))
	s.rule(t, "kinds: {security: security, microsoft365: distribution}\nmail: {route: expand, leave_out: [msExchHideFromAddressLists, showInAddressBook]}\n")
	s.has(t, "everybody from outside", blue, s.blue().with("msExchHideFromAddressLists", "TRUE", "showInAddressBook", ofSystem))
	s.rule(t, mailRules)
	s.has(t, "shown", blue, s.blue())
}

func (s mailStory) routes(t *testing.T) {
	s.rule(t, "kinds: {security: security, microsoft365: distribution}\nmail: {route: cloud}\n")
	s.plans(t, "not verified against Exchange", "update msExchRecipientTypeDetails targetAddress")
	s.has(t, "by the cloud", blue, s.blue().with("targetAddress", "SMTP:team.blue@corptest.onmicrosoft.com", "msExchRecipientTypeDetails", "8796093022208"))
	s.rule(t, mailRules)
	s.plans(t, "2 of 7 are not there", "update msExchRecipientTypeDetails targetAddress")
	s.has(t, "expanded again", blue, s.blue())
}

func (s mailStory) types(t *testing.T) {
	kind := func(of string) string {
		return "kinds: {security: security, microsoft365: " + of + "}\nmail: {route: expand}\n"
	}
	s.rule(t, kind("mail-enabled-security"))
	s.plans(t, "", "update groupType msExchRecipientDisplayType")
	s.has(t, "a security group with mail", blue, s.blue().with("groupType", "-2147483640", "msExchRecipientDisplayType", "1073741833"))
	s.rule(t, kind("security"))
	s.plans(t, "", "update mail mailNickname msExchHideFromAddressLists msExchRecipientDisplayType proxyAddresses", "relink showInAddressBook")
	s.has(t, "a security group without", blue, s.silenced().with("groupType", "-2147483640"))
	s.rule(t, mailRules)
	s.plans(t, "2 of 7 are not there", "update groupType mail mailNickname msExchHideFromAddressLists msExchRecipientDisplayType proxyAddresses", "relink showInAddressBook")
	s.has(t, "a distribution group again", blue, s.blue())
}

// silenced is the team without mail.
func (s mailStory) silenced() mailbag {
	return s.blue().with("msExchHideFromAddressLists", "TRUE").without("mail", "mailNickname", "proxyAddresses", "msExchRecipientDisplayType", "showInAddressBook")
}

// plans holds the plan that is to be for the team.
func (s mailStory) plans(t *testing.T, loses string, want ...string) {
	t.Helper()
	lines, said := s.shown(t, blue)
	slices.Sort(lines)
	slices.Sort(want)
	if !slices.Equal(lines, want) || !strings.Contains(said, loses) || loses == "" && said != "" {
		t.Errorf("the plan is %q, and loses %q; want %q, and %q", lines, said, want, loses)
	}
}

func (s mailStory) quarantine(t *testing.T) {
	before := identities(t, s.Stage)
	must(t, s.Company.Tenant.SoftDelete(s.Company.ID(blue)))
	s.has(t, "in quarantine", blue, s.silenced())
	must(t, s.Company.Tenant.Restore(s.Company.ID(blue)))
	s.has(t, "restored", blue, s.blue())
	s.living.converge(t, "--mail")
	same(t, "restored", before, identities(t, s.Stage))
}

// drift: what somebody changes by hand is put right; but legacyExchangeDN, which is never changed once it stands.
func (s mailStory) drift(t *testing.T) {
	dn := s.entry(t, blue).DN
	changed := map[string]string{"mail": "x@corp.test", "mailNickname": "x", "proxyAddresses": "SMTP:x@corp.test", "msExchRecipientDisplayType": "2", "msExchRecipientTypeDetails": "1",
		"targetAddress": "SMTP:x@corp.test", "msExchVersion": "1", "msExchPoliciesExcluded": "x", "reportToOriginator": "FALSE", "msExchHideFromAddressLists": "TRUE", "msExchRequireAuthToSendTo": "TRUE",
		"showInAddressBook": "CN=Alle Verteiler,CN=All Address Lists," + samba.AddressLists}
	for _, r := range exchange.Table() {
		if _, is := changed[r.Attribute]; !is && r.Attribute != "legacyExchangeDN" {
			t.Errorf("nobody changes %s by hand", r.Attribute)
		}
	}
	for _, how := range []string{"other values", "no values"} {
		ldif := "dn: " + dn + "\nchangetype: modify\n"
		for name, value := range changed {
			switch {
			case how == "other values":
				ldif += "replace: " + name + "\n" + name + ": " + value + "\n-\n"
			case s.blue()[name] != "":
				ldif += "replace: " + name + "\n-\n"
			}
		}
		ldapAs(t, s.DC, "ldapmodify", ldif)
		s.has(t, "drift is put right: "+how, blue, s.blue())
	}
	const other = "/o=Other/cn=Recipients/cn=blue"
	administrator{s.DC}.set(t, dn, "legacyExchangeDN", other)
	administrator{s.DC}.set(t, dn, "reportToOriginator", "FALSE")
	s.has(t, "another legacyExchangeDN stays", blue, s.blue().with("legacyExchangeDN", other))
	administrator{s.DC}.set(t, dn, "legacyExchangeDN")
	s.has(t, "without one it is stamped again", blue, s.blue())
}

// oddList: of a list that nobody can judge a group stays what it is, in it or not.
func (s mailStory) oddList(t *testing.T) {
	must(t, s.DC.Modify(t.Context(), samba.OddList.LDIF()))
	odd := "CN=Odd,CN=All Address Lists," + samba.AddressLists
	told := func(st Status) string {
		n := 0
		for _, p := range st.Problems {
			if p.Reason == "mail-incomplete" && strings.Contains(p.Text, odd) {
				n++
			}
		}
		if n == 3 { // all that are shown
			return ""
		}
		return "the list is not told of"
	}
	s.until(t, "the list is told of", told)
	ldapAs(t, s.DC, "ldapmodify", "dn: "+s.entry(t, blue).DN+"\nchangetype: modify\nadd: showInAddressBook\nshowInAddressBook: "+odd+"\n-\nreplace: reportToOriginator\nreportToOriginator: FALSE\n")
	s.has(t, "who was put in stays", blue, s.blue().with("showInAddressBook", allLists+" | Odd"))
	s.has(t, "and nobody else is", "Marketing team", bagOf("marketing", s.legacyDN("Marketing team", "marketing")))
	ldapAs(t, s.DC, "ldapmodify", "dn: "+s.entry(t, blue).DN+"\nchangetype: modify\ndelete: showInAddressBook\nshowInAddressBook: "+odd+"\n-\nreplace: reportToOriginator\nreportToOriginator: FALSE\n")
	s.has(t, "who was taken out stays out", blue, s.blue())
	ldapAs(t, s.DC, "ldapmodify", "dn: "+odd+"\nchangetype: delete\n")
	s.until(t, "nobody tells of the list any more", func(st Status) string {
		if told(st) == "" {
			return "it is told of"
		}
		return ""
	})
}

// vanishes: mail stops, and nothing else does.
func (s mailStory) vanishes(t *testing.T) {
	id, c := s.Company.ID, s.Company.Tenant
	server := taken(t, s.Stage, samba.ExchangeServer, "serialNumber")
	must(t, s.DC.Modify(t.Context(), samba.NoServer.LDIF()))
	s.until(t, "noticed", waits(4, "server"))
	members := len(s.entry(t, blue).GetAttributeValues("member"))
	must(t, errors.Join(c.SetProperty(id(blue), "proxyAddresses", []string{"SMTP:team.blue@corp.test"}), c.AddMember(id(blue), id("user00040"))))
	must(t, c.AddGroup(graphtest.Group{ID: id("Late security"), DisplayName: "Late security", Members: []directory.ID{id("user00041")}}))
	s.team(t, "Late team", "late", nil)
	s.until(t, "security groups and members go on", func(st Status) string {
		if len(s.entry(t, blue).GetAttributeValues("member")) != members+1 || s.entry(t, "Late security") == nil {
			return "they do not"
		}
		return waits(5, "server")(st)
	})
	if s.entry(t, "Late team") != nil {
		t.Error("a team was made without Exchange")
	}
	s.has(t, "its mail stays", blue, s.blue())
	ldapAs(t, s.DC, "ldapadd", server)
	s.until(t, "back", func(st Status) string {
		if s.bag(t, "Late team")["mail"] != "late@corp.test" {
			return "the team is not there"
		}
		return waits(0, "")(st)
	})
	s.has(t, "its mail goes on", blue, s.blue().with("proxyAddresses", "SMTP:team.blue@corp.test"))
}

// waits says whether so many groups with mail wait for Exchange, as one problem that names what is missing.
func waits(groups int, lacks string) func(Status) string {
	return func(st Status) string {
		var rows []Problem
		for _, p := range st.Problems {
			if p.Reason == "no-exchange" {
				rows = append(rows, p)
			}
		}
		switch {
		case st.Totals.Problems["no-exchange"] != groups:
			return "another number of groups waits"
		case groups == 0 && len(rows) == 0:
			return ""
		case len(rows) != 1 || rows[0].Groups != groups || !strings.Contains(rows[0].Text, lacks):
			return "it is not one problem that says " + lacks
		case !strings.Contains(st.Said(), "for Exchange"):
			return "the standing does not say so"
		}
		return ""
	}
}

// idle: while nothing happens nothing is written, however often the agent looks.
func (s mailStory) idle(t *testing.T) {
	s.until(t, "all is done", unsettled)
	usn := highestUSN(t, s.Stage)
	reports := map[string]bool{}
	s.until(t, "the agent has looked some times", func(st Status) string {
		if reports[st.Reported.String()] = true; len(reports) < 4 {
			return "it has not"
		}
		return unsettled(st)
	})
	if now := highestUSN(t, s.Stage); now != usn {
		t.Errorf("highestCommittedUSN went from %s to %s without a change", usn, now)
	}
}

// taken is an object as LDIF that adds it again, with some of its attributes.
func taken(t *testing.T, s *Stage, dn string, attrs ...string) string {
	t.Helper()
	cmd := exec.Command("ldapsearch", append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.DC.URL, "-D", s.DC.AdminName, "-w", s.DC.AdminPassword, "-s", "base", "-b", dn, "objectClass"}, attrs...)...)
	cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+s.DC.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.Output()
	must(t, err)
	return string(out)
}
