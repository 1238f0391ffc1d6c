package relay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// A Kind says how messages of one kind are taken.
type Kind[Q any] struct {
	Role  string         // which the caller must have
	Size  int64          // in bytes, at most; 0: 8 MiB
	Bound func(*Q) error // refuses what is impossible and cuts what is too long; nil: all is taken

	// Strict refuses keys that the message does not have: a person has misspelt one.
	// A program is a version newer than this one, and is understood without it.
	Strict bool

	// Frank tells the caller why it failed, as the log has it: operators are to mend it.
	Frank bool
}

// Serve is an HTTP handler for one kind of JSON message. A message has nothing
// behind its end.
func Serve[Q, R any](d *Door, k Kind[Q], do func(ctx context.Context, caller Caller, q Q) (R, error)) http.Handler {
	return d.guard(func(w http.ResponseWriter, r *http.Request, caller Caller) {
		body, done, err := d.message(w, r, caller, cmp.Or(k.Size, maxBody))
		if err != nil {
			WriteProblem(w, r, d.Log, err)
			return
		}
		defer done() // what it became takes as much
		q, err := decode(body, k)
		if h, takes := any(&q).(HeaderTaker); err == nil && takes {
			err = h.TakeHeader(r.Header, body)
		}
		if err != nil {
			WriteProblem(w, r, d.Log, &badRequest{err})
			return
		}
		reply, err := do(r.Context(), caller, q)
		if err != nil && k.Frank {
			err = Frank(err)
		}
		if err != nil {
			WriteProblem(w, r, d.Log, err)
			return
		}
		status := http.StatusOK
		if s, says := any(reply).(StatusSayer); says {
			status = s.SayStatus(w.Header())
		}
		WriteJSON(w, status, reply)
	}, []string{k.Role})
}

// HeaderTaker is a message that headers of its request are part of.
type HeaderTaker interface {
	// TakeHeader is asked once the message is decoded; body is as it was sent.
	TakeHeader(h http.Header, body []byte) error
}

// StatusSayer is a reply that may have another status than 200.
type StatusSayer interface {
	// SayStatus returns the status, and sets headers that go with it.
	SayStatus(h http.Header) int
}

// maxValues is how many values the JSON of a message may have: some hundred for
// each of the rows that an agent puts into a part of a report. Decoded, each
// takes many times the two bytes that it may be sent in.
const maxValues = 200_000

// maxItems is how many rows a part of a report may have, and how many results
// an acknowledgement.
const maxItems = 5000

func decode[Q any](body []byte, k Kind[Q]) (q Q, err error) {
	if n := values(body); n > maxValues {
		return q, fmt.Errorf("the message has about %d values: %d is the most", n, maxValues)
	}
	if k.Strict {
		if err := knownKeys(body, reflect.TypeFor[Q]()); err != nil {
			return q, err
		}
	}
	switch err := json.Unmarshal(body, &q); {
	case err != nil && strings.HasSuffix(err.Error(), "after top-level value"):
		return q, errors.New("the message has something behind its end")
	case err != nil:
		return q, err
	}
	if k.Bound != nil {
		err = k.Bound(&q)
	}
	return q, err
}

// values counts the values of a JSON text, roughly: what opens, and what follows
// a comma.
func values(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '{' || c == '[' || c == ','):
			n++
		}
	}
	return n
}

// knownKeys names a key of a message that its type does not have, and those that
// it has. What is no object is left to the decoder.
func knownKeys(body []byte, message reflect.Type) error {
	var sent map[string]json.RawMessage
	if json.Unmarshal(body, &sent) != nil {
		return nil
	}
	var known []string
	for i := range message.NumField() {
		if name, _, _ := strings.Cut(message.Field(i).Tag.Get("json"), ","); name != "" {
			known = append(known, name)
		}
	}
	for key := range sent {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%.40q is no key of this message: there are %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

// items is a list of at most maxItems, of which no more is decoded than that.
type items[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (list *items[T]) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	switch start, err := d.Token(); {
	case err != nil:
		return err
	case start == nil: // null
		return nil
	case start != json.Delim('['):
		return errors.New("a list is needed")
	}
	*list = items[T]{}
	for d.More() {
		if len(*list) == maxItems {
			return fmt.Errorf("a list has more than %d items: send them in parts", maxItems)
		}
		var item T
		if err := d.Decode(&item); err != nil {
			return err
		}
		*list = append(*list, item)
	}
	return nil
}
