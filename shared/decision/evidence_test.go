package decision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestEvidence: who goes, who stays, and what Graph is asked.
func TestEvidence(t *testing.T) {
	unseen := func(m *directory.Member) { m.Standing, m.SID = directory.Unseen, "" }
	stands := func(s directory.Standing) func(*directory.Member) {
		return func(m *directory.Member) { m.Standing = s }
	}
	foreign := func(m *directory.Member) { m.SID = "S-1-5-21-7-8-9-1101" }
	contact := directory.Member{ID: directory.ID{3}, Kind: directory.Contact}
	thing := plan.GUIDRef("0b1c")
	byName := decision.Question{Groups: []directory.ID{staff}}
	nobody := decision.Question{}
	mark := plan.GroupRef(child)
	ours := func(s *scene) { // in sight or not, its SID is known
		s.kin[child] = &record.Group{ID: child, SID: sid(50)}
	}
	inSight := func(s *scene) {
		ours(s)
		s.kin[child].Observed = &plan.Group{ID: child}
	}
	visible := func(reading directory.Reading, change func(*directory.Group), members ...directory.Member) *directory.Group {
		g := cloud(reading, members...)
		change(g)
		return g
	}
	tests := []struct {
		name     string
		scene    *scene
		goes     []plan.Ref
		comes    []plan.Ref
		unproven int
		ask      decision.Question
	}{
		{name: "who left goes on Graph's word, however the group came to be known",
			scene: of(refs(1, 2), left(cloud(directory.Partial, people(1)...), people(2)...)), goes: refs(2)},
		{name: "of an account with another SID the old one goes",
			scene: of(refs(1, 2), left(cloud(directory.Partial, people(1, 3)...), people(2)...)), goes: refs(2), comes: refs(3)},
		{name: "who left and is back stays",
			scene: of(refs(1, 2), left(cloud(directory.Partial, people(1, 2)...), people(2)...))},
		{name: "a stranger goes once the whole group was confirmed by name",
			scene: of(refs(1, 9), cloud(directory.Named, people(1)...)), goes: refs(9)},
		{name: "and so does the last one",
			scene: of(refs(9), cloud(directory.Named)), goes: refs(9)},

		{name: "of a group known by deltas nobody is a stranger",
			scene: of(refs(1, 9), cloud(directory.Partial, people(1)...)), unproven: 1, ask: byName},
		{name: "of a group that was read once nobody is a stranger",
			scene: of(refs(1, 9), cloud(directory.Whole, people(1)...)), unproven: 1, ask: byName},
		{name: "while two readings disagree nobody is a stranger",
			scene: of(refs(1, 9), cloud(directory.Doubted, people(1)...)), unproven: 1, ask: byName},
		{name: "what is in doubt is asked for though nobody would go",
			scene: of(refs(1), cloud(directory.Doubted, people(1)...)), ask: byName},
		{name: "who lacks evidence stays beside one who goes and one who comes",
			scene: of(refs(1, 2, 9), left(cloud(directory.Whole, people(1, 3)...), people(2)...)), goes: refs(2), comes: refs(3), unproven: 1, ask: byName},

		{name: "while nobody knows who a member is, he may be the stranger",
			scene:    of(refs(1, 9), cloud(directory.Named, append(people(1), as(unseen, people(2))...)...)),
			unproven: 1, ask: decision.Question{Principals: as(unseen, people(2))}},
		{name: "members that may have been kept back: nobody goes",
			scene: of(refs(1, 9), visible(directory.Named, func(g *directory.Group) { g.Unread = true }, people(1)...)), ask: byName},
		{name: "membership that is hidden: nobody goes, and nobody is asked",
			scene: of(refs(1, 9), visible(directory.Named, func(g *directory.Group) { g.Props["visibility"] = []string{"HiddenMembership"} }, people(1)...))},

		{name: "membership that is hidden, and was kept back: nobody is asked what nobody is told",
			scene: of(refs(1, 9), visible(directory.Named, func(g *directory.Group) {
				g.Unread, g.Props["visibility"] = true, []string{"HiddenMembership"}
			}, people(1)...))},

		{name: "a member of another forest is not written, and no stranger",
			scene: of([]plan.Ref{plan.SIDRef(sid(1)), "S-1-5-21-7-8-9-1101"}, cloud(directory.Named, append(people(1), as(foreign, people(2))...)...))},
		{name: "nor does he lack evidence where the group is known by deltas",
			scene: of([]plan.Ref{plan.SIDRef(sid(1)), "S-1-5-21-7-8-9-1101"}, cloud(directory.Partial, append(people(1), as(foreign, people(2))...)...))},
		{name: "a member who is a domain's own account is no stranger",
			scene: of([]plan.Ref{plan.SIDRef(sid(1)), "S-1-5-21-1-2-3-512"}, cloud(directory.Named, append(people(1), as(func(m *directory.Member) { m.SID = "S-1-5-21-1-2-3-512" }, people(2))...)...))},
		{name: "a member whose SID Graph does not give any more stays",
			scene: of(refs(1, 2), cloud(directory.Named, append(people(1), as(stands(directory.LostSID), people(2))...)...))},
		{name: "a member in the recycle bin stays",
			scene: of(refs(1, 2), cloud(directory.Named, append(people(1), as(stands(directory.LostSoft), people(2))...)...))},
		{name: "a member who was deleted for good stays until the group is read without him",
			scene: of(refs(1, 2), cloud(directory.Named, append(people(1), as(stands(directory.LostForGood), people(2))...)...)), ask: byName},

		{name: "an object without a SID is a stranger where all members have one",
			scene: of([]plan.Ref{thing}, cloud(directory.Named)), goes: []plan.Ref{thing}},
		{name: "where contacts are members it may be one of them",
			scene: of([]plan.Ref{thing}, cloud(directory.Named, contact)), unproven: 1},
		{name: "but whoever has a SID is none of them",
			scene: of(append(refs(9), thing), cloud(directory.Named, contact)), goes: refs(9), unproven: 1},
		{name: "a contact that left is not known by its GUID: it stays",
			scene: of([]plan.Ref{thing}, left(cloud(directory.Partial), contact)), unproven: 1, ask: byName},

		{name: "a nested group of ours that the agent names by its SID is the same member",
			scene: of(refs(50), cloud(directory.Named, nested(child))).with(inSight)},
		{name: "also while it is out of sight itself",
			scene: of(refs(50), cloud(directory.Named, nested(child))).with(ours)},
		{name: "under both names it is one member",
			scene: of([]plan.Ref{plan.SIDRef(sid(50)), mark}, cloud(directory.Named, nested(child))).with(inSight)},
		{name: "while its SID is not known it may be the stranger",
			scene: of(refs(1, 9), cloud(directory.Named, append(people(1), nested(child))...)).with(func(s *scene) {
				s.kin[child] = &record.Group{ID: child, Observed: &plan.Group{ID: child}}
			}), comes: []plan.Ref{mark}, unproven: 1},
		{name: "it goes when it left",
			scene: of(refs(50), left(cloud(directory.Partial), nested(child))).with(inSight), goes: []plan.Ref{mark}},
		{name: "a group of ours that was never a member is a stranger like others",
			scene: of([]plan.Ref{mark}, cloud(directory.Whole)).with(inSight), unproven: 1, ask: byName},

		{name: "a group that Graph never described is asked for, and left as it is",
			scene: of(refs(1), nil), ask: byName},
		{name: "a group that an enumeration did not list is asked for, and left as it is",
			scene: of(refs(1), visible(directory.Whole, func(g *directory.Group) { g.Gone = directory.Unlisted })), ask: byName},
		{name: "a group that is not wanted, and not there, is nobody's question",
			scene: of(nil, visible(directory.Whole, func(g *directory.Group) { g.Gone = directory.Unlisted })), ask: nobody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.scene.decide(t)
			if diff := cmp.Diff(tt.goes, goes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who goes: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.comes, comes(out), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("who comes: -want +got:\n%s", diff)
			}
			if out.Counts.Unproven != tt.unproven {
				t.Errorf("%d stay for lack of evidence, want %d", out.Counts.Unproven, tt.unproven)
			}
			if diff := cmp.Diff(tt.ask, out.Ask, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Graph is asked: -want +got:\n%s", diff)
			}
			if asks := len(out.Ask.Groups)+len(out.Ask.Principals) > 0; (out.Counts.Asks == 1) != asks {
				t.Errorf("%d questions are counted", out.Counts.Asks)
			}
		})
	}
}

