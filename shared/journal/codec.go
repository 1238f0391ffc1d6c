package journal

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Have is what is known of one group in Active Directory, and what is between
// that and the wish.
type Have struct {
	ID       directory.ID
	Group    *plan.Group // nil: AD does not hold it
	Touched  uint64      // the last batch that may have changed it: older rows of a report do not count
	Unsure   bool        // what Group says may not be so: it is read again before it is planned
	Settled  bool        // it has agreed with the cloud: what comes after the first fill is growth
	Asked    bool        // an operator waits for it
	Parked   *Parked     // AD refused to create or change it
	Bad      []Parked    // AD refused these members
	Hold     *Hold       // removals that wait for approval
	Window   Window      // what plans took out of it lately
	Problems []plan.Problem
}

// Parked is a refused write that is left alone for a while.
type Parked struct {
	Ref   plan.Ref  `cbor:"1,keyasint,omitempty" json:"ref,omitempty"` // empty: the group itself
	Code  int       `cbor:"2,keyasint,omitempty" json:"code,omitempty"`
	Text  string    `cbor:"3,keyasint,omitempty" json:"text"`
	Tries int       `cbor:"4,keyasint,omitempty" json:"tries"`
	Until time.Time `cbor:"5,keyasint,omitempty" json:"until"`
}

// Hold is a set of changes that is over a limit and waits for a person's word.
type Hold struct {
	ID       string     `cbor:"1,keyasint" json:"id"`   // covers target, epoch, opening generation and list
	List     string     `cbor:"2,keyasint" json:"list"` // digest of what it holds
	Count    int        `cbor:"3,keyasint" json:"count"`
	Opened   time.Time  `cbor:"4,keyasint" json:"opened"`
	Approved time.Time  `cbor:"5,keyasint,omitempty" json:"approved,omitzero"`
	Text     string     `cbor:"6,keyasint" json:"text"`
	Scope    plan.Scope `cbor:"7,keyasint,omitempty" json:"scope,omitempty"` // empty: one group's members
	By       string     `cbor:"8,keyasint,omitempty" json:"by,omitempty"`    // who said the last word on it
	Rejected bool       `cbor:"9,keyasint,omitempty" json:"rejected,omitempty"`
}

// approvalLife is how long an approval counts.
const approvalLife = 24 * time.Hour

// Open says whether a hold is not approved: it waits for a word, or was rejected.
func (h Hold) Open() bool { return h.Approved.IsZero() }

// After is the hold after an operator's word.
func (h Hold) After(v Verdict, now time.Time) Hold {
	h.By, h.Rejected, h.Approved = v.By, !v.Approve, time.Time{}
	if v.Approve {
		h.Approved = now
	}
	return h
}

// listing is the hold in a list, without its items.
func (h Hold) listing() Listing {
	l := Listing{ID: h.ID, Scope: h.Scope, Text: h.Text, Opened: h.Opened, Count: h.Count}
	if h.Rejected {
		l.Denied = h.By
	}
	return l
}

// Released says whether what a hold lists may go.
func (h Hold) Released(now time.Time) bool { return !h.Open() && now.Sub(h.Approved) < approvalLife }

// The wire forms of records. Ids are raw, SIDs are an index into the record's
// table of domains and a RID: 24 bytes a member, and the lists that a tenant
// has millions of are one byte string each.
type (
	groupWire struct {
		ID      []byte              `cbor:"1,keyasint"`
		Props   map[string][]string `cbor:"2,keyasint,omitempty"`
		Gone    directory.Removal   `cbor:"3,keyasint,omitempty"`
		Domains []directory.SID     `cbor:"4,keyasint,omitempty"`
		Members []byte              `cbor:"5,keyasint,omitempty"`
		Left    []byte              `cbor:"6,keyasint,omitempty"`
		Words   []string            `cbor:"7,keyasint,omitempty"` // kinds and standings that occur
		Unread  bool                `cbor:"8,keyasint,omitempty"`
	}
	principalWire struct {
		ID       []byte             `cbor:"1,keyasint"`
		Kind     directory.Kind     `cbor:"2,keyasint,omitempty"`
		Name     string             `cbor:"3,keyasint,omitempty"`
		Standing directory.Standing `cbor:"4,keyasint,omitempty"`
		SID      directory.SID      `cbor:"5,keyasint,omitempty"`
		Parents  []byte             `cbor:"6,keyasint,omitempty"`
	}
	haveWire struct {
		ID       []byte              `cbor:"1,keyasint"`
		Exists   bool                `cbor:"2,keyasint,omitempty"`
		GUID     plan.GUID           `cbor:"3,keyasint,omitempty"`
		Parent   string              `cbor:"4,keyasint,omitempty"`
		Name     string              `cbor:"5,keyasint,omitempty"`
		Attrs    map[string][]string `cbor:"6,keyasint,omitempty"`
		Domains  []directory.SID     `cbor:"7,keyasint,omitempty"`
		Refs     []byte              `cbor:"8,keyasint,omitempty"`
		Touched  uint64              `cbor:"9,keyasint,omitempty"`
		Unsure   bool                `cbor:"10,keyasint,omitempty"`
		Parked   *Parked             `cbor:"11,keyasint,omitempty"`
		Bad      []Parked            `cbor:"12,keyasint,omitempty"`
		Hold     *Hold               `cbor:"13,keyasint,omitempty"`
		Problems []problemWire       `cbor:"14,keyasint,omitempty"`
		Window   Window              `cbor:"15,keyasint,omitzero"`
		Settled  bool                `cbor:"16,keyasint,omitempty"`
		Asked    bool                `cbor:"17,keyasint,omitempty"`
	}
	problemWire struct {
		Member []byte `cbor:"1,keyasint,omitempty"`
		Reason string `cbor:"2,keyasint"`
		Text   string `cbor:"3,keyasint,omitempty"`
	}
)

