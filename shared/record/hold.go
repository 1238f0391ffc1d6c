package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Hold is a set of changes that is over a limit and waits for a person's word.
type Hold struct {
	ID       string         `cbor:"1,keyasint" json:"id"`   // covers target, epoch, opening generation and list
	List     string         `cbor:"2,keyasint" json:"list"` // digest of what it holds
	Count    int            `cbor:"3,keyasint" json:"count"`
	Opened   time.Time      `cbor:"4,keyasint" json:"opened"`
	Approved time.Time      `cbor:"5,keyasint,omitempty" json:"approved,omitzero"`
	Text     string         `cbor:"6,keyasint" json:"text"`
	Guard    plan.GuardName `cbor:"7,keyasint,omitempty" json:"scope,omitempty"` // empty: one group's members
	By       string         `cbor:"8,keyasint,omitempty" json:"by,omitempty"`    // who said the last word on it
	Rejected bool           `cbor:"9,keyasint,omitempty" json:"rejected,omitempty"`
	Said     time.Time      `cbor:"10,keyasint,omitempty" json:"said,omitzero"` // when that was: an older word changes nothing
}

// approvalLife is how long an approval counts.
const approvalLife = 24 * time.Hour

// Open says whether a hold is not approved: it waits for a word, or was rejected.
func (h Hold) Open() bool { return h.Approved.IsZero() }

// InForce says whether what a hold lists may go: it was approved, and not too long ago.
func (h Hold) InForce(now time.Time) bool { return !h.Open() && now.Sub(h.Approved) < approvalLife }

// Decision is an operator's word on a hold.
type Decision struct {
	By      string
	At      time.Time
	Approve bool // else it is a rejection
}

// After is the hold after an operator's word. A word that is older than the last one
// came late, and changes nothing; of two at one time the rejection stands.
func (h Hold) After(d Decision, now time.Time) Hold {
	if d.At.Before(h.Said) || d.At.Equal(h.Said) && h.Rejected {
		return h
	}
	h.By, h.Said, h.Rejected, h.Approved = d.By, d.At, !d.Approve, time.Time{}
	if d.Approve {
		h.Approved = now
	}
	return h
}

// Listing is what a hold holds, for people.
type Listing struct {
	ID     string         `json:"id,omitempty"`
	Guard  plan.GuardName `json:"scope,omitempty"` // empty: members of one group
	Group  directory.ID   `json:"group,omitzero"`  // that group
	Name   string         `json:"name,omitempty"`
	Text   string         `json:"text"`
	Count  int            `json:"count"`
	Causes map[string]int `json:"causes,omitempty"` // why members go
	Opened time.Time      `json:"opened"`
	Denied string         `json:"rejectedBy,omitempty"` // who has said that it shall not go
	Items  []Item         `json:"items,omitempty"`
	Parts  []Part         `json:"parts,omitempty"` // of a long list, which has no items beside them
}

// Part is what a long list holds of the groups of one range, in an object of its own.
type Part struct {
	Number int    `json:"part"`   // of the range
	Groups int    `json:"groups"` // that it lists
	Count  int    `json:"count"`  // of changes
	List   string `json:"list"`   // digest of its items
	Hold   string `json:"hold"`   // that it was written for: a later one with the same part names it again
}

// Item is one group's part of a hold.
type Item struct {
	Group  directory.ID `json:"group"`
	Name   string       `json:"name"`
	Remove []plan.Ref   `json:"remove,omitempty"`
	Add    []plan.Ref   `json:"add,omitempty"`
	To     string       `json:"to,omitempty"`      // where it would be moved to
	Count  int          `json:"members,omitempty"` // how many memberships go with it
}

// NewItem lists an impact of a guard on a group.
func NewItem(guard plan.GuardName, id directory.ID, name string, at plan.Impact) Item {
	i := Item{Group: id, Name: name, To: at.To, Count: at.Count}
	if guard == plan.Additions {
		i.Add = at.Refs
	} else {
		i.Remove = at.Refs
	}
	return i
}

// Impact is what an item allows once it is approved.
func (i Item) Impact() plan.Impact {
	refs := plan.Merge(i.Remove, i.Add)
	return plan.Impact{Refs: refs, Whole: len(refs) == 0, To: i.To, Count: i.Count}
}

// Key is a listing's content in one string, the same for the same changes. Of parts it
// is their digests.
func (l Listing) Key() string {
	var b strings.Builder
	b.WriteString(string(l.Guard))
	for _, i := range l.Items {
		b.WriteString("\n" + i.Group.String())
		for _, r := range i.Remove {
			b.WriteString(" " + string(r))
		}
		for _, r := range i.Add {
			b.WriteString(" +" + string(r))
		}
		if i.To != "" {
			b.WriteString(" > " + i.To)
		}
	}
	for _, p := range l.Parts {
		b.WriteString("\n" + strconv.Itoa(p.Number) + " " + p.List)
	}
	return b.String()
}

// Listed is the hold in a list, without its items.
func (h Hold) Listed() Listing {
	l := Listing{ID: h.ID, Guard: h.Guard, Text: h.Text, Opened: h.Opened, Count: h.Count}
	if h.Rejected {
		l.Denied = h.By
	}
	return l
}

// Digest identifies what a listing lists.
func (l Listing) Digest() string {
	sum := sha256.Sum256([]byte(l.Key()))
	return hex.EncodeToString(sum[:])
}
