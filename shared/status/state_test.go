package status

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// now is the time of these tests.
var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// well is a target of which nothing is the case.
func well() view {
	return view{now: now, agent: journal.Agent{ID: "agent", Heard: now.Add(-time.Minute)},
		facts: Facts{OU: "OU=Groups,OU=Cloud,DC=corp,DC=test", Certificate: now.Add(90 * 24 * time.Hour)},
		Head: journal.Head{Gen: 3, Switch: journal.Switch{On: true}, Main: journal.Round{Number: 1}, Read: now.Add(-2 * time.Hour), Reported: now.Add(-25 * time.Hour),
			Target: journal.Target{Base: "OU=Cloud,DC=corp,DC=test"}}}
}

// situations are what may be the case, each alone.
func situations() []struct {
	name         string
	so           func(v *view)
	word, detail string
} {
	counts := func(c record.Counts) func(*view) { return func(v *view) { v.Totals.Add(c) } }
	over := func(names ...plan.GuardName) func(*view) {
		c := record.Counts{Over: map[plan.GuardName]int{}}
		for _, n := range names {
			c.Over[n] = 7
		}
		return counts(c)
	}
	failed := func(kind, text string) func(*view) {
		return func(v *view) {
			v.Failed(kind, errors.New(text), now.Add(-2*time.Hour))
			v.Failed(kind, errors.New("other words"), now.Add(-90*time.Minute))
		}
	}
	return []struct {
		name         string
		so           func(v *view)
		word, detail string
	}{
		{"no rules in the store", func(v *view) { v.facts.NoRules = true }, "no-rules", "there are no rules in the store yet: nothing is read, decided or written"},
		{"rules of a newer version", func(v *view) { v.facts.Foreign = "the rules in the store cannot be used by this program: version 3" }, "no-rules",
			"the rules in the store cannot be used by this program: version 3: nothing is decided or written"},
		{"nobody has run a turn", func(v *view) { v.Head = journal.Head{} }, "new", "no turn has run yet"},
		{"the rules of this host are old", failed(journal.FailedTurn, "these rules were replaced by newer ones"), "failing",
			"turns fail since 2026-11-01T10:00:00Z: these rules were replaced by newer ones"},
		{"the store fails", failed(journal.FailedTurn, "write head: 403"), "failing", "turns fail since 2026-11-01T10:00:00Z: write head: 403"},
		{"another domain", func(v *view) { v.Stop = "the agent reports from domain S-1-5-21-9-9-9" }, "stopped", "the agent reports from domain S-1-5-21-9-9-9"},
		{"consent was withdrawn", failed(journal.FailedGraph, "401: consent was withdrawn"), "unread",
			"Entra ID could not be read, or not all of it, since 2026-11-01T10:00:00Z: 401: consent was withdrawn"},
		{"Graph asks to wait", func(v *view) { v.Wait = now.Add(time.Hour) }, "unread", "Microsoft Graph asks not to be asked before 2026-11-01T13:00:00Z"},
		{"the timer does not run", func(v *view) { v.Read = now.Add(-4 * time.Hour) }, "overdue", "Entra ID was last read to its end at 2026-11-01T08:00:00Z"},
		{"read for the first time", func(v *view) { v.Main.Number = 0 }, "enumerating", "Entra ID is being read for the first time"},
		{"read anew", func(v *view) { v.Shadow = &journal.Round{} }, "enumerating", "Entra ID is being read anew, and nothing is planned until that is complete"},
		{"no agent yet", func(v *view) { v.Reported = time.Time{} }, "waiting-for-agent", "no agent has reported what is in Active Directory yet"},
		{"the agent is dead", func(v *view) { v.agent.Heard = now.Add(-6 * time.Minute) }, "agent-silent", "the agent was last heard of at 2026-11-01T11:54:00Z"},
		{"the lease is lost", func(v *view) { v.agent.Heard = time.Time{} }, "agent-silent", "nobody knows when an agent was last heard of: the lease is lost"},
		{"the account has no right", func(v *view) { v.Blind = "it may not list OU=x" }, "blind", "the agent is not believed where it finds no group: it may not list OU=x"},
		{"scans fail", func(v *view) { v.Reported = now.Add(-27 * time.Hour) }, "unscanned", "all of Active Directory was last reported at 2026-10-31T09:00:00Z"},
		{"another container", func(v *view) { v.facts.OU = "OU=Else,DC=corp,DC=test" }, "misplaced",
			"the rules want the groups in OU=Else,DC=corp,DC=test, and the agent writes below OU=Cloud,DC=corp,DC=test alone"},
		{"a container whose name ends alike", func(v *view) { v.facts.OU = `OU=x\,OU=Cloud,DC=corp,DC=test` }, "misplaced",
			`the rules want the groups in OU=x\,OU=Cloud,DC=corp,DC=test, and the agent writes below OU=Cloud,DC=corp,DC=test alone`},
		{"nobody has confirmed", func(v *view) { v.Switch = journal.Switch{} }, "off", "nothing is written until somebody has confirmed the first plan"},
		{"writeback has ended", func(v *view) {
			v.Switch = journal.Switch{Ended: life.Keep, By: "alice@corp.test (1)", At: now.Add(-time.Hour)}
		}, "off", "writeback has ended, because alice@corp.test (1) has said so at 2026-11-01T11:00:00Z (keep): nothing is written"},
		{"the plan moved on", func(v *view) { v.Switch = journal.Switch{Moved: true} }, "off", "nothing is written: the plan that was confirmed is another one by now"},
		{"somebody has said pause", func(v *view) {
			v.Switch = journal.Switch{On: true, Paused: true, By: "alice@corp.test (1)", At: now.Add(-time.Hour)}
		}, "paused", "nothing is written since 2026-11-01T11:00:00Z, because alice@corp.test (1) has said so"},
		{"somebody has said disable", func(v *view) {
			v.Switch = journal.Switch{On: true, Ending: life.Quarantine, By: "alice@corp.test (1)", At: now.Add(-time.Hour)}
		}, "ending", "writeback ends since 2026-11-01T11:00:00Z, because alice@corp.test (1) has said so (quarantine): nothing else is written, and it is off when all groups have their end"},
		{"the agent may not write", func(v *view) { v.agent.ReadOnly = true }, "read-only", "the agent's policy is read_only: what differs is shown and not written"},
		{"a plan in flight", func(v *view) {
			v.Plan = &journal.Plan{Changes: 7, Done: 1, Digests: []string{"a", "b"}, Expires: now.Add(9 * time.Minute)}
		}, "applying", "7 changes are on their way, since 2026-11-01T11:59:00Z: 1 of 2 batches are done"},
		{"a change", counts(record.Counts{Changes: 1}), "pending", "1 change waits for the next plan"},
		{"changes", counts(record.Counts{Changes: 12}), "pending", "12 changes wait for the next plan"},
		{"nobody has counted", func(v *view) { v.uncounted = 1 }, "pending", "not all is decided yet"},
		{"nobody has read a report", func(v *view) { v.arrived = 3 }, "pending", "the agent has told something that no turn has read yet"},
		{"a group holds", counts(record.Counts{Held: 3}), "held", "removals over the limit wait for approval"},
		{"additions", over(plan.Additions), "held", "additions over the limit wait for approval"},
		{"new groups", over(plan.Creations), "held", "new groups over the limit wait for approval"},
		{"two limits", over(plan.Creations, plan.Removals), "held", "removals and new groups over the limit wait for approval"},
		{"three limits", over(plan.Additions, plan.Moves, plan.Removals), "held", "removals, renames and moves and additions over the limit wait for approval"},
		{"retirements", over(plan.Retirements), "held", "groups that would no longer be managed over the limit wait for approval"},
		{"a rules file with mistakes", func(v *view) { v.facts.Mistakes = "rules.yaml: rules line 1:5: ou: x" }, "attention",
			"the rules file of this host has mistakes, and the last good rules stay in force: rules.yaml: rules line 1:5: ou: x"},
		{"a twin", counts(record.Counts{Trouble: 1}), "attention", "1 group cannot be managed as it is"},
		{"groups of another installation", counts(record.Counts{Trouble: 19}), "attention", "19 groups cannot be managed as they are"},
		{"a refusal", counts(record.Counts{Parked: 1}), "attention", "1 change or member was refused"},
		{"refusals, and a twin", counts(record.Counts{Parked: 2, Trouble: 1}), "attention", "1 group cannot be managed as it is and 2 changes or members were refused"},
		{"no evidence", counts(record.Counts{Unproven: 3}), "attention", "3 members stay though nobody has said so"},
		{"a question", counts(record.Counts{Asks: 1}), "attention", "1 group waits for an answer of Microsoft Graph"},
		{"questions, and no evidence", counts(record.Counts{Asks: 2, Unproven: 1}), "attention",
			"1 member stays though nobody has said so and 2 groups wait for an answer of Microsoft Graph"},
		{"to be read again", counts(record.Counts{Stale: 1}), "attention", "1 group has to be read again by the agent first"},
		{"many to be read again", counts(record.Counts{Stale: 4}), "attention", "4 groups have to be read again by the agent first"},
		{"one waits for Exchange", counts(record.Counts{Problems: map[string]int{exchange.Waits: 1, "guest": 3}}), "attention", "1 group with mail waits for Exchange"},
		{"many wait for Exchange", counts(record.Counts{Problems: map[string]int{exchange.Waits: 300}}), "attention", "300 groups with mail wait for Exchange"},
		{"flags are refused", func(v *view) {
			v.Polling = journal.Polling{Flags: []string{"hideFromAddressLists", "hideFromOutlookClients"}, Refused: journal.Failure{Text: "403", Since: now.Add(-time.Hour)}}
		}, "attention", "hideFromAddressLists and hideFromOutlookClients of Microsoft 365 groups could not all be read since 2026-11-01T11:00:00Z: 403"},
		{"the certificate ends", func(v *view) { v.facts.Certificate = now.Add(13 * 24 * time.Hour) }, "expiring", "the certificate that the app signs in with ends at 2026-11-14T12:00:00Z"},
		{"the certificate has ended", func(v *view) { v.facts.Certificate = now.Add(-time.Hour) }, "expiring", "the certificate that the app signs in with ends at 2026-11-01T11:00:00Z"},
	}
}

