package show

import (
	"strings"

	"groupwriteback/shared/cycle"
)

// Shifts is what other rules want otherwise than those in force: of each group, then the sums, and what is not
// known yet.
func (paint Paint) Shifts(o cycle.Other) string {
	if o.Same {
		return paint.Text("  These rules are in force.")
	}
	var b strings.Builder
	for _, s := range o.Groups {
		sign, c := "~", paint.Change
		switch {
		case s.Come:
			sign, c = "+", paint.Add
		case s.Go:
			sign, c = "-", paint.Remove
		}
		b.WriteString(paint.Text("  " + c.Sprint(sign) + " " + paint.Strong.Sprint(plain(s.Name)) + paint.Dim.Sprint("  ("+strings.Join(shift(s), ", ")+")")))
	}
	if o.More > 0 {
		b.WriteString(paint.Text("  " + paint.Dim.Sprint(English().Sprintf("… and %d more", o.More))))
	}
	n := o.Counts
	b.WriteString(paint.Text(English().Sprintf("  By these rules %d groups come, %d go, %d move, %d are renamed, %d change; %d memberships come, %d go; %d groups have new problems.",
		n.Come, n.Go, n.Move, n.Rename, n.Change, n.Join, n.Leave, n.Problems)))
	for _, note := range o.Notes {
		b.WriteString(paint.Text("  " + paint.Change.Sprint("note") + " " + plain(note)))
	}
	return b.String()
}

// shift is what becomes of one group, in words.
func shift(s cycle.Shift) (words []string) {
	say := func(yes bool, format string, args ...any) {
		if yes {
			words = append(words, plain(English().Sprintf(format, args...)))
		}
	}
	say(s.Come, "it is written")
	say(s.Go, "it is not written any more")
	say(s.Move != "", "in %s", s.Move)
	say(s.Rename != "", "it is called %s now", s.Rename)
	say(len(s.Change) > 0, "other %s", strings.Join(s.Change, " and "))
	say(s.Join > 0, "%d join", s.Join)
	say(s.Leave > 0, "%d leave", s.Leave)
	say(len(s.Problems) > 0, "problems: %s", strings.Join(s.Problems, ", "))
	say(len(s.Held) > 0, "held by the limit of %s", strings.Join(s.Held, ", "))
	return words
}
