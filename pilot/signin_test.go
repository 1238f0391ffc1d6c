package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"groupwriteback/infra/golden"
	"groupwriteback/infra/stage"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/graph/graphtest"
)

// person reads what the pilot says, and does what it asks for.
type person struct {
	server *graphtest.Server
	agrees bool
	late   bool // does not come before the code has expired
	read   strings.Builder
	err    error
	done   bool
}

var asked = regexp.MustCompile(`open the page (https://\S+) and enter the code (\S+) to authenticate`)

func (p *person) Write(text []byte) (int, error) {
	p.read.Write(text)
	if m := asked.FindStringSubmatch(p.read.String()); m != nil && !p.done {
		if p.done = true; p.late {
			p.server.ExpireCodes()
			return len(text), nil
		}
		p.err = p.server.EnterCode(m[2], p.agrees)
	}
	return len(text), nil
}

// TestPerson is what a person does with it, in one tenant and domain.
func TestPerson(t *testing.T) {
	x := newTrial(t)
	for name, do := range map[string]func(*testing.T, *trial){"signs in": signsIn, "follows examples": followsExamples, "is in trouble": isInTrouble} {
		t.Run(name, func(t *testing.T) { do(t, x) })
	}
}

// signsIn: by a device code and by az login the plan is the one that an app's sign-in shows; who
// says no, and who has not said az login, is told so.
func signsIn(t *testing.T, x *trial) {
	want, told, code := x.run(t, "--ou", x.DC.Base, "--short")
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, want, told)
	}
	plain := func(out string) string { // by which permissions, each token says in its own order
		return regexp.MustCompile(`may be read, by [\w.]+`).ReplaceAllString(out, "may be read")
	}
	in := &person{server: x.Server, agrees: true}
	out, told, code := x.runFor(t, in, "--sign-in", "device-code", "--client", stage.PersonClient, "--ou", x.DC.Base, "--short")
	if plain(out) != plain(want) || code != 0 || in.err != nil || !in.done {
		t.Errorf("by a device code: exit code %d, %v\n%s%s\nwant\n%s", code, in.err, out, told, want)
	}
	if n := strings.Count(told, "to authenticate"); n != 1 {
		t.Errorf("the person is asked %d times:\n%s", n, told)
	}
	out, _, code = x.runFor(t, &person{server: x.Server}, "--sign-in", "device-code", "--client", stage.PersonClient, "--ou", x.DC.Base)
	if code != 1 || !strings.Contains(out, "somebody has said no to this sign-in: start again, and say yes") || strings.Contains(out, "Plan") {
		t.Errorf("who says no: exit code %d\n%s", code, out)
	}

	x.loggedIn(t)
	out, told, code = x.runFor(t, nil, "--sign-in", "azure-cli", "--ou", x.DC.Base, "--short")
	if plain(out) != plain(want) || code != 0 {
		t.Errorf("after az login: exit code %d\n%s%s\nwant\n%s", code, out, told, want)
	}
	t.Setenv("PATH", t.TempDir())
	out, _, code = x.runFor(t, nil, "check", "--sign-in", "azure-cli", "--ou", x.DC.Base, "--output", "json")
	var found findings
	must(t, json.Unmarshal([]byte(out), &found))
	if i := slices.IndexFunc(found.Checks, func(r checklist.Row) bool { return r.What == "sign-in" }); code != 1 || i < 0 || found.Preview != nil ||
		!strings.Contains(found.Checks[i].Text, "install the Azure CLI, or choose another sign-in") {
		t.Errorf("without az: exit code %d\n%s", code, out)
	}
}

// TestOptionsAreDocumented: docs/pilot.md names each command and option, and no others.
func TestOptionsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/pilot.md")
	must(t, err)
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(--[a-z-]+)(?: json)?`").FindAllStringSubmatch(string(doc), -1) {
		named[m[1]] = true
	}
	root := command(nil)
	for _, cmd := range append(root.Commands(), root) {
		if !strings.Contains(string(doc), "`"+cmd.CommandPath()) {
			t.Errorf("docs/pilot.md does not tell of %s", cmd.CommandPath())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !named["--"+f.Name] {
				t.Errorf("docs/pilot.md does not tell of --%s", f.Name)
			}
		})
	}
	delete(named, "--help")
	for name := range named {
		if root.Flags().Lookup(strings.TrimPrefix(name, "--")) == nil {
			t.Errorf("docs/pilot.md tells of %s, which is not there", name)
		}
	}
}

// loggedIn is an az that somebody has signed in with.
func (x *trial) loggedIn(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	said, err := x.Server.PersonToken(stage.PersonClient, x.Server.URL())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "az"), fmt.Appendf(nil, "#!/bin/sh\n[ \"$1 $2\" = 'account get-access-token' ] || exit 2\ncat <<'END'\n%s\nEND\n", said), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// followsExamples: each command has examples, and each of them, and of docs/pilot.md, works: with the tenant, the domain and the
// files that are here for those of the example.
func followsExamples(t *testing.T, x *trial) {
	x.loggedIn(t)
	agent, err := x.AgentFile()
	must(t, err)
	files := map[string]string{"--agent": agent, "--rules": filepath.Join(x.Dir, "rules.yaml"), "--ou": x.DC.Base, "--client": stage.PersonClient}
	systems := map[bool]bool{}
	for _, e := range append(golden.Examples(t, command(nil)), golden.OnPage(t, command(nil), "../docs/pilot.md")...) {
		systems[e.Windows] = true
		args := slices.Clone(e.Args)
		for i := range args {
			if i == 0 {
				continue
			}
			if own, known := files[args[i-1]]; known {
				args[i] = own
			}
		}
		for _, flag := range []string{"--tenant", "--url", "--user", "--ca-file"} { // which runFor has
			if i := slices.Index(args, flag); i >= 0 {
				args = slices.Delete(args, i, i+2)
			}
		}
		want := "\nChecks\n"
		if e.Command == "pilot version" {
			if out, _, code := x.execute(t, nil, args...); code != 0 || out == "" {
				t.Errorf("%s: exit code %d\n%s", e.Line, code, out)
			}
			continue
		}
		out, told, code := x.runFor(t, io.Writer(&person{server: x.Server, agrees: true}), args...)
		if slices.Contains(args, "json") {
			want = "{\n  \"checks\": ["
		}
		if code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%s: exit code %d, want 0 and %q\n%s%s", e.Line, code, want, out, told)
		}
	}
	if !systems[true] || !systems[false] {
		t.Error("there is no example for one of the shells")
	}
}
