package cycle_test

import (
	"fmt"
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestHostileAdministrator: somebody who may write to the groups in Active Directory edits
// by hand what he likes: fences, marks, members, names, attributes; he moves groups, deletes
// them and makes twins. Nobody is removed but who has left or was put in by him, within the
// limits; nothing else is written to; the planner goes on, for his group too as soon as it
// can be managed; and when he has put back what he has moved and marked all comes right
// without a word of an operator's.
func TestHostileAdministrator(t *testing.T) {
	s := newSiege(t)
	a := &administrator{siege: s, met: map[string]int{}}
	s.play(a.act)
	for _, e := range a.acts() {
		if a.met[e.name] == 0 {
			t.Errorf("%s: it never happened", e.name)
		}
	}
	clear(s.troubles)
	s.calm()
	if got := s.head().Totals; got.Trouble+got.Stale+got.Parked > 0 {
		t.Errorf("totals %+v", got)
	}
}

type administrator struct {
	*siege
	met map[string]int
}

// An act is something that he may do to a group.
type act struct {
	name string
	do   func(id directory.ID, g plan.Group)
}

func (a *administrator) act() {
	for range a.rng.IntN(4) {
		id := a.anyGroup()
		g, is := a.ad[id]
		if !is {
			continue
		}
		all := a.acts()
		e := all[a.rng.IntN(len(all))]
		a.met[e.name]++
		a.say("%s: %s", g.Name, e.name)
		e.do(id, g.Clone())
	}
}

func (a *administrator) acts() []act {
	put := func(id directory.ID, g plan.Group) { a.ad[id] = g }
	trouble := func(word string) func(directory.ID, plan.Group) {
		return func(id directory.ID, _ plan.Group) {
			a.troubles[id] = &plan.Trouble{Case: word, DN: "CN=x,OU=elsewhere", Text: "put it right"}
		}
	}
	right := func(id directory.ID, _ plan.Group) { delete(a.troubles, id) }
	return []act{
		{"a fence", func(id directory.ID, _ plan.Group) {
			a.fences[id] = plan.Fence{Instance: "corp", Epoch: a.number(a.head().Epoch), Seq: a.number(a.head().NextSeq), Lease: a.number(uint64(a.now.UnixMilli()))}.String()
		}},
		{"a fence of another", func(id directory.ID, g plan.Group) {
			a.fences[id] = fmt.Sprintf("gwb other %d.1.1", a.number(1))
			trouble(plan.TroubleForeign)(id, g)
		}},
		{"no fence", func(id directory.ID, g plan.Group) {
			a.fences[id] = a.nonsense()
			trouble(plan.TroubleUnfenced)(id, g)
		}},
		{"moved away", trouble(plan.TroubleOutside)},
		{"its mark is cleared", trouble(plan.TroubleUnmarked)},
		{"a twin", trouble(plan.TroubleTwin)},
		{"put right", right}, {"put right", right}, {"put right", right}, // three times as often
		{"somebody is put in", func(id directory.ID, g plan.Group) {
			if a.strangers() < 8 {
				g.Links = g.Links.With(plan.Member, plan.Merge(g.Members(), []plan.Ref{ref(9000 + a.rng.IntN(50))}))
				put(id, g)
			}
		}},
		{"somebody is taken out", func(id directory.ID, g plan.Group) {
			if len(g.Members()) > 0 {
				g.Links = g.Links.With(plan.Member, plan.Missing(g.Members(), []plan.Ref{g.Members()[a.rng.IntN(len(g.Members()))]}))
				put(id, g)
			}
		}},
		{"it is emptied", func(id directory.ID, g plan.Group) {
			g.Links = g.Links.With(plan.Member, nil)
			put(id, g)
		}},
		{"its name", func(id directory.ID, g plan.Group) {
			g.Name = fmt.Sprintf("By hand %d", a.rng.IntN(1<<30))
			put(id, g)
		}},
		{"an attribute", func(id directory.ID, g plan.Group) {
			g.Attrs[[]string{"info", "description", "displayName", "sAMAccountName"}[a.rng.IntN(4)]] = []string{"by hand"}
			put(id, g)
		}},
		{"deleted", func(id directory.ID, _ plan.Group) { a.deleteByHand(id) }},
		{"made anew", func(id directory.ID, g plan.Group) {
			g.GUID = plan.GUID(fmt.Sprintf("by-hand-%d", a.rng.IntN(1<<30)))
			put(id, g)
		}},
	}
}

// strangers are those whom he has put in and who are there still: more than a limit's
// worth would wait for a person's word, and rightly.
func (a *administrator) strangers() (n int) {
	for _, g := range a.ad {
		for i := range 50 {
			if slices.Contains(g.Members(), ref(9000+i)) {
				n++
			}
		}
	}
	return n
}
