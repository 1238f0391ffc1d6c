package graphtest_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestHistoryAndTruth tells a small story, and reads it back in both ways.
func TestHistoryAndTruth(t *testing.T) {
	var tenant graphtest.Tenant
	u, g, outer, app := graphtest.ID("u"), graphtest.ID("g"), graphtest.ID("outer"), graphtest.ID("app")
	for _, err := range []error{
		tenant.AddUser(graphtest.User{ID: u, UPN: "u@x", DisplayName: "U", SID: "S-1-5-21-1-2-3-1101"}),
		tenant.AddGroup(graphtest.Group{ID: g, DisplayName: "G", Members: []directory.ID{u}}),
		tenant.AddGroup(graphtest.Group{ID: outer, DisplayName: "Outer"}),
		tenant.AddMember(outer, g),
		tenant.AddMember(outer, g), // already there: no event
		tenant.Rename(g, "G2"),
		tenant.Rename(g, "G2"), // already so: no event
		tenant.SoftDelete(g),
		tenant.Restore(g),
		tenant.AddOwner(g, u),
		tenant.AddOwner(g, u), // already so: no event
		tenant.SoftDelete(u),
		tenant.Restore(u),
		tenant.RemoveOwner(g, u),
		tenant.AddOwner(outer, u),
		tenant.HardDelete(u),
		tenant.AddOther(app, directory.ServicePrincipal, "App"),
		tenant.AddOwner(outer, app),
	} {
		ok(t, err)
	}
	want := []graphtest.Event{
		{Seq: 1, What: graphtest.Added, Object: u},
		{Seq: 2, What: graphtest.Added, Object: g},
		{Seq: 3, What: graphtest.MemberAdded, Object: g, Member: u},
		{Seq: 4, What: graphtest.Added, Object: outer},
		{Seq: 5, What: graphtest.MemberAdded, Object: outer, Member: g},
		{Seq: 6, What: graphtest.PropertySet, Object: g, Property: "displayName"},
		{Seq: 7, What: graphtest.MemberRemoved, Object: outer, Member: g},
		{Seq: 8, What: graphtest.SoftDeleted, Object: g},
		{Seq: 9, What: graphtest.Restored, Object: g},
		{Seq: 10, What: graphtest.MemberAdded, Object: outer, Member: g},
		{Seq: 11, What: graphtest.OwnerAdded, Object: g, Member: u},
		{Seq: 12, What: graphtest.MemberRemoved, Object: g, Member: u},
		{Seq: 13, What: graphtest.OwnerRemoved, Object: g, Member: u},
		{Seq: 14, What: graphtest.SoftDeleted, Object: u},
		{Seq: 15, What: graphtest.Restored, Object: u},
		{Seq: 16, What: graphtest.MemberAdded, Object: g, Member: u},
		{Seq: 17, What: graphtest.OwnerAdded, Object: g, Member: u},
		{Seq: 18, What: graphtest.OwnerRemoved, Object: g, Member: u},
		{Seq: 19, What: graphtest.OwnerAdded, Object: outer, Member: u},
		{Seq: 20, What: graphtest.MemberRemoved, Object: g, Member: u},
		{Seq: 21, What: graphtest.OwnerRemoved, Object: outer, Member: u},
		{Seq: 22, What: graphtest.Deleted, Object: u},
		{Seq: 23, What: graphtest.Added, Object: app},
		{Seq: 24, What: graphtest.OwnerAdded, Object: outer, Member: app},
	}
	if d := cmp.Diff(want, tenant.History()); d != "" {
		t.Error(d)
	}

	data, err := json.Marshal(&tenant)
	ok(t, err)
	var got map[string]any
	ok(t, json.Unmarshal(data, &got))
	group := func(id directory.ID, first, name string, members ...any) map[string]any {
		o := map[string]any{"id": id.String(), "first": first, "properties": map[string]any{"displayName": name, "securityEnabled": true, "mailEnabled": false, "groupTypes": []any{}}}
		o["members"] = append([]any{}, members...)
		return o
	}
	owned := group(outer, "Outer", "Outer", map[string]any{"id": g.String(), "kind": "group"})
	owned["owners"] = []any{map[string]any{"id": app.String(), "kind": "servicePrincipal"}}
	groups := []any{owned, group(g, "G", "G2")}
	if g.Compare(outer) < 0 {
		groups[0], groups[1] = groups[1], groups[0]
	}
	truth := map[string]any{
		"seq": 24.0, "groups": groups, "devices": []any{},
		"others": []any{map[string]any{"id": app.String(), "properties": map[string]any{"displayName": "App"}}},
		"users": []any{map[string]any{"id": u.String(), "removed": "deleted", "properties": map[string]any{
			"userPrincipalName": "u@x", "displayName": "U", "userType": "Member", "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1101", "onPremisesSyncEnabled": true}}},
	}
	if d := cmp.Diff(truth, got); d != "" {
		t.Error(d)
	}
}

// TestImpossibleIsRefused: a mistake in a test's story is an error, and no event.
func TestImpossibleIsRefused(t *testing.T) {
	var tenant graphtest.Tenant
	u, g, d, gone := graphtest.ID("u"), graphtest.ID("g"), graphtest.ID("d"), graphtest.ID("gone")
	ok(t, tenant.AddUser(graphtest.User{ID: u}))
	ok(t, tenant.AddDevice(graphtest.Device{ID: d}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: g}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: gone}))
	ok(t, tenant.SoftDelete(gone))
	before := len(tenant.History())
	for name, err := range map[string]error{
		"id is taken":              tenant.AddUser(graphtest.User{ID: g}),
		"members that are unknown": tenant.AddGroup(graphtest.Group{ID: graphtest.ID("x"), Members: []directory.ID{graphtest.ID("y")}}),
		"property of no type":      tenant.SetProperty(g, "mail", 7),
		"new property of no type":  tenant.AddGroup(graphtest.Group{ID: graphtest.ID("x"), Props: map[string]any{"mail": 7}}),
		"kind with a feed":         tenant.AddOther(graphtest.ID("x"), directory.User, "x"),
		"member of a user":         tenant.AddMember(u, d),
		"member of nothing":        tenant.AddMember(graphtest.ID("y"), u),
		"member that is nothing":   tenant.AddMember(g, graphtest.ID("y")),
		"member that is deleted":   tenant.AddMember(g, gone),
		"a group as owner":         tenant.AddOwner(g, g),
		"a device as owner":        tenant.AddGroup(graphtest.Group{ID: graphtest.ID("x"), Owners: []directory.ID{d}}),
		"owner of a user":          tenant.AddOwner(u, u),
		"rename what is deleted":   tenant.Rename(gone, "x"),
		"delete twice":             tenant.SoftDelete(gone),
		"soft-delete a device":     tenant.SoftDelete(d),
		"delete nothing":           tenant.HardDelete(graphtest.ID("y")),
		"restore what is there":    tenant.Restore(g),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after := len(tenant.History()); after != before {
		t.Errorf("%d events of what was refused", after-before)
	}
}
