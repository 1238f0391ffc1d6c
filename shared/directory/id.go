package directory

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ID is the object id of a group, user or device in Entra ID: a GUID, compact
// because a tenant holds millions of them. Its text form is lower case.
type ID [16]byte

// ParseID reads the text form of a GUID in either case, without braces.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, fmt.Errorf("object id %q is not a GUID", s)
	}
	if _, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:])); err != nil {
		return ID{}, fmt.Errorf("object id %q is not a GUID", s)
	}
	return id, nil
}

// String returns the canonical text form, such as "3a5c3221-c465-48c0-95b8-e9305786a271".
func (id ID) String() string {
	b := make([]byte, 36)
	hex.Encode(b, id[:4])
	hex.Encode(b[9:], id[4:6])
	hex.Encode(b[14:], id[6:8])
	hex.Encode(b[19:], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b)
}

// Compare orders ids by their bytes, which is also the order of their text.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText makes ids readable in JSON, also as map keys.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// SID is the text form of an Active Directory security identifier, such as
// "S-1-5-21-1004336348-1177238915-682003330-1107" (MS-DTYP 2.4.2.1). Empty means none.
type SID string

// ParseSID checks the shape of a security identifier: an authority, and 1 to 15
// parts below it.
func ParseSID(s string) (SID, error) {
	rest, ok := strings.CutPrefix(s, "S-1-")
	parts := 0
	for more := ok; more && ok; parts++ {
		var part string
		part, rest, more = strings.Cut(rest, "-")
		bits := 32
		if parts == 0 {
			bits = 48 // the identifier authority
		}
		n, err := strconv.ParseUint(part, 10, bits)
		ok = err == nil && (part[0] != '0' || n == 0 && part == "0")
	}
	if !ok || parts < 2 || parts > 16 {
		return "", fmt.Errorf("%q is not a security identifier (S-1-…)", s)
	}
	return SID(s), nil
}

// With returns the SID of a part of a domain.
func (s SID) With(rid uint32) SID {
	out := append(make([]byte, 0, len(s)+11), s...)
	return SID(strconv.AppendUint(append(out, '-'), uint64(rid), 10))
}

// Domain returns the SID without its last part: the domain that issued it.
func (s SID) Domain() SID {
	if i := strings.LastIndexByte(string(s), '-'); i > 0 {
		return s[:i]
	}
	return ""
}

// RID returns the last part, which is unique within the domain; 0 if there is none.
func (s SID) RID() uint32 {
	n, _ := strconv.ParseUint(string(s[strings.LastIndexByte(string(s), '-')+1:]), 10, 32)
	return uint32(n)
}
