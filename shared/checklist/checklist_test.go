package checklist_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"groupwriteback/shared/checklist"
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
