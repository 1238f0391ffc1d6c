// Package golden holds what programs print against files for people to read: every text
// that they may meet. go test -update writes the files anew.
package golden

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var anew = flag.Bool("update", false, "write the golden files anew")

// Anew says whether files are to be written anew, for those who hold more than one text to them.
func Anew() bool { return *anew }

// Situations is what a program printed in some situations, and how it ended. Of a situation
// it has the lines that the first one does not have.
type Situations struct {
	text  strings.Builder
	first map[string]bool // lines
}

// Add notes a situation, with what differs each time replaced.
func (g *Situations) Add(name, out string, code int, replace ...string) {
	out = strings.NewReplacer(replace...).Replace(out)
	fmt.Fprintf(&g.text, "== %s: exit code %d\n", name, code)
	isFirst := g.first == nil
	if isFirst {
		g.first = map[string]bool{}
	}
	for line := range strings.Lines(out) {
		if !g.first[line] || isFirst {
			g.text.WriteString(line)
		}
		if isFirst {
			g.first[line] = true
		}
	}
	g.text.WriteString("\n")
}

// Hold holds all of it against testdata/<name>.golden.
func (g *Situations) Hold(t *testing.T, name string) {
	t.Helper()
	Hold(t, name, g.text.String())
}

// Hold holds a text against testdata/<name>.golden.
func Hold(t *testing.T, name, text string) {
	t.Helper()
	file := "testdata/" + name + ".golden"
	if *anew {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("-%s +now (go test -update writes it anew)\n%s", file, diff)
	}
}

// Described holds the lines of a checklist that were printed to the table in a page's section
// Check: each is described there, and each that is described was met.
func (g *Situations) Described(t *testing.T, page string) {
	t.Helper()
	doc, err := os.ReadFile(page)
	must(t, err)
	_, part, _ := strings.Cut(string(doc), "\n## Check\n")
	part, _, _ = strings.Cut(part, "\n## ")
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+`(?:, )?)+) \\|").FindAllStringSubmatch(part, -1) {
		for name := range strings.SplitSeq(strings.ReplaceAll(m[1], "`", ""), ", ") {
			rows[name] = false
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+) +(ok|warning|unknown|FAILED) `).FindAllStringSubmatch(g.text.String(), -1) {
		if _, documented := rows[m[1]]; !documented {
			t.Errorf("%s says nothing of the line %s", page, m[1])
		}
		rows[m[1]] = true
	}
	for name, met := range rows {
		if !met {
			t.Errorf("%s describes the line %s, which no situation has", page, name)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Texts are what people are told, one in a line, to be held against a file as they come.
type Texts struct{ text strings.Builder }

// Add notes a text, with what differs each time replaced.
func (x *Texts) Add(text string, replace ...string) {
	x.text.WriteString(strings.NewReplacer(replace...).Replace(text) + "\n")
}

// Hold holds all of them against testdata/<name>.golden.
func (x *Texts) Hold(t *testing.T, name string) {
	t.Helper()
	Hold(t, name, x.text.String())
}
