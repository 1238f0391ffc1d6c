package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// refuseKind refuses changes of a kind to one group.
func (w *world) refuseKind(id directory.ID, kind plan.Kind, tries *int) {
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if c.Group != id || c.Kind() != kind {
			return plan.Result{}, false
		}
		*tries++
		return plan.Result{Status: plan.Refused, Code: 53, Text: "refused: " + string(kind)}, true
	}
}

// TestNoRemovalWaitsForAnother: whatever else of a group is refused, who leaves it leaves
// at once.
func TestNoRemovalWaitsForAnother(t *testing.T) {
	for _, kind := range []plan.Kind{plan.Renaming, plan.Setting, plan.Adding} {
		w := town(t).follow()
		tries := 0
		w.refuseKind(group(1), kind, &tries)
		w.do(errors.Join(w.tenant.Rename(group(1), "Refused name"), w.tenant.SetProperty(group(1), "description", "refused"), w.tenant.AddMember(group(1), user(50))))
		w.untilQuiet()
		if tries == 0 || w.head().Totals.Parked != 1 {
			t.Fatalf("%s: set-up: %d tries, totals %+v", kind, tries, w.head().Totals)
		}
		w.now = w.now.Add(time.Second)
		w.do(w.tenant.RemoveMember(group(1), user(0)))
		w.untilQuiet()
		if w.in(group(1), 0) {
			t.Errorf("%s is refused: the leaver is still in", kind)
		}
		if kind != plan.Adding && !w.in(group(1), 50) {
			t.Errorf("%s is refused: who joined is not in", kind)
		}
	}
}

// TestParkedFollowsTheWish: what is parked is the present difference. Not wanted any more:
// forgotten. Wanted otherwise: tried at once.
func TestParkedFollowsTheWish(t *testing.T) {
	w := town(t).follow()
	bad := func(c plan.Change) (plan.Result, bool) {
		if !slices.Contains(c.Add, ref(50)) {
			return plan.Result{}, false
		}
		r := plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ref(50), Code: 32, Text: "no such object"}}}
		g := plan.Outcome(w.ad[c.Group], c, r)
		w.ad[c.Group], r.GUID = g, g.GUID
		return r, true
	}
	w.refuse = bad
	w.do(w.tenant.AddMember(group(1), user(50)))
	w.untilQuiet()
	if got := w.head().Totals.Parked; got != 1 {
		t.Fatalf("%d parked", got)
	}
	w.do(w.tenant.RemoveMember(group(1), user(50)))
	w.untilQuiet()
	if got := w.parked(group(1)); len(got) != 0 {
		t.Errorf("not wanted any more, and parked: %+v", got)
	}
	tries := 0
	w.refuseKind(group(1), plan.Renaming, &tries)
	w.do(w.tenant.Rename(group(1), "One name"))
	w.untilQuiet()
	w.do(w.tenant.Rename(group(1), "Another name"))
	w.untilQuiet()
	if tries != 2 {
		t.Errorf("another name was tried %d times, want once each", tries)
	}
	w.refuse = nil
	w.do(w.tenant.Rename(group(1), "A third"))
	w.untilQuiet()
	if got := w.parked(group(1)); len(got) != 0 || w.ad[group(1)].Attrs["displayName"][0] != "A third" {
		t.Errorf("parked %+v, the group is %q", got, w.ad[group(1)].Attrs["displayName"])
	}
}

func (w *world) parked(id directory.ID) (out []record.Parked) {
	w.t.Helper()
	v, err := w.journal.View(w.t.Context())
	w.do(err)
	w.do(v.Each(w.t.Context(), func(r *record.Group) error {
		if r.ID == id {
			out = r.Parked
		}
		return nil
	}))
	return out
}

