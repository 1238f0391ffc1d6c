package ad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Row is a group as it was read.
type Row struct {
	Group plan.Group
	SID   directory.SID
	USN   int64  // uSNChanged, of the domain controller that was asked
	Fence string // adminDisplayName

	// Trouble says why a group that is there cannot be managed. Group is its content
	// all the same, if the row is whole.
	Trouble *plan.Trouble
}

// Whole says whether Group is all of the group: of one that cannot be read whole, and
// of twins, it has at most ID and GUID.
func (r Row) Whole() bool {
	return r.Trouble == nil || r.Trouble.Case != plan.TroubleTwin && r.Trouble.Case != plan.TroubleUnreadable
}

// Entries in one answer: MaxPageSize is 1,000 (MS-ADTS 3.1.1.3.4.6). Pages with
// members are smaller, since each group may bring 1,500 of them or more.
const (
	pageSize  = 1000
	rowsInOne = 200
)

// Scan calls each for every owned group below Base. It is complete, or it is an
// error: then what each was told is worth nothing. What is odd about one group is that
// row's Trouble: two that stand for the same cloud group are one row, which names both.
//
// It reads twice: first who is owned, so that a member that is an owned group is
// known wherever it stands, then the groups themselves. What comes into being in
// between may be left to the next scan.
func (d *Domain) Scan(ctx context.Context, each func(Row) error) error {
	s := &scanner{Domain: d, each: each, owned: map[plan.GUID]directory.ID{}, names: map[directory.ID]object{}, odd: map[directory.ID]Row{}, contacts: contacts{}}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("scan %s: %w", d.Base, err)
	}
	return nil
}

type scanner struct {
	*Domain
	each     func(Row) error
	owned    map[plan.GUID]directory.ID
	names    map[directory.ID]object
	odd      map[directory.ID]Row // those with a trouble, told of at the end
	accounts map[uint32][]link    // by the RID of their primary group
	contacts contacts             // those that were members so far
}

func (s *scanner) run(ctx context.Context) (err error) {
	if err := s.Domain.owned(ctx, "", pageSize, nil, s.name); err != nil {
		return err
	}
	if s.accounts, err = s.primaries(ctx, unusual); err != nil {
		return err
	}
	left := maps.Clone(s.owned)
	err = s.Domain.owned(ctx, "", rowsInOne, s.Domain.names(), func(o object, id directory.ID, odd error) error {
		delete(left, o.guid)
		o.links[plan.Member] = append(o.links[plan.Member], s.accounts[o.sid.RID()]...)
		return s.tell(ctx, o, id, odd)
	})
	if err == nil {
		err = s.rest(ctx, left)
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.odd), directory.ID.Compare) {
		if err == nil {
			err = s.each(s.odd[id])
		}
	}
	return err
}

// name notes who a group is.
func (s *scanner) name(o object, id directory.ID, odd error) error {
	twin, ok := s.names[id]
	switch {
	case odd != nil:
		s.odd[id] = s.unread(o, id, odd)
	case ok && twin.guid != o.guid:
		s.odd[id] = Row{Group: plan.Group{ID: id}, Trouble: twins(id, twin.dn, o.dn)}
	}
	s.names[id] = object{dn: o.dn, guid: o.guid}
	if o.guid != "" {
		s.owned[o.guid] = id
	}
	return nil
}

// unread is the row of a group that could not be read whole.
func (s *scanner) unread(o object, id directory.ID, odd error) Row {
	return Row{Group: plan.Group{ID: id, GUID: o.guid}, SID: o.sid, Trouble: s.trouble(sighting{o, odd}, id, true)}
}

// tell passes a group on, unless it has been or will be told of in another way.
func (s *scanner) tell(ctx context.Context, o object, id directory.ID, odd error) error {
	known, ok := s.names[id]
	if s.odd[id].Trouble != nil || ok && known.guid != o.guid {
		return nil
	}
	if odd != nil {
		s.odd[id] = s.unread(o, id, odd)
		return nil
	}
	s.names[id] = object{dn: o.dn, guid: o.guid}
	if err := s.lookUp(ctx, o, s.contacts); err != nil {
		return err
	}
	return s.each(s.row(o, id, s.owned, s.contacts))
}

