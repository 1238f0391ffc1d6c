package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNoRoomForMemory: a folder that is gone, or on a disk that takes nothing, is told of
// in words that say what to do.
func TestNoRoomForMemory(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	m := memory{filepath.Join(folder, "corp")}
	want := "nothing can be written in " + folder + ": no such file or directory: let the account that runs the agent write there"
	if err := m.canWrite(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := m.alone(); err == nil || err.Error() != "whether a second agent would be noticed cannot be tried: no such file or directory" {
		t.Errorf("alone: %v", err)
	}
	ok(t, os.Mkdir(folder, 0o700))
	ok(t, m.canWrite())
	unlock, err := m.lock()
	ok(t, err)
	if text, err := m.alone(); err != nil || text != "an agent is at work with this folder" {
		t.Errorf("with an agent at work: %q, %v", text, err)
	}
	ok(t, unlock())
	if text, err := m.alone(); err != nil || text != "no agent is at work with this folder" {
		t.Errorf("after it: %q, %v", text, err)
	}
	again, err := m.lock() // the check holds nothing up
	ok(t, err)
	ok(t, again())
}
