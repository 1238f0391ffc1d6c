//go:build !unix

package samba

import "os/exec"

// together does nothing: Samba is a domain controller on Unix alone.
func together(*exec.Cmd) {}
