package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Ack is the agent's word on one batch.
type Ack struct {
	Epoch   uint64        `json:"epoch"`
	Seq     uint64        `json:"seq"`
	Digest  string        `json:"digest"` // of the batch's bytes
	Agent   string        `json:"agent"`
	Token   uint64        `json:"token"` // of the lease it was run under
	Results []plan.Result `json:"results"`
	Stopped string        `json:"stopped,omitempty"` // why the batch was not finished, nor will be
	Seconds float64       `json:"seconds"`           // of work
}

// Report is one part of what the agent saw. Parts are numbered from 1 to Parts.
type Report struct {
	ID     string `json:"id"` // sorts by time; lower-case letters and digits
	Part   int    `json:"part"`
	Parts  int    `json:"parts"`
	Agent  string `json:"agent"`
	Full   bool   `json:"full"`  // names every group that we own: what is not named is not there
	After  uint64 `json:"after"` // the last batch known finished or closed when the report was begun
	High   Mark   `json:"high"`  // the last batch that this agent has finished
	Target Target `json:"target"`
	Rows   []Row  `json:"rows"`
	Absent []Gone `json:"absent,omitempty"` // asked for by name, and nowhere in the domain

	// Grounds is a digest of what decides at the agent's side whether a change is
	// refused: its policy, the account's rights, the schema. Another one has what was
	// refused tried again.
	Grounds string `json:"grounds,omitempty"`

	// Proven says that the agent held the access rights of the directory against its
	// account, and that the account sees all that is there. Without it a report that
	// misses much is not believed, however often it comes; Blind is what the account
	// does not see, and empty if nobody looked.
	Proven bool   `json:"proven,omitempty"`
	Blind  string `json:"blind,omitempty"`
}

