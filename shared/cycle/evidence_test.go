package cycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// The tests of this file are ways in which Graph's silence, or half of a word, once
// passed for somebody's leaving.

// blackout has Graph list no group at all: neither in an enumeration nor by name.
func (w *world) blackout() {
	nothing := func(p *directory.Page) error {
		if p.Feed == directory.GroupFeed {
			p.Groups = nil
		}
		return nil
	}
	w.source.edit, w.source.again, w.source.expired = nothing, nothing, true
}

// well has Graph tell the truth again.
func (w *world) well() {
	w.source.edit, w.source.again, w.source.describe = nil, nil, nil
}

// TestFirstWordAfterABlackout: all feeds have to be enumerated, and Graph names no
// group, by name neither. When it is well again, the first that it says of a group is
// one member: those who were there before have not left for that.
func TestFirstWordAfterABlackout(t *testing.T) {
	w := newWorld(t)
	w.users(60)
	for i := range 26 {
		w.group(i, 0, 4+i%6)
	}
	w.untilQuiet()
	w.blackout()
	w.later(time.Minute)
	w.later(2 * time.Minute)
	if h := w.holds(); len(h) != 1 || h[0].Guard != plan.Retirements {
		t.Fatalf("holds %+v, want one of all groups", h)
	}
	w.well()
	w.do(w.tenant.AddMember(group(0), user(50)))
	w.do(errors.Join(w.tenant.RemoveMember(group(5), user(3)), w.tenant.AddMember(group(5), user(3))))
	w.untilQuiet()
	for range 4 {
		w.later(24 * time.Hour)
	}
	if len(w.removed) != 0 || retired(w) != 0 || len(w.holds()) != 0 {
		t.Errorf("removed %v, %d groups no longer managed, holds %+v", w.removed, retired(w), w.holds())
	}
	if !w.in(group(0), 50) {
		t.Error("who joined is not in")
	}
}

// TestOneGroupOutOfSight: an enumeration and a reading by name leave one group out, and a
// small one that is below the limits: they are no longer managed, within the limits. With
// the next word of the cloud they are again, and have the members that they had.
func TestOneGroupOutOfSight(t *testing.T) {
	w := town(t)
	out := func(p *directory.Page) error {
		p.Groups = slices.DeleteFunc(p.Groups, func(c directory.GroupChange) bool { return c.ID == group(1) || c.ID == group(3) })
		return nil
	}
	w.source.edit, w.source.again, w.source.expired = out, out, true
	w.later(time.Minute)
	w.later(2 * time.Minute)
	if retired(w) != 2 {
		t.Fatalf("%d groups no longer managed, want two", retired(w))
	}
	w.well()
	w.do(errors.Join(w.tenant.AddMember(group(1), user(500)), w.tenant.AddMember(group(3), user(500))))
	w.later(time.Minute)
	w.later(2 * time.Minute)
	if len(w.removed) != 0 || retired(w) != 0 || !w.in(group(1), 500) || len(w.ad[group(1)].Members()) != 21 || len(w.ad[group(3)].Members()) != 4 {
		t.Errorf("removed %v, %d groups no longer managed, members %d and %d", w.removed, retired(w), len(w.ad[group(1)].Members()), len(w.ad[group(3)].Members()))
	}
}

// TestRestoredWithoutMembers: the item of a restored group names none of its members.
func TestRestoredWithoutMembers(t *testing.T) {
	w := town(t)
	w.do(w.tenant.SoftDelete(group(4)))
	w.untilQuiet()
	w.do(w.tenant.Restore(group(4)))
	w.source.edit = func(p *directory.Page) error {
		for i, c := range p.Groups {
			if c.ID == group(4) {
				p.Groups[i].Members = nil
			}
		}
		return nil
	}
	w.untilQuiet()
	if len(w.ad[group(4)].Members()) != 4 || w.source.reread == 0 {
		t.Errorf("members %v, %d groups were read by name", w.ad[group(4)].Members(), w.source.reread)
	}
}

// loseJournal begins a new journal on the same directory.
func (w *world) loseJournal() {
	w.store = blob.Memory()
	w.restart()
}

