// Package columns fits text into the columns of a terminal: how many there are, how many a text
// takes, and where it is folded, filled up or cut.
//
// It is pure, and knows colours by their sequences, which take no column.
package columns

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/rivo/uniseg"
)

// The width of all output, in columns. A wider terminal is not filled: long lines
// are hard to read.
const (
	narrowest = 60
	widest    = 100
)

// Of says how wide output may be, where COLUMNS is this and a terminal has so
// many columns; 0: there is none, or it does not say.
func Of(variable string, terminal int) int {
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

// Bare is a text without its colours.
func Bare(s string) string { return colours.ReplaceAllString(s, "") }

// Broad is how many columns a text takes.
func Broad(s string) int { return uniseg.StringWidth(Bare(s)) }

// Fold breaks a text between words into lines that fit, indented a little more than
// its beginning. A word that is too long by itself, such as a path, stays whole.
func Fold(text string, width int) (lines []string) {
	for part := range strings.SplitSeq(text, "\n") {
		lines = append(lines, foldLine(part, width)...)
	}
	return lines
}

func foldLine(text string, width int) (lines []string) {
	if Broad(text) <= width {
		return []string{text}
	}
	line := margin.FindString(text)
	hang, fresh := Bare(line)+"  ", true
	for word := range strings.SplitSeq(text[len(line):], " ") {
		switch {
		case fresh && word == "":
			continue
		case fresh:
			line += word
		case Broad(line)+1+Broad(word) <= width:
			line += " " + word
		default:
			lines = append(lines, strings.TrimRight(line, " "))
			line = hang + word
		}
		fresh = line == hang
	}
	return append(lines, strings.TrimRight(line, " "))
}

// Pad fills a text up to n columns.
func Pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-Broad(s))) }

// Cut shortens a text to n columns.
func Cut(s string, n int) string {
	if uniseg.StringWidth(s) <= n {
		return s
	}
	var b strings.Builder
	for g := uniseg.NewGraphemes(s); g.Next() && uniseg.StringWidth(b.String())+g.Width() < n; {
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}
