package main

import (
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStoredRules plays the commands of rules against the real handler, whose rules are in the store.
func TestStoredRules(t *testing.T) {
	env := installation(t, "GROUPWRITEBACK_RULES=store:")
	testscript.Run(t, testscript.Params{Dir: "testdata/stored", Cmds: map[string]func(*testscript.TestScript, bool, []string){"capture": capture},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, env...)
			return nil
		}})
}

// capture sets a variable to the first group of an expression in the last output: capture NAME REGEXP.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("the output has no %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}
