package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/relay"
)

// found are the lines of what the agent tells with a turn's reports.
func (w *world) found(a *agent) (lines []string, reports int) {
	w.t.Helper()
	w.reports = nil
	_, err := a.turn(w.t.Context())
	ok(w.t, err)
	for _, r := range w.reports {
		for _, row := range r.Found {
			lines = append(lines, row.String())
		}
	}
	return lines, len(w.reports)
}

// TestFoundIsReported: a full report says, once, what a check would find of the base, of what the
// rules want there, and of the policy. Where the rules want something else it is looked at anew, at
// once and without a restart; what cannot be read keeps no report from being made.
func TestFoundIsReported(t *testing.T) {
	ou := ad.Powers{Class: "organizationalUnit", Creates: []string{"group"}}
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 3), group(2, 40_000)} // in several parts
	w.powers = map[string]ad.Powers{"OU=x": ou, "OU=a,OU=x": ou}
	w.census = ad.Census{Owned: 2, Looked: 2, CloudSync: 3, Connect: 1, Example: "CN=Theirs,OU=x"}
	w.reply.Wants = relay.Wants{Containers: []string{"OU=x"}}
	a := w.start()
	lines, reports := w.found(a)
	want := []string{
		"✓ base           ok      OU=x, a container (organizationalUnit)",
		"✓ rights         ok      to create groups, and to change all that is written of them; looked at 2 of ours",
		"✓ groups         ok      2 of corp",
		"! writers        warning other programs have made groups of the cloud here: 3 as Cloud Sync marks them, 1 as Entra Connect's group writeback marks them; such as CN=Theirs,OU=x: they are never changed, and their cloud groups are not made a second time: leave those out of the rules' scope, or end the other program and take its groups away",
		"✓ container      ok      OU=x, to which the rules write, is the base",
	}
	if reports < 1 || !slices.Equal(lines, want) {
		t.Errorf("in %d reports\n%s", reports, strings.Join(lines, "\n"))
	}
	if again, reports := w.found(a); reports != 0 || again != nil {
		t.Errorf("nothing is due, and told is %q", again)
	}

	w.census = ad.Census{Owned: 2, Looked: 2}
	w.policy.Delete, a.policy.Delete = true, true
	w.lacks = "the account has not the right"
	w.reply.Wants = relay.Wants{Containers: []string{"OU=a,OU=x", "OU=b,OU=x", "OU=elsewhere"}, GroupTypes: []string{"global-security"}}
	lines, _ = w.found(a)
	for i, want := range []string{"✓ base", "✓ rights", "✓ groups", "✓ writers", "✓ container      ok      OU=a,OU=x, to", "✗ container      missing OU=b,OU=x is of the class ",
		"✗ container      missing the rules write to OU=elsewhere, which is neither", "✗ rules          missing the rules make global-security groups", "✗ restore        missing nothing will be deleted"} {
		if len(lines) <= i || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d is not %q:\n%s", i+1, want, strings.Join(lines, "\n"))
		}
	}

	w.clock = w.clock.Add(2 * time.Hour)
	w.inspectErr = errors.New("the account may not read its permissions: let it")
	if lines, reports := w.found(a); reports == 0 || !strings.Contains(strings.Join(lines, "\n"), "✗ base           missing "+w.inspectErr.Error()) || !strings.Contains(strings.Join(lines, "\n"), "? writers        unknown") {
		t.Errorf("in %d reports\n%s", reports, strings.Join(lines, "\n"))
	}
}

// TestWantsLimited: a relay whose rules change with each answer has no more read than one that asks
// for everything.
func TestWantsLimited(t *testing.T) {
	w := newWorld(t)
	a := w.start()
	all := 0
	for n := range 300 {
		w.reply.Wants = relay.Wants{Containers: make([]string, n%2+1)}
		_, reports := w.found(a)
		all += reports
	}
	if all < 1 || all > wholeAtOnce {
		t.Errorf("in one moment %d reports are made, and %d at most are meant to be", all, wholeAtOnce)
	}
}

// TestManyContainers: of very many the first are looked at, and the rest is told.
func TestManyContainers(t *testing.T) {
	w := newWorld(t)
	a := w.start()
	ok(t, a.dial(t.Context(), nil))
	rows := a.inspect(t.Context(), relay.Wants{Containers: make([]string, mostInspected+7)})
	if last := rows[len(rows)-1]; last.State != checklist.Unknown || !strings.Contains(last.Text, "7 more") || len(rows) > mostInspected+5 {
		t.Errorf("%d rows, the last %+v", len(rows), last)
	}
}
