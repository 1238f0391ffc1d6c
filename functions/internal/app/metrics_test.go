package app

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// TestFiguresAreDescribed holds the table of docs/api.md to the figures: all that there are of a
// status that has everything, and no others.
func TestFiguresAreDescribed(t *testing.T) {
	now := time.Now()
	s := status.Status{Standing: status.Standing{Word: "held"}, Read: now, Reported: now, Agent: journal.Agent{Heard: now}, Plan: &journal.Plan{}}
	s.Totals.Problems, s.Totals.Over = map[string]int{"guest": 1}, map[plan.GuardName]int{plan.Removals: 1}
	var text bytes.Buffer
	figures(s).WritePrometheus(&text)
	page, err := os.ReadFile("../../../docs/api.md")
	must(t, err)
	_, table, _ := strings.Cut(string(page), "\n| Figure")
	described := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_]+[`{].*?) \\| ").FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile("`([a-z_]+)(?:`|\\{)").FindAllStringSubmatch(row[1], -1) {
			described[name[1]] = true
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^groupwriteback_([a-z_]+)`).FindAllStringSubmatch(text.String(), -1) {
		if !described[m[1]] {
			t.Errorf("docs/api.md does not describe the figure %s", m[1])
		}
		delete(described, m[1])
	}
	for name := range described {
		t.Errorf("docs/api.md describes %s, and there is no such figure", name)
	}
}
