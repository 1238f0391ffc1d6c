package main

import (
	"strconv"
	"strings"
	"time"

	"groupwriteback/shared/columns"
)

// stepRow is a step that is done: a mark, what it was, what there is to say of it, and
// how long it took. What does not fit beside the name stands below it.
func (paint palette) stepRow(mark, what, detail string, took time.Duration) (lines []string) {
	name := min(30, paint.Width/2-6)
	room := paint.Width - name - 16
	beside := detail
	if columns.Broad(detail) > room || strings.Contains(detail, "\n") {
		beside = ""
		for line := range strings.SplitSeq(detail, "\n") {
			lines = append(lines, columns.Fold("    "+line, paint.Width)...)
		}
	}
	return append([]string{"  " + mark + " " + columns.Pad(columns.Cut(what, name-1), name) + columns.Pad(beside, room) + " " + right(seconds(took))}, lines...)
}

// timeRow is a row of the closing table.
func (paint palette) timeRow(t timed) string {
	room := paint.Width - 14
	return "  " + columns.Pad(columns.Cut(t.what, room), room) + right(seconds(t.took))
}

// right puts a text at the right of 9 columns.
func right(s string) string { return strings.Repeat(" ", max(0, 9-columns.Broad(s))) + s }

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s" }
