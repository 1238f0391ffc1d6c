package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneAtATime: a second agent with the same memory is refused at its start. Two
// used to take turns with one lease, since the relay took them for one.
func TestOneAtATime(t *testing.T) {
	file, dir := configure(t, whole)
	ok(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	unlock, err := memory{filepath.Join(dir, "state", "corp")}.lock()
	ok(t, err)
	exe, err := binary()
	ok(t, err)
	out, err := exec.CommandContext(t.Context(), exe, "run", "--config", file).CombinedOutput()
	want := "Error: another agent is at work with " + filepath.Join(dir, "state") + ": stop it, or name another folder as state\n"
	if exit, isExit := errors.AsType[*exec.ExitError](err); !isExit || exit.ExitCode() != 1 || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	other, err := memory{filepath.Join(dir, "state", "corp-2")}.lock()
	ok(t, err)
	ok(t, other())
	ok(t, unlock())
	unlock, err = memory{filepath.Join(dir, "state", "corp")}.lock()
	ok(t, err)
	ok(t, unlock())
}

// TestInstance: a folder has one name, whichever process asks, and each its own.
func TestInstance(t *testing.T) {
	m := memory{filepath.Join(t.TempDir(), "corp")}
	a, err := m.instance()
	ok(t, err)
	b, err := m.instance()
	ok(t, err)
	c, err := memory{filepath.Join(t.TempDir(), "corp")}.instance()
	ok(t, err)
	if len(a) < 20 || a != b || a == c {
		t.Errorf("the instances are %q, %q and %q", a, b, c)
	}
}

// TestTidy removes what a crash has left behind, and nothing of another target.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	m, other := memory{filepath.Join(dir, "corp")}, memory{filepath.Join(dir, "corp-2")}
	for _, x := range []memory{m, other} {
		f, err := x.scratch()
		ok(t, err)
		ok(t, f.Close())
	}
	ok(t, m.store(highFile, highWater{1, 2, "d"}))
	ok(t, m.tidy())
	left, err := os.ReadDir(dir)
	ok(t, err)
	if len(left) != 2 || !strings.HasPrefix(left[0].Name(), ".corp-2~") || left[1].Name() != "corp.json" {
		t.Errorf("left are %v", left)
	}
}
