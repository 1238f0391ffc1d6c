package decision_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/infra/scale"
	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// busy is a group to which everything is to be done: a new name, an attribute, two who
// go, and two who come.
func busy() *scene {
	return of(refs(1, 2, 3), left(cloud(directory.Named, people(3, 4, 5)...), people(1, 2)...)).with(func(s *scene) {
		s.Record.Observed.Name = "Old"
		s.Record.Observed.Attrs["description"] = []string{"by hand"}
	})
}

// refused parks changes of these kinds as a whole, as they are wanted in the scene.
func (s *scene) refused(t *testing.T, kinds ...plan.Kind) *scene {
	for _, c := range drafted(s.decide(t)) {
		for _, k := range kinds {
			if c.Kind() == k {
				s.Record.Parked = record.Park(s.Record.Parked, record.Parked{Kind: k, Wish: c.Wish(), Text: "no"}, now)
			}
		}
	}
	return s
}

// refusedMembers parks members of a kind of change.
func (s *scene) refusedMembers(k plan.Kind, ns ...int) *scene {
	var bad []plan.BadRef
	for _, r := range refs(ns...) {
		bad = append(bad, plan.BadRef{Ref: r, Text: "no"})
	}
	s.Record.Parked = record.ParkMembers(s.Record.Parked, record.Parked{Kind: k}, bad, now)
	return s
}

// TestParked: what was refused waits on its own, and keeps nothing else from being done.
// A name that was taken once kept leavers in a group.
func TestParked(t *testing.T) {
	everything := []plan.Kind{plan.Renaming, plan.Removing, plan.Setting, plan.Adding}
	later := func(s *scene) { s.Now = now.Add(5 * time.Minute) }
	tests := []struct {
		name        string
		scene       *scene
		kinds       []plan.Kind
		goes, comes []plan.Ref
		parked      int // now
		kept        int // in the record
	}{
		{"nothing was refused", busy(), everything, refs(1, 2), refs(4, 5), 0, 0},
		{"a name", busy().refused(t, plan.Renaming), []plan.Kind{plan.Removing, plan.Setting, plan.Adding}, refs(1, 2), refs(4, 5), 1, 1},
		{"an attribute", busy().refused(t, plan.Setting), []plan.Kind{plan.Renaming, plan.Removing, plan.Adding}, refs(1, 2), refs(4, 5), 1, 1},
		{"all removals", busy().refused(t, plan.Removing), []plan.Kind{plan.Renaming, plan.Setting, plan.Adding}, nil, refs(4, 5), 1, 1},
		{"all additions", busy().refused(t, plan.Adding), []plan.Kind{plan.Renaming, plan.Removing, plan.Setting}, refs(1, 2), nil, 1, 1},
		{"everything", busy().refused(t, everything...), nil, nil, nil, 4, 4},
		{"one who goes", busy().refusedMembers(plan.Removing, 1), everything, refs(2), refs(4, 5), 1, 1},
		{"one who comes", busy().refusedMembers(plan.Adding, 5), everything, refs(1, 2), refs(4), 1, 1},
		{"all who come, each by himself", busy().refusedMembers(plan.Adding, 4, 5), []plan.Kind{plan.Renaming, plan.Removing, plan.Setting}, refs(1, 2), nil, 2, 2},
		{"members, and all of the kind", busy().refusedMembers(plan.Adding, 4).refused(t, plan.Adding), []plan.Kind{plan.Renaming, plan.Removing, plan.Setting}, refs(1, 2), nil, 2, 2},
		{"one as a member who comes, not as one who goes", busy().refusedMembers(plan.Adding, 1), everything, refs(1, 2), refs(4, 5), 0, 0},
		{"somebody who is not wanted any more", busy().refusedMembers(plan.Adding, 8), everything, refs(1, 2), refs(4, 5), 0, 0},
		{"another name than the one that is wanted now", busy().refused(t, plan.Renaming).with(func(s *scene) {
			follows := *all
			follows.Rename = true
			s.rules, s.Cloud.Props["displayName"] = &follows, []string{"Staff again"}
		}),
			everything, refs(1, 2), refs(4, 5), 0, 0},
		{"on other grounds", busy().refused(t, plan.Renaming).refusedMembers(plan.Adding, 4).with(func(s *scene) { s.Grounds = "a new policy" }),
			everything, refs(1, 2), refs(4, 5), 0, 2},
		{"a while ago", busy().refused(t, plan.Renaming).refusedMembers(plan.Adding, 4).with(later), everything, refs(1, 2), refs(4, 5), 0, 2},
		{"the group itself", of(nil, cloud(directory.Named, people(1)...)).refused(t, plan.Creating), nil, nil, nil, 1, 1},
		{"the group itself, a while ago", of(nil, cloud(directory.Named, people(1)...)).refused(t, plan.Creating).with(later),
			[]plan.Kind{plan.Creating, plan.Adding}, nil, refs(1), 0, 1},
		{"a member of a group that is to be made", of(nil, cloud(directory.Named, people(1, 2)...)).refusedMembers(plan.Adding, 1),
			[]plan.Kind{plan.Creating, plan.Adding}, nil, refs(2), 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.scene.decide(t)
			if diff := cmp.Diff(tt.kinds, kinds(out)); diff != "" {
				t.Errorf("what is done: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.goes, goes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who goes: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.comes, comes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who comes: -want +got:\n%s", diff)
			}
			if out.Counts.Parked != tt.parked || len(out.Record.Parked) != tt.kept {
				t.Errorf("%d wait and %d are noted, want %d and %d", out.Counts.Parked, len(out.Record.Parked), tt.parked, tt.kept)
			}
			if want := now.Add(5 * time.Minute); tt.parked > 0 && !out.Wake.Equal(want) {
				t.Errorf("it wakes at %s, want when the first is due: %s", out.Wake, want)
			}
		})
	}
}

