package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/status"
)

// standing is how the target stands.
func (w *world) standing() status.Standing {
	w.t.Helper()
	s, err := status.Look(w.t.Context(), w.journal, status.Facts{OU: ou})
	w.do(err)
	return s
}

// TestStandingFollows: each thing that keeps a target from being in sync, made on the real
// planner: the word is there within a turn, and gone within a turn after it is put right.
func TestStandingFollows(t *testing.T) {
	w := town(t)
	w.do(w.report(true, nil))
	w.later(time.Second)
	run := func() { _ = w.planner.Run(t.Context()) } // it may fail: that is the case, then
	minute := func() { w.later(time.Minute) }
	scan := func() { w.do(w.report(true, nil)); w.later(time.Second) }
	for _, tt := range []struct {
		name, word string
		on, off    func()
	}{
		{"Graph cannot be read", "unread", func() { w.source.edit = func(*directory.Page) error { return errFault }; run() },
			func() { w.source.edit = nil; minute() }},
		{"Graph asks to wait", "unread", func() {
			w.source.edit = func(*directory.Page) error { return waiting{w.now.Add(2 * time.Minute)} }
			run()
		},
			func() { w.source.edit = nil; w.later(3 * time.Minute) }},
		{"the rules of this host are old", "failing", func() { w.planner.Rules.Revision++; minute(); w.planner.Rules.Revision--; run() },
			func() { w.planner.Rules.Revision++; minute() }},
		{"another domain", "stopped", func() {
			w.now = w.now.Add(time.Second)
			r := w.word()
			r.Target.DomainSID = "S-1-5-21-9-9-9"
			w.tell(r)
		}, scan},
		{"everything is read anew", "enumerating", func() {
			w.source.expired = true // links are lost
			w.planner.StepTime = time.Nanosecond
			_, err := w.planner.Step(t.Context())
			w.do(err)
		}, func() { w.planner.StepTime = 0; minute(); minute() }},
		{"the timer does not run", "overdue", func() { w.now = w.now.Add(4 * time.Hour) }, minute},
		{"the agent is dead", "agent-silent", func() { w.now = w.now.Add(6 * time.Minute); run() }, minute},
		{"no scans", "unscanned", func() { w.later(27 * time.Hour) }, scan},
		{"a group is hidden from the account", "blind", func() {
			w.blind = "it may not list OU=x"
			w.hide(group(2), nil)
			scan()
			minute()
		}, func() { w.blind = ""; w.hide(directory.ID{}, nil); scan(); w.later(10 * time.Minute) }},
		{"paused", "paused", func() { w.say(journal.SwitchPause, "") }, func() { w.say(journal.SwitchGoOn, "") }},
		{"the agent may not write", "read-only", func() { w.self.ReadOnly = true; _, err := w.poll(); w.do(err) },
			func() { w.self.ReadOnly = false; _, err := w.poll(); w.do(err); minute() }},
		{"a plan in flight", "applying", func() { w.do(w.tenant.AddMember(group(1), user(60))); run() }, minute},
		{"a report that no turn has read", "pending", func() { w.now = w.now.Add(time.Second); w.do(w.report(true, nil)) }, minute},
		{"many leave", "held", func() {
			for i := range 30 {
				w.do(w.tenant.RemoveMember(group(1), user(i)))
			}
			minute()
		}, func() { w.approve(w.holds()[0]); minute() }},
		{"a group is not as it must be", "attention", func() {
			w.troubles[group(2)] = &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=x", Text: "move it back"}
			scan()
		}, func() { delete(w.troubles, group(2)); scan() }},
		{"a change is refused", "attention", func() {
			w.refuse = func(c plan.Change) (plan.Result, bool) {
				return plan.Result{Status: plan.Refused, Text: "no"}, c.Group == group(3)
			}
			w.do(w.tenant.AddMember(group(3), user(60)))
			minute()
		}, func() {
			w.refuse = nil
			w.do(w.journal.Ask(t.Context(), journal.Ask{Retry: true, By: "test"}))
			minute()
		}},
		{"nobody says who he is", "attention", func() {
			nobody := func(p *directory.Page) error {
				p.Principals = slices.DeleteFunc(p.Principals, func(c directory.PrincipalChange) bool { return c.ID == user(5) })
				return nil
			}
			w.source.describe, w.source.edit, w.source.expired = nobody, nobody, true
			w.stranger(group(2), ref(777))
			w.usns[group(2)]++
			scan()
		}, func() { w.source.describe, w.source.edit = nil, nil; w.later(time.Hour) }},
	} {
		if s := w.standing(); s.Word != status.InSync {
			t.Fatalf("before %s: %+v; totals %+v", tt.name, s, w.head().Totals)
		}
		tt.on()
		if s := w.standing(); s.Word != tt.word || s.Detail == "" || s.Remedy == "" {
			t.Errorf("%s: %+v, want %s; totals %+v", tt.name, s, tt.word, w.head().Totals)
		}
		tt.off()
	}
	if s := w.standing(); s.Word != status.InSync {
		t.Errorf("at the end: %+v; totals %+v", s, w.head().Totals)
	}
}
