package stage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/infra/stage/samba"
)

// programs is the folder of the programs that the tests play with. It lasts as long as
// all tests of the package together.
var programs string

func TestMain(m *testing.M) { os.Exit(withPrograms(m.Run)) }

// withPrograms gives the programs a folder while the tests run.
func withPrograms(tests func() int) int {
	dir, err := os.MkdirTemp("", "groupwriteback-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = dir
	code := tests()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// built are the real programs, built once for all tests.
var built = sync.OnceValues(func() (Binaries, error) { return Build(context.Background(), source(), programs) })

// TestNothingIsLeft has another process run the tests that need the programs, and looks
// at its temporary folder.
func TestNothingIsLeft(t *testing.T) {
	const child = "GROUPWRITEBACK_TEST_STAGE_CHILD"
	if os.Getenv(child) != "" {
		bin, err := built()
		must(t, err)
		for _, file := range []string{bin.Handler, bin.Agent} {
			_, err := os.Stat(file)
			must(t, err)
		}
		return
	}
	temporary := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsLeft$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1", "TMPDIR="+temporary)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNothingIsLeft") {
		t.Fatalf("%v:\n%s", err, out)
	}
	left, err := os.ReadDir(temporary)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("the tests leave %v in the temporary folder", left)
	}
}

func source() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}

// newStage builds the programs, starts a domain, and returns a stage that is
// not started, with a company of this size.
func newStage(t *testing.T, users, groups, staff int) *Stage {
	t.Helper()
	return stageOn(t, samba.Options{Users: users}, groups, staff)
}

// stageOn is newStage with a domain that has more than each has.
func stageOn(t *testing.T, domain samba.Options, groups, staff int) *Stage {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dc, err := domain.Launch(t.Context(), filepath.Join(t.TempDir(), "dc"), os.Stderr)
	if err != nil {
		t.Fatalf("%v\nremedy: infra/stage/samba/install.sh", err)
	}
	t.Cleanup(func() { dc.Close() })
	company, err := NewCompany("", dc.SIDs, groups, staff)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stage{Dir: t.TempDir(), Source: source(), Bin: bin, Company: company, DC: dc, Target: "corp", Log: &testLog{t: t}}
	t.Cleanup(s.Stop)
	return s
}

// namesFollow has new names rename groups, by rules with these lines.
func (s *Stage) namesFollow(rules ...string) {
	s.Rules, s.Looks = strings.Join(append([]string{"rename: true"}, rules...), "\n")+"\n", []string{"--renames"}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newProxy is a proxy for a stage's domain controller, not started yet.
func newProxy(t *testing.T, s *Stage) *ldapproxy.Proxy {
	t.Helper()
	ca, err := os.ReadFile(s.DC.CAFile)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &ldapproxy.Proxy{Upstream: s.DC.Addr + ":636", TLS: &tls.Config{RootCAs: pool, ServerName: s.DC.ServerName}, Name: s.DC.ServerName, CAFile: filepath.Join(s.Dir, "proxy-ca.pem")}
}

// stand starts a proxy and puts it between the stage's agent and its domain
// controller.
func stand(t *testing.T, s *Stage, p *ldapproxy.Proxy) {
	t.Helper()
	must(t, p.Start())
	t.Cleanup(p.Close)
	s.LDAP, s.LDAPCA = p.URL(), p.CAFile
}

// settle brings AD into line, and fails after a time that is far too long.
func settle(t *testing.T, s *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Minute, errTooLong)
	defer cancel()
	must(t, s.Settle(ctx, nil))
}

// waitReported waits until the agent's first report is there and folded.
func waitReported(t *testing.T, s *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTooLong)
	defer cancel()
	for {
		must(t, s.Sync(ctx))
		st, err := s.Status(ctx)
		must(t, err)
		if !st.Reported.IsZero() {
			return
		}
		must(t, pause(ctx, 50*time.Millisecond))
	}
}

// converge settles until AD is what the cloud says: what was in doubt is read
// again first, and until then nothing is left to do.
func converge(t *testing.T, s *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for {
		err := s.Settle(ctx, nil)
		if err == nil {
			_, err = s.Compare(t.Context())
		}
		if err == nil {
			return
		}
		if !errors.Is(err, ErrDiffers) || pause(ctx, 100*time.Millisecond) != nil {
			t.Fatal(err)
		}
	}
}

func equal(t *testing.T, s *Stage) {
	t.Helper()
	if _, err := s.Compare(t.Context()); err != nil {
		t.Fatal(err)
	}
}
