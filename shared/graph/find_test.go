package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/graph/graphtest"
)

// TestFind: a name finds all whom it may mean, in either case of its letters and with any
// signs in it; an id finds its own; very many are cut off, and said to be more.
func TestFind(t *testing.T) {
	var tenant graphtest.Tenant
	sales, twin, alice := graphtest.ID("sales"), graphtest.ID("twin"), graphtest.ID("alice")
	odd := "R&D 100% or 'more' + #1"
	ok(t, tenant.AddGroup(graphtest.Group{ID: sales, DisplayName: "Sales", Props: map[string]any{"mailNickname": "sales-eu"}}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: twin, DisplayName: "sales", Props: map[string]any{"mailNickname": "sales-us"}}))
	ok(t, tenant.AddGroup(graphtest.Group{ID: graphtest.ID("odd"), DisplayName: odd}))
	ok(t, tenant.AddUser(graphtest.User{ID: alice, UPN: "alice@x.example", DisplayName: "Alice"}))
	ok(t, tenant.AddDevice(graphtest.Device{ID: graphtest.ID("pc"), DisplayName: "Alice"}))
	for i := range graph.MostHits + 1 {
		ok(t, tenant.AddUser(graphtest.User{ID: graphtest.ID(fmt.Sprint("temp ", i)), UPN: fmt.Sprint("t", i, "@x.example"), DisplayName: "Temp"}))
	}
	c := dial(t, serve(t, &tenant, graphtest.Options{}), nil)
	group := func(id directory.ID, name, also string) graph.Hit {
		return graph.Hit{ID: id, Kind: directory.GroupKind, Name: name, Also: also}
	}
	user := graph.Hit{ID: alice, Kind: directory.User, Name: "Alice", Also: "alice@x.example"}
	for _, test := range []struct {
		feed directory.Feed
		name string
		want []graph.Hit
	}{
		{directory.GroupFeed, "SALES", []graph.Hit{group(sales, "Sales", "sales-eu"), group(twin, "sales", "sales-us")}},
		{directory.GroupFeed, "sales-us", []graph.Hit{group(twin, "sales", "sales-us")}},
		{directory.GroupFeed, odd, []graph.Hit{group(graphtest.ID("odd"), odd, "")}},
		{directory.GroupFeed, sales.String(), []graph.Hit{group(sales, "Sales", "sales-eu")}},
		{directory.GroupFeed, "nobody", nil},
		{directory.UserFeed, "alice@X.example", []graph.Hit{user}},
		{directory.UserFeed, "Alice", []graph.Hit{user}},
		{directory.UserFeed, alice.String(), []graph.Hit{user}},
		{directory.DeviceFeed, "alice", []graph.Hit{{ID: graphtest.ID("pc"), Kind: directory.Device, Name: "Alice"}}},
	} {
		got, more, err := c.Find(t.Context(), test.feed, test.name)
		ok(t, err)
		slices.SortFunc(got, func(a, b graph.Hit) int { return a.ID.Compare(b.ID) })
		slices.SortFunc(test.want, func(a, b graph.Hit) int { return a.ID.Compare(b.ID) })
		if !slices.Equal(got, test.want) || more {
			t.Errorf("%s %q: %+v, more %v; want %+v", test.feed, test.name, got, more, test.want)
		}
	}
	if got, more, err := c.Find(t.Context(), directory.UserFeed, "temp"); err != nil || len(got) != graph.MostHits || !more {
		t.Errorf("very many: %d, more %v, %v", len(got), more, err)
	}
}
