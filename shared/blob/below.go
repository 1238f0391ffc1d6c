package blob

import (
	"context"
	"errors"
	"strings"
)

// Below is the part of a store whose keys begin with prefix and a slash, as a
// store of its own: so a bucket can be shared. An empty prefix stands for all of s.
func Below(s Store, prefix string) (Store, error) {
	if prefix == "" {
		return s, nil
	}
	if err := CheckKey(prefix); err != nil {
		return nil, errors.New("the prefix's parts must be lower-case letters, digits, '-', '_' and '.'") // it may be a secret
	}
	return &below{s, prefix + "/"}, nil
}

type below struct {
	store  Store
	prefix string
}

func (b *below) Get(ctx context.Context, key string) ([]byte, Tag, error) {
	return b.store.Get(ctx, b.prefix+key)
}

func (b *below) Put(ctx context.Context, key string, data []byte, old Tag) (Tag, error) {
	return b.store.Put(ctx, b.prefix+key, data, old)
}

func (b *below) List(ctx context.Context, prefix string) ([]string, error) {
	keys, err := b.store.List(ctx, b.prefix+prefix)
	for i, k := range keys {
		keys[i] = strings.TrimPrefix(k, b.prefix)
	}
	return keys, err
}

func (b *below) Delete(ctx context.Context, key string) error {
	return b.store.Delete(ctx, b.prefix+key)
}
