// Package blobtest is the contract of blob.Store as tests, and stores that fail
// on purpose.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"groupwriteback/shared/blob"
)

// Test holds a store to the contract. The store must be empty below "test/".
func Test(t *testing.T, s blob.Store) {
	ctx := t.Context()
	t.Run("absent", func(t *testing.T) {
		if _, _, err := s.Get(ctx, "test/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Get of nothing: %v, want fs.ErrNotExist", err)
		}
		if err := s.Delete(ctx, "test/none"); err != nil {
			t.Errorf("Delete of nothing: %v", err)
		}
		if keys, err := s.List(ctx, "test/none/"); err != nil || len(keys) != 0 {
			t.Errorf("List of nothing: %v, %v", keys, err)
		}
		if _, err := s.Put(ctx, "test/none", nil, "no-such-tag"); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("Put on a tag that nothing has: %v, want ErrConflict", err)
		}
	})
	t.Run("conditions", func(t *testing.T) {
		one := put(t, s, "test/c", "one", blob.Absent)
		if _, err := s.Put(ctx, "test/c", []byte("two"), blob.Absent); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("second create: %v, want ErrConflict", err)
		}
		two := put(t, s, "test/c", "two", one)
		if _, err := s.Put(ctx, "test/c", []byte("three"), one); !errors.Is(err, blob.ErrConflict) {
			t.Errorf("Put on a stale tag: %v, want ErrConflict", err)
		}
		data, tag, err := s.Get(ctx, "test/c")
		if err != nil || string(data) != "two" || tag != two {
			t.Errorf("Get = %q, %q, %v; want two, %q", data, tag, err, two)
		}
		put(t, s, "test/c", "", blob.Any)
		if data, _, err := s.Get(ctx, "test/c"); err != nil || len(data) != 0 {
			t.Errorf("Get of an empty object = %q, %v", data, err)
		}
	})
	t.Run("list", func(t *testing.T) {
		want := []string{"test/l/a", "test/l/a.b/c", "test/l/a/b", "test/l/b"}
		for _, k := range slices.Backward(want) {
			if k != "test/l/a/b" { // a folder cannot hold a file and a folder of one name
				put(t, s, k, k, blob.Absent)
			}
		}
		want = slices.DeleteFunc(want, func(k string) bool { return k == "test/l/a/b" })
		got, err := s.List(ctx, "test/l/")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("List = %v, %v; want %v", got, err, want)
		}
		if got, _ := s.List(ctx, "test/l/a"); !slices.Equal(got, want[:2]) {
			t.Errorf("List of a part of a name = %v, want %v", got, want[:2])
		}
		if err := s.Delete(ctx, "test/l/b"); err != nil {
			t.Error(err)
		}
		if got, _ := s.List(ctx, "test/l/"); !slices.Equal(got, want[:2]) {
			t.Errorf("List after Delete = %v, want %v", got, want[:2])
		}
	})
	t.Run("large", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
		put(t, s, "test/big", string(big), blob.Absent)
		if data, _, err := s.Get(ctx, "test/big"); err != nil || !bytes.Equal(data, big) {
			t.Errorf("Get of 2 MiB: %d bytes, %v", len(data), err)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		mine := []byte("one")
		if _, err := s.Put(ctx, "test/b", mine, blob.Absent); err != nil {
			t.Fatal(err)
		}
		for what, b := range map[string][]byte{"put": mine, "got": read(t, s, "test/b")} {
			b[0] = 'x'
			if data := read(t, s, "test/b"); string(data) != "one" {
				t.Errorf("after the bytes that were %s are changed the object is %q", what, data)
			}
		}
	})
	t.Run("race", func(t *testing.T) { race(t, s) })
	t.Run("keys", func(t *testing.T) {
		for _, k := range []string{"", "/a", "a/", "a//b", "../a", "test/.x", "Test/a", "a b"} {
			if err := blob.CheckKey(k); err == nil {
				t.Errorf("CheckKey(%q) = nil", k)
			}
		}
	})
}

// race has many writers increment a counter by compare-and-swap: none is lost.
func race(t *testing.T, s blob.Store) {
	const writers, each = 4, 5
	put(t, s, "test/r", "0", blob.Absent)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := 0; done < each; {
				data, tag, err := s.Get(t.Context(), "test/r")
				if err != nil {
					t.Error(err)
					return
				}
				var n int
				fmt.Sscan(string(data), &n)
				switch _, err = s.Put(t.Context(), "test/r", fmt.Append(nil, n+1), tag); {
				case err == nil:
					done++
				case !errors.Is(err, blob.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if data, _, err := s.Get(t.Context(), "test/r"); err != nil || string(data) != fmt.Sprint(writers*each) {
		t.Errorf("counter = %s, %v; want %d", data, err, writers*each)
	}
}

func put(t *testing.T, s blob.Store, key, data string, old blob.Tag) blob.Tag {
	t.Helper()
	tag, err := s.Put(t.Context(), key, []byte(data), old)
	if err != nil {
		t.Fatalf("Put %s: %v", key, err)
	}
	return tag
}

func read(t *testing.T, s blob.Store, key string) []byte {
	t.Helper()
	data, _, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get %s: %v", key, err)
	}
	return data
}

// ErrInjected is the error of a write that Hook made fail.
var ErrInjected = errors.New("injected fault")

// Hook is a Store that numbers writes, from 1, and calls a function around each.
// Puts and deletes are writes.
type Hook struct {
	blob.Store
	// Around is called with the number and key of a write and the write itself,
	// which it may leave out, and may say of it what is not so.
	Around func(n int64, key string, write func() error) error
	n      atomic.Int64
}

// Writes returns how many writes there were.
func (h *Hook) Writes() int64 { return h.n.Load() }

// Put implements blob.Store.
func (h *Hook) Put(ctx context.Context, key string, data []byte, old blob.Tag) (tag blob.Tag, err error) {
	err = h.Around(h.n.Add(1), key, func() (err error) {
		tag, err = h.Store.Put(ctx, key, data, old)
		return err
	})
	return tag, err
}

// Delete implements blob.Store.
func (h *Hook) Delete(ctx context.Context, key string) error {
	return h.Around(h.n.Add(1), key, func() error { return h.Store.Delete(ctx, key) })
}