// TestJournalLostAndUsersLost: the journal is gone, and the first enumeration lacks some
// users: their SIDs in Active Directory are not those of strangers.
func TestJournalLostAndUsersLost(t *testing.T) {
	w := town(t)
	w.loseJournal()
	lost := map[directory.ID]bool{}
	for i := range 24 {
		lost[user(i)] = true
	}
	without := func(p *directory.Page) error {
		p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return lost[c.ID] })
		return nil
	}
	w.source.edit, w.source.describe = without, without
	for range 3 {
		w.later(time.Hour)
	}
	if len(w.removed) != 0 || len(w.holds()) != 0 {
		t.Fatalf("removed %v, holds %+v", w.removed, w.holds())
	}
	if w.source.described == 0 {
		t.Error("nobody was asked for by id")
	}
	w.source.edit, w.source.describe = nil, nil
	for range 4 { // some at a time
		w.later(24 * time.Hour)
	}
	if got := w.head().Totals; got.Asks != 0 || len(w.removed) != 0 {
		t.Errorf("%d questions are open, removed %v", got.Asks, w.removed)
	}
}

// TestJournalLostAndMembersLost: the journal is gone, and the first enumeration gives
// three groups without some members. Active Directory knows better: they are read by
// name, and again, because that is not what the enumeration said.
func TestJournalLostAndMembersLost(t *testing.T) {
	w := town(t)
	w.loseJournal()
	w.source.edit = func(p *directory.Page) error {
		for i := range p.Groups {
			p.Groups[i].Members = p.Groups[i].Members[len(p.Groups[i].Members)/2:]
		}
		return nil
	}
	w.untilQuiet()
	w.later(2 * time.Minute)
	if len(w.removed) != 0 || w.source.reread != 8 || w.head().Totals.Unproven != 0 {
		t.Errorf("removed %v, %d groups read by name, %d members unproven", w.removed, w.source.reread, w.head().Totals.Unproven)
	}
}

// TestStrangersAreProven: somebody puts a member into a group by hand. He goes after the
// group was read by name; the second one goes at once, also while Graph cannot be read.
func TestStrangersAreProven(t *testing.T) {
	w := town(t)
	w.stranger(group(2), ref(500))
	w.do(w.report(true, nil))
	w.source.again = func(*directory.Page) error { return errFault }
	w.untilQuiet()
	if len(w.removed) != 0 {
		t.Fatalf("removed without evidence: %v", w.removed)
	}
	w.source.again = nil
	w.later(5 * time.Minute)
	if len(w.removed) != 1 {
		t.Fatalf("removed %v, want the stranger", w.removed)
	}
	w.source.edit = func(*directory.Page) error { return errFault }
	w.stranger(group(2), ref(501))
	w.do(w.report(true, nil))
	for range 4 {
		if err := w.planner.Run(t.Context()); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		_, err := w.agent()
		w.do(err)
	}
	if len(w.removed) != 2 {
		t.Errorf("removed %v, want the second one too", w.removed)
	}
}

// TestNobodyDescribed: the users feed names nobody after it had to be enumerated anew.
// The enumeration does not count; users that join a group meanwhile are written when it
// does.
func TestNobodyDescribed(t *testing.T) {
	w := newWorld(t)
	w.users(30)
	w.group(1, 0, 20)
	w.untilQuiet()
	w.source.expired = true
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed {
			p.Principals = nil
		}
		return nil
	}
	w.do(w.tenant.AddMember(group(1), user(25)))
	for range 3 {
		if err := w.turn(); err == nil || !strings.Contains(err.Error(), "ended without a single user") {
			t.Fatalf("a turn without users: %v", err)
		}
		w.now = w.now.Add(time.Minute)
	}
	if h := w.head(); h.Main.Number != 1 || h.Shadow == nil {
		t.Fatalf("round %d, shadow %v", h.Main.Number, h.Shadow)
	}
	w.source.edit = nil
	w.untilQuiet()
	if !w.in(group(1), 25) || len(w.removed) != 0 {
		t.Errorf("members %v, removed %v", w.ad[group(1)].Members(), w.removed)
	}
}

// TestNeverDescribed: a user joins whom his feed never named. He is read by his id.
func TestNeverDescribed(t *testing.T) {
	w := town(t)
	w.source.edit = func(p *directory.Page) error {
		p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return c.ID == user(700) })
		return nil
	}
	w.do(w.tenant.AddUser(graphtest.User{ID: user(700), UPN: "late@corp.test", SID: directory.SID(ref(700))}))
	w.do(w.tenant.AddMember(group(1), user(700)))
	w.untilQuiet()
	if !w.in(group(1), 700) || w.source.described != 1 {
		t.Errorf("in %t, %d users read by id", w.in(group(1), 700), w.source.described)
	}
}

