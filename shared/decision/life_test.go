package decision_test

import (
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// TestEnds: what is done to a group that is not wanted any more, step by step.
func TestEnds(t *testing.T) {
	const grace = 10 * 24 * time.Hour
	gone := func() *directory.Group {
		g := cloud(directory.Named, people(1, 2)...)
		g.Gone = directory.SoftDeleted
		return g
	}
	suspended := func(s *scene) { // the group is as quarantine leaves it
		out := s.decide(t)
		s.Record.Observed = &out.Draft.Want
		s.Record.Life = record.Life{State: life.Quarantined, Since: now.Add(-2 * grace), Doomed: now.Add(-grace), Grace: grace}
	}
	for _, tt := range []struct {
		name    string
		fate    life.Fate
		change  func(*scene)
		kinds   []plan.Kind // of changes
		going   life.State
		count   int           // memberships that go
		wake    time.Duration // from now
		problem string
	}{
		{"kept", life.Keep, nil, []plan.Kind{plan.Setting}, life.Kept, 0, 0, ""},
		{"quarantine", life.Quarantine, nil, []plan.Kind{plan.Setting}, life.Quarantined, 2, 0, ""},
		{"to be deleted", life.Delete, nil, []plan.Kind{plan.Setting}, life.Quarantined, 2, 0, ""},
		{"its time is over", life.Delete, suspended, []plan.Kind{plan.Deleting}, life.Deleted, 2, 0, ""},
		{"but for a second", life.Delete, func(s *scene) { suspended(s); s.Now = now.Add(-time.Second) }, nil, "", 0, 0, ""},
		{"its time is over, and it could not be had back", life.Delete, func(s *scene) { suspended(s); s.Restores = false }, nil, "", 0, 0, decision.NotDeleted},
		{"the journal does not know all of the past", life.Delete, func(s *scene) { suspended(s); s.Epoch = now.Add(-time.Hour) }, nil, "", 0, grace - time.Hour, ""},
		{"nobody has seen it in quarantine yet", life.Delete, func(s *scene) { suspended(s); s.Record.Life, s.Epoch = record.Life{}, now.Add(-time.Hour) }, nil, "", 0, grace, ""},
		{"only to be in quarantine", life.Quarantine, suspended, nil, "", 0, 0, ""},
		{"its quarantine was lifted by hand", life.Quarantine, func(s *scene) {
			suspended(s)
			s.Record.Observed.Attrs["groupType"] = []string{"-2147483640"}
			s.Record.ByHand = []string{"groupType"}
		}, nil, "", 0, 0, decision.TypeFlipped},
		{"kept, and a quarantine that was held is not wanted any more", life.Keep, func(s *scene) {
			s.Record.Observed = &s.decide(t).Draft.Want
			s.Record.Life.Going = life.Quarantined
		}, nil, "", 0, 0, ""},
		{"its reach was changed by hand before", life.Quarantine, func(s *scene) {
			s.Record.Observed.Attrs["groupType"], s.Record.ByHand = []string{"-2147483646"}, []string{"groupType"}
		}, []plan.Kind{plan.Setting}, life.Quarantined, 2, 0, ""},
		{"kept before", life.Delete, func(s *scene) { suspended(s); s.Record.Life = record.Life{State: life.Kept} }, nil, "", 0, grace, ""},
		{"its time is over, and nobody knows whether it is gone", life.Delete, func(s *scene) { suspended(s); s.Cloud.Gone, s.Cloud.Reading = directory.Unlisted, directory.Partial }, nil, life.Quarantined, 0, 0, rules.Unconfirmed},
		{"its time is over, and a person has another word", life.Delete, func(s *scene) { suspended(s); s.Ending = life.Quarantine }, nil, "", 0, 0, ""},
		{"a person ends it all, and leaves it", life.Delete, func(s *scene) { s.Ending = life.Keep }, []plan.Kind{plan.Disowning}, life.Disowned, 0, 0, ""},
		{"a person ends it all, and deletes it", life.Keep, func(s *scene) { s.Ending = life.Delete }, []plan.Kind{plan.Deleting}, life.Deleted, 2, 0, ""},
		{"deleted before", life.Delete, func(s *scene) { s.Record.Observed, s.Record.Grave = nil, &plan.Grave{GUID: "g"} }, nil, life.Deleted, 0, 0, ""},
		{"deleted before, and wanted", life.Delete, func(s *scene) {
			s.Record.Observed, s.Record.Grave, s.Cloud.Gone = nil, &plan.Grave{GUID: "g"}, directory.NotRemoved
		}, []plan.Kind{plan.Restoring, plan.Adding}, life.Waiting, 0, 0, ""},
		{"in quarantine, and wanted", life.Delete, func(s *scene) { suspended(s); s.Cloud.Gone = directory.NotRemoved }, []plan.Kind{plan.Setting}, life.Written, 0, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := of(refs(1, 2), gone()).with(func(s *scene) {
				r := *all
				r.Leaving = rules.Leaving{SoftDeleted: tt.fate, Grace: grace}
				s.rules, s.Restores = &r, true
			})
			if tt.change != nil {
				tt.change(s)
			}
			out := s.decide(t)
			count := 0
			for _, c := range drafted(out) {
				count += c.Count
			}
			if got := kinds(out); !slices.Equal(got, tt.kinds) || count != tt.count || out.Record.Life.Going != tt.going {
				t.Errorf("%v, %d memberships, going %q; want %v, %d, %q", got, count, out.Record.Life.Going, tt.kinds, tt.count, tt.going)
			}
			if told := slices.ContainsFunc(out.Record.Problems, func(p plan.Problem) bool { return p.Reason == tt.problem }); told != (tt.problem != "") {
				t.Errorf("problems %+v", out.Record.Problems)
			}
			if doomed := out.Record.Life.Doomed; tt.problem == rules.Unconfirmed && !doomed.Equal(now.Add(-grace)) {
				t.Errorf("its time begins anew, at %s", doomed)
			}
			if tt.wake != 0 && !out.Wake.Equal(now.Add(tt.wake)) {
				t.Errorf("decided again at %s, want %s", out.Wake, now.Add(tt.wake))
			}
		})
	}
}
