package cycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// clashes is the directory's look for who else has what a change gives to a group.
func (w *world) clashes(g plan.Group, exists bool, c plan.Change) *plan.Result {
	if !exists {
		g.Attrs = nil
	}
	var found []plan.Clash
	for _, claim := range plan.NewClaims(c.Set, g.Attrs) {
		claim.By = w.mail[claim.Key()]
		for id, other := range w.ad {
			if id != c.Group && plan.Keys(plan.Claims(other.Attrs))[claim.Key()] {
				claim.By, claim.Ours = plan.JoinRDN(other.Name, other.Parent), true
			}
		}
		if claim.By != "" {
			found = append(found, claim)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &plan.Result{Status: plan.Refused, Text: "others have it", Clashes: found}
}

// mailing is a world whose groups have the addresses of the cloud.
func mailing(t *testing.T) *world {
	w := newWorld(t)
	w.file = "ou: " + ou + "\nscope: all\nattributes:\n  description: {property: description}\n  mailNickname: {property: mailNickname}\n  proxyAddresses: {property: proxyAddresses}\n"
	w.mail = map[string]string{}
	w.restart()
	return w
}

// address adds a group with an alias and addresses.
func (w *world) address(i int, alias string, addresses ...string) {
	w.t.Helper()
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(i), DisplayName: fmt.Sprintf("Group %d", i), Props: map[string]any{"mailNickname": alias, "proxyAddresses": addresses}}))
}

// addresses are what a group has in the directory, its alias first.
func (w *world) addresses(i int) string {
	g := w.ad[group(i)]
	return strings.Join(slices.Concat(g.Attrs["mailNickname"], g.Attrs["proxyAddresses"]), " ")
}

// clashing are the texts of a group's problems with addresses.
func (w *world) clashing(i int) (texts []string) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	w.do(v.Each(w.t.Context(), func(r *record.Group) error {
		for _, p := range r.Problems {
			if r.ID == group(i) && p.Reason == decision.AddressTaken {
				texts = append(texts, p.Text)
			}
		}
		return nil
	}))
	return texts
}

// TestAddressTaken: a group whose address somebody has comes at once, without it; who has
// it is told. It is asked for ever more rarely, at least once a day, and got when the other one
// has gone; everything else is written meanwhile.
func TestAddressTaken(t *testing.T) {
	w := mailing(t)
	w.mail["smtp:b@corp.test"], w.mail["alias=sales"] = "CN=Bob,DC=corp,DC=test", "CN=List,DC=corp,DC=test"
	refused := 0
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if w.clashes(w.ad[c.Group], w.ad[c.Group].ID == c.Group, c) != nil {
			refused++
		}
		return plan.Result{}, false
	}
	w.address(1, "sales", "SMTP:a@corp.test", "smtp:B@corp.test")
	w.untilQuiet()
	told := strings.Join(w.clashing(1), "; ")
	if got := w.addresses(1); got != "SMTP:a@corp.test" || refused != 1 || !strings.Contains(told, "smtp:B@corp.test is that of CN=Bob") || !strings.Contains(told, "mailNickname sales is that of CN=List") {
		t.Errorf("has %q after %d refusals; problems %q", got, refused, told)
	}
	if all := w.head().Totals; all.Parked+all.Changes > 0 || all.Problems[decision.AddressTaken] != 2 {
		t.Errorf("totals %+v", all)
	}
	for range 5 * 24 * 12 { // five days
		w.later(5 * time.Minute)
	}
	if refused < 5 || refused > 10 {
		t.Errorf("refused %d times in five days", refused)
	}
	w.do(w.tenant.SetProperty(group(1), "description", "d"))
	w.untilQuiet()
	if got := w.ad[group(1)].Attrs["description"]; len(got) != 1 {
		t.Error("another change waits for the address")
	}
	delete(w.mail, "smtp:b@corp.test")
	w.later(24 * time.Hour)
	if got := w.addresses(1); got != "SMTP:a@corp.test smtp:B@corp.test" || len(w.clashing(1)) != 1 {
		t.Errorf("one has gone: has %q; problems %q", got, w.clashing(1))
	}
	delete(w.mail, "alias=sales")
	w.later(24 * time.Hour)
	w.later(24 * time.Hour)
	if got := w.addresses(1); got != "sales SMTP:a@corp.test smtp:B@corp.test" || len(w.clashing(1)) != 0 {
		t.Errorf("both have gone: has %q; problems %q", got, w.clashing(1))
	}
}