// rest reads the groups that the second reading missed: those that went away,
// and those that a rename took from a page to come to a page that had been.
func (s *scanner) rest(ctx context.Context, left map[plan.GUID]directory.ID) error {
	for _, g := range slices.Sorted(maps.Keys(left)) {
		o, found, err := s.group(ctx, byGUID(g), s.Domain.names())
		o, odd, err := part(o, err)
		if err != nil {
			return err
		}
		if id, ok := s.owner(o); (found || odd != nil) && ok {
			if err := s.tell(ctx, o, id, odd); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read reads the group that stands for a cloud group. It is looked for by its marks in
// the whole domain and at the GUID where it was last, which may be empty. found is
// false only if it is nowhere, or was let go: then nothing there bears our marks or
// a fence. One that is there and cannot be managed has a Trouble.
func (d *Domain) Read(ctx context.Context, id directory.ID, last plan.GUID) (row Row, found bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read group %s: %w", id, err)
		}
	}()
	s, trouble, found, err := d.look(ctx, id, last, d.names())
	if err != nil || !found {
		return Row{}, false, err
	}
	ours, err := d.linked(ctx, s.object)
	people := contacts{}
	if err == nil {
		err = d.lookUp(ctx, s.object, people)
	}
	row = d.row(s.object, id, ours, people)
	row.Trouble = trouble
	if !row.Whole() {
		row.Group = plan.Group{ID: id, GUID: s.guid}
	}
	return row, err == nil, err
}

// linked are the owned groups that a group names: its members by what they are members of,
// since they may be very many, others by their GUIDs.
func (d *Domain) linked(ctx context.Context, o object) (map[plan.GUID]directory.ID, error) {
	ours := map[plan.GUID]directory.ID{}
	find := func(filter string) error {
		return d.owned(ctx, filter, pageSize, nil, func(o object, id directory.ID, _ error) error {
			ours[o.guid] = id
			return nil
		})
	}
	var filters []string
	for l, values := range o.links {
		if l == plan.Member {
			continue
		}
		for _, v := range values {
			f, err := filterGUID(v.guid)
			if err != nil {
				return nil, err
			}
			filters = append(filters, f)
		}
	}
	for some := range slices.Chunk(filters, atOnce) {
		if err := find("(|" + strings.Join(some, "") + ")"); err != nil {
			return nil, err
		}
	}
	if len(o.links[plan.Member]) == 0 {
		return ours, nil
	}
	return ours, find("(memberOf=" + ldap.EscapeFilter(o.dn) + ")")
}

// names are the attributes of a row.
func (d *Domain) names() []string { return append(slices.Clone(d.Attrs), string(plan.Member)) }

// owned calls each for the owned groups that a filter finds; "" finds all. With odd,
// an unreadable, the object is what could be read.
func (d *Domain) owned(ctx context.Context, filter string, page uint32, names []string, each func(o object, id directory.ID, odd error) error) error {
	if err := d.valid(); err != nil {
		return err
	}
	// The filter comes first: Samba begins with the first index, however many it finds there.
	q := query{base: d.Base, scope: ldap.ScopeWholeSubtree, attrs: own(names...), page: page,
		filter: "(&" + filter + "(objectCategory=group)(adminDescription=Group_*)(adminDisplayName=" + ldap.EscapeFilter(plan.FencePrefix(d.Instance)) + "*))"}
	return d.search(ctx, q, func(e *ldap.Entry) error {
		o, err := d.object(ctx, e, names)
		if errors.Is(err, errMoved) {
			var found bool
			if o, found, err = d.group(ctx, byGUID(o.guid), names); err == nil && !found {
				return nil // deleted meanwhile
			}
		}
		o, odd, err := part(o, err)
		if err != nil {
			return err
		}
		if id, ok := d.owner(o); ok {
			return each(o, id, odd)
		}
		return nil
	})
}

// row turns an object into the plan's terms.
func (d *Domain) row(o object, id directory.ID, owned map[plan.GUID]directory.ID, people contacts) Row {
	name, parent, _ := plan.SplitRDN(o.dn)
	var links plan.Links
	for l, values := range o.links {
		links = links.Having(l, refs(values, owned, people))
	}
	return Row{
		Group: plan.Group{ID: id, GUID: o.guid, Parent: parent, Name: name, Attrs: o.attrs, Links: links},
		SID:   o.sid,
		USN:   o.usn,
		Fence: o.fence,
	}
}

// refs names the values of a link. Two contacts with one address are each known by their GUID:
// by that address nobody could say which is meant.
func refs(links []link, owned map[plan.GUID]directory.ID, people contacts) (out []plan.Ref) {
	sharing := map[string]int{}
	for _, l := range links {
		sharing[people[l.guid]]++
	}
	for _, l := range links {
		switch id, ok := owned[l.guid]; {
		case ok:
			out = append(out, plan.GroupRef(id))
		case l.sid != "":
			out = append(out, plan.SIDRef(l.sid))
		case people[l.guid] != "" && sharing[people[l.guid]] == 1:
			out = append(out, plan.MailRef(people[l.guid]))
		default:
			out = append(out, plan.GUIDRef(l.guid))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
