package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"groupwriteback/shared/relay"
)

// highWater is the last batch that this agent has finished, kept on its own
// disk: a relay that was set back or taken over cannot make it run an old
// batch, or another one under an old number.
type highWater struct {
	Epoch  uint64 `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Digest string `json:"digest"`
}

func readHighWater(file string) (h highWater, err error) {
	err = readState(file, &h)
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

func (h highWater) store(file string) error { return storeState(file, h) }

// lineage is the domain controller's database as this agent saw it last.
type lineage struct {
	relay.DC
}

func readLineage(file string) (l lineage, err error) {
	err = readState(file, &l)
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
	a.session.identity = id
	return storeState(a.lineFile, lineage{a.session.lineage()})
}

// readState reads one of the agent's files; an absent one is a new agent's.
func readState(file string, v any) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w; remove it if no plan was in flight: the agent then trusts the relay and the directory once", file, err)
	}
	return nil
}

// storeState writes a file so that it is the old or the new one after a crash at
// any point.
func storeState(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", file, err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".state-*")
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
