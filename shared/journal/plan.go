package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"groupwriteback/shared/plan"
)

// Batch is what the agent applies and acknowledges in one go.
type Batch struct {
	Target  string        `json:"target"`
	Epoch   uint64        `json:"epoch"`
	Seq     uint64        `json:"seq"`
	Changes []plan.Change `json:"changes"`
}

// Release says that a plan's batches may run: it is written only after the head
// names the plan, so that a batch of a step that never was cannot run.
type Release struct {
	Target  string    `json:"target"`
	Epoch   uint64    `json:"epoch"`
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	Digests []string  `json:"digests"` // of the batches' bytes, SHA-256, in order
	Expires time.Time `json:"expires"`
}

// The limits of a plan and its batches.
const (
	MaxBatches     = 64
	MaxBatchValues = 5000
	MaxBatchBytes  = 1 << 20
)

// planLife is how long a plan may run: some times the minute of work that it
// holds, so that a slow directory does not expire it again and again.
const planLife = 10 * time.Minute

// Grace is how long after a plan's end a write of it may still arrive: the
// longest LDAP timeout.
const Grace = 2 * time.Minute

// Issue makes batches of changes, in order, the plan in flight. It returns how
// many changes it took: those that fit in one plan of about so many values. No
// plan may be open.
func (tx *Tx) Issue(changes []plan.Change, most int) (taken int, err error) {
	p := &Plan{First: tx.Head.NextSeq, Nonce: nonce(tx.Now), Expires: tx.Now.Add(planLife).Truncate(time.Second)}
	var part []plan.Change
	values, size := 0, 0
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		b := Batch{tx.journal.Target, tx.Head.Epoch, p.First + uint64(len(p.Digests)), part}
		data, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("encode batch: %w", err)
		}
		tx.puts = append(tx.puts, object{batchName(b.Seq, p.Nonce), data})
		p.Digests = append(p.Digests, Digest(data))
		p.Changes, p.Values = p.Changes+len(part), p.Values+values
		part, values, size = nil, 0, 0
		return nil
	}
	for i, c := range changes {
		if p.Values+values >= most {
			break
		}
		data, err := json.Marshal(c)
		if err != nil {
			return 0, fmt.Errorf("encode change: %w", err)
		}
		if len(part) > 0 && (values+c.Values() > MaxBatchValues || size+len(data) > MaxBatchBytes-1024) {
			if err := flush(); err != nil {
				return 0, err
			}
			if len(p.Digests) == MaxBatches {
				break
			}
		}
		part = append(part, c)
		values, size, taken = values+c.Values(), size+len(data)+1, i+1
	}
	if err := flush(); err != nil {
		return 0, err
	}
	if len(p.Digests) == 0 {
		return 0, nil
	}
	p.Last = p.First + uint64(len(p.Digests)) - 1
	tx.Head.Plan, tx.Head.NextSeq = p, p.Last+1
	return taken, nil
}

// Issued is when the plan was made.
func (p *Plan) Issued() time.Time { return p.Expires.Add(-planLife) }

// Has says whether a batch is one of the plan's; a nil plan holds none.
func (p *Plan) Has(seq uint64) bool { return p != nil && seq >= p.First && seq <= p.Last }

// ClosePlan ends the plan in flight: none of its batches can run any more.
func (tx *Tx) ClosePlan() {
	tx.Head.Closed = tx.Head.Plan.Last
	tx.Head.Plan = nil
}

// Batch reads one batch of the plan in flight.
func (tx *Tx) Batch(ctx context.Context, seq uint64) (Batch, error) {
	p := tx.Head.Plan
	data, err := tx.journal.batch(ctx, p, seq)
	if err != nil {
		return Batch{}, tx.explain(ctx, err)
	}
	var b Batch
	if err := json.Unmarshal(data, &b); err != nil {
		return Batch{}, fmt.Errorf("decode batch %d: %w", seq, err)
	}
	return b, nil
}

// batch reads a batch's bytes and holds them to the digest that the plan names.
func (j *Journal) batch(ctx context.Context, p *Plan, seq uint64) ([]byte, error) {
	name := batchName(seq, p.Nonce)
	data, _, err := j.Store.Get(ctx, j.prefix()+name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: %w", name, errMissing)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if Digest(data) != p.Digests[seq-p.First] {
		return nil, fmt.Errorf("read %s: content does not match its digest: %w", name, errMissing)
	}
	return data, nil
}

func batchName(seq uint64, nonce string) string { return fmt.Sprintf("batch/%012d-%s", seq, nonce) }

func releaseName(epoch, first uint64) string { return fmt.Sprintf("release/%d-%012d", epoch, first) }

// writeRelease writes the open plan's release. Whoever does it writes the same.
func (j *Journal) writeRelease(ctx context.Context, h Head) error {
	p := h.Plan
	data, err := json.Marshal(Release{j.Target, h.Epoch, p.First, p.Last, p.Digests, p.Expires})
	if err != nil {
		return fmt.Errorf("encode release: %w", err)
	}
	name := releaseName(h.Epoch, p.First)
	if old, _, err := j.Store.Get(ctx, j.prefix()+name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return j.create(ctx, name, data)
}
