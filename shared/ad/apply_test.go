package ad

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

func TestCreate(t *testing.T) {
	d := newDomain(t)
	for n, name := range []string{
		"plain", "Größe / Straße", `#1, "a" + b; <c>=\d`, " leading and trailing ", "a=b", "#", "日本 🙂",
	} {
		c := creation(t, d, n, name)
		g := apply(t, d, 1, c).GUID
		quiet(t, func() {
			if again := apply(t, d, 2, c).GUID; again != g {
				t.Errorf("%s: again made %s of %s", name, again, g)
			}
		})
		row := read(t, d, c.Group)
		want := plan.Apply(plan.Group{}, c)
		want.GUID = g
		if diff := cmp.Diff(want, row.Group); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if row.Fence != "gwb test 1.1.1" || row.USN == 0 {
			t.Errorf("%s: fence %q, USN %d", name, row.Fence, row.USN)
		}
	}
	ldif := dc(t).LDAPSearch(t, d.Base, "(cn=plain)", "adminDescription", external)
	for _, attr := range []string{"adminDescription", external} {
		if want := attr + ": " + plan.Mark(id(t, 0)); !strings.Contains(ldif, want) {
			t.Errorf("no %q in\n%s", want, ldif)
		}
	}
}

// TestCreateAfterCrash: the reply of an earlier try was lost, and since then the
// name in the plan has changed.
func TestCreateAfterCrash(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "before")
	c := creation(t, d, 0, "after")
	c.Set["description"] = []string{"new"}
	if r := apply(t, d, 2, c); r.GUID != g {
		t.Fatalf("made a twin: %s beside %s", r.GUID, g)
	}
	row := read(t, d, c.Group)
	if row.Group.Name != "after" || row.Group.Attrs["description"][0] != "new" || row.Fence != fence(2).String() {
		t.Errorf("not brought into line: %+v", row)
	}
}

// TestCreateAdoptsUnindexed: the group is from before the schema had the indexed mark.
func TestCreateAdoptsUnindexed(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "old")
	modify(t, g, external)
	if r := apply(t, d, 2, creation(t, d, 0, "old")); r.GUID != g {
		t.Fatalf("got %+v", r)
	}
	if out := dc(t).LDAPSearch(t, d.Base, "(cn=old)", external); !strings.Contains(out, plan.Mark(id(t, 0))) {
		t.Errorf("the indexed mark was not restored:\n%s", out)
	}
	modify(t, g, external)
	read(t, d, id(t, 0))
}

func TestCreateRefused(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "first")
	other := newOU(t, "other", d.Base)
	tests := []struct {
		name   string
		change func(*plan.Change)
		code   int
		text   string
	}{
		{"same DN", func(c *plan.Change) { c.Name = "FIRST" }, 68, "taken by CN=first,"},
		{"same sAMAccountName", func(c *plan.Change) { c.Parent = other; c.Set["sAMAccountName"] = []string{plan.Mark(id(t, 0))} }, 68, "taken by CN=first,"},
		{"a user's sAMAccountName", func(c *plan.Change) { c.Set["sAMAccountName"] = []string{"user00001"} }, 68, "taken by CN=user00001,"},
		{"no such container", func(c *plan.Change) { c.Parent = "OU=nowhere," + d.Base }, 32, "OU=nowhere," + d.Base + " does not exist"},
		{"outside of the base", func(c *plan.Change) { c.Parent = dc(t).Domain }, 0, "is not below"},
		{"outside by an escaped comma", func(c *plan.Change) { c.Parent = `OU=x\,` + d.Base }, 0, "is not below"},
		{"an attribute of rights", func(c *plan.Change) { c.Set["adminCount"] = []string{"1"} }, 0, "not set by a plan"},
		{"members", func(c *plan.Change) { c.Set["member"] = []string{"x"} }, 0, "not set by a plan"},
		{"another mark", func(c *plan.Change) { c.Set["adminDescription"] = []string{"Group_x"} }, 0, "ownership mark"},
	}
	for n, test := range tests {
		c := creation(t, d, n+1, test.name)
		test.change(&c)
		quiet(t, func() {
			r := outcome(t, d, 1, c)
			if r.Status != plan.Refused || r.Code != test.code || !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: got %+v", test.name, r)
			}
		})
	}
	// There is a group with our mark that somebody took away from us.
	modify(t, g, "adminDisplayName", "hands off")
	r := outcome(t, d, 1, creation(t, d, 0, "first"))
	if r.Code != 68 || !strings.Contains(r.Text, "bears the mark of cloud group") {
		t.Errorf("got %+v", r)
	}
}

