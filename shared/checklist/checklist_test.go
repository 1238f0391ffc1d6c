package checklist_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/columns"
)

// TestList is what is printed, to the letter: a line for each thing and each mistake, and
// nothing that moves a cursor.
func TestList(t *testing.T) {
	var out strings.Builder
	l := checklist.List{Out: &out}
	l.Good("state", "/var/lib/x")
	l.Warn("secret", "it ends with a blank")
	l.Unknown("target", "the relay was not reached")
	if err := l.Err(); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	l.Say("relay", nil, "as \x1b[2Ame\r!")
	l.Say("files", errors.Join(errors.New("one"), errors.Join(errors.New("two"), fmt.Errorf("three: %w", errors.New("why")))), "")
	l.Bad("store", errors.New("first\nsecond"))
	const want = "state          ok      /var/lib/x\n" +
		"secret         warning it ends with a blank\n" +
		"target         unknown the relay was not reached\n" +
		"relay          ok      as \uFFFD[2Ame\uFFFD!\n" +
		"files          FAILED  one\n" +
		"files          FAILED  two\n" +
		"files          FAILED  three: why\n" +
		"store          FAILED  first\n" +
		"                       second\n"
	if out.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", &out, want)
	}
	if err := l.Err(); err == nil || err.Error() != "4 of the lines above say FAILED: put that right, and check again" {
		t.Errorf("%v", err)
	}
}

// TestRows: what a list was told stands in rows, also where nothing is printed; and a row is a
// line by itself, safe for a terminal whoever has made it.
func TestRows(t *testing.T) {
	var l checklist.List
	l.Good("base", "OU=x")
	l.Bad("rights", errors.Join(errors.New("one"), errors.New("two")))
	l.Tell(checklist.Row{What: "policy", State: checklist.Warning, Text: "read_only", Remedy: "take it out"}, checklist.Row{What: "\x1b[2A", State: "\x1b[1m", Text: "a\nb"})
	var lines []string
	for _, r := range l.Rows {
		lines = append(lines, r.String())
	}
	want := []string{
		"✓ base           ok      OU=x",
		"✗ rights         missing one",
		"✗ rights         missing two",
		"! policy         warning read_only: take it out",
		"? \uFFFD[2A           \uFFFD[1m    a\n                         b",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("rows\n%q\nwant\n%q", lines, want)
	}
	if err := l.Err(); err == nil || err.Error() != "things that are missing: 2: see the rows of this state, put that right, and check again" {
		t.Errorf("two are missing: %v", err)
	}
}

// TestTerminal: at a terminal lines are folded beside their names, and the words have colours; nothing else
// is added.
func TestTerminal(t *testing.T) {
	var out, bare strings.Builder
	for _, l := range []*checklist.List{{Out: &out, Width: 60, Colours: true}, {Out: &bare, Width: 60}} {
		l.Good("state", "/var/lib/x")
		l.Bad("rights", errors.New("the account may not create groups in this container: let it"))
		l.Warn("policy", "read_only")
		l.Unknown("relay", "it was not asked")
	}
	const want = "state          ok      /var/lib/x\n" +
		"rights         FAILED  the account may not create groups in\n" +
		"                         this container: let it\n" +
		"policy         warning read_only\n" +
		"relay          unknown it was not asked\n"
	if bare.String() != want || columns.Bare(out.String()) != want {
		t.Errorf("it prints\n%s\nand, without its colours,\n%s\nwant\n%s", &bare, columns.Bare(out.String()), want)
	}
	for _, colour := range []string{"\x1b[32mok     \x1b[0m", "\x1b[31mFAILED \x1b[0m", "\x1b[33mwarning\x1b[0m", "\x1b[2munknown\x1b["} {
		if !strings.Contains(out.String(), colour) {
			t.Errorf("no %q in\n%q", colour, &out)
		}
	}
}
