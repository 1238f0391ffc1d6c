package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestExchange: one line says what there is of Exchange, once an agent has looked.
func TestExchange(t *testing.T) {
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	for _, test := range []struct {
		reported time.Time
		site     exchange.Site
		want     string
	}{
		{time.Time{}, exchange.Site{}, ""},
		{time.Now(), exchange.Site{}, "none in this forest: groups without mail need none"},
		{time.Now(), exchange.Site{Schema: 15334, Unread: "let it"}, "the schema of Exchange 2016 CU21-CU23 (15334), and no organization, what there is now could not be read: let it"},
	} {
		tx, err := j.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tx.Head.Reported, tx.Head.Target.Exchange = test.reported, test.site
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(t.Context(), j, Facts{}, nil); err != nil || s.Exchange != test.want {
			t.Errorf("%+v: %q, %v; want %q", test.site, s.Exchange, err, test.want)
		}
	}
}

// TestWaitsForExchange: however many groups wait for Exchange, that is one problem, with their number; what is wrong with
// each of them besides is listed for each.
func TestWaitsForExchange(t *testing.T) {
	lack, own := plan.Problem{Reason: exchange.Waits, Text: "there is no server"}, plan.Problem{Reason: "guest", Member: directory.ID{9}}
	var all problemList
	all.room = roomForProblems
	for n := range 3 {
		r := &record.Group{ID: directory.ID{byte(n + 1)}, Problems: []plan.Problem{lack, own}}
		for _, p := range problems(r, func(p plan.Problem) string { return p.Text }) {
			all.add(p)
		}
	}
	want := []Problem{{Groups: 3, Reason: exchange.Waits, Text: "there is no server"}}
	for n := range 3 {
		want = append(want, Problem{Group: directory.ID{byte(n + 1)}, Member: directory.ID{9}, Reason: "guest"})
	}
	if diff := cmp.Diff(want, all.problems); diff != "" || all.more != 0 {
		t.Errorf("%s, and %d more", diff, all.more)
	}
	all.room = 0
	all.add(Problem{Groups: 1, Reason: exchange.Waits, Text: "there is no server"})
	if all.problems[0].Groups != 4 || all.more != 0 {
		t.Errorf("without room a fourth is counted as %+v, and %d more", all.problems[0], all.more)
	}
}