func TestNoRights(t *testing.T) {
	d := newDomain(t)
	d.Base = newOU(t, "not delegated", dc(t).Domain)
	r := outcome(t, d, 1, creation(t, d, 0, "x"))
	if r.Status != plan.Refused || r.Code != 50 || !strings.Contains(r.Text, "'create and delete group objects' on "+d.Base) {
		t.Errorf("got %+v", r)
	}
}

func TestRename(t *testing.T) {
	d := newDomain(t)
	sub := newOU(t, `a\, b`, d.Base)
	g := create(t, d, 0, "name")
	create(t, d, 1, "taken")
	var seq uint64 = 1
	for _, to := range []struct{ name, parent, sam string }{
		{"NAME", d.Base, "name-1"},
		{`#x, "y"/ü`, d.Base, "name-2"},
		{"moved", sub, "name-2"},
		{"both", d.Base, "name-3"},
	} {
		seq++
		c := plan.Change{Op: plan.Rename, Group: id(t, 0), GUID: g, Name: to.name, Parent: plan.NormalDN(to.parent), Set: map[string][]string{"sAMAccountName": {to.sam}}}
		apply(t, d, seq, c)
		row := read(t, d, id(t, 0))
		if row.Group.Name != to.name || row.Group.Parent != c.Parent || row.Group.Attrs["sAMAccountName"][0] != to.sam || row.Fence != fence(seq).String() {
			t.Errorf("%+v: got %+v", to, row)
		}
		seq++
		quiet(t, func() { apply(t, d, seq, c) })
	}
	refused := func(name, parent, sam string, code int, text string) {
		t.Helper()
		seq++
		c := plan.Change{Op: plan.Rename, Group: id(t, 0), GUID: g, Name: name, Parent: parent, Set: map[string][]string{"sAMAccountName": {sam}}}
		if r := outcome(t, d, seq, c); r.Status != plan.Refused || r.Code != code || !strings.Contains(r.Text, text) {
			t.Errorf("got %+v", r)
		}
	}
	refused("taken", d.Base, "name-3", 68, "taken by CN=taken")
	refused("both", d.Base, "user00002", 68, "taken by CN=user00002")
	refused("both", "OU=none,"+d.Base, "name-3", 80, "does not exist: create it") // Active Directory says 32
	refused("both", dc(t).Domain, "name-3", 0, "is not below")
}

func TestUpdate(t *testing.T) {
	d := newDomain(t)
	g, child := create(t, d, 0, "group"), create(t, d, 1, "child, #2")
	nested := plan.GroupRef(id(t, 1))
	steps := []plan.Change{
		{Set: map[string][]string{"description": {"d"}, "displayName": nil}},
		{Add: someUsers(t, 1, 30)},
		{Add: []plan.Ref{nested}, Known: map[directory.ID]plan.GUID{id(t, 1): child}},
		{Remove: []plan.Ref{nested}},
		{Add: []plan.Ref{nested}}, // created earlier in the same plan: found by its mark
		{Remove: []plan.Ref{nested}, Known: map[directory.ID]plan.GUID{id(t, 1): ""}},
		{Add: []plan.Ref{nested}, Known: map[directory.ID]plan.GUID{id(t, 1): ""}},
		{Remove: []plan.Ref{nested}, Known: map[directory.ID]plan.GUID{id(t, 1): child}},
		{Set: map[string][]string{"description": nil}, Remove: someUsers(t, 3, 20), Add: someUsers(t, 40, 50)},
		{Add: []plan.Ref{plan.SIDRef(dc(t).SIDs["dev1"])}},
	}
	want := read(t, d, id(t, 0)).Group
	for i, c := range steps {
		c.Op, c.Group, c.GUID = plan.Update, id(t, 0), g
		d.Values = 7 // so that chunks do not come out even
		want = plan.Apply(want, c)
		seq := uint64(2 + 2*i)
		apply(t, d, seq, c)
		row := read(t, d, id(t, 0))
		if diff := cmp.Diff(want, row.Group); diff != "" {
			t.Fatalf("step %d (-want +got):\n%s", i, diff)
		}
		if row.Fence != fence(seq).String() {
			t.Errorf("step %d: fence %q", i, row.Fence)
		}
		quiet(t, func() { apply(t, d, seq+1, c) })
	}
}

