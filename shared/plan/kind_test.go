package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/plan"
)

// TestRevert: where one kind of change is refused, the account name goes with the name:
// it is taken and freed by the same rename. Half of that would leave a name that two want.
func TestRevert(t *testing.T) {
	observed := group(one, "old", ann)
	want := with(group(one, "new", bob), func(g *plan.Group) { g.Attrs["description"] = []string{"text"} })
	for refused, left := range map[plan.Kind][]plan.Kind{
		plan.Renaming: {plan.Removing, plan.Setting, plan.Adding},
		plan.Setting:  {plan.Renaming, plan.Removing, plan.Adding},
	} {
		rest := plan.Revert(want, observed, refused, plan.Member, nil)
		var kinds []plan.Kind
		for _, c := range plan.Diff(stateOf(*rest), stateOf(observed)) {
			kinds = append(kinds, c.Kind())
			if _, sam := c.Set["sAMAccountName"]; sam != (c.Kind() == plan.Renaming) {
				t.Errorf("without %s the account name is set by a %s: %t", refused, c.Kind(), sam)
			}
		}
		if diff := cmp.Diff(left, kinds); diff != "" {
			t.Errorf("without %s: -want +got:\n%s", refused, diff)
		}
	}
	if want.Name != "new" || want.Attrs["sAMAccountName"][0] != "new" {
		t.Errorf("the wish itself was changed: %+v", want)
	}
}

// TestWish: a refusal is of one wish. Another name, another place, another value is
// tried at once; who the members are has nothing to do with it.
func TestWish(t *testing.T) {
	c := plan.Change{Op: plan.Rename, Group: one, Parent: "OU=x", Name: "a", Set: map[string][]string{"sAMAccountName": {"a"}}}
	for what, change := range map[string]func(*plan.Change){
		"name":         func(c *plan.Change) { c.Name = "b" },
		"place":        func(c *plan.Change) { c.Parent = "OU=y" },
		"account name": func(c *plan.Change) { c.Set = map[string][]string{"sAMAccountName": {"b"}} },
		"kind":         func(c *plan.Change) { c.Op = plan.Create },
	} {
		other := c
		change(&other)
		if other.Wish() == c.Wish() {
			t.Errorf("another %s is the same wish", what)
		}
	}
	few := plan.Change{Op: plan.Update, Group: one, Add: []plan.Ref{ann}}
	more := plan.Change{Op: plan.Update, Group: one, Add: []plan.Ref{ann, bob}}
	if few.Wish() != more.Wish() {
		t.Error("one more member is another wish of the group as a whole")
	}
}

// TestStatusKnown: a newer agent's word for an outcome is none that we know.
func TestStatusKnown(t *testing.T) {
	for _, s := range []plan.Status{plan.Done, plan.Refused, plan.Skipped, plan.Unknown, plan.Fenced} {
		if !s.Known() {
			t.Errorf("%s is not known", s)
		}
	}
	if plan.Status("partly").Known() || plan.Status("").Known() {
		t.Error("a word that nobody has agreed on is known")
	}
}
