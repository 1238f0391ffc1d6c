package cycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"groupwriteback/shared/decision"
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

// flip changes the switch. All groups are decided again where that makes of them something else.
func flip(ctx context.Context, tx *journal.Tx, change func(*journal.Switch)) error {
	before := tx.Head.Switch.EndInView()
	change(&tx.Head.Switch)
	if tx.Head.Switch.EndInView() == before {
		return nil
	}
	return tx.MarkAll(ctx)
}

// confirm holds what a person has confirmed against what was decided, and sees when an end
// is over. again says that all is to be decided again before anything goes out.
func confirm(ctx context.Context, tx *journal.Tx, d *draft) (again bool, err error) {
	s := &tx.Head.Switch
	if s.Confirmed == "" && s.Ending == "" || !d.complete {
		return false, nil
	}
	all, err := d.total(ctx, tx)
	if err != nil {
		return false, err
	}
	if s.Confirmed == "" {
		if all.Changes+all.Stale+all.Parked+all.Held+len(all.Over)+all.Problems[decision.NotDeleted] > 0 || d.more {
			return false, nil
		}
		tx.Say("switched off: all groups have their end, but for those that are not as they must be", "end", s.Ending, "by", s.By, "in_trouble", all.Trouble)
		return true, flip(ctx, tx, (*journal.Switch).Over)
	}
	was, went := *s, false
	err = flip(ctx, tx, func(s *journal.Switch) { went = s.Settle(Digest(&tx.Head, all), tx.Now) })
	switch {
	case !went:
		tx.Say("nothing is switched: the plan is not what was confirmed any more", "by", was.By, "remedy", "look at it again, and confirm it as it is now")
	case was.End != "":
		tx.Say("writeback ends: all groups have their end, within the limits", "end", was.End, "by", was.By, "changes", all.Changes)
	default:
		tx.Say("switched on: what differs is written from now on", "by", was.By, "changes", all.Changes)
	}
	return !went && was.On, err
}

// lookAtAgent notes whether the agent would refuse every change.
func lookAtAgent(ctx context.Context, tx *journal.Tx) error {
	agent, err := tx.Agent(ctx)
	if err == nil {
		tx.Head.ReadOnly = agent.ReadOnly
	}
	return err
}

// epochBegan is when an epoch began that follows on a loss, by its number; of the first one
// nothing is missing.
func epochBegan(h *journal.Head) time.Time {
	if h.Epoch < firstTime {
		return time.Time{}
	}
	return time.Unix(int64(h.Epoch), 0).UTC()
}

// firstTime is a number that no count of epochs comes to, and each time of one has passed.
const firstTime = 1_000_000_000
