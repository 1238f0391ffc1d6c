package cycle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// living is a settled world of three groups with five members each, with rules on what becomes
// of groups that are not wanted any more.
func living(t *testing.T, leaving string) *world {
	t.Helper()
	w := newWorld(t)
	w.leaving(leaving, 0)
	w.users(30)
	for i := 1; i <= 3; i++ {
		w.group(i, 0, 5)
	}
	w.untilQuiet()
	return w
}

// leaving puts a word on groups that are not wanted any more in force.
func (w *world) leaving(what string, revision int) {
	w.file = "ou: " + ou + "\nscope: {groups: all, where: [displayName NOT REGEX MATCH ^out]}\nleaving: " + what + "\n"
	if revision > 0 {
		w.file += "revision: " + string(rune('0'+revision)) + "\n"
	}
	w.restart()
}

// days lets time pass, as agents and planners spend it.
func (w *world) days(n int) {
	w.t.Helper()
	for range n {
		w.later(24 * time.Hour)
	}
}

// state is where a group is in its life.
func (w *world) state(id directory.ID) life.State {
	w.t.Helper()
	return w.recordOf(id).Life.State
}

func (w *world) recordOf(id directory.ID) record.Group {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	w.do(v.FetchRecords(w.t.Context(), []directory.ID{id}))
	return *v.Record(id)
}

func secure(g plan.Group) bool { return plan.Secures(strings.Join(g.Attrs["groupType"], "")) }

// whole fails the test where a group is not as the cloud has it, with its five members.
func (w *world) whole(when string, id directory.ID) {
	w.t.Helper()
	g, there := w.ad[id]
	if !there || !secure(g) || plan.Retired(g) || len(g.Members()) != 5 || g.GUID != plan.GUID("guid-"+id.String()) {
		w.t.Errorf("%s: there %t, %+v", when, there, g)
	}
}

// TestQuarantine: a group that is not wanted any more gives its members nothing, and is the old
// one in all else; it is out of quarantine when it is wanted again.
func TestQuarantine(t *testing.T) {
	for name, tt := range map[string]struct {
		go_, back func(w *world, id directory.ID)
	}{
		"deleted and restored": {func(w *world, id directory.ID) { w.do(w.tenant.SoftDelete(id)) }, func(w *world, id directory.ID) { w.do(w.tenant.Restore(id)) }},
		"out of scope and in":  {func(w *world, id directory.ID) { w.do(w.tenant.Rename(id, "out")) }, func(w *world, id directory.ID) { w.do(w.tenant.Rename(id, "Group 1")) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := living(t, "{deleted: quarantine, out_of_scope: quarantine}")
			before := w.ad[group(1)].Clone()
			tt.go_(w, group(1))
			w.later(time.Hour)
			g := w.ad[group(1)]
			if secure(g) || g.Attrs["groupType"][0] != "8" || !plan.Retired(g) || !slices.Equal(g.Members(), before.Members()) || g.GUID != before.GUID || g.Name != before.Name || w.state(group(1)) != life.Quarantined {
				t.Errorf("in quarantine: %s %+v", w.state(group(1)), g)
			}
			w.days(400)
			if g := w.ad[group(1)]; len(g.Members()) != 5 || len(w.removed) != 0 || len(w.graves) != 0 {
				t.Errorf("a year later: %+v, %d removed", g, len(w.removed))
			}
			tt.back(w, group(1))
			w.later(time.Hour)
			w.whole("back", group(1))
			if s := w.state(group(1)); s != "" {
				t.Errorf("it is %s in the record", s)
			}
		})
	}
}

// TestDeletedAfterQuarantine: after its time it is deleted, and with its old identity and
// members when the cloud has it again, with or without a recycle bin.
func TestDeletedAfterQuarantine(t *testing.T) {
	for name, bin := range map[string]bool{"tombstones": false, "recycle bin": true} {
		t.Run(name, func(t *testing.T) {
			w := living(t, "{deleted: delete, grace_days: 10}")
			w.bin = bin
			w.do(w.tenant.SoftDelete(group(1)))
			w.days(10)
			if _, there := w.ad[group(1)]; !there || w.state(group(1)) != life.Quarantined {
				t.Fatalf("before its time: there %t, %s", there, w.state(group(1)))
			}
			w.days(2)
			if _, there := w.ad[group(1)]; there || w.state(group(1)) != life.Deleted || w.recordOf(group(1)).Grave == nil || len(w.removed) != 0 {
				t.Fatalf("after its time: there %t, %s, %d removed", there, w.state(group(1)), len(w.removed))
			}
			w.days(2)
			w.do(w.report(true, nil))
			w.days(2)
			w.do(w.tenant.Restore(group(1)))
			w.later(time.Hour)
			w.whole("restored", group(1))
			w.whole("another", group(2))
			if r := w.recordOf(group(1)); r.Grave != nil || r.Life.State != "" || !r.Converged {
				t.Errorf("in the record: %+v", r)
			}
		})
	}
}

