package plan

import (
	"maps"
	"slices"
	"strings"
)

// Clash is a value that a change gives to a group, and that nobody else in the forest may
// have, and somebody has: an e-mail address, an alias, a legacyExchangeDN. Active Directory
// takes it all the same; Exchange refuses mail to either (Exchange Server: recipient resolution).
type Clash struct {
	Attribute string `json:"attribute"`      // of the change: one of ClaimedAttributes
	Value     string `json:"value"`          // as the change has it
	By        string `json:"by,omitempty"`   // DN of who has it; empty: not seen
	Ours      bool   `json:"ours,omitempty"` // a group of this installation has it
}

// Attributes whose values nobody else in the forest may have.
const (
	ProxyAddresses   = "proxyAddresses"
	MailAttribute    = "mail"
	LegacyExchangeDN = "legacyExchangeDN"
	MailNickname     = "mailNickname"
)

// ClaimedAttributes lists them. An address of proxyAddresses is the same in another's mail,
// and a legacyExchangeDN the same as an X.500 address. targetAddress is none of them: it says
// where mail goes on to, and any number of objects may send it to one place.
func ClaimedAttributes() []string {
	return []string{ProxyAddresses, MailAttribute, LegacyExchangeDN, MailNickname}
}

// Claims are the values of attributes that nobody else may have, each once, however many of
// the attributes have it.
func Claims(attrs map[string][]string) (claims []Clash) {
	seen := map[string]bool{}
	for _, name := range ClaimedAttributes() {
		for _, v := range claimed(attrs, name) {
			c := Clash{Attribute: name, Value: v}
			if key := c.Key(); v != "" && !seen[key] {
				seen[key] = true
				claims = append(claims, c)
			}
		}
	}
	return claims
}

// claimed are the values of an attribute, by its name in any letters.
func claimed(attrs map[string][]string, name string) (values []string) {
	for _, k := range slices.Sorted(maps.Keys(attrs)) {
		if strings.EqualFold(k, name) {
			values = append(values, attrs[k]...)
		}
	}
	return values
}

// Key is what two clashes have in common that are about one thing: an address in whatever
// letters and whichever attribute, an alias.
func (c Clash) Key() string {
	v := strings.ToLower(c.Value)
	switch strings.ToLower(c.Attribute) {
	case strings.ToLower(MailAttribute):
		return "smtp:" + v
	case strings.ToLower(LegacyExchangeDN):
		return "x500:" + v
	case strings.ToLower(MailNickname):
		return "alias=" + v
	}
	return v
}

// NewClaims are the claims of attributes that a group does not have yet, which has these.
func NewClaims(want, has map[string][]string) []Clash {
	had := Keys(Claims(has))
	return slices.DeleteFunc(Claims(want), func(c Clash) bool { return had[c.Key()] })
}

// Keys are the keys of clashes.
func Keys(clashes []Clash) map[string]bool {
	keys := map[string]bool{}
	for _, c := range clashes {
		keys[c.Key()] = true
	}
	return keys
}

// WithoutClashes are wanted attributes without what clashes are about. Addresses are left out,
// all of them with the primary one, without which Exchange takes a group for no recipient; an
// alias and a legacyExchangeDN stay as they are observed.
func WithoutClashes(want, observed map[string][]string, clashes []Clash) map[string][]string {
	out, taken := maps.Clone(want), Keys(clashes)
	for name, values := range want {
		if !isClaimed(name) {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return taken[Clash{Attribute: name, Value: v}.Key()] })
		if len(left) == len(values) {
			continue
		}
		if strings.EqualFold(name, ProxyAddresses) && slices.ContainsFunc(values, isPrimary) && !slices.ContainsFunc(left, isPrimary) {
			left = nil
		}
		if len(left) == 0 && !strings.EqualFold(name, MailAttribute) && !strings.EqualFold(name, ProxyAddresses) {
			left = slices.Clone(observed[name])
		}
		if out[name] = left; len(left) == 0 {
			delete(out, name)
		}
	}
	return out
}

// isPrimary says whether a value of proxyAddresses is the primary SMTP address.
func isPrimary(value string) bool { return strings.HasPrefix(value, "SMTP:") }

func isClaimed(name string) bool {
	return slices.ContainsFunc(ClaimedAttributes(), func(c string) bool { return strings.EqualFold(c, name) })
}
