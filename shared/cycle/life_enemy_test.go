package cycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// typed has somebody give a group another type by hand, and the agent see it.
func (w *world) typed(id directory.ID, groupType string) {
	w.t.Helper()
	g := w.ad[id].Clone()
	g.Attrs["groupType"] = []string{groupType}
	w.ad[id] = g
	w.do(w.report(true, nil))
	w.later(time.Minute)
}

const universalSecurity = "-2147483640"

// ends has writeback end as a person confirms it, with a word on what is held.
func (w *world) ends(end life.Fate) {
	w.t.Helper()
	p, err := w.planner.PreviewEnd(w.t.Context(), end)
	w.do(err)
	w.do(w.journal.Ask(w.t.Context(), journal.Ask{Switch: journal.SwitchOff, End: end, Digest: p.Digest, By: "operator"}))
	for range 3 {
		w.later(time.Minute)
		for _, h := range w.holds() {
			w.approve(h)
		}
	}
}

// told is whether one of a group's problems has this text.
func (w *world) told(id directory.ID, text string) bool {
	w.t.Helper()
	return slices.ContainsFunc(w.recordOf(id).Problems, func(p plan.Problem) bool { return strings.Contains(p.Text, text) })
}

// TestGraceIsOfTheFate: the time of a group that is to be deleted is time in quarantine for that,
// all of it, whatever it was in quarantine for before.
func TestGraceIsOfTheFate(t *testing.T) {
	for _, tt := range []struct {
		name, leaving string
		days          int // until what happens
		happens       func(w *world)
		stays         int // days from then on
	}{
		{"out of scope, and then deleted in the cloud", "{deleted: delete, out_of_scope: quarantine, grace_days: 10}", 20,
			func(w *world) { w.do(w.tenant.SoftDelete(group(1))) }, 10},
		{"in the recycle bin, and then deleted for good", "{out_of_scope: quarantine, soft_deleted: quarantine, deleted: delete, grace_days: 10}", 20,
			func(w *world) { w.do(w.tenant.HardDelete(group(1))) }, 10},
		{"other rules", "{out_of_scope: quarantine}", 20,
			func(w *world) { w.leaving("{out_of_scope: delete, grace_days: 10}", 1) }, 10},
		{"fewer days by other rules", "{out_of_scope: delete, grace_days: 30}", 5,
			func(w *world) { w.leaving("{out_of_scope: delete, grace_days: 2}", 1) }, 26},
		{"more days by other rules", "{out_of_scope: delete, grace_days: 10}", 5,
			func(w *world) { w.leaving("{out_of_scope: delete, grace_days: 30}", 1) }, 26},
		{"another fate for a day", "{out_of_scope: delete, grace_days: 10}", 9,
			func(w *world) {
				w.leaving("{out_of_scope: keep}", 1)
				w.days(1)
				w.leaving("{out_of_scope: delete, grace_days: 10}", 2)
			}, 10},
		{"lifted by hand, and imposed again", "{out_of_scope: delete, grace_days: 10}", 9,
			func(w *world) { w.typed(group(1), universalSecurity); w.days(20); w.typed(group(1), "8") }, 10},
		{"Active Directory masters it for a day", "{out_of_scope: delete, grace_days: 10}", 9,
			func(w *world) {
				w.do(w.tenant.Rename(group(1), "Group 1"))
				w.do(w.tenant.SetProperty(group(1), "onPremisesSyncEnabled", true))
				w.days(1)
				w.do(w.tenant.Rename(group(1), "out"))
			}, 10},
		{"paused", "{out_of_scope: delete, grace_days: 10}", 5,
			func(w *world) { w.say(journal.SwitchPause, ""); w.days(4); w.say(journal.SwitchGoOn, "") }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := living(t, tt.leaving)
			w.do(w.tenant.Rename(group(1), "out"))
			w.days(tt.days)
			tt.happens(w)
			w.days(tt.stays - 1)
			r := w.recordOf(group(1))
			if _, there := w.ad[group(1)]; !there || !w.told(group(1), "to be deleted at ") {
				t.Fatalf("before its time: there %t, %+v, %+v", there, r.Life, r.Problems)
			}
			w.days(3)
			if _, there := w.ad[group(1)]; there {
				t.Fatalf("after its time it is there: %+v, %+v", r.Life, r.Problems)
			}
		})
	}
}

