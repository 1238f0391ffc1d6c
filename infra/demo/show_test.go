package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/columns"
)

// held holds what shown makes of each width against testdata/<name>-<width>.golden,
// and each of its lines against the width.
func held(t *testing.T, name string, shown func(paint palette) string) {
	t.Helper()
	for _, width := range []int{60, 80, 100} {
		text := shown(newPalette(false, width))
		if bare := columns.Bare(shown(newPalette(true, width))); bare != text {
			t.Errorf("%s: colours change the text (-plain +coloured):\n%s", name, cmp.Diff(text, bare))
		}
		for line := range strings.Lines(text) {
			if n := columns.Broad(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("a line of %d columns: %s", n, line)
			}
		}
		golden.Hold(t, fmt.Sprintf("%s-%d", name, width), text)
	}
}
