package cycle_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// The tests of this file are about words that come at the wrong time, or about something
// else: each was once in time, or true.

// word is a report on single groups, as an agent makes it now.
func (w *world) word() journal.Report {
	return journal.Report{ID: journal.ReportID(w.now), Part: 1, Parts: 1, Agent: "agent", After: w.closed, High: w.high, Proven: true, Target: w.target(), Rows: []journal.Row{}}
}

// tell hands a report in, and has it folded.
func (w *world) tell(r journal.Report) journal.Head {
	w.t.Helper()
	w.do(w.journal.Report(w.t.Context(), r))
	w.do(w.planner.Run(w.t.Context()))
	return w.head()
}

// record returns what the journal knows of a group.
func (w *world) record(id directory.ID) (known *directory.Group, asked bool) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	w.do(v.Fetch(w.t.Context(), []directory.ID{id}))
	return v.Group(id), slices.ContainsFunc(v.Head.Reads, func(s journal.Sought) bool { return s.ID == id })
}

// TestOldWordOfAbsence: that a group is nowhere was true before a batch made it, or
// filled it. It is not made again for that.
func TestOldWordOfAbsence(t *testing.T) {
	w := town(t)
	old := w.word()
	old.Absent = []journal.Gone{{ID: group(3), After: w.closed}}
	full := w.word()
	full.Full = true
	for id, g := range w.ad {
		if id != group(3) {
			full.Rows = append(full.Rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &g})
		}
	}
	w.do(w.tenant.AddMember(group(3), user(9)))
	w.untilQuiet()
	for what, r := range map[string]journal.Report{"by name": old, "in a scan": full} {
		if h := w.tell(r); h.Plan != nil || h.Totals.Groups != 4 || h.Totals.Stale != 0 {
			t.Errorf("%s: a plan of %+v, %d groups, %d stale", what, h.Plan, h.Totals.Groups, h.Totals.Stale)
		}
		w.now = w.now.Add(time.Second)
	}
}

// TestRowOfAnotherGroup: a row whose content is another group's says nothing of either.
func TestRowOfAnotherGroup(t *testing.T) {
	w := town(t)
	other := w.ad[group(3)]
	r := w.word()
	r.Rows = []journal.Row{{ID: group(4), GUID: w.ad[group(4)].GUID, Digest: other.Digest(), After: w.closed, Group: &other}}
	if h := w.tell(r); h.Plan != nil || h.Totals.Stale != 0 || h.Totals.Members != 427 {
		t.Errorf("plan %+v, %d stale, %d members", h.Plan, h.Totals.Stale, h.Totals.Members)
	}
}

// TestMadeAgainIsFilled: a group that was deleted by hand is made and filled anew, in one
// go: what its first fill brings is no growth.
func TestMadeAgainIsFilled(t *testing.T) {
	w := newWorld(t)
	limits := plan.DefaultLimits()
	limits.GrowthShare, limits.GrowthFloor = 0, 5
	w.limits = &limits
	w.restart()
	w.users(30)
	w.group(1, 0, 20)
	w.untilQuiet()
	delete(w.ad, group(1))
	w.do(w.report(true, nil))
	w.untilQuiet()
	if len(w.ad[group(1)].Members()) != 20 || len(w.holds()) != 0 {
		t.Errorf("it has %d of 20 members, holds %+v", len(w.ad[group(1)].Members()), w.holds())
	}
}

// TestDigestsAlone: a scan brings digests. What differs is read by name, and what an
// operator wants to be read is not read by that.
func TestDigestsAlone(t *testing.T) {
	w := town(t)
	w.stranger(group(3), ref(500))
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true, By: "operator"}))
	r := w.word()
	r.Full = true
	for id, g := range w.ad {
		r.Rows = append(r.Rows, journal.Row{ID: id, GUID: g.GUID, Digest: g.Digest(), After: w.closed})
	}
	w.do(w.journal.Report(t.Context(), r)) // as it was under way when the operator asked
	w.do(w.planner.Run(t.Context()))
	w.now = w.now.Add(time.Second)
	r.ID = journal.ReportID(w.now)
	h := w.tell(r)
	if !h.ReadAll || h.Plan != nil || h.Totals.Stale != 1 {
		t.Errorf("all is to be read %t, a plan of %+v, %d stale", h.ReadAll, h.Plan, h.Totals.Stale)
	}
	w.untilQuiet()
	if h := w.head(); h.ReadAll || h.Totals.Stale != 0 || w.in(group(3), 500) {
		t.Errorf("at the end: all is to be read %t, %d stale, the stranger is in %t", h.ReadAll, h.Totals.Stale, w.in(group(3), 500))
	}
}

