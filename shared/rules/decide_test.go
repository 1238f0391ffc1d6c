package rules_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

var (
	id     = directory.ID{1, 11: 0xab, 15: 0x0c}
	suffix = "_00ab0000000c" // the last part of the id's text, as Cloud Sync writes it
	all    = &rules.Rules{OU: "OU=x", Scope: rules.Scope{All: true}}
	forest = rules.Target{Domains: []directory.SID{"S-1-5-21-1-2-3", "S-1-5-21-4-5-6"}, External: true}
)

// props are those of a group in scope, changed by pairs; an empty value is null.
func props(pairs ...string) directory.Properties {
	p := directory.Properties{"displayName": {"Sales"}, "securityEnabled": {"true"}, "mailEnabled": {"false"}}
	for pair := range slices.Chunk(pairs, 2) {
		if delete(p, pair[0]); pair[1] != "" {
			p[pair[0]] = []string{pair[1]}
		}
	}
	return p
}

func nobody(directory.ID) rules.Nested { return rules.Nested{} }

func TestMapping(t *testing.T) {
	tests := []struct {
		name, display, cn, account string
	}{
		{"plain", "Sales", "Sales", "Sales"},
		{"51 units", strings.Repeat("a", 51), strings.Repeat("a", 51), strings.Repeat("a", 51)},
		{"52 units", strings.Repeat("a", 52), strings.Repeat("a", 51), strings.Repeat("a", 51)},
		{"a pair at the cut", strings.Repeat("a", 50) + "🙂x", strings.Repeat("a", 50), strings.Repeat("a", 50)},
		{"pairs", strings.Repeat("🙂", 30), strings.Repeat("🙂", 25), strings.Repeat("🙂", 25)},
		{"not counted in bytes", strings.Repeat("ü", 51), strings.Repeat("ü", 51), strings.Repeat("ü", 51)},
		{"spaces around", "  Sales  EMEA ", "Sales  EMEA", "Sales  EMEA"},
		{"a space at the cut, as Cloud Sync leaves it", strings.Repeat("a", 50) + " b", strings.Repeat("a", 50) + " ", strings.Repeat("a", 50) + " "},
		{"a slash", "R/D", "R/D", "R_D"},
		{"a comma", "Sales, EMEA", "Sales, EMEA", "Sales_ EMEA"},
		{"all that AD refuses in an account", `"/\[]:;|=,+*?<>@`, `"/\[]:;|=,+*?<>@`, "________________"},
		{"a control character becomes a blank: Active Directory takes none in a name", "a\tb", "a b", "a b"},
		{"what nobody sees", "\u202eSa\u200bles\ufeff", "Sales", "Sales"},
		{"a hash in front", "#1", "#1", "#1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := all.Decide(id, &directory.Group{ID: id, Props: props("displayName", tt.display)}, nil, nobody, forest)
			want := &plan.Group{ID: id, Parent: "OU=x", Name: tt.cn + suffix, Attrs: map[string][]string{
				"adminDescription": {plan.Mark(id)}, "msDS-ExternalDirectoryObjectId": {plan.Mark(id)},
				"displayName": {tt.display}, "groupType": {"-2147483640"}, "sAMAccountName": {tt.account + suffix}}}
			if diff := cmp.Diff(plan.Wish{Group: want, Event: life.Wanted}, d); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if n := len(utf16.Encode([]rune(d.Group.Name))); n > 64 {
				t.Errorf("a cn of %d units, Active Directory takes 64", n)
			}
			dn := plan.JoinRDN(d.Group.Name, d.Group.Parent)
			if name, parent, ok := plan.SplitRDN(dn); !ok || name != d.Group.Name || parent != "OU=x" {
				t.Errorf("its DN %s reads as %q below %q", dn, name, parent)
			}
			for name := range d.Group.Attrs {
				if !slices.Contains(all.Attributes(), name) {
					t.Errorf("%s is decided and not read", name)
				}
			}
		})
	}
}

