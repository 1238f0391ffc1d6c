package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// contactsWorld is one whose rules write contacts, with a group of two users and Ann.
func contactsWorld(t *testing.T) (w *world, ann directory.ID) {
	w = newWorld(t)
	w.file = "ou: " + ou + "\nscope: all\nmembers: {kinds: [users, devices, groups, contacts]}\n"
	w.restart()
	w.users(2)
	w.group(1, 0, 2)
	ann = graphtest.ID("ann")
	w.do(w.tenant.AddContact(graphtest.Contact{ID: ann, DisplayName: "Ann", Mail: "Ann@partner.example"}))
	w.do(w.tenant.AddMember(group(1), ann))
	w.untilQuiet()
	return w, ann
}

func (w *world) hasMembers(want ...plan.Ref) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.ad[group(1)].Members(); !slices.Equal(got, want) {
		w.t.Errorf("members %v, want %v", got, want)
	}
}

// TestContacts follows a contact through its life: it comes, has another address, loses it,
// and leaves.
func TestContacts(t *testing.T) {
	w, ann := contactsWorld(t)
	w.hasMembers(ref(0), ref(1), "mail:ann@partner.example")
	w.do(w.tenant.SetProperty(ann, "mail", "ann.lee@partner.example"))
	w.untilQuiet()
	w.hasMembers(ref(0), ref(1), "mail:ann.lee@partner.example")
	w.do(w.tenant.SetProperty(ann, "mail", nil))
	w.untilQuiet()
	w.hasMembers(ref(0), ref(1), "mail:ann.lee@partner.example")
	w.do(w.tenant.RemoveMember(group(1), ann))
	w.untilQuiet()
	w.hasMembers(ref(0), ref(1))
}

// TestStrangersAmongContacts: who has no SID, and by whose address no member of the cloud is
// known, is a stranger only while every contact of the cloud stands there by its own.
func TestStrangersAmongContacts(t *testing.T) {
	const other, nobody = plan.Ref("mail:other@partner.example"), plan.Ref("guid:00000000-0000-0000-0000-000000000007")
	w, ann := contactsWorld(t)
	w.stranger(group(1), other)
	w.stranger(group(1), nobody)
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.hasMembers(ref(0), ref(1), "mail:ann@partner.example")

	bob := graphtest.ID("bob")
	w.do(w.tenant.AddContact(graphtest.Contact{ID: bob, DisplayName: "Bob"}))
	w.do(w.tenant.AddMember(group(1), bob)) // and perhaps he is one of them
	w.stranger(group(1), other)
	w.stranger(group(1), nobody)
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.hasMembers(ref(0), ref(1), "mail:ann@partner.example", other, nobody)

	w.do(w.tenant.RemoveMember(group(1), bob))
	w.later(48 * time.Hour)
	w.hasMembers(ref(0), ref(1), "mail:ann@partner.example")

	// Active Directory knows no contact by Ann's new address: she may stand there by another one.
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if !slices.Contains(c.Add, "mail:lee@partner.example") {
			return plan.Result{}, false
		}
		return plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: "mail:lee@partner.example", Code: 32, Text: "no contact of the domain has this address"}}}, true
	}
	w.do(w.tenant.SetProperty(ann, "mail", "lee@partner.example"))
	w.stranger(group(1), nobody)
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.hasMembers(ref(0), ref(1), nobody)
}

// TestContactsAreNotAskedFor: rules that do not write contacts do not read them, and take
// none out.
func TestContactsAreNotAskedFor(t *testing.T) {
	w, ann := contactsWorld(t)
	w.file = "ou: " + ou + "\nscope: all\n"
	w.restart()
	w.planner.Select = "other"
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.ContactFeed {
			return errOutage
		}
		return nil
	}
	w.do(w.tenant.SetProperty(ann, "mail", "other@partner.example"))
	w.later(time.Hour)
	w.later(48 * time.Hour)
	w.hasMembers(ref(0), ref(1), "mail:ann@partner.example")
}

// TestContactsFeedFails: a feed of contacts that cannot be read holds back nobody else.
func TestContactsFeedFails(t *testing.T) {
	w, _ := contactsWorld(t)
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.ContactFeed {
			return errOutage
		}
		return nil
	}
	w.do(w.tenant.RemoveMember(group(1), user(1)))
	failed := 0
	for range 5 {
		if err := w.planner.Run(t.Context()); err != nil {
			failed++
		}
		_, err := w.agent()
		w.do(err)
	}
	if failed == 0 {
		t.Error("nobody is told that the contacts cannot be read")
	}
	w.hasMembers(ref(0), "mail:ann@partner.example")
}