// TestHiddenForAWhile: a group's membership was hidden from the app and is not any more.
// It is read by name, and goes on.
func TestHiddenForAWhile(t *testing.T) {
	w := town(t)
	hidden := true
	w.source.edit = func(p *directory.Page) error {
		for i, c := range p.Groups {
			if c.ID == group(1) && hidden {
				p.Groups[i].Unread, p.Groups[i].Members = true, nil
				p.Groups[i].Set["visibility"] = []string{"HiddenMembership"}
			} else if c.ID == group(1) {
				p.Groups[i].Set["visibility"] = []string{"Private"}
			}
		}
		return nil
	}
	w.do(w.tenant.Rename(group(1), "Hidden"))
	w.untilQuiet()
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.untilQuiet()
	if len(w.removed) != 0 {
		t.Fatalf("removed %v from a hidden group", w.removed)
	}
	hidden = false
	w.do(w.tenant.Rename(group(1), "Seen again"))
	w.untilQuiet()
	w.later(2 * time.Minute)
	if w.in(group(1), 0) || len(w.removed) != 1 {
		t.Errorf("removed %v, want who left meanwhile", w.removed)
	}
}

// TestMemberIsGoneForGood: an account was deleted for good, and no delta of the groups
// told of it. They are read by name.
func TestMemberIsGoneForGood(t *testing.T) {
	w := town(t)
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.GroupFeed {
			p.Groups = nil
		}
		return nil
	}
	w.do(w.tenant.HardDelete(user(0)))
	w.untilQuiet()
	w.later(2 * time.Minute)
	w.later(5 * time.Minute)
	for _, g := range []directory.ID{group(1), group(2), group(3), group(4)} {
		if w.in(g, 0) {
			t.Errorf("%s still holds the account", w.ad[g].Name)
		}
	}
}

// TestNestedGroupLosesSID: a nested group that Active Directory masters loses its SID in
// the cloud, as users do when a filter of Connect goes wrong. It stays a member, and no
// second group is made in its place.
func TestNestedGroupLosesSID(t *testing.T) {
	w := newWorld(t)
	w.users(30)
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "AD master", Members: []directory.ID{user(1)},
		Props: map[string]any{"onPremisesSyncEnabled": true, "onPremisesSecurityIdentifier": domainSID + "-5005"}}))
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(1), DisplayName: "Parent", Members: []directory.ID{user(2), user(3), group(9)}}))
	w.untilQuiet()
	ref := plan.Ref(domainSID + "-5005")
	if !slices.Contains(w.ad[group(1)].Members(), ref) {
		t.Fatalf("set-up: %v", w.ad[group(1)].Members())
	}
	w.do(errors.Join(w.tenant.SetProperty(group(9), "onPremisesSyncEnabled", nil), w.tenant.SetProperty(group(9), "onPremisesSecurityIdentifier", nil)))
	w.source.edit = func(p *directory.Page) error { // the world's source has no nulls
		for i, c := range p.Groups {
			if c.ID == group(9) {
				p.Groups[i].Set["onPremisesSyncEnabled"], p.Groups[i].Set["onPremisesSecurityIdentifier"] = []string{}, []string{}
			}
		}
		return nil
	}
	w.untilQuiet()
	if !slices.Contains(w.ad[group(1)].Members(), ref) || len(w.removed) != 0 {
		t.Errorf("members %v, removed %v", w.ad[group(1)].Members(), w.removed)
	}
}

// TestLastSIDGivesNothingNew: an account that lost its SID keeps what it has. It becomes
// no member of another group by a SID that nobody vouches for.
func TestLastSIDGivesNothingNew(t *testing.T) {
	w := town(t)
	w.do(w.tenant.SetProperty(user(0), "onPremisesSecurityIdentifier", nil))
	w.source.edit = func(p *directory.Page) error {
		for i, c := range p.Principals {
			if c.ID == user(0) {
				p.Principals[i].Set["onPremisesSecurityIdentifier"] = []string{}
			}
		}
		return nil
	}
	w.group(7, 40, 42)
	w.do(w.tenant.AddMember(group(7), user(0)))
	w.untilQuiet()
	if !w.in(group(1), 0) || w.in(group(7), 0) {
		t.Errorf("in the old group %t, in the new one %t; want true and false", w.in(group(1), 0), w.in(group(7), 0))
	}
}