// TestMarks: both marks are a part of the wish, so that one that somebody cleared is
// written again; the second only where the schema has it.
func TestMarks(t *testing.T) {
	const first, second = "adminDescription", "msDS-ExternalDirectoryObjectId"
	g := &directory.Group{ID: id, Props: props()}
	for external, want := range map[bool][]string{true: {plan.Mark(id)}, false: nil} {
		d := all.Decide(id, g, nil, nobody, rules.Target{Domains: forest.Domains, External: external})
		if got := d.Group.Attrs; !slices.Equal(got[first], []string{plan.Mark(id)}) || !slices.Equal(got[second], want) {
			t.Errorf("the schema has it: %t; the marks are %q and %q, want the second %q", external, got[first], got[second], want)
		}
	}
}

func TestDescription(t *testing.T) {
	tests := map[string]string{
		"":                             "",
		"  ":                           "",
		"The team":                     "The team",
		" The team ":                   "The team",
		strings.Repeat("a", 448):       strings.Repeat("a", 448),
		strings.Repeat("a", 449):       strings.Repeat("a", 448),
		strings.Repeat("a", 447) + "🙂": strings.Repeat("a", 447),
	}
	for text, want := range tests {
		d := all.Decide(id, &directory.Group{ID: id, Props: props("description", text)}, nil, nobody, forest)
		got := d.Group.Attrs["description"]
		if want == "" && got != nil || want != "" && !slices.Equal(got, []string{want}) {
			t.Errorf("description %q becomes %q, want %q", text, got, want)
		}
	}
}

func TestScope(t *testing.T) {
	list := &rules.Rules{OU: "OU=x", Scope: rules.Scope{Groups: map[directory.ID]bool{id: true}}}
	other := &rules.Rules{OU: "OU=x", Scope: rules.Scope{Groups: map[directory.ID]bool{{9}: true}}}
	const listed = true
	tests := []struct {
		name    string
		rules   *rules.Rules
		props   directory.Properties
		reason  string // why it is not in scope
		problem bool   // and whether that is told where AD holds nothing
	}{
		{"all", all, props(), "", false},
		{"listed", list, props(), "", false},
		{"not listed", other, props(), rules.NotListed, false},
		{"mastered on premises", all, props("onPremisesSyncEnabled", "true"), rules.MasteredOnPremises, false},
		{"mastered on premises, and listed", list, props("onPremisesSyncEnabled", "true"), rules.MasteredOnPremises, listed},
		{"no security group", all, props("securityEnabled", "false"), rules.NotSecurity, false},
		{"not said to be a security group", list, props("securityEnabled", ""), rules.NotSecurity, listed},
		{"mail", list, props("mailEnabled", "true"), rules.ExchangeGroup, listed},
		{"roles", list, props("isAssignableToRole", "true"), rules.RoleAssignable, listed},
		{"converted", all, props("onPremisesSecurityIdentifier", "S-1-5-21-1-2-3-1101"), rules.Converted, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &directory.Group{ID: id, Props: tt.props}
			ok, reason := tt.rules.InScope(g, nobody)
			if ok != (tt.reason == "") || reason != tt.reason {
				t.Errorf("InScope = %t, %q; want %q", ok, reason, tt.reason)
			}
			d := tt.rules.Decide(id, g, nil, nobody, forest)
			if (d.Group != nil) != ok {
				t.Errorf("want %v, in scope: %t", d.Group, ok)
			}
			if told := len(d.Problems) == 1 && d.Problems[0] == (plan.Problem{Group: id, Reason: tt.reason}); told != tt.problem || len(d.Problems) > 1 {
				t.Errorf("problems %v, want %q told: %t", d.Problems, tt.reason, tt.problem)
			}
		})
	}
}

