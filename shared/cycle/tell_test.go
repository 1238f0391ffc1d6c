package cycle_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// why is what the audit says of each change of a group, the last of them last.
func (w *world) why(id directory.ID) (out []string) {
	w.t.Helper()
	keys, err := w.store.List(w.t.Context(), "t/corp/audit/")
	w.do(err)
	slices.Sort(keys)
	for _, k := range keys {
		data, _, err := w.store.Get(w.t.Context(), k)
		w.do(err)
		var a journal.Applied
		w.do(json.Unmarshal(data, &a))
		for _, c := range a.Changes {
			if c.Group == id {
				out = append(out, string(c.Kind())+": "+c.Why)
			}
		}
	}
	return out
}

// last is what the audit says of the last change of a group.
func (w *world) last(id directory.ID) string {
	w.t.Helper()
	all := w.why(id)
	if len(all) == 0 {
		w.t.Fatal("the audit has no change of that group")
	}
	return all[len(all)-1]
}

// logged hands what the planner logs to a buffer.
func (w *world) logged() *strings.Builder {
	log := new(strings.Builder)
	w.planner.Log = slog.New(slog.NewTextHandler(log, nil))
	return log
}

// TestAuditSaysWhy: whoever looks up why a change was made finds whether the cloud, a
// hand, the rules or a person's word was behind it, and who that was.
func TestAuditSaysWhy(t *testing.T) {
	w := town(t)
	see := func(what, want string) {
		t.Helper()
		w.later(2 * time.Second)
		if got := w.last(group(1)); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	if got := w.why(group(1)); got[0] != "create: the cloud has it" {
		t.Errorf("made: %q", got)
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	see("a leaver", "remove: the cloud changed")
	w.stranger(group(1), ref(500))
	w.usns[group(1)]++
	w.do(w.report(true, nil))
	see("a stranger", "remove: it was changed by hand")
	w.leave(group(1), ref(1))
	w.usns[group(1)]++
	w.digests()
	see("taken out by hand, seen by digest", "add: it was changed by hand")
	w.do(w.tenant.AddMember(group(1), user(60)))
	see("a joiner after that", "add: the cloud changed")
	g := w.ad[group(1)].Clone()
	g.Attrs["displayName"] = []string{"by hand"}
	w.ad[group(1)] = g
	w.usns[group(1)]++
	w.do(w.report(true, nil))
	see("an attribute", "set: it was changed by hand")
	delete(w.ad, group(1))
	w.do(w.report(false, []directory.ID{group(1)}))
	w.later(2 * time.Second)
	if got := w.why(group(1)); !slices.Contains(got, "create: it was deleted by hand") {
		t.Errorf("deleted by hand: %q", got)
	}
}

// TestAuditSaysWho: what went by an operator's word says whose.
func TestAuditSaysWho(t *testing.T) {
	w := town(t)
	for i := range 30 {
		w.do(w.tenant.RemoveMember(group(1), user(i)))
	}
	w.later(2 * time.Second)
	holds := w.holds()
	if len(holds) != 1 {
		t.Fatalf("set-up: holds %+v", holds)
	}
	w.do(w.journal.Approve(t.Context(), journal.Word{Hold: holds[0].ID, By: "alice@corp.test (1)"}))
	w.later(2 * time.Second)
	if got, want := w.last(group(1)), "remove: the cloud changed, approved by alice@corp.test (1), hold "+holds[0].ID; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAuditSaysTriedAgain: what was refused before is told of as that.
func TestAuditSaysTriedAgain(t *testing.T) {
	w := town(t)
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Code: 50, Text: "no"}, c.Group == group(1)
	}
	w.do(w.tenant.AddMember(group(1), user(60)))
	w.later(2 * time.Second)
	w.refuse = nil
	w.later(10 * time.Minute)
	if got, want := w.last(group(1)), "add: the cloud changed, it was refused before, and is tried again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLogTells: each thing that an administrator should know of is one line of warning,
// with the group's name, once it is so.
func TestLogTells(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(w *world)
		want []string
	}{
		"a refusal": {func(w *world) {
			w.refuse = func(c plan.Change) (plan.Result, bool) {
				return plan.Result{Status: plan.Refused, Code: 50, Text: "insufficient rights"}, c.Group == group(1)
			}
			w.do(w.tenant.AddMember(group(1), user(60)))
		}, []string{`level=WARN msg="a change was not made" group="Group 1`, `change=add status=refused code=50 why="insufficient rights" remedy="see the problems`}},
		"a refused member": {func(w *world) {
			w.refuse = func(c plan.Change) (plan.Result, bool) {
				return plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ref(60), Code: 32, Text: "no such object"}}}, len(c.Add) > 0
			}
			w.do(w.tenant.AddMember(group(1), user(60)))
		}, []string{`level=WARN msg="a member was not written" group="Group 1`, "member=" + string(ref(60)) + ` code=32 why="no such object"`, "who=u60@corp.test"}},
		"drift": {func(w *world) {
			w.stranger(group(1), ref(500))
			w.leave(group(1), ref(0))
			w.usns[group(1)]++
			w.do(w.report(true, nil))
		}, []string{`level=WARN msg="changed by hand" group="Group 1`, `what="+` + string(ref(500)) + ` -` + string(ref(0)) + `"`, "who=u0@corp.test"}},
		"another SID": {func(w *world) {
			r := w.word()
			g := w.ad[group(1)]
			r.Rows = []journal.Row{{ID: group(1), GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &g, SID: domainSID + "-9999"}}
			w.tell(r)
		}, []string{`level=WARN msg="a group has another SID now: rights that were given to the old one do not hold for it" group="Group 1`, "sid=" + domainSID + "-9999 before=" + string(sidOf(group(1)))}},
		"a stop": {func(w *world) {
			r := w.word()
			r.Target.DomainSID = "S-1-5-21-9-9-9"
			w.tell(r)
		}, []string{`level=WARN msg="stopped: nothing is written any more" why="the agent reports from domain S-1-5-21-9-9-9`}},
		"new rules": {func(w *world) { w.planner.Rules.Revision++ }, []string{`level=WARN msg="rules were replaced: all groups are decided again"`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := town(t)
			w.do(w.report(true, nil)) // the SIDs are known
			w.later(time.Second)
			log := w.logged()
			w.now = w.now.Add(time.Second)
			tt.do(w)
			w.now = w.now.Add(2 * time.Second)
			w.do(w.turn())
			for _, want := range tt.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %s:\n%s", want, log)
				}
			}
			if n := strings.Count(log.String(), tt.want[0]); n != 1 {
				t.Errorf("it is told %d times:\n%s", n, log)
			}
		})
	}
}

// TestLogIsBounded: however much was refused, a step tells of some and counts the rest.
func TestLogIsBounded(t *testing.T) {
	w := newWorld(t)
	log := w.logged()
	w.users(3)
	for i := range 90 {
		w.group(i, 0, 3)
	}
	w.refuse = func(plan.Change) (plan.Result, bool) { return plan.Result{Status: plan.Refused, Text: "no"}, true }
	w.untilQuiet()
	if n := strings.Count(log.String(), "a change was not made"); n != 50 || !strings.Contains(log.String(), `msg="and more of that kind" more=40`) {
		t.Errorf("90 refusals: %d lines:\n%.3000s", n, log)
	}
}

// TestManyByHand: somebody puts very many in by hand. Some are named and remembered, all are
// counted.
func TestManyByHand(t *testing.T) {
	w := town(t)
	log := w.logged()
	for i := range 150 {
		w.stranger(group(1), ref(5000+i))
	}
	w.usns[group(1)]++
	w.do(w.report(true, nil))
	w.do(w.planner.Run(t.Context()))
	if !strings.Contains(log.String(), `msg="changed by hand"`) || !strings.Contains(log.String(), "in_all=150") {
		t.Errorf("the log:\n%s", log)
	}
}
