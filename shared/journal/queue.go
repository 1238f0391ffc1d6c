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
	"groupwriteback/shared/plan"
)

// What the relay answers an agent that may not go on.
var (
	// ErrClosed: the batch is not open any more; what was done will be read again.
	ErrClosed = errors.New("the batch is closed")
	// ErrLease: another agent holds the lease.
	ErrLease = errors.New("another agent holds the lease")
	// ErrUnknownHold: there is nothing to approve under this name.
	ErrUnknownHold = errors.New("no such hold is open")
	// ErrUnknownGroup: neither Entra ID nor Active Directory has a group of this id.
	ErrUnknownGroup = errors.New("nobody knows such a group, neither in Entra ID nor in Active Directory")
)

// PollEvery is how soon an agent should ask again when there is nothing to do.
const PollEvery = 2 * time.Second

// Poll is an agent asking for work.
type Poll struct {
	Agent string `json:"agent"`
	DC    DC     `json:"dc"`

	For      string `json:"for,omitempty"`      // the target that the agent is set up for; "": it does not say
	Instance string `json:"instance,omitempty"` // of the agent's state folder: two agents may share a registration
	Host     string `json:"host,omitempty"`
	Version  string `json:"version,omitempty"`

	Policy   string `json:"policy,omitempty"`   // in force there, in words
	ReadOnly bool   `json:"readOnly,omitempty"` // it would refuse every change
}

// PollReply is what there is to do.
type PollReply struct {
	Token   uint64          `json:"token"` // of the lease
	Until   time.Time       `json:"until"` // of the lease, by the relay's clock
	Now     time.Time       `json:"now"`   // the relay's clock
	Epoch   uint64          `json:"epoch"`
	State   string          `json:"state"`  // names what the journal holds: another one after each commit
	Closed  uint64          `json:"closed"` // the last batch that can no longer run
	Attrs   []string        `json:"attrs"`  // the AD attributes that plans decide
	Wants   Wants           `json:"wants,omitzero"`
	Release json.RawMessage `json:"release,omitempty"`
	Seq     uint64          `json:"seq,omitempty"`
	Batch   []byte          `json:"batch,omitempty"`   // its bytes, as signed for by the release
	Read    []directory.ID  `json:"read,omitempty"`    // groups to read and report with their content
	ReadAll bool            `json:"readAll,omitempty"` // a full report with content is wanted

	// Known is where the groups of Read were last: what is found at the GUID is told
	// of even if it does not bear our marks any more.
	Known map[directory.ID]plan.GUID `json:"known,omitempty"`
	Next  float64                    `json:"next"` // seconds until the next poll
}

// Wants is what the rules want of the directory, for the agent to see whether it can be had.
type Wants struct {
	Containers []string `json:"containers,omitempty"` // DNs of those that they write to
	GroupTypes []string `json:"types,omitempty"`      // of the groups that they make, in the words of plan.GroupTypes
}

// Poll renews the agent's lease and hands out the lowest batch of the released
// plan that has no acknowledgement.
func (j *Journal) Poll(ctx context.Context, q Poll) (PollReply, error) {
	if err := j.isFor(q.For); err != nil { // before it takes the lease from the right one
		return PollReply{}, err
	}
	h, _, err := j.head(ctx)
	if err != nil {
		return PollReply{}, err
	}
	l, err := j.renew(ctx, q)
	if err != nil {
		return PollReply{}, err
	}
	now := j.now()
	r := PollReply{Token: l.Token, Until: l.Until, Now: now, Epoch: h.Epoch, State: h.Nonce, Closed: h.Closed, Attrs: h.Attrs, Wants: h.Wants, Next: PollEvery.Seconds()}
	if h.Rules == "" {
		return r, nil // no planner has run: what to read is not known yet
	}
	r.ReadAll = h.ReadAll || h.Reported.IsZero()
	for _, s := range h.Reads {
		r.Read = append(r.Read, s.ID)
		if s.GUID != "" {
			if r.Known == nil {
				r.Known = map[directory.ID]plan.GUID{}
			}
			r.Known[s.ID] = s.GUID
		}
	}
	if h.Plan == nil || h.Stop != "" || !h.Switch.Writes() || q.ReadOnly || now.After(h.Plan.Expires) {
		return r, nil
	}
	return r, j.handOut(ctx, h, &r)
}

