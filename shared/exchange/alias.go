package exchange

import "strings"

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

// hexOf is an object id without its hyphens, in lower case.
func hexOf(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }

// legacyDN is a new legacyExchangeDN below an administrative group: the object id and as much of
// the alias as there is room for. The id makes it unique, and is there as a whole.
// Empty: there is no room for it, or the administrative group is not known.
//
// Outlook keeps it for whom it has written to: a group that has one keeps it.
func legacyDN(group, id, alias string) string {
	name := strings.Map(func(r rune) rune {
		if isAlnum(r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return -1
	}, alias)
	whole := group + "/cn=Recipients/cn=" + hexOf(id)
	if group == "" || len([]rune(whole)) > maxLegacyDN {
		return ""
	}
	if name != "" {
		whole += "-" + name
	}
	return cut(whole, maxLegacyDN)
}