// TestSituations: each is told of by its word, in a sentence, with what to do; nothing is
// in sync by it, and a target is in sync when none is the case.
func TestSituations(t *testing.T) {
	if s, also := stand(well()); s != (Standing{Word: InSync}) || len(also) > 0 || !s.Healthy() {
		t.Fatalf("with nothing the case: %+v, %+v", s, also)
	}
	for _, ou := range []string{"OU=Cloud,DC=corp,DC=test", "ou=cloud, dc=corp,dc=TEST", ""} {
		v := well()
		v.facts.OU = ou
		if s, _ := stand(v); s.Word != InSync {
			t.Errorf("groups in %q: %+v", ou, s)
		}
	}
	texts := &golden.Texts{}
	for _, tt := range situations() {
		v := well()
		tt.so(&v)
		s, also := stand(v)
		texts.Add(s.Word + ": " + s.Detail + ": " + s.Remedy)
		if s.Word != tt.word || s.Detail != tt.detail || s.Remedy == "" || len(also) > 0 {
			t.Errorf("%s: %q, %q, %q; and %+v; want %q, %q, a remedy, and nothing else", tt.name, s.Word, s.Detail, s.Remedy, also, tt.word, tt.detail)
		}
		if healthy := tt.word == "applying" || tt.word == "pending"; s.Healthy() != healthy {
			t.Errorf("%s is healthy: %t", tt.name, s.Healthy())
		}
	}
	texts.Hold(t, "standing")
}

