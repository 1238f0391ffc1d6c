package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/record"
)

// Word is what an operator says of a hold.
type Word struct {
	Hold string    `json:"hold"`
	By   string    `json:"by"`
	At   time.Time `json:"at"` // zero: now

	// ID names the word: said again under the same one it is the same. Empty: it is another.
	ID string `json:"-"`
}

// Verdict is a word with what it is about.
type Verdict struct {
	record.Decision
	Hold    string
	Listing record.Listing // without its items
}

// The folders of an operator's words in the inbox.
const (
	approvals  = "in/approve/"
	rejections = "in/reject/"
)

// Approve takes an operator's word that what a hold lists may go.
func (j *Journal) Approve(ctx context.Context, a Word) error { return j.say(ctx, approvals, a) }

// Reject takes an operator's word that it shall not: it stays held, and is not
// told of again.
func (j *Journal) Reject(ctx context.Context, a Word) error { return j.say(ctx, rejections, a) }

// say puts a word into the inbox, each under a name of its own: several may have
// something to say, and the last counts.
func (j *Journal) say(ctx context.Context, kind string, a Word) error {
	if _, err := j.Hold(ctx, a.Hold); err != nil {
		return err
	}
	if err := j.roomBelow(ctx, kind, mostWords); err != nil {
		return err
	}
	if a.At.IsZero() {
		a.At = j.now()
	}
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode word on hold: %w", err)
	}
	if a.ID == "" {
		a.ID = nonce(a.At)
	}
	return j.create(ctx, kind+a.Hold+"-"+a.ID, data)
}

// Hold returns what a hold holds, by its id; of a long list its parts, not their items.
func (j *Journal) Hold(ctx context.Context, id string) (record.Listing, error) {
	if len(id) > maxHoldID || blob.CheckKey("hold/"+id) != nil || strings.Contains(id, "/") {
		return record.Listing{}, ErrUnknownHold
	}
	l, err := getJSON[record.Listing](ctx, j, "hold/"+id)
	if errors.Is(err, fs.ErrNotExist) {
		return record.Listing{}, ErrUnknownHold
	}
	return l, err
}

// maxHoldID is the length of an id: see HoldID.
const maxHoldID = 8 + 32

// Verdicts returns the operators' words in the inbox in the order in which they were
// said, and takes them out. A word on no known hold is dropped.
func (tx *Tx) Verdicts(ctx context.Context) ([]Verdict, error) {
	var out []Verdict
	for _, kind := range []string{approvals, rejections} {
		for _, name := range tx.inboxNames(kind) {
			id, _, _ := strings.Cut(strings.TrimPrefix(name, kind), "-")
			l, err := getJSON[record.Listing](ctx, tx.journal, "hold/"+id)
			var word Word
			if err == nil {
				word, err = getJSON[Word](ctx, tx.journal, name)
			}
			switch {
			case err == nil:
				l.Items = nil
				at := word.At
				if at.After(tx.Now) { // of a clock that runs ahead: it must not outrank what is said after it
					at = tx.Now
				}
				out = append(out, Verdict{record.Decision{By: word.By, At: at, Approve: kind == approvals}, id, l})
			case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errOdd):
				return nil, err
			}
			tx.fold(name)
		}
	}
	slices.SortStableFunc(out, func(a, b Verdict) int { return a.At.Compare(b.At) })
	return out, nil
}

// OpenHold lists a hold, and returns it. Its object is written with the step. Of two
// steps that open the same the ids differ: what a step that was lost has listed is
// never opened.
func (tx *Tx) OpenHold(l record.Listing) (record.Hold, error) {
	if l.ID == "" {
		l.ID = tx.HoldID(l.Key())
	}
	data, err := json.Marshal(l)
	if err != nil {
		return record.Hold{}, fmt.Errorf("encode hold: %w", err)
	}
	tx.puts = append(tx.puts, object{"hold/" + l.ID, data})
	return record.Hold{ID: l.ID, List: l.Digest(), Count: l.Count, Opened: l.Opened, Text: l.Text, Guard: l.Guard}, nil
}

// HoldID makes an id for a hold of a list of changes that this step opens: when
// that was, in seconds since 1970, and a digest of all that it covers. The same
// changes a month later are another hold.
func (tx *Tx) HoldID(list string) string {
	covers := fmt.Appendf(nil, "%s %d %d %s %s", tx.journal.Target, tx.Head.Epoch, tx.Head.Gen, nonce(tx.Now), list)
	return fmt.Sprintf("%08x%s", tx.Now.Unix(), Digest(covers)[:32])
}

// Listing reads what a hold holds.
func (tx *Tx) Listing(ctx context.Context, id string) (record.Listing, error) {
	l, err := getJSON[record.Listing](ctx, tx.journal, "hold/"+id)
	return l, tx.explain(ctx, err)
}

// Holds lists the open holds, so many of them at most: those of these groups, then those
// over all groups, then those of others. more is how many are not listed.
func (tx *Tx) Holds(ctx context.Context, most int, first ...directory.ID) (list []record.Listing, more int, err error) {
	take := func(l record.Listing) {
		if len(list) < most {
			list = append(list, l)
		} else {
			more++
		}
	}
	if err := tx.Fetch(ctx, first); err != nil {
		return nil, 0, err
	}
	named := map[string]bool{}
	for _, id := range first {
		if l, open := OpenHoldOf(tx.Record(id)); open && !named[l.ID] {
			named[l.ID] = true
			take(l)
		}
	}
	return list, more, tx.eachHold(ctx, func(l record.Listing) {
		if !named[l.ID] {
			take(l)
		}
	})
}

// HoldsOverAll lists the open holds over all groups.
func (tx *Tx) HoldsOverAll() []record.Listing {
	list := []record.Listing{}
	for _, h := range tx.Head.Holds {
		if h.Open() {
			list = append(list, h.Listed())
		}
	}
	return list
}

// eachHold goes through the open holds.
func (tx *Tx) eachHold(ctx context.Context, do func(record.Listing)) error {
	for _, l := range tx.HoldsOverAll() {
		do(l)
	}
	return tx.EachOf(ctx, func(c record.Counts) bool { return c.Held > 0 }, func(r *record.Group) error {
		if l, open := OpenHoldOf(r); open {
			do(l)
		}
		return nil
	})
}

// OpenHoldOf is a group's open hold in a list.
func OpenHoldOf(r *record.Group) (l record.Listing, open bool) {
	if r.Hold == nil || !r.Hold.Open() {
		return l, false
	}
	l = r.Hold.Listed()
	l.Group = r.ID
	if r.Observed != nil {
		l.Name = r.Observed.Name
	}
	return l, true
}
