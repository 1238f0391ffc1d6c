package cycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/record"
)

// Whether anything is written is a person's word, and the network's: see journal.Switch
// and Head.ReadOnly. Until then all is read, decided and shown.

// decides says whether what waits is decided again: it would be in vain where nothing is
// issued. What is new is counted in any case, for people to see.
func decides(h *journal.Head) bool {
	return h.Switch.Confirmed != "" || h.Switch.Writes() && !h.ReadOnly
}

// Digest names what a target wants done at one time, for a person to confirm.
func Digest(h *journal.Head, all record.Counts) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %016x", h.Tenant, h.Target.BaseGUID, h.Rules, all.Wanted))
	return hex.EncodeToString(sum[:8])
}

// confirm holds what a person has confirmed against what was decided.
func confirm(ctx context.Context, tx *journal.Tx, d *draft) error {
	s := &tx.Head.Switch
	if s.Confirmed == "" || !d.complete {
		return nil
	}
	all, err := d.total(ctx, tx)
	if err != nil {
		return err
	}
	went := s.Settle(Digest(&tx.Head, all), tx.Now)
	if went {
		tx.Say("switched on: what differs is written from now on", "by", s.By, "changes", all.Changes)
	} else {
		tx.Say("not switched on: the plan is not what was confirmed any more", "by", s.By, "remedy", "look at it again, and confirm it as it is now")
	}
	return nil
}

// lookAtAgent notes whether the agent would refuse every change.
func lookAtAgent(ctx context.Context, tx *journal.Tx) error {
	agent, err := tx.Agent(ctx)
	if err == nil {
		tx.Head.ReadOnly = agent.ReadOnly
	}
	return err
}
