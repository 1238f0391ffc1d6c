package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Permissions that nobody but the owner should have, of what the agent relies on.
const (
	othersRead   fs.FileMode = 0o004
	othersWrite  fs.FileMode = 0o022 // a group is others too
	othersAccess fs.FileMode = 0o007
)

// permissions says which other accounts may read or change what the agent relies on: its
// file, which holds the policy, and those that this names; and which folders let others
// put other files in their place.
func (c config) permissions(file string) (errs []error) {
	if !hasModes() {
		return nil
	}
	var names []string
	look := func(key, path string, forbidden fs.FileMode, why string) {
		if path != "" {
			names = append(names, path)
			errs = append(errs, exposed(key+": ", path, forbidden, why))
		}
	}
	const secret, authority = "it holds a secret", "whoever it names is believed"
	look("this file", file, othersWrite, "it holds the policy")
	look("directory.password_file", c.Directory.PasswordFile, othersWrite|othersRead, secret)
	look("relay.secret_file", c.Relay.SecretFile, othersWrite|othersRead, secret)
	look("relay.certificate_file", c.Relay.Certificate, othersWrite|othersRead, secret)
	look("relay.certificate_password_file", c.Relay.Password, othersWrite|othersRead, secret)
	look("directory.ca_file", c.Directory.CAFile, othersWrite, authority)
	look("relay.ca_file", c.Relay.CAFile, othersWrite, authority)
	errs = append(errs, openFolders(append(names, c.State))...)
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// warn logs what check would fail for: the agent works all the same.
func (c config) warn(log *slog.Logger, file string) {
	for _, err := range c.permissions(file) {
		log.Warn("others may use what the agent relies on", "err", err)
	}
}

// hasModes says whether a file's mode says who may use it: on Windows it does not.
func hasModes() bool { return runtime.GOOS != "windows" }

// exposed says what of the mode of a file or folder is forbidden; nil if nothing is. key
// is what the agent's file calls it.
func exposed(key, path string, forbidden fs.FileMode, why string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // which is told by who reads it
	}
	mode := info.Mode().Perm()
	if mode&forbidden == 0 {
		return nil
	}
	return fmt.Errorf("%s%s is open to other accounts (mode %04o), and %s: chmod %s %s", key, path, mode, why, without(mode&forbidden), path)
}

// openFolders says which of the folders above some files let others put another file or
// folder in the place of one. One such as /tmp does not: in it everybody has his own.
func openFolders(files []string) (errs []error) {
	seen := map[string]bool{}
	for _, file := range files {
		whole, err := filepath.Abs(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for dir := filepath.Dir(whole); !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			info, err := os.Stat(dir)
			if err == nil && info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0 {
				errs = append(errs, fmt.Errorf("others may put other files in the place of ours in %s (mode %04o): chmod %s %s", dir, info.Mode().Perm(), without(info.Mode().Perm()&othersWrite), dir))
			}
		}
	}
	return errs
}

// without is the argument of chmod that takes permissions away.
func without(mode fs.FileMode) string {
	var words []string
	for _, who := range []struct {
		name string
		mode fs.FileMode
	}{{"g", mode >> 3 & 7}, {"o", mode & 7}} {
		what := ""
		for i, letter := range []string{"x", "w", "r"} {
			if who.mode&(1<<i) != 0 {
				what = letter + what
			}
		}
		if what != "" {
			words = append(words, who.name+"-"+what)
		}
	}
	return strings.Join(words, ",")
}
