//go:build unix

package runtimeapi

import (
	"os"
	"syscall"
)

// hold stops a process where it is, or lets it go on.
func hold(p *os.Process, frozen bool) {
	s := syscall.SIGCONT
	if frozen {
		s = syscall.SIGSTOP
	}
	_ = p.Signal(s) // it has ended: so be it
}
