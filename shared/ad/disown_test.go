package ad

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/plan"
)

// disowning is a change that lets group n of a test go.
func disowning(t testing.TB, n int, g plan.GUID) plan.Change {
	return plan.Change{Op: plan.Disown, Group: id(t, n), GUID: g, Set: map[string][]string{"info": {"let go by the cloud"}}}
}

// TestDisown: the group stays with all that it has, and is nobody's, until a create of the
// same cloud group takes it back.
func TestDisown(t *testing.T) {
	d := newDomain(t)
	d.Attrs = append(d.Attrs, "info")
	g, outer := create(t, d, 0, "group"), create(t, d, 1, "outer")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 1), GUID: outer, Add: []plan.Ref{plan.GroupRef(id(t, 0))}})
	before := read(t, d, id(t, 0))
	m := meddle(d)
	apply(t, d, 3, disowning(t, 0, g))
	if m.n != 1 {
		t.Errorf("%d writes", m.n)
	}
	quiet(t, func() { apply(t, d, 4, disowning(t, 0, g)) })

	ldif := dc(t).LDAPSearch(t, d.Base, "(cn=group)", "adminDescription", "adminDisplayName", external, "info", "member")
	for _, want := range []string{"adminDisplayName: gwb test released", "adminDescription: " + plan.Mark(id(t, 0)), external + ": " + plan.Mark(id(t, 0)), "info: let go by the cloud"} {
		if !strings.Contains(ldif, want) {
			t.Errorf("no %q in\n%s", want, ldif)
		}
	}
	if n := strings.Count(ldif, "member: "); n != 3 {
		t.Errorf("%d members in\n%s", n, ldif)
	}
	if rows := scan(t, d); len(rows) != 1 || !slices.Equal(rows[id(t, 1)].Group.Members(), []plan.Ref{plan.SIDRef(before.SID)}) {
		t.Errorf("a scan finds %+v", rows)
	}
	if row, found, err := d.Read(t.Context(), id(t, 0), g); found || err != nil {
		t.Errorf("read: %+v, %v", row, err)
	}
	if c, err := d.Census(t.Context()); err != nil || c.Owned != 1 || len(c.Others) != 0 {
		t.Errorf("counted %+v, %v", c, err)
	}
	quiet(t, func() {
		r := outcome(t, d, 5, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 4, 4)})
		if r.Status != plan.Refused || !strings.Contains(r.Text, "was let go") {
			t.Errorf("written to: %+v", r)
		}
		if r := outcome(t, d, 5, plan.Change{Op: plan.Update, Group: id(t, 0), Add: someUsers(t, 4, 4)}); r.Status != plan.Skipped {
			t.Errorf("written to by its mark: %+v", r)
		}
		// Its name is not free, and nobody of ours is to be moved away for it.
		if r := outcome(t, d, 5, creation(t, d, 2, "group")); r.Taken == nil || r.Taken.Ours {
			t.Errorf("its name: %+v", r)
		}
	})

	back := creation(t, d, 0, "back")
	if r := apply(t, d, 6, back); r.GUID != g {
		t.Errorf("got %+v", r)
	}
	got := read(t, d, id(t, 0))
	if got.SID != before.SID || got.Group.Name != "back" || got.Group.Attrs["info"] != nil || !slices.Equal(got.Group.Members(), before.Group.Members()) || got.Fence != fence(6).String() {
		t.Errorf("got %+v", got)
	}
}

// TestDisownRefused: what is not ours cannot be let go.
func TestDisownRefused(t *testing.T) {
	d := newDomain(t)
	g, foreign, newer := create(t, d, 0, "group"), create(t, d, 1, "foreign"), create(t, d, 2, "newer")
	modify(t, foreign, "adminDisplayName", "gwb elsewhere 1.1.1")
	modify(t, newer, "adminDisplayName", "gwb test 9.9.9")
	for name, test := range map[string]struct {
		c      plan.Change
		status plan.Status
		text   string
	}{
		"no GUID":              {disowning(t, 0, ""), plan.Refused, "by its GUID"},
		"another cloud group":  {disowning(t, 1, g), plan.Refused, ""},
		"another installation": {disowning(t, 1, foreign), plan.Refused, `belongs to installation "elsewhere"`},
		"a newer writer":       {disowning(t, 2, newer), plan.Fenced, "a newer writer"},
		"nobody":               {disowning(t, 0, "11111111-2222-4333-8444-555555555555"), plan.Refused, "is gone"},
	} {
		quiet(t, func() {
			if r := outcome(t, d, 5, test.c); r.Status != test.status || !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: got %+v", name, r)
			}
		})
	}
}

