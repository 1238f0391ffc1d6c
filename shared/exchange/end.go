package exchange

import "strings"

// Stamped says whether a legacyExchangeDN is one that a stamp made for the group with this object id.
func Stamped(id, legacyDN string) bool {
	hex := hexOf(id)
	return len(hex) >= leastHex && strings.Contains(strings.ToLower(legacyDN), "/cn=recipients/cn="+hex[:leastHex])
}

// recipient are the attributes by which Exchange knows a group and its mail.
var recipient = []string{"mail", "mailNickname", "proxyAddresses", "targetAddress", "msExchRecipientDisplayType", "msExchRecipientTypeDetails"}

// Silence has a group take no mail and be in no address list: it takes away what Exchange knows a recipient by, as its
// own Disable-DistributionGroup does, and frees the addresses. legacyExchangeDN stays: with it the group is the
// same one to Outlook when it is back. attrs are changed; a group that somebody else gave mail to, by
// another legacyExchangeDN, is left as it is. It says whether the group had mail to take.
func Silence(id string, attrs map[string][]string) bool {
	if legacy := strings.Join(attrs["legacyExchangeDN"], ""); legacy != "" && !Stamped(id, legacy) {
		return false
	}
	had := false
	for _, name := range recipient {
		had = had || len(attrs[name]) > 0
		delete(attrs, name)
	}
	if _, is := attrs[hideFrom]; is && had { // else nobody may have asked for it to be read
		attrs[hideFrom] = []string{"TRUE"}
	}
	return had
}
