package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"groupwriteback/shared/directory"
)

// The folders of runs and of what was answered to them.
const (
	runs    = "run/"
	replies = "reply/"
)

// runLife is how long runs are kept, and so how long the same key is the same request: for
// the day on which it came, and the day after.
const runLife = 3 * 24 * time.Hour

// Run is what an operator asked for, so that it can be asked how far it is.
type Run struct {
	ID     string         `json:"id"`
	Ask    string         `json:"ask"` // the id of the wish, in the inbox: said again it is the same
	Action string         `json:"action"`
	By     string         `json:"by"`
	At     time.Time      `json:"at"`
	Groups []directory.ID `json:"groups,omitempty"`
	Full   bool           `json:"full,omitempty"`
	Body   string         `json:"body"` // digest of the request
}

// Errors of runs.
var (
	// ErrUnknownRun: there is no such run.
	ErrUnknownRun = errors.New("no such run is known: they are kept for two days")
	// ErrKeyReused: the key was another request's.
	ErrKeyReused = errors.New("this Idempotency-Key came with another request before: take a new one for each thing to be done")
)

// Begin notes a run. Under the same key it is the one that there is, if that is of today or
// yesterday, and known is true; ErrKeyReused: that is of another request. An empty key is
// nobody else's. A crash behind it leaves a run to which nobody was answered.
func (j *Journal) Begin(ctx context.Context, r Run, caller, key string) (run Run, known bool, err error) {
	now := j.now()
	r.At, r.Ask = now, ReportID(now)
	if key == "" {
		key = rand.Text()
	}
	word := Digest([]byte(caller + "\n" + key))[:32]
	day := now.Truncate(24 * time.Hour)
	before := runID(word, day.Add(-24*time.Hour))
	if r.ID = runID(word, day); r.Body == "" {
		return Run{}, false, errors.New("note run: it has no digest of its request")
	}
	old, err := j.Run(ctx, before)
	if errors.Is(err, ErrUnknownRun) {
		old, err = j.begin(ctx, r)
	}
	switch {
	case err != nil:
		return Run{}, false, err
	case old.Body != r.Body:
		return Run{}, false, ErrKeyReused
	}
	return old, old.Ask != r.Ask, nil
}

// begin creates a run, or returns the one that is there.
func (j *Journal) begin(ctx context.Context, r Run) (Run, error) {
	if err := j.roomBelow(ctx, runs, mostRuns); err != nil {
		return Run{}, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return Run{}, fmt.Errorf("encode run: %w", err)
	}
	if err := j.create(ctx, runs+r.ID, data); errors.Is(err, errDiffers) {
		return j.Run(ctx, r.ID)
	} else if err != nil {
		return Run{}, err
	}
	return r, nil
}

// mostRuns bounds the runs of three days.
const mostRuns = 10_000

// runID names a run by its word and day.
func runID(word string, day time.Time) string { return fmt.Sprintf("%s-%08x%08x", word, day.Unix(), 0) }

var runForm = regexp.MustCompile(`^[0-9a-f]{32}-[0-9a-f]{16}$`)

// Run returns a run by its id, or ErrUnknownRun.
func (j *Journal) Run(ctx context.Context, id string) (Run, error) {
	return ofRun[Run](ctx, j, runs, id)
}

// Reply returns what was answered to a run, or ErrUnknownRun: nothing was yet.
func (j *Journal) Reply(ctx context.Context, id string) (json.RawMessage, error) {
	return ofRun[json.RawMessage](ctx, j, replies, id)
}

func ofRun[T any](ctx context.Context, j *Journal, folder, id string) (v T, err error) {
	if !runForm.MatchString(id) {
		return v, ErrUnknownRun
	}
	v, err = getJSON[T](ctx, j, folder+id)
	if errors.Is(err, fs.ErrNotExist) {
		return v, ErrUnknownRun
	}
	return v, err
}

// Replied notes what was answered to a run: the first answer stands.
func (j *Journal) Replied(ctx context.Context, id string, reply json.RawMessage) error {
	if err := j.create(ctx, replies+id, reply); err != nil && !errors.Is(err, errDiffers) {
		return err
	}
	return nil
}

// Undo forgets a run of which nothing came: its key is free again.
func (j *Journal) Undo(ctx context.Context, id string) error {
	if err := j.Store.Delete(ctx, j.prefix()+runs+id); err != nil {
		return fmt.Errorf("forget run: %w", err)
	}
	return nil
}

// Waits says whether a run's wish was not taken up by any turn yet.
func (tx *Tx) Waits(r Run) bool { return slices.Contains(tx.inboxNames("in/ask/"), "in/ask/"+r.Ask) }

// NamesAWord makes the id of a word on a hold from that of its run.
func (r Run) NamesAWord() string { return fmt.Sprintf("%08x%s", r.At.Unix(), r.ID[:12]) }
