package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/status"
)

func TestColumns(t *testing.T) {
	for _, x := range []struct {
		variable       string
		terminal, want int
	}{
		{"", 0, 100}, {"", 72, 72}, {"", 40, 60}, {"", 250, 100},
		{"80", 0, 80}, {"80", 120, 80}, {"59", 120, 60}, {"1000", 70, 100},
		{"wide", 70, 70}, {"0", 70, 70}, {"-5", 0, 100},
	} {
		if got := columns(x.variable, x.terminal); got != x.want {
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
		if got := strings.Join(fold(x.text, 20), "|"); got != x.want {
			t.Errorf("%q is folded to\n%q, not\n%q", x.text, got, x.want)
		}
	}
}

func TestRows(t *testing.T) {
	golden(t, "rows", func(paint palette) string {
		lines := paint.stepRow("✓", "Agent's first report", "signed in to the relay and to ldaps://127.8.31.7:636", 1234*time.Millisecond)
		lines = append(lines, paint.stepRow("✓", "Handler and agent", "handler 21.4 MB", time.Minute)...)
		lines = append(lines, paint.stepRow("✗", "Company in the cloud", "", 0)...)
		lines = append(lines, paint.stepRow("✓", "Compared at the end", "40 groups, 6412 members\nby hand: nothing: equal", time.Second)...)
		lines = append(lines, paint.stepRow("✓", "A step whose name is as long as no step's should be", "and more", time.Second)...)
		for _, what := range []string{"First plan applied", "cloud to AD: member removed from a group of 6,000 by somebody who likes long sentences, and more of them"} {
			lines = append(lines, paint.timeRow(timed{what, 12345 * time.Millisecond}))
		}
		return strings.Join(append(lines, ""), "\n")
	})
}

func TestStanding(t *testing.T) {
	golden(t, "standing", func(paint palette) string {
		var b strings.Builder
		for _, s := range []status.Standing{
			{Word: "unread", Detail: "Entra ID could not be read, or not all of it, since 2026-02-03T04:05:06Z: read groups feed: 403 Forbidden: Authorization_RequestDenied",
				Remedy: "see the permissions and the sign-in of the app (handler check); what needs no word of Entra ID goes on"},
			{Word: "unread", Detail: "Entra ID could not be read: groups: 403\nusers: 403\ndevices: 403", Remedy: "see the permissions"},
			{Word: "applying", Detail: "1 change is on its way, since 2026-02-03T04:05:06Z: 0 of 1 batches are done", Remedy: "wait"},
			{Word: status.InSync},
		} {
			fmt.Fprintln(&b, strings.Join(paint.standing(s), "\n"))
		}
		return b.String()
	})
}
