package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"groupwriteback/shared/exchange"
)

func TestBand(t *testing.T) {
	const cu15, se = "Version 15.2 (Build 31748.10)", "Version 15.2 (Build 32562.17)"
	for _, c := range []struct {
		schema, forest int
		servers        []string
		want           string
	}{
		{0, 0, nil, ""},
		{10637, 10666, nil, "Exchange 2007 RTM"}, {11116, 11221, nil, "Exchange 2007 SP1"}, {14622, 11222, nil, "Exchange 2007 SP2"}, {14625, 11222, nil, "Exchange 2007 SP3"},
		{14622, 12640, nil, "Exchange 2010 RTM"}, {14726, 13214, nil, "Exchange 2010 SP1"}, {14732, 14247, nil, "Exchange 2010 SP2"}, {14734, 14322, nil, "Exchange 2010 SP3"},
		{15137, 15449, nil, "Exchange 2013 RTM"}, {15254, 15614, nil, "Exchange 2013 CU1"}, {15281, 15688, nil, "Exchange 2013 CU2"}, {15283, 15763, nil, "Exchange 2013 CU3"},
		{15292, 15844, nil, "Exchange 2013 SP1"}, {15300, 15870, nil, "Exchange 2013 CU5"}, {15303, 15965, nil, "Exchange 2013 CU6"},
		{15312, 15965, nil, "Exchange 2013 CU7-CU9"}, {15312, 16130, nil, "Exchange 2013 CU10-CU21"}, {15312, 16131, nil, "Exchange 2013 CU22"}, {15312, 16133, nil, "Exchange 2013 CU23"},
		{15313, 16133, nil, "Exchange 2013 CU23"}, {15312, 0, nil, "Exchange 2013 CU7-CU23"},
		{15317, 16210, nil, "Exchange 2016 RTM"}, {15323, 16211, nil, "Exchange 2016 CU1"}, {15325, 16212, nil, "Exchange 2016 CU2"}, {15326, 16213, nil, "Exchange 2016 CU3-CU5"},
		{15330, 16213, nil, "Exchange 2016 CU6"}, {15332, 16213, nil, "Exchange 2016 CU7-CU18"}, {15333, 16219, nil, "Exchange 2016 CU19-CU20"}, {15334, 16223, nil, "Exchange 2016 CU21-CU23"},
		{17000, 16751, nil, "Exchange 2019 RTM-CU1"}, {17001, 16752, nil, "Exchange 2019 CU2-CU7"}, {17002, 16754, nil, "Exchange 2019 CU8-CU9"}, {17003, 16759, nil, "Exchange 2019 CU10-CU14"},
		{17003, 0, nil, "Exchange 2019 CU10-CU15"}, {17003, 16763, nil, "Exchange 2019 CU15 or SE RTM"}, {17003, 16763, []string{cu15}, "Exchange 2019 CU15"},
		{17003, 16763, []string{cu15, se}, "Exchange SE"}, {17003, 16762, []string{se}, "Exchange 2019 CU10-CU14"}, {17003, 16763, []string{"odd"}, "Exchange 2019 CU15"},
		{15311, 0, nil, "Exchange 2013 or older (schema 15311)"}, {15335, 0, nil, "Exchange 2016 (schema 15335)"}, {17004, 0, []string{se}, "Exchange 2019 or later (schema 17004)"},
	} {
		if got := exchange.Band(c.schema, c.forest, c.servers); got != c.want {
			t.Errorf("%d, %d, %q: %q, want %q", c.schema, c.forest, c.servers, got, c.want)
		}
	}
}

func TestBuild(t *testing.T) {
	for serial, want := range map[string]string{
		"Version 15.2 (Build 32562.17)": "15.2.2562.17", "Version 15.1 (Build 32507.6)": "15.1.2507.6", "Version 14.3 (Build 30123.4)": "14.3.123.4",
		"Version 8.3 (Build 83.6)": "8.3.83.6", "": "", "Version 15.2": "Version 15.2", "Version 99999999999999999999.2 (Build 1.1)": "Version 99999999999999999999.2 (Build 1.1)",
	} {
		if got := exchange.Build(serial); got != want {
			t.Errorf("%q: %q, want %q", serial, got, want)
		}
	}
}

