package plan_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// TestRandomPairs holds Diff to the package's invariants on states that collide
// as much as legal states can.
func TestRandomPairs(t *testing.T) {
	pairs := 5000
	if testing.Short() {
		pairs = 500
	}
	var renames, asides int
	lives := map[string]int{}
	for seed := range pairs {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		want, have := chooser(rng.IntN).pair()
		// A plan may be cut anywhere; to try it everywhere is quadratic.
		cut := func(i int) bool { return seed < 500 || i == rng.IntN(10) }
		if err := holds(want, have, cut); err != nil {
			t.Fatalf("seed %d: %v\nwant %v\nhave %v", seed, err, want, have)
		}
		for _, c := range plan.Diff(want, have) {
			if step := stepOfLife(c, have[c.Group]); step != "" {
				lives[step]++
			}
			if c.Op == plan.Rename {
				renames++
				if c.Name == plan.Mark(c.Group) {
					asides++
				}
			}
		}
	}
	// The test is worth nothing if its states do not meet.
	if renames < pairs || asides < pairs/100 {
		t.Errorf("%d pairs had only %d renames and %d circles", pairs, renames, asides)
	}
	for _, step := range []string{"delete", "disown", "restore", "taken back", "another type", "gives less", "another reach"} {
		if lives[step] < pairs/100 {
			t.Errorf("%d pairs had only %d of %q", pairs, lives[step], step)
		}
	}
	t.Logf("%d pairs, %v: 0 memberships lost", pairs, lives)
}

// stepOfLife names a change by which a group ends, comes back, or becomes another kind of group.
func stepOfLife(c plan.Change, h plan.Group) string {
	to, typed := c.Set[plan.GroupTypeAttribute]
	was := h.Attrs[plan.GroupTypeAttribute]
	switch {
	case c.Op == plan.Create && h.Gone == life.Disowned:
		return "taken back"
	case c.Op == plan.Delete, c.Op == plan.Disown, c.Op == plan.Restore:
		return string(c.Op)
	case c.Op != plan.Update || !typed || len(was) == 0 || len(to) == 0:
		return ""
	case !plan.SameReach(was[0], to[0]):
		return "another reach"
	case plan.Secures(was[0]):
		return "gives less"
	}
	return "another type"
}

// FuzzDiff lets the fuzzer choose the states.
func FuzzDiff(f *testing.F) {
	f.Add([]byte("names go round"))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		want, have := chooser(func(n int) int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b) % n
		}).pair()
		if err := holds(want, have, everywhere); err != nil {
			t.Fatalf("%v\nwant %v\nhave %v", err, want, have)
		}
	})
}

func everywhere(int) bool { return true }

// holds returns which invariant does not hold for a pair of states. cut chooses
// the changes after which the plan is stopped and made anew.
func holds(want, have plan.State, cut func(change int) bool) error {
	changes := plan.Diff(want, have)
	if a, b := asJSON(changes), asJSON(plan.Diff(maps.Clone(want), maps.Clone(have))); a != b {
		return fmt.Errorf("the same states gave\n%s and\n%s", a, b)
	}
	d, byMeaning := newDomain(have), maps.Clone(have)
	for i, c := range changes {
		if n := takes(c, have[c.Group]); c.Count != n {
			return fmt.Errorf("change %d of %s counts %d memberships, and takes from %d", i+1, asJSON(changes), c.Count, n)
		}
		if err := d.apply(c); err != nil {
			return fmt.Errorf("change %d of %s: %w", i+1, asJSON(changes), err)
		}
		once := d.state()
		if err := d.apply(c); err != nil {
			return fmt.Errorf("change %d again: %w", i+1, err)
		}
		if twice := d.state(); !reflect.DeepEqual(once, twice) {
			return fmt.Errorf("change %d applied twice is not what it is once: %s", i+1, cmp.Diff(once, twice))
		}
		if err := loses(want, have, d); err != nil {
			return fmt.Errorf("change %d of %s: %w", i+1, asJSON(changes), err)
		}
		if c.Op == plan.Delete { // its links go with it, which no change says
			for id, g := range byMeaning {
				byMeaning[id] = unlinked(g, plan.GroupRef(c.Group))
			}
		}
		g := plan.Outcome(byMeaning[c.Group], c, plan.Result{Status: plan.Done, GUID: d[c.Group].guid})
		byMeaning[c.Group] = g
		if o := once[c.Group]; o.Digest() != g.Digest() || o.GUID != g.GUID {
			return fmt.Errorf("change %d: Apply is not what the domain did: %s", i+1, cmp.Diff(o, g))
		}
		if _, spoken := want[c.Group].Links[c.Link]; c.Link != "" && !spoken {
			return fmt.Errorf("change %d is of a link that nobody speaks of: %s", i+1, asJSON(c))
		}
		if !cut(i) {
			continue
		}
		if err := resumes(want, once); err != nil {
			return fmt.Errorf("after %d of %s: %w", i+1, asJSON(changes), err)
		}
	}
	return reached(want, d.state())
}

