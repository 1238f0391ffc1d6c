package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/blob/blobtest"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time         { return c.now }
func (c *clock) pass(d time.Duration)   { c.now = c.now.Add(d) }
func newClock() *clock                  { return &clock{time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)} }
func gid(n int) directory.ID            { return numbered(1, n) }
func uid(n int) directory.ID            { return numbered(2, n) }
func sidOf(rid int) directory.SID       { return directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", rid)) }
func (j *Journal) at(c *clock) *Journal { j.Now = c.Now; return j }

func numbered(kind byte, n int) directory.ID {
	id := directory.ID{kind}
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// stores are those that every test of the protocol must hold on.
func stores(t *testing.T) map[string]blob.Store {
	dir, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]blob.Store{"memory": blob.Memory(), "dir": dir}
}

// watched is a store that lists the keys of its writes.
func watched(s blob.Store) (store *blobtest.Hook, writes func() []string) {
	keys := make(chan string, 1<<16) // more than any test writes
	store = &blobtest.Hook{Store: s, Around: func(_ int64, key string, write func() error) error {
		keys <- key
		return write()
	}}
	return store, func() (out []string) {
		for len(keys) > 0 {
			out = append(out, <-keys)
		}
		slices.Sort(out)
		return out
	}
}

func load(t *testing.T, j *Journal) *Tx {
	t.Helper()
	w, err := j.Load(t.Context())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return w
}

func commit(t *testing.T, w *Tx) {
	t.Helper()
	if err := w.Commit(t.Context()); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// keep folds what Graph says into the step.
func keep(ctx context.Context, w *Tx, p directory.Page, shadow bool) error {
	s, err := w.Snapshot(ctx, p, shadow)
	if err != nil {
		return err
	}
	return w.Keep(ctx, s, s.Fold(p), shadow)
}

// named is a page with groups of these numbers, each with users as members.
func named(name string, groups []int, members ...int) directory.Page {
	p := directory.Page{Feed: directory.GroupFeed}
	for _, n := range groups {
		c := directory.GroupChange{ID: gid(n), Set: directory.Properties{"displayName": {fmt.Sprintf("%s %d", name, n)}}}
		for _, m := range members {
			c.Members = append(c.Members, directory.MemberChange{ID: uid(m), Kind: directory.User})
		}
		p.Groups = append(p.Groups, c)
	}
	return p
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// contents is all that a journal says, in words, without writing to it. An
// object that cannot be read is an error.
func contents(ctx context.Context, j *Journal) (string, error) {
	w, err := j.View(ctx)
	if err != nil {
		return "", err
	}
	t, err := w.open(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	h := w.Head
	fmt.Fprintf(&b, "rules %s, epoch %d, next %d, closed %d, holds %d\n", h.Rules, h.Epoch, h.NextSeq, h.Closed, len(h.Holds))
	ids, err := t.groups.within(ctx, root)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		g, _ := t.groups.get(id)
		fmt.Fprintf(&b, "group %s %v %v %v %s\n", id, g.Props, g.Members, g.Left, g.Gone)
	}
	ids, err = t.principals.within(ctx, root)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		p, _ := t.principals.get(id)
		fmt.Fprintf(&b, "principal %s %+v\n", id, *p)
	}
	err = w.Each(ctx, func(h *record.Group) error {
		fmt.Fprintf(&b, "record %s %v written %d stale %t", h.ID, h.Observed, h.LastWrite, h.Stale)
		if h.Hold != nil {
			l, err := w.Listing(ctx, h.Hold.ID)
			fmt.Fprintf(&b, " hold %s of %d", l.Text, l.Count)
			if err != nil {
				return err
			}
		}
		fmt.Fprintln(&b)
		return nil
	})
	if err != nil {
		return "", err
	}
	if p := h.Plan; p != nil {
		for seq := p.First; seq <= p.Last; seq++ {
			batch, err := w.Batch(ctx, seq)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "batch %d %+v\n", seq, batch)
		}
		fmt.Fprintf(&b, "plan %d-%d done %d\n", p.First, p.Last, p.Done)
	}
	return b.String(), nil
}

func mustContents(t *testing.T, j *Journal) string {
	t.Helper()
	s, err := contents(t.Context(), j)
	if err != nil {
		t.Fatalf("read the journal: %v", err)
	}
	return s
}

// update is a change that adds a member to a group.
func update(group, member int) plan.Change {
	return plan.Change{Op: plan.Update, Group: gid(group), Add: []plan.Ref{plan.SIDRef(sidOf(1000 + member))}}
}

// objects are the names of all objects that begin with prefix.
func objects(t *testing.T, j *Journal, prefix string) []string {
	t.Helper()
	keys, err := j.Store.List(t.Context(), j.prefix()+prefix)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		keys[i] = strings.TrimPrefix(keys[i], j.prefix())
	}
	return keys
}
