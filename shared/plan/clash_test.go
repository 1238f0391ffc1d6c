package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groupwriteback/shared/plan"
)

// TestClaims: each thing that nobody else may have is claimed once, in whichever attribute and
// letters it stands; what may be another's too is not.
func TestClaims(t *testing.T) {
	type attrs = map[string][]string
	claim := func(name, value string) plan.Clash { return plan.Clash{Attribute: name, Value: value} }
	for name, test := range map[string]struct {
		want, has attrs
		claims    []plan.Clash
	}{
		"nothing": {attrs{"displayName": {"a"}, "targetAddress": {"SMTP:a@b"}, "mail": {""}, "proxyAddresses": nil}, nil, nil},
		"one address, twice": {attrs{"mail": {"A@b"}, "proxyAddresses": {"SMTP:a@b", "smtp:A@B", "smtp:c@b"}}, nil,
			[]plan.Clash{claim("proxyAddresses", "SMTP:a@b"), claim("proxyAddresses", "smtp:c@b")}},
		"mail alone": {attrs{"Mail": {"a@b"}}, nil, []plan.Clash{claim("mail", "a@b")}},
		"all that there is": {attrs{"mailNickname": {"a"}, "legacyExchangeDN": {"/o=x/cn=a"}, "mail": {"a@b"}, "proxyAddresses": {"sip:a@b"}}, nil,
			[]plan.Clash{claim("proxyAddresses", "sip:a@b"), claim("mail", "a@b"), claim("legacyExchangeDN", "/o=x/cn=a"), claim("mailNickname", "a")}},
		"a legacyExchangeDN that is an address": {attrs{"legacyExchangeDN": {"/O=x"}, "proxyAddresses": {"X500:/o=X"}}, nil, []plan.Clash{claim("proxyAddresses", "X500:/o=X")}},
		"an alias is no address":                {attrs{"mailNickname": {"a@b"}, "mail": {"a@b"}}, nil, []plan.Clash{claim("mail", "a@b"), claim("mailNickname", "a@b")}},
		"had": {attrs{"mail": {"a@b"}, "proxyAddresses": {"SMTP:a@b", "smtp:c@b"}, "mailNickname": {"A"}, "legacyExchangeDN": {"/o=x"}},
			attrs{"proxyAddresses": {"smtp:A@b", "x500:/O=X"}, "mailNickname": {"a"}}, []plan.Clash{claim("proxyAddresses", "smtp:c@b")}},
		"had as mail": {attrs{"proxyAddresses": {"SMTP:a@b"}}, attrs{"mail": {"A@B"}}, nil},
	} {
		if diff := cmp.Diff(test.claims, plan.NewClaims(test.want, test.has), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestWithoutClashes: what others have is left out, in whichever attribute it stands, and
// nothing else; what a recipient cannot do without stays as it is.
func TestWithoutClashes(t *testing.T) {
	type attrs = map[string][]string
	taken := []plan.Clash{{Attribute: "proxyAddresses", Value: "smtp:a@b"}, {Attribute: "mailNickname", Value: "a"}, {Attribute: "legacyExchangeDN", Value: "/o=x"}}
	for name, test := range map[string]struct{ want, observed, left attrs }{
		"nothing of it":                      {attrs{"mail": {"c@b"}, "displayName": {"a"}, "mailNickname": {"c"}}, nil, attrs{"mail": {"c@b"}, "displayName": {"a"}, "mailNickname": {"c"}}},
		"an address of several, and as mail": {attrs{"mail": {"A@b"}, "proxyAddresses": {"SMTP:d@b", "smtp:A@B", "smtp:c@b"}}, attrs{"mail": {"old@b"}}, attrs{"proxyAddresses": {"SMTP:d@b", "smtp:c@b"}}},
		"the primary one of several":         {attrs{"proxyAddresses": {"SMTP:A@B", "smtp:c@b"}}, attrs{"proxyAddresses": {"SMTP:old@b"}}, attrs{}},
		"one of several without a primary":   {attrs{"proxyAddresses": {"smtp:A@B", "smtp:c@b"}}, nil, attrs{"proxyAddresses": {"smtp:c@b"}}},
		"the only one":                       {attrs{"proxyAddresses": {"smtp:a@b"}}, attrs{"proxyAddresses": {"smtp:old@b"}}, attrs{}},
		"an alias and a legacyExchangeDN":    {attrs{"mailNickname": {"A"}, "legacyExchangeDN": {"/O=x"}}, attrs{"mailNickname": {"old"}}, attrs{"mailNickname": {"old"}}},
		"the same text in other attributes":  {attrs{"description": {"smtp:a@b", "a"}, "displayName": {"/o=x"}}, nil, attrs{"description": {"smtp:a@b", "a"}, "displayName": {"/o=x"}}},
	} {
		before := plan.Group{Attrs: test.want}.Clone().Attrs
		if diff := cmp.Diff(test.left, plan.WithoutClashes(test.want, test.observed, taken)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(before, test.want); diff != "" {
			t.Errorf("%s: the wish itself was changed:\n%s", name, diff)
		}
	}
}
