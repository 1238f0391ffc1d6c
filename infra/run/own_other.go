//go:build !unix

package main

import "os/exec"

// own is a command; a console's Ctrl-C reaches it too, which is a clean end as well.
func own(program string) *exec.Cmd { return exec.Command(program) }
