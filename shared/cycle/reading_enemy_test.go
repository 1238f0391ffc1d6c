package cycle_test

import (
	"testing"
	"time"

	"groupwriteback/shared/directory"
)

// doubtful has a reading by name of a group asked for soon: somebody puts a stranger in.
func (w *world) doubtful(g directory.ID) {
	w.stranger(g, ref(5000))
	w.do(w.report(true, nil))
}

// TestLaggingReadingBringsNobodyBack: somebody leaves, and a reading by name, from a
// server that has not heard of it yet, still names him. He is out all the same, soon.
func TestLaggingReadingBringsNobodyBack(t *testing.T) {
	w := town(t)
	w.do(w.tenant.RemoveMember(group(1), user(0)))
	lagging := true
	w.source.again = func(p *directory.Page) error {
		for i, g := range p.Groups {
			if g.ID == group(1) && lagging {
				p.Groups[i].Members = append(g.Members, directory.MemberChange{ID: user(0), Kind: directory.User})
				p.Groups[i].Set["displayName"] = []string{"Older name"}
			}
		}
		return nil
	}
	w.do(w.tenant.Rename(group(1), "Newer name"))
	w.doubtful(group(1))
	w.do(w.planner.Run(t.Context()))
	w.do(w.planner.Run(t.Context()))
	if w.source.reread == 0 {
		t.Fatal("set-up: nobody read it by name")
	}
	lagging = false
	w.later(2 * time.Minute)
	w.later(10 * time.Minute)
	w.later(time.Hour)
	if w.in(group(1), 0) {
		t.Errorf("who left is a member still, because a reading was late")
	}
	if w.in(group(1), 4000) {
		t.Errorf("the stranger is a member still")
	}
	if got := w.ad[group(1)].Attrs["displayName"]; len(got) != 1 || got[0] != "Newer name" {
		t.Errorf("it is called %v", got)
	}
}

// TestEnumerationConfirmsNothing: links are lost, somebody joins meanwhile and is put into
// the group by hand too, and the enumeration lacks him. He is not taken out for that: no
// reading by name has said so.
func TestEnumerationConfirmsNothing(t *testing.T) {
	w := town(t)
	w.doubtful(group(1)) // read by name
	w.untilQuiet()
	w.later(2 * time.Minute)
	w.later(time.Hour)
	if w.in(group(1), 4000) || w.source.reread == 0 {
		t.Fatalf("set-up: the stranger is still in; read %d", w.source.reread)
	}
	w.removed = nil
	w.do(w.tenant.AddMember(group(1), user(50)))
	w.stranger(group(1), ref(50))
	w.source.expired = true
	w.source.edit = func(p *directory.Page) error {
		for i, g := range p.Groups {
			for k, m := range g.Members {
				if m.ID == user(50) && g.ID == group(1) && w.source.whole {
					p.Groups[i].Members = append(g.Members[:k:k], g.Members[k+1:]...)
				}
			}
		}
		return nil
	}
	w.do(w.report(true, nil))
	for range 5 {
		w.later(time.Hour)
	}
	if len(w.removed) > 0 || !w.in(group(1), 50) {
		t.Errorf("removed %v, on the word of one enumeration", w.removed)
	}
}
