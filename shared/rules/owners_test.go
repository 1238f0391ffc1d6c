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

// TestOwners is who manages a group: of owners who are in doubt only those who do so already.
func TestOwners(t *testing.T) {
	const third = directory.SID("S-1-5-21-1-2-3-1103")
	owner := func(n byte, s directory.Standing, sid directory.SID) directory.Member {
		return directory.Member{ID: directory.ID{n}, Kind: directory.User, Standing: s, SID: sid}
	}
	there := func(manager, other directory.SID) *plan.Group {
		g := &plan.Group{ID: id, Links: plan.Members(plan.SIDRef(ours))}
		if manager != "" {
			g.Links = g.Links.With(plan.ManagedBy, []plan.Ref{plan.SIDRef(manager)})
		}
		if other != "" {
			g.Links = g.Links.With(plan.CoManagers, []plan.Ref{plan.SIDRef(other)})
		}
		return g
	}
	refs := func(sids ...directory.SID) []plan.Ref {
		out := []plan.Ref{}
		for _, s := range sids {
			out = append(out, plan.SIDRef(s))
		}
		return out
	}
	for name, tt := range map[string]struct {
		owners       []directory.Member
		observed     *plan.Group
		manager      []plan.Ref // nil: the rules do not speak of it
		others       []plan.Ref
		reasons      int // owners who are not written
		describe     bool
		unknown, ask bool
	}{
		"the first":                       {owners: []directory.Member{owner(1, directory.Synced, second), owner(2, directory.Synced, ours)}, manager: refs(second), others: refs(ours)},
		"who stands there":                {owners: []directory.Member{owner(1, directory.Synced, second), owner(2, directory.Synced, ours)}, observed: there(ours, ""), manager: refs(ours), others: refs(second)},
		"who stands there is no owner":    {owners: []directory.Member{owner(1, directory.Synced, second)}, observed: there(third, third), manager: refs(second), others: refs()},
		"two accounts of one SID":         {owners: []directory.Member{owner(1, directory.Synced, second), owner(2, directory.Synced, ours), owner(3, directory.Synced, ours)}, manager: refs(second), others: refs(ours)},
		"nobody":                          {observed: there(ours, second), manager: refs(), others: refs()},
		"nobody who can be written":       {owners: []directory.Member{owner(1, directory.Guest, ""), owner(2, directory.Synced, foreign)}, observed: there(ours, ""), manager: refs(), others: refs(), reasons: 2},
		"a SID that is lost, there":       {owners: []directory.Member{owner(1, directory.LostSID, ours), owner(2, directory.Synced, second)}, observed: there(ours, ""), manager: refs(ours), others: refs(second)},
		"a SID that is lost, as another":  {owners: []directory.Member{owner(1, directory.LostSID, ours), owner(2, directory.Synced, second)}, observed: there(second, ours), manager: refs(second), others: refs(ours)},
		"a SID that is lost, and new":     {owners: []directory.Member{owner(1, directory.LostSID, ours), owner(2, directory.Synced, second)}, observed: there("", ""), manager: refs(second), others: refs(), reasons: 1},
		"deleted":                         {owners: []directory.Member{owner(1, directory.LostSoft, ours)}, manager: refs(), others: refs(), reasons: 1},
		"not described":                   {owners: []directory.Member{owner(1, directory.Unseen, ""), owner(2, directory.Synced, second)}, observed: there(third, ""), reasons: 1, describe: true},
		"not described this time, there":  {owners: []directory.Member{owner(1, directory.Unseen, ours)}, observed: there(ours, ""), describe: true},
		"not all known: he is left there": {owners: []directory.Member{owner(1, directory.Synced, second)}, observed: there(ours, ""), unknown: true, ask: true},
		"an application alone owns it":    {owners: []directory.Member{{ID: directory.ID{1}, Kind: directory.ServicePrincipal}}, observed: there(ours, ""), manager: refs(), others: refs(), reasons: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := &directory.Group{ID: id, Props: props(), Owners: tt.owners, OwnersKnown: !tt.unknown}
			r := rules.Rules{OU: "OU=x", Scope: all.Scope, Owners: rules.OwnersManage}
			w := r.Decide(id, g, tt.observed, nobody, forest)
			manager, spoken := w.Group.Links[plan.ManagedBy]
			others, more := w.Group.Links[plan.CoManagers]
			if spoken != (tt.manager != nil) || more != spoken {
				t.Fatalf("the rules speak of the manager: %t, of others: %t", spoken, more)
			}
			if diff := cmp.Diff([][]plan.Ref{tt.manager, tt.others}, [][]plan.Ref{manager, others}, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("manager and others -want +got:\n%s", diff)
			}
			if len(w.Describe) > 0 != tt.describe || slices.Equal(w.Ask, []directory.ID{id}) != tt.ask || len(w.Undescribed) > 0 {
				t.Errorf("describe %v, ask %v, undescribed members %v", w.Describe, w.Ask, w.Undescribed)
			}
			reasons := 0
			for _, p := range w.Problems {
				if p.Reason == rules.OwnerNotWritten && p.Member != (directory.ID{}) {
					reasons++
				}
			}
			if reasons != tt.reasons || tt.unknown != slices.ContainsFunc(w.Problems, func(p plan.Problem) bool { return p.Reason == rules.OwnersUnknown }) {
				t.Errorf("problems %v", w.Problems)
			}

			r.Owners = rules.OwnerManages
			w = r.Decide(id, g, tt.observed, nobody, forest)
			if _, more := w.Group.Links[plan.CoManagers]; more {
				t.Error("one manager, and the rules speak of others")
			}
			r.Owners = rules.IgnoreOwners
			w = r.Decide(id, g, tt.observed, nobody, forest)
			if _, spoken := w.Group.Links[plan.ManagedBy]; spoken || len(w.Problems)+len(w.Ask) > 0 {
				t.Errorf("owners are to be ignored, and the rules speak of them: %+v", w)
			}
		})
	}
}

// TestOwnersOfHidden: where members are not told, owners are not either.
func TestOwnersOfHidden(t *testing.T) {
	g := &directory.Group{ID: id, Props: props("visibility", "HiddenMembership"), OwnersKnown: true, Owners: []directory.Member{{ID: directory.ID{1}, Kind: directory.User, Standing: directory.Synced, SID: ours}}}
	r := rules.Rules{OU: "OU=x", Scope: all.Scope, Owners: rules.OwnerManages}
	for _, letIn := range []bool{false, true} {
		r.Members.Hidden = letIn
		w := r.Decide(id, g, &plan.Group{ID: id, Name: "G"}, nobody, forest)
		if _, spoken := w.Group.Links[plan.ManagedBy]; spoken != letIn {
			t.Errorf("hidden membership let in: %t, and who manages the group is spoken of: %t", letIn, spoken)
		}
	}
}

// TestOwnersAreRead: what rules need for owners is asked of both ends.
func TestOwnersAreRead(t *testing.T) {
	for owners, want := range map[rules.Owners][]string{
		rules.IgnoreOwners: nil, rules.OwnerManages: {"managedBy", "owners"}, rules.OwnersManage: {"managedBy", "msExchCoManagedByLink", "owners"},
	} {
		r := rules.Rules{OU: "OU=x", Scope: all.Scope, Owners: owners}
		var got []string
		for _, name := range slices.Concat(r.Attributes(), r.Properties()) {
			if name == "owners" || name == string(plan.ManagedBy) || name == string(plan.CoManagers) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v are read, want %v", owners, got, want)
		}
	}
}