// TestClockSetBack: a clock that is set back makes no time in quarantine shorter.
func TestClockSetBack(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 10}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(5)
	w.now = w.now.Add(-20 * 24 * time.Hour)
	w.days(24)
	if _, there := w.ad[group(1)]; !there {
		t.Error("it was deleted before its time")
	}
	w.days(20)
	if _, there := w.ad[group(1)]; there {
		t.Errorf("it is never deleted: %+v", w.recordOf(group(1)))
	}
}

// TestLiftedIsNotDeleted: a group that somebody takes out of quarantine by hand is not deleted
// for the time that it was there, nor for the time since.
func TestLiftedIsNotDeleted(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 10}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(5)
	w.typed(group(1), universalSecurity)
	w.days(30)
	w.leaving("{deleted: delete, grace_days: 9}", 1) // and all is decided again
	w.days(30)
	if g, there := w.ad[group(1)]; !there || !secure(g) || !w.told(group(1), "made the distribution group a security group") {
		t.Errorf("there %t, %+v", there, w.recordOf(group(1)).Problems)
	}
}

// TestSetBackIsNoHand: what a journal that was set back does not know was done by us, and is
// nobody's word: a group that it takes to be in quarantine, and that is not, goes into it.
func TestSetBackIsNoHand(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 10}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(1)
	backup := copied(w, w.store)
	w.do(w.tenant.Restore(group(1)))
	w.days(1)
	w.whole("out of quarantine", group(1))
	w.do(w.tenant.SoftDelete(group(1)))
	w.store = backup
	w.restart()
	w.do(w.report(true, nil))
	w.days(9)
	if g := w.ad[group(1)]; secure(g) || w.told(group(1), "made the distribution group") {
		t.Errorf("in quarantine: %+v, %+v", g.Attrs, w.recordOf(group(1)).Problems)
	}
	w.days(3)
	if _, there := w.ad[group(1)]; there {
		t.Error("after its time it is there")
	}
}

