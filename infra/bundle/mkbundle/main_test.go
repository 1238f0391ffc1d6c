package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Chdir("../../..")
	dir := t.TempDir()
	program := filepath.Join(dir, "built")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for kind, file := range map[string]string{"azure": "handler", "lambda": "bootstrap"} {
		out := filepath.Join(dir, kind)
		stale := filepath.Join(out, "stale")
		if err := os.MkdirAll(stale, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := run([]string{kind, program, out}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, name := range []string{filepath.Join(out, file), out + ".zip"} {
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(stale); err == nil {
			t.Errorf("%s: what was there before is still there", kind)
		}
	}
	for want, args := range map[string][]string{
		"use: mkbundle":                 {"azure", program},
		`"google": use azure or lambda`: {"google", program, filepath.Join(dir, "google")},
		"no such file":                  {"lambda", program, filepath.Join(dir, "lambda"), filepath.Join(dir, "rules.yaml")},
	} {
		if err := run(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run(%q): %v, want %q", args, err, want)
		}
	}
}