// TestAddressAskedAgain: who says try again has a taken address asked for at once, and so do
// other grounds. Taken from the group in the cloud it is a problem no more.
func TestAddressAskedAgain(t *testing.T) {
	for name, say := range map[string]func(w *world){
		"retry": func(w *world) { w.do(w.journal.Ask(w.t.Context(), journal.Ask{Retry: true, By: "operator"})) },
		"retry of the group": func(w *world) {
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Retry: true, Groups: []directory.ID{group(1)}, By: "operator"}))
		},
		"other grounds": func(w *world) {
			w.grounds = "others"
			w.do(w.report(true, nil))
		},
	} {
		w := mailing(t)
		w.mail["smtp:b@corp.test"] = "CN=Bob,DC=corp,DC=test"
		w.address(1, "sales", "SMTP:a@corp.test", "smtp:b@corp.test")
		w.untilQuiet()
		delete(w.mail, "smtp:b@corp.test")
		w.later(time.Second)
		if got := w.addresses(1); got != "sales SMTP:a@corp.test" {
			t.Fatalf("set-up: has %q", got)
		}
		say(w)
		w.untilQuiet()
		if got := w.addresses(1); got != "sales SMTP:a@corp.test smtp:b@corp.test" || len(w.clashing(1)) > 0 {
			t.Errorf("%s: has %q; problems %q", name, got, w.clashing(1))
		}
	}
	w := mailing(t)
	w.mail["smtp:b@corp.test"] = "CN=Bob,DC=corp,DC=test"
	w.address(1, "sales", "SMTP:a@corp.test", "smtp:b@corp.test")
	w.untilQuiet()
	w.do(w.tenant.SetProperty(group(1), "proxyAddresses", []string{"SMTP:a@corp.test"}))
	w.untilQuiet()
	if got := w.clashing(1); len(got) > 0 {
		t.Errorf("nobody wants it any more: problems %q", got)
	}
}

// TestAddressesSwapped: two groups of ours swap an address in the cloud. Each has the other's
// for a minute or two, and then its own.
func TestAddressesSwapped(t *testing.T) {
	w := mailing(t)
	w.address(1, "one", "SMTP:a@corp.test", "smtp:x@corp.test")
	w.address(2, "two", "SMTP:b@corp.test", "smtp:y@corp.test")
	w.untilQuiet()
	w.do(w.tenant.SetProperty(group(1), "proxyAddresses", []string{"SMTP:b@corp.test", "smtp:y@corp.test"}))
	w.do(w.tenant.SetProperty(group(2), "proxyAddresses", []string{"SMTP:a@corp.test", "smtp:x@corp.test"}))
	w.untilQuiet()
	for range 2 {
		w.later(time.Minute)
	}
	if one, two := w.addresses(1), w.addresses(2); one != "one SMTP:b@corp.test smtp:y@corp.test" || two != "two SMTP:a@corp.test smtp:x@corp.test" || len(w.clashing(1))+len(w.clashing(2)) > 0 {
		t.Errorf("they have %q and %q; problems %q and %q", one, two, w.clashing(1), w.clashing(2))
	}
}

