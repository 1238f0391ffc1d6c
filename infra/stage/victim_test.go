package stage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"groupwriteback/infra/stage/ldapproxy"
	"groupwriteback/infra/stage/samba"
)

// A field is where harm is done: a domain for all runs, and a handler that kills itself.
type field struct {
	dc     *samba.DC
	bin    Binaries
	faulty string
}

func newField(t *testing.T) field {
	t.Helper()
	bin, err := built()
	must(t, err)
	f := field{bin: bin, faulty: filepath.Join(filepath.Dir(bin.Handler), "faultyhandler")}
	build := exec.Command("go", "build", "-o", f.faulty, "./functions/internal/faultyhandler")
	build.Dir = source()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build faultyhandler: %v\n%s", err, out)
	}
	f.dc, err = samba.Launch(t.Context(), filepath.Join(t.TempDir(), "dc"), 60, os.Stderr)
	if err != nil {
		t.Fatalf("%v\nremedy: infra/stage/samba/install.sh", err)
	}
	t.Cleanup(func() { f.dc.Close() })
	return f
}

// A run is what one had of each.
type run struct {
	store, writes, ops int64
	met                bool // with its harm; what a run does by time differs a little
}

// A victim is a stage to which harm is done, one at a time.
type victim struct {
	*Stage
	proxy   *ldapproxy.Proxy
	counter string // a file, with a byte for each write to the store

	mu   sync.Mutex
	harm harm
	from run  // what it had done before the harm was armed, which counts from there
	met  bool // with the harm, in the directory
}

// victim is one in an OU of its own, which is not started.
func (f field) victim(t *testing.T, number int) *victim {
	t.Helper()
	base := fmt.Sprintf("OU=run%03d,%s", number, f.dc.Base)
	addOU(t, f.dc, base)
	company, err := NewCompany(fmt.Sprintf("run%d ", number), f.dc.SIDs, 10, 30)
	must(t, err)
	dir := t.TempDir()
	v := &victim{counter: filepath.Join(dir, "writes"),
		Stage: &Stage{Dir: dir, Source: source(), Bin: f.bin, Company: company, DC: f.dc, Base: base, Target: fmt.Sprintf("run%03d", number), Poll: "20ms", Log: &testLog{t: t}}}
	v.proxy = newProxy(t, v.Stage)
	v.proxy.Before, v.proxy.After = v.strike("before"), v.strike("after")
	stand(t, v.Stage, v.proxy)
	v.HandlerCommand = func(string) *exec.Cmd {
		v.mu.Lock()
		defer v.mu.Unlock()
		at := v.harm.store
		if at > 0 {
			at += v.from.store
		}
		cmd := exec.Command(f.faulty)
		cmd.Env = []string{"FAULT_COUNT=" + v.counter, fmt.Sprintf("FAULT_WRITE=%d", at), "FAULT_WHEN=" + v.harm.when}
		return cmd
	}
	return v
}

// arm has a harm done from now on, counted from here; a handler that runs learns of it when
// it is started again.
func (v *victim) arm(t *testing.T, h harm) {
	t.Helper()
	from := v.count(t)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.harm, v.from, v.met = h, from, false
}

// strike does the harm that is armed to an operation of the directory.
func (v *victim) strike(when string) func(ldapproxy.Operation) ldapproxy.Fault {
	return func(o ldapproxy.Operation) (f ldapproxy.Fault) {
		v.mu.Lock()
		h, now := v.harm, !v.met && v.harm.when == when
		f.Cut = now && (h.op > 0 && h.op == o.N-v.from.ops || h.write > 0 && h.write == o.Write-v.from.writes)
		v.met = v.met || f.Cut
		v.mu.Unlock()
		if f.Cut && h.write > 0 {
			v.KillAgent()
		}
		return f
	}
}

// count is what the victim has done in all.
func (v *victim) count(t *testing.T) run {
	t.Helper()
	r := run{writes: int64(len(v.proxy.Writes())), ops: int64(len(v.proxy.Operations()))}
	switch info, err := os.Stat(v.counter); {
	case err == nil:
		r.store = info.Size()
	case !os.IsNotExist(err):
		t.Fatal(err)
	}
	return r
}

// did is what the victim has done since a harm was armed, and whether it has met that.
func (v *victim) did(t *testing.T) run {
	t.Helper()
	r := v.count(t)
	v.mu.Lock()
	defer v.mu.Unlock()
	r.store, r.writes, r.ops = r.store-v.from.store, r.writes-v.from.writes, r.ops-v.from.ops
	r.met = v.harm.store > 0 && r.store >= v.harm.store || v.met
	return r
}
