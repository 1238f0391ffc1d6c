package graph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// golden is the shape that Microsoft documents, with all that a decoder could trip on.
// Source: https://learn.microsoft.com/graph/delta-query-groups.
const golden = `{
  "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#groups(displayName,description)",
  "@odata.nextLink": "https://graph.microsoft.com/v1.0/groups/delta?$skiptoken=pqwSUjGYvb3jQpbwVAwEL7yuI3dU1LecfkkfLPtnIjvB7XnF_yllFsCrZJ",
  "value": [
    {
      "displayName": "All \"Sales\" \u00fcber \ud83d\ude00",
      "description": null,
      "mailEnabled": false,
      "groupTypes": ["Unified", "DynamicMembership"],
      "proxyAddresses": [],
      "creationOptions": [{"deep": [1, 2, {"members@delta": []}]}],
      "id": "0000AAAA-1111-2222-3333-0123456789AB",
      "owners@delta": [
        {"@odata.type": "#microsoft.graph.user", "id": "74de5a1a-1a2b-4c3d-8e9f-000000000001"},
        {"@odata.type": "#microsoft.graph.servicePrincipal", "id": "74de5a1a-1a2b-4c3d-8e9f-000000000005", "@removed": {"reason": "deleted"}}
      ],
      "members@delta": [
        {"@odata.type": "#microsoft.graph.user", "id": "74de5a1a-1a2b-4c3d-8e9f-000000000001"},
        {"id": "74de5a1a-1a2b-4c3d-8e9f-000000000002", "@odata.type": "#microsoft.graph.group", "@removed": {"reason": "deleted"}},
        {"@removed": {"note": [], "reason": "changed"}, "id": "74de5a1a-1a2b-4c3d-8e9f-000000000003"},
        {"@odata.type": "#microsoft.graph.orgContact", "id": "74de5a1a-1a2b-4c3d-8e9f-000000000004", "mail": "x"}
      ]
    },
    {"\u0069d": "0000aaaa-1111-2222-3333-0123456789ac", "@removed": {"reason": "changed"}},
    {"@removed": {"reason": "deleted"}, "id": "0000aaaa-1111-2222-3333-0123456789ad"}
  ]
}
`

func mustID(t testing.TB, s string) directory.ID {
	t.Helper()
	id, err := directory.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func groupFeed(t testing.TB) feed {
	t.Helper()
	f, err := lookup(directory.GroupFeed)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDecode(t *testing.T) {
	f := groupFeed(t)
	member := func(n string) directory.ID { return mustID(t, "74de5a1a-1a2b-4c3d-8e9f-00000000000"+n) }
	want := directory.Page{
		Feed: directory.GroupFeed,
		Next: "https://graph.microsoft.com/v1.0/groups/delta?$skiptoken=pqwSUjGYvb3jQpbwVAwEL7yuI3dU1LecfkkfLPtnIjvB7XnF_yllFsCrZJ",
		Groups: []directory.GroupChange{
			{
				ID: mustID(t, "0000aaaa-1111-2222-3333-0123456789ab"),
				Set: directory.Properties{"displayName": {`All "Sales" über 😀`}, "description": {}, "mailEnabled": {"false"},
					"groupTypes": {"Unified", "DynamicMembership"}, "proxyAddresses": {}},
				Members: []directory.MemberChange{
					{ID: member("1"), Kind: directory.User},
					{ID: member("2"), Kind: directory.GroupKind, Removed: true},
					{ID: member("3"), Removed: true},
					{ID: member("4"), Kind: directory.Contact},
				},
			},
			{ID: mustID(t, "0000aaaa-1111-2222-3333-0123456789ac"), Removed: directory.SoftDeleted},
			{ID: mustID(t, "0000aaaa-1111-2222-3333-0123456789ad"), Removed: directory.Deleted},
		},
	}
	for name, r := range map[string]io.Reader{
		"whole":          strings.NewReader(golden),
		"byte by byte":   iotest.OneByteReader(strings.NewReader(golden)),
		"end with bytes": iotest.DataErrReader(strings.NewReader(golden)),
	} {
		got, err := decode(r, f, f.selection(nil), false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}

	// Whoever asks for owners gets them, and is told of those who have none, too.
	want.Groups[0].Owners = []directory.MemberChange{{ID: member("1"), Kind: directory.User}, {ID: member("5"), Kind: directory.ServicePrincipal, Removed: true}}
	for i := range want.Groups {
		want.Groups[i].OwnersTold = true
	}
	got, err := decode(strings.NewReader(golden), f, f.selection([]string{owners}), false)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("with owners:\n%s", d)
	}
}

// TestDecodeRefusesEveryHalf: a page that was cut anywhere is an error that may be
// tried again, and never a shorter page.
func TestDecodeRefusesEveryHalf(t *testing.T) {
	f := groupFeed(t)
	text := strings.TrimSpace(golden)
	for n := range len(text) {
		for name, r := range map[string]io.Reader{
			"ends":   strings.NewReader(text[:n]),
			"breaks": io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(io.ErrUnexpectedEOF)),
		} {
			p, err := decode(r, f, f.selection(nil), false)
			if _, final := errors.AsType[*malformed](err); err == nil || final {
				t.Fatalf("%s after %d bytes %q: page %v, error %v", name, n, text[max(0, n-20):n], p, err)
			}
		}
	}
	r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := decode(r, f, f.selection(nil), false); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut after the last brace gives %v", err)
	}
}

