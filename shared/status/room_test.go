package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// counted has a journal keep records, with what was counted of them.
func counted(t *testing.T, records ...*record.Group) *journal.Journal {
	t.Helper()
	ctx := t.Context()
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	step := func(do func(tx *journal.Tx) error) {
		t.Helper()
		tx, err := j.Load(ctx)
		if err == nil {
			err = do(tx)
		}
		if err == nil {
			err = tx.Commit(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step(func(tx *journal.Tx) error {
		for _, r := range records {
			if err := tx.Mark(ctx, r.ID); err != nil {
				return err
			}
			tx.PutRecord(r)
		}
		return nil
	})
	step(func(tx *journal.Tx) error {
		shards, err := tx.Shards(ctx, func(record.Counts) bool { return true })
		for _, n := range shards {
			in, err := tx.Shard(ctx, n)
			if err != nil {
				return err
			}
			var c record.Counts
			for _, id := range in.Groups {
				r := tx.Record(id)
				c.Parked += len(r.Parked)
				if r.Hold != nil {
					c.Held, c.Holds = c.Held+r.Hold.Count, c.Holds+1
				}
			}
			tx.Counted(in, c, false, time.Time{})
		}
		return err
	})
	return j
}

func refused(id directory.ID, members int, text string) *record.Group {
	r := &record.Group{ID: id, Observed: &plan.Group{ID: id, Name: "Group " + id.String()}, Hold: &record.Hold{ID: id.String(), Text: strings.Repeat("7 would go ", 100), Count: 7}}
	for k := range members {
		r.Parked = append(r.Parked, record.Parked{Kind: plan.Adding, Ref: plan.Ref(fmt.Sprintf("S-1-5-21-1-2-3-%d", 1000+k)), Text: text})
	}
	return r
}

func words(p plan.Problem) string { return p.Text }

// TestLargeStatus: however many problems and holds there are and however long their texts,
// a status is an answer that the hosts take: AWS Lambda refused one of 7 MB. What is not
// listed is counted.
func TestLargeStatus(t *testing.T) {
	long := strings.Repeat("\u00e4\"", 4000)
	const members = 5000
	one := refused(directory.ID{7}, members, strings.Repeat("no ", 300))
	one.Parked[0].Text, one.Trouble = long, &plan.Trouble{Case: plan.TroubleTwin, DN: long, Text: long}
	s, err := Read(t.Context(), counted(t, one), Facts{}, words)
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
	if len(s.Problems)+s.More != members+1 || len(s.Holds)+s.MoreHolds != 1 || s.More == 0 {
		t.Errorf("%d problems and %d more, %d holds and %d more", len(s.Problems), s.More, len(s.Holds), s.MoreHolds)
	}
}

// TestStatusOfManyGroups: the status of a large tenant lists the first problems and holds, counts
// the others, and reads no more of the store than ten objects; page by page each is
// listed once.
func TestStatusOfManyGroups(t *testing.T) {
	const groups = 3000
	var records []*record.Group
	for i := range groups {
		records = append(records, refused(directory.ID{byte(i), byte(i >> 8), 7}, 4, "no"))
	}
	j := counted(t, records...)
	count := &blobtest.Count{Store: j.Store}
	j.Store = count
	s, err := Read(t.Context(), j, Facts{Scope: []directory.ID{{1}, {2}, {3}, {4}}}, words)
	if err != nil {
		t.Fatal(err)
	}
	if n := count.Take().Reads(); n > 10 {
		t.Errorf("%d reads", n)
	}
	if len(s.Problems)+s.More != 4*groups || len(s.Holds)+s.MoreHolds != groups || len(s.Problems) == 0 || len(s.Holds) == 0 || s.More == 0 || s.MoreHolds == 0 {
		t.Errorf("%d problems and %d more, %d holds and %d more", len(s.Problems), s.More, len(s.Holds), s.MoreHolds)
	}
	held, failed := map[directory.ID]int{}, map[directory.ID]int{}
	p := Page{Limit: 70}
	for more := true; more; {
		list, next, m, err := Holds(t.Context(), opened(t, j), p)
		if err != nil || len(list) > p.Limit {
			t.Fatalf("%d holds, %v", len(list), err)
		}
		for _, l := range list {
			held[l.Group]++
		}
		p.From, more = next, m
	}
	p = Page{Limit: 70}
	for more := true; more; {
		list, next, m, err := Problems(t.Context(), opened(t, j), "refused", p, words)
		if err != nil || len(list) > p.Limit+3 {
			t.Fatalf("%d problems, %v", len(list), err)
		}
		for _, l := range list {
			failed[l.Group]++
		}
		p.From, more = next, m
	}
	for _, r := range records {
		if held[r.ID] != 1 || failed[r.ID] != 4 {
			t.Fatalf("group %s is held %d times, and has %d problems", r.ID, held[r.ID], failed[r.ID])
		}
	}
}

func opened(t *testing.T, j *journal.Journal) *journal.Tx {
	t.Helper()
	tx, err := j.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}
