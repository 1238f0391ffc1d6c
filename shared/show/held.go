package show

import (
	"cmp"
	"fmt"
	"strings"

	"groupwriteback/shared/record"
)

// Held is what limits hold: a sentence each, with its id where a person can say a word on it.
// more is how many others there are.
func (paint Paint) Held(held []record.Listing, more int) string {
	var b strings.Builder
	for _, h := range held {
		name := plain(cmp.Or(h.Name, string(h.Guard)))
		text := fmt.Sprintf("  %s %s: %s", paint.Change.Sprint("held"), name, plain(h.Text))
		if h.ID != "" {
			text += paint.Dim.Sprint(" (hold " + plain(h.ID) + ")")
		}
		if h.Denied != "" {
			text += ", rejected by " + plain(h.Denied)
		}
		b.WriteString(paint.Text(text))
	}
	if more > 0 {
		b.WriteString(paint.Text(English().Sprintf("  %s … and %d more", paint.Change.Sprint("held"), more)))
	}
	return b.String()
}
