package ad

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
)

// mailed writes a group with mail to a real domain with Exchange's schema, by the policy's word alone: its texts by what the
// schema takes, its address lists as links, and nothing else as one.
func mailed(t *testing.T, x exchanged) {
	d := *x.domain
	site := x.site(t)
	stamp := exchange.NewStamp(site, exchange.Options{Route: exchange.Cloud})
	d.Attrs = append([]string{"adminDescription", "groupType", "displayName", plan.AccountName}, stamp.Attributes()...)
	id := directory.ID{0x5a, 1}
	w := stamp.Of(exchange.Group{ID: id.String(), Mail: "sales@corp.example", Nickname: "sales", Proxies: []string{"SMTP:sales@corp.example", "smtp:Verkauf@corp.example", "smtp:sales@corp.onmicrosoft.com", "X500:/o=Old/cn=sales"},
		HideFromLists: exchange.False, HideFromOutlook: exchange.False, AllowExternal: exchange.False}, exchange.Standing{})
	if len(w.Notes) > 0 {
		t.Logf("notes: %v", w.Notes)
	}
	c := plan.Change{Op: plan.Create, Group: id, Parent: d.Base, Name: "Mailed", Set: map[string][]string{plan.AccountName: {"Mailed"}, "groupType": {plan.GroupType("universal-distribution")}}}
	for name, values := range w.Attrs {
		if len(values) > 0 {
			c.Set[name] = values
		}
	}
	d.More.GroupTypes = []string{"universal-distribution"}
	if r, err := d.Apply(t.Context(), fence(1), c); err != nil || r.Status != plan.Done || len(r.Unset) != len(c.Set)-2 {
		t.Errorf("without the policy's word: %+v, %v", r, err)
	}
	d.More.Mail = true
	if p, err := d.Powers(t.Context(), d.Base); err != nil || len(p.Lacks) > 0 {
		t.Errorf("below the base it lacks %v, %v", p.Lacks, err)
	}
	if p, err := d.Powers(t.Context(), "CN=Users,"+x.Domain); err != nil || !slices.Contains(p.Lacks, "proxyAddresses") || !slices.Contains(p.Lacks, "showInAddressBook") || slices.Contains(p.Lacks, "extensionAttribute1") {
		t.Errorf("elsewhere it lacks %v, %v", p.Lacks, err)
	}
	r, err := d.Apply(t.Context(), fence(2), c)
	if err != nil || r.Status != plan.Done {
		t.Fatalf("create: %+v, %v", r, err)
	}
	all := make([]plan.Ref, len(w.Lists))
	for i, guid := range w.Lists {
		all[i] = plan.GUIDRef(plan.GUID(guid))
	}
	if len(all) < 3 {
		t.Fatalf("it belongs into %v", w.Lists)
	}
	slices.Sort(all)
	in := plan.Change{Op: plan.Relink, Group: id, GUID: r.GUID, Link: plan.ShownIn, Add: append(slices.Clone(all), plan.GUIDRef(r.GUID), plan.SIDRef("S-1-5-21-1-2-3-1104"))}
	if r, err := d.Apply(t.Context(), fence(3), in); err != nil || r.Status != plan.Done || len(r.Bad) != 2 || !strings.Contains(r.Bad[0].Text+r.Bad[1].Text, "no such address list") {
		t.Fatalf("into lists: %+v, %v", r, err)
	}
	got := observe(t, &d, r.GUID)
	if !slices.Equal(got.Links[plan.ShownIn], all) {
		t.Errorf("it is in %v, want %v", got.Links[plan.ShownIn], all)
	}
	for name, values := range c.Set {
		if !plan.SameValues(name, values, got.Attrs[name]) {
			t.Errorf("%s is %q, want %q", name, got.Attrs[name], values)
		}
	}
	out := plan.Change{Op: plan.Relink, Group: id, GUID: r.GUID, Link: plan.ShownIn, Remove: all[:1]}
	for range 2 { // a second time it is so already
		if r, err := d.Apply(t.Context(), fence(4), out); err != nil || r.Status != plan.Done {
			t.Fatalf("out of a list: %+v, %v", r, err)
		}
	}
	if got := observe(t, &d, r.GUID); !slices.Equal(got.Links[plan.ShownIn], all[1:]) {
		t.Errorf("it is in %v, want %v", got.Links[plan.ShownIn], all[1:])
	}
}

// observe reads a group as a report tells of it.
func observe(t *testing.T, d *Domain, guid plan.GUID) (g plan.Group) {
	t.Helper()
	if err := d.Scan(t.Context(), func(r Row) error {
		if r.Group.GUID == guid {
			g = r.Group
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return g
}
