package decision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// TestMailEnds: a group with mail in quarantine takes none and is in no list, says so, comes to rest, and
// has all of it again when it is wanted. One that somebody else gave mail keeps it.
func TestMailEnds(t *testing.T) {
	site := exchange.Site{Schema: 17003, Organization: "CN=Corp", LegacyDN: "/o=Corp/ou=x", Systems: []string{"CN=y"}, Servers: []string{"z"}, MailRecipient: true, Attributes: exchange.Attributes(),
		Lists: []exchange.AddressList{{DN: "CN=All Groups(VLV)", GUID: "vlv", System: true}}}
	r := *all
	r.Kinds, r.Mail = rules.Kinds{rules.Microsoft365: rules.Distribution}, rules.Mail{Route: exchange.Expand}
	r.Leaving = rules.Leaving{SoftDeleted: life.Delete, Grace: 24 * time.Hour}
	in := forest
	in.Mail = r.Stamp(site)
	g := cloud(directory.Named, people(1, 2)...)
	g.Props["groupTypes"], g.Props["mailEnabled"] = []string{"Unified"}, []string{"true"}
	g.Props["mail"], g.Props["mailNickname"], g.Props["proxyAddresses"] = []string{"staff@corp.example"}, []string{"staff"}, []string{"SMTP:staff@corp.example"}

	s := of(nil, g)
	s.rules, s.site, s.Restores = &r, site, true
	whole := r.Decide(staff, g, nil, s.nested, in).Group
	whole.GUID = "guid-of-staff"
	if len(whole.Attrs["proxyAddresses"]) != 1 || !slices.Equal(whole.Links[plan.ShownIn], []plan.Ref{"guid:vlv"}) {
		t.Fatalf("it is wished for as %+v", whole)
	}
	s.Record.Observed = whole
	s.Record.Names = record.Names{Asked: record.NameOf(*whole), Given: record.NameOf(*whole)}

	gone := *g
	gone.Gone = directory.SoftDeleted
	s.Cloud = &gone
	out := s.decide(t)
	quarantined := out.Draft.Want
	for _, name := range []string{"mail", "mailNickname", "proxyAddresses", "msExchRecipientDisplayType"} {
		if v := quarantined.Attrs[name]; v != nil {
			t.Errorf("%s is %q in quarantine", name, v)
		}
	}
	if refs, spoken := quarantined.Links[plan.ShownIn]; !spoken || len(refs) > 0 || !slices.Equal(quarantined.Members(), whole.Members()) || !slices.Equal(quarantined.Attrs["legacyExchangeDN"], whole.Attrs["legacyExchangeDN"]) {
		t.Errorf("in quarantine it is %+v", quarantined)
	}
	if note := strings.Join(quarantined.Attrs["info"], ""); !strings.Contains(note, "takes no mail") {
		t.Errorf("it says of itself %q", note)
	}
	quarantined.Links = quarantined.Links.Having(plan.ShownIn, nil)
	s.Record.Observed = &quarantined
	s.Record.Life = record.Life{State: life.Quarantined, Since: now}
	out = s.decide(t)
	if out.Draft != nil {
		t.Errorf("it does not come to rest: %+v", out.Draft.Changes())
	}
	if p := out.Record.Problems; len(p) != 1 || !strings.Contains(p[0].Text, "takes no mail") {
		t.Errorf("problems %+v", p)
	}

	s.Cloud = g
	out = s.decide(t)
	if back := out.Draft.Want; !slices.Equal(back.Attrs["proxyAddresses"], whole.Attrs["proxyAddresses"]) || !slices.Equal(back.Links[plan.ShownIn], whole.Links[plan.ShownIn]) || len(back.Attrs["info"]) > 0 {
		t.Errorf("back it is %+v", back)
	}

	theirs := whole.Clone()
	theirs.Attrs["legacyExchangeDN"] = []string{"/o=Corp/cn=Recipients/cn=theirs"}
	s.Record.Observed, s.Record.Life, s.Cloud = &theirs, record.Life{}, &gone
	if out := s.decide(t); !slices.Equal(out.Draft.Want.Attrs["mail"], []string{"staff@corp.example"}) || strings.Contains(out.Draft.Want.Attrs["info"][0], "mail") {
		t.Errorf("mail of another hand: %+v", out.Draft.Want)
	}
}