// TestGraverFirst: of any two situations both are told of, the graver first.
func TestGraverFirst(t *testing.T) {
	rank := map[string]int{}
	for i, c := range conditions() {
		if _, known := rank[c.word]; !known {
			rank[c.word] = i
		}
	}
	told := map[string]bool{}
	for _, a := range situations() {
		told[a.word] = true
		for _, b := range situations() {
			v := well()
			a.so(&v)
			b.so(&v)
			s, also := stand(v)
			word := []string{s.Word}
			for _, s := range also {
				word = append(word, s.Word)
			}
			switch {
			case a.word == "new" || b.word == "new": // nothing else is known
			case slices.ContainsFunc([]string{"off paused ending", "enumerating overdue", "waiting-for-agent unscanned"}, func(one string) bool {
				return strings.Contains(one, a.word) && strings.Contains(one, b.word)
			}): // they are of one thing
			case !slices.Contains(word, a.word) || !slices.Contains(word, b.word) || rank[s.Word] > min(rank[a.word], rank[b.word]):
				t.Errorf("%s, and %s: %+v, and %+v", a.name, b.name, s, also)
			}
		}
	}
	for word := range rank {
		if !told[word] {
			t.Errorf("no situation is %q", word)
		}
	}
}

// TestFailuresEnd: a failure counts until it is over, and one that nobody has met again
// for hours is over too.
func TestFailuresEnd(t *testing.T) {
	v := well()
	v.Failed(journal.FailedGraph, errors.New("401"), now)
	v.now, v.agent.Heard, v.Read, v.Reported = now.Add(2*time.Hour), now.Add(2*time.Hour), now, now
	if s, _ := stand(v); s.Word != "unread" || !strings.HasSuffix(s.Detail, "since 2026-11-01T12:00:00Z: 401") {
		t.Errorf("two hours later: %+v", s)
	}
	later := v
	later.now, later.agent.Heard, later.Read = now.Add(4*time.Hour), now.Add(4*time.Hour), now.Add(4*time.Hour)
	if s, _ := stand(later); s.Word != InSync {
		t.Errorf("nobody has met it again: %+v", s)
	}
	v.Failed(journal.FailedGraph, nil, v.now)
	if s, _ := stand(v); s.Word != InSync {
		t.Errorf("it is over: %+v", s)
	}
}

