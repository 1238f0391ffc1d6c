package stage

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// TestStory plays the story with a company of some size on a journal in a
// folder: one of its groups has 6,000 members, which Graph tells in slices.
func TestStory(t *testing.T) {
	s := &story{Stage: newStage(t, 6300, 40, 6000), groups: 40, slices: 12}
	s.Graph = graphtest.Options{MemberSlice: 490, PageSize: 50, Shuffle: true, Repeat: 7, EmptyPages: 3, Seed: 1}
	s.play(t)
}

// story is the whole product's first story, with the real programs: a first
// fill, then each thing that can happen to a group, with a host that is killed
// in the middle of a turn. Nothing in it depends on the host or the store.
type story struct {
	*Stage
	groups int // of the company that are ours to write
	slices int // in which Graph tells the members of its largest group, at least

	armed atomic.Bool // the host is killed when it asks for groups
	mu    sync.Mutex  // guards told
	told  map[string]bool
}

// play plays it. After each act AD equals the cloud, as somebody sees it who
// shares no code with us.
func (s *story) play(t *testing.T) {
	s.told = map[string]bool{}
	s.Graph.Fault = s.fault
	must(t, s.Start(t.Context()))
	s.killedTurn(t)              // in the first enumeration
	must(t, s.Sync(t.Context())) // the cloud is read before the agent is there
	must(t, s.StartAgent())
	waitReported(t, s.Stage)
	settle(t, s.Stage)
	equal(t, s.Stage)
	defer watch(t, s.Stage)()
	if n := len(s.told); n < s.slices {
		t.Errorf("Graph told the members of the largest group in %d items, want %d at least", n, s.slices)
	}
	st, err := s.Status(t.Context())
	must(t, err)
	if st.Totals.Groups != s.groups || st.Totals.Problems["cloud-only"] != 2 || st.Totals.Problems["guest"] != 1 {
		t.Errorf("status counts %+v", st.Totals)
	}
	s.playActs(t, s.acts(), equal)
	t.Run("nothing happened", s.idle)
	t.Run("more than a third removed", s.held)
}

// playActs plays acts, and holds the stage after each to what it should be.
func (s *story) playActs(t *testing.T, acts []act, holds func(*testing.T, *Stage)) {
	for _, act := range acts {
		t.Run(act.name, func(t *testing.T) {
			if act.byHand != "" {
				ldapAs(t, s.DC, "ldapadd", act.byHand)
			}
			must(t, act.do())
			if act.killed {
				s.killedTurn(t)
			}
			settle(t, s.Stage)
			holds(t, s.Stage)
		})
	}
}

// act is something that happens to a group.
type act struct {
	name   string
	byHand string // what an administrator adds to the directory before, as LDIF
	do     func() error
	killed bool // in the turn that reads it
}

func (s *story) acts() []act {
	id, c := s.Company.ID, s.Company.Tenant
	return []act{
		{name: "renamed", do: func() error { return c.Rename(id("Department 12"), "Abteilung Zwölf, neu") }},
		{name: "a name taken by a stranger",
			byHand: fmt.Sprintf("dn: CN=Somebody,CN=Users,%s\nobjectClass: group\nsAMAccountName: Wanted_%s\n", s.DC.Domain, id("Wanted").String()[24:]),
			do:     func() error { return c.AddGroup(graphtest.Group{ID: id("Wanted"), DisplayName: "Wanted"}) }},
		{name: "description cleared", do: func() error { return c.SetProperty(id("Department 13"), "description", nil) }},
		{name: "member added", do: func() error { return c.AddMember(id("Empty"), id("user00007")) }},
		{name: "member removed", do: func() error { return c.RemoveMember(id("All staff"), id("user00020")) }},
		{name: "nested group added", do: func() error { return c.AddMember(id("Everybody technical"), id("Department 14")) }},
		{name: "group added with a nested one", do: func() error {
			return errors.Join(c.AddGroup(graphtest.Group{ID: id("New inner"), DisplayName: "New inner"}),
				c.AddGroup(graphtest.Group{ID: id("New outer"), DisplayName: "New outer", Members: nil}), c.AddMember(id("New outer"), id("New inner")))
		}},
		{name: "several at once", killed: true, do: func() error {
			return errors.Join(c.Rename(id("Department 17"), "Umbenannt"), c.AddMember(id("Empty"), id("user00003")), c.RemoveMember(id("All staff"), id("user00002")))
		}},
		{name: "soft-deleted", do: func() error { return c.SoftDelete(id("Department 15")) }},
		{name: "restored", do: func() error { return c.Restore(id("Department 15")) }},
		{name: "hard-deleted", do: func() error { return c.HardDelete(id("Department 16")) }},
	}
}

