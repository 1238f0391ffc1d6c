package stage

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/plan"
)

// identity is what a group is to those who have given it rights.
type identity struct{ sid, guid, groupType, members, fence string }

// identities are those of all groups below the base, by their marks.
func identities(t *testing.T, s *Stage) map[string]identity {
	t.Helper()
	cmd := exec.Command("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.DC.URL, "-D", s.DC.AdminName, "-w", s.DC.AdminPassword, "-b", s.Base, "(adminDescription=Group_*)",
		"adminDescription", "adminDisplayName", "objectSid", "objectGUID", "groupType", "member")
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+s.DC.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.Output()
	must(t, err)
	found := map[string]identity{}
	for entry := range strings.SplitSeq(string(out), "\n\n") {
		values := map[string][]string{}
		for line := range strings.SplitSeq(entry, "\n") {
			name, value, _ := strings.Cut(line, ":")
			values[name] = append(values[name], value)
		}
		if mark := strings.TrimSpace(strings.Join(values["adminDescription"], "")); mark != "" {
			slices.Sort(values["member"])
			found[mark] = identity{strings.Join(values["objectSid"], ""), strings.Join(values["objectGUID"], ""), strings.TrimSpace(strings.Join(values["groupType"], "")),
				strings.Join(values["member"], "\n"), strings.TrimSpace(strings.Join(values["adminDisplayName"], ""))}
		}
	}
	return found
}

// same holds groups to what they were: whoever was given rights has them, and so have the members.
func same(t *testing.T, when string, before, now map[string]identity) {
	t.Helper()
	for mark, was := range before {
		is := now[mark]
		is.fence = was.fence
		if is != was {
			t.Errorf("%s: %s is\n%+v, was\n%+v", when, mark, is, was)
		}
	}
	if len(now) != len(before) {
		t.Errorf("%s: there are %d groups, and were %d", when, len(now), len(before))
	}
}

// TestWholeLife takes groups through their life on a real domain, with the account's own rights:
// quarantine and back, an end of writeback of each kind and back. No group is another one by
// that: each has its SID, its GUID and its members; and nothing is deleted that could not be had back.
func TestWholeLife(t *testing.T) {
	wholeLife(t, &living{Stage: newStage(t, 60, 10, 30)}, nil)
}

// TestWholeLifeHarmed does so while the way to the domain controller is cut at every few
// writes of each kind, before them or after them, and the agent and the handler are killed at some.
func TestWholeLifeHarmed(t *testing.T) {
	s := newStage(t, 60, 10, 30)
	p := newProxy(t, s)
	var mu sync.Mutex
	seen, met := map[string]int{}, map[string]int{} // by kind of write: a few of each are cut, however many there are
	harm := func(name string, at int, fault ldapproxy.Fault) func(ldapproxy.Operation) ldapproxy.Fault {
		return func(o ldapproxy.Operation) ldapproxy.Fault {
			if o.Write == 0 {
				return ldapproxy.Fault{}
			}
			mu.Lock()
			defer mu.Unlock()
			what := name + " " + o.Op
			if seen[what]++; seen[what]%12 != at {
				return ldapproxy.Fault{}
			}
			met[what]++
			return fault
		}
	}
	p.Before = harm("before", 2, ldapproxy.Fault{Cut: true})
	p.After = harm("after", 5, ldapproxy.Fault{Cut: true})
	stand(t, s, p)
	turns := 0
	wholeLife(t, &living{Stage: s}, func(*testing.T, Status) {
		switch turns++; turns % 4 {
		case 2:
			s.KillAgent()
		case 0:
			s.Host.Kill()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	t.Logf("cut %v", met)
	for _, what := range []string{"before modify", "after modify", "before delete", "after delete"} {
		if met[what] == 0 {
			t.Errorf("nothing was cut %s: %v", what, met)
		}
	}
}

// wholeLife plays it. seen is told how things stand while writeback ends; nil: nobody is.
func wholeLife(t *testing.T, s *living, seen func(*testing.T, Status)) {
	t.Helper()
	end := func(what string) {
		t.Helper()
		s.seen = seen
		s.end(t, what)
		s.seen = nil
		revive(t, s.Stage)
	}
	s.Rules, s.Policy, s.Scan = "leaving: {deleted: quarantine}\n", lifePolicy, "500ms"
	must(t, s.DC.LetRestore(true))
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s.Stage)
	settle(t, s.Stage)
	converge(t, s.Stage)
	before := identities(t, s.Stage)
	id, c := s.Company.ID, s.Company.Tenant
	mark := plan.Mark(id("Engineering"))

	must(t, c.SoftDelete(id("Engineering")))
	settle(t, s.Stage)
	quarantined := identities(t, s.Stage)[mark]
	for end := time.Now().Add(time.Minute); quarantined.groupType != "8" && time.Now().Before(end); quarantined = identities(t, s.Stage)[mark] {
		settle(t, s.Stage) // what got no answer is tried again
	}
	if was := before[mark]; quarantined.groupType != "8" || quarantined.sid != was.sid || quarantined.guid != was.guid || quarantined.members != was.members {
		t.Errorf("in quarantine it is\n%+v, was\n%+v", quarantined, was)
	}
	must(t, c.Restore(id("Engineering")))
	must(t, c.AddMember(id("Everybody technical"), id("Engineering"))) // Entra ID does not bring it back into groups
	converge(t, s.Stage)
	same(t, "out of quarantine", before, identities(t, s.Stage))

	back := func(when string) {
		t.Helper()
		usn := highestUSN(t, s.Stage)
		for range 5 {
			must(t, s.Sync(t.Context()))
		}
		if now := highestUSN(t, s.Stage); now != usn {
			t.Errorf("%s: it is off, and the directory was written to", when)
		}
		settle(t, s.Stage) // which enables
		converge(t, s.Stage)
		same(t, when, before, identities(t, s.Stage))
	}
	end("keep")
	kept := identities(t, s.Stage)
	same(t, "left to people", before, kept)
	for _, g := range kept {
		if g.fence != "gwb corp released" {
			t.Errorf("a fence is left: %q", g.fence)
		}
	}
	back("taken back")

	end("delete")
	if left := identities(t, s.Stage); len(left) != 0 {
		t.Errorf("not deleted: %v", slices.Collect(maps.Keys(left)))
	}
	back("restored")

	end("delete")
	s.Host.Kill()
	must(t, os.RemoveAll(filepath.Join(s.Dir, "store")))
	must(t, s.Host.Start(t.Context()))
	waitReported(t, s.Stage)
	back("restored by a journal that has not deleted them")

	must(t, s.DC.LetRestore(false))
	for deadline := time.Now().Add(time.Minute); ; must(t, pause(t.Context(), 200*time.Millisecond)) { // until the agent's next scan
		must(t, s.Sync(t.Context()))
		shown := s.say(t, map[string]string{"action": "disable", "end": "delete"})
		if len(shown.Preview.Changes)+len(shown.Preview.Held) == 0 && shown.Preview.Totals.Problems["not-deleted"] == len(before) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("without the right to restore it would delete: %+v", shown)
		}
	}
	same(t, "what could not be had back", before, identities(t, s.Stage))
}
