//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/infra/apidoc"
	"groupwriteback/infra/stage"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/record"
	"groupwriteback/shared/status"
)

// player runs the examples of the commands' help against a real installation.
type player struct {
	t     *testing.T
	stage *stage.Stage
	doc   *apidoc.Doc
	rules int // how many files of rules it has written
}

// exampleWidth is the width that examples are played at.
const exampleWidth = 72

// playExamples runs every example of every command, as text and as JSON, and holds what is printed to the width and to the
// schema that the command's help names.
func playExamples(t *testing.T, s *stage.Stage) {
	for _, v := range s.Operator() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("COLUMNS", "72")
	typed := blocks(t, "sh", 3)
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("rules.yaml", []byte("ou: "+s.Base+"\nscope: all\n"), 0o600))
	must(t, s.Company.Tenant.AddUser(graphtest.User{ID: graphtest.ID("anna"), UPN: "anna@corp.example", DisplayName: "Anna"}))
	must(t, s.Company.Tenant.AddMember(s.Company.ID("All staff"), graphtest.ID("anna")))
	doc, err := apidoc.Read()
	must(t, err)
	p := &player{t: t, stage: s, doc: doc}
	p.until("sync --wait", "done: 0 changes")
	var ends []string
	each(command(io.Discard), func(c *cobra.Command) {
		schema := c.Annotations[schemaOf]
		if strings.HasPrefix(c.CommandPath(), "groupwriteback rules") {
			return // TestStoredExamples plays them
		}
		if c.Runnable() && schema == "" && c.Name() != "help" && (!c.HasParent() || c.Parent().Name() != "completion") {
			t.Errorf("%s says of no schema that its JSON has", c.CommandPath())
		}
		for example := range strings.SplitSeq(c.Example, "\n") {
			example = strings.TrimPrefix(example, "  groupwriteback ")
			if strings.HasPrefix(example, "disable") || strings.HasPrefix(example, "enable") {
				ends = append(ends, example) // when all else has been played
				continue
			}
			p.play(example, schema)
		}
	})
	slices.Sort(ends)
	for _, example := range ends {
		p.play(example, "Reply")
	}
	p.shell(typed)
}

// shell types blocks of docs/command.md that are written for sh.
func (p *player) shell(blocks []string) {
	dir := p.t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "groupwriteback"), "./cli")
	build.Dir = p.stage.Source
	if text, err := build.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, text)
	}
	for _, block := range blocks {
		p.on()
		if strings.Contains(block, "0123456789ab") {
			block = strings.ReplaceAll(block, "0123456789ab", p.hold())
		}
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
		defer cancel()
		var out bytes.Buffer
		block = strings.ReplaceAll(block, " --watch", "") // which has no end
		if !strings.Contains(block, "$?") {
			block = "set -e\n" + block
		}
		cmd := exec.CommandContext(ctx, "sh", "-c", block)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			p.t.Errorf("%v\n%s\n%s", err, block, &out)
		}
	}
}

// play runs an example as text and as JSON.
func (p *player) play(example, schema string) {
	p.t.Helper()
	example, _, _ = strings.Cut(example, " > ") // which the shell does
	code, text := p.run(example)
	if !p.documented(example, code) || text == "" || strings.Contains(text, "\x1b") {
		p.t.Errorf("%s: exit code %d\n%s", example, code, text)
	}
	for line := range strings.Lines(text) {
		if columns.Broad(strings.TrimSpace(line)) > exampleWidth && strings.Contains(strings.TrimSpace(line), " ") && p.ours(example) {
			p.t.Errorf("%s: a line is wider than %d columns:\n%s", example, exampleWidth, line)
		}
	}
	if schema == "" || strings.Contains(example, "--output json") || strings.Contains(example, "--ldif") {
		return
	}
	if strings.Contains(example, "sync") && strings.Contains(example, "--wait") {
		schema = "Run"
	}
	code, text = p.run(example + " --output json")
	if err := p.doc.Hold(apidoc.Schema(schema), []byte(text)); !p.documented(example, code) || err != nil {
		p.t.Errorf("%s as JSON: exit code %d, %v\n%s", example, code, err, text)
	}
}

// ours says whether a command line prints text of ours for people: JSON and LDIF are for programs, as are the lines of a checklist
// without a terminal, and help and completion are the library's.
func (p *player) ours(line string) bool {
	return !strings.HasPrefix(line, "doctor") && !strings.HasPrefix(line, "rules show") && !strings.HasPrefix(line, "rules import") && !strings.Contains(line, "json") && !strings.Contains(line, "ldif") && !strings.HasPrefix(line, "completion") && !strings.HasPrefix(line, "help")
}

// documented says whether an exit code is one that the help names for what works.
func (p *player) documented(example string, code int) bool {
	return code == 0 || code == exitChanges && (strings.Contains(example, "--detailed-exitcode") || strings.HasPrefix(example, "rules import"))
}

