package show

import (
	"encoding/base64"
	"strings"
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// few is a plan with each kind of change and of value.
func few() cycle.Preview {
	staff, sales := graphtest.ID("staff"), graphtest.ID("sales")
	const guid = "0f8fad5b-d9cb-469f-a165-70867728950e"
	return cycle.Preview{
		Groups: map[directory.ID]cycle.Described{staff: {Name: "All staff"}, sales: {Name: "Sales Süd"}},
		Names:  map[plan.Ref]string{"S-1-5-21-1-2-3-1102": "ann@corp.example", "mail:x@corp.example": "X"},
		More:   12, MoreHeld: 1,
		Changes: []plan.Change{
			{Op: plan.Create, Group: staff, Parent: "OU=Cloud Groups,DC=corp,DC=example", Name: "All staff, and more", Why: "the cloud has it", Set: map[string][]string{"displayName": {"All staff"}, "description": {" begins with a blank"}, "proxyAddresses": {"SMTP:a@x.example", "smtp:" + strings.Repeat("b", 90) + "@x.example"}}},
			{Op: plan.Update, Group: staff, Add: []plan.Ref{"S-1-5-21-1-2-3-1102", "S-1-5-21-1-2-3-1103", plan.GroupRef(sales), "mail:x@corp.example"}, Known: map[directory.ID]plan.GUID{sales: guid}},
			{Op: plan.Rename, Group: sales, GUID: guid, Name: "Sales Süd", Parent: "OU=Sales,DC=corp,DC=example", Set: map[string][]string{"sAMAccountName": {"Sales Süd"}}},
			{Op: plan.Update, Group: sales, GUID: guid, Set: map[string][]string{"description": nil, "info": {"two\nlines"}}, Remove: []plan.Ref{"guid:" + guid, plan.GroupRef(staff)}},
			{Op: plan.Relink, Group: sales, GUID: guid, Link: plan.ManagedBy, Add: []plan.Ref{"mail:x@corp.example"}},
			{Op: plan.Restore, Group: sales, GUID: guid, Name: "Sales Süd", Parent: "OU=Sales,DC=corp,DC=example", Set: map[string][]string{"displayName": {"Sales\x1b[2J"}}},
			{Op: plan.Disown, Group: sales, GUID: guid, Set: map[string][]string{"info": {"Left to people."}}},
			{Op: plan.Delete, Group: sales, GUID: guid, Count: 3},
		},
	}
}

func TestLDIF(t *testing.T) {
	text := LDIF(few())
	golden.Hold(t, "plan.ldif", text)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case len(line) > ldifColumns || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }):
			t.Errorf("a line that is no LDIF: %q", line)
		}
	}
	for _, record := range strings.Split(strings.ReplaceAll(text, "\n ", ""), "\n\n")[1:] {
		if !strings.Contains(record, "\nchangetype: ") && strings.Contains(record, ": ") && !strings.HasPrefix(record, "#") {
			t.Errorf("a record without its change:\n%s", record)
		}
	}
}

// TestLDIFSaysTheSame: what is written in base64 is the value, whole.
func TestLDIFSaysTheSame(t *testing.T) {
	text := strings.ReplaceAll(LDIF(few()), "\n ", "")
	for _, value := range []string{" begins with a blank", "Sales Süd", "two\nlines", "Sales\x1b[2J"} {
		if !strings.Contains(text, ":: "+base64.StdEncoding.EncodeToString([]byte(value))+"\n") {
			t.Errorf("%q is not in it", value)
		}
	}
	if got := LDIF(cycle.Preview{Waiting: "no agent has reported"}); !strings.Contains(got, "# No plan can be made yet: no agent has reported") {
		t.Errorf("a plan that cannot be made: %s", got)
	}
}
