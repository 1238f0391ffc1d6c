package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// ownersWorld is one whose rules write owners, with a group of two users that a third owns.
func ownersWorld(t *testing.T) *world {
	w := newWorld(t)
	w.file = "ou: " + ou + "\nscope: all\nowners: managed_by\n"
	w.source.owners = true
	w.restart()
	w.users(5)
	w.group(1, 0, 2)
	w.do(w.tenant.AddOwner(group(1), user(2)))
	w.untilQuiet()
	w.managedBy(ref(2))
	return w
}

// managedBy asks who manages group 1, and that its members are the two whom it has.
func (w *world) managedBy(want ...plan.Ref) {
	w.t.Helper()
	g := w.ad[group(1)]
	if got := g.Links[plan.ManagedBy]; !slices.Equal(got, want) {
		w.t.Errorf("managed by %v, want %v", got, want)
	}
	if !slices.Equal(g.Members(), []plan.Ref{ref(0), ref(1)}) {
		w.t.Errorf("members %v", g.Members())
	}
}

// TestOwners: who manages a group follows who owns it, and nobody's hand.
func TestOwners(t *testing.T) {
	w := ownersWorld(t)
	w.do(w.tenant.AddOwner(group(1), user(3)))
	w.untilQuiet()
	w.managedBy(ref(2)) // who stands there goes on

	w.do(w.tenant.SetProperty(user(2), "onPremisesSecurityIdentifier", string(ref(7))))
	w.untilQuiet()
	if got := w.ad[group(1)].Links[plan.ManagedBy]; len(got) != 1 || got[0] == ref(2) {
		t.Errorf("managed by %v, whose account has another SID", got)
	}
	w.do(w.tenant.RemoveOwner(group(1), user(2)))
	w.untilQuiet()
	w.managedBy(ref(3))

	g := w.ad[group(1)].Clone()
	g.Links = g.Links.With(plan.ManagedBy, []plan.Ref{ref(4)})
	w.ad[group(1)] = g
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.managedBy(ref(3))

	w.do(w.tenant.RemoveOwner(group(1), user(3)))
	w.untilQuiet()
	w.managedBy()
}

// TestOwnersUnknown: while it is not known who all the owners are, who manages the group is
// left as it is; the group is asked for by name, and then it is known.
func TestOwnersUnknown(t *testing.T) {
	w := ownersWorld(t)
	w.source.edit = func(p *directory.Page) error {
		for i := range p.Groups {
			p.Groups[i].Owners, p.Groups[i].OwnersTold = nil, false // they could not be read
		}
		return nil
	}
	w.source.again = func(*directory.Page) error { return errOutage }
	w.do(w.tenant.AddOwner(group(1), user(3)))
	w.do(w.tenant.RemoveOwner(group(1), user(2)))
	w.untilQuiet()
	w.managedBy(ref(2))
	w.source.edit, w.source.again = nil, nil
	for range 5 { // two readings have to agree
		w.later(10 * time.Minute)
	}
	w.managedBy(ref(3))
}

// TestOwnersOfARestoredGroup: a group that comes back without a word on its owners has not
// lost them.
func TestOwnersOfARestoredGroup(t *testing.T) {
	w := ownersWorld(t)
	w.source.bare = true
	w.do(w.tenant.SoftDelete(group(1)))
	w.untilQuiet()
	w.source.again = func(*directory.Page) error { return errOutage }
	w.do(w.tenant.Restore(group(1)))
	w.untilQuiet()
	w.managedBy(ref(2))
	w.source.again = nil
	w.do(w.tenant.AddOwner(group(1), user(3)))
	w.do(w.tenant.RemoveOwner(group(1), user(2)))
	for range 5 {
		w.later(10 * time.Minute)
	}
	w.managedBy(ref(3))
}

// TestOwnerNobodyDescribed: an owner of whom the feed of users has not told is asked for by id,
// and until then who manages the group is left as it is.
func TestOwnerNobodyDescribed(t *testing.T) {
	w := ownersWorld(t)
	late := graphtest.ID("late")
	w.source.edit = func(p *directory.Page) error {
		p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return c.ID == late })
		return nil
	}
	w.source.describe = func(*directory.Page) error { return errOutage }
	w.do(w.tenant.AddUser(graphtest.User{ID: late, UPN: "late@corp.test", SID: directory.SID(ref(9))}))
	w.do(w.tenant.AddOwner(group(1), late))
	w.do(w.tenant.RemoveOwner(group(1), user(2)))
	w.untilQuiet()
	w.managedBy(ref(2))
	w.source.describe = nil
	w.later(time.Hour)
	w.managedBy(ref(9))
}
