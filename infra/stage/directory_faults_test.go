package stage

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/shared/directory"
)

// An ordeal is one bad day of the directory.
type ordeal struct {
	name          string
	before, after at                 // what the proxy does
	begin, end    func(t *testing.T) // what else goes wrong, and how a person puts it right

	ripple bool // it is about what the ripple writes
	buries bool // a group that is deleted in it has kept rights by which an administrator alone restores it

	// says are words of the one line that the agent logs, told those of the status, in
	// a problem or for all: what failed, and what to do. None: it gets over it by itself.
	says, told []string
}

// TestDirectoryFaults plays every fault on the way to a domain controller, and of
// a domain controller itself: the cloud changes while the fault is on; a group is deleted in it, and the one of before comes back. What the
// agent cannot get over by itself it says in one line, or the status has a problem
// that names the remedy. When the fault is over, AD becomes what the cloud says.
// Nobody was ever removed from a group whom the cloud did not remove.
func TestDirectoryFaults(t *testing.T) {
	f := newFire(t, 40, busyDay+"leaving: {deleted: quarantine}\n")
	f.Looks = append(f.Looks, "--quarantine")
	for i, o := range f.ordeals(t) {
		t.Run(o.name, func(t *testing.T) { f.play(t, o, i) })
	}
	checkRemovals(t, f.Stage, f.proxy.Writes())
}

// newFire is a scene under no ordeal yet, with an agent that may do what a life takes.
func newFire(t *testing.T, groups int, rules string) *fire {
	t.Helper()
	s := newScene(t, groups, rules)
	must(t, s.DC.LetRestore(true))
	s.StopAgent()
	s.Scan, s.Answer, s.Policy = "500ms", "2s", lifePolicy
	f := &fire{scene: s, admin: administrator{s.DC}}
	s.proxy.Before, s.proxy.After = f.before, f.after
	must(t, s.StartAgent())
	return f
}

// ordeals are all of them, as if none was played.
func (f *fire) ordeals(t *testing.T) []ordeal {
	return slices.Concat(f.lines(), f.answers(), f.controllers(), f.accounts(), f.rights(t))
}

// fire is a scene under an ordeal.
type fire struct {
	scene
	admin administrator

	mu  sync.Mutex
	now ordeal
	met bool // with a fault of it
}

func (f *fire) set(o ordeal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.met = o, false
}

func (f *fire) before(o ldapproxy.Operation) ldapproxy.Fault {
	return f.ask(o, func(x ordeal) at { return x.before })
}
func (f *fire) after(o ldapproxy.Operation) ldapproxy.Fault {
	return f.ask(o, func(x ordeal) at { return x.after })
}

// ask is for one operation at a time, as the agent makes them.
func (f *fire) ask(o ldapproxy.Operation, when func(ordeal) at) (fault ldapproxy.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if about := when(f.now); about != nil {
		fault = about(o)
		f.met = f.met || fault.Does()
	}
	return fault
}

// at says what happens to an operation.
type at func(ldapproxy.Operation) ldapproxy.Fault

func (f *fire) play(t *testing.T, o ordeal, n int) {
	from := f.console.end()
	writes := len(f.proxy.Writes())
	f.suffer(t, o, from, n)
	f.until(t, "what was refused was looked at", Status.Settled) // a person is slower than that
	f.askFor(t)
	converge(t, f.Stage)
	if len(f.proxy.Writes()) == writes {
		t.Error("nothing was written at all: the cloud had changed")
	}
}

// suffer lasts until the agent and the status have said what is wrong, or until AD
// is what the cloud says in spite of it.
func (f *fire) suffer(t *testing.T, o ordeal, from, n int) {
	f.set(o)
	defer f.set(ordeal{})
	if o.end != nil {
		defer o.end(t)
	}
	if o.begin != nil {
		o.begin(t)
	}
	f.ripple(t, n, o.name)
	f.leave(t, n)
	must(t, f.Sync(t.Context()))
	if len(o.says) > 0 {
		f.await(t, o.says, func(Status) bool { return f.console.count(from, o.says) > 0 })
	}
	if len(o.told) > 0 {
		f.await(t, o.told, o.isTold)
	}
	if len(o.says)+len(o.told) == 0 {
		converge(t, f.Stage)
		f.until(t, "something went wrong", func(Status) bool { return f.wasMet() }) // a scan may be due later only
		converge(t, f.Stage)
	}
}

func (f *fire) wasMet() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met
}

// leave has a group deleted in row n, and the one of the row before restored.
func (f *fire) leave(t *testing.T, n int) {
	t.Helper()
	c := f.Company.Tenant
	must(t, c.SoftDelete(f.department(n+5)))
	if n > 0 {
		must(t, c.Restore(f.department(n+4)))
	}
}

// isTold says whether a status has what is to be told.
func (o ordeal) isTold(st Status) bool {
	return hasAll(st.Said(), o.told) || slices.ContainsFunc(st.Problems, func(p Problem) bool { return p.Reason == "refused" && hasAll(p.Text, o.told) })
}

// await fires the timer until somebody was told these words.
func (f *fire) await(t *testing.T, words []string, told func(Status) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		st, err := f.Status(ctx)
		must(t, err)
		if told(st) {
			return
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			t.Fatalf("nobody says %q; the status is %+v", words, st)
		}
		must(t, f.Sync(ctx))
	}
}

// askFor has what was refused tried again, as an operator does who put it right.
func (f *fire) askFor(t *testing.T) {
	t.Helper()
	st, err := f.Status(t.Context())
	must(t, err)
	var groups []directory.ID
	for _, p := range st.Problems {
		if p.Reason == "refused" {
			groups = append(groups, p.Group)
		}
	}
	if len(groups) > 0 {
		var reply struct{}
		must(t, f.Call(t.Context(), http.MethodPost, "manualsync", map[string]any{"action": "sync", "groups": groups}, &reply))
	}
}

func hasAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), w) })
}

// first makes a fault of the first n operations that a test picks; of all if n is
// below 0.
func first(n int, pick func(ldapproxy.Operation) bool, fault ldapproxy.Fault) at {
	return func(o ldapproxy.Operation) ldapproxy.Fault {
		if n == 0 || !pick(o) {
			return ldapproxy.Fault{}
		}
		n--
		return fault
	}
}

// atWrite does something before the nth write.
func atWrite(n int, do func()) at {
	return func(o ldapproxy.Operation) ldapproxy.Fault {
		if writes(o) {
			if n--; n == 0 {
				do()
			}
		}
		return ldapproxy.Fault{}
	}
}

func writes(o ldapproxy.Operation) bool   { return o.Write > 0 }
func searches(o ldapproxy.Operation) bool { return o.Op == "search" }

// scans are searches in the OU: those of scans, for most.
func (f *fire) scans(o ldapproxy.Operation) bool {
	return searches(o) && o.DN == f.Base && slices.Contains(o.Attrs, "adminDisplayName") && slices.ContainsFunc(o.Attrs, func(name string) bool { return strings.HasPrefix(name, "member") })
}

// lines: the way to the domain controller is bad.
func (f *fire) lines() []ordeal {
	late := ldapproxy.Fault{Delay: 4 * time.Second}
	return []ordeal{
		{name: "cut in scans", after: first(2, f.scans, ldapproxy.Fault{Cut: true})},
		{name: "cut before writes", before: first(3, writes, ldapproxy.Fault{Cut: true})},
		{name: "cut after writes", after: first(3, writes, ldapproxy.Fault{Cut: true})},
		{name: "half closed, towards the agent", after: first(2, writes, ldapproxy.Fault{Shut: true})},
		{name: "half closed, towards the domain controller", before: first(2, writes, ldapproxy.Fault{Shut: true})},
		{name: "half closed in a scan", after: first(2, f.scans, ldapproxy.Fault{Shut: true})},
		{name: "an answer to a write comes too late", after: first(1, writes, late), says: []string{"no answer from the domain controller", "timed out"}},
		{name: "an answer to a search comes too late", after: first(1, f.scans, late), says: []string{"no answer from the domain controller", "timed out"}},
		{name: "a write comes too late", before: first(1, writes, late), says: []string{"no answer from the domain controller", "timed out"}},
		{name: "everything is slow", before: first(40, func(ldapproxy.Operation) bool { return true }, ldapproxy.Fault{Delay: 50 * time.Millisecond})},
	}
}

// answers: what comes back is not LDAP, or is a refusal.
func (f *fire) answers() []ordeal {
	always := func(pick func(ldapproxy.Operation) bool, code int64) at {
		return first(-1, pick, ldapproxy.Fault{Code: code})
	}
	once := func(raw string) at {
		return first(1, writes, ldapproxy.Fault{Raw: []byte(raw)})
	}
	const many = 3
	big := func(o ldapproxy.Operation) bool { return o.Members > many }
	return []ordeal{
		{name: "not LDAP", after: once("HTTP/1.1 400 Bad Request\r\n\r\n")},
		{name: "a packet of two gigabytes", after: once("\x30\x84\x7f\xff\xff\xff")},
		{name: "half a packet", after: once("\x30\x0c\x02\x01")},
		{name: "busy for some writes", before: first(4, writes, ldapproxy.Fault{Code: 51})},
		{name: "shutting down", before: first(2, writes, ldapproxy.Fault{Code: 52})},
		{name: "unwilling", before: always(writes, 53), told: []string{"unwilling to perform", "msDS-ObjectSoa"}},
		{name: "operations error in a scan", after: first(1, f.scans, ldapproxy.Fault{Code: 1}), begin: func(t *testing.T) {
			from, words := f.console.end(), []string{"failed", "Operations Error", "again_in"}
			f.await(t, words, func(Status) bool { return f.console.count(from, words) == 1 }) // while there is no plan; told once, tried again
		}},
		{name: "admin limit", ripple: true, before: always(big, 11), begin: func(*testing.T) {
			for i := 10; i < 30; i++ {
				_ = f.Company.Tenant.AddMember(f.Company.ID("Empty"), f.Company.ID(userName(i)))
			}
		}},
	}
}

// controllers: the domain controller itself goes and comes.
func (f *fire) controllers() []ordeal {
	stop := func(t *testing.T) { must(t, f.DC.Stop()) }
	start := func(t *testing.T) { must(t, f.DC.Start(t.Context(), os.Stderr)) }
	inPlan := func() at { return atWrite(2, func() { _ = f.DC.Stop() }) }
	const gone = "the domain controller hung up before it showed a certificate: is it up"
	return []ordeal{
		{name: "stopped", begin: stop, end: start, says: []string{"connect to ldaps://", gone}},
		{name: "stopped in a plan", before: inPlan(), end: start, says: []string{"connect to ldaps://", gone}},
		{name: "stopped until the plan expired", ripple: true, begin: stop, end: func(t *testing.T) {
			f.expire(t)
			start(t)
		}, says: []string{"connect to ldaps://", gone}},
	}
}

// expire sets the end of the plan in flight, which is minutes away, to the past.
func (f *fire) expire(t *testing.T) {
	t.Helper()
	offline(t, f.Stage, func(dir string) error {
		releases, err := filepath.Glob(filepath.Join(dir, "release", "*"))
		return errors.Join(err, past(dir, "expires", releases...))
	})
}