// TestUpdateByMark: a group that the same plan creates has no GUID in the plan.
func TestUpdateByMark(t *testing.T) {
	d := newDomain(t)
	c := plan.Change{Op: plan.Update, Group: id(t, 0), Add: someUsers(t, 1, 2)}
	if r := outcome(t, d, 1, c); r.Status != plan.Skipped || !strings.Contains(r.Text, "no group stands for") {
		t.Errorf("got %+v", r)
	}
	create(t, d, 0, "late")
	apply(t, d, 1, c)
	if got := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(got, someUsers(t, 1, 2)) {
		t.Errorf("members are %v", got)
	}
}

func TestBadMembers(t *testing.T) {
	d := newDomain(t)
	d.Values = 16
	g := create(t, d, 0, "group")
	domain := string(d.Identity.Domain)
	guid := string(g)
	bad := map[plan.Ref]int{
		plan.Ref(domain + "-999999"):  53, // unknown; Active Directory may give another code
		plan.Ref(domain + "-999998"):  53,
		plan.Ref(domain + "-512"):     0, // Domain Admins
		"S-1-1-0":                     0, // Everyone
		"S-1-5-11":                    0, // Authenticated Users
		"S-1-5-32-545":                0,
		"S-1-5-21-1-2-3-1104":         0, // another forest
		"S-1-5-x":                     0,
		plan.GUIDRef(plan.GUID(guid)): 0,
		plan.GroupRef(id(t, 9)):       32,
	}
	add := slices.Concat(someUsers(t, 1, 40), slices.Collect(maps.Keys(bad)))
	slices.Sort(add)
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: add})
	if r.Status != plan.Done {
		t.Fatalf("got %+v", r)
	}
	got := map[plan.Ref]int{}
	for _, b := range r.Bad {
		got[b.Ref] = b.Code
		if b.Text == "" {
			t.Errorf("%s: no reason", b.Ref)
		}
	}
	if diff := cmp.Diff(bad, got); diff != "" {
		t.Errorf("bad members (-want +got):\n%s", diff)
	}
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 1, 40)) {
		t.Errorf("members are %v", members)
	}
}

// TestForeignGUID: the plan says that a group of ours is where Domain Admins is.
func TestForeignGUID(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	e, err := d.must(t.Context(), query{base: "CN=Domain Admins,CN=Users," + dc(t).Domain, attrs: []string{"objectGUID"}})
	if err != nil {
		t.Fatal(err)
	}
	admins, err := DecodeGUID(e.GetRawAttributeValue("objectGUID"))
	if err != nil {
		t.Fatal(err)
	}
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: []plan.Ref{plan.GroupRef(id(t, 1))}, Known: map[directory.ID]plan.GUID{id(t, 1): admins}})
	if len(r.Bad) != 1 || len(read(t, d, id(t, 0)).Group.Members()) != 0 {
		t.Errorf("got %+v", r)
	}
	// Nor by naming it among those to remove too, where the plan's word is enough.
	r = outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: []plan.Ref{plan.GroupRef(id(t, 1))}, Add: []plan.Ref{plan.GroupRef(id(t, 1))},
		Known: map[directory.ID]plan.GUID{id(t, 1): admins}})
	if len(r.Bad) != 1 || len(read(t, d, id(t, 0)).Group.Members()) != 0 {
		t.Errorf("removed and added: got %+v, %v", r, read(t, d, id(t, 0)).Group.Members())
	}
	// Nor is it touched itself, whatever marks it has.
	for attr, value := range map[string]string{"adminDescription": plan.Mark(id(t, 1)), "adminDisplayName": fence(1).String()} {
		modify(t, admins, attr, value)
		defer modify(t, admins, attr)
	}
	d.Base = dc(t).Domain
	r = outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 1), GUID: admins, Add: someUsers(t, 1, 1)})
	if r.Status != plan.Refused || !strings.Contains(r.Text, "never touched") {
		t.Errorf("got %+v", r)
	}
}

// TestRemoveStrangers: what an administrator put in by hand goes out, be it a
// kind of member that we would never add.
func TestRemoveStrangers(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	contact := ldap.NewAddRequest("CN=contact,"+d.Base, nil)
	contact.Attribute("objectClass", []string{"contact"})
	if err := admin(t).Add(contact); err != nil {
		t.Fatal(err)
	}
	modify(t, g, "member", "CN=contact,"+d.Base, "<SID=S-1-1-0>", "CN=Domain Users,CN=Users,"+dc(t).Domain)
	members := read(t, d, id(t, 0)).Group.Members()
	want := []plan.Ref{"S-1-1-0", plan.SIDRef(dc(t).SIDs["Domain Users"])}
	if len(members) != 3 || !slices.Equal(members[:2], want) || !strings.HasPrefix(string(members[2]), "guid:") {
		t.Fatalf("members are %v", members)
	}
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: members})
	if members := read(t, d, id(t, 0)).Group.Members(); len(members) != 0 {
		t.Errorf("members are %v", members)
	}
}

