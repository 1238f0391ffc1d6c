package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/blob"
)

// scratch is where the objects lie that a check makes: beside all journals.
const scratch = "check/"

// removeTime is how long the removal of such an object may take.
const removeTime = 20 * time.Second

// tryStore makes an object in a store and has it replaced, as the journal does, and
// refused, as the journal relies on: two planners that write at once are told apart by
// nothing else. The object is gone afterwards; a crash leaves one that nobody reads.
func tryStore(ctx context.Context, s blob.Store) (err error) {
	t := &storeTrial{Store: s, key: scratch + strings.ToLower(rand.Text())}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
		defer cancel()
		if gone := s.Delete(ctx, t.key); gone != nil && err == nil {
			err = fmt.Errorf("delete a scratch object: %w", gone)
		}
	}()
	for _, step := range []func(context.Context) error{t.creates, t.refusesSecond, t.replaces, t.refusesStale, t.lists, t.deletes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// storeTrial is an object that is made to see what a store does.
type storeTrial struct {
	blob.Store
	key        string
	first, now blob.Tag
}

func (t *storeTrial) creates(ctx context.Context) error {
	tag, err := t.put(ctx, "one", blob.Absent)
	if err != nil {
		return fmt.Errorf("make an object: %w", err)
	}
	t.first = tag
	return t.holds(ctx, "one")
}

func (t *storeTrial) refusesSecond(ctx context.Context) error {
	return t.refused(ctx, "one", blob.Absent, "If-None-Match")
}

func (t *storeTrial) replaces(ctx context.Context) error {
	tag, err := t.put(ctx, "two", t.first)
	if err != nil {
		return fmt.Errorf("replace an object: %w", err)
	}
	t.now = tag
	return t.holds(ctx, "two")
}

func (t *storeTrial) refusesStale(ctx context.Context) error {
	return t.refused(ctx, "two", t.first, "If-Match")
}

func (t *storeTrial) lists(ctx context.Context) error {
	keys, err := t.List(ctx, scratch)
	if err != nil {
		return err
	}
	if !slices.Contains(keys, t.key) {
		return errors.New("an object that was just made is not listed: use a store that shows at once what was written")
	}
	return nil
}

func (t *storeTrial) deletes(ctx context.Context) error {
	if err := t.Delete(ctx, t.key); err != nil {
		return err
	}
	_, _, err := t.Get(ctx, t.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read an object that is not there: %w", err)
	}
	return errors.New("an object that was just deleted is still read: use a store that shows at once what was written")
}

// put writes the object on a condition. A write that was made twice, because the first
// answer was lost, finds itself.
func (t *storeTrial) put(ctx context.Context, text string, old blob.Tag) (blob.Tag, error) {
	tag, err := t.Put(ctx, t.key, []byte(text), old)
	if errors.Is(err, blob.ErrConflict) {
		if data, now, readErr := t.Get(ctx, t.key); readErr == nil && bytes.Equal(data, []byte(text)) {
			return now, nil
		}
	}
	return tag, err
}

// refused writes on a condition that is not so, and sees that what is there stays.
func (t *storeTrial) refused(ctx context.Context, stays string, old blob.Tag, header string) error {
	_, err := t.Put(ctx, t.key, []byte("no"), old)
	switch {
	case err == nil:
		return fmt.Errorf("the store takes a write whose condition (%s) is not so: two planners would undo each other's work: use a store that honours conditional writes", header)
	case !errors.Is(err, blob.ErrConflict):
		return fmt.Errorf("write on a condition that is not so (%s): %w", header, err)
	}
	return t.holds(ctx, stays)
}

func (t *storeTrial) holds(ctx context.Context, want string) error {
	data, _, err := t.Get(ctx, t.key)
	if err != nil {
		return fmt.Errorf("read what was just written: %w", err)
	}
	if string(data) != want {
		return errors.New("what was just written is not what is read: use a store that shows at once what was written")
	}
	return nil
}