// TestNotDeletedForGood: where it could not be had back nothing is deleted: it stays in
// quarantine, and that is told, until the right is there.
func TestNotDeletedForGood(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 2}")
	w.blunt = true
	w.do(w.report(true, nil))
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(9)
	r := w.recordOf(group(1))
	if _, there := w.ad[group(1)]; !there || r.Life.State != life.Quarantined || !slices.ContainsFunc(r.Problems, func(p plan.Problem) bool { return p.Reason == "not-deleted" }) {
		t.Fatalf("there %t, %+v", there, r)
	}
	w.blunt = false
	w.do(w.report(true, nil))
	w.later(time.Hour)
	if _, there := w.ad[group(1)]; there {
		t.Error("with the right it is not deleted")
	}
}

// TestGraceBeginsAnew: the time in quarantine is never shorter than the rules say, whatever
// becomes of the journal, the rules and the group in between.
func TestGraceBeginsAnew(t *testing.T) {
	for name, tt := range map[string]func(w *world){
		"the journal is lost": func(w *world) { w.loseJournal() },
		"it was back for a day": func(w *world) {
			w.do(w.tenant.Restore(group(1)))
			w.days(1)
			w.do(w.tenant.SoftDelete(group(1)))
		},
		"the journal is set back": func(w *world) {
			backup := copied(w, w.store)
			w.do(w.tenant.Restore(group(1)))
			w.days(1)
			w.do(w.tenant.SoftDelete(group(1)))
			w.days(1)
			w.store = backup
			w.restart()
			w.do(w.report(true, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := living(t, "{deleted: delete, grace_days: 10}")
			w.do(w.tenant.SoftDelete(group(1)))
			w.days(9)
			tt(w)
			w.days(9)
			if _, there := w.ad[group(1)]; !there {
				t.Error("it was deleted before its time")
			}
			w.days(4)
			if _, there := w.ad[group(1)]; there {
				t.Errorf("it was not deleted after its time: %+v, problems %+v", w.recordOf(group(1)).Life, w.recordOf(group(1)).Problems)
			}
		})
	}
}

// TestFateChanges: other rules for a group that is not wanted. A milder word deletes nobody,
// and gives nothing back that the cloud does not give.
func TestFateChanges(t *testing.T) {
	for _, tt := range []struct {
		name, first, then string
		want              life.State
	}{
		{"kept, then in quarantine", "{deleted: keep}", "{deleted: quarantine}", life.Quarantined},
		{"kept, then deleted", "{deleted: keep}", "{deleted: delete, grace_days: 3}", life.Deleted},
		{"in quarantine, then kept", "{deleted: quarantine}", "{deleted: keep}", life.Quarantined},
		{"to be deleted, then kept", "{deleted: delete, grace_days: 5}", "{deleted: keep}", life.Quarantined},
		{"deleted, then kept", "{deleted: delete, grace_days: 1}", "{deleted: keep}", life.Deleted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := living(t, tt.first)
			w.do(w.tenant.SoftDelete(group(1)))
			w.days(3)
			w.leaving(tt.then, 1)
			w.days(6)
			if got := w.state(group(1)); got != tt.want {
				t.Errorf("it is %s, want %s", got, tt.want)
			}
			w.do(w.tenant.Restore(group(1)))
			w.later(time.Hour)
			w.whole("back", group(1))
		})
	}
}

// TestErased: what somebody deletes in Active Directory comes back as the old group where it is
// wanted, and stays away where it is not.
func TestErased(t *testing.T) {
	w := living(t, "{deleted: quarantine}")
	w.do(w.tenant.SoftDelete(group(2)))
	w.later(time.Hour)
	for i := 1; i <= 2; i++ {
		w.bury(group(i))
	}
	w.do(w.report(true, nil))
	w.later(time.Hour)
	w.whole("erased", group(1))
	if _, there := w.ad[group(2)]; there || w.state(group(2)) != life.Deleted {
		t.Errorf("what nobody wants is there: %t, %s", there, w.state(group(2)))
	}
	w.do(w.tenant.Restore(group(2)))
	w.later(time.Hour)
	w.whole("wanted again", group(2))
}

// TestGravesOutliveTheJournal: a journal that was lost restores what was deleted before.
func TestGravesOutliveTheJournal(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 1}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(3)
	w.loseJournal()
	w.untilQuiet()
	w.do(w.report(true, nil))
	w.days(1)
	if r := w.recordOf(group(1)); r.Grave == nil {
		t.Fatalf("nobody knows of it: %+v", r)
	}
	writes := w.writes
	w.do(w.report(true, nil))
	if w.days(1); w.writes != writes {
		t.Errorf("%d writes, though nobody wants it", w.writes-writes)
	}
	w.do(w.tenant.Restore(group(1)))
	w.later(time.Hour)
	if w.whole("wanted again", group(1)); len(w.graves) != 0 {
		t.Errorf("it was made anew: %v", w.graves)
	}
}

