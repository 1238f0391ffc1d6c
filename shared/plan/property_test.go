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
	for seed := range pairs {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		want, have := chooser(rng.IntN).pair()
		// A plan may be cut anywhere; to try it everywhere is quadratic.
		cut := func(i int) bool { return seed < 500 || i == rng.IntN(10) }
		if err := holds(want, have, cut); err != nil {
			t.Fatalf("seed %d: %v\nwant %v\nhave %v", seed, err, want, have)
		}
		for _, c := range plan.Diff(want, have) {
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
		g := plan.Outcome(byMeaning[c.Group], c, plan.Result{Status: plan.Done, GUID: d[c.Group].guid})
		byMeaning[c.Group] = g
		if o := once[c.Group]; o.Digest() != g.Digest() || o.GUID != g.GUID {
			return fmt.Errorf("change %d: Apply is not what the domain did: %s", i+1, cmp.Diff(o, g))
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
