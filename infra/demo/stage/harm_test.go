package stage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/demo/ldapproxy"
	"groupwriteback/infra/demo/samba"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// A harm is what goes wrong at one write, of the handler to the store or of the
// agent to the directory. Number 0 is none.
type harm struct {
	store, ldap int64
	when        string // before | after
	cut         bool   // the connection to the directory is cut; otherwise the process is killed
}

func (h harm) String() string {
	what := "kill"
	if h.cut {
		what = "cut"
	}
	return fmt.Sprintf("store=%d,ldap=%d,%s %s", h.store, h.ldap, what, h.when)
}

// everyFault is set to see every fault; without it every fifth is played, other
// ones each day, so that a build stays short.
const everyFault = "GROUPWRITEBACK_TEST_EVERY_FAULT"

// TestHarmedAtEveryWrite records a run, then plays it again for each write that
// it made, to the store or the directory: with a process that is killed, or a
// connection that is cut, before or after that write. On top come kills at
// random. The next run converges to what the cloud says, and no member was ever
// removed that the cloud did not remove.
func TestHarmedAtEveryWrite(t *testing.T) {
	bin, err := built()
	must(t, err)
	faulty := filepath.Join(filepath.Dir(bin.Handler), "faultyhandler")
	build := exec.Command("go", "build", "-o", faulty, "./functions/internal/faultyhandler")
	build.Dir = source()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build faultyhandler: %v\n%s", err, out)
	}
	dc, err := samba.Launch(t.Context(), filepath.Join(t.TempDir(), "dc"), 60, os.Stderr)
	if err != nil {
		t.Fatalf("%v\nremedy: infra/demo/samba/install.sh", err)
	}
	t.Cleanup(func() { dc.Close() })
	began := time.Now()
	store, ldap := play(t, dc, bin, faulty, 0, harm{})
	if store < 20 || ldap < 15 {
		t.Fatalf("the recorded run has %d store writes and %d LDAP writes: too few to mean anything", store, ldap)
	}
	all := harms(store, ldap)
	step, first := 5, int(time.Now().Unix()/86400)%5
	if os.Getenv(everyFault) != "" {
		step, first = 1, 0
	}
	played := 0
	for i := first; i < len(all); i += step {
		played++
		t.Run(all[i].String(), func(t *testing.T) {
			t.Parallel()
			play(t, dc, bin, faulty, i+1, all[i])
		})
	}
	t.Logf("a run (%.1f s) makes N = %d store writes and N = %d LDAP writes: %d faults, of which %d are played", time.Since(began).Seconds(), store, ldap, len(all), played)
}

