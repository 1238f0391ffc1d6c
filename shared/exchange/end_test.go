package exchange_test

import (
	"maps"
	"slices"
	"testing"

	"groupwriteback/shared/exchange"
)

// TestSilence: a group that a stamp gave mail has nothing left that Exchange takes for a recipient, is
// known again by its legacyExchangeDN, and gets all back; one that somebody else gave mail keeps it.
func TestSilence(t *testing.T) {
	g := sales()
	w := stamp(expand).Of(g, exchange.Standing{})
	attrs := maps.Clone(w.Attrs)
	if !exchange.Silence(g.ID, attrs) {
		t.Error("it had mail")
	}
	for _, name := range []string{"mail", "mailNickname", "proxyAddresses", "targetAddress", "msExchRecipientDisplayType", "msExchRecipientTypeDetails"} {
		if v, is := attrs[name]; is {
			t.Errorf("%s is left: %q", name, v)
		}
	}
	if !slices.Equal(attrs["msExchHideFromAddressLists"], []string{"TRUE"}) || !slices.Equal(attrs["legacyExchangeDN"], w.Attrs["legacyExchangeDN"]) || !slices.Equal(attrs["reportToOriginator"], []string{"TRUE"}) {
		t.Errorf("left: %q", attrs)
	}
	if exchange.Silence(g.ID, attrs) {
		t.Error("a second time it has no mail")
	}
	again := stamp(expand).Of(g, exchange.Standing{LegacyDN: attrs["legacyExchangeDN"][0]})
	if !maps.EqualFunc(again.Attrs, w.Attrs, slices.Equal) {
		t.Errorf("back it is %q, was %q", again.Attrs, w.Attrs)
	}

	theirs := map[string][]string{"mail": {"a@corp.example"}, "legacyExchangeDN": {"/o=Corp/ou=x/cn=Recipients/cn=0123456789abcdef0123456789abcdef-sales"}}
	if exchange.Silence(g.ID, theirs) || len(theirs["mail"]) == 0 {
		t.Errorf("of another hand: %q", theirs)
	}
	without := map[string][]string{"mail": {"a@corp.example"}}
	if !exchange.Silence(g.ID, without) || len(without) != 0 {
		t.Errorf("without a legacyExchangeDN: %q", without)
	}
}
