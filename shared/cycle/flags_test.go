package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/journal"
)

const (
	teamRules = "ou: " + ou + "\nscope: all\nkinds: {security: security, microsoft365: distribution}\n"
	mailRules = teamRules + "mail: {route: expand}\n"
)

// flagged is a world whose rules write mail, with n Microsoft 365 groups and a security
// group, group 100.
func flagged(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld(t)
	w.file, w.exchange = mailRules, corp()
	w.restart()
	w.users(12)
	for i := range n {
		w.microsoft365(i)
	}
	w.group(100, 0, 2)
	return w
}

// microsoft365 adds a Microsoft 365 group of two users.
func (w *world) microsoft365(i int) {
	w.do(w.tenant.AddGroup(graphtest.Group{ID: group(i), DisplayName: fmt.Sprintf("Team %d", i), Members: []directory.ID{user(0), user(1)},
		Props: map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "securityEnabled": false, "mail": fmt.Sprintf("t%d@corp.test", i), "mailNickname": fmt.Sprintf("t%d", i)}}))
}

// hides is what Active Directory has of a flag: "" if nothing.
func (w *world) hides(i int) string {
	return strings.Join(w.ad[group(i)].Attrs["msExchHideFromAddressLists"], " ")
}

// took are the groups that were asked for their flags since the last look.
func (w *world) took() []directory.ID {
	asked := w.source.asked
	w.source.asked = nil
	slices.SortFunc(asked, journal.InOrder)
	return asked
}

// hours lets so many hours pass, with the agent's reports.
func (w *world) hours(n int) {
	w.t.Helper()
	for range n {
		w.do(w.report(true, nil))
		w.later(time.Hour)
	}
}

func inOrder(ids ...directory.ID) []directory.ID {
	slices.SortFunc(ids, journal.InOrder)
	return ids
}

// TestFlagsComeToAD: what only a group itself tells is asked of Microsoft 365 groups alone,
// soon; until it is known nothing is said of it, and when it changes the group is decided
// again, in a day at the latest.
func TestFlagsComeToAD(t *testing.T) {
	w := flagged(t, 2)
	if got := directory.Flags(w.planner.Rules.Properties()); len(got) != 3 {
		t.Errorf("the rules read %v", got)
	}
	w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", true))
	w.source.flags = func(directory.ID) error { return directory.ErrUntold }
	w.untilQuiet()
	if len(w.ad) != 3 || w.hides(0)+w.hides(1)+w.hides(100) != "" {
		t.Errorf("before it is known: %q, %q, %q", w.hides(0), w.hides(1), w.hides(100))
	}
	if got := w.took(); !slices.Equal(got, inOrder(group(0), group(1))) {
		t.Errorf("asked %v", got)
	}
	w.source.flags = nil
	w.source.edit = func(p *directory.Page) error { // whoever is behind a member says nothing of flags
		if p.Feed == directory.DeviceFeed {
			return errOutage
		}
		return nil
	}
	w.now = w.now.Add(24 * time.Hour)
	w.took()
	if err := w.turn(); !errors.Is(err, errOutage) {
		t.Fatal(err)
	}
	if got := w.took(); len(got) != 2 {
		t.Errorf("while devices cannot be read %v are asked", got)
	}
	w.source.edit = nil
	w.untilQuiet()
	if w.hides(0) != "TRUE" || w.hides(1) != "FALSE" || w.hides(100) != "" {
		t.Errorf("when it is known: %q, %q, %q", w.hides(0), w.hides(1), w.hides(100))
	}
	w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", false))
	w.later(time.Hour)
	if w.hides(0) != "TRUE" {
		t.Errorf("within the hour it is %q", w.hides(0))
	}
	w.later(24 * time.Hour)
	if w.hides(0) != "FALSE" {
		t.Errorf("a day later it is %q", w.hides(0))
	}
}

// TestFlagsOfNews: a group of which a delta has news is asked at once, and one that only has
// another member is not.
func TestFlagsOfNews(t *testing.T) {
	w := flagged(t, 2)
	w.untilQuiet()
	w.took()
	w.now = w.now.Add(time.Hour)
	w.do(w.tenant.AddMember(group(0), user(5)))
	w.do(w.tenant.SetProperty(group(1), "hideFromAddressLists", true))
	w.do(w.tenant.Rename(group(1), "Team one"))
	w.do(w.tenant.Rename(group(100), "Security one"))
	w.microsoft365(2)
	w.untilQuiet()
	if got := w.took(); !slices.Equal(got, inOrder(group(1), group(2))) || w.hides(1) != "TRUE" || w.hides(2) != "FALSE" {
		t.Errorf("asked %v; %q, %q", got, w.hides(1), w.hides(2))
	}
	w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", true))
	w.do(w.journal.Ask(t.Context(), journal.Ask{Groups: []directory.ID{group(0)}}))
	w.later(time.Minute)
	if got := w.took(); !slices.Equal(got, []directory.ID{group(0)}) || w.hides(0) != "TRUE" {
		t.Errorf("by hand: asked %v; %q", got, w.hides(0))
	}
	w.do(w.tenant.SoftDelete(group(1)))
	w.later(time.Minute)
	if got := w.took(); len(got) > 0 {
		t.Errorf("a deleted group is asked: %v", got)
	}
}

