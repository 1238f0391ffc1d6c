package stage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupwriteback/infra/stage/samba"
)

// A harm is what goes wrong in a run. Number 0 is nothing.
type harm struct {
	store int64  // the handler is killed at this write to the store
	write int64  // the agent is killed at this write to the directory
	op    int64  // the connection is cut at this operation of the directory
	when  string // before | after
}

func (h harm) String() string {
	var what []string
	for _, x := range []struct {
		what string
		at   int64
	}{{"handler killed at store write", h.store}, {"agent killed at LDAP write", h.write}, {"connection cut at LDAP operation", h.op}} {
		if x.at != 0 {
			what = append(what, fmt.Sprintf("%s %d", x.what, x.at))
		}
	}
	return strings.Join(what, ", ") + ", " + h.when
}

// everyFault is set to see every fault; without it about fifty are played, other
// ones each day, so that a build stays short.
const everyFault = "GROUPWRITEBACK_TEST_EVERY_FAULT"

// TestHarmedAtEveryWrite records a run, then plays it again for everything that
// it did: for each write to the store with a handler that is killed, for each
// write to the directory with an agent that is killed, for each operation of the
// directory, be it a write, a search or a bind, with a connection that is cut; each
// before it and after it, when its effect is there and its answer is not. On top
// come kills at random. The next run converges to what the cloud says, and no
// member was ever removed that the cloud did not remove.
func TestHarmedAtEveryWrite(t *testing.T) {
	f := newField(t)
	began := time.Now()
	r := play(t, f, 0, harm{})
	if r.store < 20 || r.writes < 15 || r.ops < 60 {
		t.Fatalf("the recorded run has %+v: too few to mean anything", r)
	}
	t.Logf("a run takes %.1f s and has %d store writes, %d LDAP writes, %d LDAP operations", time.Since(began).Seconds(), r.store, r.writes, r.ops)
	all := harms(r)
	began = time.Now()
	var played, met atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d faults, of which %d were played and %d met, in %.0f s; the last %d of them are runs with two kills at random", len(all), played.Load(), met.Load(), time.Since(began).Seconds(), randomRuns)
	})
	for i := range sample(len(all), 50) {
		t.Run(all[i].String(), func(t *testing.T) {
			t.Parallel()
			played.Add(1)
			if play(t, f, i+1, all[i]).met {
				met.Add(1)
			}
		})
	}
}

// sample yields the numbers of those of n faults that are played: about so many, or all.
func sample(n, some int) func(yield func(int) bool) {
	step := max(1, n/some)
	first := int(time.Now().Unix()/86400) % step
	if os.Getenv(everyFault) != "" {
		step, first = 1, 0
	}
	return func(yield func(int) bool) {
		for i := first; i < n && yield(i); i += step {
		}
	}
}

// randomRuns is how many runs have two kills, at random.
const randomRuns = 25

// harms lists what can go wrong in such a run.
func harms(r run) []harm {
	var out []harm
	for _, when := range []string{"before", "after"} {
		for n := range r.store {
			out = append(out, harm{store: n + 1, when: when})
		}
		for n := range r.writes {
			out = append(out, harm{write: n + 1, when: when})
		}
		for n := range r.ops {
			out = append(out, harm{op: n + 1, when: when})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range randomRuns {
		out = append(out, harm{store: 1 + random.Int64N(r.store), write: 1 + random.Int64N(r.writes), when: []string{"before", "after"}[random.IntN(2)]})
	}
	return out
}

// play plays the run in an OU of its own.
func play(t *testing.T, f field, number int, h harm) run {
	v := f.victim(t, number)
	v.namesFollow()
	v.arm(t, h)
	must(t, v.Start(t.Context()))
	defer v.Stop()
	must(t, v.StartAgent())
	settleAlive(t, v.Stage)
	id, c := v.Company.ID, v.Company.Tenant
	must(t, errors.Join(c.Rename(id("Department 07"), "Renamed"), c.SetProperty(id("Department 08"), "description", nil),
		c.RemoveMember(id("All staff"), id("user00002")), c.AddMember(id("Empty"), id("user00003")), c.AddMember(id("Everybody technical"), id("Partners")),
		c.SoftDelete(id("Department 09"))))
	convergeAlive(t, v.Stage)
	checkRemovals(t, v.Stage, v.proxy.Writes())
	return v.did(t)
}

// convergeAlive settles until AD is what the cloud says: what got no answer is read
// first, and tried again after a second.
func convergeAlive(t *testing.T, s *Stage) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		settleAlive(t, s)
		_, err := s.Compare(t.Context())
		if err == nil {
			return
		}
		if !errors.Is(err, ErrDiffers) || time.Now().After(end) {
			t.Fatal(err)
		}
		must(t, pause(t.Context(), 100*time.Millisecond))
	}
}

// settleAlive settles with processes that may die on the way, and starts them
// again as their hosts would.
func settleAlive(t *testing.T, s *Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errTooLong)
	defer cancel()
	for {
		revive(t, s)
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

// revive starts again who has died, as their hosts would.
func revive(t *testing.T, s *Stage) {
	t.Helper()
	if !s.Host.Running() {
		must(t, s.Host.Start(t.Context()))
	}
	if !s.AgentRuns() {
		must(t, s.StartAgent())
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
