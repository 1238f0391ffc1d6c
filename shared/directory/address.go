package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddress is how many bytes an address may have: about what SMTP lets a path have (RFC 5321,
// 4.5.3.1.3), and so few that a message can name a member by it.
const maxAddress = 240

// Address is the one form of an SMTP address by which a contact is known on both ends, in
// small letters; "" if the text is no address. What stands before "@" counts in small
// letters too: neither Exchange nor Active Directory tells them apart.
func Address(text string) string {
	at := strings.LastIndexByte(text, '@')
	odd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	if at <= 0 || at == len(text)-1 || !utf8.ValidString(text) || strings.ContainsFunc(text, odd) {
		return ""
	}
	if text = strings.ToLower(text); len(text) > maxAddress { // small letters may take more bytes
		return ""
	}
	return text
}
