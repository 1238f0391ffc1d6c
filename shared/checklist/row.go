package checklist

import (
	"cmp"
	"fmt"
	"strings"
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
	return sign + " " + strings.ReplaceAll(r.line(string(r.State)), "\n", "\n  ")
}

// line is the row with a word for its state.
func (r Row) line(word string) string {
	text := r.Text
	if r.Remedy != "" {
		text += ": " + r.Remedy
	}
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 23))
	return fmt.Sprintf("%-14s %-7s %s", Printable(r.What), Printable(word), Printable(text))
}