// fault is what goes wrong at Graph: nothing, but that its client may be killed
// while it waits for an answer. What is told of the largest group is noted.
func (s *story) fault(r *http.Request, _ int) graphtest.Fault {
	if !strings.HasPrefix(r.URL.Path, "/v1.0/groups/") {
		return graphtest.Fault{}
	}
	if s.armed.CompareAndSwap(true, false) {
		s.Host.Kill()
	}
	return edit(func(page map[string]any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, item := range items(page) {
			if members, _ := item["members@delta"].([]any); len(members) > 0 && item["id"] == s.Company.ID("All staff").String() {
				s.told[fmt.Sprint(members[0])] = true // an item that is repeated counts once
			}
		}
	})
}

// killedTurn takes a turn whose process is killed, and starts the host again.
func (s *story) killedTurn(t *testing.T) {
	t.Helper()
	s.armed.Store(true)
	if err := s.Sync(t.Context()); err == nil || s.armed.Load() {
		t.Fatalf("a turn whose process was killed: %v", err)
	}
	must(t, s.Host.Start(t.Context()))
}

// idle holds a turn in which nothing happened to what it may cost: no write in
// the directory, and one request to Graph for each link.
func (s *story) idle(t *testing.T) {
	usn, requests := highestUSN(t, s.Stage), len(s.Server.Requests())
	must(t, s.Sync(t.Context()))
	must(t, s.Sync(t.Context()))
	if now := highestUSN(t, s.Stage); now != usn {
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
func (s *story) held(t *testing.T) {
	group := s.Company.ID("Department 20")
	members := s.Company.Members(group)
	gone := members[:len(members)/3+1]
	for _, m := range gone {
		must(t, s.Company.Tenant.RemoveMember(group, m))
	}
	// Additions flow while removals are held.
	must(t, s.Company.Tenant.AddMember(group, s.outsider(members)))
	settle(t, s.Stage)
	st, err := s.Status(t.Context())
	must(t, err)
	if st.State != "held" || len(st.Holds) != 1 || st.Totals.Held != len(gone) {
		t.Fatalf("status %+v, want one hold of %d", st, len(gone))
	}
	if out, err := s.Compare(t.Context()); !errors.Is(err, ErrDiffers) || strings.Count(out, "should not be there") != len(gone) || strings.Contains(out, "is missing") {
		t.Fatalf("while removals are held: %v\n%s", err, out)
	}
	// Killed and started again, it is still held.
	s.Host.Kill()
	must(t, s.Host.Start(t.Context()))
	settle(t, s.Stage)
	if again, err := s.Status(t.Context()); err != nil || len(again.Holds) != 1 || again.Holds[0].ID != st.Holds[0].ID {
		t.Fatalf("after a restart: %+v, %v; want hold %s", again, err, st.Holds[0].ID)
	}
	var hold struct {
		Causes map[string]int
		Items  []struct{ Remove []string }
	}
	must(t, s.Call(t.Context(), http.MethodGet, "status?hold="+st.Holds[0].ID, nil, &hold))
	if len(hold.Items) != 1 || len(hold.Items[0].Remove) != len(gone) || hold.Causes["left the cloud group"] != len(gone) {
		t.Errorf("the hold lists %+v, want %d removals from one group", hold, len(gone))
	}
	var reply struct{ Done string }
	must(t, s.Call(t.Context(), http.MethodPost, "manualsync", map[string]string{"action": "approve", "hold": st.Holds[0].ID}, &reply))
	settle(t, s.Stage)
	equal(t, s.Stage)
}

// outsider is the first user who is none of these.
func (s *story) outsider(members []directory.ID) directory.ID {
	for i := 1; ; i++ {
		if u := s.Company.ID(userName(i)); !slices.Contains(members, u) {
			return u
		}
	}
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
