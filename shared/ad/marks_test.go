package ad

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

func move(t testing.TB, g plan.GUID, name, to string) {
	t.Helper()
	res, err := admin(t).Search(ldap.NewSearchRequest(byGUID(g), ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"cn"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := admin(t).ModifyDN(ldap.NewModifyDNRequest(res.Entries[0].DN, "CN="+name, true, to)); err != nil {
		t.Fatal(err)
	}
}

// stranger makes a group of another product, elsewhere in the domain.
func stranger(t testing.TB, parent, name string, attrs map[string]string) plan.GUID {
	t.Helper()
	req := ldap.NewAddRequest("CN="+name+","+parent, nil)
	req.Attribute("objectClass", []string{"group"})
	for attr, value := range attrs {
		req.Attribute(attr, []string{value})
	}
	if err := admin(t).Add(req); err != nil {
		t.Fatal(err)
	}
	res, err := admin(t).Search(ldap.NewSearchRequest("CN="+name+","+parent, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"objectGUID"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	g, err := DecodeGUID(res.Entries[0].GetRawAttributeValue("objectGUID"))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestOutOfSight: what people do to a group of ours takes it out of our sight, and it is
// there all the same. It is found and told of by case; no second group is made for its
// cloud group, under whatever name; and who does what the text says has it managed again.
func TestOutOfSight(t *testing.T) {
	for _, test := range []struct {
		name  string
		harm  func(t *testing.T, d *Domain, g plan.GUID, elsewhere string)
		cases [2]string // by its GUID too, and by its marks alone; "" where it is ours still
		texts []string  // of the first
		not   string
		heal  func(t *testing.T, d *Domain, g plan.GUID)
	}{
		{"moved out of the base", func(t *testing.T, _ *Domain, g plan.GUID, to string) { move(t, g, "group", to) },
			[2]string{plan.TroubleOutside, plan.TroubleOutside}, []string{"move it back below BASE, or make the agent's base wider"}, "adminDisplayName",
			func(t *testing.T, d *Domain, g plan.GUID) { move(t, g, "group", d.Base) }},
		{"mark cleared", func(t *testing.T, _ *Domain, g plan.GUID, _ string) { modify(t, g, "adminDescription") },
			[2]string{plan.TroubleUnmarked, plan.TroubleUnmarked}, []string{"set its adminDescription to MARK to have it managed again", "or, to let it go, clear adminDisplayName and msDS-ExternalDirectoryObjectId too"}, "rename",
			func(t *testing.T, _ *Domain, g plan.GUID) { modify(t, g, "adminDescription", plan.Mark(id(t, 0))) }},
		{"another mark", func(t *testing.T, _ *Domain, g plan.GUID, _ string) { modify(t, g, "adminDescription", "my group") },
			[2]string{plan.TroubleUnmarked, plan.TroubleUnmarked}, []string{`its adminDescription is "my group"`}, "rename",
			func(t *testing.T, _ *Domain, g plan.GUID) { modify(t, g, "adminDescription", plan.Mark(id(t, 0))) }},
		{"fence cleared", func(t *testing.T, _ *Domain, g plan.GUID, _ string) { modify(t, g, "adminDisplayName") },
			[2]string{plan.TroubleUnfenced, plan.TroubleForeign}, []string{`if nothing else writes to this group, set its adminDisplayName to "gwb test 0.0.0"`}, "rename",
			func(t *testing.T, _ *Domain, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 0.0.0") }},
		{"fence of another installation", func(t *testing.T, _ *Domain, g plan.GUID, _ string) {
			modify(t, g, "adminDisplayName", "gwb prod 3.2.1")
		},
			[2]string{plan.TroubleForeign, plan.TroubleForeign}, []string{`belongs to installation "prod"`, "leave it there"}, "set its",
			func(t *testing.T, _ *Domain, g plan.GUID) { modify(t, g, "adminDisplayName", "gwb test 0.0.0") }},
		{"all at once", func(t *testing.T, _ *Domain, g plan.GUID, to string) {
			modify(t, g, "adminDescription")
			modify(t, g, "adminDisplayName")
			move(t, g, "group", to)
		}, [2]string{plan.TroubleUnfenced, plan.TroubleForeign}, []string{`set its adminDisplayName to "gwb test 0.0.0" and set its adminDescription to MARK and move it below BASE`}, "rename",
			func(t *testing.T, d *Domain, g plan.GUID) {
				modify(t, g, "adminDescription", plan.Mark(id(t, 0)))
				modify(t, g, "adminDisplayName", "gwb test 0.0.0")
				move(t, g, "group", d.Base)
			}},
		{"the indexed mark cleared", func(t *testing.T, _ *Domain, g plan.GUID, _ string) { modify(t, g, external) }, [2]string{}, nil, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDomain(t)
			elsewhere := newOU(t, "elsewhere "+test.name, dc(t).Domain)
			g := create(t, d, 0, "group")
			apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 2)})
			test.harm(t, d, g, elsewhere)
			for i, last := range []plan.GUID{g, ""} {
				row, found, err := d.Read(t.Context(), id(t, 0), last)
				if err != nil || !found || row.Group.GUID != g || row.SID == "" || len(row.Group.Members()) != 2 {
					t.Fatalf("read: %+v, %v, %v", row, found, err)
				}
				if row.Trouble == nil {
					row.Trouble = &plan.Trouble{}
				}
				if row.Trouble.Case != test.cases[i] {
					t.Errorf("case %q, want %q: %s", row.Trouble.Case, test.cases[i], row.Trouble.Text)
				}
				text := strings.NewReplacer(d.Base, "BASE", plan.Mark(id(t, 0)), "MARK").Replace(row.Trouble.Text)
				for _, want := range test.texts {
					if i == 0 && !strings.Contains(text, want) || test.not != "" && strings.Contains(text, test.not) && i == 0 {
						t.Errorf("text %q, want %q and no %q", text, want, test.not)
					}
				}
			}
			if test.heal != nil {
				quiet(t, func() {
					c := creation(t, d, 0, "another name")
					c.Set["sAMAccountName"] = []string{"another " + c.Group.String()}
					if r := outcome(t, d, 3, c); r.Status != plan.Refused || !strings.Contains(r.Text, "there is a group already: ") {
						t.Errorf("create: got %+v", r)
					}
				})
				test.heal(t, d, g)
			}
			if r := apply(t, d, 3, creation(t, d, 0, "group")); r.GUID != g {
				t.Errorf("made %s beside %s", r.GUID, g)
			}
			if row := read(t, d, id(t, 0)); row.Trouble != nil || len(scan(t, d)) != 1 {
				t.Errorf("not managed again: %+v", row)
			}
		})
	}
}

// TestNoSecondGroup: Cloud Sync has a group for the cloud group, under another name and in
// another place. One anchor, one group: ours is not made beside it.
func TestNoSecondGroup(t *testing.T) {
	d := newDomain(t)
	elsewhere := newOU(t, "Cloud Sync", dc(t).Domain)
	for n, attr := range []string{external, "adminDescription"} {
		create(t, d, 10+n, "before "+attr) // so that the list of who bears which mark is there
		stranger(t, elsewhere, attr, map[string]string{attr: plan.Mark(id(t, n))})
		quiet(t, func() {
			r := outcome(t, d, 1, creation(t, d, n, attr))
			if r.Status != plan.Refused || r.Code != 68 || !strings.Contains(r.Text, "CN="+attr+","+elsewhere) || !strings.Contains(r.Text, "Entra Cloud Sync") {
				t.Errorf("%s: got %+v", attr, r)
			}
		})
		if row := read(t, d, id(t, n)); row.Trouble == nil || row.Trouble.Case != plan.TroubleForeign {
			t.Errorf("%s: %+v", attr, row)
		}
	}
}

// TestLetGo: an administrator takes everything of ours off a group. It is nobody's then,
// and another one is made when the cloud wants it.
func TestLetGo(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	for _, attr := range []string{"adminDescription", external, "adminDisplayName"} {
		if _, found, err := d.Read(t.Context(), id(t, 0), g); !found || err != nil {
			t.Errorf("before %s: %v, %v", attr, found, err)
		}
		modify(t, g, attr)
	}
	if row, found, err := d.Read(t.Context(), id(t, 0), g); found || err != nil {
		t.Errorf("got %+v, %v, %v", row, found, err)
	}
	r := outcome(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: someUsers(t, 1, 1)})
	if r.Status != plan.Refused {
		t.Errorf("wrote to it: %+v", r)
	}
	c := creation(t, d, 0, "another")
	c.Set["sAMAccountName"] = []string{"another " + c.Group.String()}
	if r := apply(t, d, 2, c); r.GUID == g {
		t.Error("took it back")
	}
}

// TestWithoutIndexedMark: the schema has one mark only. A group that lost it is known by
// its GUID, or by nothing but its fence and its name: that it is in the way is told with
// the right remedy.
func TestWithoutIndexedMark(t *testing.T) {
	d := newDomain(t)
	d.Identity.External = false
	g := create(t, d, 0, "group")
	if row := read(t, d, id(t, 0)); row.Trouble != nil || row.Group.GUID != g {
		t.Errorf("got %+v", row)
	}
	modify(t, g, "adminDescription")
	if row, found, err := d.Read(t.Context(), id(t, 0), g); err != nil || !found || row.Trouble == nil || row.Trouble.Case != plan.TroubleUnmarked {
		t.Errorf("got %+v, %v, %v", row, found, err)
	}
	r := outcome(t, d, 2, creation(t, d, 0, "group"))
	if r.Code != 68 || r.Taken != nil || !strings.Contains(r.Text, "bears our fence") || !strings.Contains(r.Text, "set its adminDescription to "+plan.Mark(id(t, 0))) {
		t.Errorf("got %+v", r)
	}
}

// TestUnreadable: the account may not read the group any more. It is there, and nobody
// takes it for gone.
func TestUnreadable(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	create(t, d, 1, "other")
	dn := "CN=group," + d.Base
	setDescriptor(t, dn, denying(descriptor(t, dn), dc(t).SIDs["svc-groupwriteback"], 0x10))
	row, found, err := d.Read(t.Context(), id(t, 0), g)
	if err != nil || !found || row.Trouble == nil || row.Trouble.Case != plan.TroubleUnreadable || row.Trouble.DN != dn || !strings.Contains(row.Trouble.Text, "let the account read it") {
		t.Errorf("got %+v, %v, %v", row, found, err)
	}
	if rows := scan(t, d); rows[id(t, 1)].Group.Name != "other" {
		t.Errorf("the other: %+v", rows)
	}
}

// TestMarksAreRepaired: somebody cleared the indexed mark by hand. A reading shows our
// marks like any attribute, and a plan puts them back; to another value it sets neither.
func TestMarksAreRepaired(t *testing.T) {
	d := newDomain(t)
	d.Attrs = append(d.Attrs, external, "adminDescription")
	g := create(t, d, 0, "group")
	mark := []string{plan.Mark(id(t, 0))}
	marks := func() string {
		attrs := read(t, d, id(t, 0)).Group.Attrs
		return strings.Join(attrs[external], "") + " " + strings.Join(attrs["adminDescription"], "")
	}
	if got := marks(); got != mark[0]+" "+mark[0] {
		t.Errorf("marks are %s", got)
	}
	modify(t, g, external)
	if got := marks(); got != " "+mark[0] {
		t.Errorf("marks are %s", got)
	}
	apply(t, d, 2, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{external: mark}})
	if got := marks(); got != mark[0]+" "+mark[0] {
		t.Errorf("marks are %s", got)
	}
	for _, values := range [][]string{nil, {"Group_x"}, {plan.Mark(id(t, 1))}} {
		quiet(t, func() {
			r := outcome(t, d, 3, plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Set: map[string][]string{external: values}})
			if r.Status != plan.Refused || !strings.Contains(r.Text, "ownership mark") {
				t.Errorf("%q: got %+v", values, r)
			}
		})
	}
}

