package exchange_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/exchange"
)

var update = flag.Bool("update", false, "write golden files anew")

const (
	systemLists = "CN=All System Address Lists,CN=Address Lists Container,CN=Corp,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp"
	plainLists  = "CN=All Address Lists,CN=Address Lists Container,CN=Corp,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp"
	forGroups   = "(&(mailNickname=*)(objectCategory=group))"
)

// corp is a site that was upgraded: it has the list of groups under both of its names.
func corp() exchange.Site {
	return identified(exchange.Site{
		LegacyDN: "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)",
		Lists: []exchange.AddressList{
			{DN: "CN=All Groups(VLV)," + systemLists, System: true},
			{DN: "CN=All Recipients(VLV)," + systemLists, System: true},
			{DN: "CN=All Mail Users(VLV)," + systemLists, System: true, Filter: "(&(mailNickname=*)(objectClass=user))"},
			{DN: "CN=All Groups," + plainLists, Filter: "(& (mailnickname=*) (objectCategory=group) )"},
			{DN: "CN=All Distribution Lists," + plainLists, Filter: forGroups},
			{DN: "CN=Alle Verteilerlisten," + plainLists, Filter: "(&(mailNickname=*)(objectCategory=CN=Group,CN=Schema,CN=Configuration,DC=corp))"},
			{DN: "CN=All Users," + plainLists, Filter: "(&(mailNickname=*)(objectClass=user))"},
			{DN: "CN=Folder," + plainLists},
			{DN: "CN=Sales," + plainLists, Filter: "(department=Sales)"},
			{DN: "CN=Broken," + plainLists, Filter: "(mailNickname=*"},
		},
	})
}

// identified is a site whose lists have their names for GUIDs, so that tests can be read.
func identified(s exchange.Site) exchange.Site {
	for i, l := range s.Lists {
		s.Lists[i].GUID = l.DN
	}
	return s
}

// sales is a group that every flag of was read: a distribution group that is seen, and takes no mail from outside.
func sales() exchange.Group {
	return exchange.Group{
		ID: "3A5C3221-c465-48c0-95b8-e9305786a271", Mail: "sales@corp.example", Nickname: "sales",
		Proxies:       []string{"smtp:sales@corp.onmicrosoft.com", "SMTP:sales@corp.example", "SPO:SPO_1@SPO_2", "smtp:Verkauf@corp.example", "X500:/o=Old/cn=sales"},
		HideFromLists: exchange.False, HideFromOutlook: exchange.False, AllowExternal: exchange.False,
	}
}

func stamp(o exchange.Options) *exchange.Stamp { return exchange.NewStamp(corp(), o) }

var expand = exchange.Options{Route: exchange.Expand}

// said are the notes, a line each.
func said(w exchange.Wish) string {
	var b strings.Builder
	for _, n := range w.Notes {
		fmt.Fprintf(&b, "%s: %s\n", n.Attribute, n.What)
	}
	return b.String()
}

// TestStampGolden shows every kind of group as it is written, each value beside where it is known from.
func TestStampGolden(t *testing.T) {
	var b strings.Builder
	used := map[string]bool{}
	show := func(title string, g exchange.Group, o exchange.Options, s exchange.Standing) {
		w := stamp(o).Of(g, s)
		fmt.Fprintf(&b, "# %s\n", title)
		values := maps.Clone(w.Attrs)
		if values["showInAddressBook"] = w.Lists; w.Lists == nil {
			delete(values, "showInAddressBook")
		}
		for _, name := range slices.Sorted(maps.Keys(w.Rows)) {
			row := w.Rows[name]
			used[row.Attribute+"/"+row.When] = true
			mark := ""
			if !row.Verified {
				mark = " (" + exchange.Unverified + ")"
			}
			fmt.Fprintf(&b, "## %s%s\n", row.Source, mark)
			if values[name] == nil {
				t.Errorf("%s: %s has a row and no values", title, name)
			}
			if len(values[name]) == 0 {
				fmt.Fprintf(&b, "%s: -\n", name)
			}
			for _, v := range values[name] {
				fmt.Fprintf(&b, "%s: %s\n", name, v)
			}
			delete(values, name)
		}
		if len(values) > 0 {
			t.Errorf("%s: values without a row: %v", title, values)
		}
		fmt.Fprintf(&b, "%s\n", said(w))
	}
	cloud := exchange.Options{Route: exchange.Cloud}
	with := func(change func(*exchange.Group)) exchange.Group {
		g := sales()
		change(&g)
		return g
	}
	show("distribution group, expand", sales(), expand, exchange.Standing{})
	show("security group, expand, with senders from outside", with(func(g *exchange.Group) { g.Security, g.AllowExternal = true, exchange.True }), expand, exchange.Standing{})
	show("distribution group, cloud, hidden", with(func(g *exchange.Group) { g.HideFromOutlook = exchange.True }), cloud, exchange.Standing{})
	show("security group, cloud, flags not read", with(func(g *exchange.Group) {
		g.Security, g.HideFromLists, g.HideFromOutlook, g.AllowExternal = true, "", "", ""
	}), cloud, exchange.Standing{})
	for _, row := range exchange.Table() {
		if !used[row.Attribute+"/"+row.When] {
			t.Errorf("no group here has %s in the case %q", row.Attribute, row.When)
		}
	}

	const file = "testdata/stamp.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), b.String()); diff != "" {
		t.Errorf("-%s +now:\n%s", file, diff)
	}
}