// TestLostWhileInQuarantine: of a group in quarantine a lost journal learns from Active Directory
// where it is in its life, whatever the rules say by now.
func TestLostWhileInQuarantine(t *testing.T) {
	w := living(t, "{deleted: quarantine}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(1)
	w.leaving("{deleted: keep}", 0)
	w.loseJournal()
	w.untilQuiet()
	w.do(w.report(true, nil))
	w.days(1)
	if s := w.state(group(1)); s != life.Quarantined || !w.told(group(1), "in quarantine: it keeps its members") {
		t.Errorf("%s, %+v", s, w.recordOf(group(1)).Problems)
	}
}

// TestGivenUpOnce: groups that are not managed any more are not given up anew, and so not held, when
// a lost journal knows another reason for that.
func TestGivenUpOnce(t *testing.T) {
	w := guarded{groups: 60, size: 1}.town(t)
	w.leaving("{deleted: quarantine}", 0)
	w.untilQuiet()
	for i := range 30 {
		w.do(w.tenant.SoftDelete(group(1 + i)))
		if i%5 == 4 {
			w.days(2)
		}
	}
	w.loseJournal()
	w.untilQuiet()
	w.do(w.report(true, nil))
	writes := w.writes
	w.days(2)
	if suspended(w) != 30 || len(w.holds()) != 0 || w.writes != writes || !w.told(group(1), "Entra ID no longer lists the group") {
		t.Errorf("%d in quarantine, %d writes, holds %+v", suspended(w), w.writes-writes, w.holds())
	}
}

// TestEndThatIsNone: writeback that is to end by deletion does not end, and says why, while
// nothing could be had back; and it says how it has ended.
func TestEndThatIsNone(t *testing.T) {
	w := living(t, "{}")
	w.blunt = true
	w.do(w.report(true, nil))
	w.later(time.Minute)
	p, err := w.planner.PreviewEnd(t.Context(), life.Delete)
	w.do(err)
	if p.NotDeleted != 3 {
		t.Errorf("shown before: %d are not deleted", p.NotDeleted)
	}
	w.ends(life.Delete)
	if s := w.head().Switch; s.Ending != life.Delete || w.standing().Word != "ending" || !w.told(group(1), "could not be had back") || len(w.ad) != 3 {
		t.Fatalf("%+v, %+v, %d there", s, w.standing(), len(w.ad))
	}
	w.whole("not deleted", group(1))
	w.blunt = false
	w.do(w.report(true, nil))
	for range 3 {
		w.later(time.Minute)
		for _, h := range w.holds() {
			w.approve(h)
		}
	}
	if s := w.standing(); s.Word != "off" || !strings.Contains(s.Detail, "operator has said so") || !strings.Contains(s.Detail, "(delete)") || len(w.graves) != 3 {
		t.Errorf("with the right: %+v, %d deleted", s, len(w.graves))
	}
	w.say(journal.SwitchOn, w.digest())
	w.say(journal.SwitchPause, "")
	if s := w.head().Switch; s.Ended != "" || w.standing().Word != "paused" {
		t.Errorf("taken back: %+v", s)
	}
}

// TestOffStaysOff: what is off is not switched on by a word on its end, nor by pause and resume.
func TestOffStaysOff(t *testing.T) {
	w := living(t, "{}")
	w.ends(life.Keep)
	writes := w.writes
	w.say(journal.SwitchPause, "")
	w.say(journal.SwitchGoOn, "")
	w.ends(life.Delete)
	w.days(1)
	if s := w.head().Switch; s.On || s.Ended != life.Keep || w.writes != writes || len(w.let) != 3 {
		t.Errorf("%+v, %d writes, %d let go", s, w.writes-writes, len(w.let))
	}
}

// TestRejectedEnd: an end of which a person rejects what is held waits, and enable takes it back.
func TestRejectedEnd(t *testing.T) {
	w := guarded{groups: 40, size: 1}.town(t)
	p, err := w.planner.PreviewEnd(t.Context(), life.Delete)
	w.do(err)
	w.do(w.journal.Ask(t.Context(), journal.Ask{Switch: journal.SwitchOff, End: life.Delete, Digest: p.Digest, By: "operator"}))
	w.later(time.Minute)
	for _, h := range w.holds() {
		w.do(w.journal.Reject(t.Context(), wordOn(h)))
	}
	w.days(3)
	if s := w.head().Switch; s.Ending != life.Delete || len(w.ad) != 40 || len(w.graves) != 0 {
		t.Fatalf("%+v, %d there", s, len(w.ad))
	}
	w.say(journal.SwitchOn, w.digest())
	w.later(time.Hour)
	if s := w.head().Switch; !s.On || s.Ending != "" || len(w.ad) != 40 || len(w.holds()) != 0 || w.head().Totals.Changes != 0 {
		t.Errorf("taken back: %+v, %d there, holds %+v", s, len(w.ad), w.holds())
	}
}

// TestErasedWhileLetGo: a group that was left to people, and that somebody has deleted, is the old
// one when writeback is enabled again.
func TestErasedWhileLetGo(t *testing.T) {
	w := living(t, "{}")
	w.ends(life.Keep)
	w.graves[group(1)] = w.let[group(1)]
	delete(w.let, group(1))
	w.do(w.report(true, nil))
	w.days(1)
	restored := false
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		restored = restored || c.Op == plan.Restore && c.Group == group(1)
		return plan.Result{}, false
	}
	w.say(journal.SwitchOn, w.digest())
	w.later(time.Hour)
	if w.whole("taken back", group(1)); !restored {
		t.Error("another one was made")
	}
}

// TestHomonym: a group whose name another one has taken while it was deleted comes back under its
// old SID, with another name.
func TestHomonym(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 1}")
	old := w.ad[group(1)]
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(3)
	for _, n := range plan.Names(old) {
		w.others[n] = "CN=another"
	}
	w.do(w.tenant.Restore(group(1)))
	w.later(time.Hour)
	if w.whole("restored", group(1)); w.ad[group(1)].Name == old.Name || !w.told(group(1), "is taken by CN=another") {
		t.Errorf("%q, %+v", w.ad[group(1)].Name, w.recordOf(group(1)).Problems)
	}
}

// TestLeftWhileDeleted: who leaves the cloud group while the AD group is deleted is not in it when
// it is back, be there a recycle bin or not; and who came is.
func TestLeftWhileDeleted(t *testing.T) {
	for _, bin := range []bool{false, true} {
		w := living(t, "{out_of_scope: delete, grace_days: 1}")
		w.bin = bin
		w.do(w.tenant.Rename(group(1), "out"))
		w.days(3)
		w.do(w.tenant.RemoveMember(group(1), user(0)))
		w.do(w.tenant.AddMember(group(1), user(9)))
		w.days(1)
		w.do(w.tenant.Rename(group(1), "Group 1"))
		w.later(time.Hour)
		if w.whole("back", group(1)); w.in(group(1), 0) || !w.in(group(1), 9) {
			t.Errorf("recycle bin %t: %v", bin, w.ad[group(1)].Members())
		}
	}
}

