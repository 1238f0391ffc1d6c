package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/report"
)

// group is an owned group with so many members.
func group(n byte, members int) ad.Row {
	g := plan.Group{ID: directory.ID{n}, GUID: plan.GUID(fmt.Sprint("guid-", n)), Parent: "OU=x", Name: fmt.Sprint("g", n), Attrs: map[string][]string{"description": {"d"}}}
	for i := range members {
		g.Links = g.Links.With(plan.Member, append(g.Members(), plan.Ref(fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 100_000+i))))
	}
	return ad.Row{Group: g, SID: directory.SID(fmt.Sprint("S-1-5-21-1-2-3-", 5000+int(n))), USN: 7, Fence: "gwb corp 1.1.1"}
}

// TestLargeGroup: a group of 250,000 members is reported in pieces of which each fits
// through the relay with room to spare. It used to be one message, which nobody took,
// and with it every report failed. What waits for its turn lies on the disk, and
// nothing is left there.
func TestLargeGroup(t *testing.T) {
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 3), group(2, 250_000), group(3, 4)}
	w.groups[1].Group.Links = w.groups[1].Group.Links.With(plan.ManagedBy, []plan.Ref{"S-1-5-21-1-2-3-1104"})
	w.reply.ReadAll = true
	_, err := w.start().turn(t.Context())
	ok(t, err)
	joined := map[directory.ID]*plan.Group{}
	for i, r := range w.reports {
		data, err := json.Marshal(r)
		ok(t, err)
		if len(data) > 2<<20 {
			t.Errorf("part %d has %d bytes", i+1, len(data))
		}
		if r.Part != i+1 || r.Parts != len(w.reports) || r.ID != w.reports[0].ID || !r.Full || !r.Proven {
			t.Errorf("part %d of %d says it is %s %d of %d, full %v, proven %v", i+1, len(w.reports), r.ID, r.Part, r.Parts, r.Full, r.Proven)
		}
		for _, row := range r.Rows {
			if before := joined[row.ID]; before != nil {
				before.Links = before.Links.With(plan.Member, append(before.Members(), row.Group.Members()...))
			} else {
				joined[row.ID] = row.Group
			}
			if pieces := 17; row.ID == (directory.ID{2}) && (row.Pieces != pieces || row.Piece != (len(joined[row.ID].Members())+report.MaxMembers-1)/report.MaxMembers) || row.ID != (directory.ID{2}) && row.Pieces != 0 {
				t.Errorf("a row of %s is piece %d of %d", row.ID, row.Piece, row.Pieces)
			}
		}
	}
	if len(joined) != 3 {
		t.Fatalf("%d groups were reported", len(joined))
	}
	for _, g := range w.groups {
		if got := joined[g.Group.ID]; got.Digest() != g.Group.Digest() {
			t.Errorf("group %s came with %d members", g.Group.ID, len(got.Members()))
		}
	}
	left, err := os.ReadDir(w.memory.folder())
	ok(t, err)
	if names := fmt.Sprint(left); strings.Contains(names, "~") {
		t.Errorf("left behind: %s", names)
	}
}

// TestRowsTell what the planner needs: SID, fence, grounds, whether the schema has the
// mark's twin; and of a group in trouble nothing that was only half read.
func TestRowsTell(t *testing.T) {
	w := newWorld(t)
	unreadable, outside := group(2, 1), group(3, 1)
	unreadable.Trouble = &plan.Trouble{Case: plan.TroubleUnreadable, Text: "half of it"}
	outside.Trouble = &plan.Trouble{Case: plan.TroubleOutside, DN: "CN=g3,OU=y", Text: "move it back"}
	twin := ad.Row{Group: plan.Group{ID: directory.ID{4}}, Trouble: &plan.Trouble{Case: plan.TroubleTwin}}
	w.groups, w.identity.External = []ad.Row{group(1, 1), unreadable, outside, twin}, true
	w.reply.ReadAll = true
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	r := w.reports[0]
	if len(r.Rows) != 4 || r.Rows[0].SID != "S-1-5-21-1-2-3-5001" || r.Rows[0].Group == nil || !r.Target.External || len(r.Grounds) != 32 {
		t.Fatalf("reported %+v", r)
	}
	for i, whole := range []bool{true, false, true, false} {
		if row := r.Rows[i]; (row.Group != nil) != whole || (row.Digest != "") != whole || row.Trouble != w.groups[i].Trouble {
			t.Errorf("row %d: %+v", i, row)
		}
	}

	before := r.Grounds
	for _, change := range []func(){func() { w.grounded = "other rights" }, func() { a.policy.KeepMembers = true }, func() { w.groundsErr = errors.New("the account may not read it") }} {
		change()
		w.reply.State, w.clock = w.reply.State+"+", w.clock.Add(time.Minute)
		_, err := a.turn(t.Context())
		ok(t, err)
		if now := w.reports[len(w.reports)-1].Grounds; now == before {
			t.Errorf("the grounds stay %s", now)
		} else {
			before = now
		}
	}
}