// TestWhateverRulesWant: evidence does not hang on rules that are careful. Here they want
// one member alone, whatever is known.
func TestWhateverRulesWant(t *testing.T) {
	group := directory.Member{ID: child, Kind: directory.GroupKind}
	tests := []struct {
		name        string
		cloud       *directory.Group
		undescribed []directory.Member
		goes        []plan.Ref
		ask         decision.Question
	}{
		{"all is known", cloud(directory.Named, people(1)...), nil, refs(9), decision.Question{}},
		{"members may have been kept back", cloud(directory.Named, people(1)...), nil, nil, decision.Question{Groups: []directory.ID{staff}}},
		{"a member is a group of which nobody knows anything: it is asked for by name", cloud(directory.Named, append(people(1), group)...), []directory.Member{group},
			nil, decision.Question{Groups: []directory.ID{child}}},
	}
	tests[1].cloud.Unread = true
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := of(refs(1, 9), tt.cloud).Input
			in.Kin = func(id directory.ID) *record.Group { return &record.Group{ID: id} }
			in.Wish = func(observed *plan.Group, _ []plan.Clash) plan.Wish {
				want := observed.Clone()
				want.Links = want.Links.With(plan.Member, refs(1))
				return plan.Wish{Event: life.Wanted, Group: &want, Undescribed: tt.undescribed}
			}
			out := decision.Decide(in)
			if diff := cmp.Diff(tt.goes, goes(out), cmpopts.EquateEmpty()); diff != "" || out.Counts.Unproven != 1-len(tt.goes) {
				t.Errorf("%d lack evidence; who goes: -want +got:\n%s", out.Counts.Unproven, diff)
			}
			if diff := cmp.Diff(tt.ask, out.Ask, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Graph is asked: -want +got:\n%s", diff)
			}
		})
	}
}

