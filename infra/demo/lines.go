package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

// The width of all output, in columns. A wider terminal is not filled: long lines
// are hard to read.
const (
	narrowest = 60
	widest    = 100
)

// columns says how wide output may be, where COLUMNS is this and a terminal has so
// many columns; 0: there is none, or it does not say.
func columns(variable string, terminal int) int {
	n, err := strconv.Atoi(variable)
	if err != nil || n <= 0 {
		n = terminal
	}
	if n <= 0 {
		return widest
	}
	return min(max(n, narrowest), widest)
}

// colours are the sequences that a palette writes (ECMA-48, SGR).
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// margin is what stands before a text's first word.
var margin = regexp.MustCompile("^(?:\x1b\\[[0-9;]*m| )*")

// broad is how many columns a text takes.
func broad(s string) int { return uniseg.StringWidth(colours.ReplaceAllString(s, "")) }

// fold breaks a text between words into lines that fit, indented a little more than
// its beginning. A word that is too long by itself, such as a path, stays whole.
func fold(text string, width int) (lines []string) {
	for part := range strings.SplitSeq(text, "\n") {
		lines = append(lines, foldLine(part, width)...)
	}
	return lines
}

func foldLine(text string, width int) (lines []string) {
	if broad(text) <= width {
		return []string{text}
	}
	line := margin.FindString(text)
	hang, fresh := colours.ReplaceAllString(line, "")+"  ", true
	for word := range strings.SplitSeq(text[len(line):], " ") {
		switch {
		case fresh && word == "":
			continue
		case fresh:
			line += word
		case broad(line)+1+broad(word) <= width:
			line += " " + word
		default:
			lines = append(lines, strings.TrimRight(line, " "))
			line = hang + word
		}
		fresh = line == hang
	}
	return append(lines, strings.TrimRight(line, " "))
}

// stepRow is a step that is done: a mark, what it was, what there is to say of it, and
// how long it took. What does not fit beside the name stands below it.
func (paint palette) stepRow(mark, what, detail string, took time.Duration) (lines []string) {
	name := min(30, paint.width/2-6)
	room := paint.width - name - 16
	beside := detail
	if broad(detail) > room || strings.Contains(detail, "\n") {
		beside = ""
		for line := range strings.SplitSeq(detail, "\n") {
			lines = append(lines, fold("    "+line, paint.width)...)
		}
	}
	return append([]string{"  " + mark + " " + pad(cut(what, name-1), name) + pad(beside, room) + " " + right(seconds(took))}, lines...)
}

// timeRow is a row of the closing table.
func (paint palette) timeRow(t timed) string {
	room := paint.width - 14
	return "  " + pad(cut(t.what, room), room) + right(seconds(t.took))
}

// right puts a text at the right of 9 columns.
func right(s string) string { return strings.Repeat(" ", max(0, 9-broad(s))) + s }

// pad fills a text up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-broad(s))) }

// cut shortens a text to n columns.
func cut(s string, n int) string {
	if uniseg.StringWidth(s) <= n {
		return s
	}
	var b strings.Builder
	for g := uniseg.NewGraphemes(s); g.Next() && uniseg.StringWidth(b.String())+g.Width() < n; {
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s" }
