package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestManual: each command has a manual page with its example, and the pages are the same each time.
func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	write := func() string {
		dir := filepath.Join(t.TempDir(), "man1")
		if code := run(t.Context(), []string{"man", dir}, io.Discard, t.Output()); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		return dir
	}
	one, two := write(), write()
	each(command(io.Discard), func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(one, name))
		must(t, err)
		again, err := os.ReadFile(filepath.Join(two, name))
		must(t, err)
		if string(page) != string(again) || !strings.Contains(string(page), ".SH EXAMPLE") || !strings.Contains(string(page), `"GROUPWRITEBACK`) {
			t.Errorf("%s is\n%s", name, page)
		}
	})
}
