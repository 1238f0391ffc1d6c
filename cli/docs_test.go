package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// page is docs/cli.md: all commands, as their --help has them.
func page(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("# The operators' command\n\nMade of the commands' own help: `go test ./cli -run TestPage -args -update` writes it anew.\n\n")
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		must(t, doc.GenMarkdownCustom(c, &b, func(name string) string { return "#" + strings.ReplaceAll(strings.TrimSuffix(name, ".md"), "_", "-") }))
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	root := command(io.Discard)
	add(root)
	return b.Bytes()
}

// TestPage holds docs/cli.md to the commands.
func TestPage(t *testing.T) {
	const file = "../docs/cli.md"
	want := page(t)
	if *update {
		must(t, os.WriteFile(file, want, 0o644))
	}
	got, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("docs/cli.md is not what the commands say: go test ./cli -run TestPage -args -update")
	}
}