// TestFlagsInPasses: whoever was asked longest ago is next, some in a minute, and a day is
// between two passes.
func TestFlagsInPasses(t *testing.T) {
	const n = 100
	w := flagged(t, n)
	var order []directory.ID
	for range 2 {
		for minute := range 3 {
			w.later(time.Minute)
			got := w.took()
			if want := []int{40, 40, 20}[minute]; len(got) != want {
				t.Errorf("minute %d: %d groups are asked, want %d", minute, len(got), want)
			}
			order = append(order, got...)
		}
		w.later(24*time.Hour - 3*time.Minute) // it is a day since it began in the next minute
		if got := w.took(); len(got) > 0 {
			t.Errorf("before the day is over %d are asked", len(got))
		}
	}
	if !slices.Equal(order[:n], order[n:]) || !slices.IsSortedFunc(order[:n], journal.InOrder) {
		t.Error("the second pass goes another way")
	}
}

// TestFlagsUnknown: what a group answers that has nothing to tell, may not be asked, or is
// behind a service that is not well: what was known stays, what was not is not "false", and
// no other is kept from being asked for ever. Deltas go on.
func TestFlagsUnknown(t *testing.T) {
	for name, err := range map[string]error{"no mailbox": directory.ErrUntold, "refused": directory.ErrRefused, "down": errOutage} {
		t.Run(name, func(t *testing.T) {
			w := flagged(t, 3)
			w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", true))
			w.untilQuiet()
			w.source.flags = func(id directory.ID) error {
				if id == group(0) || id == group(3) {
					return fmt.Errorf("group %s: %w", id, err)
				}
				return nil
			}
			w.do(w.tenant.SetProperty(group(0), "hideFromAddressLists", false))
			w.do(w.tenant.SetProperty(group(2), "hideFromAddressLists", true))
			w.microsoft365(3)
			w.hours(25)
			if w.hides(0) != "TRUE" || w.hides(2) != "TRUE" || w.hides(3) != "" {
				t.Errorf("what was known: %q; one that tells: %q; what nobody knows: %q", w.hides(0), w.hides(2), w.hides(3))
			}
			w.do(w.tenant.RemoveMember(group(0), user(0)))
			w.untilQuiet()
			w.has("a delta", group(0), 1)
			named := strings.Contains(w.status().Detail, "of Microsoft 365 groups could not all be read")
			if named == errors.Is(err, directory.ErrUntold) {
				t.Errorf("status: %+v", w.status().Standing)
			}
			w.source.flags = nil
			w.hours(49)
			if w.hides(0) != "FALSE" || w.hides(3) != "FALSE" || w.status().Word != "in-sync" {
				t.Errorf("in the end: %q, %q; %+v", w.hides(0), w.hides(3), w.status().Standing)
			}
		})
	}
}

// TestFlagsRefusedToAll: where no group tells, few are asked in an hour, and it is one
// problem.
func TestFlagsRefusedToAll(t *testing.T) {
	w := flagged(t, 60)
	w.source.flags = func(id directory.ID) error { return fmt.Errorf("%s: %w", id, directory.ErrRefused) }
	for range 20 {
		w.later(15 * time.Minute)
	}
	if n := len(w.took()); n == 0 || n > 60 {
		t.Errorf("%d groups are asked in five hours", n)
	}
	s := w.status()
	if s.Word != "attention" || len(s.Also) > 0 || len(s.Problems) > 0 {
		t.Errorf("status: %+v, also %+v, %d problems", s.Standing, s.Also, len(s.Problems))
	}
	w.source.flags = nil
	w.do(w.journal.Ask(t.Context(), journal.Ask{Retry: true}))
	for range 10 {
		w.later(time.Minute)
	}
	if s := w.status(); s.Word != "in-sync" || w.hides(59) != "FALSE" {
		t.Errorf("after retry: %+v, %q", s.Standing, w.hides(59))
	}
}

// TestFlagsThrottled: who asks to be left alone is left alone for so long, by those who ask
// for flags: the feeds are read on. And where a feed asks to wait nobody asks for flags.
func TestFlagsThrottled(t *testing.T) {
	w := flagged(t, 60)
	until := w.now.Add(3 * time.Hour)
	w.source.flags = func(directory.ID) error { return asksToWait{until} }
	w.untilQuiet()
	if n := len(w.took()); n != 4 || w.head().Wait.After(w.now) {
		t.Errorf("%d groups were asked; feeds wait until %s", n, w.head().Wait)
	}
	w.source.flags = nil
	w.do(w.tenant.RemoveMember(group(0), user(0)))
	w.later(2 * time.Hour)
	w.has("a delta", group(0), 1)
	if n := len(w.took()); n != 0 {
		t.Errorf("%d groups were asked before the time", n)
	}
	w.now = until
	w.source.edit = func(*directory.Page) error { return asksToWait{until.Add(time.Hour)} }
	for range 3 {
		if err := w.turn(); err == nil && w.head().Wait.IsZero() {
			t.Fatal("no wait")
		}
		w.now = w.now.Add(time.Minute)
	}
	if n := len(w.took()); n != 0 {
		t.Errorf("%d groups were asked while feeds wait", n)
	}
	w.source.edit = nil
	w.later(time.Hour)
	if n := len(w.took()); n != 40 {
		t.Errorf("%d groups are asked after it", n)
	}
}

