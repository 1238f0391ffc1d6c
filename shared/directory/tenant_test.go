package directory_test

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/directory"
)

// The tenant of these tests: groups and users by number.
func group(n int) directory.ID { return directory.ID{1, 15: byte(n)} }
func user(n int) directory.ID  { return directory.ID{2, 15: byte(n)} }

func sid(rid int) directory.SID { return directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", rid)) }

func newSnapshot() directory.Snapshot {
	return directory.Snapshot{Groups: map[directory.ID]*directory.Group{}, Principals: map[directory.ID]*directory.Principal{}}
}

// set makes properties of pairs: "name", "value". An empty value is a null.
func set(pairs ...string) directory.Properties {
	p := directory.Properties{}
	for pair := range slices.Chunk(pairs, 2) {
		if p[pair[0]] = []string{}; pair[1] != "" {
			p[pair[0]] = []string{pair[1]}
		}
	}
	return p
}

// add and remove are items of members@delta.
func add(ids ...directory.ID) (out []directory.MemberChange) {
	for _, id := range ids {
		out = append(out, directory.MemberChange{ID: id, Kind: kindOf(id)})
	}
	return out
}

func remove(ids ...directory.ID) (out []directory.MemberChange) {
	for _, c := range add(ids...) {
		c.Removed = true
		out = append(out, c)
	}
	return out
}

func kindOf(id directory.ID) directory.Kind {
	if id[0] == 1 {
		return directory.GroupKind
	}
	return directory.User
}

func groupsPage(cs ...directory.GroupChange) directory.Page {
	return directory.Page{Feed: directory.GroupFeed, Groups: cs, Delta: "next time"}
}

func usersPage(cs ...directory.PrincipalChange) directory.Page {
	for i := range cs {
		cs[i].Kind = directory.User
	}
	return directory.Page{Feed: directory.UserFeed, Principals: cs, Delta: "next time"}
}

// synced is a user's item with a SID.
func synced(id directory.ID, s directory.SID) directory.PrincipalChange {
	return directory.PrincipalChange{ID: id, Set: set("onPremisesSecurityIdentifier", string(s), "displayName", "User")}
}

// folded folds pages, and holds the snapshot to its invariants after each.
func folded(t *testing.T, s directory.Snapshot, pages ...directory.Page) directory.Snapshot {
	t.Helper()
	for _, p := range pages {
		s.Fold(p)
		if err := consistent(s); err != nil {
			t.Fatalf("after %+v: %v", p, err)
		}
	}
	return s
}

// consistent says what in a snapshot contradicts itself.
func consistent(s directory.Snapshot) error {
	for id, g := range s.Groups {
		if id != g.ID {
			return fmt.Errorf("group %s is kept under %s", g.ID, id)
		}
		inOrder := func(a, b directory.Member) int {
			return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.SID, b.SID), cmp.Compare(a.Mail, b.Mail))
		}
		for i, m := range g.Members {
			p := s.Principals[m.ID]
			switch {
			case i > 0 && g.Members[i-1].ID.Compare(m.ID) >= 0:
				return fmt.Errorf("the members of %s are not sorted and unique", id)
			case p == nil:
				return fmt.Errorf("nobody stands behind member %s of %s", m.ID, id)
			case m != directory.Member{ID: p.ID, Kind: p.Kind, Standing: p.Standing, SID: p.SID, Mail: p.Mail}:
				return fmt.Errorf("member %+v of %s is not principal %+v", m, id, p)
			case !slices.Contains(p.Parents, id):
				return fmt.Errorf("principal %s does not know that %s holds it", p.ID, id)
			}
		}
		for i, m := range g.Owners {
			p := s.Principals[m.ID]
			switch {
			case i > 0 && g.Owners[i-1].ID.Compare(m.ID) >= 0:
				return fmt.Errorf("the owners of %s are not sorted and unique", id)
			case p == nil || m != directory.Member{ID: p.ID, Kind: p.Kind, Standing: p.Standing, SID: p.SID, Mail: p.Mail}:
				return fmt.Errorf("owner %+v of %s is not principal %+v", m, id, p)
			case !slices.Contains(p.Parents, id):
				return fmt.Errorf("principal %s does not know that it owns %s", p.ID, id)
			}
		}
		for i, m := range g.Left {
			if i > 0 && inOrder(g.Left[i-1], m) >= 0 {
				return fmt.Errorf("those who left %s are not sorted and unique", id)
			}
			if slices.ContainsFunc(g.Members, func(x directory.Member) bool { return x.ID == m.ID && x.SID == m.SID && x.Mail == m.Mail }) {
				return fmt.Errorf("%s is a member of %s and left it", m.ID, id)
			}
		}
	}
	for id, p := range s.Principals {
		if id != p.ID || !slices.IsSortedFunc(p.Parents, directory.ID.Compare) {
			return fmt.Errorf("principal %s is kept under %s, its parents are %s", p.ID, id, p.Parents)
		}
	}
	return nil
}

// differ compares snapshots, but for parents that no longer are, which may be
// kept until somebody looks, and for who left: what they were worth when they
// did hangs on the order of the items.
func differ(a, b directory.Snapshot) string {
	if a, b = pruned(a), pruned(b); reflect.DeepEqual(a, b) {
		return "" // the usual case, and the fast one
	}
	return gocmp.Diff(a, b, cmpopts.EquateEmpty())
}

func pruned(s directory.Snapshot) directory.Snapshot {
	out := newSnapshot()
	for id, g := range s.Groups {
		h := *g
		h.Left = nil
		out.Groups[id] = &h
	}
	for id, p := range s.Principals {
		q := *p
		q.Parents = nil
		for _, parent := range p.Parents {
			if g := s.Groups[parent]; g != nil && (slices.Contains(memberIDs(g), id) || slices.Contains(ownerIDs(g), id)) {
				q.Parents = append(q.Parents, parent)
			}
		}
		out.Principals[id] = &q
	}
	return out
}

// copied is a snapshot that can be folded without changing s: a fold replaces
// records and does not modify them.
func copied(s directory.Snapshot) directory.Snapshot {
	return directory.Snapshot{Groups: maps.Clone(s.Groups), Principals: maps.Clone(s.Principals), Before: s.Before, Whole: s.Whole}
}

func memberIDs(g *directory.Group) []directory.ID { return idsOf(g.Members) }

func ownerIDs(g *directory.Group) []directory.ID { return idsOf(g.Owners) }

func idsOf(members []directory.Member) (out []directory.ID) {
	for _, m := range members {
		out = append(out, m.ID)
	}
	return out
}
