package terminal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/shared/terminal"
	"groupwriteback/shared/terminal/terminaltest"
)

// TestOf: a terminal has colours and its own width, but for what the environment says; a file and
// a buffer have neither, and keep their lines whole.
func TestOf(t *testing.T) {
	for _, name := range []string{"NO_COLOR", "COLUMNS"} {
		t.Setenv(name, "") // and TERM may be dumb where tests run
	}
	t.Setenv("TERM", "xterm")
	people, programs := terminaltest.Open(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const own = terminaltest.Columns
	for _, x := range []struct {
		name, variable, value string
		what                  any
		want                  terminal.Screen
		fold                  int
	}{
		{"a terminal", "", "", programs, terminal.Screen{Terminal: true, Colours: true, Width: own}, own},
		{"its other end", "", "", people, terminal.Screen{Terminal: true, Colours: true, Width: own}, own},
		{"without colours", "NO_COLOR", "1", programs, terminal.Screen{Terminal: true, Width: own}, own},
		{"a dumb one", "TERM", "dumb", programs, terminal.Screen{Terminal: true, Width: own}, own},
		{"another width", "COLUMNS", "80", programs, terminal.Screen{Terminal: true, Colours: true, Width: 80}, 80},
		{"a file", "", "", file, terminal.Screen{Width: 100}, 0},
		{"a file, and a width", "COLUMNS", "80", file, terminal.Screen{Width: 80}, 0},
		{"a buffer", "", "", new(strings.Builder), terminal.Screen{Width: 100}, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.variable != "" {
				t.Setenv(x.variable, x.value)
			}
			got := terminal.Of(x.what)
			if got != x.want || got.Fold() != x.fold {
				t.Errorf("%+v, folded at %d; want %+v, %d", got, got.Fold(), x.want, x.fold)
			}
		})
	}
}
