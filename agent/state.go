package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"groupwriteback/shared/relay"
)

// memory is what the agent must remember over restarts: some small files in its
// state folder, whose names begin with the target's. Each is the old or the new
// one after a crash at any point.
type memory struct {
	prefix string // folder and target
}

// The endings of the files.
const (
	highFile     = ".json"
	lineFile     = "-dc.json"
	doubtFile    = "-doubt.json"
	instanceFile = "-instance.json"
	lockFile     = ".lock"
)

func (m memory) file(ending string) string { return m.prefix + ending }

func (m memory) folder() string { return filepath.Dir(m.prefix) }

// highWater is the last batch that this agent has finished, kept on its own
// disk: a relay that was set back or taken over cannot make it run an old
// batch, or another one under an old number.
type highWater struct {
	Epoch  uint64 `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Digest string `json:"digest"`
}

func (m memory) highWater() (h highWater, err error) {
	err = m.read(highFile, &h)
	return h, err
}

// allows says whether a batch may run: it is new, or it is the very one that
// was finished last and whose acknowledgement was lost.
func (h highWater) allows(epoch, seq uint64, digest string) error {
	switch {
	case epoch > h.Epoch, epoch == h.Epoch && seq > h.Seq:
		return nil
	case epoch == h.Epoch && seq == h.Seq && digest == h.Digest:
		return nil
	}
	return fmt.Errorf("batch %d.%d is not newer than %d.%d, which this agent has finished: the journal was set back", epoch, seq, h.Epoch, h.Seq)
}

// doubt is why all of the directory is to be read, and the report to be taken,
// before anything is written. It lies on the disk: what is noticed once, such as a
// database that went back, would be forgotten by a restart.
type doubt struct {
	Why string `json:"why"`
}

func (d doubt) any() bool { return d.Why != "" }

func (m memory) doubt() (d doubt, err error) {
	err = m.read(doubtFile, &d)
	return d, err
}

// lineage is the domain controller's database as this agent saw it last.
type lineage struct {
	relay.DC
}

func (m memory) lineage() (l lineage, err error) {
	err = m.read(lineFile, &l)
	return l, err
}

// setBack says whether now is another database under the same name, or an older
// state of the same one. Another domain controller is neither.
func (l lineage) setBack(now relay.DC) bool {
	return l.Name == now.Name && (l.InvocationID != now.InvocationID || now.USN < l.USN)
}

// remember stores how far the domain controller's database has come.
func (a *agent) remember(ctx context.Context) error {
	id, err := a.session.Identify(ctx)
	if err != nil {
		return err
	}
	a.session.identity, a.session.heard = id, a.now()
	a.locate()
	return a.memory.store(lineFile, lineage{a.session.lineage()})
}

// instance is this folder's own name, made at random when it is first asked for:
// the relay tells two agents apart by it that share an app registration.
func (m memory) instance() (string, error) {
	var own struct {
		ID string `json:"id"`
	}
	if err := m.read(instanceFile, &own); err != nil || own.ID != "" {
		return own.ID, err
	}
	own.ID = rand.Text()
	return own.ID, m.store(instanceFile, own)
}

// lock keeps a second process from working with the same memory. The system lets
// go of it when the process ends, however that is.
func (m memory) lock() (unlock func() error, err error) {
	l := flock.New(m.file(lockFile))
	switch got, err := l.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	case !got:
		return nil, fmt.Errorf("another agent is at work with %s: stop it, or name another folder as state", m.folder())
	}
	return l.Unlock, nil
}

// temporary is the beginning of the names of files that do not outlive the process,
// apart from those of other targets: "~" is in no target's name.
func (m memory) temporary() string { return "." + filepath.Base(m.prefix) + "~" }

// scratch makes a file that does not outlive the process.
func (m memory) scratch() (*os.File, error) { return os.CreateTemp(m.folder(), m.temporary()+"*") }

// tidy removes what a crash has left half-written. Nobody else may be at work.
func (m memory) tidy() error {
	found, err := os.ReadDir(m.folder())
	errs := []error{err}
	for _, f := range found {
		if strings.HasPrefix(f.Name(), m.temporary()) {
			errs = append(errs, os.Remove(filepath.Join(m.folder(), f.Name())))
		}
	}
	return errors.Join(errs...)
}

// read reads one of the files; an absent one is a new agent's.
func (m memory) read(ending string, v any) error {
	data, err := os.ReadFile(m.file(ending))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w; remove it if no plan was in flight: the agent then trusts the relay and the directory once", m.file(ending), err)
	}
	return nil
}

// store replaces a file.
func (m memory) store(ending string, v any) error {
	file := m.file(ending)
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", file, err)
	}
	f, err := m.scratch()
	if err != nil {
		return fmt.Errorf("store %s: %w", file, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", file, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// forget removes a file.
func (m memory) forget(ending string) error {
	if err := os.Remove(m.file(ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget %s: %w", m.file(ending), err)
	}
	return nil
}
