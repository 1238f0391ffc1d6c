package cycle_test

import (
	"testing"
	"time"
)

// TestLeftWhileAway: who leaves a cloud group while its AD group is not managed, or while
// nobody is to be told who is in it, is no stranger when it is managed again. Additive rules
// keep strangers, and would keep him for ever.
func TestLeftWhileAway(t *testing.T) {
	hidden := func(w *world, visibility string) {
		w.do(w.tenant.SetProperty(group(1), "visibility", visibility))
	}
	const all = "scope: all\n"
	for _, tt := range []struct{ name, away, there, back string }{
		{"out of scope", "scope: {groups: all, except: [" + group(1).String() + "]}\n", "Private", "Private"},
		{"hidden", all, "HiddenMembership", "Private"},
	} {
		w := ruled(t, all+"members: {mode: additive}\n")
		w.group(1, 0, 4)
		w.untilQuiet()
		w.stranger(group(1), ref(11))
		w.do(w.report(true, nil))
		hidden(w, tt.there)
		w.file = "ou: " + ou + "\nrevision: 1\nmembers: {mode: additive}\n" + tt.away
		w.restart()
		w.later(time.Hour)
		w.do(w.tenant.RemoveMember(group(1), user(0)))
		w.later(time.Hour)
		w.has(tt.name, group(1), 0, 1, 2, 3, 11)
		hidden(w, tt.back)
		w.file = "ou: " + ou + "\nrevision: 2\nmembers: {mode: additive}\n" + all
		w.restart()
		w.later(time.Hour)
		w.has(tt.name+" no more", group(1), 1, 2, 3, 11)
	}
}