// TestNamedGroups: where a group was last is looked at too, one that cannot be read
// costs itself, and only who sees all says that one is gone.
func TestNamedGroups(t *testing.T) {
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 2)}
	w.reply.Read = []directory.ID{{9}, {8}, {1}}
	w.reply.Known = map[directory.ID]plan.GUID{{9}: "guid-9"}
	asked := map[directory.ID]plan.GUID{}
	w.onRead = func(id directory.ID, g plan.GUID) error {
		asked[id] = g
		if id == (directory.ID{8}) {
			return fmt.Errorf("read group %s: %w: i/o timeout", id, ad.ErrConnection)
		}
		return nil
	}
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	if asked[directory.ID{9}] != "guid-9" || len(asked) != 3 || w.dials != 2 {
		t.Errorf("asked for %v over %d connections", asked, w.dials)
	}
	r := w.reports[0]
	if r.Full || len(r.Rows) != 1 || r.Rows[0].Group == nil || !r.Proven || !slices.Equal(r.Absent, []relay.Gone{{ID: directory.ID{9}}}) {
		t.Errorf("reported %+v", r)
	}
	clear(asked)
	w.reply.State = "another wish at once"
	_, err = a.turn(t.Context())
	ok(t, err)
	if _, again := asked[directory.ID{8}]; again || len(asked) != 2 || len(w.reports) != 2 || strings.Count(w.log.String(), "group not read") != 1 {
		t.Errorf("asked for %v, reported %d times, logged\n%s", asked, len(w.reports), &w.log)
	}

	w.blind, w.reports = "the account may not list what is in OU=x: let it", nil
	_, err = w.start().turn(t.Context())
	ok(t, err)
	if r := w.reports[0]; r.Proven || len(r.Absent) != 0 || r.Blind != w.blind || len(r.Rows) != 1 {
		t.Errorf("blind, and reported %+v", r)
	}
}

// TestPause: the relay's word on when to come again is bounded, whatever number it is.
func TestPause(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{2: 2 * time.Second, 0: soonest, -1: soonest, 1e-300: soonest, 1e300: latest, math.Inf(1): latest, math.Inf(-1): soonest, 299.5: 299500 * time.Millisecond} {
		if got := bounded(seconds); got != want {
			t.Errorf("%g s is a pause of %v, want %v", seconds, got, want)
		}
	}
	if got := bounded(math.NaN()); got != soonest {
		t.Errorf("no number is a pause of %v", got)
	}
	w := newWorld(t)
	w.reply.Next = -5
	if next, err := w.start().turn(t.Context()); err != nil || next != soonest {
		t.Errorf("the turn says %v, %v", next, err)
	}
}

// TestWishesAreBounded: a relay that asks for everything all the time, or for more
// groups than there are, does not have the directory searched without a pause.
func TestWishesAreBounded(t *testing.T) {
	w := newWorld(t)
	scans, reads := 0, 0
	w.onScan = func() error { scans++; return nil }
	w.onRead = func(directory.ID, plan.GUID) error { reads++; return nil }
	w.reply.ReadAll = true
	a := w.start()
	for i := range 600 {
		w.reply.State = fmt.Sprint(i)
		_, err := a.turn(t.Context())
		ok(t, err)
		w.clock = w.clock.Add(time.Second)
	}
	if scans != 19 {
		t.Errorf("%d scans in ten minutes, want ten at once and then one a minute", scans)
	}
	w.reply.ReadAll, w.reply.Read, w.reply.State = false, make([]directory.ID, 30_000), "other"
	_, err := a.turn(t.Context())
	ok(t, err)
	if reads != mostNamed {
		t.Errorf("%d groups were read", reads)
	}
}

