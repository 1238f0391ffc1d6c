package stage

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"groupwriteback/infra/stage/host"
	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// disaster is a day on which the cloud, or what we are told of it, is wrong as a
// whole.
type disaster struct {
	name    string
	strike  func(t *testing.T, s scene)
	weather func(r *http.Request, n int) graphtest.Fault // from then on
	mend    func(t *testing.T, s scene)

	says  []string                    // words of the one line that the handler logs; none: it has none
	each  bool                        // groups have lines of their own, too
	shows func(s scene) (string, int) // the reason and number of problems in the status
	notes int                         // groups that may get a note that nobody manages them
}

// TestDisasters plays them on the real programs. While one lasts, nobody loses a
// membership, no group goes, and the product says what is wrong. When it is put
// right, AD becomes what the cloud says without a person's word, and still
// nobody was removed whom the cloud did not remove.
func TestDisasters(t *testing.T) {
	s := newScene(t, 40)
	defer watch(t, s.Stage)()
	for i, d := range slices.Concat(misread(), forbidden(), mistaken(t)) {
		t.Run(d.name, func(t *testing.T) { d.play(t, s, i) })
	}
	checkRemovals(t, s.Stage, s.proxy.Writes())
}

func (d disaster) play(t *testing.T, s scene, n int) {
	writes, line := len(s.proxy.Writes()), s.console.end()
	d.strike(t, s)
	s.weather.set(d.weather)
	defer s.weather.set(nil)
	d.lasts(t, s, line)
	checkNotes(t, s.proxy.Writes()[writes:], d.notes)
	s.weather.set(nil)
	d.mend(t, s)
	settle(t, s.Stage)
	equal(t, s.Stage)
	if st, err := s.Status(t.Context()); err != nil || st.State != "in-sync" || len(st.Holds) > 0 {
		t.Errorf("put right, the state is %q, holds %v, error %v", st.State, st.Holds, err)
	}
	checkRemovals(t, s.Stage, s.proxy.Writes()[writes:])
	s.ripple(t, n, d.name) // and life goes on
	settle(t, s.Stage)
	equal(t, s.Stage)
}

// lasts plays turns while the disaster lasts, and looks whether it is told of.
func (d disaster) lasts(t *testing.T, s scene, line int) {
	t.Helper()
	word := sayFailed
	if s.Sync(t.Context()) == nil {
		word = sayHeld
		settle(t, s.Stage)
		settle(t, s.Stage) // the next turn does not believe it either
		if d.shows != nil {
			st, err := s.Status(t.Context())
			must(t, err)
			if reason, n := d.shows(s); st.Totals.Problems[reason] != n {
				t.Errorf("status counts %v, want %d of %s", st.Totals.Problems, n, reason)
			}
		}
	}
	if len(d.says) == 0 {
		return
	}
	lines := s.console.wait(t, line, word)
	told := slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return slices.ContainsFunc(d.says, func(words string) bool { return !strings.Contains(l, words) })
	})
	if len(told) != 1 || len(lines) > 1 && !d.each {
		t.Errorf("%d lines say %q, of %d; want one:\n%s", len(told), d.says, len(lines), strings.Join(lines, "\n"))
	}
}

// checkNotes allows notes on so many groups, and no other write.
func checkNotes(t *testing.T, writes []ldapproxy.Operation, notes int) {
	t.Helper()
	groups := map[string]bool{}
	for _, w := range writes {
		if groups[w.DN] = true; w.Op != "modify" || len(w.Remove) > 0 {
			t.Errorf("write %d is a %s of %s that removes %v", w.N, w.Op, w.DN, w.Remove)
		}
	}
	if len(groups) > notes {
		t.Errorf("%d groups were written to, want at most %d: %v", len(groups), notes, groups)
	}
}

func expire(_ *testing.T, s scene) { s.Server.ExpireLinks() }

// enumeratedWithout leaves items out of one enumeration of groups, and of no more.
func enumeratedWithout(these func(displayName string, members int) bool) func(*http.Request, int) graphtest.Fault {
	var ended atomic.Bool
	return on(directory.GroupFeed, 0, edit(func(p map[string]any) {
		if ended.Load() {
			return
		}
		p["value"] = slices.DeleteFunc(p["value"].([]any), func(v any) bool {
			name, _ := v.(map[string]any)["displayName"].(string)
			members, _ := v.(map[string]any)["members@delta"].([]any)
			return these(name, len(members))
		})
		ended.Store(p["@odata.deltaLink"] != nil)
	}))
}

