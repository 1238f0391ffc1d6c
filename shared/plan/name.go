package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"
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