// TestGraveIsEmptied: a deleted group that cannot be had back any more is made anew.
func TestGraveIsEmptied(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 1}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(3)
	delete(w.graves, group(1))
	w.do(w.tenant.Restore(group(1)))
	w.later(time.Hour)
	w.whole("made anew", group(1)) // by the world's numbers it has the same GUID
	if r := w.recordOf(group(1)); r.Grave != nil || len(r.Parked) != 0 {
		t.Errorf("in the record: %+v", r)
	}
}

// TestTypeFlipped: a group that somebody takes out of quarantine by hand stays so, and that is
// told: its members may have rights by it.
func TestTypeFlipped(t *testing.T) {
	w := living(t, "{deleted: quarantine}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(1)
	g := w.ad[group(1)].Clone()
	g.Attrs["groupType"] = []string{"-2147483640"}
	w.ad[group(1)] = g
	for range 3 {
		w.do(w.report(true, nil))
		w.days(1)
		if g := w.ad[group(1)]; !secure(g) {
			t.Fatalf("it was fought: %+v", g.Attrs)
		}
	}
	if r := w.recordOf(group(1)); !slices.ContainsFunc(r.Problems, func(p plan.Problem) bool { return p.Reason == "type-flipped" }) {
		t.Errorf("nobody is told: %+v", r.Problems)
	}
	w.do(w.tenant.Restore(group(1)))
	w.later(time.Hour)
	w.whole("restored", group(1))
}

// TestEndsAreLimited: quarantines and deletions are held over their limits: of groups, and of
// the memberships in them; and each is approved once.
func TestEndsAreLimited(t *testing.T) {
	for _, tt := range []struct {
		name         string
		groups, size int
		go_          int // groups
		guard        plan.GuardName
	}{
		{"few", 40, 1, most, ""},
		{"groups", 40, 1, most + 1, plan.Retirements},
		{"memberships", 4, 8, 1, plan.Losses},
		{"empty groups", 40, 0, most + 1, plan.Retirements},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := guarded{groups: tt.groups, size: tt.size}.town(t)
			w.leaving("{deleted: delete, grace_days: 3}", 0)
			w.untilQuiet()
			for i := range tt.go_ {
				w.do(w.tenant.SoftDelete(group(1 + i)))
			}
			held := func(when string, guard plan.GuardName, n int) {
				t.Helper()
				h := w.holds()
				if guard == "" {
					if len(h) != 0 {
						t.Fatalf("%s: holds %+v, want none", when, h)
					}
					return
				}
				if len(h) != 1 || h[0].Guard != guard {
					t.Fatalf("%s: holds %+v, want one of %s", when, h, guard)
				}
				w.restart()
				w.later(time.Minute)
				w.approve(w.holds()[0])
				w.later(time.Minute)
			}
			w.later(time.Hour)
			held("quarantine", tt.guard, tt.go_)
			if got := suspended(w); got != tt.go_ || len(w.holds()) != 0 {
				t.Fatalf("%d in quarantine, holds %+v; want %d", got, w.holds(), tt.go_)
			}
			w.days(4)
			if tt.guard == plan.Retirements {
				tt.guard = map[bool]plan.GuardName{true: plan.Losses, false: plan.Deletions}[tt.size > 0]
			}
			held("deletion", tt.guard, tt.go_)
			if len(w.graves) != tt.go_ || len(w.holds()) != 0 {
				t.Errorf("%d deleted, holds %+v; want %d", len(w.graves), w.holds(), tt.go_)
			}
		})
	}
}

// suspended counts groups that give their members nothing.
func suspended(w *world) (n int) {
	for _, g := range w.ad {
		if !secure(g) {
			n++
		}
	}
	return n
}

// TestEndIsLookedAtOverManySteps: while a plan is held against what a person has confirmed, which
// takes a large target many steps, nothing of it goes out.
func TestEndIsLookedAtOverManySteps(t *testing.T) {
	w := newWorld(t)
	w.creations = 1000
	w.restart()
	w.users(10)
	for i := range 400 {
		w.group(i, 0, 5)
	}
	w.untilQuiet()
	writes, gen := w.writes, w.head().Gen
	w.planner.StepTime, w.planner.StepBytes = time.Nanosecond, 1
	w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchOff, End: life.Keep, Digest: "of no plan", By: "operator"}))
	for steps := 0; steps < 2 || w.head().Switch.Confirmed != ""; steps++ {
		_, err := w.planner.Step(t.Context())
		w.do(err)
		_, err = w.agent()
		w.do(err)
		if steps > 50 {
			t.Fatal("nobody looks at it")
		}
	}
	if s := w.head().Switch; w.writes != writes || !s.On || !s.Moved || w.head().Gen < gen+3 {
		t.Errorf("%d writes in %d steps, %+v", w.writes-writes, w.head().Gen-gen, s)
	}
}