func TestAdminCount(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 3)})
	modify(t, g, "adminCount", "1")
	r := outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Remove: someUsers(t, 1, 1), Add: someUsers(t, 3, 4)})
	if len(r.Bad) != 1 || r.Bad[0].Ref != user(t, 4) || !strings.Contains(r.Bad[0].Text, "adminCount") {
		t.Errorf("got %+v", r)
	}
	if members := read(t, d, id(t, 0)).Group.Members(); !slices.Equal(members, someUsers(t, 2, 3)) {
		t.Errorf("members are %v", members)
	}
}

func TestOwnership(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 1)}
	refused := func(code int, text string) {
		t.Helper()
		if r := outcome(t, d, 5, c); r.Status != plan.Refused || r.Code != code || !strings.Contains(r.Text, text) {
			t.Errorf("got %+v", r)
		}
	}
	for _, test := range []struct{ attr, value, was, text string }{
		{"adminDescription", "Group_other", plan.Mark(id(t, 0)), "has lost our mark"},
		{"adminDisplayName", "gwb prod 1.1.1", fence(1).String(), `belongs to installation "prod"`},
		{"adminDisplayName", "hands off", fence(1).String(), "has lost our fence"},
	} {
		modify(t, g, test.attr, test.value)
		quiet(t, func() { refused(0, test.text) })
		modify(t, g, test.attr, test.was)
	}
	d.Base = newOU(t, "elsewhere", d.Base)
	refused(0, "is not below "+d.Base)
	if err := admin(t).Del(ldap.NewDelRequest(byGUID(g), nil)); err != nil {
		t.Fatal(err)
	}
	refused(32, "is gone")
	c.Add, c.Remove = nil, someUsers(t, 1, 1)
	refused(32, "is gone")
}

func TestFenced(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	c := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)}
	apply(t, d, 9, c)
	for _, stale := range []plan.Change{
		{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 3, 3)},
		c, // though nothing is left to do
		{Op: plan.Rename, Group: id(t, 0), GUID: g, Name: "stale", Parent: d.Base},
		{Op: plan.Create, Group: id(t, 0), Name: "stale", Parent: d.Base},
	} {
		quiet(t, func() {
			if r := outcome(t, d, 8, stale); r.Status != plan.Fenced || !strings.Contains(r.Text, `"gwb test 1.9.1"`) {
				t.Errorf("%s: got %+v", stale.Op, r)
			}
		})
	}
}

// TestStale: the slow agent has read the group, then the new one writes, then the
// slow one's write arrives. Active Directory itself must refuse it.
func TestStale(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	slow := &writer{Domain: d, fence: fence(1), change: plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 1)}}
	for _, seq := range []uint64{1, 2} { // mine is in place; mine is to come
		slow.fence = fence(seq)
		o, err := slow.target(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		apply(t, d, 10+seq, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: []plan.Ref{user(t, int(10+seq))}})
		member := ldap.Change{Operation: ldap.AddAttribute, Modification: ldap.PartialAttribute{Type: "member", Vals: []string{"<SID=" + string(user(t, 1)) + ">"}}}
		quiet(t, func() {
			if err := slow.modify(t.Context(), &o, member); code(err) != 16 && code(err) != 20 {
				t.Errorf("a stale write got %v", err)
			}
		})
		modify(t, g, "adminDisplayName", fence(1).String())
	}
}

// TestNoPlanOfOurs: what no planner of ours writes is refused before anything is asked.
func TestNoPlanOfOurs(t *testing.T) {
	d := newDomain(t)
	good := creation(t, d, 0, "x")
	for _, test := range []struct {
		name   string
		change func(*plan.Change)
		fence  plan.Fence
		text   string
	}{
		{"another operation", func(c *plan.Change) { c.Op = "burn" }, fence(1), "update the agent"},
		{"another instance", func(*plan.Change) {}, plan.Fence{Instance: "prod"}, `for instance "prod"`},
		{"no GUID", func(c *plan.Change) { c.Op, c.GUID = plan.Update, "x>;CN=y" }, fence(1), "encode GUID"},
	} {
		c := good
		test.change(&c)
		quiet(t, func() {
			r, err := d.Apply(t.Context(), test.fence, c)
			if err != nil || r.Status != plan.Refused || !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: got %+v, %v", test.name, r, err)
			}
		})
	}
}
