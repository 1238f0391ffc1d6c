package exchange_test

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/exchange"
)

// lists are the names of those that a group is in.
func lists(w exchange.Wish) string {
	var names []string
	for _, dn := range w.Lists {
		name, _, _ := strings.Cut(dn, ",")
		names = append(names, strings.TrimPrefix(name, "CN="))
	}
	return strings.Join(names, ", ")
}

func TestLists(t *testing.T) {
	const vlv, seen = "All Groups(VLV), ", "All Distribution Lists, All Groups(VLV), All Groups, All Recipients(VLV), Alle Verteilerlisten"
	hide := func(f exchange.Flag) exchange.Group {
		g := sales()
		g.HideFromLists = f
		return g
	}
	in := func(names ...string) (dns []string) {
		for _, n := range names {
			dns = append(dns, n+","+plainLists)
		}
		return dns
	}
	for name, c := range map[string]struct {
		group    exchange.Group
		standing exchange.Standing
		want     string
		told     []string
	}{
		"new, upgraded organization":           {sales(), exchange.Standing{}, seen, []string{"CN=Sales,", "CN=Broken,"}},
		"hidden":                               {hide(exchange.True), exchange.Standing{Lists: in("CN=All Groups", "CN=Sales")}, vlv + "All Recipients(VLV)", nil},
		"not known whether hidden":             {hide(""), exchange.Standing{}, vlv + "All Recipients(VLV)", nil},
		"not known, and in a list":             {hide(""), exchange.Standing{Lists: in("CN=All Groups")}, vlv + "All Groups, All Recipients(VLV)", nil},
		"in lists that nobody can judge":       {sales(), exchange.Standing{Lists: in("CN=Sales", "CN=Broken", "CN=Folder")}, "All Distribution Lists, All Groups(VLV), All Groups, All Recipients(VLV), Alle Verteilerlisten, Broken, Folder, Sales", []string{"CN=Sales,", "CN=Broken,"}},
		"in a list that it does not belong to": {sales(), exchange.Standing{Lists: in("CN=All Users")}, seen, []string{"CN=Sales,", "CN=Broken,"}},
		"in a list that is not seen here":      {sales(), exchange.Standing{Lists: []string{"CN=Elsewhere,DC=x"}}, "All Distribution Lists, All Groups(VLV), All Groups, All Recipients(VLV), Alle Verteilerlisten, Elsewhere", []string{"CN=Sales,", "CN=Broken,"}},
		"more is known":                        {sales(), exchange.Standing{Attrs: map[string][]string{"Department": {}}}, seen, []string{"CN=Broken,"}},
	} {
		w := stamp(expand).Of(c.group, c.standing)
		if got := lists(w); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := strings.Count(said(w), "showInAddressBook: "); got != len(c.told) {
			t.Errorf("%s: %d lists are told of, want %d:\n%s", name, got, len(c.told), said(w))
		}
		for _, list := range c.told {
			if !strings.Contains(said(w), list) {
				t.Errorf("%s: nothing is said of %s in\n%s", name, list, said(w))
			}
		}
	}
}

// TestSystemListWithFilter: a system list that has a filter is judged by it, hidden or not, and one that cannot be is
// left as it is and told.
func TestSystemListWithFilter(t *testing.T) {
	site := identified(exchange.Site{Lists: []exchange.AddressList{
		{DN: "CN=A," + systemLists, System: true, Filter: "(&(mailNickname=*)(!(msExchHideFromAddressLists=TRUE)))"},
		{DN: "CN=B," + systemLists, System: true, Filter: "(mailNickname=*)"},
		{DN: "CN=C," + systemLists, System: true, Filter: "(memberOf=x)"},
		{DN: "CN=D," + systemLists, System: true},
	}})
	g := sales()
	for hide, want := range map[exchange.Flag]string{exchange.True: "B", exchange.False: "A, B"} {
		g.HideFromLists = hide
		w := exchange.NewStamp(site, expand).Of(g, exchange.Standing{LegacyDN: "/o=x"})
		if got := lists(w); got != want || len(w.Notes) != 1 || !strings.Contains(said(w), "CN=C,") {
			t.Errorf("hidden %s: %s, want %s\n%s", hide, got, want, said(w))
		}
	}
	// The flags were not read: what the group is going to have is not known, and its list stays.
	g.HideFromLists = ""
	w := exchange.NewStamp(site, expand).Of(g, exchange.Standing{LegacyDN: "/o=x", Lists: []string{"CN=A," + systemLists}})
	if got := lists(w); got != "A, B" {
		t.Errorf("flags not read: %s", got)
	}
}

// TestListWithoutGUID: a list that an agent of before told of by its name alone is left alone.
func TestListWithoutGUID(t *testing.T) {
	site := exchange.Site{Lists: []exchange.AddressList{{DN: "CN=All Groups," + plainLists, Filter: forGroups}}}
	if w := exchange.NewStamp(site, expand).Of(sales(), exchange.Standing{Lists: []string{"x"}}); !slices.Equal(w.Lists, []string{"x"}) {
		t.Errorf("it is in %q", w.Lists)
	}
}

// TestNoLists: a site without lists says that a group is in those that it is in.
func TestNoLists(t *testing.T) {
	w := exchange.NewStamp(exchange.Site{}, expand).Of(sales(), exchange.Standing{})
	if w.Lists == nil || len(w.Lists) != 0 {
		t.Errorf("a new group is in %#v", w.Lists)
	}
}
