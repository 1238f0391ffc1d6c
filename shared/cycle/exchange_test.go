package cycle_test

import (
	"reflect"
	"testing"

	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
)

// TestExchange: what an agent says of Exchange is kept, makes no other target of this one, and
// has all groups decided anew where it is something else than before. What could not be read
// has not vanished.
func TestExchange(t *testing.T) {
	w, count := counted(t, 40, 3)
	tell := func(site exchange.Site) blobtest.Cost {
		t.Helper()
		w.exchange = site
		w.do(w.report(true, nil))
		count.Take()
		w.do(w.planner.Run(t.Context()))
		cost := count.Take()
		w.untilQuiet()
		count.Take()
		return cost
	}
	expect := func(want exchange.Site) {
		t.Helper()
		if h := w.head(); !reflect.DeepEqual(h.Target.Exchange, want) || h.Stop != "" {
			t.Errorf("the journal knows %+v, want %+v; stopped: %q", h.Target.Exchange, want, h.Stop)
		}
	}
	tell(exchange.Site{})
	expect(exchange.Site{})
	same := tell(exchange.Site{})

	found := exchange.Site{Organization: "CN=Corp", Schema: 17003, Servers: []string{"Version 15.2 (Build 31748.10)"}, Lists: []exchange.AddressList{{DN: "CN=All", Filter: "(cn=*)"}}}
	if came := tell(found); came.Reads() <= same.Reads() {
		t.Errorf("it came: %s; the same as ever: %s: groups were not decided anew", came, same)
	}
	expect(found)
	if again := tell(found); again.Reads() > same.Reads() {
		t.Errorf("told again: %s; the same as ever: %s", again, same)
	}

	unread := found
	unread.Unread = "the account may not read CN=Corp: let it"
	if cost := tell(exchange.Site{Unread: unread.Unread}); cost.Reads() > same.Reads() {
		t.Errorf("unread: %s; the same as ever: %s", cost, same)
	}
	expect(unread)

	upgraded := found
	upgraded.Servers = []string{"Version 15.2 (Build 32562.17)"}
	if cost := tell(upgraded); cost.Reads() <= same.Reads() {
		t.Errorf("upgraded: %s; the same as ever: %s", cost, same)
	}
	expect(upgraded)
	w.do(w.report(false, []directory.ID{group(1)})) // which says nothing of it
	w.untilQuiet()
	expect(upgraded)
	tell(exchange.Site{})
	expect(exchange.Site{})
	if len(w.removed) > 0 || len(w.ad) != 40 {
		t.Errorf("removed %v; %d groups", w.removed, len(w.ad))
	}
}
