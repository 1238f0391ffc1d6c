package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"groupwriteback/shared/checklist"
)

// checkState looks at the state folder: what it holds, whether the agent can write there,
// who else can, and whether a second process would be noticed. It makes none.
func (c config) checkState(l *checklist.List) {
	info, err := os.Stat(c.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Say("state", c.canMake(), c.State+" is not there yet: the agent makes it")
		l.Good("process", "no agent is at work with this folder")
		return
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s is no folder", c.State)
	}
	if err != nil {
		l.Bad("state", fmt.Errorf("%w: name another folder, for the agent alone", err))
		l.Unknown("process", "there is no state folder")
		return
	}
	what, err := c.remembered()
	if hasModes() {
		err = errors.Join(err, exposed("", c.State, othersAccess|othersWrite, "what the agent remembers is for itself alone"))
	}
	l.Say("state", errors.Join(err, c.memory().canWrite()), what)
	good, err := c.memory().alone()
	l.Say("process", err, good)
}

// canMake tries whether the state folder can be made: where it is to be, a folder is made
// and removed.
func (c config) canMake() error {
	parent := filepath.Dir(c.State)
	for ; parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		if _, err := os.Stat(parent); err == nil {
			break
		}
	}
	dir, err := os.MkdirTemp(parent, ".groupwriteback-check-")
	if err == nil {
		err = os.Remove(dir)
	}
	if err != nil {
		return fmt.Errorf("%s is not there, and cannot be made: %w: make it, with mode 0700, for the account that runs the agent", c.State, bare(err))
	}
	return nil
}

// bare is an error of a file without the name of one that was made for a moment.
func bare(err error) error {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return of.Err
	}
	return err
}

// remembered is the last batch that was finished, as the state folder has it.
func (c config) remembered() (string, error) {
	high, err := c.memory().highWater()
	_, lineErr := c.memory().lineage()
	doubt, doubtErr := c.memory().doubt()
	if err := errors.Join(err, lineErr, doubtErr); err != nil {
		return "", err
	}
	if doubt.any() {
		return c.State + ", and everything is to be read before anything is written: " + doubt.Why, nil
	}
	if high == (highWater{}) {
		return c.State + ", new", nil
	}
	return fmt.Sprintf("%s, after batch %d.%d", c.State, high.Epoch, high.Seq), nil
}

// room is how many bytes are written to see whether there is room: more than any of the
// files has.
const room = 64 << 10

// canWrite writes a file in the state folder, and removes it.
func (m memory) canWrite() error {
	f, err := m.scratch()
	if err != nil {
		return fmt.Errorf("nothing can be written in %s: %w: let the account that runs the agent write there", m.folder(), bare(err))
	}
	_, err = f.Write(make([]byte, room))
	err = errors.Join(err, f.Sync(), f.Close())
	if err := errors.Join(err, os.Remove(f.Name())); err != nil {
		return fmt.Errorf("nothing can be written in %s: %w: make room on its disk", m.folder(), bare(err))
	}
	return nil
}

// alone says whether an agent is at work with this memory, and fails where a second one
// would not be noticed: some network file systems know no locks.
func (m memory) alone() (string, error) {
	f, err := m.scratch()
	if err != nil {
		return "", fmt.Errorf("whether a second agent would be noticed cannot be tried: %w", bare(err))
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }()
	one, two := flock.New(f.Name()), flock.New(f.Name())
	first, err := one.TryLock()
	second, err2 := two.TryLock()
	if err := errors.Join(err, err2, two.Close(), one.Close()); err != nil || !first || second {
		return "", fmt.Errorf("the disk of %s does not lock files, so that a second agent would not be noticed (%v): name a folder on a local disk as state", m.folder(), err)
	}
	if _, err := os.Stat(m.file(lockFile)); errors.Is(err, fs.ErrNotExist) {
		return "no agent is at work with this folder", nil
	}
	l := flock.New(m.file(lockFile), flock.SetFlag(os.O_RDONLY))
	free, err := l.TryRLock()
	if err := errors.Join(err, l.Close()); err != nil {
		return "", fmt.Errorf("look whether an agent is at work: %w: run the check as the account that runs the agent", err)
	}
	if !free {
		return "an agent is at work with this folder", nil
	}
	return "no agent is at work with this folder", nil
}
