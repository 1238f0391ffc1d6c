package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/relay"
)

// well is the folder of an agent's file of which all is well.
func well(t *testing.T) (dir string) {
	t.Helper()
	dc := shared.DC(t)
	c := newCloud(t)
	c.serving = relay.Serving{Target: "corp", Containers: []string{dc.Base}}
	p := &proxy{}
	t.Setenv("HTTPS_PROXY", "http://"+p.start(t))
	file := c.config(t, c.ca, dcURL(t, dc.URL), "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+dc.BindName, "  base: "+dc.Base)
	dir = filepath.Dir(file)
	ok(t, os.WriteFile(filepath.Join(dir, "password"), []byte(dc.Password), 0o600))
	ok(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	return dir
}

// TestExamplesOfHelp: each command has examples, and each of them, and of docs/agent.md, does what it says where
// all is well. Paths stand for the one file that is there.
func TestExamplesOfHelp(t *testing.T) {
	dir := well(t)
	first := map[string]string{
		"agent":              "configuration  ok      ",
		"agent run":          `level=INFO msg="agent started"`,
		"agent check":        "configuration  ok      ",
		"agent policy":       "the policy of ",
		"agent policy check": "the policy of ",
		"agent version":      "",
	}
	systems := map[bool]bool{}
	for _, e := range append(golden.Examples(t, command()), golden.OnPage(t, command(), "../docs/agent.md")...) {
		systems[e.Windows] = true
		args := slices.Clone(e.Args)
		if i := slices.Index(args, "--config"); i >= 0 {
			args[i+1] = filepath.Join(dir, "agent.yaml")
		}
		out, code := example(t, dir, args)
		line, _, _ := strings.Cut(out, "\n")
		if slices.Contains(args, "json") {
			if !json.Valid([]byte(out)) || code != 0 {
				t.Errorf("%s: exit code %d, and no JSON:\n%s", e.Line, code, out)
			}
			continue
		}
		want, known := first[e.Command]
		if !known || !strings.Contains(line, want) || line == "" || code != 0 {
			t.Errorf("%s: exit code %d, and it begins with\n%s\nwant %q", e.Line, code, line, want)
		}
	}
	if !systems[true] || !systems[false] {
		t.Error("there is no example for one of the shells")
	}
}

// example runs the real program to its end; one that works until it is stopped is stopped when it has
// begun. out is what it prints to stdout.
func example(t *testing.T, dir string, args []string) (out string, code int) {
	t.Helper()
	exe, err := binary()
	ok(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	pipe, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	var all bytes.Buffer
	for chunk := make([]byte, 1<<16); err == nil; {
		var n int
		n, err = pipe.Read(chunk)
		all.Write(chunk[:n])
		if args[0] == "run" && bytes.Contains(all.Bytes(), []byte("agent started")) {
			_ = cmd.Process.Signal(os.Interrupt) // it has ended: the code says so
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says it
	return all.String(), cmd.ProcessState.ExitCode()
}

// TestMistakes: what nothing was begun for ends with a code of its own, and says what to do.
func TestMistakes(t *testing.T) {
	file, dir := configure(t, "policy: {read_only: perhaps}\n")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"chekc"}, `unknown command "chekc" for "agent"`},
		{[]string{"policy", "chekc"}, `unknown command "chekc" for "agent policy"`},
		{[]string{"check", "agent.yaml"}, `unknown command "agent.yaml" for "agent check"`},
		{[]string{"check", "--confg", file}, "unknown flag: --confg"},
		{[]string{"check", "--output", "yaml"}, "--output: use text or json"},
		{[]string{"policy", "check", "--output", "yaml"}, "--output: use text or json"},
		{[]string{"check", "--config", dir + "/none"}, "read the agent's file: open DIR/none: no such file or directory: name it by --config"},
		{[]string{"run", "--config", file}, "DIR/agent.yaml:1: policy.read_only: write true or false"},
		{[]string{"check", "--config", file}, "DIR/agent.yaml:1: policy.read_only: write true or false"},
		{[]string{"check", "--output", "json", "--config", file}, "see the rows of this state, put that right"},
		{[]string{"policy", "check", "--config", file}, "DIR/agent.yaml:1: policy.read_only: write true or false"},
	} {
		out, code := runAgent(t, dir, nil, test.args...)
		if out = strings.ReplaceAll(out, dir, "DIR"); code != exitMistake || !strings.Contains(out, test.says) {
			t.Errorf("%q: exit code %d:\n%s\nwant %d and %q", test.args, code, out, exitMistake, test.says)
		}
	}
}

// TestCheckForPrograms: as JSON the rows are those of the text, and so is the exit code.
func TestCheckForPrograms(t *testing.T) {
	dir := well(t)
	ok(t, os.Chmod(filepath.Join(dir, "relay-secret"), 0o644))
	text, code := example(t, dir, []string{"check"})
	raw, jsonCode := example(t, dir, []string{"check", "--output", "json"})
	var found struct {
		Checks []checklist.Row `json:"checks"`
	}
	ok(t, json.Unmarshal([]byte(raw), &found))
	var again strings.Builder
	(&checklist.List{Out: &again}).Tell(found.Checks...)
	if again.String() != text || code != exitFailed || jsonCode != exitFailed {
		t.Errorf("exit codes %d and %d; as JSON it finds\n%s\nand as text\n%s", code, jsonCode, &again, text)
	}
}

// TestPolicySays is what policies allow and forbid, to the letter, and every mistake of one.
func TestPolicySays(t *testing.T) {
	seen := &golden.Situations{}
	for _, test := range []struct{ name, policy string }{
		{"none", ""},
		{"no file but that", "policy: {}\n"},
		{"read only", "policy: {read_only: true, mail: true, delete: true}\n"},
		{"nobody is removed", "policy: {keep_members: true, quarantine: true, delete: true}\n"},
		{"never", "policy:\n  never: [S-1-5-21-1-2-3-1104, S-1-5-21-1-2-3-1105]\n  delete: true\n"},
		{"all of it", "policy:\n  mail: true\n  quarantine: true\n  delete: true\n  attributes: [extensionAttribute1, company]\n  group_types: [global-security, universal-distribution]\n"},
		{"mistakes", "policy:\n  never: [bob]\n  attributes: [member, adminCount, description, \"a b\"]\n  group_types: [local]\n  mial: true\n  delete: sometimes\npolcy: {}\n"},
		{"a list", "policy: [read_only]\n"},
		{"no YAML", "policy: {\n"},
	} {
		text := test.policy
		if text == "" {
			text = whole
		}
		file, dir := configure(t, text)
		out, code := runAgent(t, dir, nil, "policy", "check", "--config", file)
		seen.Add(test.name, out, code, dir, "DIR")
	}
	seen.Hold(t, "policy")
}

// TestCommandsAreDocumented: docs/agent.md names each command, each flag and each exit code, and
// no others.
func TestCommandsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/agent.md")
	ok(t, err)
	_, part, _ := strings.Cut(string(doc), "\n## Commands\n")
	part, _, _ = strings.Cut(part, "\n## ")
	known := map[string]bool{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Runnable() && !cmd.HasSubCommands() {
			known[cmd.CommandPath()] = true
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(command())
	for code := range exitMistake + 1 {
		known[fmt.Sprint(code)] = true
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(part, -1) {
		if !known[m[1]] {
			t.Errorf("docs/agent.md tells of %s, which is not there", m[1])
		}
		delete(known, m[1])
	}
	for name := range known {
		t.Errorf("docs/agent.md does not tell of %s", name)
	}
}
