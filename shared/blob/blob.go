// Package blob is the object store that a journal lies in: named byte strings
// with conditional writes, and nothing else.
//
// It knows nothing of what the bytes mean. Package blobtest is the contract as
// tests; every driver passes it. The drivers here are Memory, for tests, and
// Dir, a folder for one machine; those for cloud storage lie in packages of
// their own, so that nobody links an SDK without need.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// ErrConflict is returned by a Put whose condition does not hold.
var ErrConflict = errors.New("the object was changed by somebody else")

// Tag identifies the content of an object at one time, as an ETag does. Two
// puts of the same bytes may have the same tag.
type Tag string

// The two tags that no object has: conditions for Put.
const (
	Absent Tag = ""  // the object must not exist
	Any    Tag = "*" // whatever is there is replaced
)

// Store holds objects. Keys are slash-separated paths of lower-case letters,
// digits, '-', '_' and '.', each part non-empty and not starting with a dot. A reader sees what the last
// successful Put wrote (read after write, list after write). All methods are
// safe for concurrent use, also from many processes.
type Store interface {
	// Get returns an object and its tag; fs.ErrNotExist if there is none.
	Get(ctx context.Context, key string) ([]byte, Tag, error)
	// Put writes an object if its present tag is old, and returns its new tag;
	// ErrConflict if it is not. After any other error the write may or may not
	// have happened.
	Put(ctx context.Context, key string, data []byte, old Tag) (Tag, error)
	// List returns the keys that begin with prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes an object; that it is absent already is no error.
	Delete(ctx context.Context, key string) error
}

// CheckKey returns an error if key does not have the form that Store asks for.
func CheckKey(key string) error {
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part[0] == '.' || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return fmt.Errorf("object key %q: parts must be lower-case letters, digits, '-', '_' and '.'", key)
		}
	}
	return nil
}

func tagOf(data []byte) Tag {
	sum := sha256.Sum256(data)
	return Tag(hex.EncodeToString(sum[:16]))
}

// Memory is a Store that forgets.
func Memory() Store { return &memory{objects: map[string][]byte{}} }

type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, Tag, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, Absent, &fs.PathError{Op: "get", Path: key, Err: fs.ErrNotExist}
	}
	return slices.Clone(data), tagOf(data), ctx.Err()
}

func (m *memory) Put(ctx context.Context, key string, data []byte, old Tag) (Tag, error) {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return Absent, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := Absent
	if data, ok := m.objects[key]; ok {
		now = tagOf(data)
	}
	if old != Any && old != now {
		return Absent, fmt.Errorf("put %s: %w", key, ErrConflict)
	}
	m.objects[key] = slices.Clone(data)
	return tagOf(data), nil
}

func (m *memory) List(ctx context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k := range m.objects {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys, ctx.Err()
}

func (m *memory) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return ctx.Err()
}
