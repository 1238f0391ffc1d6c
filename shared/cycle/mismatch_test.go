package cycle

import (
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/journal"
)

// TestMismatchTexts is why nothing is written any more where the agent reports from elsewhere.
func TestMismatchTexts(t *testing.T) {
	want := journal.Target{DomainSID: "S-1-5-21-1-2-3", BaseGUID: "one", Base: "OU=Groups,DC=corp,DC=test"}
	texts := &golden.Texts{}
	for _, got := range []journal.Target{{DomainSID: "S-1-5-21-9-9-9", BaseGUID: "one"}, {DomainSID: "S-1-5-21-1-2-3", BaseGUID: "two", Base: "OU=Else,DC=corp,DC=test"}} {
		texts.Add(mismatch(want, got))
	}
	if text := mismatch(want, want); text != "" {
		t.Errorf("the same place: %s", text)
	}
	texts.Hold(t, "stopped")
}
