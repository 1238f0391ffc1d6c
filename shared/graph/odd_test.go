package graph

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
)

// TestOddCostsItself: one object that nobody can read used to stop the feed, and with
// it all the others, until it was gone from the tenant. Now it costs what is odd about
// it, and is told.
func TestOddCostsItself(t *testing.T) {
	const (
		one, two   = "0000aaaa-1111-2222-3333-000000000001", "0000aaaa-1111-2222-3333-000000000002"
		strange    = "0000aaaa-1111-2222-3333-00000000000f"
		alice      = "74de5a1a-1a2b-4c3d-8e9f-000000000001"
		id         = `"id":"` + strange + `"`
		aliceWith  = `{"id":"` + alice + `","@odata.type":"#microsoft.graph.user"}`
		itemGone   = "item 2 of a page of groups: "
		asItWas    = ": the item is left out, and what is known of the object stays as it was"
		propAsWas  = ": what is known of it stays as it was"
		nobodyLeft = ": nobody is taken to have left"
		cannotRead = " is not a string, number, boolean, or a list of them: rules cannot read it"
	)
	sid := mustID(t, strange)
	named := func(c directory.GroupChange) *directory.GroupChange { c.ID = sid; return &c }
	withAlice := []directory.MemberChange{{ID: mustID(t, alice), Kind: directory.User}}
	members := func(reason string) directory.Odd {
		return directory.Odd{ID: sid, Property: "members", What: "members could not all be read: " + reason + nobodyLeft}
	}
	partial := named(directory.GroupChange{Members: withAlice, Partial: true})
	for _, test := range []struct {
		name, item string
		want       *directory.GroupChange // nil: left out
		odd        directory.Odd
	}{
		{name: "a number", item: `7`, odd: directory.Odd{What: itemGone + "found number where an object belongs" + asItWas}},
		{name: "null", item: `null`, odd: directory.Odd{What: itemGone + "found null where an object belongs" + asItWas}},
		{name: "a list", item: `[{` + id + `}]`, odd: directory.Odd{What: itemGone + "found [ where an object belongs" + asItWas}},
		{name: "nothing", item: `{}`, odd: directory.Odd{What: itemGone + "object has no id" + asItWas}},
		{name: "no id, but a name", item: `{"displayName":"Sales"}`,
			odd: directory.Odd{What: `item 2 of a page of groups (displayName "Sales"): object has no id` + asItWas}},
		{name: "the id is null", item: `{"id":null,"members@delta":[` + aliceWith + `]}`, odd: directory.Odd{What: itemGone + "id is not a string" + asItWas}},
		{name: "the id is no GUID", item: `{"id":"bob"}`, odd: directory.Odd{What: itemGone + `object id "bob" is not a GUID` + asItWas}},
		{name: "removed for no reason", item: `{` + id + `,"@removed":{}}`,
			odd: directory.Odd{ID: sid, What: itemGone + `@removed has the reason "": only changed and deleted are known` + asItWas}},
		{name: "removed for a new reason", item: `{"@removed":{"reason":"archived"},` + id + `}`,
			odd: directory.Odd{ID: sid, What: itemGone + `@removed has the reason "archived": only changed and deleted are known` + asItWas}},
		{name: "removed by a word", item: `{` + id + `,"@removed":"deleted"}`,
			odd: directory.Odd{ID: sid, What: itemGone + "found string where an object belongs" + asItWas}},
		{name: "removed or not", item: `{` + id + `,"@removed":null}`,
			odd: directory.Odd{ID: sid, What: itemGone + "found null where an object belongs" + asItWas}},

		{name: "members are null", item: `{` + id + `,"members@delta":null}`,
			want: named(directory.GroupChange{Partial: true}), odd: members("members@delta is not a list")},
		{name: "members are no list", item: `{` + id + `,"members@delta":{"a":[]}}`,
			want: named(directory.GroupChange{Partial: true}), odd: members("members@delta is not a list")},
		{name: "a member is a word", item: `{` + id + `,"members@delta":["x",` + aliceWith + `]}`,
			want: partial, odd: members("found string where an object belongs")},
		{name: "a member without id", item: `{` + id + `,"members@delta":[{"@odata.type":"#microsoft.graph.user"},` + aliceWith + `]}`,
			want: partial, odd: members("object has no id")},
		{name: "a member of no type", item: `{"members@delta":[` + aliceWith + `,{` + id + `}],` + id + `}`,
			want: partial, odd: members("object " + strange + " has no @odata.type")},
		{name: "members of unknown types", item: `{` + id + `,"members@delta":[{` + id + `,"@odata.type":"user"},` + aliceWith + `,{` + id + `,"@odata.type":"#microsoft.graph."}]}`,
			want: partial, odd: members(`@odata.type "user" does not begin with #microsoft.graph. (the first of 2)`)},
		{name: "a member moved", item: `{` + id + `,"members@delta":[{` + id + `,"@removed":{"reason":"moved"}},` + aliceWith + `]}`,
			want: partial, odd: members(`@removed has the reason "moved": only changed and deleted are known`)},

		{name: "a property with structure", item: `{` + id + `,"mail":{"smtp":"x"},"members@delta":[` + aliceWith + `]}`,
			want: named(directory.GroupChange{Members: withAlice}), odd: directory.Odd{ID: sid, Property: "mail", What: "property mail" + cannotRead + propAsWas}},
		{name: "a list with a hole", item: `{"groupTypes":["Unified",null],"mail":null,` + id + `}`,
			want: named(directory.GroupChange{Set: directory.Properties{"mail": {}}}), odd: directory.Odd{ID: sid, Property: "groupTypes", What: "property groupTypes" + cannotRead + propAsWas}},
		{name: "a list of lists", item: `{` + id + `,"groupTypes":[["x"],"y"],"mail":"m"}`,
			want: named(directory.GroupChange{Set: directory.Properties{"mail": {"m"}}}), odd: directory.Odd{ID: sid, Property: "groupTypes", What: "property groupTypes" + cannotRead + propAsWas}},
		{name: "hidden or not", item: `{` + id + `,"visibility":{},"members@delta":[` + aliceWith + `]}`,
			want: partial, odd: directory.Odd{ID: sid, Property: "visibility", What: "property visibility" + cannotRead + propAsWas}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := groupFeed(t)
			body := `{"value":[{"id":"` + one + `"},` + test.item + `,{"id":"` + two + `"}],"@odata.deltaLink":"d"}`
			got, err := decode(strings.NewReader(body), f, f.selection(nil), false)
			if err != nil {
				t.Fatal(err)
			}
			want := directory.Page{Feed: directory.GroupFeed, Delta: "d", Odd: []directory.Odd{test.odd}, Groups: []directory.GroupChange{{ID: mustID(t, one)}}}
			if test.want != nil {
				want.Groups = append(want.Groups, *test.want)
			}
			want.Groups = append(want.Groups, directory.GroupChange{ID: mustID(t, two)})
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestStrangeTextIsRead: what is no Unicode, a byte order mark and a name that comes
// twice are no reason to read nothing.
func TestStrangeTextIsRead(t *testing.T) {
	const id = `"id":"0000aaaa-1111-2222-3333-0123456789ab"`
	for name, test := range map[string]struct{ body, want string }{
		"half a surrogate pair": {`{"value":[{` + id + `,"displayName":"a \ud83d b"}],"@odata.deltaLink":"d"}`, "a \ufffd b"},
		"the other half":        {`{"value":[{` + id + `,"displayName":"a \ude00"}],"@odata.deltaLink":"d"}`, "a \ufffd"},
		"no UTF-8":              {"{\"value\":[{" + id + ",\"displayName\":\"caf\xe9\"}],\"@odata.deltaLink\":\"d\"}", "caf\ufffd"},
		"strange and skipped":   {`{"note":"\ud83d","value":[{` + id + `,"\ud83d":"\ude00","displayName":"n"}],"@odata.deltaLink":"d"}`, "n"},
		"a byte order mark":     {"\ufeff" + `{"value":[{` + id + `,"displayName":"n"}],"@odata.deltaLink":"d"}`, "n"},
		"a name twice":          {`{"value":[{"displayName":{},` + id + `,"displayName":"old","displayName":"n"}],"@odata.deltaLink":"d"}`, "n"},
	} {
		f := groupFeed(t)
		p, err := decode(strings.NewReader(test.body), f, f.selection(nil), false)
		if err != nil || len(p.Groups) != 1 || p.Groups[0].Set.First("displayName") != test.want {
			t.Errorf("%s: page %+v, error %v, want the displayName %q", name, p, err, test.want)
		}
	}
}

// TestOddIsBounded: what is told of a page is not larger than its items.
func TestOddIsBounded(t *testing.T) {
	f := groupFeed(t)
	long := strings.Repeat("x", 10_000)
	body := `{"value":[{"displayName":"` + long + `","id":"` + long + `"},{"id":"0000aaaa-1111-2222-3333-0123456789ab","members@delta":[` +
		strings.Repeat(`{"id":"`+long+`"},`, 500) + `7]}],"@odata.deltaLink":"d"}`
	p, err := decode(strings.NewReader(body), f, f.selection(nil), false)
	if err != nil || len(p.Odd) != 2 {
		t.Fatalf("%d odd things, error %v, want 2", len(p.Odd), err)
	}
	for _, o := range p.Odd {
		if len(o.What) > 500 {
			t.Errorf("%d characters: %.200s…", len(o.What), o.What)
		}
	}
}

// TestNobodysItem: a user without an id is left out and told of: he must not pass for the
// one with the id of zeros.
func TestNobodysItem(t *testing.T) {
	for _, feed := range []directory.Feed{directory.UserFeed, directory.DeviceFeed} {
		f, err := lookup(feed)
		if err != nil {
			t.Fatal(err)
		}
		p, err := decode(strings.NewReader(`{"value":[{"displayName":"Nobody"}],"@odata.deltaLink":"d"}`), f, f.selection(nil), false)
		if err != nil || len(p.Principals) != 0 || len(p.Odd) != 1 {
			t.Errorf("%s: %+v, %v", feed, p, err)
		}
	}
}