// TestUnknownScope: what the rules name and nobody has, or that was deleted, is told of, once
// Entra ID was read.
func TestUnknownScope(t *testing.T) {
	ctx := t.Context()
	j := &journal.Journal{Store: blob.Memory(), Target: "corp"}
	facts := Facts{Scope: []directory.ID{{1}, {2}, {3}, {4}}, Notes: []string{"limits.share is 100"}}
	tx, err := j.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Fetch(ctx, facts.Scope); err != nil {
		t.Fatal(err)
	}
	for id, g := range map[byte]directory.Group{2: {Gone: directory.SoftDeleted}, 3: {Gone: directory.Unlisted, Reading: directory.Named}, 4: {Gone: directory.Unlisted}} {
		g.ID = directory.ID{id}
		tx.PutGroup(&g)
	}
	tx.Head.Main.Number = 1
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := Read(ctx, j, facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"limits.share is 100",
		"scope names 01000000-0000-0000-0000-000000000000, and Entra ID has no group of that id: correct the rules",
		"scope names 02000000-0000-0000-0000-000000000000, and that group was deleted in Entra ID: restore it, or correct the rules",
		"scope names 03000000-0000-0000-0000-000000000000, and that group was deleted in Entra ID: restore it, or correct the rules",
	}
	if !slices.Equal(s.Notes, want) {
		t.Errorf("notes %q, want %q", s.Notes, want)
	}
}
