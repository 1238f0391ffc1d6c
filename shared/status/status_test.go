package status

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestState: what a head comes to in a word, the graver first.
func TestState(t *testing.T) {
	for want, h := range map[string]journal.Head{
		"new":               {},
		"stopped":           with(func(h *journal.Head) { h.Stop, h.Plan = "the agent reports from elsewhere", &journal.Plan{} }),
		"enumerating":       with(func(h *journal.Head) { h.Main.Number = 0 }),
		"waiting-for-agent": with(func(h *journal.Head) { h.Reported = time.Time{} }),
		"applying":          with(func(h *journal.Head) { h.Plan, h.Totals.Changes = &journal.Plan{}, 1 }),
		"pending":           with(func(h *journal.Head) { h.Totals.Changes, h.Totals.Held = 1, 1 }),
		"held": with(func(h *journal.Head) {
			h.Totals.Over, h.Totals.Parked = map[plan.GuardName]int{plan.Removals: 1}, 1
		}),
		"failing": with(func(h *journal.Head) {
			h.Failed(journal.FailedTurn, errors.New("the rules are old"), now)
			h.Stop = "too"
		}),
		"unread": with(func(h *journal.Head) {
			h.Failed(journal.FailedGraph, errors.New("401"), now)
			h.Plan = &journal.Plan{}
		}),
		"attention": with(func(h *journal.Head) { h.Totals.Parked = 1 }),
		"in-sync":   with(func(*journal.Head) {}),
	} {
		if got, _ := state(h, heard(now), now); got != want {
			t.Errorf("%+v is %q, want %q", h, got, want)
		}
	}
}

// heard is an agent that was heard of at a time.
func heard(at time.Time) journal.Agent { return journal.Agent{ID: "agent", Heard: at} }

// now is the time of these tests.
var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// TestSilentAgent: nobody is there to say that anything changed, and nothing is in sync for
// that.
func TestSilentAgent(t *testing.T) {
	h := with(func(h *journal.Head) { h.Plan = &journal.Plan{} })
	for ago, want := range map[time.Duration]string{time.Minute: "applying", 6 * time.Minute: "agent-silent"} {
		if word, got := state(h, heard(now.Add(-ago)), now); word != want {
			t.Errorf("heard %v ago: %s, %s", ago, word, got)
		}
	}
}

// TestFailures: a failure is told of with its cause and since when, until it is over; one
// that nobody has met again for hours is over too.
func TestFailures(t *testing.T) {
	h := with(func(h *journal.Head) { h.Failed(journal.FailedGraph, errors.New("401: consent was withdrawn"), now) })
	h.Failed(journal.FailedGraph, errors.New("401: other words"), now.Add(2*time.Hour))
	for at, want := range map[time.Duration]string{
		2 * time.Hour: "Entra ID could not be read, or not all of it, since 2026-11-01T12:00:00Z: 401: other words",
		6 * time.Hour: "",
	} {
		if _, got := state(h, heard(now.Add(at)), now.Add(at)); got != want {
			t.Errorf("after %v: %q, want %q", at, got, want)
		}
	}
	h.Failed(journal.FailedGraph, nil, now.Add(2*time.Hour))
	if word, _ := state(h, heard(now.Add(2*time.Hour)), now.Add(2*time.Hour)); word != "in-sync" {
		t.Errorf("Graph is well, and the state %q", word)
	}
	h.Wait = now.Add(time.Hour)
	if word, got := state(h, heard(now), now); word != "unread" || got != "Microsoft Graph asks not to be asked before 2026-11-01T13:00:00Z" {
		t.Errorf("%q: %q", word, got)
	}
	h.Shadow, h.Wait = &journal.Round{}, time.Time{}
	if word, _ := state(h, heard(now), now); word != "enumerating" {
		t.Errorf("read anew, and the state %q", word)
	}
}

// with is a head of a journal in sync, changed.
func with(change func(*journal.Head)) journal.Head {
	h := journal.Head{Gen: 3, Switch: journal.Switch{On: true}, Main: journal.Round{Number: 1}, Reported: time.Unix(1, 0)}
	change(&h)
	return h
}

