package ad

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-ldap/ldap/v3"
)

// primaries lists the accounts of the domain that a filter on primaryGroupID finds, by
// that RID. An account is in its primary group, always one of its own domain, without a
// value of member (the page of primaryGroupToken in Active Directory's schema). Who did
// not look there would take a leaver for gone who has all access still.
func (d *Domain) primaries(ctx context.Context, filter string) (map[uint32][]link, error) {
	found := map[uint32][]link{}
	q := query{base: d.Identity.NC, scope: ldap.ScopeWholeSubtree, filter: filter, attrs: []string{"primaryGroupID"}, page: pageSize}
	err := d.search(ctx, q, func(e *ldap.Entry) error {
		l, err := parseLink(e.DN)
		if err != nil {
			return err
		}
		rid, err := strconv.ParseUint(e.GetEqualFoldAttributeValue("primaryGroupID"), 10, 32)
		if err != nil {
			return fmt.Errorf("read primaryGroupID of %s: %w", l.dn, err)
		}
		l.primary = true
		found[uint32(rid)] = append(found[uint32(rid)], l)
		return nil
	})
	return found, err
}

// unusual finds the accounts whose primary group may be ours. Those of Windows itself,
// such as Domain Users, in which nearly all accounts are, have RIDs below 1000. It is
// one search for a whole scan, over a part of an index that is mostly empty; a search
// for each group would be thousands.
const unusual = "(primaryGroupID>=1000)"