// run runs a command line, with what stands for its words.
func (p *player) run(line string) (int, string) {
	p.t.Helper()
	line = strings.NewReplacer("https://corp-writeback.azurewebsites.net", os.Getenv(prefix+"URL")).Replace(line)
	if before, after, found := strings.Cut(line, "0123456789ab"); found {
		line = before + p.hold() + after
	}
	if strings.HasPrefix(line, "enable") {
		p.off()
	} else if strings.HasPrefix(line, "disable") {
		p.on()
	}
	if strings.HasPrefix(line, "rules ") {
		p.otherRules(strings.HasPrefix(line, "rules back"))
	}
	if before, _, found := strings.Cut(line, " --digest DIGEST"); found {
		line = strings.Replace(line, "DIGEST", p.digest(before), 1)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	var out bytes.Buffer
	watched := &stopping{Buffer: &out, stop: func() {}}
	if strings.Contains(line, "--watch") {
		watched.stop = cancel
	}
	code := run(ctx, words(line), watched, p.t.Output())
	if strings.HasPrefix(line, "disable") && strings.Contains(line, "--digest") {
		p.off() // which takes a turn
	}
	return code, out.String()
}

// stopping ends a watch when it has shown something.
type stopping struct {
	*bytes.Buffer
	stop func()
}

func (s *stopping) Write(text []byte) (int, error) {
	defer s.stop()
	return s.Buffer.Write(text)
}

// until runs a command line again until it prints a text.
func (p *player) until(line, want string) string {
	p.t.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-again.C {
		var out bytes.Buffer
		if run(p.t.Context(), words(line), &out, p.t.Output()); strings.Contains(out.String(), want) {
			return out.String()
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s never says %q; last:\n%s", line, want, &out)
		}
	}
}

// digest is that of the plan that a command shows.
func (p *player) digest(line string) string {
	const before = "--digest "
	_, after, _ := strings.Cut(strings.Join(strings.Fields(p.until(line, strings.TrimSpace(before))), " "), before)
	return strings.Fields(after)[0]
}

// otherRules writes a rules file that is another one each time, and puts it in force if it is to be.
func (p *player) otherRules(inForce bool) {
	p.t.Helper()
	p.rules++
	must(p.t, os.WriteFile("rules.yaml", fmt.Appendf(nil, "ou: OU=Groups,DC=corp,DC=test\nscope: all\nlimits: {creations: %d}\n", 100+p.rules), 0o600))
	if inForce {
		p.until("rules apply rules.yaml --digest "+p.digest("rules apply rules.yaml"), "in force")
	}
}

// TestStoredExamples plays the examples about rules where these are in the store.
func TestStoredExamples(t *testing.T) {
	for _, v := range installation(t, "GROUPWRITEBACK_RULES=store:") {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("COLUMNS", "72")
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("schema.json", []byte(`{"synchronizationRules": [{"objectMappings": [{"sourceObjectName": "Group", "attributeMappings": [
		{"targetAttributeName": "cn", "source": {"type": "Attribute", "name": "displayName"}},
		{"targetAttributeName": "parentDistinguishedName", "source": {"type": "Constant", "name": "OU=x,DC=corp"}}]}]}]}`), 0o600))
	doc, err := apidoc.Read()
	must(t, err)
	p := &player{t: t, doc: doc}
	for range 3 {
		p.otherRules(true)
	}
	all, _, err := command(io.Discard).Find([]string{"rules"})
	must(t, err)
	n := 0
	each(all, func(c *cobra.Command) {
		for example := range strings.SplitSeq(c.Example, "\n") {
			n++
			p.play(strings.TrimPrefix(example, "  groupwriteback "), c.Annotations[schemaOf])
		}
	})
	if n < 10 {
		t.Errorf("%d examples were played: this test looks in the wrong place", n)
	}
}

// off has writeback ended. A plan that has moved on since it was shown is confirmed anew, as a person would.
func (p *player) off() {
	p.turned(func(st status.Status) bool { return !st.Switch.On }, "disable --end keep")
}

// on has writeback switched on, and all that differs written.
func (p *player) on() {
	p.turned(func(st status.Status) bool { return st.Switch.On && st.Switch.Ending == "" }, "enable")
	p.until("sync --wait", "done: 0 changes")
}

// turned confirms the plan of a command until the switch is as it should be.
func (p *player) turned(so func(status.Status) bool, line string) {
	p.t.Helper()
	for range 10 {
		st := p.status()
		if so(st) {
			return
		}
		if st.Switch.Ending == "" || line == "enable" {
			p.until(line+" --digest "+p.digest(line), "")
		}
		p.until("sync --wait", "done: ")
	}
	p.t.Fatalf("%s does not go through", line)
}

func (p *player) status() (st status.Status) {
	must(p.t, json.Unmarshal([]byte(p.until("status --output json", "{")), &st))
	return st
}

// hold is one that waits for a word. Where none does, half of a large group leaves.
func (p *player) hold() string {
	open := func(text string) string {
		var page struct{ Holds []record.Listing }
		must(p.t, json.Unmarshal([]byte(text), &page))
		for _, h := range page.Holds {
			if h.Denied == "" {
				return h.ID
			}
		}
		return ""
	}
	const list = "holds --output json"
	if id := open(p.until(list, "holds")); id != "" {
		return id
	}
	c := p.stage.Company
	for _, name := range []string{"Department 10", "Department 09", "Department 08", "Department 07"} {
		group := c.ID(name)
		members := c.Members(group)
		if len(members) < 10 {
			continue
		}
		var err error
		for _, m := range members[:len(members)/2+1] {
			err = errors.Join(err, c.Tenant.RemoveMember(group, m))
		}
		must(p.t, err)
		again := time.NewTicker(200 * time.Millisecond)
		defer again.Stop()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-again.C {
			if id := open(p.until(list, "holds")); id != "" {
				return id
			}
		}
		break
	}
	p.t.Fatal("no group is over its limit")
	return ""
}
