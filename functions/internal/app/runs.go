package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"groupwriteback/shared/journal"
	"groupwriteback/shared/relay"
)

// headers are what a request says beside its message.
type headers struct {
	key   string // Idempotency-Key: the same is the same request; empty: it is another
	async bool   // Prefer: respond-async (RFC 7240): nobody waits for the turn
	body  string // digest of the message
}

// maxKey is the longest key that is taken.
const maxKey = 128

// TakeHeader implements relay.HeaderTaker.
func (h *headers) TakeHeader(header http.Header, body []byte) error {
	sum := sha256.Sum256(body)
	h.key, h.body = header.Get("Idempotency-Key"), hex.EncodeToString(sum[:])
	if len(h.key) > maxKey {
		return fmt.Errorf("Idempotency-Key: %d characters are too many: %d is the most", len(h.key), maxKey)
	}
	for _, v := range header.Values("Prefer") {
		for word := range strings.SplitSeq(v, ",") {
			h.async = h.async || strings.EqualFold(strings.TrimSpace(word), "respond-async")
		}
	}
	return nil
}

// changes says whether a request changes anything if it is carried out.
func (q *manualRequest) changes() bool {
	switch q.Action {
	case "sync", "retry", "approve", "reject", "repin", "begin-anew", journal.SwitchPause, journal.SwitchGoOn:
		return true
	case journal.SwitchOn, journal.SwitchOff, actRules:
		return q.Digest != ""
	}
	return false
}

// plain says that a request is no more than a turn: of one that comes to its end nothing is noted.
func (q *manualRequest) plain() bool {
	return q.Action == "sync" && len(q.Groups) == 0 && !q.Full && q.key == "" && !q.async
}

// errLater: it is noted, and done by a later turn.
var errLater = errors.New("it is noted, and takes longer than a request may")

// mayBeAtIt is how long a request may still be carried out that nobody was answered to.
const mayBeAtIt = 4 * time.Minute

// replied is what is kept of an answer.
type replied struct {
	Reply   manualReply `json:"reply"`
	Later   bool        `json:"later,omitempty"`
	Unknown string      `json:"unknown,omitempty"` // groups that nobody knows: the rest is done
}

// once carries a request out that changes something, and notes it as a run. One that comes
// again under its key is answered as before. A crash on the way leaves a run without
// an answer, which is carried out again, with the same words.
func (a *App) once(ctx context.Context, caller relay.Caller, q manualRequest) (manualReply, error) {
	run, known, err := a.journal.Begin(ctx, journal.Run{Action: q.Action, By: caller.String(), Groups: q.Groups, Full: q.Full, Body: q.body}, caller.ID, q.key)
	if err != nil {
		return manualReply{}, err
	}
	if known {
		switch was, err := a.repliedTo(ctx, run); {
		case err == nil:
			return was.again()
		case !errors.Is(err, journal.ErrUnknownRun):
			return manualReply{}, err
		case time.Since(run.At) < mayBeAtIt:
			return manualReply{Done: "the same request is being carried out", Run: run.ID, later: true}, nil
		}
	}
	q.run = run
	reply, err := a.carryOut(ctx, caller, q)
	was := replied{Reply: reply}
	switch {
	case errors.Is(err, errLater):
		was.Later, was.Reply.Done = true, "it is noted, and done by the next turns: ask for the run"
	case errors.Is(err, journal.ErrUnknownGroup):
		was.Unknown = strings.TrimPrefix(err.Error(), journal.ErrUnknownGroup.Error()+": ")
	case err != nil: // nothing came of it: the same request may be tried again
		return manualReply{}, errors.Join(err, a.journal.Undo(context.WithoutCancel(ctx), run.ID))
	}
	was.Reply.Run = run.ID
	data, err := json.Marshal(was)
	if err != nil {
		return manualReply{}, fmt.Errorf("encode reply: %w", err)
	}
	if err := a.journal.Replied(context.WithoutCancel(ctx), run.ID, data); err != nil {
		return manualReply{}, err
	}
	return was.again()
}

// repliedTo is what was answered to a run; journal.ErrUnknownRun: nothing yet.
func (a *App) repliedTo(ctx context.Context, run journal.Run) (was replied, err error) {
	data, err := a.journal.Reply(ctx, run.ID)
	if err != nil {
		return was, err
	}
	if err := json.Unmarshal(data, &was); err != nil {
		return was, fmt.Errorf("decode reply: %w", err)
	}
	return was, nil
}

// again is the answer that was given.
func (was replied) again() (manualReply, error) {
	if was.Unknown != "" {
		return manualReply{}, fmt.Errorf("%w: %s", journal.ErrUnknownGroup, was.Unknown)
	}
	was.Reply.later = was.Later
	return was.Reply, nil
}

// retryAfter is when it is worth asking for a run again, in seconds.
const retryAfter = "5"

// SayStatus implements relay.StatusSayer: 202 with the run to poll where it is not done yet.
func (r manualReply) SayStatus(h http.Header) int {
	if !r.later {
		return http.StatusOK
	}
	h.Set("Location", base+"runs/"+r.Run)
	h.Set("Retry-After", retryAfter)
	return http.StatusAccepted
}
