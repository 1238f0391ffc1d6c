package decision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/exchange"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

var (
	staff  = directory.ID{1, 15: 1} // the group that is decided
	child  = directory.ID{1, 15: 2} // a group that may be its member
	now    = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	forest = rules.Target{Domains: []directory.SID{"S-1-5-21-1-2-3"}, External: true}
	all    = &rules.Rules{OU: "OU=x", Scope: rules.Scope{All: true}}
)

func sid(n int) directory.SID { return directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", 1000+n)) }

// refs are the members with these numbers as Active Directory has them.
func refs(ns ...int) (out []plan.Ref) {
	for _, n := range ns {
		out = append(out, plan.SIDRef(sid(n)))
	}
	slices.Sort(out)
	return out
}

// upTo are the numbers from 1 to n.
func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

// people are members of a cloud group, each with an account in Active Directory.
func people(ns ...int) (out []directory.Member) {
	for _, n := range ns {
		out = append(out, directory.Member{ID: directory.ID{2, 14: byte(n >> 8), 15: byte(n)}, Kind: directory.User, Standing: directory.Synced, SID: sid(n)})
	}
	return out
}

// as are members changed.
func as(change func(*directory.Member), ms []directory.Member) []directory.Member {
	for i := range ms {
		change(&ms[i])
	}
	return ms
}

func nested(id directory.ID) directory.Member {
	return directory.Member{ID: id, Kind: directory.GroupKind, Standing: directory.CloudOnly}
}

// cloud is a group as Graph has described it.
func cloud(reading directory.Reading, members ...directory.Member) *directory.Group {
	slices.SortFunc(members, func(a, b directory.Member) int { return a.ID.Compare(b.ID) })
	return &directory.Group{ID: staff, Reading: reading, Members: members,
		Props: directory.Properties{"displayName": {"Staff"}, "securityEnabled": {"true"}, "mailEnabled": {"false"}}}
}

func left(g *directory.Group, members ...directory.Member) *directory.Group {
	g.Left = members
	return g
}

// scene is a group before it is decided: of it, what Active Directory holds, and what the
// cloud says, with the real rules in between.
type scene struct {
	decision.Input
	kin   map[directory.ID]*record.Group
	rules *rules.Rules
	links plan.Links // that are wished for beside members
	site  exchange.Site
}

// of is a scene in which Active Directory holds the group with these members, named and
// described as the rules want it; nil: it does not hold it.
func of(members []plan.Ref, g *directory.Group) *scene {
	s := &scene{kin: map[directory.ID]*record.Group{}, rules: all}
	s.Cloud, s.Limits, s.Now, s.MayAsk = g, plan.DefaultLimits(), now, true
	s.Record = record.Group{ID: staff}
	if members != nil {
		w := all.Decide(staff, cloud(directory.Named), nil, s.nested, forest)
		w.Group.GUID, w.Group.Links = "guid-of-staff", plan.Members(members...)
		s.Record.Observed = w.Group
		s.Record.Names = record.Names{Asked: record.NameOf(*w.Group), Given: record.NameOf(*w.Group)}
	}
	return s
}

// none are no members, of a group that is there.
func none() []plan.Ref { return []plan.Ref{} }

func (s *scene) nested(id directory.ID) rules.Nested {
	r := s.kin[id]
	return rules.Nested{Group: &directory.Group{ID: id, Props: cloud(directory.Named).Props}, Exists: r != nil && r.Observed != nil}
}

// with changes a scene.
func (s *scene) with(change func(*scene)) *scene {
	change(s)
	return s
}

// decide decides the scene, and holds what comes out to what must always be so.
func (s *scene) decide(t *testing.T) decision.Output {
	t.Helper()
	s.Kin = func(id directory.ID) *record.Group {
		if r := s.kin[id]; r != nil {
			return r
		}
		return &record.Group{ID: id}
	}
	s.Wish = func(observed *plan.Group, taken []plan.Clash) plan.Wish {
		in := forest
		in.Mail, in.Clashes = s.rules.Stamp(s.site), taken
		w := s.rules.Decide(staff, s.Cloud, observed, s.nested, in)
		for link, refs := range s.links {
			w.Group.Links = w.Group.Links.With(link, refs)
		}
		return w
	}
	before := s.Record
	out := decision.Decide(s.Input)
	if diff := cmp.Diff(before, s.Record); diff != "" {
		t.Errorf("deciding modified the record:\n%s", diff)
	}
	again := s.Input
	again.Record = out.Record
	if next := decision.Decide(again); !cmp.Equal(drafted(out), drafted(next)) {
		t.Errorf("deciding once more at the same time changes what is to be done: -first +second:\n%s", cmp.Diff(drafted(out), drafted(next)))
	}
	for _, c := range drafted(out) {
		if text := decision.Contradicts(c, s.Cloud, s.Kin); text != "" {
			t.Error(text)
		}
	}
	return out
}

// drafted is what is to be done.
func drafted(out decision.Output) []plan.Change {
	if out.Draft == nil {
		return nil
	}
	return out.Draft.Changes()
}

// goes and comes are the members that are to go and to come.
func goes(out decision.Output) (refs []plan.Ref) {
	for _, c := range drafted(out) {
		refs = plan.Merge(refs, c.Remove)
	}
	return refs
}

func comes(out decision.Output) (refs []plan.Ref) {
	for _, c := range drafted(out) {
		refs = plan.Merge(refs, c.Add)
	}
	return refs
}

// kinds are the kinds of what is to be done, in order.
func kinds(out decision.Output) (ks []plan.Kind) {
	for _, c := range drafted(out) {
		ks = append(ks, c.Kind())
	}
	return ks
}

// TestAgreed: a group has agreed with the cloud when nothing is to be done and nothing is
// withheld. Who left is forgotten then: too early, and his membership stays for ever.
func TestAgreed(t *testing.T) {
	stranger := refs(1, 9)
	tests := []struct {
		name   string
		scene  *scene
		agreed bool
	}{
		{"the same on both sides", of(refs(1), cloud(directory.Named, people(1)...)), true},
		{"the same, known by deltas alone", of(refs(1), cloud(directory.Partial, people(1)...)), true},
		{"something is to be done", of(none(), cloud(directory.Named, people(1)...)), false},
		{"it is to be made", of(nil, cloud(directory.Named, people(1)...)), false},
		{"somebody stays for lack of evidence", of(stranger, cloud(directory.Whole, people(1)...)), false},
		{"somebody is parked", of(none(), cloud(directory.Named, people(1)...)).with(func(s *scene) {
			s.Record.Parked = record.ParkMembers(nil, record.Parked{Kind: plan.Adding}, []plan.BadRef{{Ref: refs(1)[0]}}, now)
		}), false},
		{"removals are held", of(refs(upTo(10)...), left(cloud(directory.Named), people(upTo(10)...)...)), false},
		{"it is to be read again first", of(refs(1), cloud(directory.Named, people(1)...)).with(func(s *scene) { s.Record.Stale = true }), false},
		{"a report did not name it", of(refs(1), cloud(directory.Named, people(1)...)).with(func(s *scene) { s.Record.Missing = true }), false},
		{"it cannot be managed as it is", of(refs(1), cloud(directory.Named, people(1)...)).with(func(s *scene) {
			s.Record.Trouble = &plan.Trouble{Case: plan.TroubleTwin, Text: "delete one"}
		}), false},
		{"nothing is wanted of it", of(refs(1), nil), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.scene.Record.Asked = true
			out := tt.scene.decide(t)
			if out.Agreed != tt.agreed || out.Record.Converged != tt.agreed {
				t.Errorf("agreed %t, converged %t; want %t", out.Agreed, out.Record.Converged, tt.agreed)
			}
			if out.Agreed && (out.Draft != nil || out.Record.Asked) {
				t.Errorf("agreed, and yet there is to do %+v, an operator waits: %t", drafted(out), out.Record.Asked)
			}
		})
	}
}