// TestRetired: no group is given up on one witness. Once it is, all that is known stands:
// it is asked for now and then, for that may turn out otherwise, and nobody waits for it.
func TestRetired(t *testing.T) {
	gone := func(r directory.Removal, reading directory.Reading) *scene {
		g := cloud(reading)
		g.Gone = r
		return of(refs(1), g)
	}
	tests := []struct {
		name    string
		scene   *scene
		retires bool
		asked   bool
		waits   bool
	}{
		{"never described", of(refs(1), nil), false, true, true},
		{"an enumeration did not list it", gone(directory.Unlisted, directory.Whole), false, true, true},
		{"nor does Graph by name", gone(directory.Unlisted, directory.Named), true, true, false},
		{"Graph says that it was deleted", gone(directory.SoftDeleted, directory.Partial), true, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := tt.scene.decide(t)
			retires := false
			for _, c := range drafted(out) {
				retires = retires || plan.Retires(c)
			}
			if retires != tt.retires || len(drafted(out)) > 1 || (len(out.Ask.Groups) > 0) != tt.asked || (out.Counts.Asks > 0) != tt.waits {
				t.Errorf("to do %+v, asked %+v, %d wait; want that it is given up: %t, asked for: %t, waits: %t",
					drafted(out), out.Ask, out.Counts.Asks, tt.retires, tt.asked, tt.waits)
			}
			if len(goes(out)) > 0 {
				t.Errorf("%v go", goes(out))
			}
		})
	}
}

