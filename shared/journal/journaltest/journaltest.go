// Package journaltest helps tests that need a journal.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/journal"
)

// SwitchOn has a target's journal begin as one whose first plan a person has confirmed.
// One that has begun it leaves as it is.
func SwitchOn(ctx context.Context, store blob.Store, target string) error {
	head, err := json.Marshal(journal.Head{Format: journal.Format, Epoch: 1, NextSeq: 1, Switch: journal.Switch{On: true, By: "test"}})
	if err != nil {
		return err
	}
	_, err = store.Put(ctx, "t/"+target+"/head", head, blob.Absent)
	if errors.Is(err, blob.ErrConflict) {
		return nil
	}
	return err
}