// TestClashesOfNothing: an agent that tells of clashes in what no rule has given to the group,
// or of all there is, has nothing taken out of it but that, and is not asked for ever.
func TestClashesOfNothing(t *testing.T) {
	w := mailing(t)
	refused := 0
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if c.Kind() != plan.Setting {
			return plan.Result{}, false
		}
		refused++
		return plan.Result{Status: plan.Refused, Text: "no", Clashes: []plan.Clash{{Attribute: "mail", Value: "nobody@corp.test"}, {Attribute: "displayName", Value: "Group 1"}, {}}}, true
	}
	w.address(1, "sales", "SMTP:a@corp.test")
	w.untilQuiet()
	w.do(w.tenant.SetProperty(group(1), "description", "d"))
	w.untilQuiet()
	if refused != 1 || w.head().Totals.Parked != 1 || len(w.clashing(1)) > 0 || w.addresses(1) != "sales SMTP:a@corp.test" {
		t.Errorf("refused %d times; totals %+v; problems %q; has %q", refused, w.head().Totals, w.clashing(1), w.addresses(1))
	}
}

// teamOf adds a Microsoft 365 group with addresses, of which the first is its own.
func (w *world) teamOf(i int, alias string, addresses ...string) {
	w.t.Helper()
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(i), DisplayName: fmt.Sprintf("Team %d", i), Props: map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "securityEnabled": false,
		"mail": addresses[0], "mailNickname": alias, "proxyAddresses": proxies(addresses)}}))
}

func proxies(addresses []string) (out []string) {
	for i, a := range addresses {
		out = append(out, []string{"SMTP:", "smtp:"}[min(i, 1)]+a)
	}
	return out
}

// TestTeamsSwapAddresses: groups with mail by the rules' own word swap all their addresses. Each
// gives up what is not its own any more, and has the other's after two minutes; what a
// stranger has one of them never gets, and comes without; of the alias it gets another.
func TestTeamsSwapAddresses(t *testing.T) {
	w := newWorld(t)
	w.file = "ou: " + ou + "\nscope: all\nkinds: {security: security, microsoft365: distribution}\nmail: {route: expand}\n"
	w.exchange, w.mail = corp(), map[string]string{"smtp:s@corp.test": "CN=Stranger", "alias=one": "CN=Alias"}
	w.restart()
	w.teamOf(1, "one", "a@corp.test", "a2@corp.test", "s@corp.test")
	w.teamOf(2, "two", "b@corp.test", "b2@corp.test")
	w.do(w.report(true, nil))
	w.untilQuiet()
	stands := func(when, one, two string) {
		t.Helper()
		for i, want := range map[int]string{1: one, 2: two} {
			g := w.ad[group(i)]
			if got := strings.Join(slices.Concat(g.Attrs["mail"], g.Attrs["mailNickname"], g.Attrs["proxyAddresses"]), " "); got != want {
				t.Errorf("%s: team %d has %q, want %q; problems %q", when, i, got, want, w.clashing(i))
			}
		}
	}
	stands("at first", "a@corp.test one-aa0d1cf1 SMTP:a@corp.test smtp:a2@corp.test", "b@corp.test two SMTP:b@corp.test smtp:b2@corp.test")
	for i, now := range map[int][]string{1: {"b@corp.test", "b2@corp.test", "s@corp.test"}, 2: {"a@corp.test", "a2@corp.test"}} {
		w.do(w.tenant.SetProperty(group(i), "mail", now[0]))
		w.do(w.tenant.SetProperty(group(i), "proxyAddresses", proxies(now)))
	}
	w.untilQuiet()
	for range 2 {
		w.later(time.Minute)
	}
	stands("swapped", "b@corp.test one-aa0d1cf1 SMTP:b@corp.test smtp:b2@corp.test", "a@corp.test two SMTP:a@corp.test smtp:a2@corp.test")
	if len(w.clashing(1)) != 2 || len(w.clashing(2)) != 0 {
		t.Errorf("problems %q and %q", w.clashing(1), w.clashing(2))
	}
}
