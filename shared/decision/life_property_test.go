package decision_test

import (
	"math/rand/v2"
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

const day = 24 * time.Hour

// end draws what may become of the group of a scene, and where it is in its life.
func (choose chooser) end(s *scene) {
	r := *all
	fate := func() life.Fate { return pick(choose, life.Fates()...) }
	r.Leaving = rules.Leaving{OutOfScope: fate(), SoftDeleted: fate(), HardDeleted: fate(), Grace: 10 * day}
	if choose(6) == 0 {
		r.Scope = rules.Scope{Groups: map[directory.ID]bool{child: true}}
	}
	if choose(4) == 0 {
		r.Kinds = rules.Kinds{rules.Security: rules.Distribution}
	}
	r.Reach = pick(choose, rules.Universal, rules.Universal, rules.Global, rules.DomainLocal)
	s.rules = &r
	if s.Cloud != nil {
		s.Cloud.Gone = pick(choose, directory.NotRemoved, directory.NotRemoved, directory.SoftDeleted, directory.Deleted, directory.Unlisted)
		if choose(12) == 0 {
			s.Cloud.Props["onPremisesSyncEnabled"] = []string{"true"}
		}
	}
	s.Ending = pick(choose, "", "", "", "", life.Keep, life.Quarantine, life.Delete)
	s.Restores = choose(3) > 0
	s.Epoch = pick(choose, time.Time{}, now.Add(-5*day), now.Add(-20*day))
	if choose(4) == 0 {
		s.Record.Observed = nil
	}
	choose.lived(&s.Record)
}

// lived draws what the group is in Active Directory, and what the journal knows of that.
func (choose chooser) lived(r *record.Group) {
	if g := r.Observed; g != nil {
		g.Attrs[plan.GroupTypeAttribute] = []string{plan.GroupType(pick(choose, "universal-security", "universal-security", "universal-distribution", "global-security", "domain-local-distribution"))}
		if choose(3) > 0 {
			g.Attrs["info"] = []string{"In quarantine by Groupwriteback."}
		}
		r.Life.State = pick(choose, "", life.Kept, life.Quarantined, life.Quarantined)
		if choose(8) == 0 || r.Life.State == life.Quarantined && !plan.Suspends(*g) { // else nobody has lifted it
			r.ByHand = []string{plan.GroupTypeAttribute}
		}
	} else {
		r.Life.State = pick(choose, "", life.Deleted, life.Disowned)
	}
	if choose(3) == 0 {
		r.Grave = &plan.Grave{GUID: "buried"}
	}
	r.Life.Going = pick(choose, "", "", life.Quarantined, life.Deleted)
	if r.Life.State != "" {
		r.Life.Since = pick(choose, time.Time{}, now.Add(-3*day), now.Add(-15*day), now.Add(-30*day))
	}
	if r.Life.State == life.Quarantined {
		r.Life.Doomed, r.Life.Grace = pick(choose, r.Life.Since, now.Add(-60*day), now.Add(-60*day), now.Add(-60*day), time.Time{}), pick(choose, 0, 0, 0, day, 20*day)
	}
}

// unwanted is what the rules make of the group by the cloud's own word, and whether that word is
// there at all: of a group that Graph does not list it is not, before it was asked for by name.
func (s *scene) unwanted() (fate life.Fate, yes bool) {
	g := s.Cloud
	switch {
	case g == nil || g.Gone == directory.Unlisted && g.Reading != directory.Named:
		return "", false
	case g.Gone == directory.SoftDeleted:
		return s.rules.Leaving.SoftDeleted, true
	case g.Gone != directory.NotRemoved:
		return s.rules.Leaving.HardDeleted, true
	case !s.rules.Scope.All:
		return s.rules.Leaving.OutOfScope, true
	}
	return life.Keep, len(g.Props["onPremisesSyncEnabled"]) > 0
}

// mayBeDeleted says whether the group may be deleted: by a person's word, or after a quarantine
// that the journal has seen for as long as the rules say.
func (s *scene) mayBeDeleted() bool {
	if s.Ending != "" {
		return s.Restores && s.Ending == life.Delete
	}
	fate, yes := s.unwanted()
	l := s.Record.Life
	grace := max(l.Grace, s.rules.Leaving.Grace)
	seen := !l.Doomed.IsZero() && l.State == life.Quarantined && !l.Doomed.Add(grace).After(s.Now) && !s.Epoch.Add(grace).After(s.Now)
	return s.Restores && yes && fate == life.Delete && seen
}

// mayBeSuspended says whether its members may lose what it gives them.
func (s *scene) mayBeSuspended() bool {
	if s.Ending != "" {
		return s.Ending == life.Quarantine
	}
	fate, yes := s.unwanted()
	return yes && fate != life.Keep || !yes && s.rules.Kinds != nil
}

// TestNothingEndsUnasked: whatever is known of a group and of its life, it ends only by the
// cloud's word and the rules', or by a person's; what ends keeps its members; what can be had
// back is not made anew.
func TestNothingEndsUnasked(t *testing.T) {
	met := map[string]int{}
	const scenes = 20_000
	for seed := range scenes {
		choose := chooser(rand.New(rand.NewPCG(uint64(seed), 5)).IntN)
		s := choose.scene()
		choose.end(s)
		out := s.decide(t)
		for _, c := range drafted(out) {
			s.asked(t, c, met)
		}
		for _, r := range goes(out) {
			if !s.said(r) {
				t.Errorf("%s goes without evidence", r)
			}
		}
		s.whole(t, out)
		holdsTogether(t, seed, s, out)
		if t.Failed() {
			t.Fatalf("seed %d: cloud %+v, ending %q, record %+v\nto do %+v", seed, s.Cloud, s.Ending, s.Record, drafted(out))
		}
	}
	for _, what := range []string{"quarantine", "deleted by rule", "deleted by word", "let go", "restored", "made", "another type, with less", "another type"} {
		if met[what] < 50 {
			t.Errorf("%s: %d times of %d: this test does not look at much", what, met[what], scenes)
		}
	}
	t.Logf("%d scenes, %v: 0 memberships lost", scenes, met)
}

// asked holds one change to what may be.
func (s *scene) asked(t *testing.T, c plan.Change, met map[string]int) {
	t.Helper()
	members := 0
	var has string
	if o := s.Record.Observed; o != nil {
		members, has = s.standing(), o.Attrs[plan.GroupTypeAttribute][0]
	}
	to, typed := c.Set[plan.GroupTypeAttribute]
	loses := typed && plan.Secures(has) && !plan.Secures(to[0])
	met[s.name(c, typed && c.Op == plan.Update, loses)]++
	switch {
	case c.Op == plan.Delete && !s.mayBeDeleted():
		t.Errorf("it is deleted, unasked")
	case c.Op == plan.Disown && s.Ending != life.Keep:
		t.Errorf("it is let go, unasked")
	case loses && c.Op == plan.Update && !s.mayBeSuspended():
		t.Errorf("its members lose what it gives them, unasked")
	case (loses || c.Op == plan.Delete && plan.Secures(has)) && c.Op != plan.Create && c.Op != plan.Restore && c.Count != members:
		t.Errorf("%s counts %d memberships, of %d", c.Kind(), c.Count, members)
	case c.Op == plan.Create && s.Record.Grave != nil:
		t.Errorf("it is made anew beside one that can be had back")
	case c.Op == plan.Restore && (s.Record.Grave == nil || c.GUID != s.Record.Grave.GUID):
		t.Errorf("%+v is restored, and known is %+v", c.GUID, s.Record.Grave)
	case (c.Op == plan.Create || c.Op == plan.Restore) && s.Ending != "":
		t.Errorf("it comes to be while writeback ends")
	}
}

// standing is how many members the group has, of whom one may stand there by two names.
func (s *scene) standing() int {
	members := s.Record.Observed.Members()
	n := len(members)
	if k := s.kin[child]; k != nil && slices.Contains(members, plan.GroupRef(child)) && slices.Contains(members, plan.SIDRef(k.SID)) && s.knows(child) {
		n--
	}
	return n
}

// knows says whether the cloud has, or had, a group as a member.
func (s *scene) knows(id directory.ID) bool {
	return s.Cloud != nil && slices.ContainsFunc(slices.Concat(s.Cloud.Members, s.Cloud.Left), func(m directory.Member) bool { return m.ID == id })
}

func (s *scene) name(c plan.Change, typed, loses bool) string {
	switch {
	case c.Op == plan.Delete && s.Ending == "":
		return "deleted by rule"
	case c.Op == plan.Delete:
		return "deleted by word"
	case c.Op == plan.Disown:
		return "let go"
	case c.Op == plan.Restore:
		return "restored"
	case c.Op == plan.Create:
		return "made"
	case loses && len(c.Set["info"]) > 0:
		return "quarantine"
	case loses:
		return "another type, with less"
	case typed:
		return "another type"
	}
	return "other"
}

// whole fails a test in which a group that ends loses a member by that.
func (s *scene) whole(t *testing.T, out decision.Output) {
	t.Helper()
	_, unwanted := s.unwanted()
	if (s.Ending != "" || unwanted) && slices.ContainsFunc(drafted(out), func(c plan.Change) bool { return len(c.Remove)+len(c.Add) > 0 }) {
		t.Error("it is not wanted, and its members change")
	}
}
