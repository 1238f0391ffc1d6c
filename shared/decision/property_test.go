package decision_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// A chooser returns a number in [0, n).
type chooser func(n int) int

func pick[T any](choose chooser, from ...T) T { return from[choose(len(from))] }

// some are some of these, in order.
func some[T any](choose chooser, from []T) (out []T) {
	for _, x := range from {
		if choose(2) == 0 {
			out = append(out, x)
		}
	}
	return out
}

// member draws who a member may be: known, not known yet, lost, foreign, a contact, a
// group.
func (choose chooser) member(n int) directory.Member {
	if n == 0 {
		m := nested(child)
		m.Standing = pick(choose, directory.CloudOnly, directory.Unseen)
		return m
	}
	m := people(n)[0]
	switch choose(8) {
	case 0:
		m.Standing, m.SID = directory.Unseen, ""
	case 1:
		m.Standing = pick(choose, directory.LostSID, directory.LostSoft, directory.LostForGood, directory.Unseen)
	case 2:
		m.SID = "S-1-5-21-7-8-9-1101"
	case 3:
		m.Kind, m.Standing, m.SID = directory.Contact, directory.Unseen, ""
	case 4:
		m.SID = sid(n + 100) // a new account
	}
	return m
}

// scene draws what may be known of a group on both sides.
func (choose chooser) scene() *scene {
	var members, gone []directory.Member
	for n := range 12 {
		switch choose(3) {
		case 0:
			members = append(members, choose.member(n))
		case 1:
			gone = append(gone, choose.member(n))
		}
	}
	for _, m := range members { // who has another SID now left under the old one
		if m.Kind == directory.User && m.SID == sid(int(m.ID[15])+100) && choose(2) == 0 {
			gone = append(gone, people(int(m.ID[15]))...)
		}
	}
	g := left(cloud(pick(choose, directory.Partial, directory.Whole, directory.Doubted, directory.Named, directory.Named), members...), gone...)
	g.Unread = choose(6) == 0
	g.Gone = pick(choose, "", "", "", "", directory.Removal(""), directory.Unlisted, directory.SoftDeleted)
	if choose(8) == 0 {
		g.Props["visibility"] = []string{"HiddenMembership"}
	}
	inAD := some(choose, append(refs(append(upTo(11), 101, 102, 50)...), "S-1-5-21-7-8-9-1101", plan.GUIDRef("0b1c"), plan.GroupRef(child)))
	slices.Sort(inAD)
	if choose(10) == 0 {
		inAD = nil
	} else if inAD == nil {
		inAD = none()
	}
	s := of(inAD, g)
	if choose(10) == 0 {
		s.Cloud = nil
	}
	if choose(3) > 0 {
		s.kin[child] = &record.Group{ID: child, SID: sid(50)}
		if choose(2) == 0 {
			s.kin[child].Observed = &plan.Group{ID: child}
		}
	}
	choose.past(s)
	return s
}

// past draws what stands between wish and reality.
func (choose chooser) past(s *scene) {
	r := &s.Record
	r.Stale, r.Missing, r.Converged = choose(20) == 0, choose(20) == 0, choose(2) == 0
	if choose(20) == 0 {
		r.Trouble = &plan.Trouble{Case: plan.TroubleTwin}
	}
	for _, n := range some(choose, upTo(5)) {
		s.refusedMembers(pick(choose, plan.Adding, plan.Removing), n)
	}
	if choose(4) == 0 {
		r.Parked = record.Park(r.Parked, record.Parked{Kind: pick(choose, plan.Kinds()...)}, now)
	}
	if r.Observed != nil && choose(3) == 0 {
		r.Observed.Name = "Old"
	}
	r.Window = r.Window.Plus(now, plan.Removals, choose(4), 20)
	if choose(3) == 0 {
		s.Approved, r.Hold = refs(some(choose, upTo(11))...), &record.Hold{ID: "h", Approved: now}
	}
	s.MayAsk = choose(2) == 0
	s.Now = now.Add(time.Duration(choose(3)) * 10 * time.Minute)
}

