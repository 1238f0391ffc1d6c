package cycle

import (
	"context"
	"fmt"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// maxAhead is how far an epoch may lie before the clock and still be one that a journal
// of ours began: see startOver.
const maxAhead = 24 * time.Hour

// anew is how old an epoch is at least that ends for the sake of a lease.
const anew = time.Hour

// ahead says whether a part of a report shows, by a fence of a group or the agent's own
// word, that a batch ran which this journal has not issued: then the journal was lost or
// is a restored copy, and Active Directory is ahead of it. epoch is the last that it
// shows; 0: none. A number that no journal can have reached by now is somebody's hand,
// and that group's problem; and so is all of it while our own epoch is before the clock,
// for whoever says so again and again.
func ahead(ctx context.Context, tx *journal.Tx, part journal.Report) (epoch uint64, err error) {
	h := &tx.Head
	last := unix(tx.Now.Add(maxAhead))
	if h.Epoch >= last {
		return 0, nil
	}
	see := func(m journal.Mark) {
		if m.Epoch <= last && (m.Epoch > h.Epoch || m.Epoch == h.Epoch && m.Seq >= h.NextSeq) {
			epoch = max(epoch, m.Epoch)
		}
	}
	see(part.High)
	lease := uint64(0)
	for _, row := range part.Rows {
		if f, ok := plan.ParseFence(row.Fence); ok && f.Instance == tx.Target() {
			see(journal.Mark{Epoch: f.Epoch, Seq: f.Seq})
			if f.Epoch == h.Epoch {
				lease = max(lease, f.Lease)
			}
		}
	}
	if epoch > 0 || lease == 0 || h.Epoch > unix(tx.Now.Add(-anew)) {
		return epoch, nil
	}
	// The lease was set back, or the fence is somebody's hand: either way nobody may write
	// to that group any more in this epoch.
	token, err := tx.LeaseToken(ctx)
	if err == nil && token > 0 && lease > token {
		epoch = h.Epoch
	}
	return epoch, err
}

func unix(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

// startOver begins a new epoch behind everything that was ever written: what the
// lost journal had in flight cannot run any more, and nothing is planned before
// the agent has read all of it again. The epoch is the time, in seconds since 1970, or
// one more than was seen, which is a day before that at most: no number from outside can
// use them up.
func startOver(ctx context.Context, tx *journal.Tx, seen uint64) error {
	h := &tx.Head
	if h.Plan != nil {
		if err := closePlan(ctx, tx); err != nil {
			return err
		}
	}
	h.Epoch, h.Closed = max(h.Epoch+1, seen+1, unix(tx.Now)), h.NextSeq-1
	h.ReadAll, h.Reported = true, time.Time{}
	h.Main.Open, h.Main.Behind = true, true // what a lost journal knew, and wrote, is news to this one
	return nil
}

// repin makes the journal be of a domain that a person has named. The container is that
// of the next full report, which alone says what is there.
func repin(ctx context.Context, tx *journal.Tx, domain directory.SID) error {
	tx.Head.Target, tx.Head.Stop = journal.Target{DomainSID: domain}, ""
	return startOver(ctx, tx, 0)
}

// mismatch says why a report is not of the journal's target.
func mismatch(want, got journal.Target) string {
	switch {
	case want.DomainSID == "" || got.DomainSID == want.DomainSID && (want.BaseGUID == "" || got.BaseGUID == want.BaseGUID):
		return ""
	case got.DomainSID != want.DomainSID:
		return fmt.Sprintf("the agent reports from domain %s, but this journal is for domain %s: check the agent's directory URL, or use another target name; if the journal is wrong, say so (action repin)", got.DomainSID, want.DomainSID)
	}
	return fmt.Sprintf("the agent reports on container %s, but this journal is for another one (%s): check the agent's base, or use another target name; if the journal is wrong, say so (action repin)", got.Base, want.Base)
}
