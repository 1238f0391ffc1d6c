package cycle_test

import (
	"errors"
	"testing"
	"time"

	"groupwriteback/shared/directory"
)

// TestAfterABlackout: for hours Graph lists nothing at all, also by name. When it is well
// again it tells of changes: who comes arrives at once, not when it would have been asked
// the next time, and who left goes when a second reading agrees.
func TestAfterABlackout(t *testing.T) {
	w := newWorld(t)
	w.users(60)
	for i := 1; i <= 30; i++ {
		w.group(i, i, i+8)
	}
	w.untilQuiet()
	w.source.expired = true
	w.source.edit = func(p *directory.Page) error { p.Groups, p.Principals = nil, nil; return nil }
	w.source.again, w.source.describe = w.source.edit, w.source.edit
	w.untilQuietAgainst(func(error) {})
	for range 5 {
		w.later(time.Hour)
	}
	w.source.edit, w.source.again, w.source.describe = nil, nil, nil
	w.do(errors.Join(w.tenant.AddMember(group(1), user(50)), w.tenant.AddMember(group(2), user(51)), w.tenant.RemoveMember(group(2), user(3))))
	w.later(2 * time.Second)
	if !w.in(group(1), 50) || !w.in(group(2), 51) {
		t.Errorf("who came is in: %t and %t; totals %+v", w.in(group(1), 50), w.in(group(2), 51), w.head().Totals)
	}
	w.later(2 * time.Minute)
	if w.in(group(2), 3) || len(w.removed) != 1 {
		t.Errorf("removed %v, want the one who left; totals %+v", w.removed, w.head().Totals)
	}
}