// TestAskedEverMoreRarely: Graph is asked at once, and then after a minute, four, and so
// on up to a day. A question for which there was no room does not count as asked.
func TestAskedEverMoreRarely(t *testing.T) {
	s := of(refs(1, 9), cloud(directory.Whole, people(1)...))
	s.MayAsk = false
	out := s.decide(t)
	if len(out.Ask.Groups) > 0 || out.Record.Reread != (record.Tries{}) || out.Counts.Asks != 1 || !out.Wake.Equal(now) {
		t.Errorf("without room: asked %+v, tries %+v, wakes %s", out.Ask, out.Record.Reread, out.Wake)
	}
	s.MayAsk = true
	var waits []time.Duration
	for range 8 {
		out = s.decide(t)
		until := out.Record.Reread.Until
		if len(out.Ask.Groups) != 1 || !out.Wake.Equal(until) {
			t.Fatalf("at %s: asked %+v, wakes %s, want at %s", s.Now, out.Ask, out.Wake, until)
		}
		waits = append(waits, until.Sub(s.Now))
		s.Record, s.Now = out.Record, until.Add(-1)
		if out := s.decide(t); len(out.Ask.Groups) > 0 || out.Record.Reread != s.Record.Reread || out.Counts.Asks != 1 || !out.Wake.Equal(until) {
			t.Fatalf("too early: asked %+v, tries %+v, wakes %s", out.Ask, out.Record.Reread, out.Wake)
		}
		s.Now = until
	}
	m := time.Minute
	if diff := cmp.Diff([]time.Duration{m, 4 * m, 16 * m, 64 * m, 256 * m, 1024 * m, 24 * time.Hour, 24 * time.Hour}, waits); diff != "" {
		t.Errorf("waits -want +got:\n%s", diff)
	}
	s.Cloud = cloud(directory.Named, people(1)...)
	if out := s.decide(t); out.Record.Reread != (record.Tries{}) || out.Counts.Asks != 0 {
		t.Errorf("answered, and yet tries are %+v", out.Record.Reread)
	}
}

// TestAskedAtOnceWhenBackInSight: Graph left a group out for hours, and then tells of it
// again. What has to be known now is another question, which does not wait.
func TestAskedAtOnceWhenBackInSight(t *testing.T) {
	s := of(refs(1, 2, 9), cloud(directory.Whole, people(1, 2)...))
	s.Cloud.Gone = directory.Unlisted
	for range 5 {
		out := s.decide(t)
		s.Record, s.Now = out.Record, out.Record.Reread.Until
	}
	s.Now = s.Now.Add(-time.Hour)
	if out := s.decide(t); len(out.Ask.Groups) > 0 || out.Record.Reread != s.Record.Reread {
		t.Fatalf("set-up: asked %+v, tries %+v", out.Ask, out.Record.Reread)
	}
	s.Cloud = cloud(directory.Partial, people(1)...)
	if out := s.decide(t); len(out.Ask.Groups) != 1 || out.Counts.Unproven != 2 || out.Record.Reread.Count != 1 {
		t.Errorf("asked %+v, unproven %d, tries %+v; want the group at once", out.Ask, out.Counts.Unproven, out.Record.Reread)
	}
}

// TestManyUndescribed: of very many members of whom nobody knows who they are some are
// asked for at a time, and others the next time, until all were.
func TestManyUndescribed(t *testing.T) {
	s := of(none(), cloud(directory.Named, as(func(m *directory.Member) { m.Standing, m.SID = directory.Unseen, "" }, people(upTo(120)...))...))
	asked := map[directory.ID]bool{}
	for range 3 {
		out := s.decide(t)
		if n := len(out.Ask.Principals); n == 0 || n > 50 {
			t.Fatalf("%d are asked for at once", n)
		}
		for _, m := range out.Ask.Principals {
			asked[m.ID] = true
		}
		s.Record, s.Now = out.Record, out.Wake
	}
	if len(asked) != 120 {
		t.Errorf("%d of 120 were asked for in three times", len(asked))
	}
}