// said is whether there is evidence that a member of the AD group is none in the cloud: of
// everything that a decision may rest on, and of nothing else.
func (s *scene) said(r plan.Ref) bool {
	names := func(m directory.Member) []plan.Ref {
		var out []plan.Ref
		if m.SID != "" {
			out = append(out, plan.SIDRef(m.SID))
		}
		if m.Kind == directory.GroupKind {
			out = append(out, plan.GroupRef(m.ID))
			if k := s.kin[m.ID]; k != nil && k.SID != "" {
				out = append(out, plan.SIDRef(k.SID))
			}
		}
		return out
	}
	_, nameless := r.GUID()
	known := s.Cloud.Reading == directory.Named && !s.Cloud.Unread
	for _, m := range s.Cloud.Members {
		if slices.Contains(names(m), r) {
			return false
		}
		switch {
		case m.Kind == directory.Contact:
			known = known && !nameless
		case m.SID == "" && m.Standing == directory.Unseen && m.Kind != directory.GroupKind:
			known = false
		}
	}
	return known || slices.ContainsFunc(s.Cloud.Left, func(m directory.Member) bool { return slices.Contains(names(m), r) })
}

// TestNobodyGoesWithoutEvidence: whatever is known on both sides, and whatever happened
// before, nobody is taken out who is a member in the cloud, nor anybody else but on
// Graph's word or as a proven stranger.
func TestNobodyGoesWithoutEvidence(t *testing.T) {
	went, stayed := 0, 0
	for seed := range 4_000 {
		choose := chooser(rand.New(rand.NewPCG(uint64(seed), 4)).IntN)
		s := choose.scene()
		out := s.decide(t)
		stayed += out.Counts.Unproven
		for _, r := range goes(out) {
			if went++; !s.said(r) {
				t.Errorf("seed %d: %s goes without evidence: cloud %+v, Active Directory %v", seed, r, s.Cloud, s.Record.Observed.Members())
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		holdsTogether(t, seed, s, out)
	}
	if went < 500 || stayed < 500 {
		t.Errorf("%d went and %d stayed: this test does not look at much", went, stayed)
	}
}

// holdsTogether says what contradicts itself in what was decided.
func holdsTogether(t *testing.T, seed int, s *scene, out decision.Output) {
	t.Helper()
	r := s.Record
	untouchable := r.Stale || r.Missing || r.Trouble != nil
	left := out.Counts.Held + out.Counts.Parked + out.Counts.Unproven
	switch {
	case out.Draft != nil && (untouchable || out.Agreed || len(drafted(out)) == 0):
		t.Errorf("seed %d: there is something to do, %+v, and yet untouchable %t, agreed %t", seed, drafted(out), untouchable, out.Agreed)
	case out.Agreed && left > 0:
		t.Errorf("seed %d: agreed, and %d are withheld", seed, left)
	case (out.Counts.Changes > 0) != (out.Draft != nil):
		t.Errorf("seed %d: %d changes are counted, to do is %+v", seed, out.Counts.Changes, drafted(out))
	case len(out.Ask.Groups)+len(out.Ask.Principals) > 0 && (!s.MayAsk || !out.Record.Reread.Until.After(s.Now)):
		t.Errorf("seed %d: asked %+v without room, or without a wait before the next time", seed, out.Ask)
	case !out.Wake.IsZero() && out.Wake.Before(s.Now):
		t.Errorf("seed %d: it wakes in the past", seed)
	case !slices.IsSortedFunc(out.Record.Parked, func(a, b record.Parked) int {
		if a.Kind == b.Kind {
			return slices.Compare([]plan.Ref{a.Ref}, []plan.Ref{b.Ref})
		}
		return slices.Compare([]plan.Kind{a.Kind}, []plan.Kind{b.Kind})
	}):
		t.Errorf("seed %d: what is parked is not sorted: %+v", seed, out.Record.Parked)
	}
}