func encodeGroup(g *directory.Group) ([]byte, error) {
	var words table[string]
	var domains table[directory.SID]
	w := groupWire{ID: g.ID[:], Props: g.Props, Gone: g.Gone, Unread: g.Unread}
	w.Members = packMembers(g.Members, &words, &domains)
	w.Left = packMembers(g.Left, &words, &domains)
	w.Words, w.Domains = words.words, domains.words
	return encMode().Marshal(w)
}

func decodeGroup(b []byte) (directory.ID, *directory.Group, error) {
	var w groupWire
	if err := decMode().Unmarshal(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	members, err1 := unpackMembers(w.Members, w.Words, w.Domains)
	left, err2 := unpackMembers(w.Left, w.Words, w.Domains)
	return id, &directory.Group{ID: id, Props: w.Props, Gone: w.Gone, Unread: w.Unread, Members: members, Left: left}, errors.Join(err, err1, err2)
}

func encodePrincipal(p *directory.Principal) ([]byte, error) {
	return encMode().Marshal(principalWire{p.ID[:], p.Kind, p.Name, p.Standing, p.SID, packIDs(p.Parents)})
}

func decodePrincipal(b []byte) (directory.ID, *directory.Principal, error) {
	var w principalWire
	if err := decMode().Unmarshal(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	parents, err1 := unpackIDs(w.Parents)
	return id, &directory.Principal{ID: id, Kind: w.Kind, Name: w.Name, Standing: w.Standing, SID: w.SID, Parents: parents}, errors.Join(err, err1)
}

func encodeHave(h *Have) ([]byte, error) {
	w := haveWire{ID: h.ID[:], Touched: h.Touched, Unsure: h.Unsure, Settled: h.Settled, Asked: h.Asked, Parked: h.Parked, Bad: h.Bad, Hold: h.Hold, Window: h.Window}
	if g := h.Group; g != nil {
		var domains table[directory.SID]
		w.Exists, w.GUID, w.Parent, w.Name, w.Attrs = true, g.GUID, g.Parent, g.Name, g.Attrs
		w.Refs = packRefs(g.Members, &domains)
		w.Domains = domains.words
	}
	for _, p := range h.Problems {
		pw := problemWire{Reason: p.Reason, Text: p.Text}
		if p.Member != (directory.ID{}) {
			pw.Member = p.Member[:]
		}
		w.Problems = append(w.Problems, pw)
	}
	return encMode().Marshal(w)
}

func decodeHave(b []byte) (directory.ID, *Have, error) {
	var w haveWire
	if err := decMode().Unmarshal(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	h := &Have{ID: id, Touched: w.Touched, Unsure: w.Unsure, Settled: w.Settled, Asked: w.Asked, Parked: w.Parked, Bad: w.Bad, Hold: w.Hold, Window: w.Window}
	if w.Exists {
		refs, err1 := unpackRefs(w.Refs, w.Domains)
		err = errors.Join(err, err1)
		h.Group = &plan.Group{ID: id, GUID: w.GUID, Parent: w.Parent, Name: w.Name, Attrs: w.Attrs, Members: refs}
	}
	for _, p := range w.Problems {
		pr := plan.Problem{Group: id, Reason: p.Reason, Text: p.Text}
		if len(p.Member) > 0 {
			m, err1 := rawID(p.Member)
			pr.Member, err = m, errors.Join(err, err1)
		}
		h.Problems = append(h.Problems, pr)
	}
	return id, h, err
}

func rawID(b []byte) (directory.ID, error) {
	if len(b) != 16 {
		return directory.ID{}, fmt.Errorf("object id of %d bytes", len(b))
	}
	return directory.ID(b), nil
}

type cborRaw = cbor.RawMessage

// encMode writes the core deterministic form (RFC 8949 section 4.2.1), so that
// the same records are the same bytes.
var encMode = sync.OnceValue(func() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	m, err := o.EncMode()
	if err != nil {
		panic("journal: " + err.Error())
	}
	return m
})

var decMode = sync.OnceValue(func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 16, DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		panic("journal: " + err.Error())
	}
	return m
})
