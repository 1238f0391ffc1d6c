package journal

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/record"
)

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
		Reading directory.Reading   `cbor:"9,keyasint,omitempty"`
		Owners  []byte              `cbor:"10,keyasint,omitempty"`
		Owned   bool                `cbor:"11,keyasint,omitempty"` // all owners are known
		Mails   []string            `cbor:"12,keyasint,omitempty"` // of each contact among Members and Left, in that order; none: no contact has one
	}
	principalWire struct {
		ID       []byte             `cbor:"1,keyasint"`
		Kind     directory.Kind     `cbor:"2,keyasint,omitempty"`
		Name     string             `cbor:"3,keyasint,omitempty"`
		Standing directory.Standing `cbor:"4,keyasint,omitempty"`
		SID      directory.SID      `cbor:"5,keyasint,omitempty"`
		Parents  []byte             `cbor:"6,keyasint,omitempty"`
		Mail     string             `cbor:"7,keyasint,omitempty"`
	}
	recordWire struct {
		ID        []byte               `cbor:"1,keyasint"`
		Exists    bool                 `cbor:"2,keyasint,omitempty"`
		GUID      plan.GUID            `cbor:"3,keyasint,omitempty"`
		Parent    string               `cbor:"4,keyasint,omitempty"`
		Name      string               `cbor:"5,keyasint,omitempty"`
		Attrs     map[string][]string  `cbor:"6,keyasint,omitempty"`
		Domains   []directory.SID      `cbor:"7,keyasint,omitempty"`
		Refs      []byte               `cbor:"8,keyasint,omitempty"`
		LastWrite uint64               `cbor:"9,keyasint,omitempty"`
		Stale     bool                 `cbor:"10,keyasint,omitempty"`
		Parked    []record.Parked      `cbor:"11,keyasint,omitempty"`
		Missing   bool                 `cbor:"12,keyasint,omitempty"`
		Hold      *record.Hold         `cbor:"13,keyasint,omitempty"`
		Problems  []problemWire        `cbor:"14,keyasint,omitempty"`
		Window    record.Window        `cbor:"15,keyasint,omitempty"`
		Converged bool                 `cbor:"16,keyasint,omitempty"`
		Asked     bool                 `cbor:"17,keyasint,omitempty"`
		SID       directory.SID        `cbor:"18,keyasint,omitempty"`
		Issued    []issuedWire         `cbor:"19,keyasint,omitempty"`
		Reread    record.Tries         `cbor:"20,keyasint,omitzero"`
		Trouble   *plan.Trouble        `cbor:"21,keyasint,omitempty"`
		Misses    int                  `cbor:"22,keyasint,omitempty"`
		Look      record.Tries         `cbor:"23,keyasint,omitzero"`
		Unlisted  bool                 `cbor:"24,keyasint,omitempty"`
		ByHand    []string             `cbor:"25,keyasint,omitempty"`
		Names     record.Names         `cbor:"26,keyasint,omitzero"`
		Life      record.Life          `cbor:"27,keyasint,omitzero"`
		Grave     *plan.Grave          `cbor:"28,keyasint,omitempty"`
		Links     map[plan.Link][]byte `cbor:"29,keyasint,omitempty"` // but members, which are Refs
		Clashes   []record.Clash       `cbor:"30,keyasint,omitempty"`
	}
	issuedWire struct {
		Seq   uint64         `cbor:"1,keyasint"`
		At    time.Time      `cbor:"2,keyasint"`
		Guard plan.GuardName `cbor:"3,keyasint"`
		Refs  []byte         `cbor:"4,keyasint,omitempty"`
		Whole bool           `cbor:"5,keyasint,omitempty"`
		To    string         `cbor:"6,keyasint,omitempty"`
		Back  bool           `cbor:"7,keyasint,omitempty"`
		Count int            `cbor:"8,keyasint,omitempty"`
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
	w := groupWire{ID: g.ID[:], Props: g.Props, Gone: g.Gone, Unread: g.Unread, Reading: g.Reading, Owned: g.OwnersKnown}
	w.Members = packMembers(g.Members, &words, &domains)
	w.Left = packMembers(g.Left, &words, &domains)
	w.Owners = packMembers(g.Owners, &words, &domains)
	w.Words, w.Domains, w.Mails = words.words, domains.words, packMails(g.Members, g.Left)
	return encMode().Marshal(w)
}

