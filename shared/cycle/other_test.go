package cycle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/rules"
)

func parsed(t testing.TB, file string) *rules.Rules {
	t.Helper()
	r, err := rules.Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// listed are rules for some groups in a container.
func listed(container string, groups ...int) string {
	var ids []string
	for _, i := range groups {
		ids = append(ids, group(i).String())
	}
	return "ou: " + container + "\nscope: [" + strings.Join(ids, ", ") + "]\n"
}

// put has other rules in force from the next turn on, as a new process would.
func (w *world) put(r *rules.Rules, text string) {
	w.planner = &cycle.Planner{Source: w.source, Tenant: "tenant", Rules: r, Text: []byte(text), Journal: w.journal}
}

// TestOtherRulesArePreviewed: what rules would do that are not in force is shown as a
// difference to those that are, with nothing stored, and is what the next turn does when
// they come into force.
func TestOtherRulesArePreviewed(t *testing.T) {
	const groups = 12
	up := func(from, to int) (all []int) {
		for i := from; i < to; i++ {
			all = append(all, i)
		}
		return all
	}
	for _, test := range []struct {
		name, before, after string
		pending             bool // somebody joins meanwhile, whatever the rules
		want                cycle.ShiftCounts
		first               cycle.Shift // that is listed
		changes             int
	}{
		{name: "two come", before: listed(ou, up(0, 10)...), after: listed(ou, up(0, 12)...),
			want: cycle.ShiftCounts{Come: 2, Join: 6}, first: cycle.Shift{Group: group(10), Come: true, Join: 3}, changes: 4},
		{name: "one goes", before: listed(ou, up(0, 10)...), after: listed(ou, up(1, 10)...),
			want: cycle.ShiftCounts{Go: 1, Problems: 1}, first: cycle.Shift{Group: group(0), Go: true}, changes: 1},
		{name: "one goes, and another comes, and somebody joins", before: listed(ou, up(0, 10)...), after: listed(ou, up(1, 11)...), pending: true,
			want: cycle.ShiftCounts{Go: 1, Come: 1, Join: 3, Problems: 1}, first: cycle.Shift{Group: group(0), Go: true}, changes: 4},
		{name: "all move, which is held", before: listed(ou, up(0, 10)...), after: listed("OU=Else,"+ou, up(0, 10)...),
			want: cycle.ShiftCounts{Move: 10, Held: map[string]int{"moves": 10}}, first: cycle.Shift{Group: group(0), Move: "OU=Else," + ou, Held: []string{"moves"}}},
		{name: "all go, which is held", before: listed(ou, up(0, 10)...), after: "ou: " + ou + "\nscope: []\n",
			want: cycle.ShiftCounts{Go: 10, Problems: 10, Held: map[string]int{"retirements": 10}}, first: cycle.Shift{Group: group(0), Go: true, Held: []string{"retirements"}}},
		{name: "another revision", before: listed(ou, up(0, 10)...), after: listed(ou, up(0, 10)...) + "revision: 3\n"},
		{name: "another limit", before: listed(ou, up(0, 10)...), after: listed(ou, up(0, 10)...) + "limits: {creations: 1}\n"},
		{name: "two come, of which the limit lets none", before: listed(ou, up(0, 10)...), after: listed(ou, up(0, 12)...) + "limits: {creations: 1}\n",
			want: cycle.ShiftCounts{Come: 2, Join: 6, Held: map[string]int{"creations": 2}}, first: cycle.Shift{Group: group(10), Come: true, Join: 3, Held: []string{"creations"}}},
		{name: "the same", before: listed(ou, up(0, 10)...), after: listed(ou, up(0, 10)...) + "# in other words\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, count := underRules(t, test.before, groups)
			if test.pending {
				w.do(w.tenant.AddMember(group(3), user(9)))
			}
			other := parsed(t, test.after)
			count.Take()
			shown, err := w.planner.PreviewRules(t.Context(), other)
			w.do(err)
			if c := count.Take(); c.Writes() > 0 {
				t.Errorf("it wrote: %v", c)
			}
			if shown.Waiting != "" || shown.Other == nil {
				t.Fatalf("%q, %+v", shown.Waiting, shown.Other)
			}
			o := *shown.Other
			if !reflect.DeepEqual(o.Counts, test.want) || len(o.Notes) > 0 || len(shown.Changes) != test.changes {
				t.Errorf("%d changes, %+v, notes %q; want %d, %+v", len(shown.Changes), o.Counts, o.Notes, test.changes, test.want)
			}
			if got := (cycle.Shift{}); len(o.Groups) > 0 {
				got = o.Groups[0]
				if got.Name == "" {
					t.Errorf("without a name: %+v", got)
				}
				if got.Name, got.Problems = "", nil; !reflect.DeepEqual(got, test.first) {
					t.Errorf("the first is %+v, want %+v", got, test.first)
				}
			} else if !reflect.DeepEqual(got, test.first) {
				t.Error("no group is listed")
			}
			if again, err := w.planner.PreviewRules(t.Context(), w.planner.Rules); err != nil || !again.Other.Same || again.Other.Counts.Go+again.Other.Counts.Come > 0 || len(again.Changes) > 0 && !test.pending {
				t.Errorf("the rules in force would do %+v (%v)", again, err)
			}

			w.put(other, test.after)
			w.isNextTurn(shown)
		})
	}
}

