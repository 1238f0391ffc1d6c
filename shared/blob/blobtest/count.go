package blobtest

import (
	"context"
	"fmt"
	"sync/atomic"

	"groupwriteback/shared/blob"
)

// Count is a Store that counts requests by kind, and the bytes that they carry:
// what a turn costs.
type Count struct {
	blob.Store
	gets, puts, lists, deletes, read, written atomic.Int64
}

// Cost is how many requests there were.
type Cost struct {
	Gets, Puts, Lists, Deletes int64
	Read, Written              int64 // bytes of objects
}

// Reads counts the requests that change nothing.
func (c Cost) Reads() int64 { return c.Gets + c.Lists }

// Writes counts the requests that change something, or try to.
func (c Cost) Writes() int64 { return c.Puts + c.Deletes }

func (c Cost) String() string {
	return fmt.Sprintf("%d gets (%d bytes), %d lists, %d puts (%d bytes), %d deletes", c.Gets, c.Read, c.Lists, c.Puts, c.Written, c.Deletes)
}

// Take returns the cost since it was last taken.
func (c *Count) Take() Cost {
	return Cost{Gets: c.gets.Swap(0), Puts: c.puts.Swap(0), Lists: c.lists.Swap(0), Deletes: c.deletes.Swap(0),
		Read: c.read.Swap(0), Written: c.written.Swap(0)}
}

// Get implements blob.Store.
func (c *Count) Get(ctx context.Context, key string) ([]byte, blob.Tag, error) {
	c.gets.Add(1)
	data, tag, err := c.Store.Get(ctx, key)
	c.read.Add(int64(len(data)))
	return data, tag, err
}

// Put implements blob.Store.
func (c *Count) Put(ctx context.Context, key string, data []byte, old blob.Tag) (blob.Tag, error) {
	c.puts.Add(1)
	c.written.Add(int64(len(data)))
	return c.Store.Put(ctx, key, data, old)
}

// List implements blob.Store.
func (c *Count) List(ctx context.Context, prefix string) ([]string, error) {
	c.lists.Add(1)
	return c.Store.List(ctx, prefix)
}

// Delete implements blob.Store.
func (c *Count) Delete(ctx context.Context, key string) error {
	c.deletes.Add(1)
	return c.Store.Delete(ctx, key)
}