// misread: every answer is 200, and is not all there is.
func misread() []disaster {
	nothing := func(*http.Request, int) graphtest.Fault {
		return edit(func(p map[string]any) { p["value"] = []any{} })
	}
	lost := []string{userName(1), userName(2), userName(12), userName(23)}
	return []disaster{
		{name: "half of all members", strike: expire, mend: expire, weather: on(directory.GroupFeed, 0, edit(halve)),
			says: []string{"memberships would be removed", "remedy="}, each: true},
		{name: "an empty tenant", strike: expire, mend: expire, weather: nothing,
			says: []string{"all 40 groups would no longer be managed", "remedy="}},
		{name: "an empty delta", mend: expire, weather: nothing,
			strike: func(t *testing.T, s scene) { s.ripple(t, 30, "unheard") }},
		{name: "a page of users left out", strike: expire, mend: expire,
			weather: on(directory.UserFeed, 0, edit(func(p map[string]any) {
				p["value"] = slices.DeleteFunc(p["value"].([]any), func(v any) bool {
					upn, _ := v.(map[string]any)["userPrincipalName"].(string)
					name, _, _ := strings.Cut(upn, "@")
					return slices.Contains(lost, name)
				})
			}))}, // whom an enumeration lacks is asked for by id
		// What an enumeration lacks is read once more, and then is there.
		{name: "a slice of a group left out", strike: expire, mend: expire, weather: enumeratedWithout(func(name string, members int) bool {
			return strings.HasPrefix(name, "Department 20") && members < 20
		})},
		{name: "a page of groups left out once", strike: expire, mend: expire, weather: enumeratedWithout(func(name string, _ int) bool {
			return strings.HasPrefix(name, "Department 1")
		})},
		{name: "a page of groups left out", strike: expire, mend: expire, notes: 4,
			weather: on(directory.GroupFeed, 0, edit(func(p map[string]any) {
				p["value"] = slices.DeleteFunc(p["value"].([]any), func(v any) bool {
					name, _ := v.(map[string]any)["displayName"].(string)
					return slices.ContainsFunc([]string{"Department 09", "Department 14", "Department 22", "Engineering"}, func(g string) bool { return strings.HasPrefix(name, g) })
				})
			})),
			shows: func(s scene) (string, int) { return "group-gone", 4 }},
	}
}

// halve leaves out half of the members, always the same.
func halve(page map[string]any) {
	for _, g := range items(page) {
		members, has := g["members@delta"].([]any)
		if !has {
			continue
		}
		g["members@delta"] = slices.DeleteFunc(members, func(m any) bool {
			h := fnv.New32a()
			fmt.Fprint(h, m.(map[string]any)["id"])
			return h.Sum32()%2 == 0
		})
	}
}

// forbidden: a full enumeration meets what the app may not read.
func forbidden() []disaster {
	grant := func(s scene, roles ...string) {
		s.Server.SetRoles(handlerClient, graphtest.GraphAudience, roles...)
		s.Server.RevokeTokens()
	}
	all := func(_ *testing.T, s scene) { grant(s, "GroupMember.Read.All", "User.Read.All", "Device.Read.All") }
	without := func(roles ...string) func(*testing.T, scene) {
		return func(t *testing.T, s scene) {
			s.ripple(t, 31, "forbidden "+roles[0])
			s.Server.ExpireLinks()
			grant(s, roles...)
		}
	}
	hide := func(visibility any) func(*testing.T, scene) {
		return func(t *testing.T, s scene) {
			g := s.Company.ID(departmentName(20))
			must(t, s.Company.Tenant.SetProperty(g, "visibility", visibility))
			s.Server.ExpireLinks()
		}
	}
	return []disaster{
		{name: "members may not be read", strike: without("User.Read.All", "Device.Read.All"), mend: all,
			says: []string{"read groups feed", "the app lacks GroupMember.Read.All", "grant it as an application permission", "403"}},
		{name: "members of a kind that may not be read", strike: without("GroupMember.Read.All", "User.Read.All"), mend: all,
			says: []string{"read devices feed", "the app lacks Device.Read.All", "grant it as an application permission", "403"}},
		{name: "hidden membership", strike: hide("HiddenMembership"), mend: hide("Private"),
			shows: func(scene) (string, int) { return "hidden-membership", 1 }},
	}
}

