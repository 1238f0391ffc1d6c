package ad

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// restoring is newDomain with the optional block of the delegation.
func restoring(t testing.TB) *Domain {
	t.Helper()
	d := newDomain(t)
	letRestore(t, true)
	t.Cleanup(func() { letRestore(t, false) })
	return d
}

func letRestore(t testing.TB, yes bool) {
	t.Helper()
	if err := dc(t).LetRestore(yes); err != nil {
		t.Fatal(err)
	}
}

// kill deletes a group as an administrator.
func kill(t testing.TB, g plan.GUID) {
	t.Helper()
	if err := admin(t).Del(ldap.NewDelRequest(byGUID(g), nil)); err != nil {
		t.Fatal(err)
	}
}

func graveOf(t testing.TB, d *Domain, id directory.ID, last plan.GUID) (plan.Grave, bool) {
	t.Helper()
	g, found, err := d.Grave(t.Context(), id, last)
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.Graves(t.Context())
	if at, listed := all[id]; err != nil || found && d.Identity.External && at != g || listed && !d.Identity.External {
		t.Errorf("it is listed as %+v (%t, %v), and found as %+v", at, listed, err, g)
	}
	return g, found
}

// TestGrave: a deleted group is found by the mark that it has kept, the last of several, and
// only where it was ours.
func TestGrave(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	sid := read(t, d, id(t, 0)).SID
	if _, found := graveOf(t, d, id(t, 0), g); found {
		t.Error("a grave of one that lives")
	}
	kill(t, g)
	if got, found := graveOf(t, d, id(t, 0), ""); !found || got != (plan.Grave{GUID: g, SID: sid}) {
		t.Errorf("got %+v, %v", got, found)
	}
	if got, found := graveOf(t, d, id(t, 1), g); found {
		t.Errorf("for another cloud group: %+v", got)
	}
	second := create(t, d, 0, "group")
	if _, found := graveOf(t, d, id(t, 0), g); found {
		t.Error("a grave beside the group that came after it")
	}
	kill(t, second)
	if got, _ := graveOf(t, d, id(t, 0), g); got.GUID != second {
		t.Errorf("of two: %+v, not the last, %s", got, second)
	}
	elsewhere := *d
	elsewhere.Base = newOU(t, "below", d.Base)
	if got, found := graveOf(t, &elsewhere, id(t, 0), g); found {
		t.Errorf("that was outside of the base: %+v", got)
	}
	letRestore(t, false)
	if got, found := graveOf(t, d, id(t, 0), g); found {
		t.Errorf("the account sees %+v", got)
	}
}

// TestGraveOfTheLast: whenChanged has seconds, and counts for more than the number of a write.
func TestGraveOfTheLast(t *testing.T) {
	d := restoring(t)
	first := create(t, d, 0, "group")
	kill(t, first)
	second := create(t, d, 0, "group")
	kill(t, second)
	tampered(d, func(e *ldap.Entry) {
		if strings.Contains(e.DN, string(first)) {
			put(e, "whenChanged", "20991231235959.0Z")
		}
	})
	if got, _ := graveOf(t, d, id(t, 0), ""); got.GUID != first {
		t.Errorf("got %+v, not %s", got, first)
	}
}

// tampered changes what a search for deleted objects finds.
func tampered(d *Domain, change func(*ldap.Entry)) *meddler {
	m := meddle(d)
	m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
		res, err := m.Conn.Search(r)
		if err == nil && slices.Contains(r.Attributes, "isRecycled") {
			for _, e := range res.Entries {
				change(e)
			}
		}
		return res, err
	}
	return m
}

func put(e *ldap.Entry, name string, values ...string) {
	e.Attributes = slices.DeleteFunc(e.Attributes, func(a *ldap.EntryAttribute) bool { return strings.EqualFold(a.Name, name) })
	if len(values) > 0 {
		e.Attributes = append(e.Attributes, ldap.NewEntryAttribute(name, values))
	}
}

// TestGraveOfAnother: what the recycle bin keeps says more than the mark, and a container
// that was deleted with its group has lost its place.
func TestGraveOfAnother(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	kill(t, g)
	m := tampered(d, nil)
	for name, test := range map[string]struct {
		attr, value string
		want        bool
	}{
		"our fence":                 {"adminDisplayName", "gwb test 1.1.1", true},
		"let go":                    {"adminDisplayName", "gwb test released", true},
		"another's fence":           {"adminDisplayName", "gwb other 1.1.1", false},
		"no fence":                  {"adminDisplayName", "hands off", false},
		"its mark":                  {"adminDescription", plan.Mark(id(t, 0)), true},
		"another mark":              {"adminDescription", plan.Mark(id(t, 1)), false},
		"no mark any more":          {"adminDescription", "x", false},
		"another indexed mark":      {external, plan.Mark(id(t, 1)), false},
		"its container was deleted": {"lastKnownParent", `OU=x\0ADEL:` + string(g) + ",CN=Deleted Objects," + dc(t).Domain, true},
		"it was elsewhere":          {"lastKnownParent", "OU=x," + dc(t).Domain, false},
		"it was nowhere":            {"lastKnownParent", "", false},
	} {
		d.Conn = m.Conn
		tampered(d, func(e *ldap.Entry) { put(e, test.attr, test.value) })
		if got, found := graveOf(t, d, id(t, 0), g); found != test.want || found && got.GUID != g {
			t.Errorf("%s: %+v, %v", name, got, found)
		}
		if !test.want {
			r := outcome(t, d, 2, restoration(t, d, 0, "group", g))
			if r.Status != plan.Refused || r.Code == plan.CodeGone || !strings.Contains(r.Text, "was not ours") {
				t.Errorf("%s: restored: %+v", name, r)
			}
		}
	}
}

