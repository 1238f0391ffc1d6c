package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// table numbers the words of a record in the order of their appearance.
type table[T ~string] struct {
	words []T
	index map[T]uint16
}

func (t *table[T]) number(w T) uint16 {
	if n, ok := t.index[w]; ok {
		return n
	}
	if len(t.words) == noDomain {
		panic("journal: more than 65535 domains or kinds in one group")
	}
	if t.index == nil {
		t.index = map[T]uint16{}
	}
	n := uint16(len(t.words))
	t.words, t.index[w] = append(t.words, w), n
	return n
}

// packed is what a byte string that is cut short or names no word gives.
func packedError(what string) error { return fmt.Errorf("decode %s: packed list is damaged", what) }

const (
	memberSize = 16 + 1 + 1 + sidSize // id, kind, standing, SID
	sidSize    = 2 + 4                // domain, RID
)

// noDomain stands for "no SID".
const noDomain = 1<<16 - 1

func packMembers(ms []directory.Member, words *table[string], domains *table[directory.SID]) []byte {
	out := make([]byte, 0, len(ms)*memberSize)
	for _, m := range ms {
		out = append(out, m.ID[:]...)
		out = append(out, byte(words.number(string(m.Kind))), byte(words.number(string(m.Standing))))
		out = packSID(out, m.SID, domains)
	}
	if len(words.words) > 256 { // Graph has a dozen types, and standings are ours
		panic("journal: more than 256 kinds and standings in one group")
	}
	return out
}

func unpackMembers(b []byte, words []string, domains []directory.SID) ([]directory.Member, error) {
	if len(b)%memberSize != 0 {
		return nil, packedError("members")
	}
	var out []directory.Member
	for ; len(b) > 0; b = b[memberSize:] {
		sid, err := unpackSID(b[18:], domains)
		if err != nil || int(b[16]) >= len(words) || int(b[17]) >= len(words) {
			return nil, packedError("members")
		}
		out = append(out, directory.Member{ID: directory.ID(b[:16]), Kind: directory.Kind(words[b[16]]), Standing: directory.Standing(words[b[17]]), SID: sid})
	}
	return out, nil
}

// packMails lists the address of each contact, if one has any.
func packMails(lists ...[]directory.Member) (out []string) {
	any := false
	for m := range contacts(lists) {
		out = append(out, m.Mail)
		any = any || m.Mail != ""
	}
	if !any {
		return nil
	}
	return out
}

// unpackMails gives the contacts the addresses that packMails has listed.
func unpackMails(mails []string, lists ...[]directory.Member) error {
	if len(mails) == 0 {
		return nil
	}
	for m := range contacts(lists) {
		if len(mails) == 0 {
			return packedError("addresses")
		}
		m.Mail, mails = mails[0], mails[1:]
	}
	if len(mails) > 0 {
		return packedError("addresses")
	}
	return nil
}

func contacts(lists [][]directory.Member) iter.Seq[*directory.Member] {
	return func(yield func(*directory.Member) bool) {
		for _, list := range lists {
			for i := range list {
				if list[i].Kind == directory.Contact && !yield(&list[i]) {
					return
				}
			}
		}
	}
}

func packSID(out []byte, sid directory.SID, domains *table[directory.SID]) []byte {
	domain := uint16(noDomain)
	if sid != "" {
		domain = domains.number(sid.Domain())
	}
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(out, domain), sid.RID())
}

func unpackSID(b []byte, domains []directory.SID) (directory.SID, error) {
	switch n := int(binary.LittleEndian.Uint16(b)); {
	case n == noDomain:
		return "", nil
	case n >= len(domains):
		return "", packedError("SIDs")
	default:
		return domains[n].With(binary.LittleEndian.Uint32(b[2:])), nil
	}
}

// The tags of a packed ref.
const (
	refSID   = 's'
	refGroup = 'g'
	refOther = 'o'
)

// packRefs keeps every ref as it is, also one that is not in canonical form.
func packRefs(refs []plan.Ref, domains *table[directory.SID]) []byte {
	var out []byte
	for _, r := range refs {
		sid, errSID := directory.ParseSID(string(r))
		id, isGroup := r.Group()
		switch {
		case errSID == nil:
			out = packSID(append(out, refSID), sid, domains)
		case isGroup && r == plan.GroupRef(id):
			out = append(append(out, refGroup), id[:]...)
		default:
			out = binary.LittleEndian.AppendUint32(append(out, refOther), uint32(len(r)))
			out = append(out, r...)
		}
	}
	return out
}

func unpackRefs(b []byte, domains []directory.SID) ([]plan.Ref, error) {
	var out []plan.Ref
	for len(b) > 0 {
		n := 0
		switch {
		case b[0] == refSID && len(b) > sidSize:
			sid, err := unpackSID(b[1:], domains)
			if err != nil {
				return nil, err
			}
			out, n = append(out, plan.SIDRef(sid)), 1+sidSize
		case b[0] == refGroup && len(b) > 16:
			out, n = append(out, plan.GroupRef(directory.ID(b[1:17]))), 17
		case b[0] == refOther && len(b) > 4:
			n = 5 + int(binary.LittleEndian.Uint32(b[1:]))
			if n <= len(b) {
				out = append(out, plan.Ref(b[5:n]))
			}
		}
		if n == 0 || n > len(b) {
			return nil, packedError("refs")
		}
		b = b[n:]
	}
	return out, nil
}

// packLinks packs members, and the other links by their names.
func packLinks(links plan.Links, domains *table[directory.SID]) (members []byte, others map[plan.Link][]byte) {
	members = packRefs(links[plan.Member], domains)
	for _, l := range slices.Sorted(maps.Keys(links)) { // in one order, since they share the table of domains
		if l == plan.Member {
			continue
		}
		if others == nil {
			others = map[plan.Link][]byte{}
		}
		others[l] = packRefs(links[l], domains)
	}
	return members, others
}

func unpackLinks(members []byte, others map[plan.Link][]byte, domains []directory.SID) (plan.Links, error) {
	refs, err := unpackRefs(members, domains)
	links := plan.Members(refs...)
	for l, b := range others {
		refs, err1 := unpackRefs(b, domains)
		links, err = links.With(l, refs), errors.Join(err, err1)
	}
	return links, err
}

func packIDs(ids []directory.ID) []byte {
	out := make([]byte, 0, len(ids)*16)
	for _, id := range ids {
		out = append(out, id[:]...)
	}
	return out
}

func unpackIDs(b []byte) ([]directory.ID, error) {
	if len(b)%16 != 0 {
		return nil, packedError("ids")
	}
	var out []directory.ID
	for ; len(b) > 0; b = b[16:] {
		out = append(out, directory.ID(b[:16]))
	}
	return out, nil
}