// underRules is a settled world of so many groups of three under rules, over a store that counts.
func underRules(t *testing.T, file string, groups int) (*world, *blobtest.Count) {
	t.Helper()
	w := newWorld(t)
	count := &blobtest.Count{Store: blob.Memory()}
	w.store = count
	w.restart()
	w.put(parsed(t, file), file)
	w.users(10)
	for i := range groups {
		w.group(i, 0, 3)
	}
	w.untilQuiet()
	w.later(25 * time.Hour) // no limit counts any more what was done
	return w, count
}

// isNextTurn sees that what was shown is what a preview shows now that the rules are in
// force, and what a turn does.
func (w *world) isNextTurn(shown cycle.Preview) {
	w.t.Helper()
	now, err := w.planner.Preview(w.t.Context())
	w.do(err)
	shown.Other = nil
	if a, b := text(shown), text(now); a != b {
		w.t.Errorf("shown was\n%s\nand it would be\n%s", a, b)
	}
	w.do(w.planner.Run(w.t.Context()))
	issued := 0
	if p := w.head().Plan; p != nil {
		issued = p.Changes
	}
	if issued != len(shown.Changes) || len(w.holds()) != len(shown.Held) {
		w.t.Errorf("a turn issues %d changes and holds %d lists; shown were %d and %d", issued, len(w.holds()), len(shown.Changes), len(shown.Held))
	}
}

func text(v any) string {
	data, err := json.MarshalIndent(v, "", " ")
	return fmt.Sprintf("%s%v", data, err)
}

// TestOtherRulesWhereNothingIsWritten: they are previewed too while the target is off or
// paused.
func TestOtherRulesWhereNothingIsWritten(t *testing.T) {
	before, after := listed(ou, 0, 1, 2), listed("OU=Else,"+ou, 0, 1, 2, 3)
	for _, state := range []string{"off", "paused"} {
		w := newWorld(t)
		w.put(parsed(t, before), before)
		w.users(3)
		for i := range 4 {
			w.group(i, 0, 3)
		}
		w.untilQuiet()
		tx, err := w.journal.Load(t.Context())
		w.do(err)
		tx.Head.Switch.On, tx.Head.Switch.Paused = state == "paused", state == "paused"
		w.do(tx.Commit(t.Context()))
		p, err := w.planner.PreviewRules(t.Context(), parsed(t, after))
		w.do(err)
		want := cycle.ShiftCounts{Come: 1, Move: 3, Join: 3}
		if p.Waiting != "" || !reflect.DeepEqual(p.Other.Counts, want) || len(p.Changes) != 5 {
			t.Errorf("%s: %q, %+v, %d changes; want %+v, and 5", state, p.Waiting, p.Other, len(p.Changes), want)
		}
	}
}