// TestDueScan: everything is looked at when it is time, and at the lease while that
// lasts.
func TestDueScan(t *testing.T) {
	w := newWorld(t)
	w.groups = []ad.Row{group(1, 2), group(2, 2)}
	a := w.start()
	_, err := a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 0 {
		t.Fatalf("nothing is due, and %+v was reported", w.reports)
	}
	w.clock = w.clock.Add(time.Hour)
	w.handOut(8, update(1))
	_, err = a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 0 || len(w.acks) != 1 {
		t.Fatalf("a plan is under way, and it waits for %+v", w.reports)
	}
	w.onSend = func() error { w.clock = w.clock.Add(50 * time.Second); return nil }
	_, err = a.turn(t.Context())
	ok(t, err)
	if len(w.reports) != 1 || w.reports[0].Proven || w.reports[0].Rows[0].Group != nil || w.reports[0].Rows[0].Digest == "" {
		t.Errorf("reported %+v", w.reports)
	}
	if p := w.polls[0]; p.Instance != "i" || p.Host != "h" || p.Version != "v" {
		t.Errorf("the agent says it is %+v", p)
	}
}

// TestLeaseIsKept while a report is made that takes longer than the lease, by reading
// groups by name, by a scan, or by sending its parts; and a relay that does not answer
// is asked now and then, not for each group.
func TestLeaseIsKept(t *testing.T) {
	for name, slow := range map[string]func(*world, func()){
		"by name": func(w *world, second func()) {
			w.onRead = func(directory.ID, plan.GUID) error { second(); return nil }
			for _, g := range w.groups {
				w.reply.Read = append(w.reply.Read, g.Group.ID)
			}
		},
		"scan": func(w *world, second func()) { w.onRow, w.reply.ReadAll = second, true },
		"parts": func(w *world, second func()) {
			w.groups, w.reply.ReadAll = []ad.Row{group(1, 10*report.MaxMembers)}, true
			w.onSend = func() error {
				for range 20 {
					second()
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for n := range byte(200) {
				w.groups = append(w.groups, group(n, 0))
			}
			slow(w, func() { w.clock = w.clock.Add(time.Second) })
			_, err := w.start().turn(t.Context())
			ok(t, err)
			if n := len(w.polls); n < 5 || n > 6 || len(w.reports) == 0 {
				t.Errorf("asked %d times in 200 s, reported %d times", n, len(w.reports))
			}

			w.polls, w.reports = nil, nil
			w.onPoll = func() error {
				if len(w.polls) > 1 {
					return errors.New("503")
				}
				return nil
			}
			_, err = w.start().turn(t.Context())
			ok(t, err)
			if n := len(w.polls); n < 2 || n > 5 || len(w.reports) == 0 {
				t.Errorf("a relay that is down was asked %d times, reported %d times", n, len(w.reports))
			}
		})
	}
}

// TestAnsweredOnce: a wish is met once for each state of the journal, and again after
// five minutes, since the answer may be lost.
func TestAnsweredOnce(t *testing.T) {
	for _, whole := range []bool{false, true} {
		w := newWorld(t)
		w.groups, w.reply.Read, w.reply.ReadAll = []ad.Row{group(1, 1)}, []directory.ID{{1}}, whole
		a := w.start()
		for i, test := range []struct {
			later time.Duration
			state string
			want  int
		}{{0, "s1", 1}, {2 * time.Second, "s1", 1}, {2 * time.Second, "s2", 2}, {5 * time.Minute, "s2", 2}, {time.Second, "s2", 3}, {time.Second, "s2", 3}} {
			w.clock, w.reply.State = w.clock.Add(test.later), test.state
			_, err := a.turn(t.Context())
			ok(t, err)
			if len(w.reports) != test.want {
				t.Errorf("step %d, whole %v: reported %d times, want %d", i, whole, len(w.reports), test.want)
			}
		}
	}
}

// TestRelayDownWhileReporting: a report that does not arrive is logged, and the relay
// is not told of it.
func TestRelayDownWhileReporting(t *testing.T) {
	w := newWorld(t)
	sent := 0
	w.onSend = func() error { sent++; return errors.New("the relay answered 503") }
	w.reply.ReadAll = true
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if sent != 1 || !strings.Contains(w.log.String(), `msg="report failed" err="report part 1 of 1: the relay answered 503" again_in=1s`) {
		t.Errorf("sent %d times; logged\n%s", sent, &w.log)
	}
}

// TestPartsAreTold: each part of a report says how many there are: a part that is lost must
// not pass for the whole.
func TestPartsAreTold(t *testing.T) {
	w := newWorld(t)
	for n := range report.MaxRows + 1 {
		w.groups = append(w.groups, ad.Row{Group: plan.Group{ID: directory.ID{1, byte(n >> 8), byte(n)}}})
	}
	w.reply.ReadAll = true
	_, err := w.start().turn(t.Context())
	ok(t, err)
	for i, r := range w.reports {
		if len(w.reports) != 2 || r.Part != i+1 || r.Parts != 2 {
			t.Errorf("of %d parts the %dth says part %d of %d", len(w.reports), i+1, r.Part, r.Parts)
		}
	}
}