// TestFlagsOutliveEnumerations: a full enumeration names no flags, and forgets none, whether
// it is made beside what is known or in its place; rules that read flags begin none.
func TestFlagsOutliveEnumerations(t *testing.T) {
	w := flagged(t, 30)
	for i := range 30 {
		w.do(w.tenant.SetProperty(group(i), "hideFromAddressLists", i%2 == 0))
	}
	w.untilQuiet()
	w.source.flags = func(directory.ID) error { return directory.ErrUntold }
	check := func(what string, rounds uint64) {
		t.Helper()
		if n := w.head().Main.Number; n != rounds {
			t.Errorf("%s: %d enumerations, want %d", what, n, rounds)
		}
		for i := range 30 {
			if want := strings.ToUpper(fmt.Sprint(i%2 == 0)); w.hides(i) != want {
				t.Errorf("%s: group %d has %q, want %q", what, i, w.hides(i), want)
			}
		}
	}
	w.source.size = 7
	w.source.expired = true
	w.later(time.Hour)
	check("links are lost", 2)
	w.later(9 * 24 * time.Hour)
	check("a week later", 3)
	w.do(w.journal.Ask(t.Context(), journal.Ask{Full: true}))
	w.later(time.Hour)
	check("by hand", 4)
	w.file = teamRules + "mail: {route: expand, leave_out: [msExchHideFromAddressLists, msExchRequireAuthToSendTo, showInAddressBook]}\n"
	w.restart()
	w.later(time.Hour)
	if n := w.head().Main.Number; n != 4 {
		t.Errorf("rules without flags: %d enumerations", n)
	}
	w.took()
	w.later(48 * time.Hour)
	if asked := w.took(); len(asked) > 0 || !w.head().Polling.Began.IsZero() {
		t.Errorf("rules without flags: %d groups are asked", len(asked))
	}
}

// TestFlagsCutAnywhere: a planner that dies at any write asks the same groups again, and
// skips none.
func TestFlagsCutAnywhere(t *testing.T) {
	errCut := errors.New("cut")
	for cut := int64(1); ; cut++ {
		w := flagged(t, 50)
		w.source.flags = func(directory.ID) error { return directory.ErrUntold }
		w.untilQuiet()
		w.later(2 * time.Minute)
		w.source.flags = nil
		for i := range 50 {
			w.do(w.tenant.SetProperty(group(i), "hideFromAddressLists", true))
		}
		fired := false
		w.store = &blobtest.Hook{Store: w.store, Around: func(n int64, key string, write func() error) error {
			if n == cut {
				fired = true
				return errCut
			}
			return write()
		}}
		w.restart()
		w.now = w.now.Add(25 * time.Hour)
		for range 4 {
			w.untilQuietAgainst(func(err error) {
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
			})
			w.now = w.now.Add(time.Minute)
		}
		for i := range 50 {
			if w.hides(i) != "TRUE" {
				t.Fatalf("cut at write %d: group %d has %q", cut, i, w.hides(i))
			}
		}
		if !fired {
			t.Logf("%d cuts", cut-1)
			return
		}
	}
}

// TestFlagsCost: a turn that asks and learns nothing new writes the head alone; one in which
// nobody is due writes nothing, and reads what any idle turn does.
func TestFlagsCost(t *testing.T) {
	w := newWorld(t)
	count := &blobtest.Count{Store: blob.Memory()}
	w.store, w.file, w.exchange = count, mailRules, corp()
	w.creations = 1000
	w.restart()
	w.users(2)
	for i := range 300 {
		w.microsoft365(i)
	}
	for range 10 {
		w.later(time.Minute)
	}
	w.restart()
	w.later(2 * time.Hour)
	count.Take()
	pages := w.source.pages
	w.do(w.planner.Run(t.Context()))
	if cost := count.Take(); cost.Reads() > 3 || cost.Writes() > 0 || w.source.pages-pages != 3 {
		t.Errorf("nobody is due: %s, %d pages", cost, w.source.pages-pages)
	}
	w.now = w.now.Add(24 * time.Hour)
	w.do(w.planner.Run(t.Context())) // notes that Graph was read
	w.took()
	count.Take()
	w.now = w.now.Add(time.Minute)
	w.do(w.planner.Run(t.Context()))
	if cost, asked := count.Take(), w.took(); len(asked) != 40 || cost.Writes() != 1 || cost.Reads() > 10 {
		t.Errorf("%d groups tell nothing new: %s", len(asked), cost)
	}
}