// TestWhoBearsMarks: the list of who bears which mark is kept between calls. It is asked
// for anew if an answer is lost in the middle, or if the domain controller was restored.
func TestWhoBearsMarks(t *testing.T) {
	d := newDomain(t)
	for n := range 3 {
		stranger(t, d.Base, "one "+id(t, n).String(), map[string]string{"adminDescription": plan.Mark(id(t, n))})
	}
	told := func(n int) bool {
		t.Helper()
		row, found, err := d.Read(t.Context(), id(t, n), "")
		if err != nil {
			t.Fatal(err)
		}
		return found && row.Trouble != nil && row.Trouble.Case == plan.TroubleForeign
	}
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && strings.Contains(r.Filter, "(adminDescription=Group_*)") && len(res.Entries) > 0 {
			res.Entries = res.Entries[:1]
			res.Referrals = []string{"ldap://lost"}
		}
		return res, err
	}
	if _, _, err := d.Read(t.Context(), id(t, 0), ""); err == nil {
		t.Error("half an answer was taken for all")
	}
	m.search = nil
	if !told(0) {
		t.Error("not seen after half an answer")
	}
	d.bearers.usn += 1_000_000 // the copy that is restored is older
	d.bearers.guids = map[directory.ID][]plan.GUID{}
	if !told(1) {
		t.Error("not seen after a restore")
	}
	n := 0
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && strings.Contains(r.Filter, "(adminDescription=Group_*)") {
			n += len(res.Entries)
		}
		return res, err
	}
	if !told(2) || n > 0 {
		t.Errorf("%d groups were asked for again, though none had changed", n)
	}
}
