package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// A hand does something in the directory to a group of ours, or to what has to do
// with it.
type hand struct {
	name  string
	group string // of the cloud, by its name

	do   func(t *testing.T, dn string)
	undo func(t *testing.T, dn string)

	reason string   // of the problem that the status has meanwhile; empty: it need not have one
	told   []string // words of it: where the group is, and what to do
	where  bool     // the problem's DN is that of the group

	// leaves: who leaves the group in the cloud goes at once. Otherwise he goes when the
	// group is put right.
	leaves bool
	during func(t *testing.T) // what else must hold meanwhile; nil: nothing
}

// seconds is long for a person who waits, and short against the minutes of a retry.
const seconds = 30 * time.Second

// TestHandsInTheDirectory: people with rights on the OU do by hand what they should not.
// While it lasts the status names the group, and what to do; nobody loses a membership,
// no second group is made, and all other groups go on. When it is undone, all goes on
// within seconds, without another word to us.
func TestHandsInTheDirectory(t *testing.T) {
	s := newScene(t, 40)
	s.StopAgent()
	s.Scan = "500ms"
	must(t, s.StartAgent())
	for i, h := range s.hands() {
		t.Run(h.name, func(t *testing.T) { h.play(t, s, i) })
	}
	t.Run("the lease is deleted", s.leaseDeleted)
	checkRemovals(t, s.Stage, s.proxy.Writes())
}

func (h hand) play(t *testing.T, s scene, n int) {
	group := s.Company.ID(h.group)
	leaver := s.Company.Members(group)[0]
	dn := s.entry(t, group).DN
	h.do(t, dn)
	must(t, s.Company.Tenant.RemoveMember(group, leaver))
	s.ripple(t, n, h.name)
	others := s.Company.ID(departmentName(7 + n%33)) // whom somebody left in the ripple
	took := s.until(t, "the leaver of another group goes", func(Status) bool { return s.sizeIs(t, others) })
	t.Logf("another group's leaver went after %.1f s", took.Seconds())
	if h.leaves {
		took = s.until(t, "the leaver of the group goes", func(Status) bool { return !s.holds(t, group, leaver) })
		t.Logf("the group's own leaver went after %.1f s", took.Seconds())
	}
	if h.reason != "" {
		s.until(t, "the status says "+h.reason, func(st Status) bool { return slices.ContainsFunc(st.Problems, h.is(group)) })
	}
	if h.during != nil {
		h.during(t)
	}
	if n := len(s.entries(t, group)); n > 1 && h.reason != plan.TroubleTwin {
		t.Errorf("%d groups bear the marks of %s", n, h.group)
	}
	s.until(t, "what was refused was looked at", Status.Settled) // a person is slower than that
	h.undo(t, dn)
	began := time.Now()
	converge(t, s.Stage)
	s.until(t, "no problem of the group is left", func(st Status) bool {
		return !slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Group == group }) && st.State == "in-sync"
	})
	if took := time.Since(began); took > seconds {
		t.Errorf("put right, all went on after %s", took)
	} else {
		t.Logf("put right, all went on after %.1f s", took.Seconds())
	}
}

func (h hand) is(group directory.ID) func(Problem) bool {
	return func(p Problem) bool {
		return p.Group == group && p.Reason == h.reason && hasAll(p.Text, h.told) && (!h.where || p.DN != "" && strings.Contains(p.Text, p.DN))
	}
}

// until fires the timer, as its host does, until something is so.
func (s scene) until(t *testing.T, what string, is func(Status) bool) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), seconds)
	defer cancel()
	for began := time.Now(); ; {
		st, err := s.Status(t.Context())
		must(t, err)
		if is(st) {
			return time.Since(began)
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			t.Fatalf("not after %s: %s; the status is %+v", seconds, what, st)
		}
		_ = s.Sync(t.Context()) // whether a turn fails is another test
	}
}

