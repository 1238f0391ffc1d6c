// Package checklist prints what a check has looked at, a line for each thing: whether it
// is as it must be, and else what is wrong and what to do. Both halves' checks use it.
//
// It looks at nothing itself. Its lines are safe for a terminal, whoever's words are in
// them.
package checklist

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// List is what one check has said. The zero value with Out can be used.
type List struct {
	Out io.Writer

	failed int
}

// Good tells that a thing is as it must be.
func (l *List) Good(thing, text string) { l.line(thing, "ok", text) }

// Warn tells what is seldom meant, and keeps nothing from working.
func (l *List) Warn(thing, text string) { l.line(thing, "warning", text) }

// Unknown tells why a thing could not be looked at: because of something that is told
// in a line of its own.
func (l *List) Unknown(thing, why string) { l.line(thing, "unknown", why) }

// Bad tells what is wrong, and what to do.
func (l *List) Bad(thing string, err error) {
	for _, e := range each(err) {
		l.failed++
		l.line(thing, "FAILED", e.Error())
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
	switch l.failed {
	case 0:
		return nil
	case 1:
		return errors.New("one of the lines above says FAILED: put that right, and check again")
	}
	return fmt.Errorf("%d of the lines above say FAILED: put that right, and check again", l.failed)
}

func (l *List) line(thing, word, text string) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 23))
	fmt.Fprintf(l.Out, "%-14s %-7s %s\n", thing, word, Printable(text))
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
