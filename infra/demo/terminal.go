package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// claimTerminal has what is typed on a terminal, Ctrl-C above all, reach the demo and
// what it starts, and nobody else: make would call that an error, however well the
// demo ends. It does nothing where the terminal is not ours. release gives it back.
//
// Ctrl-Z is ignored meanwhile: the shell waits for make, and would not notice.
func claimTerminal(f *os.File) (release func()) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || before != unix.Getpgrp() {
		return func() {}
	}
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTTIN, syscall.SIGTSTP) // else giving the terminal away would stop us
	if err := unix.Setpgid(0, 0); err != nil {
		return func() {} // of a session's leader: nobody else is in its group
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp()); err != nil {
		return func() {} // Ctrl-C ends the demo as it ends make
	}
	return func() { _ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, before) } // the shell takes it in any case
}
