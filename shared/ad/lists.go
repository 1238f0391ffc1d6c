package ad

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// lists names the address lists to put a group into, and rejects what is none: the attribute takes any object.
func (w *writer) lists(ctx context.Context) (out []value, err error) {
	wanted := map[plan.GUID]plan.Ref{}
	var filters []string
	for _, r := range w.change.Add {
		g, ok := r.GUID()
		f, err := filterGUID(g)
		if !ok || err != nil {
			w.reject(r, 0, "it is no address list: only those are written to showInAddressBook")
			continue
		}
		wanted[g] = r
		filters = append(filters, f)
	}
	root, err := w.must(ctx, query{attrs: []string{"configurationNamingContext"}})
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(filters, atOnce) {
		q := query{base: exchangeService(plainDN(root.GetAttributeValue("configurationNamingContext"))), scope: ldap.ScopeWholeSubtree, page: pageSize, attrs: []string{"cn"},
			filter: "(&(|" + strings.Join(some, "") + ")(objectClass=addressBookContainer))"}
		err := w.search(ctx, q, func(e *ldap.Entry) error {
			l, err := parseLink(e.DN)
			if r, is := wanted[l.guid]; err == nil && is {
				out = append(out, value{r, string(l.guid), byGUID(l.guid)})
				delete(wanted, l.guid)
			}
			return err
		})
		if err != nil && code(err) != ldap.LDAPResultNoSuchObject {
			return nil, err
		}
	}
	for _, r := range w.change.Add {
		if g, _ := r.GUID(); wanted[g] == r {
			w.reject(r, ldap.LDAPResultNoSuchObject, "there is no such address list in Exchange's configuration, or the account does not see it")
		}
	}
	return out, nil
}
