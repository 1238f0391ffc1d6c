package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestLargeStatus: however many problems and holds there are and however long their texts,
// a status is an answer that the hosts take: AWS Lambda refused one of 7 MB. What is not
// listed is counted.
func TestLargeStatus(t *testing.T) {
	ctx := t.Context()
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	tx, err := j.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const groups = 3000
	var ids []directory.ID
	for i := range groups {
		ids = append(ids, directory.ID{byte(i), byte(i >> 8), 7})
	}
	if err := tx.Mark(ctx, ids...); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("\u00e4\"", 4000)
	for i, id := range ids {
		r := &record.Group{ID: id, Observed: &plan.Group{ID: id, Name: fmt.Sprintf("Group %d", i)}, Hold: &record.Hold{ID: fmt.Sprint(i), Text: strings.Repeat("7 would go ", 100), Count: 7}}
		for k := range 4 {
			r.Parked = append(r.Parked, record.Parked{Kind: plan.Adding, Ref: plan.Ref(fmt.Sprintf("S-1-5-21-1-2-3-%d", 1000+k)), Text: strings.Repeat("no ", 300)})
		}
		if i == 0 {
			r.Parked[0].Text, r.Trouble = long, &plan.Trouble{Case: plan.TroubleTwin, DN: long, Text: long}
		}
		tx.PutRecord(r)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if tx, err = j.Load(ctx); err != nil {
		t.Fatal(err)
	}
	shards, err := tx.Shards(ctx, func(record.Counts) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range shards {
		tx.Counted(journal.Shard{Number: n}, record.Counts{Held: 7}, false, time.Time{})
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := Read(ctx, j, Facts{}, func(p plan.Problem) string { return p.Text })
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 5<<20 || len(data) < 3<<20 {
		t.Errorf("a status of %d bytes", len(data))
	}
	if len(s.Problems)+s.More != 4*groups+1 || len(s.Holds)+s.MoreHolds != groups || s.More == 0 || s.MoreHolds == 0 {
		t.Errorf("%d problems and %d more, %d holds and %d more", len(s.Problems), s.More, len(s.Holds), s.MoreHolds)
	}
}
