package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"groupwriteback/infra/stage/samba"
)

// tools are the programs that the demo runs, apart from its own.
var tools = [...]string{"samba", "ldapsearch", "ldapmodify", "openssl", "python3"}

// source finds the project's folder, from the working directory.
func source(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("go is not on the PATH, and the demo builds the programs: install it from https://go.dev/dl")
	}
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	dir := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(dir, "infra", "stage", "compare.py")); err != nil {
		return "", errors.New("this is not the project's folder: change to it, then `make demo`")
	}
	return dir, nil
}

// missing lists the tools that are not on the PATH.
func missing() []string {
	var out []string
	for _, t := range tools {
		if _, err := exec.LookPath(t); err != nil {
			out = append(out, t)
		}
	}
	return out
}

// prepare makes sure of what the domain needs, and says what there is. It
// installs packages only as root, where nobody has to be asked for a password.
func prepare(ctx context.Context, source string, log io.Writer) (string, error) {
	root := os.Geteuid() == 0
	if root && len(missing()) > 0 {
		cmd := exec.CommandContext(ctx, filepath.Join(source, "infra", "stage", "samba", "install.sh"))
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("install %s: %w: run infra/stage/samba/install.sh to see why", strings.Join(missing(), ", "), err)
		}
	}
	if err := errors.Join(installed(root), ports()); err != nil {
		return "", err
	}
	version, err := exec.CommandContext(ctx, "samba", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("samba --version: %w", err)
	}
	return "Samba " + strings.TrimPrefix(strings.TrimSpace(string(version)), "Version ") + ", ldapsearch, python3", nil
}

// installed is an error with its remedy if a tool is missing.
func installed(root bool) error {
	lack := missing()
	if len(lack) == 0 {
		return nil
	}
	text := strings.Join(lack, ", ") + ": not on the PATH"
	if root {
		return errors.New(text + ", and infra/stage/samba/install.sh does not bring it: use the system's package manager")
	}
	return errors.New(text + "; run\n  sudo infra/stage/samba/install.sh")
}

// ports is an error with its remedy if this user may not open a domain
// controller's ports.
func ports() error {
	if _, err := samba.FreeAddr(); errors.Is(err, os.ErrPermission) {
		return errors.New(`a domain controller opens the ports 88, 389 and 636, here of a loopback address, which needs root; run
  sudo env "PATH=$PATH" go run ./infra/demo
or let every user open them until the next boot:
  sudo sysctl net.ipv4.ip_unprivileged_port_start=0`)
	}
	return nil // anything else is told when the domain starts
}