// TestScopeGroupGone: no group leaves the scope because the group that is the scope was deleted.
func TestScopeGroupGone(t *testing.T) {
	for name, remove := range map[string]func(w *world) error{
		"in the recycle bin": func(w *world) error { return w.tenant.SoftDelete(group(9)) },
		"for good":           func(w *world) error { return w.tenant.HardDelete(group(9)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.users(10)
			w.group(1, 0, 5)
			w.do(w.tenant.AddGroup(graphtest.Group{ID: group(9), DisplayName: "Scope", Members: []directory.ID{group(1)}}))
			w.file = fmt.Sprintf("ou: %s\nscope: {members_of: %s}\nleaving: {out_of_scope: delete, grace_days: 1}\n", ou, group(9))
			w.restart()
			w.untilQuiet()
			w.do(remove(w))
			w.days(5)
			w.whole("the scope is deleted", group(1))
			w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
			w.days(5)
			w.whole("all was read again", group(1))
		})
	}
}

// TestRestoredMeanwhile: a group that the cloud restores while its deletion is on its way is the
// old one afterwards.
func TestRestoredMeanwhile(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 2}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(2)
	for range 100 {
		if w.head().Plan != nil {
			break
		}
		w.now = w.now.Add(time.Hour)
		w.do(w.planner.Run(t.Context()))
	}
	if w.head().Plan == nil {
		t.Fatal("set-up: no deletion is in flight")
	}
	w.do(w.tenant.Restore(group(1)))
	w.do(w.planner.Run(t.Context()))
	w.later(time.Hour)
	if w.whole("restored", group(1)); len(w.graves)+len(w.removed) != 0 {
		t.Errorf("%d deleted, removed %v", len(w.graves), w.removed)
	}
}

// TestGraveBeside: a deleted group that bears the mark of one that is there is not that one.
func TestGraveBeside(t *testing.T) {
	w := living(t, "{}")
	r := journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: w.self.Agent, Full: true, After: w.closed, High: w.high, Proven: true, Target: w.target(),
		Graves: []journal.Gone{{ID: group(1), After: w.closed, Grave: &plan.Grave{GUID: "another", SID: "S-1-5-21-1-2-3-7777"}}}}
	for id, g := range w.ad {
		r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Fence: w.fences[id], USN: w.usns[id], SID: sidOf(id)})
	}
	w.do(w.journal.Report(t.Context(), r))
	w.later(time.Minute)
	if g := w.recordOf(group(1)).Grave; g != nil {
		t.Errorf("it could be restored: %+v", g)
	}
	w.whole("beside the deleted one", group(1))
}

// TestRightToRestoreGone: what was deleted and cannot be had back for now is not made anew.
func TestRightToRestoreGone(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 2}")
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(4)
	w.blunt = true
	w.do(w.report(false, []directory.ID{group(1)}))
	w.later(time.Minute)
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Text: "deleted groups cannot be restored"}, c.Op == plan.Restore && w.blunt
	}
	w.do(w.tenant.Restore(group(1)))
	w.days(3)
	if _, there := w.ad[group(1)]; there {
		t.Error("another one was made")
	}
	w.blunt = false
	w.do(w.report(true, nil))
	w.days(1)
	w.whole("with the right", group(1))
}

// TestWhatIsToBe: what waits for a person, the agent or the time is not told as done.
func TestWhatIsToBe(t *testing.T) {
	w := living(t, "{deleted: delete, grace_days: 2}")
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Text: "not by this policy"}, c.Op == plan.Delete || len(c.Set["groupType"]) > 0
	}
	w.do(w.tenant.SoftDelete(group(1)))
	w.days(1)
	if !w.told(group(1), "is to be in quarantine") {
		t.Errorf("refused: %+v", w.recordOf(group(1)).Problems)
	}
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Text: "not by this policy"}, c.Op == plan.Delete
	}
	w.do(w.journal.Ask(t.Context(), journal.Ask{Retry: true, By: "operator"}))
	w.days(1)
	if !w.told(group(1), "is in quarantine: it keeps its members, and gives them nothing; it is to be deleted at 2026-11-05") {
		t.Errorf("in quarantine: %+v", w.recordOf(group(1)).Problems)
	}
	w.days(5)
	if !w.told(group(1), "is to be deleted, so that it can be restored") {
		t.Errorf("not deleted: %+v", w.recordOf(group(1)).Problems)
	}
}
