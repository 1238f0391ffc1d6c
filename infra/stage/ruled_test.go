package stage

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestRuledStory plays a story with rules that use all that they have: two containers by an
// expression, an expression for each name, further attributes, additive members, flat
// membership, domain-local groups, names that follow the cloud.
func TestRuledStory(t *testing.T) {
	s := &story{Stage: newStage(t, 200, 21, 30), groups: 20}
	s.Graph = graphtest.Options{MemberSlice: 10, PageSize: 20, Shuffle: true, Repeat: 7, EmptyPages: 3, Seed: 1}
	s.Base = s.DC.Base
	text, err := os.ReadFile("testdata/ruled.yaml")
	must(t, err)
	s.Rules = strings.ReplaceAll(string(text), "{base}", s.Base)
	s.Policy = "policy:\n  attributes: [wWWHomePage]\n  group_types: [domain-local-security]\n"
	s.Looks = []string{"--ruled"}
	s.Scan = "500ms"
	s.Graph.Fault = s.fault
	s.told = map[string]bool{}
	for _, name := range []string{"Departments", "Others"} {
		ldapAs(t, s.DC, "ldapadd", fmt.Sprintf("dn: OU=%s,%s\nobjectClass: organizationalUnit\n", name, s.Base))
	}
	must(t, s.Start(t.Context()))
	s.killedTurn(t)
	must(t, s.Sync(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s.Stage)
	settle(t, s.Stage)
	equal(t, s.Stage)
	s.playActs(t, s.ruledActs(t), converge)
	t.Run("somebody put in by hand", s.foreigner)
	t.Run("a container that is not there", s.nowhere)
}

// nowhere: a container that is not there is a problem of the group that wants it, which says
// so, and of nobody else; when it is there the group is made.
func (s *story) nowhere(t *testing.T) {
	id, c := s.Company.ID, s.Company.Tenant
	must(t, c.AddGroup(graphtest.Group{ID: id("Nowhere"), DisplayName: "Nowhere"}))
	must(t, c.AddMember(id("Outer"), id("user00160")))
	settle(t, s.Stage)
	converge(t, s.Stage)
	(scene{Stage: s.Stage}).until(t, "the status names the container", func(st Status) bool {
		return slices.ContainsFunc(st.Problems, func(p Problem) bool {
			return p.Group == id("Nowhere") && strings.Contains(p.Text, "OU=Nowhere,"+s.Base)
		})
	})
	ldapAs(t, s.DC, "ldapadd", fmt.Sprintf("dn: OU=Nowhere,%s\nobjectClass: organizationalUnit\n", s.Base))
	var done struct{ Done string }
	must(t, s.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "retry"}, &done))
	(scene{Stage: s.Stage}).until(t, "no problem of it is left", func(st Status) bool {
		return !slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Group == id("Nowhere") })
	})
}

func (s *story) ruledActs(t *testing.T) []act {
	id, c := s.Company.ID, s.Company.Tenant
	stranger := "CN=Reception,OU=Departments," + s.Base
	inner, outer := id("Inner"), id("Outer")
	return []act{
		{name: "renamed", do: func() error { return c.Rename(id("Department 12"), "Department of Twelve") }},
		{name: "renamed into the other container", do: func() error { return c.Rename(id("Department 11"), "Eleven") }},
		{name: "two change names", killed: true, do: func() error {
			return errors.Join(c.Rename(id("Department 13"), "Department 14"), c.Rename(id("Department 14"), "Department 13"))
		}},
		{name: "three pass their names on", do: func() error {
			return errors.Join(c.Rename(id("Department 15"), "Department new"), c.Rename(id("Department 16"), "Department 15"), c.Rename(id("Department 17"), "Department 16"))
		}},
		{name: "a stranger has the name", do: func() error {
			ldapAs(t, s.DC, "ldapadd", fmt.Sprintf("dn: CN=Department taken,OU=Departments,%s\nobjectClass: contact\n", s.Base))
			s.Looks = []string{"--ruled", "--suffixed", id("Department 18").String()}
			return c.Rename(id("Department 18"), "Department taken")
		}},
		{name: "the stranger goes, and the name stays", do: func() error {
			ldapAs(t, s.DC, "ldapmodify", fmt.Sprintf("dn: CN=Department taken,OU=Departments,%s\nchangetype: delete\n", s.Base))
			return c.AddMember(id("Department 18"), id("user00150"))
		}},
		{name: "a nested group added", do: func() error {
			return errors.Join(c.AddGroup(graphtest.Group{ID: inner, DisplayName: "Inner", Members: []directory.ID{id("user00151"), id("user00152")}}),
				c.AddGroup(graphtest.Group{ID: outer, DisplayName: "Outer", Members: []directory.ID{inner, id("user00153")}}))
		}},
		{name: "somebody joins below", do: func() error { return c.AddMember(inner, id("user00154")) }},
		{name: "somebody leaves below", do: func() error { return c.RemoveMember(id("Engineering"), id("user00005")) }},
		{name: "a circle", killed: true, do: func() error { return c.AddMember(inner, outer) }},
		{name: "the circle ends", do: func() error { return c.RemoveMember(inner, outer) }},
		{name: "the nested group leaves", do: func() error { return c.RemoveMember(outer, inner) }},
		{name: "out of scope and back", do: func() error {
			return errors.Join(c.Rename(outer, "Empty"), s.Sync(t.Context()), c.Rename(outer, "Outer"))
		}},
		{name: "a stranger of another kind", do: func() error {
			ldapAs(t, s.DC, "ldapadd", "dn: "+stranger+"\nobjectClass: contact\n")
			return nil
		}},
	}
}

// foreigner: whom somebody puts in by hand stays, and is told; who leaves the cloud goes.
func (s *story) foreigner(t *testing.T) {
	group, leaver := s.Company.ID("Department 20"), directory.ID{}
	members := s.Company.Members(group)
	leaver = members[0]
	user := s.outsider(members)
	var name string
	for i := 1; name == ""; i++ {
		if s.Company.ID(userName(i)) == user {
			name = userName(i)
		}
	}
	ldapAs(t, s.DC, "ldapmodify", fmt.Sprintf("dn: CN=Department 20,OU=Departments,%s\nchangetype: modify\nadd: member\nmember: %s\n", s.Base, "CN="+name+",OU=p000,OU=People,"+s.DC.Domain))
	s.Looks = append(s.Looks, "--foreign", string(s.DC.SIDs[name]))
	must(t, s.Company.Tenant.RemoveMember(group, leaver))
	settle(t, s.Stage)
	converge(t, s.Stage)
	for seen := false; !seen; must(t, pause(t.Context(), 100*time.Millisecond)) { // the next scan tells
		must(t, s.Sync(t.Context()))
		st, err := s.Status(t.Context())
		must(t, err)
		seen = st.Totals.Problems["foreign-members"] == 1
	}
	equal(t, s.Stage)
}
