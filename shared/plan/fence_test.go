package plan_test

import (
	"testing"

	"groupwriteback/shared/plan"
)

func FuzzFence(f *testing.F) {
	f.Add("gwb prod 3.1841.7")
	f.Add("gwb  1.2.3")
	f.Fuzz(func(t *testing.T, s string) {
		if fence, ok := plan.ParseFence(s); ok && fence.String() != s {
			t.Errorf("%q is read as %q", s, fence)
		}
	})
}

func TestFence(t *testing.T) {
	fence := func(epoch, seq, lease uint64) plan.Fence {
		return plan.Fence{Instance: "a", Epoch: epoch, Seq: seq, Lease: lease}
	}
	order := []plan.Fence{
		fence(1, 1, 1), fence(1, 2, 1), fence(1, 9, 1), // an agent's batches
		fence(1, 2, 2), // another agent took the lease over, and repeats a batch
		fence(2, 0, 0), // the journal was restored
	}
	for i, f := range order {
		if got, ok := plan.ParseFence(f.String()); !ok || got != f {
			t.Errorf("%v: parsed %v, %v", f, got, ok)
		}
		for j, g := range order {
			if sign := f.Compare(g); sign < 0 != (i < j) || sign > 0 != (i > j) {
				t.Errorf("%v against %v: %d", f, g, sign)
			}
		}
	}
	for _, bad := range []string{"", "gwb", "gwb a", "gwb a 1", "gwb a 1.2", "gwb a 1.2.3.4", "gwb a 1.2.x", "gwb a -1.2.3", "gwb a 01.2.3", "x a 1.2.3", "gwb a 1.2.18446744073709551616"} {
		if f, ok := plan.ParseFence(bad); ok {
			t.Errorf("%q is read as %v", bad, f)
		}
	}
}
