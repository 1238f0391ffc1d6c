package main

import (
	"bytes"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// TestHoldInWords: who is about to approve reads who goes, by name where there is one, and why.
func TestHoldInWords(t *testing.T) {
	id := directory.ID{15: 1}
	h := status.Hold{Names: map[plan.Ref]string{"S-1-5-21-1-2-3-1001": "anna@corp.example"}}
	h.Text, h.Causes, h.Denied = "2 of 3 members would go (66 %); the limit is 30 %", map[string]int{"left the group": 2}, "bob"
	h.Items = []record.Item{
		{Group: id, Name: "Staff", Remove: []plan.Ref{"S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"}},
		{Group: id, Name: "Large", Add: []plan.Ref{"S-1-5-21-1-2-3-1001"}},
		{Group: id, Name: "Moved", To: "OU=Elsewhere", Count: 1},
		{Group: id, Name: "Made"},
	}
	var b bytes.Buffer
	newSession(nil, &b, false).hold(h)
	want := `2 of 3 members would go (66 %); the limit is 30 %
2: left the group
rejected by bob
Staff (00000000-0000-0000-0000-000000000001): 2 members go
  - anna@corp.example (S-1-5-21-1-2-3-1001)
  - S-1-5-21-1-2-3-1002
Large (00000000-0000-0000-0000-000000000001): 1 member comes
  + anna@corp.example (S-1-5-21-1-2-3-1001)
Moved (00000000-0000-0000-0000-000000000001): 1 member goes, it is moved to OU=Elsewhere
Made (00000000-0000-0000-0000-000000000001)
`
	if got := b.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
