package decision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestAddressTaken: the rules are asked for a wish without what others have, and what they
// wish of it all the same is taken out. It is a problem until the group has it or nobody
// wants it, and wished again when its time has come or on other grounds.
func TestAddressTaken(t *testing.T) {
	clash := record.Clash{Tries: record.Tries{Count: 1, Until: now.Add(time.Hour)}, Attribute: "proxyAddresses", Value: "smtp:b@x", By: "CN=Bob", Grounds: "g"}
	wanted := []string{"SMTP:a@x", "smtp:B@x"}
	for name, test := range map[string]struct {
		has    []string // in Active Directory
		wish   []string // by the rules
		change func(*decision.Input)
		gets   string
		told   bool
		wakes  bool
	}{
		"it waits":           {[]string{"SMTP:a@x"}, wanted, nil, "", true, true},
		"the rest is set":    {nil, wanted, nil, "SMTP:a@x", true, true},
		"its time has come":  {[]string{"SMTP:a@x"}, wanted, func(in *decision.Input) { in.Now = clash.Until }, "SMTP:a@x smtp:B@x", true, false},
		"on other grounds":   {[]string{"SMTP:a@x"}, wanted, func(in *decision.Input) { in.Grounds = "h" }, "SMTP:a@x smtp:B@x", true, false},
		"the group has it":   {[]string{"SMTP:a@x", "smtp:b@X"}, wanted, nil, "SMTP:a@x smtp:B@x", false, false},
		"nobody wants it":    {[]string{"SMTP:a@x"}, []string{"SMTP:c@x"}, nil, "SMTP:c@x", false, false},
		"nothing is wished":  {[]string{"SMTP:a@x"}, nil, nil, "", false, false},
		"the group is read":  {[]string{"SMTP:a@x"}, wanted, func(in *decision.Input) { in.Record.Stale = true }, "", true, true},
		"the group is stray": {[]string{"SMTP:a@x"}, wanted, func(in *decision.Input) { in.Record.Trouble = &plan.Trouble{Case: plan.TroubleTwin} }, "", true, true},
	} {
		var asked []plan.Clash
		in := decision.Input{Record: record.Group{ID: staff, Observed: &plan.Group{ID: staff, Name: "Staff", GUID: "g", Attrs: map[string][]string{"sAMAccountName": {"Staff"}}}, Clashes: []record.Clash{clash}},
			Cloud: cloud(directory.Named), Limits: plan.DefaultLimits(), Now: now, Grounds: "g", Kin: func(id directory.ID) *record.Group { return &record.Group{ID: id} }}
		if test.has != nil {
			in.Record.Observed.Attrs["proxyAddresses"] = test.has
		}
		in.Wish = func(observed *plan.Group, taken []plan.Clash) plan.Wish {
			asked = taken
			w := plan.Wish{Event: life.Wanted}
			if test.wish != nil {
				w.Group = &plan.Group{ID: staff, Name: "Staff", Attrs: map[string][]string{"proxyAddresses": test.wish}}
			}
			return w
		}
		if test.change != nil {
			test.change(&in)
		}
		out := decision.Decide(in)
		gets := ""
		if out.Draft != nil {
			for _, c := range out.Draft.Changes() {
				gets += strings.Join(c.Set["proxyAddresses"], " ")
			}
		}
		told := slices.ContainsFunc(out.Record.Problems, func(p plan.Problem) bool {
			return p.Reason == decision.AddressTaken && strings.Contains(p.Text, "proxyAddresses smtp:b@x is that of CN=Bob: the group is without it")
		})
		if gets != test.gets || told != test.told || (len(out.Record.Clashes) == 1) != test.told || out.Wake.Equal(clash.Until) != test.wakes || (len(asked) == 1) != test.wakes {
			t.Errorf("%s: gets %q, told %t, clashes %v, wakes %s, the rules were told %v", name, gets, told, out.Record.Clashes, out.Wake, asked)
		}
	}
}