// TestParkedAgain: what is refused again and again is found again in what was decided. A
// list that came out in another order had its tries begin anew.
func TestParkedAgain(t *testing.T) {
	s := busy()
	for try := 1; try <= 3; try++ {
		s.refused(t, plan.Setting, plan.Renaming).refusedMembers(plan.Adding, 4, 5).refusedMembers(plan.Removing, 1)
		out := s.decide(t)
		if len(out.Record.Parked) != 5 {
			t.Fatalf("after %d tries %d are noted, want each once: %+v", try, len(out.Record.Parked), out.Record.Parked)
		}
		for _, p := range out.Record.Parked {
			if p.Count != try {
				t.Errorf("%s %s was tried %d times, want %d", p.Kind, p.Ref, p.Count, try)
			}
		}
		s.Record, s.Now = out.Record, now.Add(25*time.Hour) // all are due
	}
}

// BenchmarkDoublingParked decides a group of which very many members were refused: the
// cost grows with their number, not with the square of it.
func BenchmarkDoublingParked(b *testing.B) {
	scale.Doubling(b, 20_000, func(n int) func() {
		s := of(none(), cloud(directory.Named, people(upTo(n)...)...)).refusedMembers(plan.Adding, upTo(n)...)
		s.Kin = func(id directory.ID) *record.Group { return &record.Group{ID: id} }
		s.Wish = func(observed *plan.Group, _ []plan.Clash) plan.Wish {
			return s.rules.Decide(staff, s.Cloud, observed, s.nested, forest)
		}
		return func() {
			if out := decision.Decide(s.Input); out.Counts.Parked != n {
				b.Fatalf("%d wait, want %d", out.Counts.Parked, n)
			}
		}
	})
}

// gone is a group of n of whom the first so many left.
func gone(n, left1 int) *scene {
	return of(refs(upTo(n)...), left(cloud(directory.Named, people(upTo(n)[left1:]...)...), people(upTo(left1)...)...))
}

