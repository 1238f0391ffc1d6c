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

// holds compares faults with what they should say, in this order.
func holds(t *testing.T, name string, faults []exchange.Fault, want []string) {
	t.Helper()
	var got []string
	for _, f := range faults {
		if f.Remedy == "" {
			t.Errorf("%s: %s has no remedy", name, f.What)
		}
		got = append(got, f.What)
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
	holds(t, "several, sorted and each once", site.Warnings("other.example", "corp.example", "Other.example "), []string{"corp.example", "other.example"})
	everything := exchange.Site{Accepted: []exchange.AcceptedDomain{{Name: "*", Type: exchange.InternalRelay}}}
	holds(t, "all domains", everything.Warnings("x.example"), nil)
}
