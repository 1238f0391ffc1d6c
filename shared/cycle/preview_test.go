package cycle_test

import (
	"testing"
)

// TestPreviewOfVeryMuch: of more than a plan holds a preview lists about a plan, says how
// much more there is, and lists what somebody asks for. It once listed all of it, which
// no process could hold of a large tenant.
func TestPreviewOfVeryMuch(t *testing.T) {
	const groups, members = 32, 3000
	w := newWorld(t)
	w.users(members)
	for i := range groups {
		w.group(i, 0, members)
	}
	w.do(w.planner.Run(t.Context()))
	if _, err := w.agent(); err != nil { // it reports that nothing is there
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, i := range []int{0, groups / 2, groups - 1} {
		p, err := w.planner.Preview(t.Context(), group(i))
		if err != nil {
			t.Fatal(err)
		}
		values, named := 0, false
		for _, c := range p.Changes {
			values += c.Values()
			named = named || c.Group == group(i)
		}
		if p.Waiting != "" || values < 60_000 || values > 95_000 || p.More == 0 || p.More == 2*groups {
			t.Fatalf("%q: %d values of %d are listed, and %d changes are not", p.Waiting, values, groups*(members+1), p.More)
		}
		if !named || p.Groups[group(i)].Name == "" {
			t.Errorf("group %d was asked for, and is not listed", i)
		}
		seen[p.More] = true
	}
	if len(seen) != 1 {
		t.Errorf("left over are %v changes, by what was asked for", seen)
	}
}