// TestDisable: writeback ends by a plan that a person has confirmed, and by nothing else. What
// it did can be taken back: no group is another one by that.
func TestDisable(t *testing.T) {
	for _, tt := range []struct {
		end  life.Fate
		done func(w *world) bool
	}{
		{life.Keep, func(w *world) bool { return len(w.let) == 3 && len(w.ad) == 0 }},
		{life.Quarantine, func(w *world) bool { return suspended(w) == 3 }},
		{life.Delete, func(w *world) bool { return len(w.graves) == 3 && len(w.ad) == 0 }},
	} {
		t.Run(string(tt.end), func(t *testing.T) {
			w := living(t, "{}")
			before := maps.Clone(w.ad)
			end := func(digest string) {
				w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchOff, End: tt.end, Digest: digest, By: "operator"}))
				w.later(time.Minute)
			}
			writes := w.writes
			end("of no plan")
			if s := w.head().Switch; w.writes != writes || !s.On || !s.Moved || s.Ending != "" {
				t.Fatalf("a word that confirms nothing: %d writes, %+v", w.writes-writes, s)
			}
			p, err := w.planner.PreviewEnd(t.Context(), tt.end)
			w.do(err)
			if w.writes != writes || len(p.Changes)+len(p.Held) == 0 || p.Digest == "" {
				t.Fatalf("shown: %+v, %d writes", p, w.writes-writes)
			}
			end(p.Digest)
			for range 3 { // what is over a limit is held all the same
				for _, h := range w.holds() {
					w.approve(h)
				}
				w.later(time.Hour)
			}
			if s := w.head().Switch; !tt.done(w) || s.On || s.Ending != "" || len(w.removed) != 0 {
				t.Fatalf("ended: %d there, %d let go, %d deleted, %d removed, %+v, totals %+v", len(w.ad), len(w.let), len(w.graves), len(w.removed), s, w.head().Totals)
			}
			writes = w.writes
			w.do(w.report(true, nil))
			w.days(9)
			w.do(w.tenant.AddMember(group(1), user(9)))
			w.days(2)
			if w.writes != writes || !tt.done(w) {
				t.Fatalf("switched off it wrote %d times", w.writes-writes)
			}
			w.do(w.tenant.RemoveMember(group(1), user(9)))
			w.days(1)
			w.say(journal.SwitchOn, w.digest())
			w.later(time.Hour)
			for id, was := range before {
				w.whole("enabled again", id)
				if !slices.Equal(w.ad[id].Members(), was.Members()) {
					t.Errorf("other members than before: %v", w.ad[id].Members())
				}
			}
			if s := w.head().Switch; !s.On || len(w.let)+len(w.graves) != 0 {
				t.Errorf("%+v, %d let go, %d deleted", s, len(w.let), len(w.graves))
			}
		})
	}
}

// TestEndIsTakenBack: an end that does not come to pass, here because the agent's policy deletes
// nothing, is taken back by enable; until then it is told, and nothing else is written.
func TestEndIsTakenBack(t *testing.T) {
	w := living(t, "{}")
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Text: "the agent's policy deletes no groups"}, c.Op == plan.Delete && c.Group != group(1)
	}
	p, err := w.planner.PreviewEnd(t.Context(), life.Delete)
	w.do(err)
	w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchOff, End: life.Delete, Digest: p.Digest, By: "operator"}))
	for range 3 {
		w.later(time.Minute)
		for _, h := range w.holds() {
			w.approve(h)
		}
	}
	w.do(w.tenant.RemoveMember(group(2), user(0)))
	w.later(time.Hour)
	if s := w.head().Switch; !s.On || s.Ending != life.Delete || len(w.graves) != 1 || len(w.removed) != 0 || w.standing().Word != "ending" {
		t.Fatalf("on its way: %+v, %d deleted, %d removed, %+v", s, len(w.graves), len(w.removed), w.standing())
	}
	w.do(w.tenant.AddMember(group(2), user(0)))
	w.later(time.Minute)
	w.say(journal.SwitchOn, w.digest())
	w.later(time.Hour)
	if s := w.head().Switch; !s.On || s.Ending != "" || len(w.graves) != 0 {
		t.Errorf("taken back: %+v, %d deleted", s, len(w.graves))
	}
	for i := 1; i <= 3; i++ {
		w.whole("taken back", group(i))
	}
}
