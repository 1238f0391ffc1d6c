package ad

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// Grounds is a digest of what decides whether the server refuses a change: the
// rights on Base, the groups that the account is in, the forest's domains, the
// schema's mark, Exchange's own groups. Where it has changed, what was refused is worth
// another try. It is two searches.
func (d *Domain) Grounds(ctx context.Context) (string, error) {
	h := sha256.New()
	for _, q := range []query{
		{attrs: []string{"tokenGroups"}},
		{base: d.Base, attrs: []string{"allowedAttributesEffective", "allowedChildClassesEffective", "nTSecurityDescriptor"}, dacl: true},
	} {
		e, err := d.must(ctx, q)
		if err != nil {
			return "", fmt.Errorf("read grounds of refusals at %s: %w", q.base, err)
		}
		for _, name := range q.attrs {
			fmt.Fprintf(h, "%s %q\n", name, sortedRaw(e, name))
		}
	}
	fmt.Fprintf(h, "%q %v %q\n", d.Identity.Domains, d.Identity.External, d.Identity.Protected)
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// sortedRaw are the values of an attribute, in an order that is always the same.
func sortedRaw(e *ldap.Entry, name string) []string {
	var out []string
	for _, v := range e.GetEqualFoldRawAttributeValues(name) {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return out
}
