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
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/demo/host"
	"groupwriteback/infra/demo/samba"
	"groupwriteback/infra/demo/storage"
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

// TestStoryOnHosts plays one company's story on each host with the storage of
// its cloud: first fill, then what can happen to groups, with a process that is
// killed in the middle of a turn. On both AD becomes what the cloud says.
func TestStoryOnHosts(t *testing.T) {
	bin, err := builtAll()
	must(t, err)
	dc, err := samba.Launch(t.Context(), filepath.Join(t.TempDir(), "dc"), 60, os.Stderr)
	if err != nil {
		t.Fatalf("%v\nremedy: infra/demo/samba/install.sh", err)
	}
	t.Cleanup(func() { dc.Close() })
	for _, test := range []struct {
		on    HostKind
		store func(t *testing.T) []string
	}{{Functions, azurite}, {Lambda, versity}} {
		t.Run(string(test.on), func(t *testing.T) {
			company, err := NewCompany(string(test.on), dc.SIDs, 10, 30)
			must(t, err)
			base := "OU=" + string(test.on) + "," + dc.Base
			addOU(t, dc, base)
			s := &Stage{Dir: t.TempDir(), Source: source(), Bin: bin, Company: company, DC: dc, Base: base, Target: string(test.on),
				On: test.on, Settings: test.store(t), Log: &testLog{t: t}}
			t.Cleanup(s.Stop)
			storyOnHost(t, s)
		})
	}
}

func storyOnHost(t *testing.T, s *Stage) {
	var armed atomic.Bool
	s.Graph.PageSize = 20
	s.Graph.Fault = func(r *http.Request, _ int) graphtest.Fault {
		if strings.HasPrefix(r.URL.Path, "/v1.0/groups/") && armed.CompareAndSwap(true, false) {
			s.Host.Kill() // a turn is under way: it waits for this answer
		}
		return graphtest.Fault{}
	}
	killed := func() {
		t.Helper()
		armed.Store(true)
		if err := s.Sync(t.Context()); err == nil || armed.Load() {
			t.Fatalf("a turn whose process was killed: %v", err)
		}
		must(t, s.Host.Start(t.Context()))
	}
	must(t, s.Start(t.Context()))
	killed() // in the first enumeration
	must(t, s.StartAgent())
	waitReported(t, s)
	settle(t, s)
	equal(t, s)
	id, c := s.Company.ID, s.Company.Tenant
	must(t, errors.Join(c.Rename(id("Department 07"), "Umbenannt"), c.SetProperty(id("Department 08"), "description", nil),
		c.RemoveMember(id("All staff"), id("user00002")), c.AddMember(id("Empty"), id("user00003")), c.AddMember(id("Everybody technical"), id("Partners")),
		c.SoftDelete(id("Department 09"))))
	killed() // while it reads what is new
	settle(t, s)
	equal(t, s)
	must(t, c.Restore(id("Department 09")))
	settle(t, s)
	equal(t, s)
}

// azurite starts an Azure Blob Storage, and returns the settings for it.
func azurite(t *testing.T) []string {
	a := &storage.Azurite{}
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("%v\nremedy: infra/demo/storage/install.sh", err)
	}
	t.Cleanup(a.Stop)
	return []string{"GROUPWRITEBACK_STORE=azblob:journal", "GROUPWRITEBACK_STORE_CONNECTION=" + a.Connection}
}

// versity starts an S3 server, and returns the settings for it.
func versity(t *testing.T) []string {
	v := &storage.Versity{}
	if err := v.Start(t.Context()); err != nil {
		t.Fatalf("%v\nremedy: infra/demo/storage/install.sh", err)
	}
	t.Cleanup(v.Stop)
	return append(v.Env, "GROUPWRITEBACK_STORE=s3:"+v.Bucket, "GROUPWRITEBACK_S3_ENDPOINT="+v.URL)
}

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
			s.Timeout = 16 * time.Second
			s.Graph.PageSize = 4
			s.Graph.Fault = func(r *http.Request, _ int) graphtest.Fault {
				if strings.HasSuffix(r.URL.Path, "/delta") {
					return graphtest.Fault{Delay: 300 * time.Millisecond}
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
				t.Errorf("it took %d turns for %d feeds: too few to mean anything", turns, len(asked))
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
	files, err := filepath.Glob("../host/testdata/timer-*.json")
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
	var health struct{ Status string }
	must(t, s.Call(t.Context(), http.MethodGet, "status/health", nil, &health))
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
				if err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
					b.Fatal(resp, err)
				}
			}
		})
	}
}
