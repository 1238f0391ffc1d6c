package cycle_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestHoldInParts: what is over a limit over all groups may be of all memberships there
// are. It is listed in parts, and what a person approves goes, and nothing else; but what
// a part lists that somebody has taken away, which is held and listed anew.
func TestHoldInParts(t *testing.T) {
	const groups, members, leave = 42, 1010, 290
	w := newWorld(t)
	w.users(members)
	for g := range groups {
		w.group(g, 0, members)
	}
	w.untilQuiet()
	for g := range groups {
		remove(w, group(g), leave)
	}
	w.untilQuiet()
	held := func(n int) (record.Hold, record.Listing) {
		t.Helper()
		holds := w.head().Holds
		at := slices.IndexFunc(holds, func(h record.Hold) bool { return h.Open() })
		if len(w.holds()) != 1 || at < 0 || holds[at].Guard != plan.Removals || holds[at].Count != n {
			t.Fatalf("held is %+v, want %d removals", holds, n)
		}
		return holds[at], listing(t, w, record.Listing{ID: holds[at].ID})
	}
	hold, list := held(groups * leave)
	if len(list.Items) > 0 || len(list.Parts) < 10 || list.Causes["left the cloud group"] == 0 || len(w.removed) > 0 {
		t.Fatalf("it lists %d items and %d parts, of causes %v; %d are gone", len(list.Items), len(list.Parts), list.Causes, len(w.removed))
	}
	told := 0
	for _, n := range list.Causes {
		told += n
	}
	if told != hold.Count {
		t.Errorf("the causes %v are of %d", list.Causes, told)
	}
	w.do(w.tenant.AddMember(group(0), user(5))) // who was held in it: another list
	w.untilQuiet()
	second, list := held(groups*leave - 1)
	others := 0
	for _, p := range list.Parts {
		if p.Hold != second.ID {
			others++
		}
	}
	if second.ID == hold.ID || others != len(list.Parts)-1 {
		t.Errorf("of %d parts %d are those of the hold before", len(list.Parts), others)
	}
	lost := list.Parts[3]
	w.do(w.store.Delete(t.Context(), "t/corp/hold/"+lost.Hold+"-"+strconv.Itoa(lost.Number)))
	w.restart()
	w.approve(record.Listing{ID: second.ID})
	w.untilQuiet()
	if want := groups*leave - 1 - lost.Count; len(w.removed) != want {
		t.Errorf("%d are gone, want %d: all but what the lost part lists", len(w.removed), want)
	}
	third, list := held(lost.Count)
	if len(list.Items) != lost.Groups {
		t.Errorf("anew it lists %d groups, want %d", len(list.Items), lost.Groups)
	}
	w.approve(record.Listing{ID: third.ID})
	w.untilQuiet()
	if len(w.removed) != groups*leave-1 || len(w.holds()) > 0 {
		t.Errorf("%d are gone, and %+v is held", len(w.removed), w.holds())
	}
	slices.Sort(w.removed)
	if len(slices.Compact(w.removed)) != groups*leave-1 || slices.ContainsFunc(w.removed, func(r string) bool { return strings.HasSuffix(r, string(ref(leave))) }) {
		t.Error("somebody else is gone")
	}
}

// TestLostHold: what is over a limit over all groups is listed anew where its list was
// lost, or altered: nobody could say a word on it.
func TestLostHold(t *testing.T) {
	for _, object := range []string{"", "{", `{"items":[]}`} {
		w := newWorld(t)
		w.users(40)
		for g := range 20 {
			w.group(g, 0, 20)
		}
		w.untilQuiet()
		for g := range 20 {
			remove(w, group(g), 3)
		}
		w.untilQuiet()
		hold := w.head().Holds[0]
		name := "t/corp/hold/" + hold.ID
		_, tag, err := w.store.Get(t.Context(), name)
		w.do(err)
		if object == "" {
			w.do(w.store.Delete(t.Context(), name))
		} else {
			_, err = w.store.Put(t.Context(), name, []byte(object), tag)
			w.do(err)
		}
		w.group(20, 0, 20)
		w.untilQuiet()
		holds := w.holds()
		if len(holds) != 1 || holds[0].ID == hold.ID || holds[0].Count != 60 {
			t.Fatalf("%q: held is %+v, it was %s", object, holds, hold.ID)
		}
		w.approve(holds[0])
		w.untilQuiet()
		if len(w.removed) != 60 {
			t.Errorf("%q: %d are gone", object, len(w.removed))
		}
	}
}
