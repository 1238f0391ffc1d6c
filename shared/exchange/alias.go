package exchange

import (
	"strings"
	"unicode/utf8"
)

// aliasSigns are what an alias may have besides letters, digits, and dots between others
// (Set-DistributionGroup, -Alias).
const aliasSigns = "!#%*+-/=?^_~$&'`{}|"

// alias is mailNickname: Graph's own where Exchange takes it, or that with each character that
// Exchange does not take replaced by an underscore. Where nothing is left of it, it is made of the address.
func (g Group) alias(primary string) (value string, notes []Note) {
	value = legalAlias(g.Nickname)
	if strings.Trim(value, "_") == "" {
		local, _, _ := strings.Cut(primary, "@")
		value = legalAlias(local)
	}
	if strings.Trim(value, "_") == "" {
		value = "group-" + cut(hexOf(g.ID), 32)
	}
	if value != g.Nickname {
		notes = append(notes, Note{"mailNickname", "the alias " + quoted(g.Nickname) + " is none that Exchange takes: it is written as " + quoted(value)})
	}
	return value, notes
}

// Aliased is the group under an alias of its own, where somebody else has the one that it would have.
func (g Group) Aliased() Group {
	alias, _ := g.alias(g.primary())
	const suffix = 8
	g.Nickname = strings.TrimRight(cut(alias, maxAlias-suffix-1), ".") + "-" + cut(hexOf(g.ID), suffix)
	return g
}

func quoted(s string) string { return `"` + short(s) + `"` }

func legalAlias(s string) string {
	var b strings.Builder
	dot := false
	for _, r := range s {
		if r == '.' {
			dot = b.Len() > 0
			continue
		}
		if dot {
			b.WriteByte('.')
			dot = false
		}
		if isAliasRune(r) {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	return strings.TrimRight(cut(b.String(), maxAlias), ".")
}

func isAliasRune(r rune) bool {
	return isAlnum(r) || r >= 0xA1 && r <= 0xFF || r < 0x80 && strings.ContainsRune(aliasSigns, r)
}

func isAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// hexOf are the hexadecimal digits of an object id, in lower case.
func hexOf(id string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, strings.ToLower(id))
}

// leastHex are the digits of an object id that still make a legacyExchangeDN unique in practice, where an
// organization with a long name leaves no room for all.
const leastHex = 16

// legacyDN is a new legacyExchangeDN below an administrative group: the object id and the alias, as much of it as there
// is room for. Empty: there is no room for the id either, or the administrative group is not known.
//
// Outlook keeps it for whom it has written to: a group that has one keeps it.
func legacyDN(group, id, alias string) string {
	name := strings.Map(func(r rune) rune {
		if isAlnum(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return -1
	}, alias)
	parent := group + "/cn=Recipients/cn="
	hex := hexOf(id)
	if group == "" || len(hex) < leastHex || utf8.RuneCountInString(parent)+leastHex > maxLegacyDN {
		return ""
	}
	whole := parent + hex
	if name != "" {
		whole += "-" + name
	}
	return cut(whole, maxLegacyDN)
}
