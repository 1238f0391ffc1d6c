package journal

import (
	"context"
	"maps"
	"strings"
	"time"
)

// Failure is why turns fail, where the next reader looks.
type Failure struct {
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"` // about: it is noted again once an hour
}

// The kinds of failures.
const (
	FailedGraph = "graph" // Entra ID could not be read, or not all of it
	FailedTurn  = "turn"  // a turn could not be made
)

// failureEvery is how often a failure that goes on is noted again; failureLife is how long
// one that nobody notes again counts.
const (
	failureEvery = time.Hour
	failureLife  = 3 * time.Hour
	failureText  = 1000 // bytes
)

// Failed notes why a turn failed; a nil error says that it did not. What is known already
// is not written again within the hour.
func (h *Head) Failed(kind string, err error, now time.Time) {
	old, known := h.Failures[kind]
	switch {
	case err == nil && !known:
		return
	case err == nil:
		h.Failures = maps.Clone(h.Failures)
		delete(h.Failures, kind)
		return
	}
	if known && now.Sub(old.Last) < failureEvery {
		return // its words may be others each time: ids, times
	}
	f := Failure{Text: failureWords(err), Since: now, Last: now}
	if known && now.Sub(old.Last) < failureLife {
		f.Since = old.Since
	}
	h.Failures = maps.Clone(h.Failures)
	if h.Failures == nil {
		h.Failures = map[string]Failure{}
	}
	h.Failures[kind] = f
}

// failureWords is an error in one sentence, though it be of several feeds.
func failureWords(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	return text[:min(len(text), failureText)]
}

// Failing is why turns fail now; ok is false if they do not.
func (h *Head) Failing(kind string, now time.Time) (f Failure, ok bool) {
	f, ok = h.Failures[kind]
	return f, ok && now.Sub(f.Last) < failureLife
}

// NoteFailure notes a turn that could not be made and so committed nothing.
func (j *Journal) NoteFailure(ctx context.Context, kind string, err error) error {
	tx, err1 := j.View(ctx)
	if err1 != nil {
		return err1
	}
	if tx.Head.Gen == 0 {
		return nil // nobody has ever got so far
	}
	tx.Head.Failed(kind, err, tx.Now)
	return tx.Commit(ctx)
}
