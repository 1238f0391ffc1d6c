// Package show turns what people are to read into text: a plan, short or whole, what is held,
// and what could not be written and why. The demo, the pilot and the operators' command show
// the same things by it.
//
// It is pure: data in, text out. How wide lines may be and whether there are colours comes in
// too. Whoever's words are in it, the text moves no terminal's cursor; no line is wider than
// it may be, unless a single word is.
package show

import (
	"strings"

	"github.com/fatih/color"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/columns"
)

// Paint holds the colours by meaning, and how wide a line may be. New makes it.
type Paint struct {
	Add, Change, Remove, Strong, Dim *color.Color

	Width int // columns
}

// New makes a paint with colours, or one whose colours are none.
func New(colours bool, width int) Paint {
	p := Paint{color.New(color.FgGreen), color.New(color.FgYellow), color.New(color.FgRed), color.New(color.Bold), color.New(color.Faint), width}
	for _, c := range []*color.Color{p.Add, p.Change, p.Remove, p.Strong, p.Dim} {
		if colours {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
	}
	return p
}

// Text is a text in lines that fit, each with its end.
func (paint Paint) Text(text string) string {
	return strings.Join(columns.Fold(text, paint.Width), "\n") + "\n"
}

// English writes numbers with their thousands apart.
func English() *message.Printer { return message.NewPrinter(language.English) }

// plain is somebody's word on one line, without blanks around it and without what moves a cursor.
func plain(s string) string {
	return checklist.Printable(strings.TrimSpace(strings.ReplaceAll(s, "\n", " ")))
}
