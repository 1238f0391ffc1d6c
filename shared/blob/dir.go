package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Dir is a Store in a folder of a local disk, which is made if it is not there.
// Writers on one machine exclude each other by a lock file; an object appears
// under its name only when it is whole and on the disk.
func Dir(path string) (Store, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &dir{root: path}, nil
}

type dir struct{ root string }

const lockName = ".lock" // no key: keys' parts do not begin with a dot

func (d *dir) file(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d *dir) Get(ctx context.Context, key string) ([]byte, Tag, error) {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return nil, Absent, err
	}
	data, err := os.ReadFile(d.file(key))
	if err != nil {
		return nil, Absent, err
	}
	return data, tagOf(data), nil
}

func (d *dir) Put(ctx context.Context, key string, data []byte, old Tag) (Tag, error) {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return Absent, err
	}
	if err := os.MkdirAll(filepath.Dir(d.file(key)), 0o700); err != nil {
		return Absent, err
	}
	unlock, err := d.lock()
	if err != nil {
		return Absent, err
	}
	defer unlock()
	if old != Any {
		switch _, now, err := d.Get(ctx, key); {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return Absent, err
		case now != old:
			return Absent, fmt.Errorf("put %s: %w", key, ErrConflict)
		}
	}
	if err := d.replace(key, data); err != nil {
		return Absent, fmt.Errorf("put %s: %w", key, err)
	}
	return tagOf(data), nil
}

// lock takes a lock of its own for each call: a lock belongs to an open file,
// so that goroutines exclude each other as processes do.
func (d *dir) lock() (unlock func(), err error) {
	l := flock.New(filepath.Join(d.root, lockName), flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	return func() { _ = l.Close() }, nil
}

// replace writes beside the object and renames: a crash leaves the old object
// and a file that begins with a dot, which nobody reads.
func (d *dir) replace(key string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(d.file(key)), ".put-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), d.file(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (d *dir) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	start := d.root
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 { // walk only where keys can be
		start = d.file(prefix[:i])
	}
	err := filepath.WalkDir(start, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // nothing there, or deleted meanwhile
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case e.IsDir() || strings.HasPrefix(e.Name(), "."):
			return nil
		}
		rel, err := filepath.Rel(d.root, path)
		if key := filepath.ToSlash(rel); err == nil && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
		return err
	})
	slices.Sort(keys)
	return keys, err
}

func (d *dir) Delete(ctx context.Context, key string) error {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return err
	}
	if err := os.Remove(d.file(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
