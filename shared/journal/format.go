package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/fxamacker/cbor/v2"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/record"
)

// head reads the head; an absent one is a new journal.
func (j *Journal) head(ctx context.Context) (Head, blob.Tag, error) {
	data, tag, err := j.Store.Get(ctx, j.prefix()+"head")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newHead(), blob.Absent, nil
	case err != nil:
		return Head{}, "", fmt.Errorf("read head: %w", err)
	}
	h, err := decodeHead(data)
	return h, tag, err
}

func newHead() Head { return Head{Format: Format, Epoch: 1, NextSeq: 1} }

// decodeHead reads a head of this format, and nothing else: what a newer version has
// put into it would be lost when it is written back.
func decodeHead(data []byte) (h Head, err error) {
	var of struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &of); err != nil {
		return Head{}, fmt.Errorf("decode head: %w", err)
	}
	switch {
	case of.Format > Format:
		return Head{}, ErrFormat
	case of.Format < 1: // not even ours: it must not pass for a new journal
		return Head{}, errors.New("decode head: it names no format")
	case of.Format < Format:
		return Head{}, ErrOldFormat
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return Head{}, fmt.Errorf("decode head: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(new(Head)); err != nil {
		return Head{}, fmt.Errorf("decode head: %w (%v)", ErrFormat, err)
	}
	return h, nil
}

// decode reads what encMode wrote. A key that this version does not know is of a newer
// one.
func decode(data []byte, v any) error {
	err := decMode().Unmarshal(data, v)
	if _, newer := errors.AsType[*cbor.UnknownFieldError](err); newer {
		return fmt.Errorf("%w (%v)", ErrFormat, err)
	}
	return err
}

// BeginAnew makes a journal begin anew, whatever has become of it: nothing of what it
// knew counts any more, and all is read again from Entra ID and Active Directory. Nothing
// is written there before both were read. What identifies it is kept, as far as it can
// be read: its tenant and target, the rules that were replaced, the version of those in
// the store, what limits have counted, and the end of the audit. Numbers go on in a new epoch, so that nothing of before can
// run. ErrConflict: a step committed meanwhile; try again.
func (j *Journal) BeginAnew(ctx context.Context) error {
	data, tag, err := j.Store.Get(ctx, j.prefix()+"head")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there is none
	}
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	inbox, err := j.Store.List(ctx, j.prefix()+"in/")
	if err != nil {
		return fmt.Errorf("list inbox: %w", err)
	}
	old := remains(data)
	now := j.now()
	h := newHead()
	h.Epoch, h.Gen, h.Nonce = max(old.Epoch+1, uint64(now.Unix())), old.Gen+1, nonce(now)
	h.NextSeq, h.Closed = max(old.NextSeq, 1), max(old.NextSeq, 1)-1
	h.Tenant, h.Target, h.Former, h.Window, h.Audit, h.Noted = old.Tenant, old.Target, old.Former, old.Window.At(now), old.Audit, old.Noted
	h.Version, h.Lapsed = old.Version, old.Lapsed
	for _, k := range inbox { // it is about what is forgotten
		h.Folded = append(h.Folded, k[len(j.prefix()):])
	}
	if data, err = json.Marshal(h); err != nil {
		return fmt.Errorf("encode head: %w", err)
	}
	if _, err := j.Store.Put(ctx, j.prefix()+"head", data, tag); err != nil {
		if errors.Is(err, blob.ErrConflict) {
			return ErrConflict
		}
		return fmt.Errorf("write head: %w", err)
	}
	return nil
}

// remains is what can be read of a head of any version, or of a damaged one. Numbers
// that no journal counts to are not believed.
func remains(data []byte) Head {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return Head{}
	}
	number := func(name string) uint64 {
		if n := remaining[uint64](fields, name); n <= maxToken {
			return n
		}
		return 0
	}
	return Head{Epoch: number("epoch"), Gen: number("gen"), NextSeq: number("nextSeq"), Tenant: remaining[string](fields, "tenant"),
		Target: remaining[Target](fields, "target"), Former: remaining[[]string](fields, "formerRules"),
		Version: remaining[Filed](fields, "version"), Lapsed: remaining[bool](fields, "lapsed"), Window: remaining[record.Window](fields, "window"), Audit: remaining[string](fields, "audit"), Noted: remaining[string](fields, "noted")}
}

// remaining is a field of a head, or its zero value.
func remaining[T any](fields map[string]json.RawMessage, name string) (v T) {
	if json.Unmarshal(fields[name], &v) != nil {
		return *new(T)
	}
	return v
}
