package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
)

// TestSide: who the agent is, by the same conditions as the target's standing; what it has found, or
// that it has said nothing of that.
func TestSide(t *testing.T) {
	found := []checklist.Row{{What: "base", State: checklist.OK, Text: "OU=x"}, {What: "rights", State: checklist.Missing, Text: "none"}}
	for name, test := range map[string]struct {
		so   func(v *view)
		want []string
	}{
		"well":                {func(*view) {}, []string{"✓ agent          ok      dc-agent, of version v1, at dc1, last heard of at 2026-11-01T11:59:00Z", "✓ policy         ok      keep_members", "✓ base           ok      OU=x", "✗ rights         missing none"}},
		"of an older version": {func(v *view) { v.Found = nil }, []string{"✓ agent", "✓ policy", "? rights         unknown the agent has not said"}},
		"no policy":           {func(v *view) { v.agent.Policy = "" }, []string{"✓ agent", "✓ policy         ok      none: what is planned", "✓ base", "✗ rights"}},
		"silent":              {func(v *view) { v.agent.Heard = now.Add(-time.Hour) }, []string{"✗ agent          missing the agent was last heard of at 2026-11-01T11:00:00Z: see whether it runs", "✓ policy", "✓ base", "✗ rights"}},
		"none":                {func(v *view) { v.Found, v.Reported, v.agent = nil, time.Time{}, journal.Agent{} }, []string{"✗ agent          missing no agent has reported", "? rights         unknown no agent has said yet"}},
		"read only":           {func(v *view) { v.agent.ReadOnly = true }, []string{"! policy         warning the agent's policy is read_only", "✓ agent", "✓ base", "✗ rights"}},
		"blind":               {func(v *view) { v.Blind = "it may not list OU=x" }, []string{"✗ sight          missing the agent is not believed", "✓ agent", "✓ policy", "✓ base", "✗ rights"}},
		"misplaced":           {func(v *view) { v.facts.OU = "OU=Else,DC=corp,DC=test" }, []string{"✗ container      missing the rules want", "✓ agent", "✓ policy", "✓ base", "✗ rights"}},
		"not the agent's":     {func(v *view) { v.Switch = journal.Switch{} }, []string{"✓ agent", "✓ policy", "✓ base", "✗ rights"}},
	} {
		v := well()
		v.agent.Host, v.agent.Version, v.agent.Policy, v.agent.DC = "dc-agent", "v1", "keep_members", "CN=NTDS Settings,CN=dc1,CN=Servers,DC=test"
		v.Target.Exchange, v.Found = exchange.Site{Schema: 17003}, found
		test.so(&v)
		s := v.side()
		var lines []string
		for _, r := range s.Rows {
			lines = append(lines, r.String())
		}
		if !slices.EqualFunc(lines, test.want, strings.HasPrefix) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(lines, "\n"), strings.Join(test.want, "\n"))
		}
		if s.Exchange.Schema != 17003 || s.Reported == v.Reported.IsZero() {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestEveryWordHasItsPlace: what keeps a target from being in sync is a row of a checklist too, and one that keeps it from
// working says so.
func TestEveryWordHasItsPlace(t *testing.T) {
	for _, c := range conditions() {
		if _, known := places()[c.word]; !known {
			t.Errorf("%s has no place in a checklist", c.word)
		}
		if r := (Standing{c.word, "so it is", c.remedy}).Row(); r.What == "" || r.Text != "so it is" || r.Remedy != c.remedy || r.State == checklist.OK && !(Standing{Word: c.word}).Healthy() {
			t.Errorf("%s is the row %+v", c.word, r)
		}
	}
	if r := (Standing{Word: "from-the-future"}).Row(); r.State != checklist.Warning || r.Text != "from-the-future" {
		t.Errorf("a word that nobody knows is the row %+v", r)
	}
}
