package rules

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"groupwriteback/shared/plan"
)

// legalName is a cn as Active Directory takes it (MS-ADTS 3.1.1.5.1.2).
func legalName(name string) string {
	return left(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, name), plan.NameLimit)
}

// left cuts a string to at most n UTF-16 code units, as .NET and AD count.
func left(s string, n int) string {
	units := 0
	for i, c := range s {
		if units += utf16.RuneLen(c); units > n {
			return s[:i]
		}
	}
	return s
}

// legalAccount is a sAMAccountName: what AD refuses in one becomes an underscore
// (MS-ADTS 3.1.1.8.1.4). Cloud Sync leaves the name to AD, which then makes up a random one.
func legalAccount(name string) string {
	return strings.TrimLeft(strings.Map(func(c rune) rune {
		if strings.ContainsRune(`"/\[]:;|=,+*?<>@`, c) || unicode.IsControl(c) {
			return '_'
		}
		return c
	}, name), " ")
}
