package cycle_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// aLife is a world in which one group is brought into a state, and then something happens to it.
type aLife struct {
	*world
	fate     life.Fate
	revision int
	reach    string
}

const (
	inScope  = "Group 1"
	outOfIt  = "out"
	switched = "writebackConfiguration"
)

// ruled puts rules in force.
func (l *aLife) ruled() {
	l.revision++
	l.file = fmt.Sprintf("ou: %s\nscope: {groups: all, where: [displayName NOT REGEX MATCH ^out]}\nwriteback_configuration: {honour: true}\ngroup_scope: %s\nrevision: %d\n"+
		"leaving: {out_of_scope: %[4]s, switched_off: %[4]s, deleted: %[4]s, grace_days: 20}\n", ou, l.reach, l.revision, l.fate)
	l.restart()
}

// end has writeback end as a person confirms it.
func (l *aLife) end() {
	l.t.Helper()
	p, err := l.planner.PreviewEnd(l.t.Context(), life.Keep)
	l.do(err)
	l.do(l.journal.Ask(l.t.Context(), journal.Ask{Switch: journal.SwitchOff, End: life.Keep, Digest: p.Digest, By: "operator"}))
	l.later(time.Minute)
	l.later(time.Minute)
}

// born is a group in a state.
func born(t *testing.T, s life.State) *aLife {
	l := &aLife{world: newWorld(t), fate: life.Delete, reach: "universal"}
	name := inScope
	switch s {
	case life.Candidate:
		name = outOfIt
	case life.Kept:
		l.fate = life.Keep
	case life.Waiting:
		l.refuse = func(c plan.Change) (plan.Result, bool) {
			return plan.Result{Status: plan.Refused, Code: 53, Text: "no"}, c.Op == plan.Create && c.Group == group(1)
		}
	case life.Held:
		limits := plan.DefaultLimits()
		limits.Floor, limits.Share = 3, 0.05
		l.limits = &limits
	}
	l.ruled()
	l.users(30)
	for i := 1; i <= 3; i++ {
		l.group(i, 0, 5)
		l.do(l.tenant.SetProperty(group(i), switched, "isEnabled=true"))
	}
	l.do(l.tenant.Rename(group(1), name))
	l.untilQuiet()
	switch s {
	case life.Kept, life.Quarantined, life.Held:
		l.do(l.tenant.Rename(group(1), outOfIt))
		l.days(1)
	case life.Deleted:
		l.do(l.tenant.Rename(group(1), outOfIt))
		l.days(22)
	case life.Disowned:
		l.end()
	}
	return l
}

// happens has an event happen to the group.
func (l *aLife) happens(e life.Event) {
	l.t.Helper()
	id := group(1)
	set := func(name string, value any) { l.do(l.tenant.SetProperty(id, name, value)) }
	off := !l.head().Switch.On
	switch e {
	case life.Wanted:
		if set("displayName", inScope); off {
			l.later(time.Minute)
			l.say(journal.SwitchOn, l.digest())
		}
	case life.SoftDeleted:
		l.do(l.tenant.SoftDelete(id))
	case life.HardDeleted:
		l.do(l.tenant.HardDelete(id))
	case life.SwitchedOff:
		set("displayName", inScope)
		set(switched, "isEnabled=false")
	case life.Mastered:
		set("displayName", inScope)
		set("onPremisesSyncEnabled", true)
	case life.Converted:
		set("displayName", inScope)
		set("onPremisesSecurityIdentifier", "S-1-5-21-1-2-3-9999")
	case life.Unsure:
		l.source.edit = func(p *directory.Page) error {
			p.Groups = slices.DeleteFunc(p.Groups, func(c directory.GroupChange) bool { return c.ID == id })
			return nil
		}
		l.source.again = func(*directory.Page) error { return errors.New("no answer") }
		set("displayName", inScope)
		l.do(l.journal.Ask(l.t.Context(), journal.Ask{Full: true, By: "operator"}))
		l.untilQuietAgainst(func(error) {})
	case life.OutOfScope:
		set("displayName", outOfIt)
	case life.Retyped:
		l.reach = "global"
		l.ruled()
	case life.Ruled:
		l.fate = life.Quarantine
		l.ruled()
	case life.Approved:
		for _, h := range l.holds() {
			l.approve(h)
		}
	case life.Rejected:
		for _, h := range l.holds() {
			l.do(l.journal.Reject(l.t.Context(), wordOn(h)))
		}
	case life.Drifted:
		if g, there := l.ad[id]; there {
			g = g.Clone()
			g.Attrs["description"] = []string{"by hand"}
			l.ad[id] = g
			l.do(l.report(true, nil))
		}
	case life.Erased:
		if _, there := l.ad[id]; there {
			l.bury(id)
			l.do(l.report(true, nil))
		}
	case life.GraceOver:
		l.days(22)
	case life.SwitchOff:
		if !off {
			l.end()
		}
	}
	l.untilQuietAgainst(func(error) {})
	l.now = l.now.Add(time.Minute)
	l.untilQuietAgainst(func(error) {})
}

// known says where the group is in its life by what the journal knows, and holds that to what
// there is.
func (l *aLife) known() life.State {
	l.t.Helper()
	r := l.recordOf(group(1))
	g, there := l.ad[group(1)]
	s := decision.StateOf(&r)
	_, buried := l.graves[group(1)]
	_, let := l.let[group(1)]
	so := map[life.State]bool{
		life.Candidate: !there && !buried && !let, life.Waiting: !there && !let,
		life.Written: there && secure(g) && !plan.Retired(g), life.Held: there && secure(g) && !plan.Retired(g), life.Kept: there && secure(g) && plan.Retired(g),
		life.Quarantined: there && !secure(g) && plan.Retired(g), life.Deleted: buried && !there, life.Disowned: let,
	}[s]
	if !so {
		l.t.Errorf("it is %s for the journal; there %t, %+v, deleted %t, let go %t", s, there, g, buried, let)
	}
	if there && len(g.Members) != 5 || len(l.removed) != 0 {
		l.t.Errorf("%s: members %v, %d removed", s, g.Members, len(l.removed))
	}
	return s
}

// TestLifeTable walks the whole table: each event happens to a group in each state, and what
// comes of it is what the table says.
func TestLifeTable(t *testing.T) {
	for _, from := range life.States() {
		for _, e := range life.Events() {
			t.Run(fmt.Sprintf("%s, %s", from, e), func(t *testing.T) {
				l := born(t, from)
				if got := l.known(); got != from {
					t.Fatalf("the group is %s to begin with", got)
				}
				fate := l.fate
				if e == life.SwitchOff {
					fate = life.Keep
				}
				l.happens(e)
				if e == life.Ruled {
					fate = l.fate
				}
				want := life.Next(from, e, fate)
				if from == life.Waiting && want == life.Deleted || from == life.Written && e == life.Erased {
					want = life.Written // which is made again at once
				}
				if want == life.Waiting && from != life.Waiting {
					want = life.Written
				}
				if got := l.known(); got != want {
					t.Errorf("it is %s, want %s; problems %+v, life %+v", got, want, l.recordOf(group(1)).Problems, l.recordOf(group(1)).Life)
				}
			})
		}
	}
}