// TestReasonGoneIsTriedAtOnce: a later look at the group, other grounds at the agent's
// end, other rules and a person's word each have what was refused tried at once.
func TestReasonGoneIsTriedAtOnce(t *testing.T) {
	for name, mend := range map[string]func(*world){
		"the group was put right": func(w *world) { // somebody's hand shows in it
			g := w.ad[group(1)].Clone()
			g.Attrs["description"] = []string{"by hand"}
			w.ad[group(1)] = g
			w.do(w.report(true, nil))
		},
		"a right was granted": func(w *world) {
			w.grounds = "other"
			w.do(w.report(true, nil))
		},
		"other rules": func(w *world) {
			r := *w.planner.Rules
			r.Revision++
			w.planner.Rules = &r
		},
		"retry": func(w *world) { w.do(w.journal.Ask(w.t.Context(), journal.Ask{Retry: true, By: "operator"})) },
		"retry this group": func(w *world) {
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Retry: true, Groups: []directory.ID{group(1)}, By: "operator"}))
		},
		"sync this group": func(w *world) {
			w.do(w.journal.Ask(w.t.Context(), journal.Ask{Groups: []directory.ID{group(1)}, By: "operator"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := town(t)
			tries := 0
			w.refuseKind(group(1), plan.Adding, &tries)
			w.do(w.tenant.AddMember(group(1), user(50)))
			w.untilQuiet()
			for range 3 {
				w.later(25 * time.Hour) // the steps grow to a day
			}
			before := tries
			w.refuse = nil
			w.later(time.Second)
			if w.in(group(1), 50) || before < 3 {
				t.Fatalf("set-up: tried %d times", before)
			}
			mend(w)
			w.later(time.Second)
			if !w.in(group(1), 50) {
				t.Errorf("it still waits; parked %+v", w.parked(group(1)))
			}
		})
	}
}

// TestDeletedAndChanged: a group is deleted by hand, and the cloud changes it before the
// next scan. It is made again at once.
func TestDeletedAndChanged(t *testing.T) {
	w := town(t)
	w.do(w.tenant.AddMember(group(3), user(50)))
	delete(w.ad, group(3))
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		_, exists := w.ad[c.Group]
		return plan.Result{Status: plan.Refused, Code: 32, Text: "the group is gone"}, !exists && c.Op != plan.Create
	}
	w.untilQuiet()
	if !w.in(group(3), 50) || len(w.parked(group(3))) != 0 {
		t.Errorf("it has %v, parked %+v", w.ad[group(3)].Members(), w.parked(group(3)))
	}
}

// TestLimitsBeyondOneDraft: a step that comes to a part of a large tenant alone does not
// take away what all of it together is too much.
func TestLimitsBeyondOneDraft(t *testing.T) {
	w := backlog(t)
	w.untilQuiet()
	w.later(25 * time.Hour)
	v, err := w.journal.View(t.Context())
	w.do(err)
	shards, err := v.Shards(t.Context(), func(record.Counts) bool { return true })
	w.do(err)
	before := len(w.removed)
	for i := range 150 { // a fifth of each group, so that no group's own limit is over
		for k := range 36 {
			w.do(w.tenant.RemoveMember(group(i), user(k)))
		}
	}
	w.planner.StepTime = 1 // a step decides one shard
	for range 3 {
		w.do(w.turn())
	}
	holds := w.holds()
	if gone := len(w.removed) - before; gone != 0 || len(holds) != 1 || len(shards) < 4 {
		t.Fatalf("%d shards: %d removed, %d holds; want none and one", len(shards), gone, len(holds))
	}
	if holds[0].Count != 150*36 {
		t.Errorf("held %d, want all %d", holds[0].Count, 150*36)
	}
}

// TestTouchedByHand: an attribute of a group may not be written. What a person does about
// that shows in nothing that we know of the group, but that somebody was at it: the next
// scan has it tried again. Scans of a group that nobody touched do not.
func TestTouchedByHand(t *testing.T) {
	w := town(t)
	tried := 0
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		if c.Group != group(1) || c.Kind() != plan.Setting {
			return plan.Result{}, false
		}
		tried++
		return plan.Result{Status: plan.Refused, Code: 50, Text: "insufficient access rights"}, true
	}
	w.do(w.tenant.SetProperty(group(1), "description", "new"))
	w.untilQuiet()
	for range 5 {
		w.do(w.report(true, nil))
		w.later(2 * time.Second)
	}
	if tried != 1 || w.head().Totals.Parked != 1 {
		t.Fatalf("tried %d times, totals %+v; want once", tried, w.head().Totals)
	}
	w.refuse = nil
	w.usns[group(1)]++
	w.do(w.report(true, nil))
	w.later(2 * time.Second)
	if got := w.ad[group(1)].Attrs["description"]; !slices.Equal(got, []string{"new"}) || w.head().Totals.Parked != 0 {
		t.Errorf("the description is %q, totals %+v", got, w.head().Totals)
	}
}