func TestNoName(t *testing.T) {
	for _, name := range []string{"", "   "} {
		have := &plan.Group{ID: id, Name: "Sales", Members: []plan.Ref{"S-1-5-21-1-2-3-1101"}}
		d := all.Decide(id, &directory.Group{ID: id, Props: props("displayName", name)}, have, nobody, forest)
		if diff := cmp.Diff(plan.Wish{Event: life.Wanted, Problems: []plan.Problem{{Group: id, Reason: rules.NoName}}}, d); diff != "" {
			t.Errorf("name %q: -want +got:\n%s", name, diff)
		}
	}
}

// TestHidden: who is in a group of hidden membership is unknown, or nothing for
// Active Directory. Unknown is not empty: nobody goes, and nothing is made.
func TestHidden(t *testing.T) {
	have := &plan.Group{ID: id, Name: "Old name", Members: []plan.Ref{"S-1-5-21-1-2-3-1101", "guid:0b1c"}}
	before := have.Clone()
	user := directory.Member{ID: directory.ID{2}, Kind: directory.User, Standing: directory.Synced, SID: "S-1-5-21-1-2-3-1102"}
	for _, tt := range []struct {
		name, visibility string
		unread           bool
		reason           string
	}{
		{"not told", "HiddenMembership", true, rules.HiddenMembership},
		{"told", "HiddenMembership", false, rules.WouldPublish},
		{"told, in the other spelling", "Hiddenmembership", false, rules.WouldPublish},
		{"public now, and not enumerated since", "Public", true, rules.HiddenMembership},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &directory.Group{ID: id, Props: props("visibility", tt.visibility), Unread: tt.unread, Members: []directory.Member{user}}
			problems := []plan.Problem{{Group: id, Reason: tt.reason}}
			if diff := cmp.Diff(plan.Wish{Event: life.Wanted, Problems: problems}, all.Decide(id, g, nil, nobody, forest)); diff != "" {
				t.Errorf("where AD holds nothing: -want +got:\n%s", diff)
			}
			d := all.Decide(id, g, have, nobody, forest)
			if diff := cmp.Diff(problems, d.Problems); diff != "" {
				t.Errorf("problems -want +got:\n%s", diff)
			}
			if d.Group == nil || !slices.Equal(d.Group.Members, have.Members) || d.Group.Name != "Sales"+suffix {
				t.Errorf("want %+v: the name is the cloud's, the members are AD's", d.Group)
			}
			if diff := cmp.Diff(before, *have); diff != "" {
				t.Errorf("what is there was modified: %s", diff)
			}
		})
	}
	if d := all.Decide(id, &directory.Group{ID: id, Props: props("visibility", "Private"), Members: []directory.Member{user}}, have, nobody, forest); len(d.Problems) > 0 || !slices.Equal(d.Group.Members, []plan.Ref{plan.SIDRef(user.SID)}) {
		t.Errorf("a private group: %+v", d)
	}
}

