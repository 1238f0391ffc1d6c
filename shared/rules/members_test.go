package rules_test

import (
	"slices"
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
// where the reference is in doubt. Active Directory holds each of them already: who
// would be new is TestNewMembers.
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
	held := &plan.Group{ID: id, Links: plan.Members(plan.SIDRef(ours), plan.SIDRef(second), mark)}
	slices.Sort(held.Members())
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
		{"the first account that people make", user(directory.Synced, "S-1-5-21-1-2-3-1000"), rules.Nested{}, plan.SIDRef("S-1-5-21-1-2-3-1000"), ""},
		{"the last of a domain's own", user(directory.Synced, "S-1-5-21-1-2-3-999"), rules.Nested{}, "", rules.ReservedSID},
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
		{"a contact whose address somebody knows, and that no rule writes", directory.Member{ID: child, Kind: directory.Contact, Standing: directory.Synced, Mail: "a@x.example"}, rules.Nested{}, "", rules.UnsupportedKind},
		{"a kind that is new", of("agent"), rules.Nested{}, "", rules.UnsupportedKind},

		{"a group in scope", group(directory.CloudOnly, ""), known(""), mark, ""},
		{"a group out of scope", group(directory.CloudOnly, ""), known("", "mailEnabled", "true"), "", rules.NestedOutOfScope},
		{"a group out of scope that is there still", group(directory.CloudOnly, ""), exists(known("", "mailEnabled", "true")), mark, ""},
		{"a group not known: it is asked for", group(directory.Unseen, ""), rules.Nested{}, "", rules.NotSeen},
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
		{"a group that lost its SID and is to be ours", group(directory.LostSID, ours), known(""), plan.SIDRef(ours), string(directory.LostSID)},
		{"a group that lost its SID and is ours now", group(directory.LostSID, ours), exists(known("")), mark, ""},
		{"a group that lost its SID and is out of scope", group(directory.LostSID, ours), known("", "mailEnabled", "true"), plan.SIDRef(ours), string(directory.LostSID)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &directory.Group{ID: id, Props: props(), Members: []directory.Member{tt.member}}
			asked := directory.ID{}
			d := all.Decide(id, g, held, func(id directory.ID) rules.Nested { asked = id; return tt.nested }, forest)
			var refs []plan.Ref
			if tt.ref != "" {
				refs = []plan.Ref{tt.ref}
			}
			var problems []plan.Problem
			if tt.reason != "" {
				problems = []plan.Problem{{Group: id, Member: child, Reason: tt.reason}}
			}
			if diff := cmp.Diff(refs, d.Group.Members()); diff != "" {
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

// TestContacts is the same of contacts, where the rules write them, and whether somebody
// without a SID may be one of them.
func TestContacts(t *testing.T) {
	contact := func(s directory.Standing, mail string) directory.Member {
		return directory.Member{ID: directory.ID{2}, Kind: directory.Contact, Standing: s, Mail: mail}
	}
	r := rules.Rules{OU: "OU=x", Scope: all.Scope, Members: rules.Members{Contacts: true}}
	const here, new = "here@x.example", "new@x.example"
	held := &plan.Group{ID: id, Links: plan.Members(plan.MailRef(here))}
	for name, tt := range map[string]struct {
		member             directory.Member
		ref                plan.Ref
		reason             string
		nameless, describe bool
	}{
		"that is there":                    {contact(directory.Synced, here), plan.MailRef(here), "", false, false},
		"that is new":                      {contact(directory.Synced, new), plan.MailRef(new), "", true, false},
		"without an address":               {contact(directory.NoMail, ""), "", string(directory.NoMail), true, false},
		"not described":                    {contact(directory.Unseen, ""), "", rules.NotSeen, true, true},
		"not described this time":          {contact(directory.Unseen, here), plan.MailRef(here), rules.NotSeen, false, true},
		"whose address is lost":            {contact(directory.LostMail, here), plan.MailRef(here), string(directory.LostMail), false, false},
		"whose address is lost, and new":   {contact(directory.LostMail, new), "", rules.NewWithoutSID, true, false},
		"deleted":                          {contact(directory.LostForGood, here), plan.MailRef(here), string(directory.LostForGood), false, false},
		"deleted, and never an address":    {contact(directory.LostForGood, ""), "", string(directory.LostForGood), true, false},
		"that is nothing of the sort":      {directory.Member{ID: directory.ID{2}, Kind: directory.ServicePrincipal}, "", rules.UnsupportedKind, true, false},
		"a user, though he has an address": {directory.Member{ID: directory.ID{2}, Kind: directory.User, Standing: directory.CloudOnly}, "", string(directory.CloudOnly), false, false},
	} {
		w := r.Decide(id, &directory.Group{ID: id, Props: props(), Members: []directory.Member{tt.member}}, held, nobody, forest)
		var refs []plan.Ref
		if tt.ref != "" {
			refs = append(refs, tt.ref)
		}
		reason := ""
		if len(w.Problems) > 0 {
			reason = w.Problems[0].Reason
		}
		if !slices.Equal(w.Group.Members(), refs) || reason != tt.reason || w.Nameless != tt.nameless || len(w.Undescribed) > 0 != tt.describe {
			t.Errorf("%s: members %v, reason %q, nameless %t, undescribed %v; want %v, %q, %t, %t", name, w.Group.Members(), reason, w.Nameless, w.Undescribed, refs, tt.reason, tt.nameless, tt.describe)
		}
	}
}

// TestNewMembers: a SID that Graph does not give any more keeps the membership that
// Active Directory holds, and makes nobody a new member: it may be somebody else's by
// now. A group of ours needs no SID.
func TestNewMembers(t *testing.T) {
	child := directory.ID{2}
	lost := directory.Member{ID: child, Kind: directory.User, Standing: directory.LostSID, SID: ours}
	nested := lost
	nested.Kind = directory.GroupKind
	there := func(directory.ID) rules.Nested { return rules.Nested{Exists: true} }
	holds := &plan.Group{ID: id, Links: plan.Members(plan.SIDRef(ours))}
	other := &plan.Group{ID: id, Links: plan.Members(plan.SIDRef(second))}
	tests := []struct {
		name     string
		member   directory.Member
		observed *plan.Group
		nested   func(directory.ID) rules.Nested
		ref      plan.Ref
		reason   string
	}{
		{"lost, and a member already", lost, holds, nobody, plan.SIDRef(ours), string(directory.LostSID)},
		{"lost, and none yet", lost, other, nobody, "", rules.NewWithoutSID},
		{"lost, in a group that is to be made", lost, nil, nobody, "", rules.NewWithoutSID},
		{"a group that lost its SID, and none yet", nested, other, nobody, "", rules.NewWithoutSID},
		{"the same, and there is an AD group of ours for it", nested, other, there, plan.GroupRef(child), ""},
		{"in the recycle bin: its SID is known to be its own", directory.Member{ID: child, Kind: directory.User, Standing: directory.LostSoft, SID: ours},
			other, nobody, plan.SIDRef(ours), string(directory.LostSoft)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := all.Decide(id, &directory.Group{ID: id, Props: props(), Members: []directory.Member{tt.member}}, tt.observed, tt.nested, forest)
			var refs []plan.Ref
			var problems []plan.Problem
			if tt.ref != "" {
				refs = []plan.Ref{tt.ref}
			}
			if tt.reason != "" {
				problems = []plan.Problem{{Group: id, Member: child, Reason: tt.reason}}
			}
			if diff := cmp.Diff(refs, w.Group.Members()); diff != "" {
				t.Errorf("members -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(problems, w.Problems); diff != "" {
				t.Errorf("problems -want +got:\n%s", diff)
			}
		})
	}
}

// TestWhoIsKnown: of whom nobody knows who he is in Active Directory is told apart from
// who cannot be there, and from who has no SID by nature.
func TestWhoIsKnown(t *testing.T) {
	of := func(n byte, k directory.Kind, s directory.Standing, sid directory.SID) directory.Member {
		return directory.Member{ID: directory.ID{n}, Kind: k, Standing: s, SID: sid}
	}
	tests := []struct {
		name     string
		member   directory.Member
		unknown  bool
		nameless bool
	}{
		{"a user not described", of(2, directory.User, directory.Unseen, ""), true, false},
		{"a device not described", of(2, directory.Device, directory.Unseen, ""), true, false},
		{"a group not described", of(2, directory.GroupKind, directory.Unseen, ""), true, false},
		{"not described this time, its SID is known", of(2, directory.User, directory.Unseen, ours), true, false},
		{"a contact", of(2, directory.Contact, directory.Unseen, ""), false, true},
		{"a service principal", of(2, directory.ServicePrincipal, directory.Unseen, ""), false, true},
		{"cloud only", of(2, directory.User, directory.CloudOnly, ""), false, false},
		{"of another forest", of(2, directory.User, directory.Synced, foreign), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := all.Decide(id, &directory.Group{ID: id, Props: props(), Members: []directory.Member{tt.member}}, nil, nobody, forest)
			var want []directory.Member
			if tt.unknown {
				want = []directory.Member{tt.member}
			}
			if diff := cmp.Diff(want, w.Undescribed); diff != "" || w.Nameless != tt.nameless {
				t.Errorf("nameless %t, want %t; undescribed -want +got:\n%s", w.Nameless, tt.nameless, diff)
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
	if diff := cmp.Diff([]plan.Ref{plan.SIDRef(ours), plan.SIDRef(second)}, d.Group.Members()); diff != "" {
		t.Errorf("members -want +got:\n%s", diff)
	}
	want := []plan.Problem{{Member: directory.ID{4}, Reason: string(directory.Synced)}, {Member: directory.ID{5}, Reason: rules.UnsupportedKind}}
	if diff := cmp.Diff(want, d.Problems, cmpopts.IgnoreFields(plan.Problem{}, "Group")); diff != "" {
		t.Errorf("problems -want +got:\n%s", diff)
	}
}
