package plan

import (
	"encoding/hex"
	"strings"
)

// An rdn is one step of a distinguished name: an attribute type in upper case
// and its value, not escaped. Active Directory has no multi-valued RDNs.
type rdn struct{ attr, value string }

// NormalDN writes a distinguished name in one form, so that two spellings of
// the same name are equal under strings.EqualFold: attribute types in upper
// case, no spaces around separators, values escaped as RFC 4514 section 2.4
// demands, and '=' and control characters as Active Directory does. A string
// that is no DN is returned as it is.
func NormalDN(dn string) string {
	if rdns, ok := splitDN(dn); ok {
		return joinDN(rdns)
	}
	return dn
}

// SplitRDN splits a DN into the value of its first RDN, not escaped, and the
// DN of its parent in the form of NormalDN.
func SplitRDN(dn string) (name, parent string, ok bool) {
	rdns, ok := splitDN(dn)
	if !ok || len(rdns) == 0 {
		return "", "", false
	}
	return rdns[0].value, joinDN(rdns[1:]), true
}

// NamesContainer says whether a text is the DN of something that groups can stand in: it is
// itself in something.
func NamesContainer(text string) bool {
	_, parent, ok := SplitRDN(text)
	return ok && parent != ""
}

// JoinRDN is the DN of the object with this cn below a parent.
func JoinRDN(name, parent string) string {
	dn := "CN=" + escapeRDN(name)
	if parent != "" {
		dn += "," + parent
	}
	return dn
}

func joinDN(rdns []rdn) string {
	parts := make([]string, len(rdns))
	for i, r := range rdns {
		parts[i] = r.attr + "=" + escapeRDN(r.value)
	}
	return strings.Join(parts, ",")
}

// splitDN parses the string form of RFC 4514, with the spaces around
// separators that RFC 2253 readers accept.
func splitDN(dn string) ([]rdn, bool) {
	var out []rdn
	for rest := dn; strings.TrimSpace(rest) != ""; {
		attr, after, ok := strings.Cut(rest, "=")
		attr = strings.ToUpper(strings.TrimSpace(attr))
		if !ok || !isAttributeType(attr) {
			return nil, false
		}
		value, tail, ok := cutValue(after)
		if !ok {
			return nil, false
		}
		out = append(out, rdn{attr, value})
		if rest, ok = strings.CutPrefix(tail, ","); ok && strings.TrimSpace(rest) == "" {
			return nil, false
		}
	}
	return out, true
}

// isAttributeType says whether a text, in capitals, has the form of an attribute's name or
// object identifier (RFC 4512, 1.4): a quotation mark of a word processor is none.
func isAttributeType(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == ""
}

// cutValue reads an escaped value up to the next separator, which it leaves.
func cutValue(s string) (value, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, "#") {
		return "", "", false // BER in hexadecimal: no directory writes names so
	}
	var b []byte
	keep := 0 // bytes that trailing spaces are cut down to
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ',':
			return string(trimSpaces(b, keep)), s[i:], true
		case '+', '"', ';', '<', '>':
			return "", "", false
		case '\\':
			if i+2 < len(s) {
				if x, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
					b, i = append(b, x...), i+2
					keep = len(b)
					continue
				}
			}
			if i+1 >= len(s) {
				return "", "", false
			}
			i++
			b = append(b, s[i])
			keep = len(b)
		default:
			b = append(b, c)
		}
	}
	return string(trimSpaces(b, keep)), "", true
}

func trimSpaces(b []byte, keep int) []byte {
	for len(b) > keep && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// escapeRDN escapes a value for use in a DN (RFC 4514 section 2.4).
func escapeRDN(v string) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case strings.IndexByte(`,+"\<>;=`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(v)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20:
			b.WriteByte('\\')
			b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Below says whether an object is somewhere below a container. It climbs instead of
// comparing ends, because a name may hold an escaped comma.
func Below(dn, container string) bool {
	container = NormalDN(container)
	for {
		_, parent, ok := SplitRDN(dn)
		if !ok || parent == "" {
			return false
		}
		if strings.EqualFold(parent, container) {
			return true
		}
		dn = parent
	}
}

// DomainName is the DNS name of the domain that a distinguished name is in: its DC parts.
func DomainName(dn string) string {
	rdns, _ := splitDN(dn)
	var labels []string
	for _, r := range rdns {
		if r.attr == "DC" {
			labels = append(labels, r.value)
		}
	}
	return strings.Join(labels, ".")
}

// Controller is what people call a domain controller, by the DN of its settings, CN=NTDS Settings,CN=<name>,…
// (MS-ADTS 6.1.1.2.2.1.2.1.1); what is no such DN stays.
func Controller(settings string) string {
	_, server, _ := SplitRDN(settings)
	name, _, is := SplitRDN(server)
	if !is {
		return settings
	}
	return name
}