// TestDecodeRefusesWhatItDoesNotKnow: a page that is whole and JSON, but lacks what says
// that it is all, is an error: there may be more that nobody sees. Its items may be as
// odd as they like.
func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	f := groupFeed(t)
	for _, page := range []string{
		`7`, `null`, `[]`, `"x"`, `{}`,
		`{"@odata.deltaLink":"d"}`, `{"value":null,"@odata.deltaLink":"d"}`, `{"value":{},"@odata.deltaLink":"d"}`, `{"value":"x","@odata.deltaLink":"d"}`,
		`{"value":[]}`, `{"value":[null]}`, `{"value":[],"@odata.deltaLink":""}`, `{"value":[],"@odata.deltaLink":null}`, `{"value":[],"@odata.nextLink":["n"]}`,
		`{"value":[],"@odata.nextLink":"n","@odata.deltaLink":"d"}`, `{"value":[],"@odata.nextLink":{},"@odata.deltaLink":"d"}`,
		`{"value":[],"@odata.deltaLink":"d"}{}`, `{"value":[],"@odata.deltaLink":"d"} 7`,
	} {
		_, err := decode(strings.NewReader(page), f, f.selection(nil), false)
		if _, is := errors.AsType[*malformed](err); !is {
			t.Errorf("%s: error %v is not about what the page lacks", page, err)
		}
	}
}

// FuzzDecode: any bytes are a page or an error, and a page that is written again is the
// same page.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(golden), true)
	f.Add([]byte(`{"value":[],"@odata.deltaLink":"d"}`), false)
	f.Add([]byte(`{"value":[{"id":"0000aaaa-1111-2222-3333-0123456789ab","displayName":["a","b"],"userType":1e5}],"@odata.nextLink":"n"}`), false)
	f.Add([]byte(`{"value":[{"owners@delta":[{"id":"0000aaaa-1111-2222-3333-0123456789ab","@removed":{"reason":"deleted"}},7],"id":"0000aaaa-1111-2222-3333-0123456789ab","owners":"x","owners@delta":null}],"@odata.deltaLink":"d"}`), true)
	f.Add([]byte("\ufeff"+`{"value":[7,{"id":"0000aaaa-1111-2222-3333-0123456789ab","displayName":"\ud83d","mail":{},"members@delta":[null]}],"@odata.nextLink":"n"}`), true)
	f.Fuzz(func(t *testing.T, data []byte, groups bool) {
		name := directory.UserFeed
		if groups {
			name = directory.GroupFeed
		}
		feed, err := lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		selection := feed.selection(nil)
		if groups {
			selection = feed.selection([]string{owners})
		}
		page, err := decode(bytes.NewReader(data), feed, selection, false)
		if err != nil {
			return
		}
		again, err := decode(bytes.NewReader(graphtest.Encode(page)), feed, selection, false)
		if err != nil {
			t.Fatalf("page does not decode again: %v\n%s", err, graphtest.Encode(page))
		}
		page.Odd = nil // was left out
		for i := range page.Groups {
			page.Groups[i].Partial, page.Groups[i].OwnersTold = false, true
		}
		if d := cmp.Diff(page, again); d != "" {
			t.Error(d)
		}
	})
}

