package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Arrived is a report that is in the inbox with all its parts.
type Arrived struct {
	ID    string
	names []string // of its parts, in order
}

// Parts is how many parts it has.
func (a Arrived) Parts() int { return len(a.names) }

// What waits in the inbox, at most: whoever may report must not fill the store, nor a
// planner's time. What is dropped was in vain: what the planner wants to know it asks for
// again.
const (
	mostWhole = 100    // reports that are there with all their parts
	mostParts = 10_000 // parts of others
	mostDrops = 2_000  // objects that are dropped in one step: their names lie in the head
	partsWait = time.Hour
)

// Reports returns the reports that have arrived whole, oldest first. Parts without
// their fellows wait an hour. Where there is too much the newest counts, and what is being
// folded.
func (tx *Tx) Reports() (out []Arrived) {
	byID := map[string][]string{}
	for _, name := range tx.inboxNames("in/report/") {
		id, _, _ := strings.Cut(strings.TrimPrefix(name, "in/report/"), "/")
		byID[id] = append(byID[id], name)
	}
	parts := 0
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(byID))) { // the newest first
		names := byID[id]
		slices.Sort(names)
		begun := tx.Head.Folding != nil && tx.Head.Folding.ID == id
		complete := whole(id, names)
		switch {
		case complete && (begun || len(out) < mostWhole):
			out = append(out, Arrived{id, names})
		case complete, tx.Now.Sub(reportTime(id)).Abs() > partsWait, parts+len(names) > mostParts:
			tx.dropParts(names)
		default:
			parts += len(names)
		}
	}
	slices.Reverse(out)
	return out
}

// Arrived is how many parts of reports no step has folded.
func (tx *Tx) Arrived() int { return len(tx.inboxNames("in/report/")) }

// dropParts takes objects out of the inbox unread, as far as there is room in this step.
func (tx *Tx) dropParts(names []string) {
	names = names[:min(len(names), mostDrops-tx.dropped)]
	tx.dropped += len(names)
	tx.fold(names...)
}

// Dropped is how many parts of reports this step drops unread.
func (tx *Tx) Dropped() int { return tx.dropped }

// whole says whether these are all parts of a report, in order, and nothing else.
func whole(id string, names []string) bool {
	for i, name := range names {
		if name != reportName(id, i+1, len(names)) {
			return false
		}
	}
	return true
}

// Part reads one part of a report, from 0. One that cannot be read as such is empty,
// and odd is true: somebody wrote it by hand.
func (tx *Tx) Part(ctx context.Context, a Arrived, n int) (r Report, odd bool, err error) {
	r, err = getJSON[Report](ctx, tx.journal, a.names[n])
	if errors.Is(err, errOdd) {
		return Report{}, true, nil
	}
	return r, false, tx.explain(ctx, err)
}

// Done takes a report out of the inbox.
func (tx *Tx) Done(a Arrived) { tx.fold(a.names...) }

// ReportID names a report so that later ones sort behind.
func ReportID(now time.Time) string { return fmt.Sprintf("%016x-%s", now.UnixNano(), nonce(now)) }

func reportTime(id string) time.Time {
	n, _, _ := strings.Cut(id, "-")
	ns, _ := strconv.ParseInt(n, 16, 64)
	return time.Unix(0, ns)
}
