package cycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// survey is the first plan's.
func (w *world) survey() (cycle.Preview, *cycle.Survey) {
	w.t.Helper()
	p, s, err := w.planner.PreviewFirst(w.t.Context())
	w.do(err)
	return p, s
}

// TestSurvey: of all that is wanted it is told, before anything is written, who comes into the most
// groups, also by way of groups in groups, each counted once; and who is left out and why, with an
// example. Nothing is stored, and the plan is the one that is confirmed.
func TestSurvey(t *testing.T) {
	const leaves = 501
	w := newWorld(t)
	w.users(4)
	w.do(w.tenant.AddUser(graphtest.User{ID: user(9), UPN: "cloud@corp.test"}))
	w.group(0, 0, 1)
	w.do(w.tenant.AddMember(group(0), user(9)))
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(1), DisplayName: "All"}))
	for n := range leaves {
		leaf, above := group(1000+n), group(2000+n)
		w.do(w.tenant.AddGroup(graphtest.Group{ID: leaf, DisplayName: fmt.Sprintf("Leaf %d", n), Members: []directory.ID{user(1)}}))
		w.do(w.tenant.AddGroup(graphtest.Group{ID: above, DisplayName: fmt.Sprintf("Above %d", n), Members: []directory.ID{leaf}}))
		w.do(w.tenant.AddGroup(graphtest.Group{ID: group(3000 + n), DisplayName: fmt.Sprintf("Other %d", n), Members: []directory.ID{user(2)}}))
		w.do(w.tenant.AddMember(group(1), group(3000+n)))
	}
	w.begin()
	generation := w.head().Gen
	p, s := w.survey()
	if s == nil || s.Over != 1 || s.Who != "u1@corp.test" || s.Groups != 2*leaves || s.Part != "" {
		t.Fatalf("%+v", s)
	}
	if len(s.Left) != 1 || s.Left[0].Count != 1 || !s.Left[0].Members || s.Left[0].Member != "cloud@corp.test" || s.Left[0].Group != "Group 0" || !strings.Contains(s.Left[0].Text, "only in the cloud") {
		t.Errorf("left out: %+v", s.Left)
	}
	if p.Digest == "" || p.Digest != w.digest() || w.head().Gen != generation || w.writes != 0 {
		t.Errorf("digest %q, otherwise %q; generation %d, then %d; %d writes", p.Digest, w.digest(), generation, w.head().Gen, w.writes)
	}

	w.planner.LookTime = time.Nanosecond
	if _, s := w.survey(); s.Over != 0 || !strings.HasPrefix(s.Part, "0 of ") {
		t.Errorf("without time: %+v", s)
	}
}

// TestSurveyOfGroups: what is no member is told as a group; what gives nothing counts for nobody; and
// before anything can be planned there is none.
func TestSurveyOfGroups(t *testing.T) {
	w := newWorld(t)
	if p, s := w.survey(); p.Waiting == "" || s != nil {
		t.Errorf("%q: %+v", p.Waiting, s)
	}
	w.file = "ou: " + ou + "\nscope: all\nkinds: {security: distribution, microsoft365: distribution}\n"
	w.restart()
	w.users(2)
	w.group(0, 0, 2)
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(1), DisplayName: "Hidden", Members: []directory.ID{user(1)}, Props: map[string]any{"visibility": "HiddenMembership", "groupTypes": []string{"Unified"}}}))
	w.begin()
	_, s := w.survey()
	if s.Over != 0 || s.Groups != 0 || s.Who != "" {
		t.Errorf("distribution groups: %+v", s)
	}
	if len(s.Left) != 1 || s.Left[0].Members || s.Left[0].Group != "Hidden" || s.Left[0].Count != 1 {
		t.Errorf("left out: %+v", s.Left)
	}
}
