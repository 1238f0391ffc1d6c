package main

import (
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
