package exchange

import (
	"slices"
	"strings"
)

// Route is how mail reaches a group. Nobody makes the choice by accident: there is no default.
type Route string

// The routes.
const (
	Expand Route = "expand" // Exchange delivers to the members in Active Directory: those who are in the cloud alone get nothing
	Cloud  Route = "cloud"  // Exchange sends it to the group in the cloud. Not verified against Exchange
)

// Flag is a property of a group that only GET /groups/{id} of Graph gives: "true" or "false" as in
// directory.Properties. The zero value was not read yet, or cannot be: that is not false.
type Flag string

// The flags that were read.
const (
	True  Flag = "true"
	False Flag = "false"
)

// Group is what Graph says of a group, as far as its mail goes.
type Group struct {
	ID       string   // its object id
	Mail     string   // mail
	Nickname string   // mailNickname
	Proxies  []string // proxyAddresses
	Security bool     // in Active Directory its members have what is given to it

	HideFromLists   Flag // hideFromAddressLists
	HideFromOutlook Flag // hideFromOutlookClients: hides from address lists too (Set-UnifiedGroup)
	AllowExternal   Flag // allowExternalSenders
}

// Hidden says whether address lists leave the group out: either flag does.
func (g Group) Hidden() Flag {
	switch flags := []Flag{g.HideFromLists, g.HideFromOutlook}; {
	case slices.Contains(flags, True):
		return True
	case slices.Equal(flags, []Flag{False, False}):
		return False
	}
	return ""
}

// Standing is what stands, or is going to stand, in a group's other attributes in Active Directory.
type Standing struct {
	LegacyDN string              // legacyExchangeDN; empty: it has none yet
	Lists    []string            // showInAddressBook, GUIDs of lists
	Attrs    map[string][]string // what filters of address lists may ask for; no values: the group has none. What is not in it is not known
}

// Wish is what the attributes of a group with mail should have.
type Wish struct {
	// Attrs are the values by attribute. No values: the attribute should have none. An attribute that
	// is not in it is one that nothing is said of: what stands there stays.
	Attrs map[string][]string
	Lists []string       // showInAddressBook: GUIDs of lists, sorted; nil: nothing is said of it
	Rows  map[string]Row // where each of them has its values from, with showInAddressBook
	Notes []Note
}

// Options are what people decide about mail.
type Options struct {
	Route    Route
	LeaveOut []string // attributes that nothing is said of, in any letters
}

// Attributes are those that a stamp speaks of, showInAddressBook among them, sorted.
func (o Options) Attributes() (names []string) {
	for _, r := range o.rows() {
		names = append(names, r.Attribute)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (o Options) rows() []Row {
	return slices.DeleteFunc(rows(), func(r Row) bool {
		return slices.ContainsFunc(o.LeaveOut, func(a string) bool { return strings.EqualFold(a, r.Attribute) })
	})
}

// Stamp gives groups of a site the attributes that Exchange wants. It is made once for many
// groups, and is not changed by them.
type Stamp struct {
	site       Site
	route      Route
	attributes []string
	rows       []Row
	book       book // nil: nothing is said of address lists
	lacks      []Lack
}

// NewStamp reads the filters of a site's address lists.
func NewStamp(site Site, options Options) *Stamp {
	s := &Stamp{site: site, route: options.Route, attributes: options.Attributes(), rows: options.rows()}
	s.lacks = slices.DeleteFunc(site.lacks(s.attributes), func(l Lack) bool { return l.What == LackRelease })
	if slices.Contains(s.attributes, ShowIn) {
		s.book = newBook(site.Lists)
	}
	return s
}

// Attributes are those that the stamp speaks of, as Options.Attributes.
func (s *Stamp) Attributes() []string { return s.attributes }

// Lacks lists what the site misses of what groups with mail need: while there is anything, nobody is
// given mail.
func (s *Stamp) Lacks() []Lack { return s.lacks }

// Of is what a group should have. Without an address, or without a way that its mail is to take, nothing
// is said of any attribute, and the note tells why: a group that Exchange knows by half is refused as
// a recipient, or loses mail.
func (s *Stamp) Of(g Group, standing Standing) Wish {
	l, fault := s.letter(g, standing)
	if fault != nil {
		return Wish{Notes: []Note{*fault}}
	}
	w := Wish{Attrs: map[string][]string{}, Rows: map[string]Row{}, Notes: l.notes}
	for _, r := range s.rows {
		if !r.when(l) {
			continue
		}
		w.Rows[r.Attribute] = r
		if r.values != nil {
			w.Attrs[r.Attribute] = r.values(l)
		}
	}
	if s.book != nil {
		var notes []Note
		w.Lists, notes = s.book.of(g.Hidden(), standing.Lists, w.seen(standing.Attrs))
		w.Notes = append(w.Notes, notes...)
	}
	return w
}

// seen are the attributes as a filter sees them when the wish has come true.
func (w Wish) seen(others map[string][]string) func(string) ([]string, bool) {
	all := map[string][]string{}
	for _, from := range []map[string][]string{others, w.Attrs} {
		for name, values := range from {
			all[strings.ToLower(name)] = values
		}
	}
	return func(name string) ([]string, bool) {
		values, known := all[name]
		return values, known
	}
}

// A letter is all that the rows of the table make values of.
type letter struct {
	group    Group
	route    Route
	primary  string
	proxies  []string // as they are written
	routing  string
	alias    string
	legacyDN string // empty: none can be made
	notes    []Note
}

// letter reads a group. A fault is why it has no mail.
func (s *Stamp) letter(g Group, standing Standing) (*letter, *Note) {
	l := &letter{group: g, route: s.route, primary: g.primary(), legacyDN: standing.LegacyDN}
	if l.primary == "" {
		return nil, &Note{What: "the group has no e-mail address of its own: it is written without mail"}
	}
	if fault := smtpFault(l.primary); fault != "" {
		return nil, &Note{What: "the group's own address " + quoted(l.primary) + " cannot be written: " + fault + "; it is written without mail"}
	}
	if l.route != Expand && l.route != Cloud {
		return nil, &Note{What: "nobody has said how mail reaches the group: it is written without mail; choose the route expand or cloud"}
	}
	var notes []Note
	l.proxies, l.notes = g.addresses(l.primary)
	if l.routing = routing(l.proxies); l.route == Cloud && l.routing == "" {
		return nil, &Note{"targetAddress", "the group has no address in the tenant's own domain (onmicrosoft.com), by which its mail would get there: it is written without mail; give it one, or choose the route expand"}
	}
	l.alias, notes = g.alias(l.primary)
	l.notes = append(l.notes, notes...)
	if len([]rune(l.primary)) > maxMail {
		l.notes = append(l.notes, Note{"mail", "the address has more characters than the attribute takes: it stands in proxyAddresses alone"})
	}
	if l.legacyDN == "" {
		l.legacyDN = legacyDN(s.site.LegacyDN, g.ID, l.alias)
	}
	if l.legacyDN == "" {
		l.notes = append(l.notes, Note{"legacyExchangeDN", "there is none that the group could have: the administrative group's is not known, or leaves no room for an object id"})
	}
	return l, nil
}