// TestContradicts: whatever led there, nobody is taken out who is a member in the cloud.
func TestContradicts(t *testing.T) {
	g := left(cloud(directory.Named, append(people(1), nested(child))...), people(2)...)
	remove := func(rs ...plan.Ref) plan.Change { return plan.Change{Op: plan.Update, Group: staff, Remove: rs} }
	tests := []struct {
		name   string
		change plan.Change
		cloud  *directory.Group
		want   string
	}{
		{"who left", remove(refs(2)...), g, ""},
		{"a stranger", remove(refs(9)...), g, ""},
		{"a member", remove(refs(1)...), g, "it would remove S-1-5-21-1-2-3-1001, who is a member in the cloud"},
		{"a member among others", remove(refs(1, 2, 9)...), g, "it would remove S-1-5-21-1-2-3-1001, who is a member in the cloud"},
		{"a nested group", remove(plan.GroupRef(child)), g, "it would remove " + string(plan.GroupRef(child)) + ", who is a member in the cloud"},
		{"a nested group by its SID", remove("S-1-5-21-1-2-3-7777"), g, "it would remove S-1-5-21-1-2-3-7777, who is a member in the cloud"},
		{"a member comes", plan.Change{Op: plan.Update, Group: staff, Add: refs(1)}, g, ""},
		{"of a group that nobody described", remove(refs(1)...), nil, ""},
	}
	for _, tt := range tests {
		if got := decision.Contradicts(tt.change, tt.cloud, func(id directory.ID) *record.Group { return &record.Group{ID: id, SID: "S-1-5-21-1-2-3-7777"} }); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSIDOfAnAccount: the agent says that a nested group has the SID of one of the users. He
// is the one who stands there, and the group is still to come.
func TestSIDOfAnAccount(t *testing.T) {
	s := of(refs(1, 2), cloud(directory.Named, append(people(1, 2), nested(child))...))
	s.kin[child] = &record.Group{ID: child, SID: sid(1), Observed: &plan.Group{ID: child}}
	got := drafted(s.decide(t))
	if len(got) != 1 || len(got[0].Remove) > 0 || !slices.Equal(got[0].Add, []plan.Ref{plan.GroupRef(child)}) {
		t.Errorf("to be done: %+v; want that the group comes", got)
	}
}

// TestAdditive: strangers stay, and are told. Who left the cloud goes all the same; of whom
// it is in doubt whether he left the whole stays, and it is asked.
func TestAdditive(t *testing.T) {
	additive := *all
	additive.Members.Additive = true
	s := of(refs(1, 2, 3, 8, 9), left(cloud(directory.Named, people(1, 2)...), people(3)...)).with(func(s *scene) { s.rules = &additive })
	out := s.decide(t)
	if got := goes(out); !slices.Equal(got, refs(3)) {
		t.Errorf("%v go, want him who left", got)
	}
	if p := out.Record.Problems; len(p) != 1 || p[0].Reason != decision.Foreign || !strings.Contains(p[0].Text, "2, "+string(refs(8)[0])) {
		t.Errorf("problems %+v", p)
	}
	s = of(refs(1, 2, 3, 8), cloud(directory.Whole, people(1, 2)...)).with(func(s *scene) {
		s.rules, s.Doubtful, s.Parts = &additive, people(3), []directory.ID{staff, child}
	})
	out = s.decide(t)
	if got := goes(out); len(got) > 0 || out.Counts.Unproven != 1 {
		t.Errorf("in doubt: %v go, %d unproven", got, out.Counts.Unproven)
	}
	if got := out.Ask.Groups; !slices.Contains(got, staff) || !slices.Contains(got, child) || len(got) != 2 {
		t.Errorf("asked for are %v, want both parts, each once", got)
	}
	s.Cloud = left(cloud(directory.Named, people(1, 2)...), people(3)...)
	s.Doubtful, s.Parts = nil, nil
	if got := goes(s.decide(t)); !slices.Equal(got, refs(3)) {
		t.Errorf("certain: %v go, want him who left", got)
	}
}

// TestDescribeOthers: who is no member, and has to be described for something else, is asked for,
// and keeps nobody from being a stranger.
func TestDescribeOthers(t *testing.T) {
	owner := directory.Member{ID: directory.ID{9}, Kind: directory.User}
	cloud := &directory.Group{ID: directory.ID{1}, Reading: directory.Named}
	in := decision.Input{
		Record: record.Group{ID: cloud.ID, Observed: &plan.Group{ID: cloud.ID, Links: plan.Members("S-1-5-21-1-2-3-1101")}},
		Cloud:  cloud, Limits: plan.DefaultLimits(), MayAsk: true,
		Wish: func(*plan.Group, []plan.Clash) plan.Wish {
			return plan.Wish{Event: life.Wanted, Group: &plan.Group{ID: cloud.ID}, Describe: []directory.Member{owner}}
		},
		Kin: func(id directory.ID) *record.Group { return &record.Group{ID: id} },
	}
	out := decision.Decide(in)
	if len(out.Ask.Principals) != 1 || out.Ask.Principals[0] != owner {
		t.Errorf("asked for %v", out.Ask.Principals)
	}
	if out.Counts.Pending[plan.Removals] != 1 || out.Counts.Unproven > 0 {
		t.Errorf("the stranger stays: %+v", out)
	}
}
