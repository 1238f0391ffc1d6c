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
	"time"

	"golang.org/x/sys/unix"
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
	terminal, other := openTerminal(t)
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
	if terminalColumns(terminal) != 72 {
		t.Errorf("the terminal has %d columns, not 72", terminalColumns(terminal))
	}
}

// openTerminal opens a terminal of 72 columns, from both of its ends (pty(7)).
func openTerminal(t *testing.T) (terminal, other *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminal = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 72}); err != nil {
		t.Fatal(err)
	}
	other, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := terminal.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return terminal, other
}
