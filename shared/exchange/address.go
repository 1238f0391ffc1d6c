package exchange

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what stands in a group's attributes, in characters but for MaxAddresses.
const (
	MaxAddresses = 500  // values of proxyAddresses: an object has room for some 1,200 values in all
	maxProxy     = 1123 // of proxyAddresses (Active Directory's schema: Proxy-Addresses)
	maxSMTP      = 571  // of an SMTP address (Exchange Server: email address policies)
	maxMail      = 256  // of mail (Active Directory's schema: E-mail-Addresses)
	maxAlias     = 64   // of mailNickname (Set-DistributionGroup, -Alias)
	maxLegacyDN  = 128  // of legacyExchangeDN: that of every object that was looked at and had more to say
)

// A Note is something about a group's mail that a person should know.
type Note struct {
	Attribute string // that it is about; empty: all of them
	What      string // what was left out or kept, and why
}

// Without is the group without addresses that somebody else in the forest has, in any letters
// and with or without their kind (smtp:). Without its own address it has no mail.
func (g Group) Without(addresses ...string) Group {
	taken := map[string]bool{}
	for _, a := range addresses {
		if _, _, typed := strings.Cut(a, ":"); !typed {
			a = "smtp:" + a
		}
		taken[strings.ToLower(a)] = true
	}
	g.Proxies = slices.DeleteFunc(slices.Clone(g.Proxies), func(a string) bool { return taken[strings.ToLower(a)] })
	if primary := g.primary(); taken["smtp:"+strings.ToLower(primary)] {
		g.Mail, g.Proxies = "", nil
	} else {
		g.Mail = primary
	}
	return g
}

// primary is the group's own address: Graph's mail or, where that says nothing, the address
// whose kind is written in capitals.
func (g Group) primary() string {
	if g.Mail != "" {
		return g.Mail
	}
	for _, p := range g.Proxies {
		if address, ok := strings.CutPrefix(p, "SMTP:"); ok {
			return address
		}
	}
	return ""
}

// addresses are the values of proxyAddresses: SMTP and X500 addresses, each once in whatever
// letters, and the primary one first: it alone has its kind in capitals. Other kinds, such as
// SPO, are those of services in the cloud.
func (g Group) addresses(primary string) (values []string, notes []Note) {
	values = []string{"SMTP:" + primary}
	seen := map[string]bool{"smtp:" + strings.ToLower(primary): true}
	var others []string
	for _, p := range g.Proxies {
		kind, address, _ := strings.Cut(p, ":")
		fault := ""
		switch strings.ToLower(kind) {
		case "smtp":
			p, fault = "smtp:"+address, smtpFault(address)
		case "x500":
			p, fault = "x500:"+address, x500Fault(address)
		default:
			continue
		}
		if fault != "" {
			notes = append(notes, Note{"proxyAddresses", fmt.Sprintf("%q is left out: %s", short(p), fault)})
		} else if folded := strings.ToLower(p); !seen[folded] {
			seen[folded] = true
			others = append(others, p)
		}
	}
	slices.SortFunc(others, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	if over := len(others) + 1 - MaxAddresses; over > 0 {
		left := others[len(others)-over:]
		others = others[:len(others)-over]
		notes = append(notes, Note{"proxyAddresses", fmt.Sprintf("%d addresses are left out, from %q to %q: an object has room for %d", over, short(left[0]), short(left[over-1]), MaxAddresses)})
	}
	return append(values, others...), notes
}

// smtpFault says why a text is no address that Exchange would take; empty: it is one. An
// object with a malformed one is refused as a recipient altogether (Exchange Server: recipient
// resolution).
func smtpFault(address string) string {
	at := strings.LastIndexByte(address, '@')
	switch {
	case at <= 0 || at == len(address)-1:
		return "it is no e-mail address"
	case !printable(address) || strings.ContainsAny(address, " <>()[]\\,;"):
		return "it has characters that an e-mail address cannot have"
	case utf8.RuneCountInString(address) > maxSMTP:
		return fmt.Sprintf("it has more than %d characters", maxSMTP)
	}
	return ""
}

// x500Fault is smtpFault for the address of an object in an organization.
func x500Fault(address string) string {
	switch {
	case !strings.HasPrefix(address, "/"):
		return "it is no X.500 address"
	case !printable(address):
		return "it has characters that an address cannot have"
	case utf8.RuneCountInString(address)+len("x500:") > maxProxy:
		return fmt.Sprintf("it has more than %d characters", maxProxy)
	}
	return ""
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// short is a text that people can be shown.
func short(s string) string { return cut(strings.ToValidUTF8(s, "?"), 80) }

// cut is the beginning of a text, of at most so many characters.
func cut(s string, limit int) string {
	for i := range s {
		if limit--; limit < 0 {
			return s[:i]
		}
	}
	return s
}

// Domain is the domain of an e-mail address, in lower case.
func Domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// tenants are what the domains of a tenant end with that Microsoft gives it, and what those of
// its mail routing do: for each cloud.
var tenants = [][2]string{{".onmicrosoft.com", ".mail.onmicrosoft.com"}, {".onmicrosoft.us", ".mail.onmicrosoft.us"}, {".partner.onmschina.cn", ".partner.mail.onmschina.cn"}}

// tenantDomain says whether a domain is one that Microsoft gave a tenant, and whether it is that of
// its mail routing.
func tenantDomain(domain string) (given, routing bool) {
	for _, t := range tenants {
		if name, ok := strings.CutSuffix(domain, t[1]); ok && isLabel(name) {
			return true, true
		}
		if name, ok := strings.CutSuffix(domain, t[0]); ok && isLabel(name) {
			return true, false
		}
	}
	return false, false
}

// isLabel says whether a text is one label of a domain name, and none that has a meaning here.
func isLabel(s string) bool { return s != "" && s != "mail" && !strings.Contains(s, ".") }

// routing is the address by which mail for the group comes into the tenant: that of the
// domain for it, or else of the tenant's first domain. Empty: the group has none.
func routing(proxies []string) (address string) {
	for _, p := range proxies {
		kind, smtp, _ := strings.Cut(p, ":")
		if !strings.EqualFold(kind, "smtp") {
			continue
		}
		given, best := tenantDomain(Domain(smtp))
		if best {
			return smtp
		}
		if given && address == "" {
			address = smtp
		}
	}
	return address
}
