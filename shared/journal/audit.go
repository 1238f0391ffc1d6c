package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// audits is the folder of what became of each batch.
const audits = "audit/"

// Applied is one audit object: what became of one batch. Each names the hash of
// the one before, so that none can be taken away unnoticed.
type Applied struct {
	Before  string        `json:"before,omitempty"` // SHA-256 of the audit object before
	Prior   string        `json:"prior,omitempty"`  // and its name
	Epoch   uint64        `json:"epoch"`
	Seq     uint64        `json:"seq"`
	Batch   string        `json:"batch"` // SHA-256 of the batch's bytes
	Agent   string        `json:"agent"`
	DC      string        `json:"dc,omitempty"` // that it was written to
	Folded  time.Time     `json:"folded"`
	Changes []plan.Change `json:"changes"`
	Results []plan.Result `json:"results"`
	Stopped string        `json:"stopped,omitempty"`

	// Last names, of each group, the audit object before this one that has changes of it: so
	// one group's past is found without reading that of all.
	Last map[directory.ID]string `json:"last,omitempty"`

	// Rules says that no batch is meant: a person has put these rules in force, in the store.
	Rules *Version `json:"rules,omitempty"`
}

// Note writes down what became of a batch, with the step.
func (tx *Tx) Note(ctx context.Context, b Batch, a Ack) error {
	// The name holds the step's chance: one that is lost leaves an object that no
	// chain leads to.
	name := fmt.Sprintf("%d-%012d-%s", b.Epoch, b.Seq, nonce(tx.Now))
	groups := make([]directory.ID, len(b.Changes))
	for i, c := range b.Changes {
		groups[i] = c.Group
	}
	if err := tx.FetchRecords(ctx, groups); err != nil {
		return err
	}
	last := map[directory.ID]string{}
	for _, c := range b.Changes {
		r := *tx.Record(c.Group)
		if r.Noted == name {
			continue
		}
		if r.Noted != "" {
			last[c.Group] = r.Noted
		}
		r.Noted = name
		tx.PutRecord(&r)
	}
	return tx.chain(name, Applied{Epoch: b.Epoch, Seq: b.Seq, Batch: a.Digest, Agent: a.Agent, DC: a.DC, Folded: tx.Now, Changes: b.Changes, Results: a.Results, Stopped: a.Stopped, Last: last})
}

// noteRules writes down that rules were put in force, with the step.
func (tx *Tx) noteRules(v Version) error {
	h := &tx.Head
	return tx.chain(fmt.Sprintf("%d-%012d-%s", h.Epoch, h.NextSeq-1, nonce(tx.Now)), Applied{Epoch: h.Epoch, Seq: h.NextSeq - 1, Folded: tx.Now, Rules: &v})
}

// chain writes the next object of the audit.
func (tx *Tx) chain(name string, a Applied) error {
	a.Before, a.Prior = tx.Head.Audit, tx.Head.Noted
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode audit: %w", err)
	}
	tx.puts = append(tx.puts, object{audits + name, data})
	tx.Head.Audit, tx.Head.Noted = Digest(data), name
	return nil
}

// Errors of who follows the audit.
var (
	// ErrAuditEnd: what was before is not kept any more.
	ErrAuditEnd = errors.New("the audit goes no further back")
	// ErrAuditBroken: it should be there as it was written, and is not.
	ErrAuditBroken = errors.New("the audit is damaged: an object of it is missing, or is not what was written")
)

// A Trace is where somebody stands who follows the audit back in time: the name of the next
// object and, where it is the chain that is followed, its hash. The zero Trace is the end.
type Trace struct {
	Name string `json:"n"`
	Hash string `json:"h,omitempty"`
}

// Trace begins at the last object of the audit.
func (tx *Tx) Trace() Trace { return Trace{tx.Head.Noted, tx.Head.Audit} }

// Applied reads the object of the audit that a trace stands at. ErrAuditEnd: there is none, or
// it was not kept; ErrAuditBroken.
func (j *Journal) Applied(ctx context.Context, at Trace) (Applied, error) {
	if at.Name == "" || blob.CheckKey(audits+at.Name) != nil {
		return Applied{}, ErrAuditEnd
	}
	data, _, err := j.Store.Get(ctx, j.prefix()+audits+at.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && older(at.Name[strings.LastIndexByte(at.Name, '-')+1:], j.now(), retention):
		return Applied{}, ErrAuditEnd
	case errors.Is(err, fs.ErrNotExist), err == nil && at.Hash != "" && Digest(data) != at.Hash:
		return Applied{}, fmt.Errorf("%w: %s", ErrAuditBroken, at.Name)
	case err != nil:
		return Applied{}, fmt.Errorf("read audit: %w", err)
	}
	var a Applied
	if err := json.Unmarshal(data, &a); err != nil {
		return Applied{}, fmt.Errorf("%w: %s: %w", ErrAuditBroken, at.Name, err)
	}
	return a, nil
}

// Back is the trace of the object before.
func (a Applied) Back() Trace { return Trace{a.Prior, a.Before} }

// BackOf is the trace of the object before with changes of a group.
func (a Applied) BackOf(group directory.ID) Trace { return Trace{Name: a.Last[group]} }