// TestRemovalThatCannotBe: somebody's primary group is ours, and he cannot be taken out of
// it. A person gives him another one before any scan: the next scan has it done.
func TestRemovalThatCannotBe(t *testing.T) {
	w := town(t)
	w.refuse = func(c plan.Change) (plan.Result, bool) {
		return plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ref(0), Code: 53, Text: "it is his primary group"}}}, slices.Contains(c.Remove, ref(0))
	}
	w.do(w.tenant.RemoveMember(group(3), user(0)))
	w.later(2 * time.Second)
	if !w.in(group(3), 0) || w.head().Totals.Parked != 1 {
		t.Fatalf("set-up: totals %+v", w.head().Totals)
	}
	w.refuse = nil
	w.usns[group(3)]++
	w.digests()
	w.later(2 * time.Second)
	if w.in(group(3), 0) || w.head().Totals.Parked != 0 {
		t.Errorf("put right by hand, he is in: %t, totals %+v", w.in(group(3), 0), w.head().Totals)
	}
}

// TestNoAnswerIsNoRefusal: the line to the domain controller is cut at a write, and once
// more. A person does not wait longer for that than for a reading.
func TestNoAnswerIsNoRefusal(t *testing.T) {
	w := town(t)
	cuts := 2
	w.refuse = func(plan.Change) (plan.Result, bool) {
		cuts--
		return plan.Result{Status: plan.Unknown}, cuts >= 0
	}
	w.do(w.tenant.RemoveMember(group(3), user(0)))
	for range 5 {
		w.later(2 * time.Second)
	}
	if w.in(group(3), 0) || w.head().Totals.Parked != 0 {
		t.Errorf("after ten seconds who left is in: %t, totals %+v", w.in(group(3), 0), w.head().Totals)
	}
}

// BenchmarkManyRefused decides one group of which very many members are refused.
func BenchmarkManyRefused(b *testing.B) {
	for _, n := range []int{5_000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			w.users(n)
			w.group(1, 0, n)
			w.refuse = func(c plan.Change) (plan.Result, bool) {
				if len(c.Add) == 0 {
					return plan.Result{}, false
				}
				r := plan.Result{Status: plan.Done}
				for _, x := range c.Add {
					r.Bad = append(r.Bad, plan.BadRef{Ref: x, Text: "no"})
				}
				return r, true
			}
			w.untilQuiet()
			for b.Loop() {
				w.do(w.journal.Ask(b.Context(), journal.Ask{Groups: []directory.ID{group(1)}, By: "operator"}))
				w.do(w.planner.Run(b.Context()))
				if _, err := w.agent(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestOneAttributeRefused: what Active Directory has against one attribute costs that attribute: the group
// is made, has its members and the others, follows them, and people are told of the one alone.
func TestOneAttributeRefused(t *testing.T) {
	w := newWorld(t)
	w.users(10)
	w.barred = "displayName"
	w.group(1, 0, 5)
	w.do(w.tenant.SetProperty(group(1), "description", "first"))
	w.untilQuiet()
	told := func() {
		t.Helper()
		g, ok := w.ad[group(1)]
		parked := w.recordOf(group(1)).Parked
		if !ok || len(parked) != 1 || !strings.Contains(parked[0].Text, "displayName") || len(g.Attrs["displayName"]) > 0 {
			t.Fatalf("there: %t, parked: %+v, %v", ok, parked, g.Attrs)
		}
	}
	told()
	if g := w.ad[group(1)]; len(g.Members()) != 5 || !slices.Equal(g.Attrs["description"], []string{"first"}) || w.made[group(1)] != 1 {
		t.Errorf("%+v", g)
	}
	w.now = w.now.Add(time.Second)
	w.do(errors.Join(w.tenant.SetProperty(group(1), "description", "second"), w.tenant.AddMember(group(1), user(7))))
	w.untilQuiet()
	told()
	if g := w.ad[group(1)]; len(g.Members()) != 6 || !slices.Equal(g.Attrs["description"], []string{"second"}) {
		t.Errorf("%+v", g)
	}
	w.barred = ""
	w.later(time.Hour)
	if g := w.ad[group(1)]; len(g.Attrs["displayName"]) != 1 || w.head().Totals.Parked != 0 {
		t.Errorf("taken by now: %+v", g)
	}
}
