package life_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"groupwriteback/shared/life"
)

var update = flag.Bool("update", false, "write the table of the page anew")

// TestTable holds the table to what must be so of any life.
func TestTable(t *testing.T) {
	destructive := map[life.State]bool{life.Quarantined: true, life.Deleted: true}
	for _, from := range life.States() {
		for _, e := range life.Events() {
			for _, fate := range life.Fates() {
				to := life.Next(from, e, fate)
				switch {
				case !strings.Contains(life.Markdown(), "| "+string(to)+" |"):
					t.Errorf("%s, %s, %s: %q is no state", from, e, fate, to)
				case fate == life.Keep && to != from && destructive[to] && e != life.Erased && e != life.GraceOver:
					t.Errorf("%s, %s: %s, though all is to be kept", from, e, to)
				case to == life.Deleted && from != to && e != life.Erased && e != life.SwitchOff && from != life.Quarantined:
					t.Errorf("%s, %s, %s: deleted without a quarantine", from, e, fate)
				case e == life.Unsure && destructive[to] && to != from:
					t.Errorf("%s, %s, %s: %s, though nothing is known", from, e, fate, to)
				case e == life.Rejected && to != from:
					t.Errorf("%s, %s, %s: %s, though a person has said no", from, e, fate, to)
				}
			}
		}
		// From everywhere there is a way back.
		if to := life.Next(from, life.Wanted, life.Keep); to != life.Written && to != life.Waiting {
			t.Errorf("%s, and wanted again: %s", from, to)
		}
	}
}

// TestPage holds the page to the table.
func TestPage(t *testing.T) {
	const page, begin, end = "../../docs/life.md", "<!-- the table, from shared/life -->\n", "<!-- end of the table -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	if want := life.Markdown(); table != want {
		if !*update {
			t.Fatalf("the page has another table (go test ./shared/life -update writes it):\n%s", want)
		}
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
