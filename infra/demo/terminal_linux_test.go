package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"groupwriteback/shared/terminal/terminaltest"
)

// TestClaimTerminal: Ctrl-C reaches the demo and not the shell that has started it,
// which then has its terminal back.
func TestClaimTerminal(t *testing.T) {
	const child = "GROUPWRITEBACK_TEST_DEMO_CHILD"
	if os.Getenv(child) != "" {
		c := make(chan os.Signal, 1)
		signal.Notify(c, os.Interrupt)
		release := claimTerminal(os.Stdin)
		fmt.Println("claimed")
		fmt.Println(<-c)
		release()
		return
	}
	terminal, other := terminaltest.Open(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0" -test.run='^TestClaimTerminal$'; read line; echo "the shell has read $line"`, os.Args[0])
	cmd.Env = append(os.Environ(), child+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = other, other, other
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for r := bufio.NewScanner(terminal); r.Scan(); { // ends with an error when nobody has it open
		line := strings.TrimSpace(r.Text())
		seen = append(seen, line)
		answer := map[string]string{"claimed": "\x03", "PASS": "a line\n"}[line]
		if _, err := terminal.WriteString(answer); err != nil {
			t.Fatal(err)
		}
	}
	err := cmd.Wait()
	if text := strings.Join(seen, "\n"); err != nil || !strings.Contains(text, "interrupt\nPASS") || !strings.Contains(text, "the shell has read a line") {
		t.Errorf("%v:\n%s", err, text)
	}
}
