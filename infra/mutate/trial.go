package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// A trial builds the tests of one package and runs them, in a folder of its own.
// The source is never touched: Go is told to read a changed file in place of one.
type trial struct {
	root    string // of the module
	dir     string // for what is built, and for what the tests leave
	pkg     string // folder of the package, from root
	run     string // as go test -run has it
	overlay string // file for go build -overlay; "": the source as it stands
}

func newTrial(root, pkg, run string) (*trial, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	return &trial{root: root, dir: dir, pkg: pkg, run: run}, err
}

// with is the same trial, as it was built, of other tests.
func (t *trial) with(run string) *trial {
	other := *t
	other.run = run
	return &other
}

// mutate has the build read a changed file.
func (t *trial) mutate(m mutant) error {
	file := filepath.Join(t.root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s does not apply: %w", m.at, err)
	}
	changed, err := m.apply(string(source))
	if err != nil {
		return err
	}
	copied := filepath.Join(t.dir, filepath.Base(file))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: copied}})
	if err != nil {
		return err
	}
	t.overlay = filepath.Join(t.dir, "overlay.json")
	return errors.Join(os.WriteFile(copied, []byte(changed), 0o600), os.WriteFile(t.overlay, overlay, 0o600))
}

// env is for the build and for the tests: programs that a test builds have the
// mutant too, and what it leaves behind lies in the trial's folder.
func (t *trial) env() []string {
	env := append(os.Environ(), "TMPDIR="+t.dir)
	if t.overlay != "" {
		env = append(env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+t.overlay))
	}
	return env
}

func (t *trial) binary() string { return filepath.Join(t.dir, "tests") }

// build builds the tests.
func (t *trial) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", t.binary(), "./"+t.pkg)
	cmd.Dir, cmd.Env = t.root, t.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build tests of %s: %w: %s", t.pkg, err, bytes.Join(bytes.Fields(out), []byte(" ")))
	}
	if _, err := os.Stat(t.binary()); err != nil {
		return fmt.Errorf("build tests of %s: it has none", t.pkg)
	}
	return nil
}

// test runs what was built. passed says that all tests did; else by is what
// noticed: a test's name, or that there was no end within the limit.
func (t *trial) test(ctx context.Context, limit time.Duration) (passed bool, by string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.binary(), "-test.short", "-test.failfast", "-test.timeout="+limit.String(), "-test.run="+t.run)
	cmd.Dir, cmd.Env = filepath.Join(t.root, filepath.FromSlash(t.pkg)), t.env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it has started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		return false, "", fmt.Errorf("run tests of %s: %w", t.pkg, err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing is left, as a rule
	hung := errors.Is(ctx.Err(), context.DeadlineExceeded) || bytes.Contains(out.Bytes(), []byte("panic: test timed out after"))
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return false, "", ctx.Err()
	case hung:
		return false, fmt.Sprintf("no end within %v", limit), nil
	case err != nil:
		return false, cmp.Or(culprit(out.Bytes()), err.Error()), nil
	case bytes.Contains(out.Bytes(), []byte("no tests to run")):
		return false, "", fmt.Errorf("run tests of %s: none has the name %s", t.pkg, t.run)
	}
	return true, "", nil
}

// grace is how long after its limit a test program that does not end by itself is
// killed.
const grace = 10 * time.Second

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)|^(panic: .*)$`)

// culprit is the first test that failed, or the panic that ended all.
func culprit(out []byte) string {
	m := failed.FindSubmatch(out)
	if m == nil {
		return ""
	}
	return string(m[1]) + string(m[2])
}

// close removes the folder. Tests that panic leave a domain controller running.
func (t *trial) close() error {
	left, err := filepath.Glob(filepath.Join(t.dir, "*", "samba.pid"))
	for _, pid := range left {
		stop := filepath.Join(t.root, "infra", "stage", "samba", "stop.sh")
		err = errors.Join(err, exec.Command(stop, filepath.Dir(pid)).Run())
	}
	return errors.Join(err, os.RemoveAll(t.dir))
}