// TestManyAreOutOfSight: more groups than are asked for at once are in doubt, in several
// shards. Each has its turn, though nothing else happens to its shard.
func TestManyAreOutOfSight(t *testing.T) {
	w := newWorld(t)
	w.users(150)
	for i := range 200 {
		w.group(i, 0, 150)
	}
	w.untilQuiet()
	seen, writes := w.ad, w.writes
	w.ad = plan.State{}
	w.do(w.report(true, nil))
	w.ad = seen
	w.do(w.planner.Run(t.Context()))
	v, err := w.journal.View(t.Context())
	w.do(err)
	later, err := v.Shards(t.Context(), func(c record.Counts) bool { return c.Groups > 0 && c.Unasked == c.Groups })
	w.do(err)
	if h := w.head(); h.Totals.Stale != 200 || len(h.Reads) != 100 || len(later) == 0 {
		t.Fatalf("%d stale, %d asked for; shards of which nobody is asked for: %v", h.Totals.Stale, len(h.Reads), later)
	}
	w.untilQuiet()
	if h := w.head(); h.Totals.Stale != 0 || len(h.Reads) != 0 || w.writes != writes {
		t.Errorf("%d stale, %d asked for, %d writes", h.Totals.Stale, len(h.Reads), w.writes-writes)
	}
}

// TestNestedGroupByGUID: a change says where the groups among its members are.
func TestNestedGroupByGUID(t *testing.T) {
	w := town(t)
	w.do(w.tenant.AddMember(group(4), group(3)))
	w.do(w.planner.Run(t.Context()))
	r, err := w.poll()
	w.do(err)
	var b journal.Batch
	w.do(json.Unmarshal(r.Batch, &b))
	if len(b.Changes) != 1 || b.Changes[0].Known[group(3)] != w.ad[group(3)].GUID {
		t.Errorf("changes %+v, want one with the GUID %s", b.Changes, w.ad[group(3)].GUID)
	}
}

// TestSetBackWhilePlanned: while a plan is in flight an agent shows that this journal is a
// restored copy. What it had in flight cannot run any more, and nothing is planned before
// all of the directory was read again.
func TestSetBackWhilePlanned(t *testing.T) {
	w := town(t)
	before := w.head()
	high := w.high
	theirs := w.word() // of another installation, and much further on
	theirs.Rows = []journal.Row{{ID: group(3), GUID: w.ad[group(3)].GUID, Digest: w.ad[group(3)].Digest(), After: w.closed,
		Fence: plan.Fence{Instance: "elsewhere", Epoch: before.Epoch, Seq: 1000, Lease: 1}.String()}}
	if h := w.tell(theirs); h.Epoch != before.Epoch {
		t.Fatalf("another installation's fence begins epoch %d", h.Epoch)
	}
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.planner.Run(t.Context()))
	issued := w.head()
	w.now = w.now.Add(time.Second)
	ahead := w.word()
	ahead.High = journal.Mark{Epoch: issued.Epoch, Seq: issued.NextSeq} // which has not been issued
	h := w.tell(ahead)
	if issued.Plan == nil || h.Plan != nil || h.Epoch <= issued.Epoch || !h.ReadAll || !h.Reported.IsZero() || h.Closed != issued.NextSeq-1 {
		t.Fatalf("issued %+v; then plan %+v, epoch %d, reads all %t, closed %d", issued.Plan, h.Plan, h.Epoch, h.ReadAll, h.Closed)
	}
	w.now = w.now.Add(time.Second)
	w.high = high
	w.do(w.tenant.AddMember(group(3), user(9)))
	w.do(w.planner.Run(t.Context()))
	if h := w.head(); h.Plan != nil {
		t.Errorf("a plan of %+v before anything was read", h.Plan)
	}
	w.untilQuiet()
	if w.in(group(1), 0) || !w.in(group(3), 9) {
		t.Error("it does not go on after that")
	}
}

// TestForeignReport: an agent with another domain's or another container's address says
// nothing of this one, and people are told.
func TestForeignReport(t *testing.T) {
	for what, change := range map[string]func(*journal.Target){
		"domain":    func(t *journal.Target) { t.DomainSID = "S-1-5-21-9-9-9" },
		"container": func(t *journal.Target) { t.BaseGUID = "another" },
	} {
		w := town(t)
		w.stranger(group(3), ref(500))
		r := w.word()
		change(&r.Target)
		g := w.ad[group(3)]
		r.Rows = []journal.Row{{ID: group(3), GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &g}}
		if h := w.tell(r); !strings.Contains(h.Stop, "this journal is for") || h.Totals.Members != 427 || h.Target.BaseGUID != "base" {
			t.Errorf("%s: stopped because %q, %d members, container %s", what, h.Stop, h.Totals.Members, h.Target.BaseGUID)
		}
		w.now = w.now.Add(time.Second)
		w.do(w.report(true, nil)) // corrected
		w.untilQuiet()
		if h := w.head(); h.Stop != "" || w.in(group(3), 500) {
			t.Errorf("%s: corrected, and stopped because %q; the stranger is in %t", what, h.Stop, w.in(group(3), 500))
		}
	}
}
