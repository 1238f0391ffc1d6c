package cycle_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// The tests of this file are about groups that are there, and that the agent does not
// find where it looks.

// family is a world with a group in a group, whose SIDs a scan has found.
func family(t *testing.T) *world {
	t.Helper()
	w := newFamily(t)
	w.do(w.report(true, nil))
	w.untilQuiet()
	return w
}

// newFamily is one that no scan has seen yet.
func newFamily(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.users(60)
	w.group(2, 0, 40)
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(1), DisplayName: "Parent", Members: []directory.ID{user(50), user(51), group(2)}}))
	w.untilQuiet()
	if !slices.Contains(w.ad[group(1)].Members(), plan.GroupRef(group(2))) {
		t.Fatalf("set-up: %v", w.ad[group(1)].Members())
	}
	return w
}

// TestOutOfSightKeepsItsPlace: an owned group drops out of the agent's sight, in each of
// the ways in which that happens. It keeps its place in its parent, nobody makes another
// one, its people are told why; when it is back everything goes on at once.
func TestOutOfSightKeepsItsPlace(t *testing.T) {
	for _, trouble := range []*plan.Trouble{
		{Case: plan.TroubleOutside, DN: "CN=Group 2,CN=Users,DC=corp,DC=test", Text: "it was moved to CN=Users: move it back"},
		{Case: plan.TroubleUnmarked, DN: "CN=Group 2," + ou, Text: "its adminDescription is not the mark any more"},
		{Case: plan.TroubleUnfenced, DN: "CN=Group 2," + ou, Text: "its adminDisplayName is no fence any more"},
		nil, // an account that may not read it finds nothing, and proves nothing
	} {
		w := family(t)
		w.now = w.now.Add(15 * time.Minute)
		w.hide(group(2), trouble)
		if trouble == nil {
			w.blind = "the account may not read the group"
		}
		w.do(w.tenant.AddMember(group(2), user(45)))
		w.do(w.report(true, nil))
		w.untilQuiet()
		for range 10 {
			w.do(w.report(true, nil))
			w.later(15 * time.Minute)
		}
		if len(w.removed) != 0 || !slices.Contains(w.ad[group(1)].Members(), plan.GroupRef(group(2))) || len(w.ad) != 2 {
			t.Errorf("%+v: removed %v, the parent has %v", trouble, w.removed, w.ad[group(1)].Members())
		}
		if got := w.head().Totals; trouble != nil && got.Trouble != 1 || trouble == nil && got.Stale != 1 {
			t.Errorf("%+v: totals %+v", trouble, got)
		}
		w.hide(directory.ID{}, nil)
		w.blind = ""
		w.do(w.report(true, nil))
		w.untilQuiet()
		if got := w.head().Totals; got.Trouble != 0 || got.Stale != 0 || !w.in(group(2), 45) || len(w.removed) != 0 {
			t.Errorf("%+v: it is back, and totals are %+v; removed %v", trouble, got, w.removed)
		}
	}
}