// TestLeftAlone: what is not known to be so, or cannot be managed, is not written to. What
// waited for approval before waits still: its hold once went out of every list meanwhile.
func TestLeftAlone(t *testing.T) {
	wants := func() *scene { return of(none(), cloud(directory.Named, people(1)...)) }
	tests := []struct {
		name   string
		change func(*record.Group)
		want   record.Counts
	}{
		{"stale", func(r *record.Group) { r.Stale = true }, record.Counts{Stale: 1}},
		{"missing", func(r *record.Group) { r.Missing = true }, record.Counts{Stale: 1}},
		{"in trouble", func(r *record.Group) {
			r.Trouble = &plan.Trouble{Case: plan.TroubleTwin, Text: "delete one"}
		}, record.Counts{Trouble: 1, Problems: map[string]int{plan.TroubleTwin: 1}}},
		{"in trouble, and stale", func(r *record.Group) {
			r.Stale, r.Trouble = true, &plan.Trouble{Case: plan.TroubleTwin}
		}, record.Counts{Trouble: 1, Problems: map[string]int{plan.TroubleTwin: 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := wants()
			tt.change(&s.Record)
			parked := []record.Parked{{Kind: plan.Setting}}
			s.Record.Parked, s.Record.Hold = parked, &record.Hold{ID: "h", Count: 7}
			out := s.decide(t)
			if out.Draft != nil {
				t.Errorf("to do: %+v", drafted(out))
			}
			if !cmp.Equal(parked, out.Record.Parked) || out.Record.Hold == nil {
				t.Error("what was refused and held is forgotten")
			}
			tt.want.Groups, tt.want.Managed, tt.want.Held, tt.want.Holds = 1, 1, 7, 1
			if diff := cmp.Diff(tt.want, out.Counts); diff != "" {
				t.Errorf("counts -want +got:\n%s", diff)
			}
		})
	}
	approved := wants().with(func(s *scene) {
		s.Record.Stale, s.Record.Hold = true, &record.Hold{ID: "h", Count: 7, Approved: now}
	})
	if n := approved.decide(t).Counts.Held; n != 0 {
		t.Errorf("%d wait for a word that was said", n)
	}
	out := wants().with(func(s *scene) {
		s.Record.Trouble = &plan.Trouble{Case: plan.TroubleOutside, Text: "move it back"}
	}).decide(t)
	want := []plan.Problem{{Group: staff, Reason: plan.TroubleOutside, Text: "move it back"}}
	if diff := cmp.Diff(want, out.Record.Problems); diff != "" {
		t.Errorf("problems -want +got:\n%s", diff)
	}
}

// TestTotals: shares of limits are of what the cloud knows. Whoever makes groups or
// members at the agent's end makes no limit larger.
func TestTotals(t *testing.T) {
	retired := of(refs(1), cloud(directory.Named, people(1)...)).with(func(s *scene) { s.Record.Observed.Attrs["info"] = []string{"no longer"} })
	nested1 := of([]plan.Ref{plan.GroupRef(child)}, cloud(directory.Named, nested(child)))
	bare := of(refs(1), &directory.Group{ID: staff, Gone: directory.Unlisted, Members: people(1)})
	tests := []struct {
		name                            string
		scene                           *scene
		groups, members, known, managed int
	}{
		{"as the cloud has it", of(refs(1, 2), cloud(directory.Named, people(1, 2)...)), 1, 2, 2, 1},
		{"strangers are there", of(refs(1, 8, 9), cloud(directory.Named, people(1, 2)...)), 1, 3, 1, 1},
		{"who left is known", of(refs(1, 2), left(cloud(directory.Named, people(1)...), people(2)...)), 1, 2, 2, 1},
		{"a nested group", nested1, 1, 1, 1, 1},
		{"never described", of(refs(1, 2), nil), 1, 2, 0, 0},
		{"asked for by name, and never listed", bare, 1, 1, 0, 0},
		{"no longer managed", retired, 1, 1, 1, 0},
		{"not in Active Directory", of(nil, cloud(directory.Named, people(1)...)), 0, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.scene.decide(t).Counts
			if c.Groups != tt.groups || c.Members != tt.members || c.Known != tt.known || c.Managed != tt.managed {
				t.Errorf("%d groups, %d members, %d of them known, %d managed; want %d, %d, %d, %d",
					c.Groups, c.Members, c.Known, c.Managed, tt.groups, tt.members, tt.known, tt.managed)
			}
		})
	}
}

