package status

import (
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// TestState: what a head comes to in a word, the graver first.
func TestState(t *testing.T) {
	good := journal.Head{Gen: 3, Main: journal.Round{Number: 1}, Reported: time.Unix(1, 0)}
	with := func(change func(*journal.Head)) journal.Head {
		h := good
		change(&h)
		return h
	}
	for want, h := range map[string]journal.Head{
		"new":               {},
		"stopped":           with(func(h *journal.Head) { h.Stop, h.Plan = "the agent reports from elsewhere", &journal.Plan{} }),
		"enumerating":       with(func(h *journal.Head) { h.Main.Number = 0 }),
		"waiting-for-agent": with(func(h *journal.Head) { h.Reported = time.Time{} }),
		"applying":          with(func(h *journal.Head) { h.Plan, h.Totals.Changes = &journal.Plan{}, 1 }),
		"pending":           with(func(h *journal.Head) { h.Totals.Changes, h.Totals.Held = 1, 1 }),
		"held":              with(func(h *journal.Head) { h.Totals.Over = map[plan.Scope]int{plan.Removals: 1} }),
		"in-sync":           good,
	} {
		if got, _ := state(h); got != want {
			t.Errorf("%+v is %q, want %q", h, got, want)
		}
	}
}

// TestRead: problems come in words, refused writes with the time of the next try,
// and a hold that lists nothing is listed all the same.
func TestRead(t *testing.T) {
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	if s, err := Read(t.Context(), j, nil); err != nil || s.State != "new" {
		t.Fatalf("a new journal: %+v, %v", s, err)
	}
	w, err := j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, member, until := directory.ID{1}, directory.ID{2}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := w.Mark(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.PutHave(&journal.Have{ID: id, Group: &plan.Group{ID: id, Name: "Staff"},
		Problems: []plan.Problem{{Group: id, Member: member, Reason: "guest"}},
		Bad:      []journal.Parked{{Ref: "S-1-5-21-1-2-3-1104", Text: "no such object", Until: until}},
		Hold:     &journal.Hold{ID: "0123456789abcdef", Text: "7 would go", Count: 7}})
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := Read(t.Context(), j, func(p plan.Problem) string { return "in words: " + p.Reason })
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Holds) != 1 || s.Holds[0].ID != "0123456789abcdef" || s.Holds[0].Name != "Staff" || s.Holds[0].Count != 7 {
		t.Errorf("holds %+v", s.Holds)
	}
	if len(s.Problems) != 2 || s.Problems[0].Text != "in words: guest" || s.Problems[0].Member != member || s.Problems[0].Name != "Staff" {
		t.Fatalf("problems %+v", s.Problems)
	}
	if p := s.Problems[1]; p.Reason != "refused" || !strings.Contains(p.Text, "no such object") || !p.Until.Equal(until) {
		t.Errorf("a refused member: %+v", p)
	}
}