func (j *Journal) handOut(ctx context.Context, h Head, r *PollReply) error {
	release, _, err := j.Store.Get(ctx, j.prefix()+releaseName(h.Epoch, h.Plan.First))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not released yet
	}
	if err != nil {
		return fmt.Errorf("read release: %w", err)
	}
	acks, err := j.Store.List(ctx, j.prefix()+fmt.Sprintf("in/ack/%d-", h.Epoch))
	if err != nil {
		return fmt.Errorf("list acknowledgements: %w", err)
	}
	seq := h.Plan.First + uint64(h.Plan.Done)
	for seq <= h.Plan.Last && slices.Contains(acks, j.prefix()+ackName(h.Epoch, seq)) {
		a, err := getJSON[Ack](ctx, j, ackName(h.Epoch, seq))
		if a.Stopped != "" || errors.Is(err, errOdd) {
			return nil // nothing follows on a stopped batch, nor on one that nobody knows about
		}
		if err != nil {
			return err
		}
		seq++
	}
	if seq > h.Plan.Last {
		return nil
	}
	r.Batch, err = j.batch(ctx, h.Plan, seq)
	r.Release, r.Seq = release, seq
	return err
}

// Ack takes the agent's word on a batch. last says that the plan is complete
// with it, so that the planner can go on. The same word again is fine.
func (j *Journal) Ack(ctx context.Context, a Ack) (last bool, err error) {
	h, _, err := j.head(ctx)
	if err != nil {
		return false, err
	}
	if a.Epoch != h.Epoch || !h.Plan.Has(a.Seq) || a.Digest != h.Plan.Digests[a.Seq-h.Plan.First] {
		return false, ErrClosed
	}
	l, err := j.held(ctx, a.Agent, a.Instance)
	if err != nil {
		return false, err
	}
	if l.Token != a.Token {
		return false, ErrLease
	}
	a.Instance, a.DC = "", l.DC.Name
	data, err := json.Marshal(a)
	if err != nil {
		return false, fmt.Errorf("encode acknowledgement: %w", err)
	}
	// A batch that was applied twice may be told of in other words. The first stand.
	if err := j.create(ctx, ackName(a.Epoch, a.Seq), data); err != nil && !errors.Is(err, errDiffers) {
		return false, err
	}
	return a.Seq == h.Plan.Last || a.Stopped != "", nil
}

// Report takes one part of a report, from the holder of the lease only: what nobody
// else says can hold up or mislead the one who writes.
func (j *Journal) Report(ctx context.Context, r Report) error {
	if err := errors.Join(j.isFor(r.For), r.check(j.now())); err != nil {
		return err
	}
	if _, err := j.held(ctx, r.Agent, r.Instance); err != nil {
		return err
	}
	r.Instance, r.For = "", ""
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	name := reportName(r.ID, r.Part, r.Parts)
	if err := j.roomFor(ctx, name, len(data)); err != nil {
		return err
	}
	return j.create(ctx, sizedPart(name, len(data)), data)
}

// maxParts bounds a report: a domain of 250,000 groups has fewer.
const maxParts = 20_000

// ErrReport: a report is not one that an agent of ours makes.
var ErrReport = errors.New("the report is not well-formed")

// check holds a report's name to what an agent makes: its time is about now, so that
// parts without their fellows end by themselves.
func (r Report) check(now time.Time) error {
	switch {
	case blob.CheckKey(r.ID) != nil || strings.Contains(r.ID, "/") || len(r.ID) > 64:
		return fmt.Errorf("%w: its id has another form", ErrReport)
	case r.Part < 1 || r.Part > r.Parts || r.Parts > maxParts:
		return fmt.Errorf("%w: part %d of %d", ErrReport, r.Part, r.Parts)
	case now.Sub(reportTime(r.ID)).Abs() > 30*time.Minute:
		return fmt.Errorf("%w: its id is not of this time", ErrReport)
	}
	return nil
}

// Ask takes an operator's wish. Its id is made here where it has none; the same wish under
// the same id is one.
func (j *Journal) Ask(ctx context.Context, a Ask) error {
	if a.ID == "" {
		a.ID = ReportID(j.now())
	}
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode ask: %w", err)
	}
	if err := j.roomBelow(ctx, "in/ask/", mostAsks); err != nil {
		return err
	}
	return j.create(ctx, "in/ask/"+a.ID, data)
}

// Known returns ErrUnknownGroup, with their ids, if some of these groups are known
// neither in the cloud nor in the directory. Before both were read all are.
func (j *Journal) Known(ctx context.Context, ids []directory.ID) error {
	tx, err := j.View(ctx)
	if err != nil || tx.Head.Main.Number == 0 || len(ids) == 0 {
		return err
	}
	if err := tx.Fetch(ctx, ids); err != nil {
		return err
	}
	const most = 20
	var unknown []string
	n := 0
	for _, id := range ids {
		if tx.Group(id) != nil || !tx.Record(id).Empty() {
			continue
		}
		if n++; n <= most {
			unknown = append(unknown, id.String())
		}
	}
	switch {
	case n == 0:
		return nil
	case n > most:
		unknown = append(unknown, fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Errorf("%w: %s", ErrUnknownGroup, strings.Join(unknown, ", "))
}
