package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
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
	DC      string        `json:"dc,omitempty"`      // that it was written to, as the lease has it: what the agent says here does not count

	Instance string `json:"instance,omitempty"` // as in Poll; not kept
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

	// Graves are the deleted groups of ours that could be restored, as far as a full report
	// knows: by their marks alone. A journal that was lost learns of them so.
	Graves []Gone `json:"graves,omitempty"`

	// Found is what the agent's check finds of the base, of what the rules want there and of
	// the account's rights, in a full report: for people, before they switch writing on.
	Found []checklist.Row `json:"found,omitempty"`

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

	For      string `json:"for,omitempty"`      // as in Poll; not kept
	Instance string `json:"instance,omitempty"` // as in Poll; not kept
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

	// Grave is the deleted group that stood for the cloud group, where this account sees one
	// that can be restored.
	Grave *plan.Grave `json:"grave,omitempty"`
}

// Ask is an operator's wish to have groups looked at again, in the cloud's eyes
// and in the directory, before all others; or everything, from the beginning.
type Ask struct {
	ID     string         `json:"id"`
	Groups []directory.ID `json:"groups"`
	Full   bool           `json:"full,omitempty"`
	Retry  bool           `json:"retry,omitempty"` // try again now what was refused: all of it where no groups are named
	By     string         `json:"by"`

	// Repin says which domain the journal is for, where the first report of all has said
	// another one.
	Repin directory.SID `json:"repin,omitempty"`

	// Switch is a word on whether anything is written, see SwitchOn; Digest names the plan
	// that it was said of.
	Switch string    `json:"switch,omitempty"`
	Digest string    `json:"digest,omitempty"`
	End    life.Fate `json:"end,omitempty"` // of SwitchOff: what becomes of the groups

	// Who has asked for each group, where several wishes are in one.
	Who map[directory.ID]string `json:"-"`
	// Words are what was said of the switch, in order, where several wishes are in one.
	Words []Ask `json:"-"`
}

func ackName(epoch, seq uint64) string { return fmt.Sprintf("in/ack/%d-%012d", epoch, seq) }

// reportName says how many parts there are, so that a report is known to be whole
// before any of it is read.
func reportName(id string, part, parts int) string {
	return fmt.Sprintf("in/report/%s/%05d-%05d", id, part, parts)
}

// NextAck returns the acknowledgement of the next batch of the open plan, if it
// is there. fold says that it is folded. What belongs to no open plan is dropped.
func (tx *Tx) NextAck(ctx context.Context) (Ack, bool, error) {
	p := tx.Head.Plan
	if p == nil || p.Done == len(p.Digests) {
		return Ack{}, false, nil
	}
	seq := p.First + uint64(p.Done)
	name := ackName(tx.Head.Epoch, seq)
	if !slices.Contains(tx.inbox, name) {
		return Ack{}, false, nil
	}
	a, err := getJSON[Ack](ctx, tx.journal, name)
	if errors.Is(err, errOdd) {
		a, err = Ack{Seq: seq, Digest: p.Digests[p.Done]}, nil // somebody's hand: nobody knows what became of the batch
	}
	if err != nil {
		return Ack{}, false, tx.explain(ctx, err)
	}
	if a.Digest != p.Digests[p.Done] {
		return Ack{}, false, nil // not of this batch: the relay should not have taken it
	}
	p = clone(p)
	p.Done++
	tx.Head.Plan = p
	tx.fold(name)
	return a, true, nil
}

// DropStaleAcks lets go of acknowledgements that no plan waits for.
func (tx *Tx) DropStaleAcks() {
	for _, name := range tx.inboxNames("in/ack/") {
		epoch, seq, ok := parseAckName(name)
		p := tx.Head.Plan
		if !ok || epoch != tx.Head.Epoch || !p.Has(seq) || seq < p.First+uint64(p.Done) {
			tx.fold(name)
		}
	}
}

func parseAckName(name string) (epoch, seq uint64, ok bool) {
	e, s, _ := strings.Cut(strings.TrimPrefix(name, "in/ack/"), "-")
	epoch, err1 := strconv.ParseUint(e, 10, 64)
	seq, err2 := strconv.ParseUint(s, 10, 64)
	return epoch, seq, err1 == nil && err2 == nil
}

// Asks returns what operators asked for, in one, and takes it out of the inbox.
func (tx *Tx) Asks(ctx context.Context) (out Ask, err error) {
	for _, name := range tx.inboxNames("in/ask/") {
		a, err := getJSON[Ask](ctx, tx.journal, name)
		if err != nil && !errors.Is(err, errOdd) {
			return out, tx.explain(ctx, err)
		}
		out.Groups, out.Full = append(out.Groups, a.Groups...), out.Full || a.Full
		for _, id := range a.Groups {
			if out.Who == nil {
				out.Who = map[directory.ID]string{}
			}
			out.Who[id] = a.By
		}
		out.Retry = out.Retry || a.Retry && len(a.Groups) == 0
		if a.Repin != "" {
			out.Repin = a.Repin
		}
		if a.Switch != "" {
			out.Words = append(out.Words, a)
		}
		tx.fold(name)
	}
	return out, nil
}

// Called says whether something has come into the inbox since the step began.
func (tx *Tx) Called(ctx context.Context) (bool, error) {
	j := tx.journal
	keys, err := j.Store.List(ctx, j.prefix()+"in/")
	if err != nil {
		return false, fmt.Errorf("list inbox: %w", err)
	}
	return slices.ContainsFunc(keys, func(k string) bool {
		name := k[len(j.prefix()):]
		return !slices.Contains(tx.inbox, name) && !slices.Contains(tx.folded, name)
	}), nil
}

func (tx *Tx) inboxNames(prefix string) []string {
	var out []string
	folded := set(tx.Head.Folded)
	for _, name := range tx.inbox {
		if strings.HasPrefix(name, prefix) && !folded[name] {
			out = append(out, name)
		}
	}
	return out
}

// fold notes that inbox objects are part of what this step commits: the next
// one deletes them.
func (tx *Tx) fold(names ...string) {
	if len(tx.Head.Folded) > 0 && !slices.Contains(tx.inbox, tx.Head.Folded[0]) {
		tx.Head.Folded = nil // those of the last step are deleted
	}
	tx.Head.Folded = append(slices.Clone(tx.Head.Folded), names...)
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
		return v, fmt.Errorf("decode %s: %w: %w", name, errOdd, err)
	}
	return v, nil
}

// errOdd is an object of the inbox that is not what the relay writes.
var errOdd = errors.New("it is not what this program writes")

func set(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func clone[T any](p *T) *T { c := *p; return &c }
