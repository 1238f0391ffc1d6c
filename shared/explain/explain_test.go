package explain

import (
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/decision"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
	"groupwriteback/shared/rules"
)

var now = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func id(n byte) directory.ID { return directory.ID{n} }
func sid(n byte) directory.SID {
	return directory.SID("S-1-5-21-1-2-3-11" + string('0'+n/10) + string('0'+n%10))
}
func ref(n byte) plan.Ref { return plan.SIDRef(sid(n)) }

func user(n byte) directory.Member {
	return directory.Member{ID: id(n), Kind: directory.User, Standing: directory.Synced, SID: sid(n)}
}

// facts are those of a group with these members in the cloud and in Active Directory, decided
// by rules.
func facts(t *testing.T, text string, r record.Group, cloud []directory.Member, left []directory.Member, ad ...plan.Ref) Facts {
	t.Helper()
	rs, err := rules.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{ID: id(99), Rules: rs, Record: r, Cloud: &directory.Group{ID: id(99), Reading: directory.Named, Members: cloud, Left: left,
		Props: directory.Properties{"displayName": {"Sales"}, "securityEnabled": {"true"}}}}
	f.Record.ID, f.Record.Converged = id(99), true
	if ad != nil {
		f.Record.Observed = &plan.Group{ID: id(99), GUID: "g", Parent: rs.OU, Name: "Sales", Attrs: map[string][]string{}, Links: plan.Members(ad...)}
	}
	none := func(directory.ID) *directory.Group { return nil }
	nested := func(directory.ID) rules.Nested { return rules.Nested{} }
	f.View = rs.View(f.Cloud, none).Group
	f.Verdict = rs.Judge(f.View, nested)
	f.Line, f.Source = rules.Where([]byte(text), f.Verdict.Key, f.ID)
	f.Out = decision.Decide(decision.Input{Record: f.Record, Cloud: f.View, Kin: func(id directory.ID) *record.Group { return &record.Group{ID: id} }, Limits: rs.Limits, Now: now,
		Wish: func(observed *plan.Group, taken []plan.Clash) plan.Wish {
			f.Observed, f.Wish = observed, rs.Decide(f.ID, f.View, observed, nested, rules.Target{Domains: []directory.SID{"S-1-5-21-1-2-3"}, Clashes: taken})
			return f.Wish
		}})
	return f
}

const plain = "ou: OU=x,DC=corp,DC=test\nscope: all\n"

