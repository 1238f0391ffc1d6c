package cycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

// TestInventedGroups: a report invents groups. No limit becomes larger by them, and they
// are forgotten when nobody finds them.
func TestInventedGroups(t *testing.T) {
	w := newWorld(t)
	w.users(100)
	for i := range 12 {
		w.group(i, 0, 20)
	}
	w.untilQuiet()
	w.now = w.now.Add(25 * time.Hour)
	w.untilQuiet()
	honest := w.ad
	w.ad = plan.State{}
	for id, g := range honest {
		w.ad[id] = g
	}
	for i := range 30 {
		id := graphtest.ID("invented " + string(rune('a'+i)))
		g := plan.Group{ID: id, GUID: plan.GUID(id.String()), Parent: ou, Name: id.String()}
		for k := range 200 {
			g.Links = g.Links.With(plan.Member, append(g.Members(), plan.Ref(domainSID+"-"+strings.Repeat("9", 4)+string(rune('0'+k/100))+string(rune('0'+k/10%10))+string(rune('0'+k%10)))))
		}
		slices.Sort(g.Members())
		w.ad[id] = g
	}
	w.do(w.report(true, nil))
	w.ad = honest
	w.do(w.planner.Run(t.Context()))
	for i := range 12 {
		for k := range 5 {
			w.do(w.tenant.RemoveMember(group(i), user(k)))
		}
	}
	w.untilQuiet()
	removals := slices.IndexFunc(w.holds(), func(l record.Listing) bool { return l.Guard == plan.Removals && l.Count == 60 })
	if len(w.removed) != 0 || removals < 0 {
		t.Errorf("%d of 60 removed, holds %+v", len(w.removed), w.holds())
	}
	w.do(w.report(true, nil))
	w.untilQuiet()
	if got := w.head().Totals.Groups; got != 12 {
		t.Errorf("%d groups known, want 12", got)
	}
}

// TestNewDomain: a domain joins the forest after the first report.
func TestNewDomain(t *testing.T) {
	w := town(t)
	const other = "S-1-5-21-4-5-6"
	w.do(w.tenant.AddUser(graphtest.User{ID: user(900), UPN: "n@child.test", SID: other + "-1100"}))
	w.do(w.tenant.AddMember(group(1), user(900)))
	w.untilQuiet()
	w.domains = []directory.SID{domainSID, other}
	w.later(time.Hour)
	w.do(w.report(true, nil))
	w.untilQuiet()
	if !slices.Contains(w.ad[group(1)].Members(), plan.Ref(other+"-1100")) {
		t.Errorf("the journal knows %v", w.head().Target.Domains)
	}
}

// TestRulesMoveAll: one word in the rules would move every group. That waits for a
// person.
func TestRulesMoveAll(t *testing.T) {
	w := newWorld(t)
	w.users(30)
	for i := range 200 {
		w.group(i, 0, 5)
	}
	w.untilQuiet()
	r, err := rules.Parse([]byte("ou: OU=Typo,DC=corp,DC=test\nscope: all\n"))
	w.do(err)
	w.planner.Rules = r
	w.untilQuiet()
	moved := func() (n int) {
		for _, g := range w.ad {
			if strings.HasPrefix(g.Parent, "OU=Typo") {
				n++
			}
		}
		return n
	}
	holds := w.holds()
	if moved() != 0 || len(holds) != 1 || holds[0].Guard != plan.Moves || holds[0].Count != 200 {
		t.Fatalf("%d groups were moved, holds %+v", moved(), holds)
	}
	w.do(w.tenant.RemoveMember(group(1), user(0))) // it keeps nobody in
	w.untilQuiet()
	if len(w.removed) != 1 {
		t.Errorf("removed %v", w.removed)
	}
	w.approve(w.holds()[0])
	w.untilQuiet()
	if moved() != 200 {
		t.Errorf("%d groups were moved after the approval", moved())
	}
}

// TestLimitsAreOfAll: some leave each group of one shard, which is little of a tenant whose
// other groups nothing has happened to. They go.
func TestLimitsAreOfAll(t *testing.T) {
	w := newWorld(t)
	w.users(200)
	for i := range 60 {
		w.group(i, 0, 200)
	}
	w.untilQuiet()
	v, err := w.journal.View(t.Context())
	w.do(err)
	shards, err := v.Shards(t.Context(), func(record.Counts) bool { return true })
	w.do(err)
	shard, err := v.Shard(t.Context(), shards[len(shards)-1])
	w.do(err)
	if n := len(shard.Groups); n == 0 || n > 30 {
		t.Fatalf("set-up: %d shards, and the last has %d of 60 groups", len(shards), n)
	}
	for _, id := range shard.Groups {
		remove(w, id, 30)
	}
	w.untilQuiet()
	if want := 30 * len(shard.Groups); len(w.removed) != want {
		t.Errorf("%d of 12000 memberships went, want %d; holds %+v", len(w.removed), want, w.holds())
	}
}

// TestApprovalIsOfOneMember: a person approves that one member of each group goes. Who leaves
// one of these groups after that waits for another word.
func TestApprovalIsOfOneMember(t *testing.T) {
	w := held(t)
	w.approve(w.holds()[0])
	w.do(w.tenant.RemoveMember(group(5), user(1)))
	w.untilQuiet()
	if h := w.holds(); len(w.removed) != 40 || !w.in(group(5), 1) || len(h) != 1 || h[0].Count != 1 {
		t.Errorf("%d removed, who left later is in %t, holds %+v", len(w.removed), w.in(group(5), 1), h)
	}
}
