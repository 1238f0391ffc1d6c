package exchange

import (
	"slices"
	"strings"
)

// showIn is the attribute that says which address lists an object is in.
const showIn = "showInAddressBook"

// book are address lists with their filters read.
type book []page

// A page is an address list.
type page struct {
	AddressList
	filter *Filter // nil: it has none, or nobody can read it
	fault  string
}

// newBook is never nil.
func newBook(lists []AddressList) book {
	out := make(book, len(lists))
	for i, l := range lists {
		out[i].AddressList = l
		if l.Filter == "" {
			continue
		}
		f, err := ParseFilter(l.Filter)
		if out[i].filter = f; err != nil {
			out[i].fault = err.Error()
		}
	}
	return out
}

// of are the address lists that a group belongs into, as DNs, sorted and never nil: all whose filter is
// true of it; if it is hidden, the system's own alone. Of a list that nobody can judge the group is what it
// has been, in it or not; so it is of other lists while it is not known whether it is hidden, and
// of names in the attribute that are no list here.
func (b book) of(hidden Flag, standing []string, attrs func(string) ([]string, bool)) (dns []string, notes []Note) {
	has := map[string]bool{}
	for _, dn := range standing {
		has[strings.ToLower(dn)] = true
	}
	dns = []string{}
	listed := map[string]bool{}
	for _, p := range b {
		folded := strings.ToLower(p.DN)
		in, judged := p.judge(hidden, attrs)
		if p.isDoubtful(hidden, judged) {
			notes = append(notes, Note{showIn, "whether the group belongs into " + p.DN + " cannot be told: " + p.reason()})
		}
		if !judged {
			in = has[folded]
		}
		if in && !listed[folded] {
			dns = append(dns, p.DN)
		}
		listed[folded] = true
	}
	for _, dn := range standing {
		if folded := strings.ToLower(dn); !listed[folded] {
			dns = append(dns, dn)
			listed[folded] = true
		}
	}
	slices.Sort(dns)
	return dns, notes
}

// judge says whether a group belongs into the list, and whether that can be told.
func (p *page) judge(hidden Flag, attrs func(string) ([]string, bool)) (in, judged bool) {
	switch {
	case !p.System && hidden == True:
		return false, true
	case !p.System && hidden != False, p.fault != "":
		return false, false
	case p.filter == nil:
		return true, p.System && p.forAllGroups()
	}
	return p.filter.Matches(attrs)
}

// forAllGroups says whether the list is one of the two that a distribution list is in even if it is
// hidden, as public dumps of such have them. It is not known whether they have a filter.
func (p *page) forAllGroups() bool {
	cn, _, _ := strings.Cut(strings.ToLower(p.DN), ",")
	return cn == "cn=all groups(vlv)" || cn == "cn=all recipients(vlv)"
}

// isDoubtful says whether a person should know that the list was not judged: not while it is only a flag
// that is not read yet, and not where there is nothing to judge by.
func (p *page) isDoubtful(hidden Flag, judged bool) bool {
	return !judged && p.Filter != "" && (p.System || hidden == False)
}

func (p *page) reason() string {
	if p.fault != "" {
		return p.fault
	}
	return "its filter asks for something that is not known here of a group"
}
