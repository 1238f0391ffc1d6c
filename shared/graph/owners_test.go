package graph

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
)

// TestOddOwners: of owners that could not all be read nobody may say that they are all
// there are. It costs no member, and what is odd about members costs no owner.
func TestOddOwners(t *testing.T) {
	const (
		text  = `"id":"0000aaaa-1111-2222-3333-0123456789ab"`
		alice = `{"id":"74de5a1a-1a2b-4c3d-8e9f-000000000001","@odata.type":"#microsoft.graph.user"}`
		app   = `{"@odata.type":"#microsoft.graph.servicePrincipal","id":"74de5a1a-1a2b-4c3d-8e9f-000000000005"}`
		tail  = ": who all the owners are is not known"
	)
	id := mustID(t, "0000aaaa-1111-2222-3333-0123456789ab")
	withAlice := []directory.MemberChange{{ID: mustID(t, "74de5a1a-1a2b-4c3d-8e9f-000000000001"), Kind: directory.User}}
	withApp := []directory.MemberChange{{ID: mustID(t, "74de5a1a-1a2b-4c3d-8e9f-000000000005"), Kind: directory.ServicePrincipal}}
	for name, test := range map[string]struct {
		item string
		want directory.GroupChange
		odd  string
	}{
		"none":                    {`{` + text + `}`, directory.GroupChange{OwnersTold: true}, ""},
		"an empty list":           {`{` + text + `,"owners@delta":[]}`, directory.GroupChange{OwnersTold: true}, ""},
		"an application":          {`{` + text + `,"owners@delta":[` + app + `]}`, directory.GroupChange{Owners: withApp, OwnersTold: true}, ""},
		"of a type that is new":   {`{` + text + `,"owners@delta":[` + strings.Replace(app, "servicePrincipal", "robot", 1) + `]}`, directory.GroupChange{Owners: []directory.MemberChange{{ID: withApp[0].ID, Kind: "robot"}}, OwnersTold: true}, ""},
		"null":                    {`{` + text + `,"owners@delta":null,"members@delta":[` + alice + `]}`, directory.GroupChange{Members: withAlice}, "owners could not all be read: owners@delta is not a list" + tail},
		"one of no type":          {`{"owners@delta":[{` + text + `},` + alice + `],` + text + `}`, directory.GroupChange{Owners: withAlice}, "owners could not all be read: object 0000aaaa-1111-2222-3333-0123456789ab has no @odata.type" + tail},
		"two that are none":       {`{` + text + `,"owners@delta":[7,` + alice + `,null]}`, directory.GroupChange{Owners: withAlice}, "owners could not all be read: found number where an object belongs (the first of 2)" + tail},
		"an odd member":           {`{` + text + `,"owners@delta":[` + app + `],"members@delta":[7,` + alice + `]}`, directory.GroupChange{Members: withAlice, Partial: true, Owners: withApp, OwnersTold: true}, "members could not all be read: found number where an object belongs: nobody is taken to have left"},
		"perhaps kept back":       {`{` + text + `,"visibility":{},"owners@delta":[` + app + `]}`, directory.GroupChange{Partial: true, Owners: withApp}, "property visibility is not a string, number, boolean, or a list of them: rules cannot read it: what is known of it stays as it was"},
		"a property of that name": {`{` + text + `,"owners":["x"]}`, directory.GroupChange{OwnersTold: true}, ""},
	} {
		f := groupFeed(t)
		page, err := decode(strings.NewReader(`{"@odata.deltaLink":"d","value":[`+test.item+`]}`), f, f.selection([]string{owners}), false)
		if err != nil {
			t.Fatal(err)
		}
		test.want.ID = id
		if d := cmp.Diff([]directory.GroupChange{test.want}, page.Groups); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
		got := ""
		for _, o := range page.Odd {
			got += o.What
		}
		if got != test.odd {
			t.Errorf("%s: odd is %q, want %q", name, got, test.odd)
		}
	}
}
