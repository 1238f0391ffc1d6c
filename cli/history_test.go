package main

import (
	"bytes"
	"testing"
	"time"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// TestHistoryInWords: a batch says what its changes come of; of one group each change says what it did, and what
// became of it.
func TestHistoryInWords(t *testing.T) {
	done := &plan.Result{Status: plan.Done}
	b := status.Batch{Seq: 7, At: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), DC: "CN=NTDS Settings,CN=DC1,CN=Servers,CN=x", Groups: 1, Added: 2, Refused: 1, Changes: []status.Applied{
		{Change: plan.Change{Op: plan.Update, Set: map[string][]string{"info": nil, "description": {"x"}}, Why: "it was changed by hand"}, Result: done},
		{Change: plan.Change{Op: plan.Update, Add: []plan.Ref{"a", "b"}, Remove: []plan.Ref{"c"}, Why: "the cloud changed"}, Result: done},
		{Change: plan.Change{Op: plan.Update, Set: map[string][]string{"mail": {"x"}}, Why: "the cloud changed"}, Result: &plan.Result{Status: plan.Refused, Text: "no right"}},
	}}
	for ofOne, want := range map[bool]string{
		false: `2026-02-03T04:05:06Z  batch 7 on DC1: 1 group, 2 memberships added, 0 removed, 1 refused
  1 change: it was changed by hand
  2 changes: the cloud changed
`,
		true: `2026-02-03T04:05:06Z  batch 7 on DC1: 1 group, 2 memberships added, 0 removed, 1 refused
  update (description, info): it was changed by hand
  update (2 members come; 1 member goes): the cloud changed
  update (mail): the cloud changed: refused: no right
`,
	} {
		var out bytes.Buffer
		s := newSession(nil, &out, false)
		s.paint.Width = 100
		s.past(status.Past{Batches: []status.Batch{b}}, ofOne)
		if got := out.String(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}
