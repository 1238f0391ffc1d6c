package stage

import (
	"errors"
	"testing"

	"groupwriteback/shared/graph/graphtest"
)

// TestStory plays the whole product's first story with the real programs: a first
// fill, then each thing that can happen to a group. After each act AD equals the
// cloud, as somebody sees it who shares no code with us.
func TestStory(t *testing.T) {
	s := newStage(t, 6300, 40, 6000)
	s.Graph = graphtest.Options{MemberSlice: 490, PageSize: 50, Shuffle: true, Repeat: 7, EmptyPages: 3, Seed: 1}
	must(t, s.Start(t.Context()))
	must(t, s.Sync(t.Context())) // the cloud is read before the agent is there
	must(t, s.StartAgent())
	waitReported(t, s)
	settle(t, s)
	equal(t, s)
	st, err := s.Status(t.Context())
	must(t, err)
	if st.Totals.Groups != 40 || st.Totals.Problems["cloud-only"] != 2 || st.Totals.Problems["guest"] != 1 {
		t.Errorf("status counts %+v", st.Totals)
	}
	id, c := s.Company.ID, s.Company.Tenant
	acts := []struct {
		name string
		do   func() error
	}{
		{"renamed", func() error { return c.Rename(id("Department 12"), "Abteilung Zwölf, neu") }},
		{"description cleared", func() error { return c.SetProperty(id("Department 13"), "description", nil) }},
		{"member added", func() error { return c.AddMember(id("Empty"), id("user00007")) }},
		{"member removed", func() error { return c.RemoveMember(id("All staff"), id("user00100")) }},
		{"nested group added", func() error { return c.AddMember(id("Everybody technical"), id("Department 14")) }},
		{"group added with a nested one", func() error {
			return errors.Join(c.AddGroup(graphtest.Group{ID: id("New inner"), DisplayName: "New inner"}),
				c.AddGroup(graphtest.Group{ID: id("New outer"), DisplayName: "New outer", Members: nil}), c.AddMember(id("New outer"), id("New inner")))
		}},
		{"soft-deleted", func() error { return c.SoftDelete(id("Department 15")) }},
		{"restored", func() error { return c.Restore(id("Department 15")) }},
		{"hard-deleted", func() error { return c.HardDelete(id("Department 16")) }},
	}
	for _, act := range acts {
		t.Run(act.name, func(t *testing.T) {
			must(t, act.do())
			settle(t, s)
			equal(t, s)
		})
	}
}