// bigPage is a page of groups with 500 members each.
func bigPage(groups, members int) []byte {
	p := directory.Page{Feed: directory.GroupFeed, Next: "https://graph.microsoft.com/v1.0/groups/delta?$skiptoken=x"}
	for g := range groups {
		c := directory.GroupChange{ID: graphtest.ID(fmt.Sprint("group ", g)), Set: directory.Properties{
			"displayName": {fmt.Sprint("Group ", g)}, "description": {"a group as there are many"}, "mail": {},
			"groupTypes": {}, "securityEnabled": {"true"}, "mailEnabled": {"false"},
		}}
		for m := range members {
			c.Members = append(c.Members, directory.MemberChange{ID: graphtest.ID(fmt.Sprint(g, m)), Kind: directory.User})
		}
		p.Groups = append(p.Groups, c)
	}
	return graphtest.Encode(p)
}

// TestDecodeAllocates bounds what a page costs: what it skips costs nothing, and a
// member costs little more than its place in the page.
func TestDecodeAllocates(t *testing.T) {
	f := groupFeed(t)
	selection := f.selection(nil)
	allocs := func(page []byte) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := decode(bytes.NewReader(page), f, selection, false); err != nil {
				t.Error(err)
			}
		})
	}
	noise := func(n int) []byte {
		return []byte(`{"noise":[` + strings.Repeat(`{"a":"b","c":[1,2]},`, n) + `0],"value":[],"@odata.deltaLink":"d"}`)
	}
	empty := allocs(noise(500))
	if much := allocs(noise(50_000)); much > empty+2 {
		t.Errorf("1 MB of what is skipped costs %v allocations, 10 kB %v", much, empty)
	}
	const members = 20_000
	if per := (allocs(bigPage(1, members)) - empty) / members; per > 1.1 {
		t.Errorf("%.2f allocations a member, want at most 1", per)
	}
}

func BenchmarkDecode(b *testing.B) {
	f := groupFeed(b)
	selection := f.selection(nil)
	page := bigPage(20, 500)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(bytes.NewReader(page), f, selection, false); err != nil {
			b.Fatal(err)
		}
	}
}

// TestComplex: a property that is an object has a value for each part that is set.
func TestComplex(t *testing.T) {
	f := groupFeed(t)
	for text, want := range map[string][]string{
		`{"isEnabled": true, "onPremisesGroupType": "universalSecurityGroup"}`:   {"isEnabled=true", "onPremisesGroupType=universalSecurityGroup"},
		`{"@odata.type": "#x", "onPremisesGroupType": null, "isEnabled": false}`: {"isEnabled=false"},
		`{}`:   {},
		`null`: {},
	} {
		page, err := decode(strings.NewReader(`{"@odata.deltaLink":"d","value":[{"id":"0000aaaa-1111-2222-3333-0123456789ab","writebackConfiguration":`+text+`}]}`),
			f, f.selection([]string{betaProperty}), false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, page.Groups[0].Set[betaProperty]); diff != "" || len(page.Odd) > 0 {
			t.Errorf("%s: odd %v, -want +got:\n%s", text, page.Odd, diff)
		}
	}
}