// TestGroupLimit: removals over a group's own limit wait as a whole, but what a person has
// approved; the rest goes on.
func TestGroupLimit(t *testing.T) {
	list := func(ns ...int) record.Listing {
		return record.Listing{Group: staff, Items: []record.Item{{Group: staff, Remove: refs(ns...)}}}
	}
	hold := func(h record.Hold, ns ...int) func(*scene) {
		return func(s *scene) {
			h.ID, h.List = "h", list(ns...).Digest()
			s.Record.Hold = &h
		}
	}
	approved := func(ns ...int) func(*scene) {
		return func(s *scene) {
			hold(record.Hold{Approved: now}, ns...)(s)
			s.Approved = refs(ns...)
		}
	}
	came := func(s *scene) { s.Cloud.Members = append(s.Cloud.Members, people(200)...) }
	lately := func(n, peak int) func(*scene) {
		return func(s *scene) { s.Record.Window = s.Record.Window.Plus(now, plan.Removals, n, peak) }
	}
	tests := []struct {
		name        string
		scene       *scene
		goes, comes []plan.Ref
		held        int
		opens       int // so many are listed by a new hold
		hold        bool
	}{
		{"within it", gone(20, 6), refs(upTo(6)...), nil, 0, 0, false},
		{"one more: none of them goes", gone(20, 7), nil, nil, 7, 7, false},
		{"and who comes comes", gone(20, 7).with(came), nil, refs(200), 7, 7, false},
		{"all of a small group", gone(5, 5), nil, nil, 5, 5, false},
		{"all of a smaller one", gone(4, 4), refs(upTo(4)...), nil, 0, 0, false},
		{"what has gone lately counts, of the group as it was", gone(16, 3).with(lately(4, 20)), nil, nil, 3, 3, false},
		{"which had room for these", gone(16, 2).with(lately(4, 20)), refs(1, 2), nil, 0, 0, false},
		{"a day later it does not", gone(16, 3).with(lately(4, 20)).with(func(s *scene) { s.Now = now.Add(25 * time.Hour) }), refs(1, 2, 3), nil, 0, 0, false},
		{"held already", gone(20, 7).with(hold(record.Hold{}, upTo(7)...)), nil, nil, 7, 0, true},
		{"rejected already: it is not told of again", gone(20, 7).with(hold(record.Hold{Rejected: true}, upTo(7)...)), nil, nil, 7, 0, true},
		{"another list was held", gone(20, 8).with(hold(record.Hold{}, upTo(7)...)), nil, nil, 8, 8, true},
		{"approved", gone(20, 7).with(approved(upTo(7)...)), refs(upTo(7)...), nil, 0, 0, true},
		{"approved, and more came later: that waits", gone(20, 9).with(approved(upTo(7)...)), refs(upTo(7)...), nil, 2, 0, true},
		{"what was approved is done: what came later is held", gone(20, 8).with(approved(100, 101)), nil, nil, 8, 8, true},
		{"the approval was long ago", gone(20, 7).with(hold(record.Hold{Approved: now.Add(-48 * time.Hour)}, upTo(7)...)), nil, nil, 7, 7, true},
		{"not over the limit any more", gone(20, 1).with(hold(record.Hold{}, upTo(7)...)), refs(1), nil, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.scene.decide(t)
			if diff := cmp.Diff(tt.goes, goes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who goes: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.comes, comes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who comes: -want +got:\n%s", diff)
			}
			if out.Counts.Held != tt.held || (out.Record.Hold != nil) != tt.hold {
				t.Errorf("%d are held, a hold is kept: %t; want %d, %t", out.Counts.Held, out.Record.Hold != nil, tt.held, tt.hold)
			}
			switch l := out.Open; {
			case (l != nil) != (tt.opens > 0):
				t.Errorf("opens %+v, want a list of %d", l, tt.opens)
			case l != nil && (l.Count != tt.opens || len(l.Items) != 1 || len(l.Items[0].Remove) != tt.opens || l.Group != staff || l.Text == "" || !l.Opened.Equal(tt.scene.Now)):
				t.Errorf("opens %+v, want a list of %d", l, tt.opens)
			}
		})
	}
	s := gone(16, 3).with(lately(4, 20))
	if out := s.decide(t); !out.Wake.Equal(s.Record.Window.End()) {
		t.Errorf("it wakes at %s, want when the oldest hour counts no more: %s", out.Wake, s.Record.Window.End())
	}
}