// TestPending: each guard's part of what is to be done is counted, so that limits over all
// groups know all of it.
func TestPending(t *testing.T) {
	grows := func(converged bool) *scene {
		return of(refs(1), left(cloud(directory.Named, people(2, 3)...), people(1)...)).with(func(s *scene) {
			s.Record.Converged, s.Record.Observed.Name = converged, "Old"
		})
	}
	type pending = map[plan.GuardName]int
	tests := []struct {
		name  string
		scene *scene
		want  pending
	}{
		{"before it has agreed with the cloud once", grows(false), pending{plan.Removals: 1, plan.Moves: 1}},
		{"after that what comes is growth", grows(true), pending{plan.Removals: 1, plan.Moves: 1, plan.Additions: 2}},
		{"to be made", of(nil, cloud(directory.Named, people(1)...)), pending{plan.Creations: 1}},
		{"deleted in the cloud", of(refs(1), cloud(directory.Named)).with(func(s *scene) { s.Cloud.Gone = directory.Deleted }), pending{plan.Retirements: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.scene.decide(t)
			if diff := cmp.Diff(tt.want, out.Counts.Pending); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if out.Counts.Changes != len(drafted(out)) {
				t.Errorf("%d changes are counted, of %d", out.Counts.Changes, len(drafted(out)))
			}
		})
	}
}

