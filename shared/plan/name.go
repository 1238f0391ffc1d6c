package plan

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"groupwriteback/shared/directory"
)

// Limits of names, in UTF-16 units: the rangeUpper of cn and of a group's
// sAMAccountName in Active Directory's schema. 20 is the limit of a user's.
const (
	NameLimit        = 64
	AccountNameLimit = 256
)

// NameFault says why Active Directory does not take a name as a cn; "" if it does.
// A line feed or a NUL is never in one, since those of deleted and of conflicting
// objects are made with them (MS-ADTS 3.1.1.5.1.2).
func NameFault(name string) string {
	switch {
	case strings.ContainsAny(name, "\n\x00"):
		return "has a line feed or a NUL, which Active Directory forbids in names"
	case strings.Trim(name, " ") == "":
		return "is empty"
	}
	return lengthFault(name, NameLimit)
}

// forbidden are the printable characters that no sAMAccountName has (the page of that
// attribute in Active Directory's schema).
const forbidden = `"/\[]:;|=,+*?<>`

// AccountNameRune says whether a character may be in a sAMAccountName.
func AccountNameRune(c rune) bool {
	return c >= 0x20 && c != 0x7f && !strings.ContainsRune(forbidden, c)
}

// AccountNameFault says why Active Directory does not take a name as the
// sAMAccountName of a group; "" if it does.
func AccountNameFault(name string) string {
	for _, c := range name {
		if !AccountNameRune(c) {
			return fmt.Sprintf("has %q, which Active Directory forbids in account names", c)
		}
	}
	switch {
	case strings.Trim(name, " .") == "":
		return "has nothing but blanks and dots"
	case strings.HasPrefix(name, " ") || strings.HasSuffix(name, "."):
		return "begins with a blank or ends with a dot"
	}
	return lengthFault(name, AccountNameLimit)
}

func lengthFault(name string, limit int) string {
	if !utf8.ValidString(name) {
		return "is not UTF-8"
	}
	n := 0
	for _, c := range name {
		if n++; c > 0xffff {
			n++
		}
	}
	if n > limit {
		return fmt.Sprintf("has %d characters (UTF-16 units), where Active Directory takes %d", n, limit)
	}
	return ""
}

// LegalName makes any text a cn: what nobody sees is taken out, a control character or
// the end of a line is a blank, and blanks at both ends go. It has at most NameLimit
// UTF-16 units. A text of which nothing is left gives the object id.
func LegalName(text string, id directory.ID) string {
	return cmp.Or(cutName(visible(text), NameLimit), id.String())
}

// LegalAccountName makes any text a sAMAccountName in the same way; what is forbidden
// there, and the @ of a sign-in name, becomes an underscore, and dots at the end go. It has
// at most NameLimit UTF-16 units too, so that it can be the cn.
func LegalAccountName(text string, id directory.ID) string {
	name := strings.Map(func(c rune) rune {
		if c == '@' || !AccountNameRune(c) {
			return '_'
		}
		return c
	}, visible(text))
	return cmp.Or(cutAccountName(name, NameLimit), id.String())
}

// Distinct is a name with the last 12 digits of an object id behind it, cut so that it is
// at most NameLimit UTF-16 units long.
func Distinct(name string, id directory.ID) string { return withSuffix(name, shortSuffix(id)) }

// Suffixed is the next name of a group whose name somebody else has: with the last 12
// digits of its object id, and after that with all 32. It is the same name where there is
// no other left.
func Suffixed(name string, id directory.ID) string {
	short, whole := shortSuffix(id), "_"+hex.EncodeToString(id[:])
	if strings.HasSuffix(name, whole) {
		return name
	}
	if base, had := strings.CutSuffix(name, short); had {
		return withSuffix(base, whole)
	}
	return withSuffix(name, short)
}

func shortSuffix(id directory.ID) string { return "_" + id.String()[24:] }

func withSuffix(name, suffix string) string { return cutName(name, NameLimit-len(suffix)) + suffix }

// visible is a text without what nobody sees in it, and with blanks for what breaks it.
// What is no UTF-8 becomes the replacement character.
func visible(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c) || c == '\u2028' || c == '\u2029':
			return ' '
		case unicode.Is(hidden, c) || unicode.Is(unicode.Noncharacter_Code_Point, c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\ufffd")))
}

// hidden are the characters without width, and those that turn the direction of a text:
// two names that differ in them alone look the same to people (UTS 39, 5.3 and UTR 36, 2.5).
var hidden = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00ad, Hi: 0x00ad, Stride: 1}, {Lo: 0x061c, Hi: 0x061c, Stride: 1}, {Lo: 0x180e, Hi: 0x180e, Stride: 1}, {Lo: 0x200b, Hi: 0x200f, Stride: 1},
	{Lo: 0x202a, Hi: 0x202e, Stride: 1}, {Lo: 0x2060, Hi: 0x206f, Stride: 1}, {Lo: 0xfeff, Hi: 0xfeff, Stride: 1}, {Lo: 0xfff9, Hi: 0xfffb, Stride: 1},
}, LatinOffset: 1}

// cutName cuts a text to at most n UTF-16 units, between characters and before a blank.
func cutName(s string, n int) string {
	for i, c := range s {
		if n -= utf16.RuneLen(c); n < 0 {
			s = s[:i]
			break
		}
	}
	return strings.TrimRightFunc(s, unicode.IsSpace)
}

func cutAccountName(s string, n int) string {
	return strings.TrimRightFunc(cutName(s, n), func(c rune) bool { return c == '.' || unicode.IsSpace(c) })
}
