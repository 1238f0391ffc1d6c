package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/shared/columns"
	"groupwriteback/shared/terminal/terminaltest"
)

// TestAtTerminal: lines fit a terminal and have colours, but with NO_COLOR.
func TestAtTerminal(t *testing.T) {
	exe, err := binary()
	ok(t, err)
	file, dir := configure(t, whole)
	for _, args := range [][]string{{"check", "--config", filepath.Join(dir, "a-file-that-is-not-there.yaml")}, {"policy", "check", "--config", file}} {
		for variable, colours := range map[string]bool{"NO_COLOR=": args[0] == "check", "NO_COLOR=1": false} {
			people, programs := terminaltest.Open(t)
			cmd := exec.CommandContext(t.Context(), exe, args...)
			cmd.Env = append(os.Environ(), variable, "TERM=xterm", "COLUMNS=")
			cmd.Stdout = programs
			_ = cmd.Run() // one of them has mistakes
			ok(t, programs.Close())
			n := 0
			var all strings.Builder
			for lines := bufio.NewScanner(people); lines.Scan(); n++ {
				line := strings.TrimRight(lines.Text(), "\r")
				all.WriteString(line + "\n")
				if words := strings.Fields(columns.Bare(line)); columns.Broad(line) > terminaltest.Columns && !strings.Contains(words[len(words)-1], "/") {
					t.Errorf("%q: %d columns: %s", args, columns.Broad(line), line)
				}
			}
			if coloured := strings.Contains(all.String(), "\x1b[31mFAILED"); coloured != colours || n < 2 {
				t.Errorf("%q, %s: colours %v, want %v:\n%s", args, variable, coloured, colours, &all)
			}
		}
	}
}
