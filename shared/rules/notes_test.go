package rules_test

import (
	"slices"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
)

// TestNotes: what a file allows and perhaps does not mean is said.
func TestNotes(t *testing.T) {
	for text, want := range map[string][]string{
		"scope: all\n": nil,
		"scope: [11111111-0000-4000-8000-000000000001]\n": nil,
		"scope: []\n": {"scope is an empty list: no group is written"},
		"scope: all\nlimits: {member_share: 100, share: 100, growth_share: 1000}\n": {
			"limits.member_share is 100: no limit keeps a group from losing all but one of its members",
			"limits.share is 100: no limit keeps all memberships from being removed and all groups from being retired",
			"limits.growth_share is 1000: no limit keeps memberships from growing tenfold",
		},
		"scope: all\nlimits: {member_share: 99, share: 99, growth_share: 999}\n": nil,
	} {
		r, err := rules.Parse([]byte("ou: OU=x,DC=corp\n" + text))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Notes(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestScopeInShort: what is in scope as people read it in one line.
func TestScopeInShort(t *testing.T) {
	of := directory.ID{1}
	for want, scope := range map[string]rules.Scope{
		"all":                       {All: true},
		"0 groups":                  {},
		"2 groups":                  {Groups: map[directory.ID]bool{{2}: true, {3}: true}},
		"members of " + of.String(): {MembersOf: of},
		"1 groups, and members of " + of.String(): {Groups: map[directory.ID]bool{{2}: true}, MembersOf: of},
	} {
		if got := scope.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
