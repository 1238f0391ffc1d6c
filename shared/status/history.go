package status

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/plan"
)

// Batch is what an agent has carried out.
type Batch struct {
	Epoch    uint64    `json:"epoch"`
	Seq      uint64    `json:"batch"`
	At       time.Time `json:"at"` // when it was known to be done
	Agent    string    `json:"agent,omitempty"`
	DC       string    `json:"dc,omitempty"`
	Stopped  string    `json:"stopped,omitempty"` // why it was not finished
	Groups   int       `json:"groups,omitempty"`
	Added    int       `json:"added,omitempty"`   // memberships
	Removed  int       `json:"removed,omitempty"` // memberships
	Refused  int       `json:"refused,omitempty"` // changes and members that were not written
	Approved []string  `json:"approved,omitempty"`
	Rules    *Version  `json:"rules,omitempty"` // it is no batch: these rules were put in force
	Changes  []Applied `json:"changes"`
	More     int       `json:"more,omitempty"` // not listed
}

// Applied is a change, with what became of it.
type Applied struct {
	plan.Change
	Result *plan.Result `json:"result,omitempty"`
}

// Past is a page of history.
type Past struct {
	Batches []Batch `json:"batches"`
	Broken  string  `json:"broken,omitempty"` // why it cannot be followed further
	Next    string  `json:"next,omitempty"`
}

// mostListed is how many changes of a batch are listed, and mostWritten how many values of
// one change.
const (
	mostListed  = 100
	mostWritten = 100
)

// ErrCursor is a cursor of history that nobody made.
var ErrCursor = journal.ErrPlace

// History lists what was done, the latest first: of all groups, or of one. An empty cursor
// begins at the latest.
func History(ctx context.Context, j *journal.Journal, group directory.ID, cursor string, limit int) (Past, error) {
	back := journal.Applied.Back
	if group != (directory.ID{}) {
		back = func(a journal.Applied) journal.Trace { return a.BackOf(group) }
	}
	at, err := begin(ctx, j, group, cursor)
	if err != nil {
		return Past{}, err
	}
	out := Past{Batches: []Batch{}}
	for len(out.Batches) < limit {
		a, err := j.Applied(ctx, at)
		switch {
		case errors.Is(err, journal.ErrAuditEnd):
			return out, nil
		case errors.Is(err, journal.ErrAuditBroken):
			out.Broken = err.Error()
			return out, nil
		case err != nil:
			return out, err
		}
		out.Batches = append(out.Batches, batch(a, group))
		at = back(a)
	}
	if at.Name != "" {
		data, err := json.Marshal(at)
		if err != nil {
			return out, err
		}
		out.Next = base64.RawURLEncoding.EncodeToString(data)
	}
	return out, nil
}

// begin is where history is read from.
func begin(ctx context.Context, j *journal.Journal, group directory.ID, cursor string) (at journal.Trace, err error) {
	if cursor != "" {
		data, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || json.Unmarshal(data, &at) != nil || at.Name == "" {
			return at, ErrCursor
		}
		return at, nil
	}
	tx, err := j.View(ctx)
	if err != nil {
		return at, err
	}
	if group == (directory.ID{}) {
		return tx.Trace(), nil
	}
	r, _, err := Known(ctx, tx, group)
	if err != nil {
		return at, err
	}
	return journal.Trace{Name: r.Noted}, nil
}

// batch sums up an audit object; of one group alone if one is named.
func batch(a journal.Applied, group directory.ID) Batch {
	b := Batch{Epoch: a.Epoch, Seq: a.Seq, At: a.Folded, Agent: a.Agent, DC: a.DC, Stopped: a.Stopped, Rules: a.Rules, Changes: []Applied{}}
	groups := map[directory.ID]bool{}
	for i, c := range a.Changes {
		if group != (directory.ID{}) && c.Group != group {
			continue
		}
		groups[c.Group] = true
		x := Applied{Change: c}
		if i < len(a.Results) {
			x.Result = &a.Results[i]
			b.count(c, a.Results[i])
		}
		for why := range strings.SplitSeq(c.Why, ", ") {
			if by, is := strings.CutPrefix(why, "approved by "); is && !slices.Contains(b.Approved, by) {
				b.Approved = append(b.Approved, by)
			}
		}
		if len(b.Changes) == mostListed {
			b.More++
			continue
		}
		b.Changes = append(b.Changes, x.short())
	}
	b.Groups = len(groups)
	return b
}

func (b *Batch) count(c plan.Change, res plan.Result) {
	if res.Status != plan.Done {
		b.Refused++
		return
	}
	bad := map[plan.Ref]bool{}
	for _, r := range res.Bad {
		bad[r.Ref] = true
	}
	b.Refused += len(bad)
	good := func(refs []plan.Ref) (n int) {
		for _, r := range refs {
			if !bad[r] {
				n++
			}
		}
		return n
	}
	b.Added += good(c.Joins())
	b.Removed += good(c.Leaves()) + c.Count
}

// short leaves out of a change what nobody reads at that length.
func (x Applied) short() Applied {
	x.Known = nil
	x.Add, x.Remove = x.Add[:min(len(x.Add), mostWritten)], x.Remove[:min(len(x.Remove), mostWritten)]
	if x.Result != nil && len(x.Result.Bad) > mostWritten {
		r := *x.Result
		r.Bad = r.Bad[:mostWritten]
		x.Result = &r
	}
	return x
}

// mostLookedAt is how many batches of a group are looked through for one member.
const mostLookedAt = 50

// LastWrote finds what wrote a membership last, or took it away; nil: it is not in the group's
// last batches.
func LastWrote(ctx context.Context, j *journal.Journal, noted string, group directory.ID, refs []plan.Ref) (*explain.Wrote, error) {
	at := journal.Trace{Name: noted}
	for range mostLookedAt {
		a, err := j.Applied(ctx, at)
		if errors.Is(err, journal.ErrAuditEnd) || errors.Is(err, journal.ErrAuditBroken) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for i, c := range slices.Backward(a.Changes) {
			if c.Group != group || i >= len(a.Results) {
				continue
			}
			if op := explain.WroteIn(c, a.Results[i], refs); op != "" {
				return &explain.Wrote{Op: op, At: a.Folded, Batch: a.Seq, Agent: a.Agent, DC: a.DC, Why: c.Why}, nil
			}
		}
		at = a.BackOf(group)
	}
	return nil, nil
}
