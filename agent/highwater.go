package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("%s is damaged: %w; remove it if no plan was in flight, the agent then trusts the relay once", file, err)
	}
	return h, nil
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

// store writes the mark so that it survives a crash at any point.
func (h highWater) store(file string) error {
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode high-water mark: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".high-water-*")
	if err != nil {
		return fmt.Errorf("store high-water mark: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("store high-water mark: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
