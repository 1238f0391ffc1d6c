package cycle_test

import (
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestDisasterAmongLargeRecords: a step has let go of what it read when a limit over all
// groups is passed. What is over it is held all the same, with its causes.
func TestDisasterAmongLargeRecords(t *testing.T) {
	w := newWorld(t)
	const groups, size, leave = 200, 20, 3
	w.users(size)
	var members []directory.ID
	for i := range size {
		members = append(members, user(i))
	}
	text := strings.Repeat("long ", 12_000)
	for i := range groups {
		w.do(w.tenant.AddGroup(graphtest.Group{ID: group(i), DisplayName: "Large", Description: text, Members: members}))
	}
	w.untilQuiet()
	w.now = w.now.Add(26 * time.Hour)
	w.do(w.tenant.Rename(group(0), "Other"))
	w.do(w.planner.Run(t.Context())) // a plan is in flight: what Graph tells meanwhile is only kept
	for i := range groups {
		remove(w, group(i), leave)
	}
	w.do(w.planner.Run(t.Context()))
	w.untilQuiet()
	holds := w.holds()
	if len(holds) != 1 || holds[0].Count != groups*leave || len(w.removed) > 0 {
		t.Fatalf("held %+v, removed %d", holds, len(w.removed))
	}
	if got := listing(t, w, holds[0]).Causes; got["left the cloud group"] != groups*leave {
		t.Errorf("causes %v", got)
	}
}
