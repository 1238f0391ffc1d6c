package main

import (
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestNeverInEveryForm: the policy holds for an object, however a plan names it. By a
// mark or a GUID it used to pass; one that nobody knows counts as forbidden.
func TestNeverInEveryForm(t *testing.T) {
	const guarded, other, unknown = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105", "the agent's policy names accounts under never, and whether this is one of them cannot be found out: " +
		"it is not there, or has no SID that the agent's account can see; add or remove it by hand"
	const never = "the agent's policy names it under never"
	mark, guid := plan.GroupRef(directory.ID{7}), plan.GUIDRef("11111111-2222-3333-4444-555555555555")
	for _, test := range []struct {
		ref  plan.Ref
		sid  directory.SID // that the directory says
		want string
	}{
		{guarded, "", never},
		{mark, guarded, never},
		{guid, guarded, never},
		{other, "", ""},
		{mark, other, ""},
		{guid, other, ""},
		{"mail:ann@partner.example", "", ""}, // a contact has no SID
		{mark, "", unknown},
		{guid, "", unknown},
		{"S-1-5-21-1-2-3-01104", "", unknown}, // the same account to a server, another text
		{"S-1-5-21-1-2-3-1104 ", "", unknown},
		{"CN=Guarded,DC=corp,DC=test", "", unknown},
	} {
		for _, removes := range []bool{false, true} {
			w := newWorld(t)
			w.policy.Never = []string{guarded}
			w.sids = map[plan.Ref]directory.SID{}
			if test.sid != "" {
				w.sids[test.ref] = test.sid
			}
			c := update(1, test.ref)
			if removes {
				c.Add, c.Remove = nil, c.Add
			}
			w.handOut(8, c)
			_, err := w.start().turn(t.Context())
			ok(t, err)
			done, bad := slices.Concat(w.applied[0].Add, w.applied[0].Remove), w.acks[0].Results[0].Bad
			if test.want == "" && (len(done) != 1 || len(bad) != 0) || test.want != "" && (len(done) != 0 || len(bad) != 1 || bad[0].Text != test.want || bad[0].Ref != test.ref) {
				t.Errorf("%s (%s), removes %v: done %v, bad %v", test.ref, test.sid, removes, done, bad)
			}
		}
	}
}

// TestPolicyOnLinks: what a policy says of accounts holds for every link, and what it says of
// members for those alone: a manager who is taken out loses nothing that the group gives.
func TestPolicyOnLinks(t *testing.T) {
	const guarded, other = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105"
	mark := plan.GroupRef(directory.ID{7})
	for name, test := range map[string]struct {
		policy policy
		ref    plan.Ref
		want   string
	}{
		"never":                   {policy{Never: []string{guarded}}, guarded, "under never"},
		"never, by its mark":      {policy{Never: []string{guarded}}, mark, "under never"},
		"somebody else":           {policy{Never: []string{guarded}}, other, ""},
		"keep members":            {policy{KeepMembers: true}, guarded, ""},
		"keep members, and never": {policy{KeepMembers: true, Never: []string{guarded}}, guarded, "under never"},
	} {
		for _, removes := range []bool{false, true} {
			w := newWorld(t)
			w.policy, w.sids = test.policy, map[plan.Ref]directory.SID{mark: guarded}
			c := plan.Change{Op: plan.Relink, Link: plan.ManagedBy, Group: directory.ID{1}, GUID: "g", Add: []plan.Ref{test.ref}}
			if removes {
				c.Add, c.Remove = nil, c.Add
			}
			w.handOut(8, c)
			_, err := w.start().turn(t.Context())
			ok(t, err)
			done, bad := w.applied[0], w.acks[0].Results[0].Bad
			if done.Op != c.Op || done.Link != c.Link {
				t.Errorf("%s: applied %+v", name, done)
			}
			n := len(done.Add) + len(done.Remove)
			if test.want == "" && (n != 1 || len(bad) != 0) || test.want != "" && (n != 0 || len(bad) != 1 || !strings.Contains(bad[0].Text, test.want)) {
				t.Errorf("%s, removes %v: done %+v, bad %v", name, removes, done, bad)
			}
		}
	}
}

// TestKeepMembersKeepsTheType: a group that becomes one for mail alone takes from all
// of its members what it gave them.
func TestKeepMembersKeepsTheType(t *testing.T) {
	for _, test := range []struct {
		set     map[string][]string
		refused bool
	}{
		{map[string][]string{"groupType": {"-2147483640"}}, false}, // universal security
		{map[string][]string{"groupType": {"-2147483646"}}, false}, // global security
		{map[string][]string{"description": {"8"}}, false},
		{map[string][]string{"groupType": {"8"}}, true}, // universal distribution
		{map[string][]string{"GROUPTYPE": {"2"}}, true},
		{map[string][]string{"groupType": nil}, true},
		{map[string][]string{"groupType": {"-2147483640", "8"}}, true},
		{map[string][]string{"groupType": {"2147483656"}}, true}, // the same bits, no value of the attribute
		{map[string][]string{"groupType": {"security"}}, true},
	} {
		c := plan.Change{Op: plan.Update, Set: test.set}
		_, _, refusal := policy{KeepMembers: true}.judge(c, nil)
		if (refusal != "") != test.refused {
			t.Errorf("%v: %q", test.set, refusal)
		}
		if _, _, refusal := (policy{}).judge(c, nil); refusal != "" {
			t.Errorf("%v without the policy: %q", test.set, refusal)
		}
	}
	const want = "the agent's policy is keep_members: with another groupType the group would give its members nothing any more, whatever policy.quarantine says"
	if _, _, refusal := (policy{KeepMembers: true}).judge(plan.Change{Op: plan.Update, Set: map[string][]string{"groupType": {"8"}}}, nil); refusal != want {
		t.Errorf("%q", refusal)
	}
}

// TestReadOnlyAsksNothing: it refuses before anything is looked up.
func TestReadOnlyAsksNothing(t *testing.T) {
	w := newWorld(t)
	w.policy = policy{ReadOnly: true, Never: []string{"S-1-5-21-1-2-3-1104"}}
	w.handOut(8, update(1, plan.GroupRef(directory.ID{7})))
	_, err := w.start().turn(t.Context())
	ok(t, err)
	if len(w.applied) != 0 || w.acks[0].Results[0].Status != plan.Refused || len(w.acks[0].Results[0].Bad) != 0 {
		t.Errorf("applied %v, acknowledged %+v", w.applied, w.acks)
	}
}
