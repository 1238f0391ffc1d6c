package exchange

import (
	"slices"
	"strings"
)

// ShowIn is the attribute that says which address lists an object is in.
const ShowIn = "showInAddressBook"

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

// of are the address lists that a group belongs into, as GUIDs, sorted and never nil: all whose filter is
// true of it; if it is hidden, the system's own alone. Of a list that nobody can judge the group is what it
// has been, in it or not; so it is of other lists while it is not known whether it is hidden, and
// of names in the attribute that are no list here.
func (b book) of(hidden Flag, standing []string, attrs func(string) ([]string, bool)) (guids []string, notes []Note) {
	in := map[string]bool{} // as it is to be
	for _, guid := range standing {
		in[guid] = true
	}
	for _, p := range b {
		belongs, judged := p.judge(hidden, attrs)
		if p.isDoubtful(hidden, judged) {
			notes = append(notes, Note{ShowIn, "whether the group belongs into " + p.DN + " cannot be told: " + p.reason()})
		}
		if judged && p.GUID != "" {
			in[p.GUID] = belongs
		}
	}
	guids = []string{}
	for guid, belongs := range in {
		if belongs {
			guids = append(guids, guid)
		}
	}
	slices.Sort(guids)
	return guids, notes
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