// TestUnwanted: of a group that is not to be there any more the rules say what has become of
// it, and nothing of how it is to be.
func TestUnwanted(t *testing.T) {
	have := &plan.Group{ID: id, GUID: "g", Parent: "OU=elsewhere", Name: "Renamed by hand", Attrs: map[string][]string{"description": {"x"}, "info": {"old"}},
		Members: []plan.Ref{"S-1-5-21-1-2-3-1101", "guid:0b1c"}}
	before := have.Clone()
	group := func(gone directory.Removal, pairs ...string) *directory.Group {
		return &directory.Group{ID: id, Props: props(pairs...), Gone: gone}
	}
	unlisted := func(r directory.Reading) *directory.Group {
		g := group(directory.Unlisted)
		g.Reading = r
		return g
	}
	tests := []struct {
		name   string
		group  *directory.Group
		event  life.Event
		reason string
	}{
		{"not listed by Graph, and not by name either", unlisted(directory.Named), life.HardDeleted, rules.GroupGone},
		{"soft-deleted", group(directory.SoftDeleted), life.SoftDeleted, rules.GroupDeleted},
		{"deleted", group(directory.Deleted), life.HardDeleted, rules.GroupDeleted},
		{"out of scope", group("", "securityEnabled", "false"), life.OutOfScope, rules.OutOfScope},
		{"synchronised from Active Directory", group("", "securityEnabled", "true", "mailEnabled", "false", "onPremisesSyncEnabled", "true"), life.Mastered, rules.MasteredOnPremises},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := all.Decide(id, tt.group, have, nobody, forest)
			want := plan.Wish{Event: tt.event, Fate: life.Keep, Reason: tt.reason, Note: rules.Explain(tt.reason), Problems: []plan.Problem{{Group: id, Reason: tt.reason}}}
			if diff := cmp.Diff(want, d); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if d := all.Decide(id, tt.group, nil, nobody, forest); d.Group != nil || len(d.Problems) > 0 {
				t.Errorf("where AD holds nothing: %+v, want nothing", d)
			}
			if diff := cmp.Diff(before, *have); diff != "" {
				t.Errorf("what is there was modified: %s", diff)
			}
		})
	}
	// A journal that was restored, an enumeration that lost a page, a Graph that is
	// behind: one of them alone retires no group.
	for name, g := range map[string]*directory.Group{
		"never described": nil,
		"not listed, and not asked for by name yet": unlisted(directory.Whole),
		"not listed, of a group known by deltas":    unlisted(directory.Partial),
	} {
		t.Run(name+": left alone", func(t *testing.T) {
			d := all.Decide(id, g, have, nobody, forest)
			if diff := cmp.Diff(plan.Wish{Event: life.Unsure, Problems: []plan.Problem{{Group: id, Reason: rules.Unconfirmed}}}, d); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if d := all.Decide(id, g, nil, nobody, forest); d.Group != nil || len(d.Problems) > 0 {
				t.Errorf("where AD holds nothing: %+v, want nothing", d)
			}
		})
	}
	t.Run("converted: left alone", func(t *testing.T) {
		d := all.Decide(id, group("", "onPremisesSecurityIdentifier", "S-1-5-21-1-2-3-1101"), have, nobody, forest)
		if d.Group != nil || len(d.Problems) != 1 || d.Problems[0].Reason != rules.Converted {
			t.Errorf("got %+v, want nothing done and a problem", d)
		}
	})
	t.Run("back again: the note goes", func(t *testing.T) {
		d := all.Decide(id, group(""), have, nobody, forest)
		if d.Group == nil || d.Group.Attrs["info"] != nil {
			t.Errorf("got %+v, want the group without a note", d.Group)
		}
	})
}

// Every reason that people may read is a sentence, and AD takes the note.
func TestExplain(t *testing.T) {
	for _, reason := range []string{
		rules.NotListed, rules.MasteredOnPremises, rules.NotSecurity, rules.ExchangeGroup, rules.RoleAssignable, rules.Converted, rules.NoName, rules.GroupDeleted,
		rules.GroupGone, rules.OutOfScope, rules.NestedOutOfScope, rules.UnsupportedKind, rules.ForeignSID, rules.ReservedSID, rules.NotSeen,
		rules.HiddenMembership, rules.WouldPublish, rules.Unconfirmed, rules.NewWithoutSID,
		string(directory.CloudOnly), string(directory.Guest), string(directory.LostSID), string(directory.LostSoft), string(directory.LostForGood),
	} {
		if text := rules.Explain(reason); text == "" || len(text) > 900 {
			t.Errorf("%s is explained by %q", reason, text)
		}
		if got := rules.Describe(plan.Problem{Reason: reason}); got != rules.Explain(reason) {
			t.Errorf("%s is described by %q", reason, got)
		}
	}
	if got := rules.Describe(plan.Problem{Reason: string(directory.Guest), Text: "said by the agent"}); got != "said by the agent" {
		t.Errorf("a problem with a text is described by %q", got)
	}
	if got := rules.Describe(plan.Problem{Reason: "new"}); got != "reason new" {
		t.Errorf("an unknown reason is described by %q", got)
	}
}