// mistaken: somebody configured something else than was meant.
func mistaken(t *testing.T) []disaster {
	write := func(t *testing.T, s scene, scope string) {
		text := fmt.Sprintf("ou: %s\nrename: true\n%s\n", s.Base, scope)
		must(t, os.WriteFile(filepath.Join(s.Dir, "rules.yaml"), []byte(text), 0o600))
		restart(t, s)
	}
	sids := func(of func(directory.SID) any) func(*testing.T, scene) {
		return func(t *testing.T, s scene) {
			for name, sid := range s.DC.SIDs {
				if strings.HasPrefix(name, "user") {
					must(t, s.Company.Tenant.SetProperty(s.Company.ID(name), "onPremisesSecurityIdentifier", of(sid)))
				}
			}
		}
	}
	return []disaster{
		{name: "a scope that matches nothing",
			strike: func(t *testing.T, s scene) {
				write(t, s, "scope:\n- "+graphtest.ID("nothing").String())
			},
			mend: func(t *testing.T, s scene) { write(t, s, "scope: all\nrevision: 1") },
			says: []string{"all 40 groups would no longer be managed", "remedy="}},
		{name: "all users lose their SID",
			strike: sids(func(directory.SID) any { return nil }),
			mend:   sids(func(sid directory.SID) any { return string(sid) }),
			shows:  func(s scene) (string, int) { return "lost-sid", s.memberships(slices.Collect(maps.Keys(s.DC.SIDs))...) }},
		{name: "the tenant of somebody else", strike: elsewhere(t), mend: func(t *testing.T, s scene) {
			s.functions(t).Env = s.settings()
			restart(t, s)
		}, says: []string{"this journal is of tenant " + graphtest.DefaultTenant, "and this planner reads tenant " + otherTenant, "correct the tenant id"}},
	}
}

// restart has the host start the handler anew, with the settings and rules of now.
func restart(t *testing.T, s scene) {
	t.Helper()
	s.Host.Kill()
	must(t, s.Host.Start(t.Context()))
}

func (s scene) functions(t *testing.T) *host.Host {
	t.Helper()
	h, ok := s.Host.(*host.Host)
	if !ok {
		t.Fatalf("the host is a %T", s.Host)
	}
	return h
}

const otherTenant = "99999999-0000-4000-8000-000000000009"

// elsewhere has the handler read another tenant, where the app is known too.
func elsewhere(t *testing.T) func(*testing.T, scene) {
	other := &graphtest.Tenant{}
	for i := range 40 {
		must(t, other.AddGroup(graphtest.Group{ID: graphtest.ID(fmt.Sprint("other ", i)), DisplayName: fmt.Sprint("Other ", i)}))
	}
	return func(t *testing.T, s scene) {
		o := s.Graph
		o.TenantID, o.Fault = otherTenant, nil
		server := graphtest.NewServer(other, o)
		must(t, server.Start(""))
		t.Cleanup(func() { must(t, server.Close()) })
		ca := filepath.Join(s.Dir, "other-ca.pem")
		must(t, os.WriteFile(ca, server.CA(), 0o600))
		s.functions(t).Env = append(s.settings(), "GROUPWRITEBACK_TENANT_ID="+otherTenant, "GROUPWRITEBACK_CA_FILE="+ca,
			"GROUPWRITEBACK_GRAPH_URL="+server.URL(), "GROUPWRITEBACK_AUTHORITY_URL="+server.URL())
		restart(t, s)
	}
}

// memberships counts those of people in groups that are written.
func (s scene) memberships(names ...string) (n int) {
	for _, g := range s.Company.Tenant.Dump().Groups {
		p := g.Properties
		if g.Removed != directory.NotRemoved || p["securityEnabled"] != true || p["onPremisesSyncEnabled"] == true || p["isAssignableToRole"] == true {
			continue
		}
		for _, m := range g.Members {
			if slices.ContainsFunc(names, func(name string) bool { return m.ID == s.Company.ID(name) && m.Kind == directory.User }) {
				n++
			}
		}
	}
	return n
}
