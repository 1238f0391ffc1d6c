package decision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// run is a group of whose members nothing is to be changed, managed by these, and by whom it
// shall be.
func run(is, shall []plan.Ref) *scene {
	return of(refs(1), cloud(directory.Partial, people(1)...)).with(func(s *scene) {
		s.Record.Observed.Links = s.Record.Observed.Links.Having(plan.ManagedBy, is)
		s.links = plan.Links{plan.ManagedBy: shall}
	})
}

// TestManagersNeedNoEvidence: who manages a group is changed though nobody knows whether its
// members are all, at once, and whoever else is over a limit; and it is no reason to ask Graph.
func TestManagersNeedNoEvidence(t *testing.T) {
	s := run(refs(8), refs(9))
	s.Limits = plan.Limits{}
	out := s.decide(t)
	want := []plan.Change{
		{Op: plan.Relink, Link: plan.ManagedBy, Group: staff, GUID: "guid-of-staff", Remove: refs(8)},
		{Op: plan.Relink, Link: plan.ManagedBy, Group: staff, GUID: "guid-of-staff", Add: refs(9)},
	}
	if diff := cmp.Diff(want, drafted(out)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if c := out.Counts; c.Held+c.Unproven+c.Asks != 0 || len(c.Pending) > 0 || c.Members != 1 {
		t.Errorf("counted: %+v", c)
	}
	if run(refs(8), refs(9)).decide(t).Counts.Wanted == run(refs(8), refs(7)).decide(t).Counts.Wanted {
		t.Error("another manager is the same plan to confirm")
	}
	if done := run(refs(9), refs(9)).decide(t); !done.Agreed || done.Draft != nil {
		t.Errorf("who is managed as wanted is not at rest: %+v", done)
	}
}

// TestMembersAreProvenBesideManagers: whoever manages a group proves nothing about its members.
func TestMembersAreProvenBesideManagers(t *testing.T) {
	s := run(refs(2), refs(9))
	s.Record.Observed.Links = s.Record.Observed.Links.With(plan.Member, refs(1, 2))
	out := s.decide(t)
	for _, c := range drafted(out) {
		if c.Op != plan.Relink {
			t.Errorf("without evidence: %+v", c)
		}
	}
	if out.Counts.Unproven != 1 || len(drafted(out)) != 2 {
		t.Errorf("%d unproven, %+v", out.Counts.Unproven, drafted(out))
	}
}

// TestManagersAreParked: what was refused of one link keeps nothing of another from being
// written, be it the same object, and is tried again by itself.
func TestManagersAreParked(t *testing.T) {
	park := func(s *scene, link plan.Link, kind plan.Kind, ref plan.Ref) *scene {
		s.Record.Parked = record.ParkMembers(s.Record.Parked, record.Parked{Kind: kind, Link: link}, []plan.BadRef{{Ref: ref, Text: "no"}}, now)
		return s
	}
	both := func() *scene { // 9 becomes a member and the manager
		return run(refs(8), refs(9)).with(func(s *scene) { s.Cloud = cloud(directory.Named, people(1, 9)...) })
	}
	for name, tt := range map[string]struct {
		scene  *scene
		kinds  []plan.Kind
		parked int
	}{
		"nothing":                     {both(), []plan.Kind{plan.Removing, plan.Adding, plan.Adding}, 0},
		"the new manager":             {park(both(), plan.ManagedBy, plan.Adding, refs(9)[0]), []plan.Kind{plan.Removing, plan.Adding}, 1},
		"the member":                  {park(both(), "", plan.Adding, refs(9)[0]), []plan.Kind{plan.Removing, plan.Adding}, 1},
		"the old manager":             {park(both(), plan.ManagedBy, plan.Removing, refs(8)[0]), []plan.Kind{plan.Adding}, 1},
		"the old manager, by now":     {park(both(), plan.ManagedBy, plan.Removing, refs(8)[0]).with(func(s *scene) { s.Now = now.Add(5 * time.Minute) }), []plan.Kind{plan.Removing, plan.Adding, plan.Adding}, 0},
		"another link's, of long ago": {park(both(), plan.CoManagers, plan.Adding, refs(9)[0]), []plan.Kind{plan.Removing, plan.Adding, plan.Adding}, 0},
	} {
		out := tt.scene.decide(t)
		if !slices.Equal(kinds(out), tt.kinds) || out.Counts.Parked != tt.parked {
			t.Errorf("%s: %v, %d parked; want %v, %d", name, drafted(out), out.Counts.Parked, tt.kinds, tt.parked)
		}
	}
}