// TestHeld: what is held is called by its own name. New groups that waited were once
// told of as removals.
func TestHeld(t *testing.T) {
	over := func(names ...plan.GuardName) record.Counts {
		c := record.Counts{Over: map[plan.GuardName]int{}}
		for _, n := range names {
			c.Over[n] = 7
		}
		return c
	}
	for want, c := range map[string]record.Counts{
		"removals over the limit wait for approval":                                  {Held: 3},
		"additions over the limit wait for approval":                                 over(plan.Additions),
		"new groups over the limit wait for approval":                                over(plan.Creations),
		"removals and new groups over the limit wait for approval":                   over(plan.Creations, plan.Removals),
		"removals, renames and moves and additions over the limit wait for approval": over(plan.Additions, plan.Moves, plan.Removals),
	} {
		if _, got := state(with(func(h *journal.Head) { h.Totals = c }), heard(now), now); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// TestAttention: nothing is in sync while something was refused, is in trouble, lacks
// evidence or an answer, or has to be read again. Each is counted, with where to look.
func TestAttention(t *testing.T) {
	tests := []struct {
		name   string
		change func(*journal.Head)
		want   string
	}{
		{"in trouble", func(h *journal.Head) { h.Totals.Trouble = 1 }, "1 group cannot be managed as it is (see the problems)"},
		{"refused", func(h *journal.Head) { h.Totals.Parked = 2 }, "2 changes or members were refused (see the problems)"},
		{"unproven", func(h *journal.Head) { h.Totals.Unproven = 3 },
			"3 members stay though nobody has said so (if it stays so, see the planner's log)"},
		{"asked", func(h *journal.Head) { h.Totals.Asks = 1 },
			"1 group waits for an answer of Microsoft Graph (if it stays so, see the planner's log)"},
		{"stale", func(h *journal.Head) { h.Totals.Stale = 4 },
			"4 groups have to be read again by the agent first (if it stays so, see the agent's log)"},
		{"blind", func(h *journal.Head) { h.Blind = "it may not list OU=x" },
			"the agent is not believed where it finds no group: it may not list OU=x (if it stays so, see the agent's log)"},
		{"several", func(h *journal.Head) { h.Totals.Trouble, h.Totals.Parked, h.Totals.Asks = 1, 1, 1 },
			"1 group cannot be managed as it is and 1 change or member was refused (see the problems); " +
				"1 group waits for an answer of Microsoft Graph (if it stays so, see the planner's log)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if word, got := state(with(tt.change), heard(now), now); word != "attention" || got != tt.want {
				t.Errorf("%s: %q, want attention: %q", word, got, tt.want)
			}
			busy := with(tt.change)
			busy.Totals.Changes = 1
			if word, got := state(busy, heard(now), now); word != "pending" || got != tt.want {
				t.Errorf("with changes on their way %s: %q; want that it is told all the same", word, got)
			}
		})
	}
	both := with(func(h *journal.Head) { h.Totals.Held, h.Totals.Parked = 1, 1 })
	want := "removals over the limit wait for approval; 1 change or member was refused (see the problems)"
	if word, got := state(both, heard(now), now); word != "held" || got != want {
		t.Errorf("held, and refused: %s: %q, want %q", word, got, want)
	}
}

// TestRead: problems come in words, all that was refused with the time of the next
// try, trouble once with the place, and a hold that lists nothing is listed all the same.
func TestRead(t *testing.T) {
	ctx := t.Context()
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	if s, err := Read(ctx, j, nil); err != nil || s.State != "new" {
		t.Fatalf("a new journal: %+v, %v", s, err)
	}
	tx, err := j.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id, lost, member, until := directory.ID{1}, directory.ID{3}, directory.ID{2}, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := tx.Mark(ctx, id, lost); err != nil {
		t.Fatal(err)
	}
	tries := record.Tries{Count: 1, Until: until}
	tx.PutRecord(&record.Group{ID: id, Observed: &plan.Group{ID: id, Name: "Staff"},
		Problems: []plan.Problem{{Group: id, Member: member, Reason: "guest"}},
		Parked: []record.Parked{{Tries: tries, Kind: plan.Adding, Ref: "S-1-5-21-1-2-3-1104", Text: "no such object"},
			{Tries: tries, Kind: plan.Renaming, Text: "the name is taken"}},
		Hold: &record.Hold{ID: "0123456789abcdef", Text: "7 would go", Count: 7}})
	tx.PutRecord(&record.Group{ID: lost, Observed: &plan.Group{ID: lost, Name: "Moved"},
		Trouble:  &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Moved,OU=elsewhere", Text: "move it back"},
		Problems: []plan.Problem{{Group: lost, Reason: plan.TroubleOutside, Text: "move it back"}}}) // as the decision leaves it
	shards, err := tx.Shards(ctx, func(record.Counts) bool { return true })
	if err != nil || len(shards) != 1 {
		t.Fatalf("shards %v, %v", shards, err)
	}
	tx.Counted(journal.Shard{Number: shards[0]}, record.Counts{Groups: 2, Held: 7}, false, time.Time{})
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := Read(ctx, j, func(p plan.Problem) string { return "in words: " + p.Reason })
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Holds) != 1 || s.Holds[0].ID != "0123456789abcdef" || s.Holds[0].Name != "Staff" || s.Holds[0].Group != id || s.Holds[0].Count != 7 {
		t.Errorf("holds %+v", s.Holds)
	}
	want := []Problem{
		{Group: id, Name: "Staff", Member: member, Reason: "guest", Text: "in words: guest"},
		{Group: id, Name: "Staff", Ref: "S-1-5-21-1-2-3-1104", Kind: plan.Adding, Reason: "refused", Text: "no such object", Until: until},
		{Group: id, Name: "Staff", Kind: plan.Renaming, Reason: "refused", Text: "the name is taken", Until: until},
		{Group: lost, Name: "Moved", DN: "CN=Moved,OU=elsewhere", Reason: plan.TroubleOutside, Text: "in words: outside-base"},
	}
	if diff := cmp.Diff(want, s.Problems); diff != "" {
		t.Errorf("problems -want +got:\n%s", diff)
	}
}
