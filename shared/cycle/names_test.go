package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// alike are groups whose ids end in the same digits: of the same name, they want the same cn.
func alike(n int) directory.ID { return directory.ID{byte(n), 15: 0xaa} }

// namesakes is a settled world with groups that are called so, of which names follow the cloud.
func namesakes(t *testing.T, names ...string) *world {
	t.Helper()
	w := newWorld(t)
	for i, name := range names {
		w.do(w.tenant.AddGroup(graphtest.Group{ID: alike(1 + i), DisplayName: name}))
	}
	w.follow()
	w.untilQuiet()
	return w
}

// called is the cn of a group, without the digits that all have; its account name must be the same.
func (w *world) called(n int) string {
	w.t.Helper()
	g := w.ad[alike(n)]
	if sam := g.Attrs["sAMAccountName"]; len(sam) != 1 || sam[0] != g.Name {
		w.t.Errorf("cn %q, sAMAccountName %q", g.Name, sam)
	}
	return strings.TrimSuffix(g.Name, "_"+alike(n).String()[24:])
}

// collision is the text of a group's problem with its name; "" if there is none.
func (w *world) collision(n int) (text string) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	w.do(v.Each(w.t.Context(), func(r *record.Group) error {
		for _, p := range r.Problems {
			if r.ID == alike(n) && p.Reason == decision.NameTaken {
				text = p.Text
			}
		}
		return nil
	}))
	return text
}

// TestKeepsItsName: applications bind by name. Another one in the cloud changes displayName
// alone, also when all was forgotten in between, and when the group is made once more.
func TestKeepsItsName(t *testing.T) {
	w := newWorld(t)
	w.do(w.tenant.AddGroup(graphtest.Group{ID: alike(1), DisplayName: "Sales"}))
	w.untilQuiet()
	kept := func(when, display string) {
		t.Helper()
		if got := w.ad[alike(1)].Attrs["displayName"]; w.called(1) != "Sales" || len(got) != 1 || got[0] != display {
			t.Errorf("%s: called %q, displayName %q", when, w.called(1), got)
		}
	}
	w.do(w.tenant.Rename(alike(1), "Marketing"))
	w.untilQuiet()
	kept("renamed", "Marketing")
	w.now = w.now.Add(time.Hour)
	w.store = blob.Memory()
	w.restart()
	w.untilQuiet()
	kept("the journal was lost", "Marketing")
	delete(w.ad, alike(1))
	w.do(w.report(true, nil))
	w.later(time.Hour)
	kept("deleted by hand", "Marketing")
	w.follow().untilQuiet()
	if got := w.called(1); got != "Marketing" {
		t.Errorf("names follow from now on: called %q", got)
	}
}

// TestNameTakenByStranger: the group comes under another name at once, and keeps that when
// the stranger has gone. It is the stranger's until a person says otherwise.
func TestNameTakenByStranger(t *testing.T) {
	for what, name := range map[string]string{
		"its cn":                  "dn:cn=sales_" + alike(1).String()[24:] + "," + strings.ToLower(ou),
		"its sAMAccountName, far": "sam:sales_" + alike(1).String()[24:],
	} {
		w := newWorld(t)
		w.others[name] = "CN=Somebody,DC=corp,DC=test"
		w.do(w.tenant.AddGroup(graphtest.Group{ID: alike(1), DisplayName: "Sales"}))
		w.untilQuiet()
		suffixed := plan.Suffixed("Sales_"+alike(1).String()[24:], alike(1))
		check := func(when, want string, problem bool) {
			t.Helper()
			got := w.collision(1)
			if w.ad[alike(1)].Name != want || problem != (strings.Contains(got, "taken by CN=Somebody") && strings.Contains(got, suffixed)) {
				t.Errorf("%s, %s: called %q, problem %q", what, when, w.called(1), got)
			}
		}
		check("at once", suffixed, true)
		delete(w.others, name)
		w.later(100 * time.Hour)
		w.do(w.report(true, nil))
		w.untilQuiet()
		check("the stranger is gone", suffixed, true)
		g := w.ad[alike(1)].Clone()
		g.Name = "Sales_" + alike(1).String()[24:]
		g.Attrs["sAMAccountName"] = []string{g.Name}
		w.ad[alike(1)] = g
		w.do(w.report(true, nil))
		w.untilQuiet()
		check("a person gave it the name", g.Name, false)
	}
}

// TestNameTakenByOurs: two groups of the cloud want one name. One has it, the other has one of
// its own, and both stay so whatever is read anew.
func TestNameTakenByOurs(t *testing.T) {
	w := newWorld(t)
	w.do(errors.Join(w.tenant.AddGroup(graphtest.Group{ID: alike(1), DisplayName: "Sales"}), w.tenant.AddGroup(graphtest.Group{ID: alike(2), DisplayName: "Sales"})))
	w.untilQuiet()
	first, second := w.ad[alike(1)].Name, w.ad[alike(2)].Name
	if first != "Sales_"+alike(1).String()[24:] || second != plan.Suffixed(first, alike(2)) || !strings.Contains(w.collision(2), "taken by CN="+first) || w.collision(1) != "" {
		t.Errorf("called %q and %q; problems %q and %q", first, second, w.collision(1), w.collision(2))
	}
	w.store = blob.Memory()
	w.restart()
	w.later(time.Hour)
	w.later(24 * time.Hour)
	if w.ad[alike(1)].Name != first || w.ad[alike(2)].Name != second {
		t.Errorf("later: called %q and %q", w.ad[alike(1)].Name, w.ad[alike(2)].Name)
	}
}

