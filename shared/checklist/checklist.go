// Package checklist prints what a check has looked at, a line for each thing: whether it
// is as it must be, and else what is wrong and what to do. Both halves' checks use it.
//
// It looks at nothing itself. Its lines are safe for a terminal, whoever's words are in
// them. What was looked at is kept as rows too, for whoever tells it elsewhere.
package checklist

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// List is what one check has said. The zero value can be used; without Out nothing is printed.
type List struct {
	Out     io.Writer
	Colours bool  // of the words for how things are
	Width   int   // columns at which lines are folded; 0: they are not
	Rows    []Row // all that was told, in order

	failed int
}

// Good tells that a thing is as it must be.
func (l *List) Good(thing, text string) { l.Tell(Row{What: thing, State: OK, Text: text}) }

// Warn tells what is seldom meant, and keeps nothing from working.
func (l *List) Warn(thing, text string) { l.Tell(Row{What: thing, State: Warning, Text: text}) }

// Unknown tells why a thing could not be looked at: because of something that is told
// in a line of its own.
func (l *List) Unknown(thing, why string) { l.Tell(Row{What: thing, State: Unknown, Text: why}) }

// Bad tells what is wrong, and what to do.
func (l *List) Bad(thing string, err error) {
	for _, e := range each(err) {
		l.Tell(Row{What: thing, State: Missing, Text: e.Error()})
	}
}

// Tell tells rows that somebody else has made.
func (l *List) Tell(rows ...Row) {
	for _, r := range rows {
		if l.Rows = append(l.Rows, r); r.State == Missing {
			l.failed++
		}
		if l.Out != nil {
			fmt.Fprintln(l.Out, l.line(r))
		}
	}
}

// Say tells that a thing is as it must be, or what is wrong with it.
func (l *List) Say(thing string, err error, good string) {
	if err != nil {
		l.Bad(thing, err)
		return
	}
	l.Good(thing, good)
}

// Err is an error if anything was wrong.
func (l *List) Err() error {
	switch {
	case l.failed == 0:
		return nil
	case l.Out == nil:
		return fmt.Errorf("things that are missing: %d: see the rows of this state, put that right, and check again", l.failed)
	case l.failed == 1:
		return errors.New("one of the lines above says FAILED: put that right, and check again")
	}
	return fmt.Errorf("%d of the lines above say FAILED: put that right, and check again", l.failed)
}

// each are the errors that were joined, one by one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, each(e)...)
		}
		return all
	}
	return []error{err}
}

// Printable is a text without what moves a terminal's cursor or colours.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
