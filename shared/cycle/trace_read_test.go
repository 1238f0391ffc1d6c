package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
)

// TestTwoVersionsOfRules: a host that was not updated does not undo what the new
// rules did, and an operator can go back on purpose.
func TestTwoVersionsOfRules(t *testing.T) {
	w := town(t)
	old := *w.planner.Rules
	newer := old
	newer.OU = "OU=Other,DC=corp,DC=test"
	w.planner.Rules = &newer
	w.untilQuiet()
	w.planner.Rules = &old
	err := w.turn()
	if err == nil || !strings.Contains(err.Error(), "were replaced by newer ones") || !strings.Contains(err.Error(), "raise their revision") {
		t.Errorf("the old rules: %v", err)
	}
	if got := w.ad[group(1)].Parent; got != newer.OU {
		t.Errorf("the group is in %s", got)
	}
	back := old
	back.Revision = 1
	w.planner.Rules = &back
	w.untilQuiet()
	if got := w.ad[group(1)].Parent; got != old.OU {
		t.Errorf("after going back the group is in %s", got)
	}
}

// TestOtherTenant: a planner that was pointed at another tenant reads nothing
// and writes nothing.
func TestOtherTenant(t *testing.T) {
	w := town(t)
	pages := w.source.pages
	w.planner.Tenant = "another"
	err := w.turn()
	if err == nil || err.Error() != "this journal is of tenant tenant, and this planner reads tenant another: correct the tenant id, or give the other tenant a target of its own" {
		t.Errorf("error is %v", err)
	}
	if w.source.pages != pages {
		t.Error("the other tenant was read")
	}
	w.planner.Tenant = "TENANT" // ids have no case
	w.untilQuiet()
}

// TestRemovedThenAdded: one page says that a member left, the next that it came
// again. Nothing is planned in between, whatever happens there.
func TestRemovedThenAdded(t *testing.T) {
	w := town(t)
	w.source.size = 1
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.tenant.AddMember(group(1), user(0)))
	w.do(w.tenant.Rename(group(4), "Later"))
	reads := 0
	w.source.edit = func(p *directory.Page) error {
		if p.Feed != directory.GroupFeed {
			return nil
		}
		reads++
		switch reads {
		case 1: // the removal alone
			p.Groups = []directory.GroupChange{{ID: group(1), Members: []directory.MemberChange{{ID: user(0), Kind: directory.User, Removed: true}}}}
		case 2:
			return errFault
		case 3:
			p.Groups = append(p.Groups, directory.GroupChange{ID: group(1), Members: []directory.MemberChange{{ID: user(0), Kind: directory.User}}})
		}
		return nil
	}
	if err := w.turn(); !errors.Is(err, errFault) {
		t.Fatalf("the broken round: %v", err)
	}
	if h := w.head(); !h.Main.Open || h.Plan != nil {
		t.Fatalf("after half a round: open %t, plan %v", h.Main.Open, h.Plan)
	}
	w.untilQuiet()
	if len(w.removed) != 0 || !w.in(group(1), 0) {
		t.Errorf("removed %v", w.removed)
	}
}

// TestEnumerationBeginsAgain: links expire in the middle of an enumeration. What
// had been read of it does not count, and nothing is planned from it.
func TestEnumerationBeginsAgain(t *testing.T) {
	for _, first := range []bool{true, false} {
		t.Run(fmt.Sprintf("first %t", first), func(t *testing.T) {
			w := newWorld(t)
			w.users(30)
			for i := range 12 {
				w.group(i, 0, 5)
			}
			if !first {
				w.untilQuiet()
				w.source.expired = true
			}
			w.source.size = 3
			reads := 0
			w.source.edit = func(p *directory.Page) error {
				if p.Feed == directory.GroupFeed && p.Next != "" {
					if reads++; reads == 2 {
						return directory.ErrResync
					}
				}
				return nil
			}
			w.untilQuiet()
			if reads < 5 || len(w.ad) != 12 || len(w.removed) != 0 || retired(w) != 0 {
				t.Errorf("%d pages of groups read, %d groups in the directory, %v removed, %d retired", reads, len(w.ad), w.removed, retired(w))
			}
		})
	}
}

