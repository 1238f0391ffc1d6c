package ad

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// add adds an object as an administrator, who may give it an account name.
func add(t testing.TB, dn, class, account string) {
	t.Helper()
	req := ldap.NewAddRequest(dn, nil)
	req.Attribute("objectClass", []string{class})
	if account != "" {
		req.Attribute("sAMAccountName", []string{account})
	}
	if err := admin(t).Add(req); err != nil {
		t.Fatalf("add %s: %v", dn, err)
	}
}

// TestTaken: whoever has a name of the change, whatever it is and wherever, is named, and is
// not touched. With the suffix there is a group then.
func TestTaken(t *testing.T) {
	d := newDomain(t)
	elsewhere := newOU(t, "elsewhere", d.Base)
	add(t, "CN=a user,"+d.Base, "user", "")
	add(t, "CN=a computer,"+d.Base, "computer", "")
	add(t, "CN=a group,"+d.Base, "group", "")
	add(t, "CN=a contact,"+d.Base, "contact", "")
	add(t, `CN=a\, b (c),`+d.Base, "group", "")
	add(t, "CN=far user,"+elsewhere, "user", "user name")
	add(t, "CN=far group,"+elsewhere, "group", "group name")
	ours := creation(t, d, 50, "ours")
	ours.Set["sAMAccountName"] = []string{"our name"}
	apply(t, d, 1, ours)
	for n, tt := range []struct {
		name, account string
		by            string
		ours          bool
	}{
		{"A user", "x1", "CN=a user," + d.Base, false},
		{"a computer", "x2", "CN=a computer," + d.Base, false},
		{"a group", "x3", "CN=a group," + d.Base, false},
		{"a contact", "x4", "CN=a contact," + d.Base, false},
		{"a, b (c)", "x5", `CN=a\, b (c),` + d.Base, false},
		{"x6", "User name", "CN=far user," + elsewhere, false},
		{"x7", "group name", "CN=far group," + elsewhere, false},
		{"OURS", "x8", "CN=ours," + d.Base, true},
		{"x9", "our name", "CN=ours," + d.Base, true},
	} {
		c := creation(t, d, n, tt.name)
		c.Set["sAMAccountName"] = []string{tt.account}
		taken := func(r plan.Result) {
			t.Helper()
			if r.Status != plan.Refused || r.Code != 68 || r.Taken == nil || !strings.EqualFold(r.Taken.By, tt.by) || r.Taken.Ours != tt.ours || !strings.Contains(r.Text, "is taken by "+r.Taken.By) {
				t.Errorf("%s, %s: %+v, %+v", tt.name, tt.account, r, r.Taken)
			}
		}
		quiet(t, func() { taken(outcome(t, d, 1, c)) })
		next := c
		next.Name, next.Set = plan.Suffixed(c.Name, c.Group), maps.Clone(c.Set)
		next.Set["sAMAccountName"] = []string{plan.Suffixed(tt.account, c.Group)}
		g := apply(t, d, 2, next).GUID
		taken(outcome(t, d, 3, plan.Change{Op: plan.Rename, Group: c.Group, GUID: g, Parent: c.Parent, Name: c.Name, Set: map[string][]string{"sAMAccountName": {tt.account}}}))
	}
}

// TestTakenByOU: in Active Directory an OU is in the way of a group of the same name. Samba
// lets both be: that who has the name is found is held here by asking for it.
func TestTakenByOU(t *testing.T) {
	d := newDomain(t)
	ou := newOU(t, "Sales", d.Base)
	w := &writer{Domain: d, change: creation(t, d, 0, "sales")}
	holder, found, err := w.holder(t.Context(), plan.JoinRDN("sales", d.Base))
	if err != nil || !found || holder.dn != ou {
		t.Errorf("%+v, %t, %v", holder, found, err)
	}
}