// entries are the groups in the domain that bear a mark of a cloud group.
func (s scene) entries(t *testing.T, group directory.ID) (found []*ldap.Entry) {
	t.Helper()
	administrator{s.DC}.do(t, func(c *ldap.Conn) error {
		mark := plan.Mark(group)
		res, err := c.Search(ldap.NewSearchRequest(s.DC.Domain, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			"(|(adminDescription="+mark+")(msDS-ExternalDirectoryObjectId="+mark+"))", []string{"*", "primaryGroupToken"}, nil))
		if err == nil {
			found = res.Entries
		}
		return err
	})
	return found
}

// entry is the one group of a cloud group.
func (s scene) entry(t *testing.T, group directory.ID) *ldap.Entry {
	t.Helper()
	found := s.entries(t, group)
	if len(found) != 1 {
		t.Fatalf("%d groups bear the mark of %s, want one", len(found), group)
	}
	return found[0]
}

// holds says whether a group has a member in the directory.
func (s scene) holds(t *testing.T, group, member directory.ID) bool {
	t.Helper()
	who := whoIsWho(t, s.Stage)
	return slices.ContainsFunc(s.entry(t, group).GetAttributeValues("member"), func(dn string) bool { return who.find(dn) == member })
}

// sizeIs says whether a group has as many members in the directory as in the cloud.
func (s scene) sizeIs(t *testing.T, group directory.ID) bool {
	t.Helper()
	return len(s.entry(t, group).GetAttributeValues("member")) == len(s.Company.Members(group))
}

// hands lists them all.
func (s scene) hands() []hand {
	return slices.Concat(s.moves(), s.marks(), s.fences(), s.refusals(), s.primaryGroups())
}

// moves: a group that is nested in another goes to another place.
func (s scene) moves() []hand {
	admin := administrator{s.DC}
	elsewhere := "CN=Users," + s.DC.Domain
	to := func(parent string) func(t *testing.T, dn string) {
		return func(t *testing.T, dn string) {
			rdn, _, _ := strings.Cut(s.entry(t, s.Company.ID("Engineering")).DN, ",")
			from := s.entry(t, s.Company.ID("Engineering")).DN
			admin.do(t, func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(from, rdn, true, parent)) })
		}
	}
	return []hand{{
		name: "a nested group is moved away", group: "Engineering", do: to(elsewhere), undo: to(s.Base),
		reason: plan.TroubleOutside, told: []string{elsewhere, "move it back below " + s.Base}, where: true,
		during: func(t *testing.T) {
			outer := s.Company.ID("Everybody technical")
			must(t, s.Company.Tenant.AddMember(outer, s.Company.ID(userName(40))))
			s.until(t, "the outer group goes on", func(Status) bool { return s.holds(t, outer, s.Company.ID(userName(40))) })
			if !s.holds(t, outer, s.Company.ID("Engineering")) {
				t.Error("the outer group has lost the group that was moved")
			}
		},
	}}
}

// marks: a mark is taken off, or is on two groups.
func (s scene) marks() []hand {
	admin := administrator{s.DC}
	mark := func(group string) string { return plan.Mark(s.Company.ID(group)) }
	twin := "CN=A copy," + s.Base
	return []hand{
		{name: "the mark is taken off", group: "Kiosk machines",
			do:     func(t *testing.T, dn string) { admin.set(t, dn, "adminDescription") },
			undo:   func(t *testing.T, dn string) { admin.set(t, dn, "adminDescription", mark("Kiosk machines")) },
			reason: plan.TroubleUnmarked, told: []string{"has lost our mark", "set its adminDescription to " + mark("Kiosk machines")}, where: true},
		{name: "a twin", group: "Department 39",
			do: func(t *testing.T, dn string) {
				ours := s.entry(t, s.Company.ID("Department 39"))
				req := ldap.NewAddRequest(twin, nil)
				req.Attribute("objectClass", []string{"group"})
				for _, a := range []string{"groupType", "adminDescription", "adminDisplayName", "msDS-ExternalDirectoryObjectId"} {
					req.Attribute(a, ours.GetAttributeValues(a))
				}
				admin.do(t, func(c *ldap.Conn) error { return c.Add(req) })
			},
			undo: func(t *testing.T, _ string) {
				admin.do(t, func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(twin, nil)) })
			},
			reason: plan.TroubleTwin, told: []string{"two groups stand for cloud group", twin, "Department 39_", "delete"},
			during: func(t *testing.T) { // drift elsewhere is found all the same
				other := s.Company.ID("Department 38")
				admin.set(t, s.entry(t, other).DN, "description", "by hand")
				s.until(t, "drift of another group is put right", func(Status) bool { return s.entry(t, other).GetAttributeValue("description") != "by hand" })
			}},
	}
}

