package stage

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
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
	t.Run("nothing happened", func(t *testing.T) { idle(t, s) })
	t.Run("more than a third removed", func(t *testing.T) { held(t, s) })
}

// idle holds a turn in which nothing happened to what it may cost: no write in
// the directory, and one request to Graph for each link.
func idle(t *testing.T, s *Stage) {
	usn, requests := highestUSN(t, s), len(s.Server.Requests())
	must(t, s.Sync(t.Context()))
	must(t, s.Sync(t.Context()))
	if now := highestUSN(t, s); now != usn {
		t.Errorf("highestCommittedUSN went from %s to %s without a change", usn, now)
	}
	links := map[directory.Feed]int{}
	for _, r := range s.Server.Requests()[requests:] {
		links[r.Feed]++
	}
	for _, feed := range []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed} {
		if links[feed] != 2 {
			t.Errorf("%d requests for %s in two idle turns, want 2", links[feed], feed)
		}
	}
}

// held removes more of a group than may go without a person's word.
func held(t *testing.T, s *Stage) {
	group := s.Company.ID("Department 20")
	members := s.Company.Members(group)
	for _, m := range members[:len(members)/3+1] {
		must(t, s.Company.Tenant.RemoveMember(group, m))
	}
	// Additions flow while removals are held.
	must(t, s.Company.Tenant.AddMember(group, s.Company.ID("user06299")))
	settle(t, s)
	st, err := s.Status(t.Context())
	must(t, err)
	if st.State != "held" || len(st.Holds) != 1 || st.Totals.Held != len(members)/3+1 {
		t.Fatalf("status %+v, want one hold of %d", st, len(members)/3+1)
	}
	if out, err := s.Compare(t.Context()); !errors.Is(err, ErrDiffers) || strings.Count(out, "should not be there") != len(members)/3+1 || strings.Contains(out, "is missing") {
		t.Fatalf("while removals are held: %v\n%s", err, out)
	}
	// Killed and started again, it is still held.
	s.Host.Kill()
	must(t, s.Host.Start(t.Context()))
	settle(t, s)
	if again, err := s.Status(t.Context()); err != nil || len(again.Holds) != 1 || again.Holds[0].ID != st.Holds[0].ID {
		t.Fatalf("after a restart: %+v, %v; want hold %s", again, err, st.Holds[0].ID)
	}
	var reply struct{ Done string }
	must(t, s.Call(t.Context(), http.MethodPost, "manualsync", map[string]string{"action": "approve", "hold": st.Holds[0].ID}, &reply))
	settle(t, s)
	equal(t, s)
}

func highestUSN(t *testing.T, s *Stage) string {
	t.Helper()
	cmd := exec.Command("ldapsearch", "-x", "-LLL", "-H", s.DC.URL, "-s", "base", "-b", "", "highestCommittedUSN")
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+s.DC.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.Output()
	must(t, err)
	_, usn, ok := strings.Cut(string(out), "highestCommittedUSN: ")
	if !ok {
		t.Fatalf("no highestCommittedUSN in %q", out)
	}
	return strings.TrimSpace(usn)
}