// TestShadowBeginsEmpty: a group is read, the links are lost, and it is deleted before the
// enumeration begins again. What was read the first time does not keep it alive.
func TestShadowBeginsEmpty(t *testing.T) {
	w := newWorld(t)
	w.users(5)
	for i := range 4 {
		w.group(i, 0, 3)
	}
	w.untilQuiet()
	w.source.expired, w.source.size = true, 1
	seen, lost := false, false
	w.source.edit = func(p *directory.Page) error {
		if p.Feed != directory.GroupFeed || !w.source.whole || lost {
			return nil
		}
		if seen {
			lost = true
			w.do(w.tenant.HardDelete(group(0)))
			return directory.ErrResync
		}
		seen = slices.ContainsFunc(p.Groups, func(c directory.GroupChange) bool { return c.ID == group(0) })
		return nil
	}
	w.untilQuiet()
	w.later(2 * time.Minute)
	w.later(5 * time.Minute)
	if !lost || retired(w) != 1 {
		t.Errorf("links lost %t, %d groups no longer managed; want one", lost, retired(w))
	}
}

// TestNewProperties: rules want a property that Graph was never asked for. Until
// everything is read anew, it is not taken for cleared.
func TestNewProperties(t *testing.T) {
	w := town(t)
	w.planner.Select = "groups:mail"
	w.source.size = 50
	interrupted := false
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed && p.Next != "" && !interrupted {
			interrupted = true
			return errFault
		}
		return nil
	}
	w.do(w.tenant.Rename(group(3), "Renamed meanwhile"))
	w.leave(group(4), ref(0)) // which would be put right, if anything was
	w.do(w.report(true, nil))
	if err := w.turn(); !errors.Is(err, errFault) {
		t.Fatalf("the interrupted enumeration: %v", err)
	}
	if h := w.head(); h.Shadow == nil || h.Shadow.Select != w.planner.Select || h.Main.Select == w.planner.Select || h.Plan != nil {
		t.Fatalf("half-way: shadow %+v, main %q, plan %v", h.Shadow, h.Main.Select, h.Plan)
	}
	// And a third list before the second is read: that one begins anew.
	w.planner.Select = "groups:mail,info"
	w.untilQuiet()
	if h := w.head(); h.Shadow != nil || h.Main.Select != w.planner.Select || h.Main.Number != 2 {
		t.Errorf("at the end: shadow %+v, main %+v", h.Shadow, h.Main)
	}
	if len(w.removed) != 0 || w.ad[group(3)].Attrs["displayName"][0] != "Renamed meanwhile" {
		t.Errorf("removed %v, group 3 is %q", w.removed, w.ad[group(3)].Attrs["displayName"])
	}
}

// TestUsersPageLost: an enumeration of users leaves some out. They are members
// all the same: only the groups feed says who left.
func TestUsersPageLost(t *testing.T) {
	w := town(t)
	w.source.expired, w.source.size = true, 100
	lost := map[directory.ID]bool{}
	w.source.edit = func(p *directory.Page) error {
		if p.Feed == directory.UserFeed && len(lost) == 0 {
			for _, c := range p.Principals {
				lost[c.ID] = true
			}
			p.Principals = nil
		}
		return nil
	}
	w.untilQuiet()
	if len(lost) != 100 || len(w.removed) != 0 {
		t.Fatalf("%d users left out, removed %v", len(lost), w.removed)
	}
	if got := w.head().Totals.Problems["not-seen"]; got == 0 {
		t.Error("nobody is told of as not seen")
	}
	w.later(time.Hour) // they are asked for by id meanwhile
	w.later(time.Hour)
	if got := w.head().Totals.Problems["not-seen"]; got != 0 || len(w.removed) != 0 {
		t.Errorf("%d memberships are told of as not seen still; removed %v", got, w.removed)
	}
}

