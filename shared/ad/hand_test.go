package ad

import (
	"math"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/plan"
)

// TestFenceByHand: somebody has written a fence of an epoch that no journal can have
// reached: it keeps nobody out, while one that may be of a newer writer does.
func TestFenceByHand(t *testing.T) {
	d := newDomain(t)
	g := create(t, d, 0, "group")
	change := plan.Change{Op: plan.Update, Group: id(t, 0), GUID: g, Add: []plan.Ref{user(t, 1)}}
	tomorrow := uint64(time.Now().Add(23 * time.Hour).Unix())
	for _, test := range []struct {
		epoch uint64
		want  plan.Status
	}{{tomorrow, plan.Fenced}, {tomorrow + 7200, plan.Done}, {1 << 62, plan.Done}, {math.MaxUint64, plan.Done}} {
		modify(t, g, "adminDisplayName", plan.Fence{Instance: d.Instance, Epoch: test.epoch, Seq: math.MaxUint64, Lease: math.MaxUint64}.String())
		r, err := d.Apply(t.Context(), fence(3), change)
		if err != nil || r.Status != test.want {
			t.Errorf("epoch %d: %+v, %v; want %s", test.epoch, r, err, test.want)
		}
		row, _, err := d.Read(t.Context(), change.Group, g)
		if err != nil {
			t.Fatal(err)
		}
		if mine := row.Fence == fence(3).String(); mine != (test.want == plan.Done) || slices.Contains(row.Group.Members(), user(t, 1)) != mine {
			t.Errorf("epoch %d: the fence is %q, the members are %v", test.epoch, row.Fence, row.Group.Members())
		}
		modify(t, g, "member")
	}
}
