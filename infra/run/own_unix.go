//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// own is a command in a process group of its own: a terminal's Ctrl-C is for run, which
// ends the halves in their order.
func own(program string) *exec.Cmd {
	cmd := exec.Command(program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}
