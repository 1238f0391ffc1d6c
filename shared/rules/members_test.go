package rules_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
)

const (
	ours    = directory.SID("S-1-5-21-1-2-3-1101")
	second  = directory.SID("S-1-5-21-4-5-6-1101")
	foreign = directory.SID("S-1-5-21-7-8-9-1101")
	admin   = directory.SID("S-1-5-21-1-2-3-512")
	builtin = directory.SID("S-1-5-32-544")
)

// TestMembers is what becomes of one member: a reference, a reason, or both
// where the reference is in doubt.
func TestMembers(t *testing.T) {
	child := directory.ID{2}
	user := func(s directory.Standing, sid directory.SID) directory.Member {
		return directory.Member{ID: child, Kind: directory.User, Standing: s, SID: sid}
	}
	group := func(s directory.Standing, sid directory.SID) directory.Member {
		return directory.Member{ID: child, Kind: directory.GroupKind, Standing: s, SID: sid}
	}
	of := func(k directory.Kind) directory.Member { return directory.Member{ID: child, Kind: k} }
	known := func(gone directory.Removal, pairs ...string) rules.Nested {
		return rules.Nested{Group: &directory.Group{ID: child, Props: props(pairs...), Gone: gone}}
	}
	exists := func(n rules.Nested) rules.Nested {
		n.Exists = true
		return n
	}
	const sidName = "onPremisesSecurityIdentifier"
	mark := plan.GroupRef(child)
	tests := []struct {
		name   string
		member directory.Member
		nested rules.Nested
		ref    plan.Ref
		reason string
	}{
		{"synced", user(directory.Synced, ours), rules.Nested{}, plan.SIDRef(ours), ""},
		{"of another domain of the forest", user(directory.Synced, second), rules.Nested{}, plan.SIDRef(second), ""},
		{"of another forest", user(directory.Synced, foreign), rules.Nested{}, "", rules.ForeignSID},
		{"a device", directory.Member{ID: child, Kind: directory.Device, Standing: directory.Synced, SID: ours}, rules.Nested{}, plan.SIDRef(ours), ""},
		{"a domain's own account", user(directory.Synced, admin), rules.Nested{}, "", rules.ReservedSID},
		{"a built-in one", user(directory.Synced, builtin), rules.Nested{}, "", rules.ForeignSID},
		{"cloud only", user(directory.CloudOnly, ""), rules.Nested{}, "", string(directory.CloudOnly)},
		{"a guest", user(directory.Guest, ""), rules.Nested{}, "", string(directory.Guest)},
		{"lost SID", user(directory.LostSID, ours), rules.Nested{}, plan.SIDRef(ours), string(directory.LostSID)},
		{"soft-deleted", user(directory.LostSoft, ours), rules.Nested{}, plan.SIDRef(ours), string(directory.LostSoft)},
		{"deleted", user(directory.LostForGood, ours), rules.Nested{}, plan.SIDRef(ours), string(directory.LostForGood)},
		{"deleted, and never had a SID", user(directory.LostForGood, ""), rules.Nested{}, "", string(directory.LostForGood)},
		{"deleted, of another forest", user(directory.LostForGood, foreign), rules.Nested{}, "", rules.ForeignSID},
		{"not described yet", of(directory.User), rules.Nested{}, "", rules.NotSeen},
		{"not described this time", user(directory.Unseen, ours), rules.Nested{}, plan.SIDRef(ours), rules.NotSeen},
		{"a device not described", of(directory.Device), rules.Nested{}, "", rules.NotSeen},
		{"a service principal", of(directory.ServicePrincipal), rules.Nested{}, "", rules.UnsupportedKind},
		{"a contact", of(directory.Contact), rules.Nested{}, "", rules.UnsupportedKind},
		{"a kind that is new", of("agent"), rules.Nested{}, "", rules.UnsupportedKind},

		{"a group in scope", group(directory.CloudOnly, ""), known(""), mark, ""},
		{"a group out of scope", group(directory.CloudOnly, ""), known("", "mailEnabled", "true"), "", rules.NestedOutOfScope},
		{"a group out of scope that is there still", group(directory.CloudOnly, ""), exists(known("", "mailEnabled", "true")), mark, ""},
		{"a group not known", group(directory.Unseen, ""), rules.Nested{}, "", rules.NestedOutOfScope},
		{"a group not known that is there", group(directory.Unseen, ""), exists(rules.Nested{}), mark, ""},
		{"a group without a name: none is made", group(directory.CloudOnly, ""), known("", "displayName", " "), "", rules.NestedOutOfScope},
		{"a hidden group: none is made", group(directory.CloudOnly, ""), known("", "visibility", "HiddenMembership"), "", rules.NestedOutOfScope},
		{"a hidden group that is there", group(directory.CloudOnly, ""), exists(known("", "visibility", "HiddenMembership")), mark, ""},
		{"a group deleted", group(directory.LostSoft, ""), known(directory.SoftDeleted), "", rules.NestedOutOfScope},
		{"a group deleted that is there still", group(directory.LostSoft, ""), exists(known(directory.SoftDeleted)), mark, ""},
		{"a group mastered on premises", group(directory.Synced, ours), known("", "onPremisesSyncEnabled", "true", sidName, string(ours)), plan.SIDRef(ours), ""},
		{"the same of another forest", group(directory.Synced, foreign), known("", "onPremisesSyncEnabled", "true", sidName, string(foreign)), "", rules.ForeignSID},
		{"a converted group: its AD group is there", group(directory.Synced, ours), known("", sidName, string(ours)), plan.SIDRef(ours), ""},
		// Only groups/delta takes a member out of a group, nested groups too.
		{"a group mastered on premises, soft-deleted", group(directory.LostSoft, ours), known(directory.SoftDeleted, sidName, string(ours)), plan.SIDRef(ours), string(directory.LostSoft)},
		{"a group that lost its SID and is ours now", group(directory.LostSID, ours), known(""), mark, ""},
		{"a group that lost its SID and is out of scope", group(directory.LostSID, ours), known("", "mailEnabled", "true"), plan.SIDRef(ours), string(directory.LostSID)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &directory.Group{ID: id, Props: props(), Members: []directory.Member{tt.member}}
			asked := directory.ID{}
			d := all.Decide(id, g, nil, func(id directory.ID) rules.Nested { asked = id; return tt.nested }, forest)
			var refs []plan.Ref
			if tt.ref != "" {
				refs = []plan.Ref{tt.ref}
			}
			var problems []plan.Problem
			if tt.reason != "" {
				problems = []plan.Problem{{Group: id, Member: child, Reason: tt.reason}}
			}
			if diff := cmp.Diff(refs, d.Want.Members); diff != "" {
				t.Errorf("members -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(problems, d.Problems); diff != "" {
				t.Errorf("problems -want +got:\n%s", diff)
			}
			if tt.member.Kind == directory.GroupKind && asked != child {
				t.Errorf("asked for %s, want %s", asked, child)
			}
		})
	}
}

// Members are sorted by reference, and two that are one in AD are one.
func TestMembersTogether(t *testing.T) {
	m := func(n byte, sid directory.SID) directory.Member {
		return directory.Member{ID: directory.ID{n}, Kind: directory.User, Standing: directory.Synced, SID: sid}
	}
	g := &directory.Group{ID: id, Props: props(), Members: []directory.Member{m(1, second), m(2, ours), m(3, second), m(4, ""), {ID: directory.ID{5}, Kind: directory.Contact}}}
	d := all.Decide(id, g, nil, nobody, forest)
	if diff := cmp.Diff([]plan.Ref{plan.SIDRef(ours), plan.SIDRef(second)}, d.Want.Members); diff != "" {
		t.Errorf("members -want +got:\n%s", diff)
	}
	want := []plan.Problem{{Member: directory.ID{4}, Reason: string(directory.Synced)}, {Member: directory.ID{5}, Reason: rules.UnsupportedKind}}
	if diff := cmp.Diff(want, d.Problems, cmpopts.IgnoreFields(plan.Problem{}, "Group")); diff != "" {
		t.Errorf("problems -want +got:\n%s", diff)
	}
}
