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
		if of, _ := sizeOfPart(name); of != reportName(id, i+1, len(names)) {
			return false
		}
	}
	return true
}

// What waits in the inbox together, at most, before the relay takes no more: whatever it
// takes somebody pays for, and a planner that does not run folds none of it.
const (
	mostWaiting = 4 << 30 // bytes of reports
	mostObjects = 20_000  // parts of reports
	mostAsks    = 50
	mostWords   = 20_000
	unsizedPart = 1 << 20 // what a part takes whose name does not tell
)

// ErrFull: too much waits in the inbox.
var ErrFull = errors.New("too much waits for the planner already: does it run?")

// sizedPart names a part of a report so that its size is known without reading it, in
// KiB.
func sizedPart(name string, bytes int) string { return fmt.Sprintf("%s-%d", name, (bytes+1023)/1024) }

// sizeOfPart takes the size off the name of a part. What an older version has written
// has none.
func sizeOfPart(name string) (of string, bytes int) {
	at := strings.LastIndexByte(name, '-')
	if part := name[strings.LastIndexByte(name, '/')+1:]; strings.Count(part, "-") < 2 {
		return name, unsizedPart
	}
	kib, err := strconv.ParseUint(name[at+1:], 10, 32)
	if err != nil || name[at+1] == '0' {
		return name, unsizedPart
	}
	return name[:at], int(kib) << 10
}

// roomFor says whether the inbox has room for a part of a report of so many bytes. A part
// is told once: told in other words it is another.
func (j *Journal) roomFor(ctx context.Context, part string, bytes int) error {
	keys, err := j.Store.List(ctx, j.prefix()+"in/report/")
	if err != nil {
		return fmt.Errorf("list reports: %w", err)
	}
	waiting := bytes
	for _, k := range keys {
		name := k[len(j.prefix()):]
		is, size := sizeOfPart(name)
		switch waiting += size; {
		case name == sizedPart(part, bytes):
			return nil // it is told again
		case is == part:
			return fmt.Errorf("write %s: %w", part, errDiffers)
		}
	}
	if waiting > mostWaiting || len(keys) >= mostObjects {
		return fmt.Errorf("take report: %w", ErrFull)
	}
	return nil
}

// roomBelow says whether there is room for one more object in a folder of the inbox.
func (j *Journal) roomBelow(ctx context.Context, folder string, most int) error {
	keys, err := j.Store.List(ctx, j.prefix()+folder)
	if err != nil {
		return fmt.Errorf("list %s: %w", folder, err)
	}
	if len(keys) >= most {
		return fmt.Errorf("write %s: %w", folder, ErrFull)
	}
	return nil
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
