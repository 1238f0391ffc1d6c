package status

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"groupwriteback/shared/journal"
)

// Run is how far it is with what an operator asked for.
type Run struct {
	ID       string          `json:"run"`
	Action   string          `json:"action"`
	By       string          `json:"by"`
	At       time.Time       `json:"at"`
	Groups   int             `json:"groups,omitempty"`
	Full     bool            `json:"full,omitempty"`
	State    string          `json:"state"`
	Left     int             `json:"left,omitempty"`     // of the groups named: not all is done
	Changes  int             `json:"changes,omitempty"`  // still to be done, of all groups
	Held     int             `json:"held,omitempty"`     // of the groups named: something is held
	Problems int             `json:"problems,omitempty"` // of the groups named
	Reply    json.RawMessage `json:"reply,omitempty"`
}

// The states of a run.
const (
	RunWaiting = "waiting" // no turn has taken it up
	RunReading = "reading" // Entra ID or Active Directory is being read
	RunWriting = "writing" // the agent has something to do for it
	RunDone    = "done"
)

// ReadRun looks how far it is with a run; journal.ErrUnknownRun: there is none.
func ReadRun(ctx context.Context, j *journal.Journal, id string) (Run, error) {
	r, err := j.Run(ctx, id)
	if err != nil {
		return Run{}, err
	}
	out := Run{ID: r.ID, Action: r.Action, By: r.By, At: r.At, Groups: len(r.Groups), Full: r.Full}
	if out.Reply, err = j.Reply(ctx, id); err != nil && !errors.Is(err, journal.ErrUnknownRun) {
		return Run{}, err
	}
	tx, err := j.View(ctx)
	if err != nil {
		return Run{}, err
	}
	out.Changes = tx.Head.Totals.Changes
	reads, err := out.look(ctx, tx, r)
	if err != nil {
		return Run{}, err
	}
	out.State = stage(tx, r, out, reads)
	return out, nil
}

// look counts how the groups named are. reads says that some have to be read again first.
func (out *Run) look(ctx context.Context, tx *journal.Tx, r journal.Run) (reads bool, err error) {
	if len(r.Groups) == 0 || tx.Head.Gen == 0 {
		return false, nil
	}
	if err := tx.Fetch(ctx, r.Groups); err != nil {
		return false, err
	}
	sought := map[string]bool{}
	for _, s := range tx.Head.Reads {
		sought[s.ID.String()] = true
	}
	for _, id := range r.Groups {
		g := tx.Record(id)
		read := g.Stale || g.Missing || sought[id.String()]
		reads = reads || read
		if read || g.Asked || tx.Head.Plan != nil && g.LastWrite == tx.Head.Plan.Last {
			out.Left++
		}
		if g.Hold != nil && g.Hold.Open() {
			out.Held++
		}
		out.Problems += len(problems(g, nothing))
	}
	return reads, nil
}

// stage says how far a run is.
func stage(tx *journal.Tx, r journal.Run, out Run, reads bool) string {
	h := &tx.Head
	switch {
	case tx.Waits(r), out.Reply == nil && tx.Now.Sub(r.At) < 5*time.Minute && r.Action != "sync" && r.Action != "retry":
		return RunWaiting
	case r.Full && (h.Shadow != nil || h.ReadAll || h.Main.Number == 0), reads, h.Main.Open:
		return RunReading
	case h.Plan == nil && !h.Switch.Writes(): // nothing that is left is written before somebody has said so
		return RunDone
	case len(r.Groups) > 0 && out.Left > 0, len(r.Groups) == 0 && (h.Plan != nil || h.Totals.Changes > 0):
		return RunWriting
	}
	return RunDone
}