// TestRecycled: where the recycle bin is on, a recycled group cannot be had back. Samba
// marks all that is deleted so, and does not know the bin.
func TestRecycled(t *testing.T) {
	d := restoring(t)
	g := create(t, d, 0, "group")
	kill(t, g)
	for _, test := range []struct{ bin, recycled bool }{{false, true}, {true, true}, {true, false}} {
		m := tampered(d, func(e *ldap.Entry) {
			if !test.recycled {
				put(e, "isRecycled")
			}
		})
		tombs := m.search
		m.search = func(r *ldap.SearchRequest) (*ldap.SearchResult, error) {
			res, err := tombs(r)
			if err == nil && test.bin && slices.Contains(r.Attributes, "msDS-EnabledFeature") {
				put(res.Entries[0], "msDS-EnabledFeature", "<GUID=11111111-2222-3333-4444-555555555555>;CN=Recycle Bin Feature,CN=Optional Features,CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,DC=corp,DC=test")
			}
			return res, err
		}
		_, found := graveOf(t, d, id(t, 0), g)
		if beyond := test.bin && test.recycled; found == beyond {
			t.Errorf("%+v: found %v", test, found)
		} else if beyond {
			if r := outcome(t, d, 2, restoration(t, d, 0, "group", g)); r.Status != plan.Refused || r.Code != plan.CodeGone || !strings.Contains(r.Text, "has been recycled") {
				t.Errorf("%+v: got %+v", test, r)
			}
		}
		d.Conn = m.Conn
	}
}

// TestGraveByGUID: the schema has no mark that a deleted group keeps.
func TestGraveByGUID(t *testing.T) {
	d := restoring(t)
	d.Identity.External = false
	g := create(t, d, 0, "group")
	kill(t, g)
	if got, found := graveOf(t, d, id(t, 0), ""); found {
		t.Errorf("by nothing: %+v", got)
	}
	if got, found := graveOf(t, d, id(t, 0), g); !found || got.GUID != g {
		t.Errorf("got %+v, %v", got, found)
	}
	apply(t, d, 2, restoration(t, d, 0, "group", g))
	if row := read(t, d, id(t, 0)); row.Group.GUID != g {
		t.Errorf("restored %+v", row)
	}
}

// TestRestoring: what of the rights is missing is told, and what a deny takes.
func TestRestoring(t *testing.T) {
	d := restoring(t)
	me := dc(t).SIDs["svc-groupwriteback"]
	deleted, head := "CN=Deleted Objects,"+dc(t).Domain, dc(t).Domain
	const list, read, permissions, control = 0x4, 0x10, 0x20000, 0x100
	for _, test := range []struct {
		name, dn string
		right    uint32
		want     string
	}{
		{"all", "", 0, ""},
		{"no listing", deleted, list, "may not list what was deleted"},
		{"no reading", deleted, read, "may not list what was deleted"},
		{"no permissions", deleted, permissions, "may not list what was deleted"},
		{"no extended right", head, control, "has not the right Reanimate-Tombstones on " + head},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.dn != "" {
				was := descriptor(t, test.dn)
				setDescriptor(t, test.dn, denying(was, me, test.right))
				defer setDescriptor(t, test.dn, was)
			}
			quiet(t, func() {
				if lacks, err := d.Restoring(t.Context()); err != nil || (lacks == "") != (test.want == "") || !strings.Contains(lacks, test.want) {
					t.Errorf("%q, %v; want %q", lacks, err, test.want)
				}
			})
		})
	}
	letRestore(t, false)
	if lacks, err := d.Restoring(t.Context()); err != nil || !strings.Contains(lacks, "Reanimate-Tombstones") {
		t.Errorf("with the least rights: %q, %v", lacks, err)
	}
	boss := *d
	boss.Conn = admin(t)
	if lacks, err := boss.Restoring(t.Context()); err != nil || lacks != "" {
		t.Errorf("an administrator: %q, %v", lacks, err)
	}
}

// TestPermitted: the first entry that names a right, for all of the object or for the part,
// decides it.
func TestPermitted(t *testing.T) {
	const me, other directory.SID = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105"
	const control = 0x100
	e := func(deny bool, mask uint32, sid directory.SID, of plan.GUID) legacy {
		return legacy{ace{deny, mask, sid}, of}
	}
	for name, test := range map[string]struct {
		list []legacy
		want bool
	}{
		"none":             {nil, false},
		"the right":        {[]legacy{e(false, control, me, reanimateTombstones)}, true},
		"all such rights":  {[]legacy{e(false, control, me, "")}, true},
		"everything":       {[]legacy{e(false, genericAll, me, "")}, true},
		"reading":          {[]legacy{e(false, genericRead, me, "")}, false},
		"another right":    {[]legacy{e(false, control, me, groupClass)}, false},
		"somebody else":    {[]legacy{e(false, control, other, "")}, false},
		"denied before":    {[]legacy{e(true, control, me, ""), e(false, control, me, reanimateTombstones)}, false},
		"denied behind":    {[]legacy{e(false, control, me, reanimateTombstones), e(true, control, me, "")}, true},
		"another, denied":  {[]legacy{e(true, control, me, groupClass), e(false, control, me, reanimateTombstones)}, true},
		"denied to others": {[]legacy{e(true, control, other, ""), e(false, control, me, "")}, true},
	} {
		if got := permitted(test.list, []directory.SID{me}, control, reanimateTombstones); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
