package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"groupwriteback/infra/stage"
	"groupwriteback/shared/columns"
	"groupwriteback/shared/terminal/terminaltest"
)

// TestAtTerminal: a person who gives what docs/pilot.md begins with is asked for the OU and the password, which does not
// show, and for the device code; what is found fits the terminal, and has colours.
func TestAtTerminal(t *testing.T) {
	x := newTrial(t)
	people, programs := terminaltest.Open(t)
	cmd := exec.CommandContext(t.Context(), x.exe, "--tenant", x.Server.TenantID(), "--client", stage.PersonClient,
		"--url", x.DC.URL, "--server-name", x.DC.ServerName, "--ca-file", x.DC.CAFile, "--user", x.DC.BindName,
		"--graph-url", x.Server.URL(), "--authority-url", x.Server.URL(), "--private-authority", "--entra-ca-file", filepath.Join(x.Dir, "graph-ca.pem"))
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "COLUMNS=", passwordVariable+"=", "TMPDIR="+t.TempDir())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = programs, programs, programs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	must(t, programs.Close())

	code := &person{server: x.Server, agrees: true}
	answers := map[string]string{"DC=corp,DC=example: ": x.DC.Base + "\n", "Password of " + x.DC.BindName + ": ": x.DC.Password + "\n"}
	var seen strings.Builder
	for chunk := make([]byte, 4096); ; {
		n, err := people.Read(chunk)
		if err != nil {
			break // the program has ended
		}
		seen.Write(chunk[:n])
		code.read.Reset()
		_, _ = code.Write([]byte(strings.Join(strings.Fields(seen.String()), " "))) // whose error is looked at below
		for question, answer := range answers {
			if strings.HasSuffix(columns.Bare(seen.String()), question) {
				delete(answers, question)
				_, err := people.WriteString(answer)
				must(t, err)
			}
		}
	}
	err := cmd.Wait()
	text := strings.ReplaceAll(seen.String(), "\r\n", "\n")
	if err != nil || code.err != nil || !code.done || len(answers) > 0 {
		t.Fatalf("%v; code entered: %v, %v; not asked: %v\n%s", err, code.done, code.err, answers, text)
	}
	if strings.Contains(text, x.DC.Password) {
		t.Errorf("the password shows:\n%s", text)
	}
	_, found, _ := strings.Cut(text, "Checks")
	for _, want := range []string{"\x1b[32mok     \x1b[0m", "\x1b[32m+", "Nothing was written"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q in\n%q", want, text)
		}
	}
	for line := range strings.Lines(regexp.MustCompile("\r[^\n]*").ReplaceAllString(found, "")) {
		line = strings.TrimRight(line, "\n")
		if words := strings.Fields(columns.Bare(line)); columns.Broad(line) > terminaltest.Columns && !strings.ContainsAny(words[len(words)-1], "/@,") {
			t.Errorf("%d columns: %s", columns.Broad(line), line)
		}
	}
}
