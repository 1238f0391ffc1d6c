package columns

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for _, x := range []struct {
		variable       string
		terminal, want int
	}{
		{"", 0, 100}, {"", 72, 72}, {"", 40, 60}, {"", 250, 100},
		{"80", 0, 80}, {"80", 120, 80}, {"59", 120, 60}, {"1000", 70, 100},
		{"wide", 70, 70}, {"0", 70, 70}, {"-5", 0, 100},
	} {
		if got := Of(x.variable, x.terminal); got != x.want {
			t.Errorf("COLUMNS=%q on %d columns: %d, not %d", x.variable, x.terminal, got, x.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"  short", "  short"},
		{"  one two three four five", "  one two three four|    five"},
		{"  a  table  with  columns", "  a  table  with|    columns"},
		{"  /a/path/that/is/too/long look", "  /a/path/that/is/too/long|    look"},
		{"\x1b[1m  one two three\x1b[0m four five", "\x1b[1m  one two three\x1b[0m four|    five"},
		{"  東京都庁 東京都庁 東京", "  東京都庁 東京都庁|    東京"},
		{"  two\n  lines", "  two|  lines"},
	} {
		if got := strings.Join(Fold(x.text, 20), "|"); got != x.want {
			t.Errorf("%q is folded to\n%q, not\n%q", x.text, got, x.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, x := range []struct {
		text string
		n    int
		want string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"東京都庁", 6, "東京…"}, {"Übermorgen", 4, "Übe…"}} {
		if got := Cut(x.text, x.n); got != x.want {
			t.Errorf("Cut(%q, %d) = %q, not %q", x.text, x.n, got, x.want)
		}
	}
	if got := Pad("東京", 6); got != "東京  " {
		t.Errorf("pad counts columns wrongly: %q", got)
	}
}