// harms lists what can go wrong in a run with so many writes, and 50 kills at
// random, two in a run.
func harms(store, ldap int64) []harm {
	var out []harm
	for _, when := range []string{"before", "after"} {
		for n := range store {
			out = append(out, harm{store: n + 1, when: when})
		}
		for n := range ldap {
			out = append(out, harm{ldap: n + 1, when: when}, harm{ldap: n + 1, when: when, cut: true})
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		out = append(out, harm{store: 1 + r.Int64N(store), ldap: 1 + r.Int64N(ldap), when: []string{"before", "after"}[r.IntN(2)]})
	}
	return out
}

// play plays the run in an OU of its own and returns how many writes
// there were.
func play(t *testing.T, dc *samba.DC, bin Binaries, faulty string, run int, k harm) (store, ldap int64) {
	dir := t.TempDir()
	base := fmt.Sprintf("OU=run%03d,%s", run, dc.Base)
	addOU(t, dc, base)
	company, err := NewCompany(fmt.Sprintf("run%d ", run), dc.SIDs, 10, 30)
	must(t, err)
	ca, err := os.ReadFile(dc.CAFile)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	p := &ldapproxy.Proxy{Upstream: dc.Addr + ":636", TLS: &tls.Config{RootCAs: pool, ServerName: dc.ServerName}, Name: dc.ServerName, CAFile: filepath.Join(dir, "proxy-ca.pem")}
	s := &Stage{Dir: dir, Source: source(), Bin: bin, Company: company, DC: dc, Base: base, Target: fmt.Sprintf("run%03d", run), Poll: "20ms", LDAPCA: p.CAFile, Log: &testLog{t: t}}
	var dead atomic.Bool
	die := func(n int64) bool {
		if n != k.ldap || dead.Swap(true) {
			return true
		}
		if !k.cut {
			s.KillAgent()
		}
		return false
	}
	if k.when == "before" {
		p.Before = die
	} else {
		p.After = die
	}
	must(t, p.Start())
	defer p.Close()
	s.LDAP = p.URL()
	counter := filepath.Join(dir, "writes")
	s.HandlerCommand = func(string) *exec.Cmd {
		cmd := exec.Command(faulty)
		cmd.Env = []string{"FAULT_COUNT=" + counter, fmt.Sprintf("FAULT_WRITE=%d", k.store), "FAULT_WHEN=" + k.when}
		return cmd
	}
	must(t, s.Start(t.Context()))
	defer s.Stop()
	must(t, s.StartAgent())
	settleAlive(t, s)
	id, c := company.ID, company.Tenant
	must(t, errors.Join(c.Rename(id("Department 07"), "Renamed"), c.SetProperty(id("Department 08"), "description", nil),
		c.RemoveMember(id("All staff"), id("user00002")), c.AddMember(id("Empty"), id("user00003")), c.AddMember(id("Everybody technical"), id("Partners")),
		c.SoftDelete(id("Department 09"))))
	settleAlive(t, s)
	equal(t, s)
	checkRemovals(t, p.Writes(), company)
	info, err := os.Stat(counter)
	must(t, err)
	return info.Size(), int64(len(p.Writes()))
}

// settleAlive settles with processes that may die on the way, and starts them
// again as their hosts would.
func settleAlive(t *testing.T, s *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errTooLong)
	defer cancel()
	for {
		if !s.Host.Running() {
			must(t, s.Host.Start(ctx))
		}
		if !s.AgentRuns() {
			must(t, s.StartAgent())
		}
		try, stop := context.WithCancel(ctx)
		dead := func() bool { return !s.Host.Running() || !s.AgentRuns() }
		err := s.Settle(try, func(st Status) {
			if dead() {
				stop()
			}
		})
		stop()
		switch {
		case err == nil && !dead():
			return
		case ctx.Err() != nil:
			t.Fatal(context.Cause(ctx), err)
		case err != nil && !dead():
			// The host may die just after it answered, or may be about to.
			must(t, pause(ctx, 20*time.Millisecond))
		}
	}
}

// checkRemovals holds the members that were removed in AD against those that the
// cloud removed.
func checkRemovals(t *testing.T, writes []ldapproxy.Write, c *Company) {
	t.Helper()
	// The agent names a member that goes by the DN that it read; accounts are CN=user00001,….
	names, allowed := map[directory.ID]string{}, map[string]bool{}
	for _, u := range c.Tenant.Dump().Users {
		upn, _ := u.Properties["userPrincipalName"].(string)
		names[u.ID], _, _ = strings.Cut(upn, "@")
	}
	for _, e := range c.Tenant.History() {
		if e.What == graphtest.MemberRemoved {
			allowed[names[e.Member]] = true
		}
	}
	for _, w := range writes {
		if w.Op == "delete" {
			t.Errorf("write %d deletes %s", w.N, w.DN)
		}
		for _, v := range w.Remove {
			name, _, _ := strings.Cut(strings.TrimPrefix(v, "CN="), ",")
			if !allowed[name] {
				t.Errorf("write %d removes %s from %s, which the cloud never did", w.N, v, w.DN)
			}
		}
	}
}

// addOU makes an OU as an administrator.
func addOU(t *testing.T, dc *samba.DC, dn string) {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(dn, "OU="), ",")
	ldapAs(t, dc, "ldapadd", fmt.Sprintf("dn: %s\nobjectClass: organizationalUnit\nou: %s\n", dn, name))
}

// ldapAs runs an LDAP tool as an administrator.
func ldapAs(t *testing.T, dc *samba.DC, tool, ldif string) {
	t.Helper()
	cmd := exec.Command(tool, "-x", "-H", dc.URL, "-D", dc.AdminName, "-w", dc.AdminPassword)
	cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+dc.CAFile, "LDAPTLS_REQCERT=allow")
	cmd.Stdin = strings.NewReader(ldif)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
}