// TestMembers: each state of a member is told, with its reason.
func TestMembers(t *testing.T) {
	guest := directory.Member{ID: id(7), Kind: directory.User, Standing: directory.Guest}
	cloudOnly := directory.Member{ID: id(8), Kind: directory.User, Standing: directory.CloudOnly}
	foreign := directory.Member{ID: id(9), Kind: directory.User, Standing: directory.Synced, SID: "S-1-5-21-9-9-9-1200"}
	device := directory.Member{ID: id(6), Kind: directory.Device, Standing: directory.Synced, SID: sid(6)}
	lost := directory.Member{ID: id(5), Kind: directory.User, Standing: directory.LostSID, SID: sid(5)}
	parked := record.Group{Parked: []record.Parked{{Tries: record.Tries{Count: 1, Until: now.Add(time.Hour)}, Kind: plan.Adding, Ref: ref(1), Text: "AD says no"}}}
	many := []plan.Ref{}
	var leavers []directory.Member
	for n := range byte(12) {
		many, leavers = append(many, ref(n+20)), append(leavers, user(n+20))
	}
	held := facts(t, plain, record.Group{}, []directory.Member{user(20)}, leavers[1:], many...)
	held.Holds = []Hold{{Limit: "group", ID: "h1", Text: "too many", Refs: many[1:]}}
	over := facts(t, plain, record.Group{}, []directory.Member{user(1), user(2)}, nil, ref(1))
	over.Holds = []Hold{{Limit: string(plan.Additions), ID: "h2", Text: "too much", Refs: []plan.Ref{ref(2)}}}
	planned := facts(t, plain, record.Group{}, []directory.Member{user(1), user(2)}, nil, ref(1))
	planned.Planned = true
	paused := facts(t, plain, record.Group{}, []directory.Member{user(1), user(2)}, nil, ref(1))
	paused.Idle = "nothing is written: it is paused"
	for name, test := range map[string]struct {
		f            Facts
		who          byte
		ref          plan.Ref
		want         State
		reason, text string
	}{
		"written":         {f: facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1)), who: 1, want: Written},
		"to be written":   {f: facts(t, plain, record.Group{}, []directory.Member{user(1), user(2)}, nil, ref(1)), who: 2, want: Waiting, text: "next plan"},
		"paused":          {f: paused, who: 2, want: Waiting, text: "paused"},
		"issued":          {f: planned, who: 2, want: Issued, text: "agent"},
		"a guest":         {f: facts(t, plain, record.Group{}, []directory.Member{user(1), guest}, nil, ref(1)), who: 7, want: Excluded, reason: "guest", text: "guest"},
		"cloud only":      {f: facts(t, plain, record.Group{}, []directory.Member{user(1), cloudOnly}, nil, ref(1)), who: 8, want: Excluded, reason: "cloud-only"},
		"another forest":  {f: facts(t, plain, record.Group{}, []directory.Member{user(1), foreign}, nil, ref(1)), who: 9, want: Excluded, reason: rules.ForeignSID},
		"left out":        {f: facts(t, plain+"members: {kinds: [users, groups]}\n", record.Group{}, []directory.Member{user(1), device}, nil, ref(1)), who: 6, want: Excluded, reason: LeftOutByRules, text: "members"},
		"lost its SID":    {f: facts(t, plain, record.Group{}, []directory.Member{lost}, nil, ref(5)), who: 5, want: Written, reason: "lost-sid"},
		"refused":         {f: facts(t, plain, parked, []directory.Member{user(1), user(2)}, nil, ref(2)), who: 1, want: Refused, reason: "refused", text: "AD says no"},
		"leaves":          {f: facts(t, plain, record.Group{}, []directory.Member{user(1)}, []directory.Member{user(2)}, ref(1), ref(2)), ref: ref(2), want: Leaving, reason: LeftGroup},
		"held":            {f: held, ref: ref(25), want: Held, reason: LeftGroup, text: "too many"},
		"held over all":   {f: over, who: 2, want: Held, text: "too much"},
		"a stranger":      {f: facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1), ref(3)), ref: ref(3), want: Leaving, reason: Unknown},
		"additive":        {f: facts(t, plain+"members: {mode: additive}\n", record.Group{}, []directory.Member{user(1)}, nil, ref(1), ref(3)), ref: ref(3), want: Kept, reason: Additive},
		"to be read":      {f: facts(t, plain, record.Group{Stale: true}, []directory.Member{user(1), user(2)}, nil, ref(1)), who: 2, want: Stale, text: "read"},
		"out of scope":    {f: facts(t, "ou: OU=x,DC=corp,DC=test\nscope: ["+id(1).String()+"]\n", record.Group{}, []directory.Member{user(1)}, nil), who: 1, want: Excluded, reason: rules.NotListed},
		"nobody's member": {f: facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1)), who: 44, want: NotMember},
	} {
		t.Run(name, func(t *testing.T) {
			var who directory.ID
			if test.ref == "" {
				who = id(test.who)
			}
			m := Of(test.f, who, test.ref)
			if m.State != test.want || m.Reason != test.reason || !strings.Contains(m.Text, test.text) {
				t.Errorf("%+v; want %s, %q, %q", m, test.want, test.reason, test.text)
			}
			if lines := Describe(m, nil, nil).Lines; len(lines) == 0 || strings.Contains(strings.Join(lines, " "), "%!") {
				t.Errorf("in words: %q", lines)
			}
		})
	}
}

// TestScope: it is told by which line of the rules a group is in, or is not.
func TestScope(t *testing.T) {
	head := "ou: OU=x,DC=corp,DC=test\n"
	for name, test := range map[string]struct {
		rules, key string
		line       int
		in         bool
	}{
		"all":         {head + "scope: all\n", "scope.groups", 2, true},
		"listed":      {head + "scope:\n  - " + id(1).String() + "\n  - " + id(99).String() + "\n", "scope.groups", 4, true},
		"listed long": {head + "scope:\n  groups:\n    - " + id(99).String() + "\n", "scope.groups", 4, true},
		"not listed":  {head + "scope:\n  - " + id(1).String() + "\n", "scope.groups", 2, false},
		"a filter":    {head + "scope:\n  groups: all\n  where:\n    - displayName EQUALS HR\n    - displayName EQUALS Sales\n", "scope.where[1]", 6, true},
		"no filter":   {head + "scope:\n  groups: all\n  where:\n    - displayName EQUALS HR\n", "scope.where", 4, false},
		"excepted":    {head + "scope:\n  groups: all\n  except:\n    - " + id(99).String() + "\n", "scope.except", 5, false},
		"its kind":    {head + "scope: all\nkinds:\n  microsoft365: distribution\nmail: none\n", "kinds", 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := Group(facts(t, test.rules, record.Group{}, []directory.Member{user(1)}, nil))
			if e.Scope.In != test.in || e.Scope.Rule != test.key || e.Scope.Line != test.line || e.Scope.In == (e.Scope.Reason != "") {
				t.Errorf("%+v; want in %v, by %s, line %d", e.Scope, test.in, test.key, test.line)
			}
			if want := strings.TrimSpace(strings.Split(test.rules, "\n")[test.line-1]); e.Scope.Source != want || !strings.Contains(e.Lines[0], want) {
				t.Errorf("%q, %q; want %q", e.Scope.Source, e.Lines[0], want)
			}
		})
	}
}