// TestOutOfSightBeforeTheFirstScan: a new group is moved away before any scan has seen
// it. Its parent holds a SID that nobody knows: it is no stranger's.
func TestOutOfSightBeforeTheFirstScan(t *testing.T) {
	w := newFamily(t)
	w.hide(group(2), &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Group 2,CN=Users,DC=corp,DC=test", Text: "move it back"})
	w.do(w.tenant.AddMember(group(1), user(52)))
	w.do(w.report(true, []directory.ID{group(1)}))
	w.untilQuiet()
	w.do(w.report(true, nil))
	w.later(15 * time.Minute)
	if got := w.head().Totals; len(w.removed) != 0 || !slices.Contains(w.ad[group(1)].Members(), plan.GroupRef(group(2))) || got.Unproven != 0 || got.Trouble != 1 {
		t.Errorf("removed %v, the parent has %v, totals %+v", w.removed, w.ad[group(1)].Members(), got)
	}
	w.hide(directory.ID{}, nil)
	w.do(w.report(true, nil))
	w.untilQuiet()
	if got := w.head().Totals; len(w.removed) != 0 || got.Trouble+got.Stale+got.Unproven != 0 || len(w.ad[group(1)].Members()) != 4 {
		t.Errorf("it is back: removed %v, the parent has %v, totals %+v", w.removed, w.ad[group(1)].Members(), got)
	}
}

// TestNestedGroupLeavesOutOfSight: the cloud takes a nested group out while the agent does
// not see that it is ours. The link goes, by whatever name it is known.
func TestNestedGroupLeavesOutOfSight(t *testing.T) {
	w := family(t)
	w.hide(group(2), &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Group 2,CN=Users,DC=corp,DC=test", Text: "move it back"})
	w.do(w.report(true, nil))
	w.untilQuiet()
	w.do(w.tenant.RemoveMember(group(1), group(2)))
	w.source.edit = asGroup(group(2))
	w.untilQuiet()
	w.later(time.Hour)
	if slices.Contains(w.ad[group(1)].Members(), plan.GroupRef(group(2))) || len(w.removed) != 1 {
		t.Errorf("the parent has %v, removed %v", w.ad[group(1)].Members(), w.removed)
	}
}

// TestLinkOfAnUnreadGroup: the journal is lost, and a nested group is in trouble before
// anybody has read it. The cloud takes it out: the link goes by the SID, which is all that
// is known of it.
func TestLinkOfAnUnreadGroup(t *testing.T) {
	w := family(t)
	w.loseJournal()
	w.hide(group(2), &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Group 2,CN=Users,DC=corp,DC=test", Text: "move it back"})
	w.inScan = true
	link := plan.SIDRef(sidOf(group(2)))
	parent := w.seen(w.ad[group(1)]) // nobody says that the link is to one of ours
	w.ad[group(1)] = parent
	w.untilQuiet()
	if !slices.Contains(w.ad[group(1)].Members(), link) || w.head().Totals.Trouble != 1 {
		t.Fatalf("set-up: the parent has %v, totals %+v", w.ad[group(1)].Members(), w.head().Totals)
	}
	w.do(w.tenant.RemoveMember(group(1), group(2)))
	w.source.edit = asGroup(group(2))
	w.untilQuiet()
	if slices.Contains(w.ad[group(1)].Members(), link) || len(w.removed) != 1 {
		t.Errorf("the parent has %v, removed %v", w.ad[group(1)].Members(), w.removed)
	}
}

// asGroup has the source say of a member that it is a group: the world's calls everybody a
// user.
func asGroup(id directory.ID) func(*directory.Page) error {
	return func(p *directory.Page) error {
		for _, c := range p.Groups {
			for i, m := range c.Members {
				if m.ID == id {
					c.Members[i].Kind = directory.GroupKind
				}
			}
		}
		return nil
	}
}

// TestGoneIsSaidByName: a group is deleted by hand. A full report does not name it; that
// it is gone is believed when it was looked for by name, and then it is made again.
func TestGoneIsSaidByName(t *testing.T) {
	w := town(t)
	delete(w.ad, group(3))
	w.do(w.report(true, nil))
	w.do(w.planner.Run(t.Context()))
	h := w.head()
	if h.Plan != nil || len(h.Reads) != 1 || h.Reads[0].ID != group(3) || h.Reads[0].GUID == "" {
		t.Fatalf("after the report: plan %+v, reads %+v", h.Plan, h.Reads)
	}
	w.untilQuiet()
	if g, is := w.ad[group(3)]; !is || len(g.Members()) != 3 {
		t.Errorf("it is there %t, with %v", is, g.Members())
	}
}

// TestTwinIsOneGroupsProblem: a copy of one of our groups bears its marks.
func TestTwinIsOneGroupsProblem(t *testing.T) {
	w := town(t)
	w.hide(group(1), &plan.Trouble{Case: plan.TroubleTwin, DN: "CN=Group 1", Text: "two groups bear the marks: delete one"})
	w.inScan = true // a twin is seen where it is
	w.do(w.report(true, nil))
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	w.do(w.tenant.RemoveMember(group(3), user(0)))
	w.untilQuiet()
	if w.in(group(3), 0) || !w.in(group(1), 0) {
		t.Errorf("in the other group %t, in the one with a twin %t; want false and true", w.in(group(3), 0), w.in(group(1), 0))
	}
	if got := w.head().Totals; got.Trouble != 1 || got.Problems[plan.TroubleTwin] != 1 {
		t.Errorf("totals %+v", got)
	}
}

// TestLargeGroupComesInPieces: a group whose members come in several rows, over the parts
// of a report, is one group; pieces that do not fit are not half of one.
func TestLargeGroupComesInPieces(t *testing.T) {
	for damage, damaged := range []bool{false, true, true} {
		w := town(t)
		w.stranger(group(2), ref(599))
		g := w.ad[group(2)]
		id := journal.ReportID(w.now)
		for i := range 4 {
			part := journal.Report{ID: id, Part: i + 1, Parts: 4, Agent: "agent", Full: true, After: w.closed, High: w.high, Proven: true, Target: w.target()}
			piece := g.Clone()
			piece.Links = piece.Links.With(plan.Member, g.Members()[i*len(g.Members())/4:(i+1)*len(g.Members())/4])
			part.Rows = []journal.Row{{ID: g.ID, GUID: g.GUID, Digest: g.Digest(), After: w.closed, Group: &piece, Piece: i + 1, Pieces: 4}}
			switch {
			case damage == 1 && i == 2:
				part.Rows[0].Piece = 2
			case damage == 2 && i == 2: // two are missing
				piece.Links = piece.Links.With(plan.Member, piece.Members()[2:])
			}
			if i == 0 {
				for id, other := range w.ad {
					if id != g.ID {
						part.Rows = append([]journal.Row{{ID: id, GUID: other.GUID, Digest: other.Digest(), After: w.closed, Group: &other}}, part.Rows...)
					}
				}
			}
			w.do(w.journal.Report(t.Context(), part))
		}
		w.do(w.planner.Run(t.Context()))
		want := 401
		if damaged {
			want = 400
		}
		if got := w.head().Totals.Members; got != want+27 {
			t.Errorf("damaged %t: %d members known, want %d", damaged, got, want+27)
		}
	}
}

// TestReportTakesSeveralSteps: a report of many parts is folded in several steps, and what
// it does not name is found missing at its end.
func TestReportTakesSeveralSteps(t *testing.T) {
	w := newWorld(t)
	w.users(10)
	for i := range 10 {
		w.group(i, 0, 3)
	}
	w.untilQuiet()
	id, n := journal.ReportID(w.now), 0
	gone := group(7)
	for g, x := range w.ad {
		if g == gone {
			continue
		}
		n++
		w.do(w.journal.Report(t.Context(), journal.Report{ID: id, Part: n, Parts: 9, Agent: "agent", Full: true, After: w.closed, High: w.high, Proven: true, Target: w.target(),
			Rows: []journal.Row{{ID: g, GUID: x.GUID, Digest: x.Digest(), After: w.closed, Group: &x}}}))
	}
	w.planner.StepTime = time.Nanosecond
	steps := 0
	for more := true; more; steps++ {
		var err error
		more, err = w.planner.Step(t.Context())
		w.do(err)
		if steps > 50 {
			t.Fatal("it gets nowhere")
		}
	}
	h := w.head()
	if steps < 9 || h.Folding != nil || len(h.Reads) != 1 || h.Reads[0].ID != gone {
		t.Errorf("%d steps, folding %+v, reads %+v", steps, h.Folding, h.Reads)
	}
}

// TestBackInSightIsWrittenAtOnce: what was refused because a group was not where it
// belongs goes when a scan shows that it is back, though nothing else of it has changed.
func TestBackInSightIsWrittenAtOnce(t *testing.T) {
	w := family(t)
	trouble := &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=Group 2,CN=Users,DC=corp,DC=test", Text: "move it back"}
	w.hide(group(2), trouble)
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Refused, Text: trouble.Text}, c.Group == group(2)
	}
	w.do(w.tenant.RemoveMember(group(2), user(0))) // before anybody knows
	w.untilQuiet()
	if got := w.head().Totals; got.Trouble != 1 || len(w.removed) != 0 {
		t.Fatalf("set-up: removed %v, totals %+v", w.removed, got)
	}
	w.refuse = nil
	w.hide(directory.ID{}, nil)
	w.do(w.report(true, nil))
	w.later(2 * time.Second)
	if w.in(group(2), 0) {
		t.Error("the group is back, and who left is still in it")
	}
}

// TestFoundAgainIsReadAtOnce: the account does not see a group for a while, and meanwhile
// somebody changes it. A scan that finds it again has it read and put right at once, not
// when it would have been looked for the next time.
func TestFoundAgainIsReadAtOnce(t *testing.T) {
	w := family(t)
	w.hide(group(2), nil)
	w.blind = "the account may not list what is in the OU"
	w.do(w.report(true, nil))
	w.untilQuiet()
	w.later(15 * time.Minute)
	w.hide(directory.ID{}, nil)
	w.blind = ""
	g := w.ad[group(2)].Clone()
	g.Attrs["description"] = []string{"by hand"}
	w.ad[group(2)] = g
	w.digests()
	w.later(2 * time.Second)
	if got := w.ad[group(2)].Attrs["description"]; len(got) > 0 || w.head().Totals.Stale != 0 {
		t.Errorf("found again by a scan, the description is %q, totals %+v", got, w.head().Totals)
	}
}
