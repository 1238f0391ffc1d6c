package plan

import (
	"maps"
	"slices"
	"strings"
)

// Link is an attribute of a group whose values are objects, by its name in Active Directory:
// members, those who manage the group, and address lists. What it names are refs; a DN, which changes when
// somebody renames the object, is never among a group's texts.
type Link string

// The links that a plan writes.
const (
	Member     Link = "member"
	ManagedBy  Link = "managedBy"
	CoManagers Link = "msExchCoManagedByLink" // of Exchange: more of those who manage the group
	ShownIn    Link = "showInAddressBook"     // of Exchange: the address lists that the group is in
)

// trait is what sets a link apart.
type trait struct {
	link   Link
	single bool // it has one value at most
	grants bool // whoever it names is a member, and has what is given to the group
	lists  bool // it names address lists, and nobody
}

// traits are all links, in the order in which a plan goes through them. Guards, evidence and
// limits are about links that grant.
var traits = [...]trait{
	{link: Member, grants: true},
	{link: ManagedBy, single: true},
	{link: CoManagers},
	{link: ShownIn, lists: true},
}

// AllLinks lists all links that there are.
func AllLinks() []Link {
	all := make([]Link, len(traits))
	for i, t := range traits {
		all[i] = t.link
	}
	return all
}

// LinkOf is the link of an attribute's name, in any case of its letters.
func LinkOf(attribute string) (l Link, ok bool) {
	for _, t := range traits {
		if strings.EqualFold(string(t.link), attribute) {
			return t.link, true
		}
	}
	return "", false
}

// Single says whether a link has one value at most: the old one goes before a new one comes.
func (l Link) Single() bool { return l.trait().single }

// Grants says whether a link makes members.
func (l Link) Grants() bool { return l.trait().grants }

// NamesLists says whether what a link names are address lists, and no accounts or groups.
func (l Link) NamesLists() bool { return l.trait().lists }

func (l Link) trait() trait {
	for _, t := range traits {
		if t.link == l {
			return t
		}
	}
	return trait{}
}

// Links are the objects that a group names, each list sorted and unique. In a wish a link that
// is absent is one that the rules do not speak of, and is left alone; one that is there and
// empty shall have no values. Members are always spoken of: no list of them is an empty one.
// An observed group has no empty lists.
type Links map[Link][]Ref

// Members are the links of a group that has members alone.
func Members(refs ...Ref) Links { return Links(nil).With(Member, refs) }

// With is the links with these refs in one of them, be there none.
func (l Links) With(link Link, refs []Ref) Links {
	if len(refs) == 0 && link == Member {
		return l.Having(link, nil)
	}
	out := maps.Clone(l)
	if out == nil {
		out = Links{}
	}
	out[link] = refs
	return out
}

// Having is the links of an observed group with these refs in one of them: none is empty.
func (l Links) Having(link Link, refs []Ref) Links {
	if len(refs) > 0 {
		return l.With(link, refs)
	}
	out := maps.Clone(l)
	delete(out, link)
	if len(out) == 0 {
		return nil
	}
	return out
}

// Clone returns a copy that shares nothing with l.
func (l Links) Clone() Links {
	out := maps.Clone(l)
	for k, refs := range out {
		out[k] = slices.Clone(refs)
	}
	return out
}

// others are the links that have values, but for members; nil: there are none.
func (l Links) others() Links {
	out := maps.Clone(l)
	maps.DeleteFunc(out, func(k Link, refs []Ref) bool { return k == Member || len(refs) == 0 })
	if len(out) == 0 {
		return nil
	}
	return out
}