// TestNamesGoRound: names are swapped and handed on in the cloud, and follow. Nobody gets a
// suffix.
func TestNamesGoRound(t *testing.T) {
	w := namesakes(t, "A", "B", "C", "D")
	for i, name := range []string{"B", "A", "D", "E"} {
		w.do(w.tenant.Rename(alike(1+i), name))
	}
	w.untilQuiet()
	for i, want := range []string{"B", "A", "D", "E"} {
		if got := w.called(1 + i); got != want || w.collision(1+i) != "" {
			t.Errorf("group %d is called %q, want %q; %s", 1+i, got, want, w.collision(1+i))
		}
	}
}

// TestNameIsFreedLater: who has the name is to leave it, and does so in a later plan. It is
// asked for once more before the group takes another one.
func TestNameIsFreedLater(t *testing.T) {
	for refusals, want := range map[int]string{1: "B", 99: "B_"} {
		w := namesakes(t, "A", "B")
		w.refuse = func(c plan.Change) (plan.Result, bool) {
			no := c.Group == alike(2) && c.Op == plan.Rename && refusals > 0
			if no {
				refusals--
			}
			return plan.Result{Status: plan.Refused, Code: 50, Text: "no right"}, no
		}
		w.do(errors.Join(w.tenant.Rename(alike(1), "B"), w.tenant.Rename(alike(2), "C")))
		w.untilQuiet()
		if w.called(1) != "A" || !strings.Contains(w.collision(1), "it is asked for again") {
			t.Fatalf("set-up: called %q, problem %q", w.called(1), w.collision(1))
		}
		w.later(6 * time.Minute)
		w.refuse = nil
		w.later(24 * time.Hour)
		if got := w.ad[alike(1)].Name; w.called(2) != "C" || !strings.HasPrefix(got, want) || (want == "B") != (w.called(1) == "B") || (want == "B") != (w.collision(1) == "") {
			t.Errorf("want %s: called %q and %q, problem %q", want, got, w.called(2), w.collision(1))
		}
	}
}

// TestNameTakenWhileAway: a group is renamed by hand, and a stranger takes its name. It gets
// neither back, but one of its own.
func TestNameTakenWhileAway(t *testing.T) {
	w := namesakes(t, "A")
	g := w.ad[alike(1)].Clone()
	for _, name := range plan.Names(g) {
		w.others[name] = "CN=Somebody,DC=corp,DC=test"
	}
	was := g.Name
	g.Name, g.Attrs["sAMAccountName"] = "By hand", []string{"By hand"}
	w.ad[alike(1)] = g
	w.do(w.report(true, nil))
	w.later(time.Minute)
	if got := w.ad[alike(1)].Name; got != plan.Suffixed(was, alike(1)) || w.collision(1) == "" {
		t.Errorf("called %q, problem %q", got, w.collision(1))
	}
}

// takeName has a stranger take a group's name, which is called otherwise by hand before. Of
// the last name that it may have it is left alone.
func (w *weatherWorld) takeName(id directory.ID) {
	g, is := w.ad[id]
	if !is || w.isLastName(g.Name) {
		return
	}
	for _, name := range plan.Names(g) {
		w.others[name] = "CN=Somebody"
	}
	w.next++
	g = g.Clone()
	g.Name = fmt.Sprintf("By hand %d", w.next)
	g.Attrs["sAMAccountName"] = []string{g.Name}
	w.ad[id] = g
}

// isLastName says whether a name is the last that some group may have.
func (w *weatherWorld) isLastName(name string) bool {
	for id := range w.ad {
		if name == plan.Suffixed(name, id) {
			return true
		}
	}
	return false
}

// swapNames swaps the names of two groups by hand.
func (w *weatherWorld) swapNames(one, other directory.ID) {
	if w.ad[one].ID != one || w.ad[other].ID != other || one == other {
		return
	}
	a, b := w.ad[one].Clone(), w.ad[other].Clone()
	a.Name, b.Name = b.Name, a.Name
	a.Attrs["sAMAccountName"], b.Attrs["sAMAccountName"] = b.Attrs["sAMAccountName"], a.Attrs["sAMAccountName"]
	w.ad[one], w.ad[other] = a, b
}

// distinct holds the names in the directory to what must be so of them, and, where names
// follow the cloud, to the cloud.
func (w *weatherWorld) distinct(id directory.ID, display string) {
	g := w.ad[id]
	if by := w.holder(g); by != nil {
		w.t.Errorf("two weeks later the name of %s is that of %s too", g.Name, by.By)
	}
	if sam := g.Attrs["sAMAccountName"]; len(sam) != 1 || sam[0] != g.Name || g.Name == plan.Mark(id) {
		w.t.Errorf("two weeks later %s has the account name %q", g.Name, sam)
	}
	if w.renames && !strings.HasPrefix(g.Name, display+"_") && !w.isGivenAway(id) {
		w.t.Errorf("two weeks later %s is called %s", display, g.Name)
	}
}

// isGivenAway says whether somebody has swapped a group's last name for that of a group which
// is given up, or which waits for the end of that itself: nothing is done to the former, and a person has to name all of them.
func (w *weatherWorld) isGivenAway(id directory.ID, waiting ...directory.ID) bool {
	for other, g := range w.ad {
		if other == id || slices.Contains(waiting, other) || g.Name != plan.Suffixed(g.Name, id) {
			continue
		}
		if plan.Retired(g) || w.isGivenAway(other, append(waiting, id)...) {
			return true
		}
	}
	return false
}
