package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/terminal"
)

// printer prints what was found, as text or as JSON.
type printer struct {
	out  io.Writer
	json bool
}

// list is where a check tells what it finds.
func (p printer) list() *checklist.List {
	if p.json {
		return &checklist.List{}
	}
	screen := terminal.Of(p.out)
	return &checklist.List{Out: p.out, Colours: screen.Colours, Width: screen.Fold()}
}

// checks ends a check: its rows, where they are not printed yet, and what came of it.
func (p printer) checks(l *checklist.List, err error) error {
	if !p.json {
		return err
	}
	if printErr := p.print(struct {
		Checks []checklist.Row `json:"checks"`
	}{l.Rows}); printErr != nil {
		return printErr
	}
	return err
}

// policy prints what a policy says.
func (p printer) policy(file string, words []word) error {
	if p.json {
		return p.print(struct {
			Policy []word `json:"policy"`
		}{words})
	}
	width := terminal.Of(p.out).Fold()
	fmt.Fprintln(p.out, checklist.Printable("the policy of "+file+":"))
	for _, w := range words {
		fmt.Fprint(p.out, w.line(width))
	}
	return nil
}

// line is the word as text, folded at a width; 0: it is not.
func (w word) line(width int) string {
	const margin = 21
	text := checklist.Printable(w.Text)
	if width > 0 {
		text = strings.Join(columns.Fold(text, width-margin), "\n"+strings.Repeat(" ", margin))
	}
	return fmt.Sprintf("  %-11s %-6s %s\n", w.What, w.Allowed, text)
}

func (p printer) print(v any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