// TestTakenUnseen: the account does not see who has the name. A group that is there gets
// another one; but none is made, because the object may be the group itself.
func TestTakenUnseen(t *testing.T) {
	d := newDomain(t)
	hidden := newOU(t, "unseen", dc(t).Domain)
	add(t, "CN=somebody,"+hidden, "group", "unseen name")
	was := descriptor(t, hidden)
	setDescriptor(t, hidden, denying(was, dc(t).SIDs["svc-groupwriteback"], listChildren))
	defer setDescriptor(t, hidden, was)
	c := creation(t, d, 0, "x")
	c.Set["sAMAccountName"] = []string{"unseen name"}
	if r := outcome(t, d, 1, c); r.Status != plan.Refused || r.Code != 68 || r.Taken != nil || !strings.Contains(r.Text, "let it read that object") {
		t.Errorf("create: %+v", r)
	}
	g := create(t, d, 0, "x")
	r := outcome(t, d, 2, plan.Change{Op: plan.Rename, Group: id(t, 0), GUID: g, Parent: c.Parent, Name: "x", Set: map[string][]string{"sAMAccountName": {"unseen name"}}})
	if r.Status != plan.Refused || r.Taken == nil || r.Taken.By != "" {
		t.Errorf("rename: %+v", r)
	}
}

// TestNamesGoRound: what Diff makes of swaps, circles and chains of names is done by Active
// Directory in that order, and nobody is refused a name.
func TestNamesGoRound(t *testing.T) {
	d := newDomain(t)
	sub := newOU(t, "sub", d.Base)
	name := func(n string) string { return "round " + n }
	have := plan.State{}
	for n, at := range []string{"a", "b", "c", "d", "e", "f"} {
		c := creation(t, d, n, name(at))
		c.Set["sAMAccountName"] = []string{name(at)}
		g := plan.Apply(plan.Group{}, c)
		g.GUID = apply(t, d, 1, c).GUID
		have[g.ID] = g
	}
	want := plan.State{}
	for n, to := range []string{"b", "a", "d", "e", "c", "g"} { // a swap, a circle of three, one at the end
		g := have[id(t, n)].Clone()
		g.Name, g.Attrs["sAMAccountName"] = name(to), []string{name(to)}
		if n == 5 {
			g.Name = name("f") // it moves, and its account name alone is another
			g.Parent = plan.NormalDN(sub)
		}
		want[g.ID] = g
	}
	changes := plan.Diff(want, have)
	for i, c := range changes {
		apply(t, d, uint64(2+i), c)
	}
	for _, n := range slices.SortedFunc(maps.Keys(want), directory.ID.Compare) {
		if got := read(t, d, n).Group; got.Name != want[n].Name || got.Parent != want[n].Parent || got.Attrs["sAMAccountName"][0] != want[n].Attrs["sAMAccountName"][0] {
			t.Errorf("got %+v, want %+v", got, want[n])
		}
	}
	if len(changes) != 6+2 { // each circle has one that steps aside
		t.Errorf("%d changes: %+v", len(changes), changes)
	}
}

// TestTakenAsConstraint: a server holds what is to be unique to be a constraint. Who has the
// name is found; where the group has it itself, something else is wrong with the change.
func TestTakenAsConstraint(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	m := meddle(d)
	m.write = func(int, any, func() error) error { return ldapError(ldap.LDAPResultConstraintViolation) }
	for _, tt := range []struct{ account, by string }{
		{"user00003", "CN=user00003,"}, {plan.Mark(id(t, 0)), ""}, {"nobody has this", ""},
	} {
		r := outcome(t, d, 2, plan.Change{Op: plan.Rename, Group: id(t, 0), GUID: g, Parent: plan.NormalDN(d.Base), Name: "another", Set: map[string][]string{"sAMAccountName": {tt.account}}})
		if r.Status != plan.Refused || r.Code != 19 || (r.Taken != nil) != (tt.by != "") || r.Taken != nil && !strings.HasPrefix(r.Taken.By, tt.by) {
			t.Errorf("%s: %+v, %+v", tt.account, r, r.Taken)
		}
	}
}
