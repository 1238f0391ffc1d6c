package exchange

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// syntax is how Active Directory compares the values of an attribute.
type syntax int

const (
	closed  syntax = iota // not known here: whether there is a value is all that is told
	text                  // in any letters, and mostly without regard to marks on them
	number                // of 32 bits
	large                 // of 64 bits
	boolean               // TRUE or FALSE
)

// syntaxOf is the syntax of an attribute, by its name in lower case.
func syntaxOf(attr string) syntax {
	switch attr {
	case "cn", "name", "displayname", "displaynameprintable", "description", "info", "mail", "mailnickname", "proxyaddresses", "samaccountname",
		"legacyexchangedn", "targetaddress", "textencodedoraddress", "admindescription", "admindisplayname", "msexchpoliciesexcluded":
		return text
	case "grouptype", "msexchrecipientdisplaytype":
		return number
	case "msexchrecipienttypedetails", "msexchversion":
		return large
	case "msexchhidefromaddresslists", "msexchrequireauthtosendto", "reporttooriginator":
		return boolean
	}
	if digits, ok := strings.CutPrefix(attr, "extensionattribute"); ok {
		if n, err := strconv.Atoi(digits); err == nil && n >= 1 && n <= 15 {
			return text
		}
	}
	return closed
}

// holds is the truth of a condition about one value that the group has.
func (n *node) holds(value string) truth {
	if n.op == present {
		return yes
	}
	switch syntaxOf(n.attr) {
	case text:
		return n.holdsText(value)
	case number:
		return n.holdsNumber(value, 32)
	case large:
		return n.holdsNumber(value, 64)
	case boolean:
		if words := []string{"TRUE", "FALSE"}; n.op == equal && slices.Contains(words, n.value) && slices.Contains(words, value) {
			return truthOf(n.value == value)
		}
	}
	return unknown
}

// holdsNumber compares numbers as Active Directory does: signed ones. A number that has no place
// in the attribute is one that Active Directory does not compare.
func (n *node) holdsNumber(value string, size int) truth {
	have, err := strconv.ParseInt(value, 10, size)
	want, err2 := strconv.ParseInt(n.value, 10, 64)
	isMask := n.op == allBits || n.op == anyBit
	if isMask && size == 32 && want == int64(uint32(want)) {
		want = int64(int32(want)) // as 2147483648 is written for the highest bit
	}
	if err != nil || err2 != nil || size == 32 && want != int64(int32(want)) {
		return unknown
	}
	switch n.op {
	case equal:
		return truthOf(have == want)
	case atLeast:
		return truthOf(have >= want)
	case atMost:
		return truthOf(have <= want)
	case allBits:
		return truthOf(have&want == want)
	case anyBit:
		return truthOf(have&want != 0)
	}
	return unknown
}

// holdsText compares texts as Active Directory does (MS-ADTS 6.5), as far as that
// can be told: without regard to case. Marks and widths of letters make no difference to it either, in ways
// that are the operating system's; where they would decide, nothing is known.
func (n *node) holdsText(value string) truth {
	switch n.op {
	case equal:
		return sameText([]string{value, n.value}, func(t []string) bool { return t[0] == t[1] })
	case substring:
		return sameText(append([]string{value}, n.parts...), func(t []string) bool { return inOrder(t[0], t[1:]) })
	case atLeast, atMost:
		a, b := strings.ToLower(value), strings.ToLower(n.value)
		if !isPlain(a, isWord) || !isPlain(b, isWord) {
			return unknown // how other signs are sorted depends on the language of the domain controller
		}
		return truthOf(n.op == atLeast && a >= b || n.op == atMost && a <= b)
	}
	return unknown
}

// sameText is the truth of a test of texts, under more and more folding.
func sameText(texts []string, test func([]string) bool) truth {
	folded := slices.Clone(texts)
	for i, t := range texts {
		folded[i] = strings.ToLower(t)
	}
	if test(folded) {
		return yes
	}
	plain := true
	for i, t := range texts {
		plain = plain && isPlain(t, isPrintable)
		folded[i] = unmarked(t)
	}
	switch {
	case plain:
		return no
	case test(folded) || slices.ContainsFunc(folded, func(t string) bool { return !isPlain(t, isPrintable) }):
		return unknown
	}
	return no
}

// inOrder says whether a text begins with the first part, ends with the last, and has the
// others between them, one after the other.
func inOrder(text string, parts []string) bool {
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// unmarked is a text in small letters without marks, and of one width.
func unmarked(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func isPlain(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }

func isWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
