package cycle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
)

// shifting is a world whose rules change all the time.
type shifting struct {
	*world
	rng                                        *rand.Rand
	additive, flat, noUsers, noGroups, ofGroup bool
	strangers                                  map[string]bool // "group ref" that a hand put in
	revision                                   int
	said                                       []string
}

// scopeGroup is the one whose members are in scope, where rules say so.
const scopeGroup = 9

func (s *shifting) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

// shift puts other rules in force.
func (s *shifting) shift() {
	yes := func() bool { return s.rng.IntN(3) == 0 }
	s.additive, s.flat, s.noUsers, s.noGroups, s.ofGroup, s.renames = yes(), yes(), yes(), yes(), yes(), yes()
	s.revision++
	word := map[bool]string{s.additive: "additive", !s.additive: "authoritative"}[true]
	nested := map[bool]string{s.flat: "flatten", !s.flat: "reference"}[true]
	scope := map[bool]string{s.ofGroup: "{members_of: " + group(scopeGroup).String() + "}", !s.ofGroup: "all"}[true]
	kinds := []string{"devices"}
	if !s.noUsers {
		kinds = append(kinds, "users")
	}
	if !s.noGroups {
		kinds = append(kinds, "groups")
	}
	s.file = fmt.Sprintf("ou: %s\nscope: %s\nrevision: %d\nmembers: {mode: %s, nested: %s, kinds: [%s]}\n", ou, scope, s.revision, word, nested, strings.Join(kinds, ", "))
	s.say("rules %q, renames %v", s.file, s.renames)
	s.restart()
}

func (s *shifting) truth(id directory.ID) (found graphtest.TruthObject) {
	for _, g := range s.tenant.Dump().Groups {
		if g.ID == id {
			found = g
		}
	}
	return found
}

// belong are the users who belong into a group by the rules in force.
func (s *shifting) belong(id directory.ID) map[plan.Ref]bool {
	users := map[plan.Ref]bool{}
	tree := []directory.ID{id}
	for i := 0; i < len(tree); i++ {
		for _, m := range s.truth(tree[i]).Members {
			switch {
			case m.Kind == directory.GroupKind && s.flat && !slices.Contains(tree, m.ID):
				tree = append(tree, m.ID)
			case m.Kind == directory.User && !s.noUsers:
				users[plan.SIDRef(m.SID)] = true
			}
		}
	}
	return users
}

// change changes something in the cloud, or puts a stranger into a group in Active Directory.
func (s *shifting) change() {
	g, c, u := group(1+s.rng.IntN(5)), group(1+s.rng.IntN(5)), user(s.rng.IntN(12))
	if s.rng.IntN(8) == 0 {
		g = group(scopeGroup)
	}
	switch s.rng.IntN(9) {
	case 0, 1:
		s.say("%s into %s: %v", u, g, s.tenant.AddMember(g, u))
	case 2, 3:
		s.say("%s out of %s: %v", u, g, s.tenant.RemoveMember(g, u))
	case 4:
		s.say("%s into %s: %v", c, g, s.tenant.AddMember(g, c))
	case 5:
		s.say("%s out of %s: %v", c, g, s.tenant.RemoveMember(g, c))
	case 6:
		s.say("rename %s: %v", g, s.tenant.Rename(g, fmt.Sprintf("Name %d", s.rng.IntN(4))))
	case 7:
		if s.rng.IntN(2) == 0 {
			s.say("delete %s: %v", g, s.tenant.SoftDelete(g))
		} else {
			s.say("restore %s: %v", g, s.tenant.Restore(g))
		}
	case 8:
		if _, there := s.ad[g]; there {
			r := ref(20 + s.rng.IntN(3))
			s.stranger(g, r)
			s.usns[g]++
			s.strangers[g.String()+string(r)] = true
			s.say("stranger %s into %s", r, g)
		}
	}
}

// TestRulesShift changes rules, groups and Active Directory by chance: nobody who belongs into
// a group is taken out of it, it comes to rest, and then all is as the rules have it.
func TestRulesShift(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newShifting(t, seed)
			for range 12 {
				if s.rng.IntN(2) == 0 {
					s.shift()
				}
				for range s.rng.IntN(4) {
					s.change()
				}
				s.later(time.Duration(1+s.rng.IntN(120)) * time.Minute)
				s.do(s.report(true, nil)) // an agent tells all once a day
				s.later(25 * time.Hour)
				s.later(time.Hour) // what was asked of Graph meanwhile
				for id, g := range s.ad {
					s.check(id, g)
				}
				if t.Failed() {
					t.Fatalf("%s\nholds %+v", strings.Join(s.said, "\n"), s.holds())
				}
			}
		})
	}
}

// newShifting is settled, and has no limits.
func newShifting(t *testing.T, seed uint64) *shifting {
	t.Helper()
	w := newWorld(t)
	none := plan.DefaultLimits()
	none.Share, none.Floor, none.MemberShare, none.EmptyFloor, none.GrowthFloor = 1, 1e6, 1, 1e6, 1e6
	w.limits = &none
	w.restart()
	s := &shifting{world: w, rng: rand.New(rand.NewPCG(seed, 7)), strangers: map[string]bool{}}
	w.users(12)
	w.group(scopeGroup, 0, 0)
	for g := range 5 {
		w.group(1+g, g, g+4)
		w.do(w.tenant.AddMember(group(scopeGroup), group(1+g)))
	}
	w.onRemove = func(id directory.ID, r plan.Ref) {
		if s.belong(id)[r] {
			t.Errorf("%s is taken out of %s, and belongs there", r, id)
		}
		if s.additive && s.strangers[id.String()+string(r)] {
			t.Errorf("stranger %s is taken out of %s by additive rules", r, id)
		}
	}
	w.untilQuiet()
	return s
}

// check holds a group in Active Directory to the cloud and the rules.
func (s *shifting) check(id directory.ID, g plan.Group) {
	scope := s.truth(group(scopeGroup))
	in := !s.ofGroup || slices.ContainsFunc(scope.Members, func(m graphtest.TruthMember) bool { return m.ID == id })
	gone := s.truth(id).Removed != directory.NotRemoved
	switch unsaid := s.ofGroup && scope.Removed != directory.NotRemoved; {
	case unsaid && !gone: // nobody leaves the scope for that
		return
	case plan.Retired(g) != (gone || !in):
		s.t.Errorf("%s: deleted %v, in scope %v, noted as not managed: %v", g.Name, gone, in, plan.Retired(g))
	}
	if gone || !in {
		return
	}
	belong := s.belong(id)
	for r := range belong {
		if !slices.Contains(g.Members(), r) {
			s.t.Errorf("%s: %s belongs there, and is not", g.Name, r)
		}
	}
	for _, r := range g.Members() {
		_, nested := r.Group()
		switch stranger := s.strangers[id.String()+string(r)]; {
		case nested && (s.flat || s.noGroups), !nested && !belong[r] && !stranger && !s.additive, stranger && !s.additive:
			s.t.Errorf("%s: %s is there, and does not belong there", g.Name, r)
		}
	}
}