func decodeGroup(b []byte) (directory.ID, *directory.Group, error) {
	var w groupWire
	if err := decode(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	members, err1 := unpackMembers(w.Members, w.Words, w.Domains)
	left, err2 := unpackMembers(w.Left, w.Words, w.Domains)
	owners, err3 := unpackMembers(w.Owners, w.Words, w.Domains)
	err4 := unpackMails(w.Mails, members, left)
	g := &directory.Group{ID: id, Props: w.Props, Gone: w.Gone, Unread: w.Unread, Reading: w.Reading, Members: members, Left: left, Owners: owners, OwnersKnown: w.Owned}
	return id, g, errors.Join(err, err1, err2, err3, err4)
}

func encodePrincipal(p *directory.Principal) ([]byte, error) {
	return encMode().Marshal(principalWire{p.ID[:], p.Kind, p.Name, p.Standing, p.SID, packIDs(p.Parents), p.Mail})
}

func decodePrincipal(b []byte) (directory.ID, *directory.Principal, error) {
	var w principalWire
	if err := decode(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	parents, err1 := unpackIDs(w.Parents)
	return id, &directory.Principal{ID: id, Kind: w.Kind, Name: w.Name, Standing: w.Standing, SID: w.SID, Mail: w.Mail, Parents: parents}, errors.Join(err, err1)
}

func encodeRecord(r *record.Group) ([]byte, error) {
	var domains table[directory.SID]
	w := recordWire{ID: r.ID[:], LastWrite: r.LastWrite, Stale: r.Stale, Missing: r.Missing, Converged: r.Converged, Asked: r.Asked, Parked: r.Parked,
		Hold: r.Hold, Window: r.Window, SID: r.SID, Reread: r.Reread, Trouble: r.Trouble, Misses: r.Misses, Look: r.Look, Unlisted: r.Unlisted, ByHand: r.ByHand, Names: packNames(r.Names), Life: r.Life, Grave: r.Grave, Clashes: r.Clashes}
	if g := r.Observed; g != nil {
		w.Exists, w.GUID, w.Parent, w.Name, w.Attrs = true, g.GUID, g.Parent, g.Name, g.Attrs
		w.Refs, w.Links = packLinks(g.Links, &domains)
	}
	for _, i := range r.Issued {
		w.Issued = append(w.Issued, issuedWire{i.Seq, i.At, i.Guard, packRefs(i.Impact.Refs, &domains), i.Impact.Whole, i.Impact.To, i.Back, i.Impact.Count})
	}
	w.Domains = domains.words
	for _, p := range r.Problems {
		pw := problemWire{Reason: p.Reason, Text: p.Text}
		if p.Member != (directory.ID{}) {
			pw.Member = p.Member[:]
		}
		w.Problems = append(w.Problems, pw)
	}
	return encMode().Marshal(w)
}

func decodeRecord(b []byte) (directory.ID, *record.Group, error) {
	var w recordWire
	if err := decode(b, &w); err != nil {
		return directory.ID{}, nil, err
	}
	id, err := rawID(w.ID)
	r := &record.Group{ID: id, LastWrite: w.LastWrite, Stale: w.Stale, Missing: w.Missing, Converged: w.Converged, Asked: w.Asked, Parked: w.Parked,
		Hold: w.Hold, Window: w.Window, SID: w.SID, Reread: w.Reread, Trouble: w.Trouble, Misses: w.Misses, Look: w.Look, Unlisted: w.Unlisted, ByHand: w.ByHand, Names: unpackNames(w.Names), Life: w.Life, Grave: w.Grave, Clashes: w.Clashes}
	if w.Exists {
		links, err1 := unpackLinks(w.Refs, w.Links, w.Domains)
		err = errors.Join(err, err1)
		r.Observed = &plan.Group{ID: id, GUID: w.GUID, Parent: w.Parent, Name: w.Name, Attrs: w.Attrs, Links: links}
	}
	for _, i := range w.Issued {
		refs, err1 := unpackRefs(i.Refs, w.Domains)
		err = errors.Join(err, err1)
		r.Issued = append(r.Issued, record.Issued{Seq: i.Seq, At: i.At, Guard: i.Guard, Impact: plan.Impact{Refs: refs, Whole: i.Whole, To: i.To, Count: i.Count}, Back: i.Back})
	}
	for _, p := range w.Problems {
		pr := plan.Problem{Group: id, Reason: p.Reason, Text: p.Text}
		if len(p.Member) > 0 {
			m, err1 := rawID(p.Member)
			pr.Member, err = m, errors.Join(err, err1)
		}
		r.Problems = append(r.Problems, pr)
	}
	return id, r, err
}

// packNames leaves out what is the same twice, as it nearly always is: a name in use that is
// the one asked for, an account name that is the cn. A group that has a name has both.
func packNames(n record.Names) record.Names {
	if n.Given == n.Asked {
		n.Given = record.Name{}
	}
	return eachName(n, func(n *record.Name) {
		if n.Account == n.CN {
			n.Account = ""
		}
	})
}

func unpackNames(n record.Names) record.Names {
	n = eachName(n, func(n *record.Name) { n.Account = cmp.Or(n.Account, n.CN) })
	n.Given = cmp.Or(n.Given, n.Asked)
	return n
}

func eachName(n record.Names, change func(*record.Name)) record.Names {
	change(&n.Asked)
	change(&n.Given)
	if n.Taken != nil {
		t := *n.Taken
		change(&t.Name)
		n.Taken = &t
	}
	return n
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

// decMode reads what encMode wrote, and refuses a key that this version does not know.
var decMode = sync.OnceValue(func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 16, DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField}.DecMode()
	if err != nil {
		panic("journal: " + err.Error())
	}
	return m
})