// fences: somebody writes a number into a fence that no writer of ours will reach. It
// heals without a hand.
func (s scene) fences() (out []hand) {
	for i, fence := range []string{"1.1.9999999999999", "1.1.18446744073709551615", "18446744073709551615.1.1"} {
		out = append(out, hand{name: "the fence is " + fence, group: departmentName(34 + i), leaves: true, undo: func(*testing.T, string) {},
			do: func(t *testing.T, dn string) {
				administrator{s.DC}.set(t, dn, "adminDisplayName", "gwb "+s.Target+" "+fence)
			}})
	}
	return out
}

// refusals: the account may not write one attribute of one group.
func (s scene) refusals() []hand {
	admin, group := administrator{s.DC}, s.Company.ID("Department 33")
	var was []byte
	return []hand{{
		name: "an attribute may not be written", group: "Department 33", leaves: true,
		do: func(t *testing.T, dn string) {
			was = admin.descriptor(t, dn)
			admin.setDescriptor(t, dn, denyingAttribute(was, s.DC.SIDs["svc-groupwriteback"], displayName))
			must(t, s.Company.Tenant.Rename(group, "Another name"))
		},
		undo: func(t *testing.T, _ string) {
			admin.setDescriptor(t, s.entry(t, group).DN, was)
		},
		reason: "refused", told: []string{"insufficient access rights"},
	}}
}

// primaryGroups: an account gets a group of ours as its primary group, which takes it
// out of the attribute member.
func (s scene) primaryGroups() []hand {
	admin, group := administrator{s.DC}, s.Company.ID("Department 32")
	var user string
	const domainUsers = "513"
	return []hand{{
		name: "a group of ours is somebody's primary group", group: "Department 32",
		do: func(t *testing.T, _ string) {
			user = s.entry(t, group).GetAttributeValues("member")[0]
			who := whoIsWho(t, s.Stage).find(user)
			admin.set(t, user, "primaryGroupID", s.entry(t, group).GetAttributeValue("primaryGroupToken"))
			settle(t, s.Stage)
			reported := time.Now()
			s.until(t, "a member by his primary group counts as one, once everything was read", func(st Status) bool {
				return st.Reported.After(reported.Add(time.Second)) && st.State == "in-sync"
			})
			must(t, s.Company.Tenant.RemoveMember(group, who))
		},
		undo:   func(t *testing.T, _ string) { admin.set(t, user, "primaryGroupID", domainUsers) },
		reason: "refused", told: []string{"which is its primary group", "make another group its primary group"}, leaves: true,
	}}
}

// displayName is the schemaIDGUID of that attribute.
const displayName plan.GUID = "bf967953-0de6-11d0-a285-00aa003049e2"

// leaseDeleted: another agent held the lease before, and then its object is lost. The
// fences in the directory remember it.
func (s scene) leaseDeleted(t *testing.T) {
	another := func(dir string) error {
		lease := fmt.Sprintf(`{"agent":"another","token":7,"until":%q,"dc":{}}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
		return os.WriteFile(filepath.Join(dir, "lease"), []byte(lease), 0o600)
	}
	deleted := func(dir string) error { return os.Remove(filepath.Join(dir, "lease")) }
	group := s.Company.ID("Department 31")
	for i, step := range []func(dir string) error{another, deleted} {
		offline(t, s.Stage, step)
		leaver := s.Company.Members(group)[0]
		must(t, s.Company.Tenant.RemoveMember(group, leaver))
		s.until(t, fmt.Sprintf("leaver %d goes", i+1), func(Status) bool { return !s.holds(t, group, leaver) })
	}
	converge(t, s.Stage)
}
