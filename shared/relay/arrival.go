package relay

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// bodyTime is how long a message may take to arrive, 8 MiB of it at most: a
// caller that sends a byte a minute would hold a connection for years.
const bodyTime = time.Minute

// lingerTime is how long is waited for the end of a message that nobody reads,
// after which the connection is closed.
const lingerTime = 5 * time.Second

// Arrive bounds the time in which the bodies of all requests arrive, those
// included that no door stands before: only a POST's is waited for, and whoever
// sends one with something else is answered at once and then cut off. Whatever
// reads a body clears the deadline when it has it. Where there is no connection,
// the request is whole already.
func Arrive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			limit := bodyTime
			if r.Method != http.MethodPost {
				limit = lingerTime
				w.Header().Set("Connection", "close") // or the server would wait for the rest before it answers
			}
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		next.ServeHTTP(w, r)
	})
}

// Discard reads a message that nothing depends on to its end, which is limit bytes
// away at most, so that its sender is not cut off.
func Discard(w http.ResponseWriter, r *http.Request, limit int64) error {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return unread(err)
	}
	arrived(w)
	return nil
}

// arrived ends the time for a body: or its end would be taken for the caller's.
func arrived(w http.ResponseWriter) { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }

func unread(err error) error { return &badRequest{fmt.Errorf("read message: %w", err)} }

// The bytes of messages that are held at once: an agent sends one at a time.
const (
	maxHeld     = 64 << 20
	maxHeldEach = 2 * maxBody
)

// room counts the bytes of messages that are held, those announced included.
type room struct {
	mu   sync.Mutex
	all  int64
	each map[string]int64 // by the caller's id
}

// take makes room for a caller's message; give it back when the message is dealt
// with. ErrTooMany: it is one too many of the caller, or of all.
func (r *room) take(caller Caller, size int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.each[caller.ID]+size > maxHeldEach:
		return fmt.Errorf("%w from %s: others are still being read", ErrTooMany, caller)
	case r.all+size > maxHeld:
		return fmt.Errorf("%w: those of other callers are still being read", ErrTooMany)
	case r.each == nil:
		r.each = map[string]int64{}
	}
	r.all += size
	r.each[caller.ID] += size
	return nil
}

func (r *room) give(caller Caller, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all -= size
	if r.each[caller.ID] -= size; r.each[caller.ID] == 0 {
		delete(r.each, caller.ID)
	}
}

// message reads a caller's message, which has limit bytes at most. done ends its
// hold on the door's room.
func (d *Door) message(w http.ResponseWriter, r *http.Request, caller Caller, limit int64) (body []byte, done func(), err error) {
	size := r.ContentLength
	switch {
	case size > limit:
		// The server is to close the connection gently, with what is still under way.
		_, _ = http.MaxBytesReader(w, r.Body, 0).Read(make([]byte, 1))
		return nil, nil, &http.MaxBytesError{Limit: limit}
	case size < 0:
		size = limit
	}
	if err := d.room.take(caller, size); err != nil {
		return nil, nil, err
	}
	done = func() { d.room.give(caller, size) }
	if r.ContentLength < 0 {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	} else {
		body = make([]byte, size)
		_, err = io.ReadFull(r.Body, body)
	}
	if err != nil {
		done()
		return nil, nil, unread(err)
	}
	arrived(w)
	return body, done, nil
}
