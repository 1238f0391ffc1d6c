package checklist

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fatih/color"

	"groupwriteback/shared/columns"
)

// A Row is one thing that was looked at.
type Row struct {
	What   string `json:"what"` // a word
	State  State  `json:"state"`
	Text   string `json:"text"`             // what was found; a remedy may be part of it
	Remedy string `json:"remedy,omitempty"` // what to do
}

// State is how a thing is.
type State string

// The states: as it must be; seldom meant, and it keeps nothing from working; missing or
// wrong, so that something does not work; it could not be looked at.
const (
	OK      State = "ok"
	Warning State = "warning"
	Missing State = "missing"
	Unknown State = "unknown"
)

// words are the states as a check prints them.
var words = map[State]string{OK: "ok", Warning: "warning", Missing: "FAILED", Unknown: "unknown"}

// signs are the states where lines stand among others.
var signs = map[State]string{OK: "✓", Warning: "!", Missing: "✗", Unknown: "?"}

// String is the row as a line: "✓ agent          ok      …".
func (r Row) String() string {
	sign := cmp.Or(signs[r.State], signs[Unknown])
	return sign + " " + strings.ReplaceAll(r.line(padded(string(r.State)), 0), "\n", "\n  ")
}

// margin is how many columns stand before a row's text.
const margin = 23

// padded is the word for a state, as wide as the widest.
func padded(word string) string { return fmt.Sprintf("%-7s", Printable(word)) }

// line is the row with a word for its state, folded at a width; 0: it is not.
func (r Row) line(word string, width int) string {
	text := r.Text
	if r.Remedy != "" {
		text += ": " + r.Remedy
	}
	text = Printable(strings.TrimSpace(text))
	if width > 0 {
		text = strings.Join(columns.Fold(text, width-margin), "\n")
	}
	return fmt.Sprintf("%-14s %s %s", Printable(r.What), word, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", margin)))
}

// line is a row as the list prints it.
func (l *List) line(r Row) string {
	word := padded(words[r.State])
	if l.Colours {
		c := color.New(paints[r.State])
		c.EnableColor()
		word = c.Sprint(word)
	}
	return r.line(word, l.Width)
}

// paints are the colours of the states.
var paints = map[State]color.Attribute{OK: color.FgGreen, Warning: color.FgYellow, Missing: color.FgRed, Unknown: color.Faint}
