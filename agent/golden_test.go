package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var anew = flag.Bool("update", false, "write the golden files anew")

// golden is what a program printed in some situations, and how it ended. Its file is for
// people to read: every text that they may meet. Of a situation it has the lines that the
// first one does not have.
type golden struct {
	text  strings.Builder
	first map[string]bool // lines
}

// add notes a situation, with what differs each time replaced.
func (g *golden) add(name, out string, code int, replace ...string) {
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

// hold holds all of it against testdata/<name>.golden.
func (g *golden) hold(t *testing.T, name string) {
	t.Helper()
	file := "testdata/" + name + ".golden"
	if *anew {
		ok(t, os.MkdirAll("testdata", 0o755))
		ok(t, os.WriteFile(file, []byte(g.text.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	ok(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(g.text.String(), "\n")); diff != "" {
		t.Errorf("-%s +now (go test -update writes it anew)\n%s", file, diff)
	}
}
