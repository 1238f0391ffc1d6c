package ad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/plan"
)

// unclaimed refuses to give a group what somebody else in the forest has: an address, an
// alias, a legacyExchangeDN. What the group o has itself is its own, whoever else has it.
// A change without such values costs no search. Between this and the write somebody may
// take one yet: Active Directory knows nothing of it.
func (w *writer) unclaimed(ctx context.Context, o object) error {
	claims := plan.NewClaims(w.change.Set, o.attrs)
	if len(claims) == 0 {
		return nil
	}
	if err := w.outranks(o); err != nil {
		return err
	}
	clashes, err := w.clashes(ctx, claims, o.guid)
	if err != nil {
		return w.refuse("look for who else has the group's addresses", err)
	}
	if len(clashes) > 0 {
		return refusal{clashes: clashes, text: clashText(clashes)}
	}
	return nil
}

// mostClashes is how many clashes a text names.
const mostClashes = 5

func clashText(clashes []plan.Clash) string {
	var who []string
	for _, c := range clashes[:min(len(clashes), mostClashes)] {
		who = append(who, fmt.Sprintf("%s %s is that of %s", c.Attribute, c.Value, c.By))
	}
	if more := len(clashes) - len(who); more > 0 {
		who = append(who, fmt.Sprintf("and %d more", more))
	}
	return "nothing was written, because others have what the group is to have: " + strings.Join(who, "; ") + ": take it from them, or from the group in Entra ID"
}

// clashes are those of claims that another object has than the group.
func (w *writer) clashes(ctx context.Context, claims []plan.Clash, group plan.GUID) (found []plan.Clash, err error) {
	by := map[string]link{}                            // by what was claimed
	for some := range slices.Chunk(claims, atOnce/2) { // a claim is up to two alternatives
		q := query{filter: filterClaims(some...), attrs: plan.ClaimedAttributes(), page: pageSize}
		err := w.searchForest(ctx, q, func(in *Domain, e *ldap.Entry) error {
			l, err := parseLink(e.DN)
			if err != nil || l.guid == group {
				return err
			}
			keys, err := meant(ctx, in, e, some)
			for key := range keys {
				if first, ok := by[key]; !ok || l.dn < first.dn {
					by[key] = l
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	ours := map[plan.GUID]bool{}
	for _, c := range claims {
		l, clashes := by[c.Key()]
		if !clashes {
			continue
		}
		if _, known := ours[l.guid]; !known {
			if ours[l.guid], err = w.isOurs(ctx, l); err != nil {
				return nil, err
			}
		}
		c.By, c.Ours = l.dn, ours[l.guid]
		found = append(found, c)
	}
	return found, nil
}

// meant are the keys of those claims for which the server found an entry. It compares more
// loosely than letter by letter: where no value of the entry is one of the claims, it is asked
// which of them it meant.
func meant(ctx context.Context, in *Domain, e *ldap.Entry, claims []plan.Clash) (keys map[string]bool, err error) {
	attrs := map[string][]string{}
	for _, name := range plan.ClaimedAttributes() {
		attrs[name] = e.GetEqualFoldAttributeValues(name)
	}
	has := plan.Keys(plan.Claims(attrs))
	keys = map[string]bool{}
	for _, c := range claims {
		if has[c.Key()] {
			keys[c.Key()] = true
		}
	}
	for _, c := range claims {
		if len(keys) > 0 {
			break
		}
		_, found, err := in.entry(ctx, query{base: plainDN(e.DN), filter: filterClaims(c), attrs: []string{"1.1"}})
		if err != nil {
			return nil, err
		}
		if found {
			keys[c.Key()] = true
		}
	}
	return keys, nil
}

// filterClaims finds whoever has one of some claims: all by attributes that Active Directory
// has an index of.
func filterClaims(claims ...plan.Clash) string {
	var f strings.Builder
	is := func(name, value string) { fmt.Fprintf(&f, "(%s=%s)", name, ldap.EscapeFilter(value)) }
	for _, c := range claims {
		kind, value, _ := strings.Cut(c.Key(), ":")
		switch {
		case c.Attribute == plan.MailNickname:
			is(plan.MailNickname, c.Value)
			continue
		case kind == "smtp":
			is(plan.MailAttribute, value)
		case kind == "x500":
			is(plan.LegacyExchangeDN, value)
		}
		is(plan.ProxyAddresses, c.Key())
	}
	return "(|" + f.String() + ")"
}

// isOurs says whether an object is a group of this installation.
func (w *writer) isOurs(ctx context.Context, l link) (bool, error) {
	if !plan.Below(l.dn, w.Base) {
		return false, nil
	}
	o, found, err := w.any(ctx, query{base: byGUID(l.guid)})
	return found && installation(o.fence) == w.Instance && !w.letGo(o), err
}