// TestAsExchangeStamps: what Exchange 2016 wrote to a new hidden distribution list is what a hidden distribution group
// gets, as far as both have the attribute: no policy excluded is the one thing that differs, on purpose.
func TestAsExchangeStamps(t *testing.T) {
	g := sales()
	g.HideFromLists = exchange.True
	w := stamp(expand).Of(g, exchange.Standing{})
	for attribute, want := range map[string][]string{
		"msExchVersion": {"44220983382016"}, "msExchRecipientDisplayType": {"1"}, "msExchRecipientTypeDetails": {}, "targetAddress": {},
		"reportToOriginator": {"TRUE"}, "msExchRequireAuthToSendTo": {"TRUE"}, "msExchHideFromAddressLists": {"TRUE"},
	} {
		if diff := cmp.Diff(want, w.Attrs[attribute]); diff != "" {
			t.Errorf("%s -Exchange +here:\n%s", attribute, diff)
		}
	}
	if want := []string{"CN=All Groups(VLV)," + systemLists, "CN=All Recipients(VLV)," + systemLists}; !slices.Equal(w.Lists, want) {
		t.Errorf("it is in %q", w.Lists)
	}
}

func TestAddresses(t *testing.T) {
	many := make([]string, 0, 700)
	for i := range 700 {
		many = append(many, fmt.Sprintf("smtp:s%03d@corp.example", i))
	}
	long := strings.Repeat("x", 600)
	for name, c := range map[string]struct {
		mail    string
		proxies []string
		want    []string
		notes   []string
	}{
		"another one is primary in the list": {"a@x.example", []string{"SMTP:b@x.example", "smtp:a@x.example"}, []string{"SMTP:a@x.example", "smtp:b@x.example"}, nil},
		"two are":                            {"", []string{"SMTP:b@x.example", "SMTP:a@x.example"}, []string{"SMTP:b@x.example", "smtp:a@x.example"}, nil},
		"the primary one is not listed":      {"a@x.example", nil, []string{"SMTP:a@x.example"}, nil},
		"in other letters":                   {"A@x.example", []string{"smtp:a@X.example", "smtp:b@x.example", "smtp:B@x.example"}, []string{"SMTP:A@x.example", "smtp:b@x.example"}, nil},
		"other kinds":                        {"a@x.example", []string{"SPO:SPO_1@SPO_2", "SIP:a@x.example", "X400:c=de", "x500:/o=a", "X500:/o=A", "plain"}, []string{"SMTP:a@x.example", "x500:/o=a"}, nil},
		"malformed":                          {"a@x.example", []string{"smtp:", "smtp:@x", "smtp:a@", "smtp:a b@x.example", "smtp:a\x00@x.example", "x500:a", "x500:/o=\n", "smtp:" + long + "@x.example", "x500:/" + long + long}, []string{"SMTP:a@x.example"}, []string{"no e-mail address", "characters", "X.500", "571", "1123"}},
	} {
		w := stamp(expand).Of(exchange.Group{ID: "1", Mail: c.mail, Nickname: "a", Proxies: c.proxies}, exchange.Standing{LegacyDN: "/o=x"})
		if diff := cmp.Diff(c.want, w.Attrs["proxyAddresses"]); diff != "" {
			t.Errorf("%s -want +got:\n%s", name, diff)
		}
		for _, note := range c.notes {
			if !strings.Contains(said(w), note) {
				t.Errorf("%s: nothing is said of %q in\n%s", name, note, said(w))
			}
		}
	}
	w := stamp(expand).Of(exchange.Group{ID: "1", Mail: "z@x.example", Proxies: many, Nickname: "a"}, exchange.Standing{})
	got := w.Attrs["proxyAddresses"]
	if len(got) != exchange.MaxAddresses || got[0] != "SMTP:z@x.example" || got[len(got)-1] != "smtp:s498@corp.example" || !strings.Contains(said(w), `201 addresses are left out, from "smtp:s499@corp.example" to "smtp:s699@corp.example"`) {
		t.Errorf("of 701 addresses %d are written, up to %s:\n%s", len(got), got[len(got)-1], said(w))
	}
	if w := stamp(expand).Of(exchange.Group{ID: "1", Mail: "z@x.example", Proxies: many[:200], Nickname: "a"}, exchange.Standing{LegacyDN: "/o=x"}); len(w.Attrs["proxyAddresses"]) != 201 {
		t.Errorf("of 201 addresses %d are written", len(w.Attrs["proxyAddresses"]))
	}
	local := strings.Repeat("x", 250)
	if w := stamp(expand).Of(exchange.Group{ID: "1", Mail: local + "@x.example", Nickname: "a"}, exchange.Standing{}); w.Attrs["mail"] != nil || len(w.Attrs["proxyAddresses"]) != 1 || !strings.Contains(said(w), "mail: the address has more characters") {
		t.Errorf("an address that mail has no room for: %v\n%s", w.Attrs, said(w))
	}
}