// TestGroupsPageLost: an enumeration leaves out one group, and some members of
// another. What it lacks is read once more, by name, before anything is concluded from
// it; what is gone indeed goes.
func TestGroupsPageLost(t *testing.T) {
	w := town(t)
	leaveOut := func(p *directory.Page) error {
		p.Groups = slices.DeleteFunc(p.Groups, func(c directory.GroupChange) bool { return c.ID == group(3) })
		for i := range p.Groups {
			if p.Groups[i].ID == group(2) {
				p.Groups[i].Members = p.Groups[i].Members[30:]
			}
		}
		return nil
	}
	w.source.edit = leaveOut
	w.source.expired = true
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	broken := 0
	w.source.again = func(*directory.Page) error {
		if broken++; broken == 1 {
			return errFault
		}
		return nil
	}
	w.untilQuiet()
	if h := w.head(); len(w.removed) != 0 || retired(w) != 0 || h.Totals.Unproven != 31 || h.Totals.Asks != 3 {
		t.Fatalf("without an answer %v are removed, %d groups no longer managed; %d members unproven, %d questions", w.removed, retired(w), h.Totals.Unproven, h.Totals.Asks)
	}
	w.source.edit = nil
	w.later(2 * time.Minute)
	if got := w.ad[group(1)].Name + " " + string(ref(0)); !slices.Equal(w.removed, []string{got}) || retired(w) != 0 {
		t.Errorf("removed %v, want %s; %d groups are no longer managed", w.removed, got, retired(w))
	}
	if w.source.reread != 6 {
		t.Errorf("%d groups were read by name, want three, twice", w.source.reread)
	}
	// What two reads lack is gone, and the limits are what is left.
	w.source.edit, w.source.again, w.source.expired = leaveOut, leaveOut, true
	w.removed = nil
	w.later(25 * time.Hour)
	w.later(5 * time.Minute)
	if len(w.removed) != 30 || retired(w) != 1 {
		t.Errorf("%d removed, %d groups no longer managed; want 30 and one", len(w.removed), retired(w))
	}
	// And when Graph lists it again, it is managed again, with the members that it has.
	w.source.edit, w.source.again = nil, nil
	w.later(25 * time.Hour)
	w.later(25 * time.Hour)
	if retired(w) != 0 || !w.in(group(3), 0) || len(w.removed) != 30 {
		t.Errorf("%d groups no longer managed, removed %d, the group has %v", retired(w), len(w.removed), w.ad[group(3)].Members())
	}
}

// TestCausesAfterEnumeration: who left before an enumeration or unseen by any
// delta left, and was no stranger.
func TestCausesAfterEnumeration(t *testing.T) {
	w := town(t)
	remove(w, group(1), 7)
	w.untilQuiet() // held
	w.source.expired = true
	w.do(w.tenant.RemoveMember(group(1), user(7)))
	w.untilQuiet()
	if h := w.holds(); len(h) != 1 || h[0].Count != 8 {
		t.Fatalf("holds %+v", h)
	}
	if got := listing(t, w, w.holds()[0]).Causes; len(got) != 1 || got["left the cloud group"] != 8 {
		t.Errorf("causes %v", got)
	}
}

// TestSIDChanges: an account is made anew on premises. The groups that hold it
// follow, though no group has changed.
func TestSIDChanges(t *testing.T) {
	w := town(t)
	w.do(w.tenant.SetProperty(user(1), "onPremisesSecurityIdentifier", string(ref(900))))
	w.untilQuiet()
	for _, g := range []directory.ID{group(1), group(2), group(3), group(4)} {
		if w.in(g, 1) || !w.in(g, 900) {
			t.Errorf("%s has %v", w.ad[g].Name, w.ad[g].Members())
		}
	}
}
