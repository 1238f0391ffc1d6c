package status

import (
	"context"
	"strconv"

	"groupwriteback/shared/journal"
)

// Version is rules that were put in force in the store.
type Version = journal.Version

// Rules are the rules in force, or those of a version.
type Rules struct {
	Source  string   `json:"source"`            // where rules are kept: file or store
	Hash    string   `json:"rules"`             // of what they decide
	Version *Version `json:"version,omitempty"` // absent of a rules file
	InForce bool     `json:"inForce"`
	Text    string   `json:"text"`
}

// Where rules are kept.
const (
	InFile  = "file"
	InStore = "store"
)

// VersionPage is a page of versions, the latest first.
type VersionPage struct {
	Versions []Version `json:"versions"`
	InForce  uint64    `json:"inForce,omitempty"` // absent: none is
	Next     string    `json:"next,omitempty"`
}

// ReadVersion reads the rules of a version; journal.ErrUnknownVersion: there is none.
func ReadVersion(ctx context.Context, j *journal.Journal, number uint64) (Rules, error) {
	h, err := j.Look(ctx)
	if err != nil {
		return Rules{}, err
	}
	v, text, err := j.RulesText(ctx, h, number)
	return Rules{Source: InStore, Hash: v.Rules, Version: &v, InForce: h.InForce().Number == number, Text: string(text)}, err
}

// Versions lists the versions that are kept.
func Versions(ctx context.Context, j *journal.Journal, cursor string, limit int) (VersionPage, error) {
	before := uint64(0)
	if cursor != "" {
		var err error
		if before, err = strconv.ParseUint(cursor, 10, 63); err != nil || before == 0 {
			return VersionPage{}, ErrCursor
		}
	}
	h, err := j.Look(ctx)
	if err != nil {
		return VersionPage{}, err
	}
	list, more, err := j.Versions(ctx, h, before, limit)
	out := VersionPage{Versions: list, InForce: h.InForce().Number}
	if more {
		out.Next = strconv.FormatUint(list[len(list)-1].Number, 10)
	}
	return out, err
}
