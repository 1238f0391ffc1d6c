//go:build linux

// Package terminaltest opens terminals for tests: what a program prints there is what people see.
package terminaltest

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Columns is how wide they are.
const Columns = 72

// Open opens a terminal, from both of its ends (pty(7)): people sit at the first, programs are
// given the other. What is read at the first ends with an error when nobody has the other open.
func Open(t testing.TB) (people, programs *os.File) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("open terminal: %v", err)
		}
	}
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	must(err)
	people = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { people.Close() })
	must(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(err)
	must(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: Columns}))
	programs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(err)
	t.Cleanup(func() { programs.Close() })
	must(people.SetReadDeadline(time.Now().Add(time.Minute)))
	return people, programs
}
