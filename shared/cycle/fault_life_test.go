package cycle_test

import (
	"errors"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// chaptersOfLife are those in which groups end, or become others, and come back.
func chaptersOfLife() []chapter {
	leaves := func(w *world) { w.do(w.tenant.SoftDelete(group(3))) }
	returns := func(w *world) { w.do(w.tenant.Restore(group(3))) }
	ends := func(fate life.Fate, there func(w *world) int) chapter {
		return chapter{name: "disable: " + string(fate), live: func(w *world, rest func()) {
			before := w.memberships()
			w.endAgainst(fate, rest)
			if n := there(w); n != 5 {
				w.t.Fatalf("disable, %s: so are %d groups, not 5", fate, n)
			}
			w.enableAgainst(rest)
			w.sameMembers("enabled again", before)
		}}
	}
	return []chapter{
		{name: "quarantine", leaving: "deleted: quarantine", live: func(w *world, rest func()) {
			before := w.memberships()
			leaves(w)
			rest()
			w.sameMembers("in quarantine", before)
			if g := w.ad[group(3)]; secure(g) || suspended(w) != 1 {
				w.t.Fatalf("in quarantine: %+v", g)
			}
			returns(w)
			rest()
			w.sameMembers("out of quarantine", before)
		}},
		{name: "deleted after quarantine", leaving: "deleted: delete, grace_days: 1", live: func(w *world, rest func()) {
			before := w.memberships()
			leaves(w)
			for range 4 {
				rest()
				w.now = w.now.Add(20 * time.Hour)
			}
			if _, there := w.ad[group(3)]; there || len(w.graves) != 1 {
				w.t.Fatalf("after its time: there %t, %d deleted", there, len(w.graves))
			}
			returns(w)
			rest()
			w.sameMembers("restored", before)
		}},
		{name: "another type", live: func(w *world, rest func()) {
			before := w.memberships()
			for i, kind := range []string{"distribution", "security"} {
				w.file = "ou: " + ou + "\nscope: all\nkinds: {security: " + kind + "}\nrevision: " + string(rune('1'+i)) + "\n"
				w.restart()
				rest()
				w.approveAgainst(rest)
				if n := suspended(w); n != 5*(1-i) {
					w.t.Fatalf("%s: %d groups give nothing", kind, n)
				}
				w.sameMembers(kind, before)
			}
		}},
		ends(life.Keep, func(w *world) int { return len(w.let) }),
		ends(life.Quarantine, suspended),
		ends(life.Delete, func(w *world) int { return len(w.graves) }),
	}
}

// insist tries again what a fault kept from being done.
func (w *world) insist(do func() error) {
	w.t.Helper()
	err := do()
	for errors.Is(err, errFault) {
		err = do()
	}
	w.do(err)
}

// approveAgainst lets go what is held.
func (w *world) approveAgainst(rest func()) {
	w.t.Helper()
	for _, l := range w.holds() {
		w.insist(func() error { return w.journal.Approve(w.t.Context(), wordOn(l)) })
	}
	rest()
}

// endAgainst ends writeback as a person does, who confirms what he is shown until it ends.
func (w *world) endAgainst(fate life.Fate, rest func()) {
	w.t.Helper()
	for range 10 {
		if s := w.head().Switch; s.On && s.Ending == "" {
			p, err := w.planner.PreviewEnd(w.t.Context(), fate)
			w.do(err)
			w.insist(func() error {
				return w.journal.Ask(w.t.Context(), journal.Ask{Switch: journal.SwitchOff, End: fate, Digest: p.Digest, By: "operator"})
			})
		}
		rest()
		if w.approveAgainst(rest); !w.head().Switch.On {
			return
		}
		w.now = w.now.Add(time.Minute)
	}
	w.t.Fatalf("it does not end: %+v", w.head().Switch)
}

// enableAgainst has it begin again.
func (w *world) enableAgainst(rest func()) {
	w.t.Helper()
	for range 10 {
		if s := w.head().Switch; s.On && s.Ending == "" {
			return
		}
		digest := w.digest()
		w.insist(func() error {
			return w.journal.Ask(w.t.Context(), journal.Ask{Switch: journal.SwitchOn, Digest: digest, By: "operator"})
		})
		rest()
		w.now = w.now.Add(time.Minute)
		rest()
	}
	w.t.Fatalf("it is not on: %+v", w.head().Switch)
}

// memberships are those of all groups that are there.
func (w *world) memberships() map[directory.ID][]plan.Ref {
	out := map[directory.ID][]plan.Ref{}
	for id, g := range w.ad {
		out[id] = g.Members()
	}
	return out
}

// sameMembers fails a test in which a membership was lost.
func (w *world) sameMembers(when string, before map[directory.ID][]plan.Ref) {
	w.t.Helper()
	for id, was := range before {
		if lost := plan.Missing(was, w.ad[id].Members()); len(lost) > 0 || len(was) == 0 {
			w.t.Fatalf("%s: %s lacks %v", when, id, lost)
		}
	}
}
