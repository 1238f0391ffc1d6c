package exchange_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/shared/exchange"
)

// FuzzStamp: whatever Graph says of a group, what is written has one primary address, every address once, and no value
// that Active Directory or Exchange has no room for; and what stands there then is wished for again.
func FuzzStamp(f *testing.F) {
	f.Add("sales@corp.example", "sales", "smtp:a@x.example\nSMTP:b@x.example\nX500:/o=a", "3a5c3221-c465-48c0-95b8-e9305786a271", true)
	f.Add("", "..a..", "SMTP:b@corp.mail.onmicrosoft.com\nsmtp:B@corp.mail.onmicrosoft.com\nSPO:x", "", false)
	f.Add("ä@ö", "\xff日", "smtp:\xff@x\nx500:/\x00", "x", false)
	f.Fuzz(func(t *testing.T, mail, nickname, proxies, id string, cloud bool) {
		g := exchange.Group{ID: id, Mail: mail, Nickname: nickname, Proxies: strings.Split(proxies, "\n"), HideFromLists: exchange.True}
		o := expand
		if cloud {
			o.Route = exchange.Cloud
		}
		w := stamp(o).Of(g, exchange.Standing{})
		if w.Attrs == nil {
			if len(w.Notes) != 1 || w.Notes[0].What == "" {
				t.Errorf("there is no mail, and nobody says why: %v", w)
			}
			return
		}
		primaries, seen := 0, map[string]bool{}
		for _, p := range w.Attrs["proxyAddresses"] {
			if strings.HasPrefix(p, "SMTP:") {
				primaries++
			}
			if folded := strings.ToLower(p); seen[folded] {
				t.Errorf("%q is there twice", p)
			} else {
				seen[folded] = true
			}
			if !strings.HasPrefix(p, "SMTP:") && !strings.HasPrefix(p, "smtp:") && !strings.HasPrefix(p, "x500:/") || utf8.RuneCountInString(p) > 1123 {
				t.Errorf("%q is an address", p)
			}
		}
		if primaries != 1 || len(seen) > exchange.MaxAddresses {
			t.Errorf("%d of %d addresses are primary", primaries, len(seen))
		}
		if m := w.Attrs["mail"]; m != nil && w.Attrs["proxyAddresses"][0] != "SMTP:"+m[0] {
			t.Errorf("mail is %q, and the primary address %q", m, w.Attrs["proxyAddresses"][0])
		}
		if alias := w.Attrs["mailNickname"][0]; alias == "" || utf8.RuneCountInString(alias) > 64 || strings.HasPrefix(alias, ".") || strings.HasSuffix(alias, ".") || strings.Contains(alias, "..") || strings.ContainsAny(alias, "@ \"(),:;<>[]\\\x00") {
			t.Errorf("the alias is %q", alias)
		}
		if dn := w.Attrs["legacyExchangeDN"]; utf8.RuneCountInString(strings.Join(dn, "")) > 128 {
			t.Errorf("legacyExchangeDN is %q", dn)
		}
		for name, values := range w.Attrs {
			for _, v := range values {
				if v == "" || !utf8.ValidString(v) {
					t.Errorf("%s has %q", name, v)
				}
			}
		}
		again := exchange.Standing{LegacyDN: strings.Join(w.Attrs["legacyExchangeDN"], ""), Lists: w.Lists}
		g.Nickname = "renamed"
		w.Attrs["mailNickname"] = []string{"renamed"}
		second := stamp(o).Of(g, again)
		if diff := cmp.Diff(w.Attrs, second.Attrs) + cmp.Diff(w.Lists, second.Lists); diff != "" {
			t.Errorf("-first +again, under another alias:\n%s", diff)
		}
	})
}
