package cycle_test

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

// corp is a site that lacks nothing.
func corp() exchange.Site {
	return exchange.Site{Schema: 17003, Organization: "CN=Corp", LegacyDN: "/o=Corp/ou=x", Systems: []string{"CN=y"}, Servers: []string{"z"}, MailRecipient: true, Attributes: exchange.Attributes(),
		Lists: []exchange.AddressList{{DN: "CN=All Groups(VLV),CN=All System Address Lists", GUID: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", System: true}}}
}

// team adds a Microsoft 365 group with mail.
func (w *world) team(i, from, to int) {
	g := graphtest.Group{ID: group(i), DisplayName: "Team", Props: map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "securityEnabled": false,
		"mail": "team@corp.test", "mailNickname": "team", "proxyAddresses": []string{"SMTP:team@corp.test", "smtp:team@corp.onmicrosoft.com"}}}
	for n := from; n < to; n++ {
		g.Members = append(g.Members, user(n))
	}
	w.do(w.tenant.AddGroup(g))
}

// TestMailComesAndGoes: a group with mail waits for Exchange by one problem, and no other group does; it comes
// with Exchange, by a plan that says what its way loses and names its lists; when Exchange is gone it
// keeps what it has, and its members follow the cloud.
func TestMailComesAndGoes(t *testing.T) {
	w := newWorld(t)
	w.file = "ou: " + ou + "\nscope: all\nkinds: {security: security, microsoft365: distribution}\nmail: {route: expand}\n"
	w.restart()
	w.users(20)
	w.group(1, 0, 5)
	w.team(2, 0, 8)
	w.do(w.report(true, nil))
	w.untilQuiet()
	problems := func() (of []plan.Problem) {
		for _, p := range w.recordOf(group(2)).Problems {
			if p.Member == (directory.ID{}) {
				of = append(of, p)
			}
		}
		return of
	}
	if _, there := w.ad[group(2)]; there || len(w.ad) != 1 {
		t.Fatalf("without Exchange there are %v", w.ad)
	}
	if p := problems(); len(p) != 1 || p[0].Reason != rules.NoExchange || !strings.Contains(p[0].Text, "PrepareSchema") {
		t.Errorf("it waits by %+v", p)
	}

	w.exchange = corp()
	w.do(w.report(true, nil))
	shown, err := w.planner.Preview(t.Context())
	w.do(err)
	if i := slices.IndexFunc(shown.Changes, func(c plan.Change) bool { return c.Op == plan.Create && c.Group == group(2) }); i < 0 || !strings.Contains(shown.Changes[i].Loses, "by mail.route expand") {
		t.Errorf("the plan is %+v", shown.Changes)
	}
	if name := shown.Names[plan.GUIDRef(plan.GUID(w.exchange.Lists[0].GUID))]; name != "All Groups(VLV)" {
		t.Errorf("the list is called %q", name)
	}
	w.untilQuiet()
	had := w.ad[group(2)]
	if !slices.Equal(had.Attrs["mail"], []string{"team@corp.test"}) || len(had.Links[plan.ShownIn]) != 1 || len(problems()) > 0 {
		t.Errorf("with Exchange it is %+v; problems %+v", had, problems())
	}

	w.exchange = exchange.Site{}
	w.do(w.report(true, nil))
	w.do(w.tenant.SetProperty(group(2), "mail", "other@corp.test"))
	w.do(w.tenant.AddMember(group(2), user(9)))
	w.untilQuiet()
	if now := w.ad[group(2)]; !slices.Equal(now.Attrs["mail"], had.Attrs["mail"]) || !slices.Equal(now.Links[plan.ShownIn], had.Links[plan.ShownIn]) || len(now.Members()) != 9 || len(problems()) != 1 {
		t.Errorf("without Exchange again it is %+v; problems %+v", now, problems())
	}
	if len(w.removed) > 0 {
		t.Errorf("removed %v", w.removed)
	}
}