// TestAttributes: of each attribute it is told what made it, and what is otherwise in Active
// Directory.
func TestAttributes(t *testing.T) {
	e := Group(facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1)))
	at := slices.IndexFunc(e.Attributes, func(d Derived) bool { return d.Attribute == "displayName" })
	if at < 0 {
		t.Fatalf("%+v", e.Attributes)
	}
	d := e.Attributes[at]
	if d.Expression != "[displayName]" || !slices.Equal(d.From["displayName"], []string{"Sales"}) || !slices.Equal(d.Values, []string{"Sales"}) || d.Now != nil || !strings.Contains(d.Text, "next plan") {
		t.Errorf("%+v", d)
	}
	if e.Container == nil || e.Container.Values[0] != "OU=x,DC=corp,DC=test" || e.State != life.Written || e.Counts[string(Written)] != 1 || len(e.Changes) == 0 {
		t.Errorf("%+v", e)
	}
}

// TestPaths: all ways to a member are found, the shortest first, and circles end.
func TestPaths(t *testing.T) {
	above := map[directory.ID][]directory.ID{id(1): {id(10), id(11), id(99)}, id(10): {id(99)}, id(11): {id(12)}, id(12): {id(11), id(99)}}
	got := Paths(id(99), id(1), above)
	want := [][]directory.ID{{id(99), id(1)}, {id(99), id(10), id(1)}, {id(99), id(12), id(11), id(1)}}
	if !slices.EqualFunc(got, want, slices.Equal[[]directory.ID]) {
		t.Errorf("%v; want %v", got, want)
	}
	lines := Describe(Member{ID: id(1), Name: "alice", State: Written, Kind: directory.User}, &Wrote{Op: "add", At: now, Batch: 7, DC: "dc1"}, [][]Step{{{ID: id(99)}, {ID: id(10), Name: "Inner"}, {ID: id(1)}}}).Lines
	all := strings.Join(lines, "\n")
	for _, want := range []string{"through Inner", "batch 7, on dc1", "logon ticket"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s\nhas no %q", all, want)
		}
	}
}

// TestWroteIn: what was refused wrote nothing.
func TestWroteIn(t *testing.T) {
	c := plan.Change{Op: plan.Update, Add: []plan.Ref{ref(1), ref(2)}}
	for _, test := range []struct {
		c    plan.Change
		res  plan.Result
		want string
	}{
		{c, plan.Result{Status: plan.Done}, "add"},
		{c, plan.Result{Status: plan.Done, Bad: []plan.BadRef{{Ref: ref(1)}}}, ""},
		{c, plan.Result{Status: plan.Refused}, ""},
		{plan.Change{Op: plan.Update, Remove: []plan.Ref{ref(1)}}, plan.Result{Status: plan.Done}, "remove"},
		{plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Add: []plan.Ref{ref(1)}}, plan.Result{Status: plan.Done}, ""},
	} {
		if got := WroteIn(test.c, test.res, []plan.Ref{ref(1)}); got != test.want {
			t.Errorf("%+v %+v: %q, want %q", test.c, test.res, got, test.want)
		}
	}
}

// TestInGroupsAlone: of somebody who comes into a group by another one it is not said that he is no member, and a
// domain controller is told by its name.
func TestInGroupsAlone(t *testing.T) {
	m := Member{Name: "Anna", State: NotMember, Text: "nobody says that it is a member"}
	way := [][]Step{{{Name: "All"}, {Name: "Sales"}, {Name: "Anna"}}}
	wrote := &Wrote{Op: "remove", Batch: 3, DC: "CN=NTDS Settings,CN=DC1,CN=Servers,CN=x"}
	got := strings.Join(Describe(m, wrote, way).Lines, "\n")
	want := "Anna is no direct member, as far as is known\nit comes into the group through Sales\nit was taken out at 0001-01-01T00:00:00Z, in batch 3, on DC1"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := Describe(m, nil, nil).Lines[0]; got != "Anna is no member: nobody says that it is a member" {
		t.Error(got)
	}
}
