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
	if _, err := os.Stat(filepath.Join(dir, "infra", "demo", "compare.py")); err != nil {
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

// install makes sure of what the domain needs, and says what there is. It
// installs packages only as root, where nobody has to be asked for a password.
func install(ctx context.Context, source string, log io.Writer) (string, error) {
	if os.Geteuid() != 0 {
		remedy := `sudo env "PATH=$PATH" go run ./infra/demo`
		if lack := missing(); len(lack) > 0 {
			remedy = "sudo infra/demo/samba/install.sh && " + remedy
		}
		return "", fmt.Errorf("samba's domain controller needs root: it opens the ports 88, 389 and 636 of a loopback address; run\n  %s", remedy)
	}
	if lack := missing(); len(lack) > 0 {
		script := filepath.Join(source, "infra", "demo", "samba", "install.sh")
		cmd := exec.CommandContext(ctx, script)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("install %s: %w; run infra/demo/samba/install.sh by hand to see why", strings.Join(lack, ", "), err)
		}
	}
	if lack := missing(); len(lack) > 0 {
		return "", fmt.Errorf("%s: not on the PATH, though infra/demo/samba/install.sh has run: install what is missing by the system's package manager", strings.Join(lack, ", "))
	}
	version, err := exec.CommandContext(ctx, "samba", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("samba --version: %w", err)
	}
	return "Samba " + strings.TrimPrefix(strings.TrimSpace(string(version)), "Version ") + ", ldapsearch, python3", nil
}