// Mark is a batch of an epoch.
type Mark struct {
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Row is one group as the agent saw it.
type Row struct {
	ID     directory.ID  `json:"id"`
	GUID   plan.GUID     `json:"guid"`
	Digest string        `json:"digest"`          // plan.Group.Digest
	After  uint64        `json:"after"`           // the last batch known finished or closed when it was read
	USN    int64         `json:"usn"`             // uSNChanged
	Fence  string        `json:"fence"`           // adminDisplayName
	Group  *plan.Group   `json:"group,omitempty"` // if it was asked for
	SID    directory.SID `json:"sid,omitempty"`   // of the group

	// Of a group with very many members each of several rows, one behind the other,
	// holds a part of the members; Piece counts from 1 to Pieces. 0: the row is whole.
	Piece  int `json:"piece,omitempty"`
	Pieces int `json:"pieces,omitempty"`

	// Trouble says that the group is there, and why it cannot be managed as it is.
	// Digest and Group may be empty then: what was known of it stands.
	Trouble *plan.Trouble `json:"trouble,omitempty"`
}

// Gone is a group that was asked for by name, and that is nowhere: neither its
// GUID nor any of its marks was found in the whole domain.
type Gone struct {
	ID    directory.ID `json:"id"`
	After uint64       `json:"after"`
}

// Word is what an operator says of a hold.
type Word struct {
	Hold string    `json:"hold"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// Ask is an operator's wish to have groups looked at again, in the cloud's eyes
// and in the directory, before all others; or everything, from the beginning.
type Ask struct {
	ID     string         `json:"id"`
	Groups []directory.ID `json:"groups"`
	Full   bool           `json:"full,omitempty"`
	Retry  bool           `json:"retry,omitempty"` // try again now what was refused: all of it where no groups are named
	By     string         `json:"by"`
}

// Listing is what a hold holds, for people: the object hold/<id>.
type Listing struct {
	ID     string         `json:"id"`
	Scope  plan.Scope     `json:"scope,omitempty"` // empty: members of one group
	Group  directory.ID   `json:"group,omitzero"`  // that group
	Name   string         `json:"name,omitempty"`
	Text   string         `json:"text"`
	Count  int            `json:"count"`
	Causes map[string]int `json:"causes,omitempty"` // why members go
	Opened time.Time      `json:"opened"`
	Denied string         `json:"rejectedBy,omitempty"` // who has said that it shall not go
	Items  []Item         `json:"items,omitempty"`
}

// Item is one group's part of a hold.
type Item struct {
	Group  directory.ID `json:"group"`
	Name   string       `json:"name"`
	Remove []plan.Ref   `json:"remove,omitempty"`
	Add    []plan.Ref   `json:"add,omitempty"`
}

// Item returns one group's part of a listing, if it has one.
func (l Listing) Item(id directory.ID) (Item, bool) {
	i := slices.IndexFunc(l.Items, func(i Item) bool { return i.Group == id })
	if i < 0 {
		return Item{}, false
	}
	return l.Items[i], true
}

func ackName(epoch, seq uint64) string { return fmt.Sprintf("in/ack/%d-%012d", epoch, seq) }

func reportName(id string, part int) string { return fmt.Sprintf("in/report/%s/%04d", id, part) }

// NextAck returns the acknowledgement of the next batch of the open plan, if it
// is there. fold says that it is folded. What belongs to no open plan is dropped.
func (w *Work) NextAck(ctx context.Context) (Ack, bool, error) {
	p := w.Head.Plan
	if p == nil || p.Done == len(p.Digests) {
		return Ack{}, false, nil
	}
	seq := p.First + uint64(p.Done)
	name := ackName(w.Head.Epoch, seq)
	if !slices.Contains(w.inbox, name) {
		return Ack{}, false, nil
	}
	a, err := getJSON[Ack](ctx, w.journal, name)
	if err != nil {
		return Ack{}, false, w.explain(ctx, err)
	}
	if a.Digest != p.Digests[p.Done] {
		return Ack{}, false, nil // not of this batch: the relay should not have taken it
	}
	p = clone(p)
	p.Done++
	w.Head.Plan = p
	w.fold(name)
	return a, true, nil
}

// DropStaleAcks lets go of acknowledgements that no plan waits for.
func (w *Work) DropStaleAcks() {
	for _, name := range w.inboxNames("in/ack/") {
		epoch, seq, ok := parseAckName(name)
		p := w.Head.Plan
		if !ok || epoch != w.Head.Epoch || p == nil || seq < p.First+uint64(p.Done) {
			w.fold(name)
		}
	}
}

func parseAckName(name string) (epoch, seq uint64, ok bool) {
	e, s, _ := strings.Cut(strings.TrimPrefix(name, "in/ack/"), "-")
	epoch, err1 := strconv.ParseUint(e, 10, 64)
	seq, err2 := strconv.ParseUint(s, 10, 64)
	return epoch, seq, err1 == nil && err2 == nil
}

// Reports returns the complete reports, each with all its parts, oldest first,
// and takes them out of the inbox. Parts without their fellows wait an hour.
func (w *Work) Reports(ctx context.Context) ([][]Report, error) {
	byID := map[string][]string{}
	var ids []string
	for _, name := range w.inboxNames("in/report/") {
		id := strings.Split(name, "/")[2]
		if byID[id] == nil {
			ids = append(ids, id)
		}
		byID[id] = append(byID[id], name)
	}
	slices.Sort(ids)
	var out [][]Report
	for _, id := range ids {
		var parts []Report
		for _, name := range byID[id] {
			r, err := getJSON[Report](ctx, w.journal, name)
			if err != nil {
				return nil, w.explain(ctx, err)
			}
			parts = append(parts, r)
		}
		complete := len(parts) == parts[0].Parts
		if complete {
			slices.SortFunc(parts, func(a, b Report) int { return cmp.Compare(a.Part, b.Part) })
			out = append(out, parts)
		}
		if complete || w.Now.Sub(reportTime(id)) > time.Hour {
			w.fold(byID[id]...)
		}
	}
	return out, nil
}

// ReportID names a report so that later ones sort behind.
func ReportID(now time.Time) string { return fmt.Sprintf("%016x-%s", now.UnixNano(), nonce(now)) }

func reportTime(id string) time.Time {
	n, _, _ := strings.Cut(id, "-")
	ns, _ := strconv.ParseInt(n, 16, 64)
	return time.Unix(0, ns)
}

// Verdict is a word with what it is about.
type Verdict struct {
	Word
	Approve bool // else it is a rejection
	Listing Listing
}

// Verdicts returns the operators' words in the inbox, rejections last so that
// they stand where both were said, and takes them out. A word on no known hold
// is dropped.
func (w *Work) Verdicts(ctx context.Context) ([]Verdict, error) {
	var out []Verdict
	for _, kind := range []string{approvals, rejections} {
		for _, name := range w.inboxNames(kind) {
			v := Verdict{Approve: kind == approvals}
			l, err := getJSON[Listing](ctx, w.journal, "hold/"+strings.TrimPrefix(name, kind))
			if err == nil {
				v.Listing = l
				v.Word, err = getJSON[Word](ctx, w.journal, name)
			}
			switch {
			case err == nil:
				out = append(out, v)
			case !errors.Is(err, fs.ErrNotExist):
				return nil, err
			}
			w.fold(name)
		}
	}
	return out, nil
}

// The folders of an operator's words in the inbox.
const (
	approvals  = "in/approve/"
	rejections = "in/reject/"
)

// Asks returns what operators asked for, in one, and takes it out of the inbox.
func (w *Work) Asks(ctx context.Context) (out Ask, err error) {
	for _, name := range w.inboxNames("in/ask/") {
		a, err := getJSON[Ask](ctx, w.journal, name)
		if err != nil {
			return out, w.explain(ctx, err)
		}
		out.Groups, out.Full = append(out.Groups, a.Groups...), out.Full || a.Full
		w.fold(name)
	}
	return out, nil
}

// OpenHold lists a hold. Its object is written with the step.
func (w *Work) OpenHold(l Listing) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode hold: %w", err)
	}
	w.puts = append(w.puts, object{"hold/" + l.ID, data})
	return nil
}

// HoldID makes an id for a hold of a list of changes that this step opens: when
// that was, in seconds since 1970, and a digest of all that it covers. The same
// changes a month later are another hold; and so are those of a step that was
// lost after it wrote its listing, which stays there and is never opened.
func (w *Work) HoldID(list string) string {
	covers := fmt.Appendf(nil, "%s %d %d %s %s", w.journal.Target, w.Head.Epoch, w.Head.Gen, nonce(w.Now), list)
	return fmt.Sprintf("%08x%s", w.Now.Unix(), Digest(covers)[:8])
}

// Listing reads what a hold holds.
func (w *Work) Listing(ctx context.Context, id string) (Listing, error) {
	l, err := getJSON[Listing](ctx, w.journal, "hold/"+id)
	return l, w.explain(ctx, err)
}

func (w *Work) inboxNames(prefix string) []string {
	var out []string
	for _, name := range w.inbox {
		if strings.HasPrefix(name, prefix) && !slices.Contains(w.Head.Folded, name) {
			out = append(out, name)
		}
	}
	return out
}

// fold notes that inbox objects are part of what this step commits: the next
// one deletes them.
func (w *Work) fold(names ...string) {
	if len(w.Head.Folded) > 0 && !slices.Contains(w.inbox, w.Head.Folded[0]) {
		w.Head.Folded = nil // those of the last step are deleted
	}
	w.Head.Folded = append(slices.Clone(w.Head.Folded), names...)
}

func getJSON[T any](ctx context.Context, j *Journal, name string) (T, error) {
	var v T
	data, _, err := j.Store.Get(ctx, j.prefix()+name)
	if errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("read %s: %w: %w", name, errMissing, err)
	}
	if err != nil {
		return v, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", name, err)
	}
	return v, nil
}

func clone[T any](p *T) *T { c := *p; return &c }
