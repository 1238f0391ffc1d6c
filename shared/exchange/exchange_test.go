package exchange

import (
	"slices"
	"strings"
	"testing"
)

// TestServerVersion: the number that people write, of the newest server. What is no version
// is none.
func TestServerVersion(t *testing.T) {
	for want, texts := range map[string][]string{
		"15.2.2562.17":          {"Version 15.2 (Build 32562.17)"},
		"8.3.83.6":              {"Version 8.3 (Build 30083.6)"},
		"6.5.7638.2":            {"Version 6.5 (Build 7638.2: Service Pack 2)"},
		"15.2.1748.10":          {"Version 15.2 (Build 31748.9)", "Version 15.2 (Build 31748.10)", "Version 15.1 (Build 32507.6)", "Version 14.3 (Build 39999.99)"},
		"15.0.1497.2":           {"of another kind", "Version 15.0 (Build 31497.2)"},
		"of an unknown version": {"Version 15", "", "Version 15.2 (Build 999999999999.1)", "version 15.2 (Build 32562.17)"},
	} {
		if got := (Site{Servers: texts}).newest().String(); got != want {
			t.Errorf("%q: %s, want %s", texts, got, want)
		}
	}
}

// TestOldRelease: 2013 CU10 is the last that its numbers tell, 2016 CU1 the first.
func TestOldRelease(t *testing.T) {
	for _, test := range []struct {
		schema, forest int
		old            bool
	}{
		{14734, 14322, true}, {15312, 15965, true}, {15312, 16130, false}, {15312, 16133, false},
		{15317, 16210, true}, {15323, 16211, false}, {17003, 16763, false},
	} {
		s := Site{Organization: "CN=x", Schema: test.schema, Forest: test.forest}
		if got := slices.ContainsFunc(s.Lacks(), func(l Lack) bool { return l.What == LackRelease }); got != test.old {
			t.Errorf("%d, %d: too old %v", test.schema, test.forest, got)
		}
	}
}

// TestLacks: a whole site lacks nothing; each thing that is taken from it is told alone, with
// a remedy. A forest without Exchange lacks what to begin with.
func TestLacks(t *testing.T) {
	whole := func() Site {
		return Site{Organization: "CN=x", Schema: 17003, Forest: 16763, Domain: 13243, Systems: []string{"CN=y"}, Servers: []string{"Version 15.2 (Build 31748.10)"},
			MailRecipient: true, Attributes: Attributes()}
	}
	for want, take := range map[string]func(*Site){
		"":                func(*Site) {},
		LackSchema:        func(s *Site) { s.Schema = 0 },
		LackOrganization:  func(s *Site) { s.Organization = "" },
		LackServer:        func(s *Site) { s.Servers = nil },
		LackDomain:        func(s *Site) { s.Systems = nil },
		LackMailRecipient: func(s *Site) { s.MailRecipient = false },
		LackAttributes:    func(s *Site) { s.Attributes = s.Attributes[1:] },
		LackRelease:       func(s *Site) { s.Forest = 15965 },
		"schema organization": func(s *Site) {
			*s = Site{}
		},
	} {
		s := whole()
		take(&s)
		var words []string
		for _, l := range s.Lacks() {
			words = append(words, l.What)
			if !strings.Contains(l.Text, ": ") {
				t.Errorf("%s has no remedy: %s", l.What, l.Text)
			}
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("lacks %q, want %q", got, want)
		}
	}
	twice := whole()
	twice.Systems = []string{"CN=y", "CN=z"}
	if l := twice.Lacks(); len(l) != 1 || l[0].What != LackDomain || !strings.Contains(l[0].Text, "CN=y; CN=z") {
		t.Errorf("prepared twice: %+v", l)
	}
}

// TestString is the line of each kind of site.
func TestString(t *testing.T) {
	for want, s := range map[string]Site{
		"none in this forest: groups without mail need none":                 {},
		"what there is now could not be read: x":                             {Unread: "x"},
		"the schema of Exchange 2016 CU21-CU23 (15334), and no organization": {Schema: 15334},
		"Exchange 2016 CU21-CU23 (schema 15334, organization 16223, domain not prepared), no server, address lists: 1, accepted domains: 2, what there is now could not be read: x": {
			Organization: "CN=x", Schema: 15334, Forest: 16223, Lists: make([]AddressList, 1), Accepted: make([]AcceptedDomain, 2), Unread: "x"},
		"Exchange 2019 CU15 (schema 17003, organization 16763, domain 13243), newest server 15.2.1748.10, address lists: 0, accepted domains: 0": {
			Organization: "CN=x", Schema: 17003, Forest: 16763, Domain: 13243, Systems: []string{"CN=y"}, Servers: []string{"Version 15.2 (Build 31748.10)"}},
	} {
		if got := s.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestSame: why a site could not be read is no part of what it is, and all else is.
func TestSame(t *testing.T) {
	a := Site{Schema: 17003, Lists: []AddressList{{DN: "CN=x"}}}
	b := a
	b.Unread = "x"
	if !a.Same(b) || !b.Same(a) {
		t.Error("unread is another site")
	}
	b.Lists = []AddressList{{DN: "CN=x", Filter: "(cn=*)"}}
	if a.Same(b) {
		t.Error("another filter is the same site")
	}
}

// TestSize counts every text of a site.
func TestSize(t *testing.T) {
	for n, s := range map[int]Site{
		0: {Schema: 17003}, 1: {Organization: "x"}, 2: {LegacyDN: "xx"}, 3: {Systems: []string{"xxx"}}, 4: {Servers: []string{"xxxx"}},
		5: {Attributes: []string{"xx", "xxx"}}, 6: {Protected: []string{"xxxxxx"}}, 7: {Lists: []AddressList{{DN: "xxx", Filter: "xxxx"}}},
		8: {Accepted: []AcceptedDomain{{Name: "xxxx", Type: "xxxx"}}}, 9: {Unread: "xxxxxxxxx"},
	} {
		if got := s.Size(); got != n {
			t.Errorf("%+v: %d, want %d", s, got, n)
		}
	}
}

// TestAttributes: sorted and unique, and those without which there is no mail are among
// them.
func TestAttributes(t *testing.T) {
	names := Attributes()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("not sorted, or not unique: %q", names)
	}
	for _, name := range []string{"mail", "mailNickname", "proxyAddresses", "legacyExchangeDN", "showInAddressBook", "msExchRecipientDisplayType", "extensionAttribute1", "extensionAttribute15"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestWritten: each attribute that the table writes is one of those that an agent looks for.
func TestWritten(t *testing.T) {
	for _, row := range Table() {
		if row.Attribute != "displayName" && !slices.Contains(Attributes(), row.Attribute) {
			t.Errorf("%s is written, and nobody asks whether groups can have it", row.Attribute)
		}
	}
}
