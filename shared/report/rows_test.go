package report

import (
	"os"
	"strings"
	"testing"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// TestPartsOfAReport: each kind of row that there may be many of ends a part.
func TestPartsOfAReport(t *testing.T) {
	for _, test := range []struct {
		name  string
		rows  int
		row   relay.Row
		parts int
	}{
		{"none", 0, relay.Row{}, 1},
		{"one", 1, relay.Row{}, 1},
		{"as many as a part takes", MaxRows, relay.Row{}, 1},
		{"one more", MaxRows + 1, relay.Row{}, 2},
		{"with members", 10, relay.Row{Group: &plan.Group{Links: plan.Members(make([]plan.Ref, 6000)...)}}, 5},
		{"with long values", 300, relay.Row{Group: &plan.Group{Attrs: map[string][]string{"info": {strings.Repeat("x", 10_000)}}}}, 4},
		{"in trouble", 300, relay.Row{Trouble: &plan.Trouble{Text: strings.Repeat("x", 10_000)}}, 4},
	} {
		dir := t.TempDir()
		rows := &Rows{Scratch: func() (*os.File, error) { return os.CreateTemp(dir, "") }}
		for range test.rows {
			must(t, rows.Add(test.row))
		}
		seen, parts := 0, 0
		must(t, rows.each(func(n int, some []relay.Row) error {
			parts++
			seen += len(some)
			if n != parts || some == nil {
				t.Errorf("%s: part %d comes as %d: %v", test.name, parts, n, some)
			}
			return nil
		}))
		rows.Drop()
		if parts != test.parts || rows.Parts() != parts || seen != test.rows {
			t.Errorf("%s: %d rows in %d parts, want %d in %d", test.name, seen, parts, test.rows, test.parts)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