func TestWithout(t *testing.T) {
	g := sales().Without("VERKAUF@corp.example", "x500:/o=old/CN=sales")
	if diff := cmp.Diff([]string{"SMTP:sales@corp.example", "smtp:sales@corp.onmicrosoft.com"}, stamp(expand).Of(g, exchange.Standing{}).Attrs["proxyAddresses"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(sales().Proxies) != 5 || g.Mail != "sales@corp.example" {
		t.Errorf("the group has become %v", g)
	}
	for _, own := range []string{"Sales@corp.example", "SMTP:sales@corp.example"} {
		if w := stamp(expand).Of(sales().Without(own), exchange.Standing{}); w.Attrs != nil || w.Lists != nil || !strings.Contains(said(w), "no e-mail address") {
			t.Errorf("without its own address it gets %v", w)
		}
	}
	unsaid := sales()
	unsaid.Mail = ""
	if w := stamp(expand).Of(unsaid.Without("sales@corp.example"), exchange.Standing{}); w.Attrs != nil {
		t.Errorf("without the primary one of the list it gets %v", w.Attrs)
	}
	other := exchange.Group{ID: "1", Mail: "a@x.example", Proxies: []string{"SMTP:b@x.example", "smtp:a@x.example"}}
	if w := stamp(expand).Of(other.Without("a@x.example"), exchange.Standing{}); w.Attrs != nil {
		t.Errorf("without its own address it takes another: %v", w.Attrs)
	}
}

func TestNoMail(t *testing.T) {
	bad := sales()
	bad.Mail = "sales corp.example"
	local := sales()
	local.Proxies = nil
	for want, w := range map[string]exchange.Wish{
		"no e-mail address of its own": stamp(expand).Of(exchange.Group{ID: "1"}, exchange.Standing{}),
		"cannot be written":            stamp(expand).Of(bad, exchange.Standing{}),
		"nobody has said how":          stamp(exchange.Options{}).Of(sales(), exchange.Standing{}),
		"no address in the tenant's":   stamp(exchange.Options{Route: exchange.Cloud}).Of(local, exchange.Standing{}),
	} {
		if w.Attrs != nil || w.Lists != nil || len(w.Notes) != 1 || !strings.Contains(said(w), want) {
			t.Errorf("%s: %v", want, w)
		}
	}
}

func TestAlias(t *testing.T) {
	for nickname, want := range map[string]string{
		"sales": "sales", "Sales.Team-1": "Sales.Team-1", "a&b'c|d{}": "a&b'c|d{}", "Müller": "Müller",
		"a b@c": "a_b_c", ".a..b.": "a.b", "日本": "sales", "": "sales", "ŁódźLtd": "_ód_Ltd", "a\x00b": "a_b",
		strings.Repeat("a", 70): strings.Repeat("a", 64), strings.Repeat("a", 63) + ".b": strings.Repeat("a", 63),
	} {
		g := sales()
		g.Nickname = nickname
		w := stamp(expand).Of(g, exchange.Standing{})
		if got := w.Attrs["mailNickname"]; !slices.Equal(got, []string{want}) {
			t.Errorf("%q becomes %q, want %q", nickname, got, want)
		}
		if told := strings.Contains(said(w), "mailNickname: "); told != (nickname != want) {
			t.Errorf("%q: told %v", nickname, told)
		}
	}
	if w := stamp(expand).Of(exchange.Group{ID: "3a5c3221-c465-48c0-95b8-e9305786a271", Mail: "日本@x.example"}, exchange.Standing{}); w.Attrs["mailNickname"][0] != "group-3a5c3221c46548c095b8e9305786a271" {
		t.Errorf("where nothing is left it is %q", w.Attrs["mailNickname"])
	}
}

func TestLegacyDN(t *testing.T) {
	const hex = "3a5c3221c46548c095b8e9305786a271"
	long := sales()
	long.Nickname = "a-very-long-name+of&a.team"
	organization := func(o string) exchange.Site {
		return exchange.Site{LegacyDN: "/o=" + o + "/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"}
	}
	for name, c := range map[string]struct {
		site  exchange.Site
		group exchange.Group
		has   string
		want  string
	}{
		"new":         {organization("Corp"), sales(), "", "/o=Corp/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + hex + "-sales"},
		"cut":         {organization("Contoso Group"), long, "", "/o=Contoso Group/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + hex + "-a-very-lon"},
		"kept":        {organization("Corp"), sales(), "/o=Old/cn=x", "/o=Old/cn=x"},
		"long":        {organization(strings.Repeat("x", 40)), sales(), "", "/o=" + strings.Repeat("x", 40) + "/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=" + hex[:16]},
		"no room":     {organization(strings.Repeat("x", 41)), sales(), "", ""},
		"no Exchange": {exchange.Site{}, sales(), "", ""},
	} {
		w := exchange.NewStamp(c.site, expand).Of(c.group, exchange.Standing{LegacyDN: c.has})
		got := strings.Join(w.Attrs["legacyExchangeDN"], "|")
		if got != c.want || len(got) > 128 {
			t.Errorf("%s: %q of %d characters, want %q of %d", name, got, len(got), c.want, len(c.want))
		}
		if told := strings.Contains(said(w), "legacyExchangeDN: "); told != (c.want == "") {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

func TestRoute(t *testing.T) {
	for want, proxies := range map[string][]string{
		"SMTP:a@corp.mail.onmicrosoft.com":      {"smtp:a@corp.onmicrosoft.com", "smtp:a@corp.mail.onmicrosoft.com"},
		"SMTP:a@corp.onmicrosoft.com":           {"smtp:a@b.corp.onmicrosoft.com", "x500:/o=a@x.mail.onmicrosoft.com", "smtp:a@mail.onmicrosoft.com", "smtp:a@corp.onmicrosoft.com"},
		"SMTP:a@Corp.mail.onmicrosoft.us":       {"smtp:a@Corp.mail.onmicrosoft.us"},
		"SMTP:a@corp.partner.mail.onmschina.cn": {"smtp:a@corp.partner.onmschina.cn", "smtp:a@corp.partner.mail.onmschina.cn"},
	} {
		w := stamp(exchange.Options{Route: exchange.Cloud}).Of(exchange.Group{ID: "1", Mail: "team@corp.example", Proxies: proxies, Nickname: "a"}, exchange.Standing{})
		if got := w.Attrs["targetAddress"]; !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q, want %q", proxies, got, want)
		}
	}
}

func TestHidden(t *testing.T) {
	for flags, want := range map[[2]exchange.Flag]exchange.Flag{
		{"true", "false"}: "true", {"false", "true"}: "true", {"", "true"}: "true", {"true", ""}: "true",
		{"false", "false"}: "false", {"", "false"}: "", {"false", ""}: "", {"", ""}: "",
	} {
		g := exchange.Group{HideFromLists: flags[0], HideFromOutlook: flags[1]}
		if got := g.Hidden(); got != want {
			t.Errorf("%q: %q, want %q", flags, got, want)
		}
	}
}

func TestLeaveOut(t *testing.T) {
	whole := stamp(expand).Of(sales(), exchange.Standing{})
	w := stamp(exchange.Options{Route: exchange.Expand, LeaveOut: []string{"MSEXCHVERSION", "showInAddressBook"}}).Of(sales(), exchange.Standing{})
	if _, there := w.Attrs["msExchVersion"]; there || w.Lists != nil || len(w.Attrs) != len(whole.Attrs)-1 || w.Rows["showInAddressBook"].Attribute != "" {
		t.Errorf("what is left out is said: %v", w)
	}
}

// TestTable: what the table says is complete, and what it calls verified has a source.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range exchange.Table() {
		key := r.Attribute + "/" + r.When
		if seen[key] || r.What == "" || r.Source == "" || strings.Contains(r.What+r.Source+r.When, "|") {
			t.Errorf("%s: %+v", key, r)
		}
		seen[key] = true
		if strings.Contains(r.Source, "inferred") && r.Verified {
			t.Errorf("%s is inferred, and called verified", key)
		}
	}
}
