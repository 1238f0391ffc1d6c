package explain

import (
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// TestStateTexts is each state of a member, and of a group, in the words that people are told.
func TestStateTexts(t *testing.T) {
	texts := &golden.Texts{}
	for _, s := range States() {
		lines := Describe(Member{Name: "Anna", Kind: directory.Device, State: s, Text: "WHY", Hold: "0123456789ab"}, nil, nil).Lines
		if len(lines) != 1 {
			t.Fatalf("%s: %q", s, lines)
		}
		texts.Add(string(s) + ": " + lines[0])
	}
	for _, s := range life.States() {
		texts.Add(string(s) + ": " + inWords(facts(t, plain, record.Group{}, nil, nil), Explanation{State: s}))
	}
	texts.Hold(t, "states")
}

// TestMemberReasons is each reason of a member that is no problem of the group.
func TestMemberReasons(t *testing.T) {
	device := directory.Member{ID: id(5), Kind: directory.Device, Standing: directory.Synced, SID: sid(5)}
	nested := directory.Member{ID: id(6), Kind: directory.GroupKind, Standing: directory.CloudOnly}
	opened := facts(t, plain+"members: {nested: flatten}\n", record.Group{}, nil, nil)
	opened.Cloud = &directory.Group{ID: id(99), Members: []directory.Member{nested}} // the rules look at those who are in it
	unmanaged := facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1), ref(2))
	unmanaged.Wish, unmanaged.Out.Draft = plan.Wish{}, nil
	texts := &golden.Texts{}
	for _, test := range []struct {
		reason string
		facts  Facts
	}{
		{LeftOutByRules, facts(t, plain+"members: {kinds: [users]}\n", record.Group{}, []directory.Member{device}, nil)},
		{Opened, opened},
		{NotManaged, unmanaged},
		{LeftGroup, facts(t, plain, record.Group{}, []directory.Member{user(1)}, []directory.Member{user(2)}, ref(1), ref(2))},
		{Unknown, facts(t, plain, record.Group{}, []directory.Member{user(1)}, nil, ref(1), ref(2))},
		{Additive, facts(t, plain+"members: {mode: additive}\n", record.Group{}, []directory.Member{user(1)}, nil, ref(1), ref(2))},
	} {
		told := false
		for _, m := range Members(test.facts) {
			if m.Reason == test.reason {
				told = true
				texts.Add(test.reason + ": " + m.Text)
			}
		}
		if !told {
			t.Errorf("%s: the members are %+v", test.reason, Members(test.facts))
		}
	}
	texts.Hold(t, "reasons")
}
