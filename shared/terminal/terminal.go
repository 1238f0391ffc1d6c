// Package terminal says what a program's output goes to: whether somebody sits there, how wide
// its lines may be, and whether they may have colours. All programs that print for people ask it.
//
// It prints nothing itself.
package terminal

import (
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"groupwriteback/shared/columns"
)

// Screen is what output goes to.
type Screen struct {
	Terminal bool // somebody sits there; else it is a file or a program
	Colours  bool
	Width    int // columns of text that is laid out
}

// Of looks at what an io.Writer or io.Reader is. Colours are for a terminal, unless NO_COLOR is set
// (https://no-color.org) or TERM is dumb; COLUMNS has the last word on the width.
func Of(what any) Screen {
	file, is := what.(*os.File)
	is = is && isatty.IsTerminal(file.Fd())
	wide := 0
	if is {
		wide, _, _ = term.GetSize(int(file.Fd())) // 0: it does not say
	}
	return Screen{Terminal: is, Colours: is && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", Width: columns.Of(os.Getenv("COLUMNS"), wide)}
}

// Fold is the width at which lines are folded that are whole sentences by themselves; 0: they are
// not, for a program reads them line by line.
func (s Screen) Fold() int {
	if s.Terminal {
		return s.Width
	}
	return 0
}
