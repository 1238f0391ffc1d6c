package ad

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// A contact has no SID. It is known by its address: see address. Contacts of other domains of
// the forest, and what else has no SID, are known by their GUIDs alone.

// contacts are addresses by GUID; "" of what was looked up and is no contact with an address.
type contacts map[plan.GUID]string

// address is the one by which a contact is known, in the form of directory.Address: its mail
// or, if that is none, its primary one for Exchange. It is not known by another of its
// addresses: the two ends would know it by two.
func address(e *ldap.Entry) string {
	if a := directory.Address(e.GetEqualFoldAttributeValue("mail")); a != "" {
		return a
	}
	for _, v := range e.GetEqualFoldAttributeValues("proxyAddresses") {
		if primary, is := strings.CutPrefix(v, "SMTP:"); is {
			return directory.Address(primary)
		}
	}
	return ""
}

// addresses are all that a contact has, each once.
func addresses(e *ldap.Entry) []string {
	all := []string{directory.Address(e.GetEqualFoldAttributeValue("mail"))}
	for _, v := range e.GetEqualFoldAttributeValues("proxyAddresses") {
		if kind, a, is := strings.Cut(v, ":"); is && strings.EqualFold(kind, "smtp") {
			all = append(all, directory.Address(a))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lookUp adds the addresses of the contacts that a group names to those that are known: one
// search for all that nobody has looked up yet.
func (d *Domain) lookUp(ctx context.Context, o object, known contacts) error {
	var filters []string
	for _, links := range o.links {
		for _, l := range links {
			if _, is := known[l.guid]; is || l.sid != "" {
				continue
			}
			f, err := filterGUID(l.guid)
			if err != nil {
				return err
			}
			filters = append(filters, f)
			known[l.guid] = ""
		}
	}
	return d.eachContact(ctx, filters, func(l link, e *ldap.Entry) { known[l.guid] = address(e) })
}

// eachContact calls each for every contact of the domain that one of some filters finds.
func (d *Domain) eachContact(ctx context.Context, filters []string, each func(l link, e *ldap.Entry)) error {
	for some := range slices.Chunk(filters, atOnce) {
		q := query{base: d.Identity.NC, scope: ldap.ScopeWholeSubtree, page: pageSize, attrs: []string{"mail", "proxyAddresses"},
			filter: "(&(|" + strings.Join(some, "") + ")(objectClass=contact))"}
		err := d.search(ctx, q, func(e *ldap.Entry) error {
			l, err := parseLink(e.DN)
			if err == nil {
				each(l, e)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("look for contacts: %w", err)
		}
	}
	return nil
}

// A sought is an address, and the contacts that have it.
type sought struct {
	known  []link // by it
	beside string // DN of one that is known by another
	by     string // which
}

// contacts finds the contacts that some refs name.
func (w *writer) contacts(ctx context.Context, refs []plan.Ref) (map[plan.Ref]*sought, error) {
	found := map[plan.Ref]*sought{}
	var filters []string
	for _, r := range refs {
		if a, is := r.Mail(); is && a != "" && directory.Address(a) == a {
			found[r] = &sought{}
			filters = append(filters, "(mail="+ldap.EscapeFilter(a)+")", "(proxyAddresses=smtp:"+ldap.EscapeFilter(a)+")")
		}
	}
	seen := map[plan.GUID]bool{}
	err := w.eachContact(ctx, filters, func(l link, e *ldap.Entry) {
		if seen[l.guid] { // found before, by another of its addresses
			return
		}
		seen[l.guid] = true
		by := address(e)
		for _, a := range addresses(e) {
			switch s := found[plan.MailRef(a)]; {
			case s == nil:
			case a == by:
				s.known = append(s.known, l)
			default:
				s.beside, s.by = l.dn, by
			}
		}
	})
	return found, err
}

// one is the only contact with the address of a ref, or why there is none.
func (s *sought) one(address string) (contact link, fault string) {
	switch {
	case len(s.known) == 1:
		return s.known[0], ""
	case len(s.known) > 1:
		return link{}, fmt.Sprintf("%s and %s have the address %s, and nobody can say which of them is meant: take it from one of them", s.known[0].dn, s.known[1].dn, address)
	case s.beside != "":
		return link{}, fmt.Sprintf("%s has the address %s beside %s, by which it is known: make it its mail, or correct it in Entra ID", s.beside, address, s.by)
	}
	return link{}, fmt.Sprintf("no contact of the domain has the address %s as its mail: make one, or correct it", address)
}