// TestTakenBackOrNot: whose the group is by now, and where, decides.
func TestTakenBackOrNot(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, disowning(t, 0, g))
	mail := creation(t, d, 0, "group")
	mail.Set["groupType"] = []string{"8"}
	d.More.GroupTypes = []string{"universal-distribution"}
	quiet(t, func() {
		if r := outcome(t, d, 3, mail); r.Status != plan.Refused || !strings.Contains(r.Text, "policy.quarantine") {
			t.Errorf("as a distribution group: got %+v", r)
		}
		other := *d
		other.Instance = "other"
		f := fence(3)
		f.Instance = "other"
		r, err := other.Apply(t.Context(), f, creation(t, d, 0, "group"))
		if err != nil || r.Status != plan.Refused || !strings.Contains(r.Text, `was let go by installation "test"`) || !strings.Contains(r.Text, `set its adminDisplayName to "gwb other 0.0.0" to hand it over`) {
			t.Errorf("by another installation: got %+v, %v", r, err)
		}
		narrow := *d
		narrow.Base = "OU=narrow," + d.Base
		c := creation(t, &narrow, 0, "group")
		if r := outcome(t, &narrow, 3, c); r.Status != plan.Refused || !strings.Contains(r.Text, "was let go and moved") {
			t.Errorf("outside of the base: got %+v", r)
		}
	})
	modify(t, g, "adminDisplayName", "mine")
	quiet(t, func() {
		if r := outcome(t, d, 3, creation(t, d, 0, "group")); r.Status != plan.Refused || r.Code != 68 {
			t.Errorf("a hand took it: got %+v", r)
		}
	})
	modify(t, g, "adminDisplayName", "gwb test released")
	noted := creation(t, d, 0, "group")
	noted.Set["info"] = []string{"again"}
	apply(t, d, 3, noted)
	if ldif := dc(t).LDAPSearch(t, d.Base, "(cn=group)", "info"); !strings.Contains(ldif, "info: again") {
		t.Errorf("the note is not the plan's:\n%s", ldif)
	}
}

// TestDisownRaces: a newer writer comes in before the fence is given up.
func TestDisownRaces(t *testing.T) {
	for _, test := range []struct {
		name, fence string
		status      plan.Status
	}{
		{"newer", "gwb test 1.9.1", plan.Fenced}, {"older", "gwb test 1.1.0", plan.Done}, {"a hand", "mine", plan.Refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDomain(t)
			g := create(t, d, 0, "group")
			meddle(d).write = func(n int, _ any, do func() error) error {
				if n == 1 {
					modify(t, g, "adminDisplayName", test.fence)
				}
				return do()
			}
			if r := outcome(t, d, 3, disowning(t, 0, g)); r.Status != test.status {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestQuarantine: the policy's word makes a security group a distribution group of the same
// reach. Back it may always.
func TestQuarantine(t *testing.T) {
	d := newDomain(t)
	d.More.GroupTypes = []string{"global-security"}
	g := create(t, d, 0, "group")
	reach := creation(t, d, 1, "global")
	reach.Set["groupType"] = []string{plan.GroupType("global-security")}
	global := apply(t, d, 1, reach).GUID
	d.More.GroupTypes = nil
	seq := uint64(2)
	turn := func(n int, g plan.GUID, word string, quarantine bool, want plan.Status, text string) {
		t.Helper()
		seq++
		d.More.Quarantine = quarantine
		r := outcome(t, d, seq, plan.Change{Op: plan.Update, Group: id(t, n), GUID: g, Set: map[string][]string{"groupType": {plan.GroupType(word)}}})
		if r.Status != want || !strings.Contains(r.Text, text) {
			t.Errorf("group %d to %s, policy %v: got %+v", n, word, quarantine, r)
		}
		if is := read(t, d, id(t, n)).Group.Attrs["groupType"][0]; (is == plan.GroupType(word)) != (want == plan.Done) {
			t.Errorf("group %d to %s, policy %v: it is %s", n, word, quarantine, is)
		}
	}
	turn(0, g, "universal-distribution", false, plan.Refused, "the agent's policy can allow it (policy.quarantine)")
	turn(0, g, "global-distribution", true, plan.Refused, "policy.group_types")
	turn(0, g, "universal-distribution", true, plan.Done, "")
	turn(0, g, "global-distribution", true, plan.Refused, "policy.group_types")
	turn(0, g, "global-security", true, plan.Refused, "the agent's policy can allow more (policy.group_types)")
	turn(0, g, "universal-security", false, plan.Done, "")
	turn(1, global, "global-distribution", true, plan.Done, "")
	turn(1, global, "global-security", false, plan.Done, "")
	seq++
	quiet(t, func() { // under another spelling of the attribute
		r := outcome(t, d, seq, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{"GROUPTYPE": {plan.GroupType("global-security")}}})
		if r.Status != plan.Refused || !strings.Contains(r.Text, "policy.group_types") {
			t.Errorf("got %+v", r)
		}
	})
	d.More.GroupTypes = []string{"universal-distribution"}
	turn(0, g, "universal-distribution", false, plan.Refused, "policy.quarantine")
	for _, op := range []plan.Op{plan.Rename, plan.Disown, plan.Create} { // by which a type may come along
		seq++
		c := plan.Change{Op: op, Group: id(t, 0), GUID: g, Name: "group", Parent: plan.NormalDN(d.Base), Set: map[string][]string{"groupType": {"8"}}}
		quiet(t, func() {
			if r := outcome(t, d, seq, c); r.Status != plan.Refused || !strings.Contains(r.Text, "policy.quarantine") {
				t.Errorf("%s: got %+v", op, r)
			}
		})
	}
	// Of a distribution group another reach takes nothing from anybody: the policy's kinds decide.
	turn(0, g, "universal-distribution", true, plan.Done, "")
	turn(0, g, "global-distribution", false, plan.Refused, "policy.group_types")
	d.More.GroupTypes = []string{"global-distribution"}
	turn(0, g, "global-distribution", false, plan.Done, "")
	turn(0, g, "universal-distribution", false, plan.Done, "")
	turn(0, g, "universal-security", false, plan.Done, "")
}