// TestReleased: what a person has approved by name of a group is no part of what limits
// over all groups count; what nobody has is.
func TestReleased(t *testing.T) {
	removals, _ := plan.GuardOf(plan.Removals)
	over := gone(20, 9).with(func(s *scene) {
		s.Record.Hold, s.Approved = &record.Hold{ID: "h", Approved: now}, refs(upTo(7)...)
	})
	if out := over.decide(t); out.Draft.Impact(removals).Size() != 0 || out.Counts.Pending[plan.Removals] != 0 || len(goes(out)) != 7 {
		t.Errorf("%v count, pending %v; want that the seven are released", out.Draft.Impact(removals), out.Counts.Pending)
	}
	below := gone(20, 2).with(func(s *scene) { s.Approved = refs(upTo(7)...) })
	if out := below.decide(t); out.Draft.Impact(removals).Size() != 2 || out.Counts.Pending[plan.Removals] != 2 {
		t.Errorf("%v count, pending %v; nobody was asked about these two", out.Draft.Impact(removals), out.Counts.Pending)
	}
}

// TestWithhold takes each guard's impact out of a draft, and leaves the others.
func TestWithhold(t *testing.T) {
	converged := func(s *scene) { s.Record.Converged = true }
	retires := of(refs(1), cloud(directory.Named)).with(func(s *scene) { s.Cloud.Gone = directory.Deleted })
	tests := []struct {
		guard plan.GuardName
		scene *scene
		gone  bool
		left  []plan.Kind
	}{
		{plan.Removals, busy(), false, []plan.Kind{plan.Renaming, plan.Setting, plan.Adding}},
		{plan.Moves, busy(), false, []plan.Kind{plan.Removing, plan.Setting, plan.Adding}},
		{plan.Additions, busy().with(converged), false, []plan.Kind{plan.Renaming, plan.Removing, plan.Setting}},
		{plan.Removals, of(refs(1), left(cloud(directory.Named), people(1)...)), true, nil},
		{plan.Creations, of(nil, cloud(directory.Named, people(1)...)), true, nil},
		{plan.Retirements, retires, true, nil},
	}
	for _, tt := range tests {
		g, _ := plan.GuardOf(tt.guard)
		d := tt.scene.decide(t).Draft
		at := d.Impact(g)
		if at.Size() == 0 {
			t.Errorf("%s: nothing to withhold", tt.guard)
		}
		if gone := d.Withhold(g, at); gone != tt.gone {
			t.Errorf("%s: nothing is left: %t, want %t", tt.guard, gone, tt.gone)
			continue
		}
		if tt.gone {
			continue
		}
		var left []plan.Kind
		for _, c := range d.Changes() {
			left = append(left, c.Kind())
		}
		if diff := cmp.Diff(tt.left, left); diff != "" || d.Impact(g).Size() != 0 {
			t.Errorf("%s: %v is left of it; the rest -want +got:\n%s", tt.guard, d.Impact(g), diff)
		}
	}
}

// TestPaddedGroup: members whom nobody takes out, because each was refused or because the
// agent's end has invented them, make a group's own limit no larger.
func TestPaddedGroup(t *testing.T) {
	padding := make([]plan.Ref, 60)
	for i := range padding {
		padding[i] = plan.SIDRef(sid(500 + i))
	}
	s := of(plan.Merge(refs(upTo(20)...), padding), left(cloud(directory.Named, people(upTo(13)...)...), people(upTo(20)[13:]...)...))
	for _, r := range padding {
		s.Record.Parked = record.ParkMembers(s.Record.Parked, record.Parked{Kind: plan.Removing}, []plan.BadRef{{Ref: r, Code: 53}}, now)
	}
	out := s.decide(t)
	if out.Open == nil || out.Open.Count != 7 || out.Draft != nil {
		t.Errorf("7 of 20 members go, of whom 6 may: open %+v, draft %+v", out.Open, out.Draft)
	}
}