// TestRulesThatWereReplaced cannot come into force, and a preview of them says so.
func TestRulesThatWereReplaced(t *testing.T) {
	first, second := listed(ou, 0), listed(ou, 0, 1)
	w, _ := underRules(t, first, 2)
	w.put(parsed(t, second), second)
	w.untilQuiet()
	if _, err := w.planner.PreviewRules(t.Context(), parsed(t, first)); !errors.Is(err, cycle.ErrReplaced) || !strings.Contains(err.Error(), "raise their revision") {
		t.Errorf("the rules of before: %v", err)
	}
}

// TestManyShifts: of very many groups some are listed, those first that go, and all are
// counted; and of what there is no room for is told that it is not in it.
func TestManyShifts(t *testing.T) {
	const groups = 1100
	w := newWorld(t)
	w.creations = groups
	w.restart()
	w.users(3)
	var all []int
	for i := range groups {
		w.group(i, 0, 1)
		all = append(all, i)
	}
	w.untilQuiet()
	p, err := w.planner.PreviewRules(t.Context(), parsed(t, listed("OU=Else,"+ou, all[1:]...)))
	w.do(err)
	o := p.Other
	if o.Counts.Move != groups-1 || o.Counts.Go != 1 || len(o.Groups) != 1000 || o.More != groups-1000 || o.Groups[0].Group != group(0) || !o.Groups[0].Go {
		t.Errorf("%+v, %d listed and %d more, first %+v", o.Counts, len(o.Groups), o.More, o.Groups[0])
	}
	// A step goes on with the next one; a preview has to do with the room of one.
	w.planner.StepBytes = 1
	p, err = w.planner.PreviewRules(t.Context(), parsed(t, "ou: "+ou+"\nscope: []\n"))
	w.do(err)
	if p.Other == nil {
		t.Fatal(p.Waiting)
	}
	if len(p.Other.Notes) != 1 || !strings.Contains(p.Other.Notes[0], "parts of the groups are decided, and the rest is not in this") || p.Other.Counts.Go == 0 || p.Other.Counts.Go == groups {
		t.Errorf("of %d groups in little room: %+v, notes %q", groups, p.Other.Counts, p.Other.Notes)
	}
	w.planner.StepBytes = 0
	p, err = w.planner.PreviewRules(t.Context(), parsed(t, "ou: "+ou+"\nscope: []\n"))
	w.do(err)
	if len(p.Other.Notes) > 0 || p.Other.Counts.Go != groups {
		t.Errorf("of %d groups in room enough: %+v, notes %q", groups, p.Other.Counts, p.Other.Notes)
	}
}

// TestUnreadAttributes: of attributes that the agent was not asked for nobody knows what is in
// them; a preview of rules that decide them says so, and shows all else.
func TestUnreadAttributes(t *testing.T) {
	w, _ := underRules(t, listed(ou, 0, 1), 2)
	tx, err := w.journal.Load(t.Context())
	w.do(err)
	tx.Head.Attrs = slices.DeleteFunc(slices.Clone(tx.Head.Attrs), func(a string) bool { return a == "info" })
	w.do(tx.Commit(t.Context()))
	p, err := w.planner.PreviewRules(t.Context(), parsed(t, listed(ou, 1)))
	w.do(err)
	if p.Waiting != "" || p.Other.Counts.Go != 1 || len(p.Other.Notes) != 1 || !strings.Contains(p.Other.Notes[0], "what Active Directory has in info is not known") {
		t.Errorf("%q, %+v", p.Waiting, p.Other)
	}
}