// whole is a site that lacks nothing.
func whole() exchange.Site {
	s := corp()
	s.Organization, s.Schema, s.Forest, s.Domain, s.MailRecipient = "CN=Corp,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp", 17003, 16763, 13243, true
	s.Servers = []string{"Version 15.2 (Build 32562.17)"}
	for _, r := range exchange.Table() {
		s.Attributes = append(s.Attributes, strings.ToUpper(r.Attribute))
	}
	return s
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*exchange.Site)
		writes []string
		want   []string
	}{
		"nothing is missing":   {func(*exchange.Site) {}, nil, nil},
		"no Exchange":          {func(s *exchange.Site) { *s = exchange.Site{} }, nil, []string{"schema has nothing of Exchange"}},
		"a schema alone":       {func(s *exchange.Site) { *s = exchange.Site{Schema: 17003} }, nil, []string{"no Exchange organization"}},
		"no server":            {func(s *exchange.Site) { s.Servers = nil }, nil, []string{"no server"}},
		"domain not prepared":  {func(s *exchange.Site) { s.Domain = 0 }, nil, []string{"domain is not prepared"}},
		"no mailRecipient":     {func(s *exchange.Site) { s.MailRecipient = false }, nil, []string{"mailRecipient"}},
		"missing attributes":   {func(s *exchange.Site) { s.Attributes = []string{"mail", "MailNickname"} }, []string{"authOrig", "mail", "mailNickname", "AUTHORIG"}, []string{"cannot have authOrig here"}},
		"none of the table's":  {func(s *exchange.Site) { s.Attributes = s.Attributes[1:] }, nil, []string{"cannot have mail here"}},
		"an old organization":  {func(s *exchange.Site) { s.Schema, s.Forest = 15312, 15965 }, nil, []string{"(warning) the Exchange organization is of Exchange 2013 CU7-CU9 (objectVersion 15965)"}},
		"the oldest that does": {func(s *exchange.Site) { s.Schema, s.Forest = 15312, 16130 }, nil, nil},
		"all of it": {func(s *exchange.Site) {
			*s = exchange.Site{Schema: 15137, Organization: "CN=x", Forest: 15449}
		}, []string{"mail"}, []string{"no server", "not prepared", "mailRecipient", "cannot have mail", "(warning)"}},
	} {
		s := whole()
		c.change(&s)
		holds(t, name, s.Faults(c.writes...), c.want)
	}
}

// holds compares faults with what they should say, in this order.
func holds(t *testing.T, name string, faults []exchange.Fault, want []string) {
	t.Helper()
	var got []string
	for _, f := range faults {
		if f.Remedy == "" {
			t.Errorf("%s: %s has no remedy", name, f.What)
		}
		mark := ""
		if f.Warning {
			mark = "(warning) "
		}
		got = append(got, mark+f.What)
	}
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && strings.Contains(got[i], want[i])
	}
	if !ok {
		t.Errorf("%s: %s\nwant %s", name, fmt.Sprintf("%q", got), fmt.Sprintf("%q", want))
	}
}

func TestWarnings(t *testing.T) {
	site := exchange.Site{Accepted: []exchange.AcceptedDomain{
		{Name: "Corp.example", Type: exchange.Authoritative}, {Name: "groups.corp.example", Type: exchange.InternalRelay}, {Name: "*.wild.example", Type: exchange.InternalRelay},
		{Name: "shut.wild.example", Type: exchange.Authoritative}, {Name: "*.shut.wild.example", Type: exchange.ExternalRelay}, {Name: "relay.example", Type: exchange.ExternalRelay}, {Name: "routed.onmicrosoft.com", Type: exchange.InternalRelay},
	}}
	for domain, want := range map[string]string{
		"CORP.example": "sends no mail for the domain on", "groups.corp.example": "", "a.wild.example": "", "wild.example": "no accepted domain", "shut.wild.example": "sends no mail for the domain on", "b.shut.wild.example": "external-relay",
		"relay.example": "external-relay", "other.example": "no accepted domain", "corp.onmicrosoft.com": "tenant's own domain", "routed.onmicrosoft.com": "", "": "",
	} {
		var all []string
		if want != "" {
			all = []string{want}
		}
		holds(t, domain, site.Warnings(domain), all)
	}
	holds(t, "several, sorted and each once", site.Warnings("other.example", "corp.example", "Other.example "), []string{"(warning) corp.example", "(warning) other.example"})
	everything := exchange.Site{Accepted: []exchange.AcceptedDomain{{Name: "*", Type: exchange.InternalRelay}}}
	holds(t, "all domains", everything.Warnings("x.example"), nil)
}
