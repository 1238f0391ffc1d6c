package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/infra/stage/host"
	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// builtAll are the programs of all hosts.
var builtAll = sync.OnceValues(func() (Binaries, error) {
	bin, err := built()
	if err == nil {
		bin.Bootstrap, err = BuildBootstrap(context.Background(), source(), filepath.Dir(bin.Handler))
	}
	return bin, err
})

// newCloud returns a stage without a domain: what happens before there is an
// agent needs none.
func newCloud(t testing.TB, on HostKind, users int) *Stage {
	t.Helper()
	bin, err := builtAll()
	if err != nil {
		t.Fatal(err)
	}
	sids := map[string]directory.SID{}
	for i := range users {
		sids[fmt.Sprintf("user%05d", i+1)] = directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", 1001+i))
	}
	company, err := NewCompany("", sids, 10, users)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stage{Dir: t.TempDir(), Source: source(), Bin: bin, Company: company, DC: &samba.DC{Base: samba.Base}, Target: "corp", On: on}
	if test, ok := t.(*testing.T); ok {
		s.Log = &testLog{t: test}
	}
	t.Cleanup(s.Stop)
	return s
}

// TestTurnEndsInTime has Graph answer so slowly that the first enumeration takes
// longer than the host gives a function. Each turn ends well, before the host
// would kill it, and the next goes on from there.
func TestTurnEndsInTime(t *testing.T) {
	for _, on := range []HostKind{Functions, Lambda} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			s := newCloud(t, on, 60)
			s.Timeout = 20 * time.Second // a turn reads for the first 8
			s.Graph.PageSize = 3
			s.Graph.Fault = func(r *http.Request, _ int) graphtest.Fault {
				if strings.HasSuffix(r.URL.Path, "/delta") {
					return graphtest.Fault{Delay: 400 * time.Millisecond} // of some 28 pages
				}
				return graphtest.Fault{}
			}
			must(t, s.Start(t.Context()))
			turns := 0
			for state := ""; state != "waiting-for-agent"; turns++ {
				if turns == 20 {
					t.Fatalf("after %d turns it is still %q", turns, state)
				}
				must(t, s.Sync(t.Context()))
				st, err := s.Status(t.Context())
				must(t, err)
				state = st.State
			}
			// The first page of a feed is asked for once: no turn began again.
			asked := map[directory.Feed]int{}
			for _, r := range s.Server.Requests() {
				if r.Feed != "" && !strings.Contains(r.Query, "token") {
					asked[r.Feed]++
				}
			}
			for feed, n := range asked {
				if n != 1 {
					t.Errorf("the first page of %s was asked for %d times", feed, n)
				}
			}
			if turns < 2 || len(asked) != 3 {
				t.Errorf("it took %d turns and %d requests for %d feeds: too few to mean anything", turns, len(s.Server.Requests()), len(asked))
			}
		})
	}
}

// TestHandlerKeepsTheContract posts every envelope that the Functions host is
// known to send, and holds the handler to what the host wants of its output.
func TestHandlerKeepsTheContract(t *testing.T) {
	s := newCloud(t, Functions, 30)
	var stderr []string
	s.Console = func(l host.Line) {
		if l.Stderr {
			stderr = append(stderr, l.Text)
		}
	}
	must(t, s.Start(t.Context()))
	h := s.Host.(*host.Host)
	files, err := filepath.Glob("host/testdata/timer-*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		envelope, err := os.ReadFile(file)
		must(t, err)
		if err := h.Invoke(t.Context(), "sync", envelope); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if resp, err := http.Get(s.Host.URL() + "/api/status/health"); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("health of a new target: %v, %v", resp, err)
	}
	if resp, err := http.Post(s.Host.URL()+"/api/relay/poll", "application/json", strings.NewReader("{")); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a poll by nobody: %v, %v", resp, err)
	}
	must(t, s.Server.Close()) // now turns fail, and that is no crash
	if err := s.Sync(t.Context()); !errors.Is(err, host.ErrFailed) {
		t.Errorf("a turn without Graph: %v, want %v", err, host.ErrFailed)
	}
	s.Host.Kill() // all that it printed is there
	if len(stderr) > 0 {
		t.Errorf("the handler printed to standard error:\n%s", strings.Join(stderr, "\n"))
	}
}

// TestSettingsMistakesAreTold: a handler that cannot start says why, and so does
// a bootstrap, to Lambda itself.
func TestSettingsMistakesAreTold(t *testing.T) {
	for on, want := range map[HostKind]string{Functions: host.ErrGone.Error(), Lambda: "GROUPWRITEBACK_STORE"} {
		s := newCloud(t, on, 10)
		s.Settings = []string{"GROUPWRITEBACK_STORE=cupboard:3"}
		if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Start: %v, want %q", on, err, want)
		}
		if log := s.Log.(*testLog); !strings.Contains(log.all.String(), "GROUPWRITEBACK_STORE: no such kind of store") {
			t.Errorf("%s: nothing of the mistake in its output:\n%s", on, log.all.String())
		}
	}
}

// BenchmarkColdStart measures from the start of a process to the first answer of
// the app: a bare health request, on Lambda by way of an event.
func BenchmarkColdStart(b *testing.B) {
	for _, on := range []HostKind{Functions, Lambda} {
		b.Run(string(on), func(b *testing.B) {
			s := newCloud(b, on, 10)
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s.Host.Kill()
				if err := s.Host.Start(b.Context()); err != nil {
					b.Fatal(err)
				}
				resp, err := http.Get(s.Host.URL() + "/api/status/health")
				if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Body.Close() != nil {
					b.Fatal(resp, err)
				}
			}
		})
	}
}
