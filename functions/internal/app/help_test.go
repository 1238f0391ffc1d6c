package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/rules"
)

// TestHelp is what the real programs say of themselves, to the letter; and each example of it does what
// it says. Without settings a check fails, and says so first.
func TestHelp(t *testing.T) {
	handler, bootstrap := programs(t)
	seen := &golden.Situations{}
	for name, exe := range map[string]string{"handler": handler, "bootstrap": bootstrap} {
		dir := t.TempDir()
		text, code := start(t, exe, dir, nil, "help")
		if again, sameCode := start(t, exe, dir, nil, "--help"); again != text || code != 0 || sameCode != 0 {
			t.Errorf("%s: help ends with %d, and --help with %d and\n%s", name, code, sameCode, again)
		}
		if name == "handler" {
			seen.Add("handler help", text, code)
		}
		if text != (Program{Name: name}).help() {
			t.Errorf("%s calls itself another name:\n%s", name, text)
		}
		must(t, os.Symlink(exe, filepath.Join(dir, name)))
		must(t, os.WriteFile(filepath.Join(dir, "handler.env"), []byte("GROUPWRITEBACK_TARGET=Corp\n"), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "schema.json"), []byte(strings.Replace(aSchema, "MORE", "", 1)), 0o600))
		_, examples, _ := strings.Cut(text, "Examples:\n")
		ran := 0
		for line := range strings.Lines(examples) {
			if line = strings.TrimSpace(line); line != "" {
				ran++
				example(t, dir, line)
			}
		}
		if ran < 5 {
			t.Errorf("%s: %d examples", name, ran)
		}
	}
	seen.Hold(t, "help")
}

// example runs a line of a shell; of one for PowerShell what stands before the pipe.
func example(t *testing.T, dir, line string) {
	t.Helper()
	script, _, windows := strings.Cut(strings.NewReplacer(`.\`, "./", ".exe", "").Replace(line), " | Set-Content")
	if windows {
		script += " > rules.yaml"
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput() // the code says it
	code, want, begins := cmd.ProcessState.ExitCode(), 0, ""
	switch {
	case strings.HasSuffix(script, " check"):
		want, begins = 1, "settings       FAILED  "
	case strings.Contains(script, "rules import"):
		text, err := os.ReadFile(filepath.Join(dir, "rules.yaml"))
		must(t, err)
		if _, err := rules.Parse(text); err != nil {
			t.Errorf("%s: %v, of\n%s", line, err, text)
		}
		must(t, os.Remove(filepath.Join(dir, "rules.yaml")))
	}
	if code != want || len(out) == 0 || !strings.HasPrefix(string(out), begins) {
		t.Errorf("%s: exit code %d, want %d and %q\n%s", line, code, want, begins, out)
	}
}
