package stage

import (
	"net/http"
	"strings"
	"testing"

	"groupwriteback/shared/graph/graphtest"
)

// answer is what the operator is told of the switch.
type answer struct {
	Done   string
	Switch struct {
		On, Paused, Moved bool
		Ending            string
	}
	Lines   []string
	Preview struct {
		Digest  string
		Changes []struct{ Op string }
		Held    []struct{ Count int }
		Totals  struct{ Problems map[string]int }
	}
}

func (s *Stage) say(t *testing.T, message map[string]string) (w answer) {
	t.Helper()
	must(t, s.Call(t.Context(), http.MethodPost, "manualsync", message, &w))
	return w
}

// TestNothingUnasked: a new target reads and shows, and writes nothing before somebody has
// confirmed the plan that it is then; nor while somebody has said pause, nor while the
// agent's own policy is read_only. Each is told of by its word, and ends within a turn.
func TestNothingUnasked(t *testing.T) {
	s := newStage(t, 60, 12, 30)
	must(t, s.Start(t.Context()))
	must(t, s.StartAgent())
	waitReported(t, s)
	id, c := s.Company.ID, s.Company.Tenant
	still := func(what, state string) {
		t.Helper()
		usn := highestUSN(t, s)
		for range 20 {
			must(t, s.Sync(t.Context()))
		}
		st, err := s.Status(t.Context())
		must(t, err)
		if now := highestUSN(t, s); now != usn || st.State != state || st.Plan != nil || st.Totals.Changes == 0 || st.Totals.Parked > 0 {
			t.Errorf("%s: highestCommittedUSN %s, then %s; %s (%s), plan %v, totals %+v; want %s", what, usn, now, st.State, st.Detail, st.Plan, st.Totals, state)
		}
		resp, err := http.Get(s.Host.URL() + "/api/status/health")
		must(t, err)
		if must(t, resp.Body.Close()); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: health says %s", what, resp.Status)
		}
	}
	still("nobody has confirmed", "off")
	shown := s.say(t, map[string]string{"action": "enable"})
	if shown.Switch.On || len(shown.Preview.Changes) == 0 || !strings.Contains(shown.Done, "groups are made") {
		t.Fatalf("asked what there is to confirm: %+v", shown)
	}
	told := strings.Join(shown.Lines, "\n")
	for _, line := range []string{"✓ agent ", "✓ policy ", "✓ base ", "✓ rights ", "✓ writers ", "✓ container ", "✓ exchange ", "✓ graph groups ", "✓ graph users ", "✓ graph devices ", "? default ", "? cloud-sync ", "✓ tokens ", "! members "} {
		if !strings.Contains("\n"+told, "\n"+line) {
			t.Errorf("the checklist has no line %q:\n%s", line, told)
		}
	}
	must(t, c.AddGroup(graphtest.Group{ID: id("Late"), DisplayName: "Late"}))
	moved := s.say(t, map[string]string{"action": "enable", "digest": shown.Preview.Digest})
	if moved.Switch.On || !moved.Switch.Moved || moved.Preview.Digest == shown.Preview.Digest || !strings.Contains(moved.Done, "not the one that was confirmed any more") {
		t.Errorf("confirmed, and the plan moved on: %+v", moved)
	}
	still("the plan moved on", "off")
	if on := s.say(t, map[string]string{"action": "enable", "digest": moved.Preview.Digest}); !on.Switch.On {
		t.Fatalf("confirmed as it is: %+v", on)
	}
	converge(t, s)

	s.say(t, map[string]string{"action": "pause"})
	must(t, c.RemoveMember(id("All staff"), id("user00020")))
	still("paused", "paused")
	s.say(t, map[string]string{"action": "resume"})
	converge(t, s)

	s.StopAgent()
	s.Policy = "policy:\n  read_only: true\n"
	must(t, s.StartAgent())
	(scene{Stage: s}).until(t, "the agent is heard", func(st Status) bool { return st.State == "read-only" })
	must(t, c.RemoveMember(id("All staff"), id("user00021")))
	still("read-only", "read-only")
	s.StopAgent()
	s.Policy = ""
	must(t, s.StartAgent())
	(scene{Stage: s}).until(t, "the agent is heard", func(st Status) bool { return st.State != "read-only" })
	converge(t, s)
}
