package ad

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// DecodeSID reads the binary form of a security identifier (MS-DTYP 2.4.2.2):
// revision, count, six bytes of authority, and little-endian parts.
func DecodeSID(b []byte) (directory.SID, error) {
	if len(b) < 8 || b[0] != 1 || b[1] > 15 || len(b) != 8+4*int(b[1]) {
		return "", fmt.Errorf("decode SID: %x is none", b)
	}
	authority := binary.BigEndian.Uint64(append([]byte{0, 0}, b[2:8]...))
	s := "S-1-" + strconv.FormatUint(authority, 10)
	for p := b[8:]; len(p) > 0; p = p[4:] {
		s += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(p)), 10)
	}
	return directory.SID(s), nil
}

// EncodeSID is the inverse of DecodeSID.
func EncodeSID(s directory.SID) ([]byte, error) {
	if _, err := directory.ParseSID(string(s)); err != nil {
		return nil, fmt.Errorf("encode SID: %w", err)
	}
	parts := strings.Split(string(s), "-")[2:]
	authority, err := strconv.ParseUint(parts[0], 10, 48)
	if err != nil {
		return nil, fmt.Errorf("encode SID: %w", err)
	}
	b := binary.BigEndian.AppendUint64(nil, authority)
	b[0], b[1] = 1, byte(len(parts)-1)
	for _, p := range parts[1:] {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("encode SID: %w", err)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	return b, nil
}

// DecodeGUID reads the binary form of an objectGUID (MS-DTYP 2.3.4.2): the first
// three fields are little-endian.
func DecodeGUID(b []byte) (plan.GUID, error) {
	if len(b) != 16 {
		return "", fmt.Errorf("decode GUID: %x is none", b)
	}
	return plan.GUID(directory.ID(swapGUID([16]byte(b))).String()), nil
}

// EncodeGUID is the inverse of DecodeGUID.
func EncodeGUID(g plan.GUID) ([]byte, error) {
	id, err := directory.ParseID(string(g))
	if err != nil {
		return nil, fmt.Errorf("encode GUID: %q is none", g)
	}
	b := swapGUID(id)
	return b[:], nil
}

func swapGUID(b [16]byte) [16]byte {
	return [16]byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6],
		b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
}

// A link is a value of an attribute that names another object.
type link struct {
	guid plan.GUID
	sid  directory.SID // empty if the object has none
	dn   string

	primary bool // a member because the group is its primary group
}

// parseLink reads a DN in the extended form with text components, such as
// "<GUID=…>;<SID=S-1-…>;CN=…" (MS-ADTS 3.1.1.3.4.1.5).
func parseLink(s string) (link, error) {
	l := link{dn: s}
	for strings.HasPrefix(l.dn, "<") {
		part, rest, ok := strings.Cut(l.dn[1:], ">;")
		if !ok {
			break
		}
		l.dn = rest
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "GUID":
			id, err := directory.ParseID(value)
			if err != nil {
				return link{}, fmt.Errorf("parse extended DN %q: %w", s, err)
			}
			l.guid = plan.GUID(id.String())
		case "SID":
			sid, err := directory.ParseSID(value)
			if err != nil {
				return link{}, fmt.Errorf("parse extended DN %q: %w", s, err)
			}
			l.sid = sid
		}
	}
	if l.guid == "" || l.dn == "" {
		return link{}, fmt.Errorf("parse extended DN %q: it has no GUID or no name", s)
	}
	return l, nil
}

// plainDN takes the GUID and SID off the value of an attribute that names
// another object, and leaves other values alone.
func plainDN(value string) string {
	if strings.HasPrefix(value, "<GUID=") {
		if l, err := parseLink(value); err == nil {
			return l.dn
		}
	}
	return value
}

// filterGUID is a filter that finds an object by its GUID.
func filterGUID(g plan.GUID) (string, error) {
	b, err := EncodeGUID(g)
	if err != nil {
		return "", err
	}
	h := hex.EncodeToString(b)
	var f strings.Builder
	for i := 0; i < len(h); i += 2 {
		f.WriteString(`\` + h[i:i+2])
	}
	return "(objectGUID=" + f.String() + ")", nil
}