// TestAskedAgain: an agent that cannot prove that a group is gone is asked for it again
// when its time has come, though nothing else changes.
func TestAskedAgain(t *testing.T) {
	later := now.Add(5 * time.Minute)
	s := of(none(), cloud(directory.Named, people(1)...)).with(func(s *scene) { s.Record.Missing, s.Record.Look = true, record.Tries{Count: 1, Until: later} })
	if out := s.decide(t); !out.Wake.Equal(later) {
		t.Errorf("it wakes at %s, want %s", out.Wake, later)
	}
	s.Now = later
	if out := s.decide(t); !out.Wake.IsZero() {
		t.Errorf("it is due, and wakes at %s", out.Wake)
	}
}

// TestFirstDueWakes: of two refusals the one that is due first has the group decided
// again, in whatever order they stand.
func TestFirstDueWakes(t *testing.T) {
	first, second := now.Add(5*time.Minute), now.Add(time.Hour)
	for _, until := range [][]time.Time{{first, second}, {second, first}} {
		s := of(none(), cloud(directory.Named, people(1, 2)...))
		for i, r := range refs(1, 2) {
			s.Record.Parked = append(s.Record.Parked, record.Parked{Kind: plan.Adding, Ref: r, Tries: record.Tries{Count: 1, Until: until[i]}})
		}
		if out := s.decide(t); !out.Wake.Equal(first) {
			t.Errorf("due at %v: it wakes at %s", until, out.Wake)
		}
	}
}

// TestNothingIsWished: of a group of which nothing is wanted any more nothing is held or
// parked either: nobody is asked to approve it.
func TestNothingIsWished(t *testing.T) {
	s := of(refs(1), nil)
	s.Record.Hold, s.Record.Parked = &record.Hold{ID: "h"}, []record.Parked{{Kind: plan.Setting}}
	if out := s.decide(t); out.Record.Hold != nil || len(out.Record.Parked) != 0 {
		t.Errorf("held %+v, parked %+v", out.Record.Hold, out.Record.Parked)
	}
}

// TestWhoStaysIsTold: whose removal lacks evidence stays, and people are told how many and
// whom: else a leaver would keep his access in silence.
func TestWhoStaysIsTold(t *testing.T) {
	out := of(refs(1, 8, 9), cloud(directory.Whole, people(1)...)).decide(t)
	told := slices.ContainsFunc(out.Record.Problems, func(p plan.Problem) bool {
		return p.Reason == decision.Unproven && p.Group == staff && strings.Contains(p.Text, "2, such as "+string(refs(8)[0]))
	})
	if !told || out.Counts.Problems[decision.Unproven] != 1 {
		t.Errorf("problems %+v, counted %v", out.Record.Problems, out.Counts.Problems)
	}
}

// TestAskedForNothing: somebody has asked for a group about which nothing can be done now: nobody waits for it.
func TestAskedForNothing(t *testing.T) {
	whole := func(n ...int) *directory.Group { return cloud(directory.Whole, people(n...)...) }
	for name, c := range map[string]struct {
		s    *scene
		want bool
	}{
		"not wanted":                {of(nil, nil), false},
		"as it is wanted":           {of(refs(1), whole(1)), false},
		"it cannot be managed":      {of(refs(1), whole(1, 2)).with(func(s *scene) { s.Record.Trouble = &plan.Trouble{} }), false},
		"all of it is held":         {gone(20, 19), false},
		"it is to be written":       {of(refs(1), whole(1, 2)), true},
		"it is to be read again":    {of(refs(1), whole(1)).with(func(s *scene) { s.Record.Stale = true }), true},
		"a report did not name it":  {of(refs(1), whole(1)).with(func(s *scene) { s.Record.Missing = true }), true},
		"made, and not written yet": {of(nil, whole(1)), true},
	} {
		c.s.Record.Asked, c.s.Record.AskedBy = true, "operator"
		if r := c.s.decide(t).Record; r.Asked != c.want || (r.AskedBy != "") != c.want {
			t.Errorf("%s: asked %t by %q; want %t", name, r.Asked, r.AskedBy, c.want)
		}
	}
}
