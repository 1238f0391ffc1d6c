package cycle_test

import "testing"

// TestHeldCountsOverall: of half of all members, those that the limits of large
// groups hold made the rest look like few, and it went.
func TestHeldCountsOverall(t *testing.T) {
	w := newWorld(t)
	w.users(300)
	w.group(1, 0, 300)
	for i := range 5 {
		w.group(2+i, 0, 6)
	}
	w.untilQuiet()
	remove(w, group(1), 150) // of 330 memberships, which is 33 to go
	for i := range 5 {
		remove(w, group(2+i), 3)
	}
	w.untilQuiet()
	if len(w.removed) != 0 || len(w.holds()) != 2 {
		t.Fatalf("%d removed, holds %+v; want none removed, and a hold of group 1 and one over all", len(w.removed), w.holds())
	}
	for i := range 150 {
		w.do(w.tenant.AddMember(group(1), user(i)))
	}
	w.untilQuiet()
	if len(w.removed) != 15 || len(w.holds()) != 0 {
		t.Errorf("with group 1 as it was: %d removed, holds %+v; want the 15 of the others and none", len(w.removed), w.holds())
	}
}
