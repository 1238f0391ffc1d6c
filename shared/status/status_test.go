package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestRead: problems come in words, all that was refused with the time of the next
// try, trouble once with the place, and a hold that lists nothing is listed all the same.
func TestRead(t *testing.T) {
	ctx := t.Context()
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	if s, err := Read(ctx, j, Facts{}, nil); err != nil || s.Word != "new" {
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
	s, err := Read(ctx, j, Facts{}, func(p plan.Problem) string { return "in words: " + p.Reason })
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
