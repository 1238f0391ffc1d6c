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
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/demo/ldapproxy"
	"groupwriteback/infra/demo/samba"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
)

// A kill is a death at one write: of the handler at a store write, or of the
// agent at an LDAP write. Number 0 is none.
type kill struct {
	store, ldap int64
	when        string // before | after
}

// TestKilledAtEveryWrite records a run, then plays it again for each write that
// it made, to the store or the directory, with a process that is killed before
// or after that write. The next run converges to what the cloud says, and no
// member was ever removed that the cloud did not remove.
func TestKilledAtEveryWrite(t *testing.T) {
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
	store, ldap := playKilled(t, dc, bin, faulty, 0, kill{})
	t.Logf("a run makes N = %d store writes by the handler and N = %d LDAP writes", store, ldap)
	if store < 20 || ldap < 15 {
		t.Fatal("the recorded run is too small to mean anything")
	}
	var kills []kill
	for _, when := range []string{"before", "after"} {
		for n := range store {
			kills = append(kills, kill{store: n + 1, when: when})
		}
		for n := range ldap {
			kills = append(kills, kill{ldap: n + 1, when: when})
		}
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(kills); i += step {
		k := kills[i]
		t.Run(fmt.Sprintf("store=%d,ldap=%d,%s", k.store, k.ldap, k.when), func(t *testing.T) {
			t.Parallel()
			playKilled(t, dc, bin, faulty, i+1, k)
		})
	}
}

// playKilled plays the run in an OU of its own and returns how many writes
// there were.
func playKilled(t *testing.T, dc *samba.DC, bin Binaries, faulty string, run int, k kill) (store, ldap int64) {
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
		s.KillAgent()
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