// takes is of how many members a change takes what the group gives them.
func takes(c plan.Change, h plan.Group) int {
	to, typed := c.Set[plan.GroupTypeAttribute]
	was := h.Attrs[plan.GroupTypeAttribute]
	if c.Op == plan.Delete || c.Op == plan.Update && typed && len(was) > 0 && plan.Secures(was[0]) && (len(to) == 0 || !plan.Secures(to[0])) {
		return len(h.Members())
	}
	return 0
}

// loses says which membership is not there on the way, though both states have it; and of a
// group that is let go, though it had it.
func loses(want, have plan.State, d domain) error {
	for id, w := range want {
		h, was := have[id]
		if !was || h.Gone != "" || d[id].gone == life.Deleted {
			continue
		}
		stays := plan.Common(h.Members(), w.Members())
		if w.Gone == life.Disowned {
			stays = h.Members()
		}
		for _, r := range stays {
			if of, ours := r.Group(); !d[id].links[plan.Member][r] && !(ours && d[of].gone == life.Deleted) {
				return fmt.Errorf("group %s loses member %s", id, r)
			}
		}
	}
	return nil
}

// unlinked is a group without a value of any link.
func unlinked(g plan.Group, r plan.Ref) plan.Group {
	g = g.Clone()
	for link, refs := range g.Links {
		g.Links = g.Links.Having(link, plan.Missing(refs, []plan.Ref{r}))
	}
	return g
}

// resumes plans anew from a state in which an earlier plan has stopped.
func resumes(want, have plan.State) error {
	d := newDomain(have)
	again := plan.Diff(want, have)
	if err := d.run(again); err != nil {
		return fmt.Errorf("resumed by %s: %w", asJSON(again), err)
	}
	return reached(want, d.state())
}

// reached says what is not as wanted, by a comparison that is not Diff's own.
func reached(want, have plan.State) error {
	if left := plan.Diff(want, have); len(left) > 0 {
		return fmt.Errorf("it does not converge: %s is left", asJSON(left))
	}
	for id, w := range want {
		h := have[id]
		if w.Gone != "" && have[id].ID != id {
			continue // it never was
		}
		if w.Gone != "" && h.Gone != "" {
			continue // neither is there, and of what was deleted nobody can be let go
		}
		h.GUID = w.GUID
		for _, link := range []plan.Link{"managedBy", "msExchCoManagedByLink"} {
			if _, spoken := w.Links[link]; !spoken { // then it may be anything
				delete(h.Links, link)
			}
		}
		if h.Digest() != w.Digest() {
			return fmt.Errorf("group %s is %v, want %v", id, h, w)
		}
	}
	return nil
}

// TestSplitEqualsWhole cuts updates of every shape into pieces of every size.
func TestSplitEqualsWhole(t *testing.T) {
	for seed := range 300 {
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		want, have := chooser(rng.IntN).pair()
		for _, c := range plan.Diff(want, have) {
			for n := 3; n < 12; n++ {
				pieces := plan.Split(c, n)
				got := have[c.Group]
				for _, p := range pieces {
					if p.Values() > n && len(p.Add)+len(p.Remove) > 0 {
						t.Fatalf("a piece of %d values, want at most %d: %s", p.Values(), n, asJSON(p))
					}
					got = plan.Apply(got, p)
				}
				if diff := cmp.Diff(plan.Apply(have[c.Group], c), got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("seed %d, %d values: pieces are not the whole: %s", seed, n, diff)
				}
			}
		}
	}
}

func TestDiffDoesNotChangeItsInputs(t *testing.T) {
	for seed := range 200 {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		want, have := chooser(rng.IntN).pair()
		w, h := asJSON(want), asJSON(have)
		for _, c := range plan.Diff(want, have) {
			for _, v := range c.Set {
				for i := range v {
					v[i] = "changed by the caller"
				}
			}
			slices.Reverse(c.Add)
		}
		if w != asJSON(want) || h != asJSON(have) {
			t.Fatalf("seed %d: a change shares memory with a state", seed)
		}
	}
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}
