package decision_test

import (
	"testing"
	"time"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// TestProblemTexts is every problem that a decision gives by itself, in the words that people
// are told: a scene for each.
func TestProblemTexts(t *testing.T) {
	additive, leaving := *all, *all
	additive.Members.Additive = true
	leaving.Leaving = rules.Leaving{SoftDeleted: life.Delete, Grace: time.Hour}
	suspended := func() *scene {
		g := cloud(directory.Named, people(1)...)
		g.Gone = directory.SoftDeleted
		s := of(refs(1), g).with(func(s *scene) { s.rules, s.Restores = &leaving, true })
		out := s.decide(t)
		s.Record.Observed = &out.Draft.Want
		s.Record.Life = record.Life{State: life.Quarantined, Since: now.Add(-2 * time.Hour), Doomed: now.Add(-time.Hour), Grace: time.Hour}
		return s
	}
	taken := func(by string) *scene {
		s := of(nil, cloud(directory.Named))
		first := s.decide(t)
		s.Record = first.Record
		s.Record.Names = first.Record.Names.Refused(drafted(first)[0], plan.Taken{By: by})
		return s
	}
	texts := &golden.Texts{}
	for _, tt := range []struct {
		reason string
		scene  *scene
	}{
		{decision.Unproven, of(refs(1, 8, 9), cloud(directory.Whole, people(1)...))},
		{decision.Foreign, of(refs(1, 8, 9), cloud(directory.Named, people(1)...)).with(func(s *scene) { s.rules = &additive })},
		{decision.NotDeleted, suspended().with(func(s *scene) { s.Restores = false })},
		{decision.TypeFlipped, suspended().with(func(s *scene) {
			s.Record.Observed.Attrs["groupType"], s.Record.ByHand = []string{"-2147483640"}, []string{"groupType"}
		})},
		{decision.NameTaken, taken("CN=Staff,OU=x")},
		{decision.NameTaken, taken("")},
		{decision.AddressTaken, nil},
	} {
		var out decision.Output
		if tt.scene == nil {
			out = decision.Decide(clashing())
		} else {
			out = tt.scene.decide(t)
		}
		told := false
		for _, p := range out.Record.Problems {
			if p.Reason == tt.reason {
				told = true
				texts.Add(p.Reason + ": " + p.Text)
			}
		}
		if !told {
			t.Errorf("%s: the problems are %+v", tt.reason, out.Record.Problems)
		}
	}
	texts.Hold(t, "problems")
}

// clashing is a group of which somebody else has an address.
func clashing() decision.Input {
	clash := record.Clash{Tries: record.Tries{Count: 1, Until: now.Add(time.Hour)}, Attribute: "proxyAddresses", Value: "smtp:b@x", By: "CN=Bob,OU=x", Grounds: "g"}
	return decision.Input{Record: record.Group{ID: staff, Observed: &plan.Group{ID: staff, Name: "Staff", GUID: "g", Attrs: map[string][]string{"sAMAccountName": {"Staff"}}}, Clashes: []record.Clash{clash}},
		Cloud: cloud(directory.Named), Limits: plan.DefaultLimits(), Now: now, Grounds: "g", Kin: func(id directory.ID) *record.Group { return &record.Group{ID: id} },
		Wish: func(*plan.Group, []plan.Clash) plan.Wish {
			return plan.Wish{Event: life.Wanted, Group: &plan.Group{ID: staff, Name: "Staff", Attrs: map[string][]string{"proxyAddresses": {"SMTP:a@x", "smtp:b@x"}}}}
		}}
}
