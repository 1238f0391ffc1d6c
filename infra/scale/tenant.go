// Package scale is a tenant of any size and an agent to go with it, both computed
// rather than stored: what a process takes in memory is the planner's. With them it is
// measured how the cost of each kind of turn grows, and held to bounds.
//
// It is equipment: nothing of the product may import it. `make bench BENCH=Scale` plays
// each phase in a process of its own.
package scale

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/shared/directory"
)

// The directory that the tenant's groups are written into.
const (
	domainSID = "S-1-5-21-1004336348-1177238915-682003330"
	ou        = "OU=Cloud Groups,DC=corp,DC=test"
)

// Tenant is Microsoft Graph for a tenant that is computed: it is a cycle.Source.
type Tenant struct {
	Users  uint32   // a prime, so that every stride visits all
	Sizes  []uint32 // of each group, at first
	Events []Event  // what happens later
	Passed int      // so many of Events have happened

	items []item // of an enumeration of the groups
	pages []int  // the first item of each page; one more at the end
}

// Event is something that happens to groups.
type Event struct {
	Groups []uint32 // in order
	Join   bool     // one more user joins each of them
	Keep   uint32   // otherwise: of the members every so manyth stays; 0: none, unless
	Lose   uint32   // every so manyth goes
}

// item is a part of a group's members, as one item of a page brings it.
type item struct{ group, from uint32 }

// How much a page of Graph brings.
const (
	usersInPage   = 200
	itemsInPage   = 100
	membersInItem = 500
)

// New makes a tenant with about so many memberships, in groups whose sizes fall off as
// they do in companies; the first ones have the sizes in large. users is a prime.
func New(users uint32, groups int, memberships uint64, large ...uint32) *Tenant {
	lo, hi := 1.0, 1e9
	for range 60 {
		if mid := (lo + hi) / 2; sum(sizes(mid, users, groups, large)) < memberships {
			lo = mid
		} else {
			hi = mid
		}
	}
	t := &Tenant{Users: users, Sizes: sizes(hi, users, groups, large)}
	t.layout()
	return t
}

func sizes(first float64, users uint32, groups int, large []uint32) []uint32 {
	out := slices.Clone(large)
	for k := len(large); k < groups; k++ {
		n := first / math.Pow(float64(k+1), 0.8)
		out = append(out, uint32(min(max(n, 1), float64(users)/20)))
	}
	return out
}

func sum(sizes []uint32) (n uint64) {
	for _, s := range sizes {
		n += uint64(s)
	}
	return n
}

// layout divides the groups over the pages of an enumeration: what is left of a large
// group comes in later ones.
func (t *Tenant) layout() {
	var open []item
	for next, n := uint32(0), uint32(len(t.Sizes)); next < n || len(open) > 0; {
		t.pages = append(t.pages, len(t.items))
		page := open
		for len(page) < itemsInPage && next < n {
			page, next = append(page, item{next, 0}), next+1
		}
		t.items, open = append(t.items, page...), nil
		for _, i := range page {
			if i.from+membersInItem < t.Sizes[i.group] {
				open = append(open, item{i.group, i.from + membersInItem})
			}
		}
	}
	t.pages = append(t.pages, len(t.items))
}

// mix is a number that is spread evenly (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func objectID(kind byte, i uint32) (out directory.ID) {
	binary.BigEndian.PutUint64(out[:], mix(uint64(kind)<<32|uint64(i)))
	out[8], out[9] = 0x80|kind, kind
	binary.BigEndian.PutUint32(out[12:], i)
	return out
}

func userID(i uint32) directory.ID  { return objectID(1, i) }
func groupID(i uint32) directory.ID { return objectID(2, i) }

func indexOf(id directory.ID) uint32 { return binary.BigEndian.Uint32(id[12:]) }

// sid is a user's; one in 33 has none.
func sid(user uint32) directory.SID {
	if mix(uint64(user))%33 == 0 {
		return ""
	}
	return directory.SID(domainSID + "-" + strconv.Itoa(int(1000+user)))
}

// nested says which group is a member of a group, besides its users.
func (t *Tenant) nested(g uint32) (uint32, bool) {
	return (g*7 + 1) % uint32(len(t.Sizes)), g%20 == 3
}

// standing is what has become of one group after some events.
type standing struct {
	born uint32  // so many have ever been members
	lost []Event // who went
}

func (t *Tenant) standing(g uint32, events int) standing {
	s := standing{born: t.Sizes[g]}
	for _, e := range t.Events[:events] {
		if _, is := slices.BinarySearch(e.Groups, g); !is {
			continue
		}
		if e.Join {
			s.born++
		} else {
			s.lost = append(s.lost, e)
		}
	}
	return s
}

// stays says whether the j-th member is one still; a nested group stays with the first.
func (s standing) stays(j uint32) bool {
	return j < s.born && !slices.ContainsFunc(s.lost, func(e Event) bool {
		if e.Lose > 0 {
			return j%e.Lose == e.Lose-1
		}
		return e.Keep == 0 || j%e.Keep != 0
	})
}

// member is the j-th user that joins a group.
func (t *Tenant) member(g, j uint32) uint32 {
	h := mix(uint64(7)<<40 | uint64(g))
	first, stride := h%uint64(t.Users), h>>32%uint64(t.Users-1)+1
	return uint32((first + uint64(j)*stride) % uint64(t.Users))
}

func props(g uint32) directory.Properties {
	return directory.Properties{
		"displayName": {fmt.Sprintf("Department Group %d", g)}, "description": {fmt.Sprintf("Who works in department %d, by HR", g)},
		"mailNickname": {fmt.Sprintf("dept-group-%d", g)}, "mailEnabled": {"false"}, "securityEnabled": {"true"}, "isAssignableToRole": {"false"},
	}
}

// listed is an item of an enumeration: a part of a group's members.
func (t *Tenant) listed(i item) directory.GroupChange {
	s := t.standing(i.group, t.Passed)
	c := directory.GroupChange{ID: groupID(i.group), Set: props(i.group)}
	to := i.from + membersInItem
	if to >= t.Sizes[i.group] { // the last item brings who joined later, too
		to = s.born
	}
	for j := i.from; j < to; j++ {
		if s.stays(j) {
			c.Members = append(c.Members, directory.MemberChange{ID: userID(t.member(i.group, j)), Kind: directory.User})
		}
	}
	if n, yes := t.nested(i.group); yes && i.from == 0 && s.stays(0) {
		c.Members = append(c.Members, directory.MemberChange{ID: groupID(n), Kind: directory.GroupKind})
	}
	return c
}

// whole lists the items of some groups.
func (t *Tenant) whole(groups ...uint32) (out []item) {
	for _, g := range groups {
		for from := uint32(0); from == 0 || from < t.Sizes[g]; from += membersInItem {
			out = append(out, item{g, from})
		}
	}
	return out
}

// Page implements cycle.Source. A link is "e<page>" in an enumeration, "v<events>" at
// its end, and "v<events>.<item>" within what an event has changed.
func (t *Tenant) Page(_ context.Context, feed directory.Feed, link string) (directory.Page, error) {
	p := directory.Page{Feed: feed}
	if at, changes := strings.CutPrefix(link, "v"); changes {
		return t.changes(p, at)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(cmp.Or(link, "e0"), "e"))
	if err != nil {
		return p, fmt.Errorf("no such link: %q", link)
	}
	last := true
	switch feed {
	case directory.UserFeed:
		to := min(uint32(n+1)*usersInPage, t.Users)
		for i := uint32(n) * usersInPage; i < to; i++ {
			p.Principals = append(p.Principals, user(i))
		}
		last = to == t.Users
	case directory.GroupFeed:
		for _, i := range t.items[t.pages[n]:t.pages[n+1]] {
			p.Groups = append(p.Groups, t.listed(i))
		}
		last = n+2 == len(t.pages)
	}
	if last {
		p.Delta = fmt.Sprintf("v%d", t.Passed)
	} else {
		p.Next = fmt.Sprintf("e%d", n+1)
	}
	return p, nil
}

func user(i uint32) directory.PrincipalChange {
	set := directory.Properties{"displayName": {fmt.Sprintf("Given Surname %d", i)}, "userPrincipalName": {fmt.Sprintf("given.surname%d@corp.example", i)}, "userType": {"Member"}}
	if sid := sid(i); sid != "" {
		set["onPremisesSecurityIdentifier"], set["onPremisesSyncEnabled"] = []string{string(sid)}, []string{"true"}
	}
	return directory.PrincipalChange{ID: userID(i), Kind: directory.User, Set: set}
}

func (t *Tenant) changes(p directory.Page, at string) (directory.Page, error) {
	v, from, _ := strings.Cut(at, ".")
	n, err := strconv.Atoi(v)
	first, _ := strconv.Atoi(from)
	if err != nil || n > t.Passed {
		return p, directory.ErrResync
	}
	if n == t.Passed || p.Feed != directory.GroupFeed {
		p.Delta = fmt.Sprintf("v%d", t.Passed)
		return p, nil
	}
	e := t.Events[n]
	items := t.whole(e.Groups...)
	if e.Join {
		items = items[:0]
		for _, g := range e.Groups {
			items = append(items, item{g, 0})
		}
	}
	to := min(first+itemsInPage, len(items))
	for _, i := range items[first:to] {
		p.Groups = append(p.Groups, t.changed(i, n))
	}
	switch {
	case to < len(items):
		p.Next = fmt.Sprintf("v%d.%d", n, to)
	case n+1 < t.Passed:
		p.Next = fmt.Sprintf("v%d", n+1)
	default:
		p.Delta = fmt.Sprintf("v%d", t.Passed)
	}
	return p, nil
}

// changed is what an event has made of a part of a group.
func (t *Tenant) changed(i item, event int) directory.GroupChange {
	before, after := t.standing(i.group, event), t.standing(i.group, event+1)
	c := directory.GroupChange{ID: groupID(i.group)}
	if t.Events[event].Join {
		c.Members = []directory.MemberChange{{ID: userID(t.member(i.group, before.born)), Kind: directory.User}}
		return c
	}
	to := i.from + membersInItem
	if to >= t.Sizes[i.group] {
		to = before.born
	}
	for j := i.from; j < to; j++ {
		if before.stays(j) && !after.stays(j) {
			c.Members = append(c.Members, directory.MemberChange{ID: userID(t.member(i.group, j)), Kind: directory.User, Removed: true})
		}
	}
	if n, yes := t.nested(i.group); yes && i.from == 0 && !after.stays(0) {
		c.Members = append(c.Members, directory.MemberChange{ID: groupID(n), Kind: directory.GroupKind, Removed: true})
	}
	return c
}

// Again implements cycle.Source.
func (t *Tenant) Again(_ context.Context, groups []directory.ID, link string) (directory.Page, error) {
	p := directory.Page{Feed: directory.GroupFeed}
	if len(groups) > 50 {
		return p, errors.New("too many groups in one question")
	}
	var all []uint32
	for _, g := range groups {
		all = append(all, indexOf(g))
	}
	first, _ := strconv.Atoi(link)
	items := t.whole(all...)
	to := min(first+itemsInPage, len(items))
	for _, i := range items[first:to] {
		p.Groups = append(p.Groups, t.listed(i))
	}
	if to < len(items) {
		p.Next = strconv.Itoa(to)
	}
	return p, nil
}

// Describe implements cycle.Source.
func (t *Tenant) Describe(_ context.Context, feed directory.Feed, ids []directory.ID) (directory.Page, error) {
	p := directory.Page{Feed: feed}
	for _, id := range ids {
		if feed == directory.UserFeed {
			p.Principals = append(p.Principals, user(indexOf(id)))
		}
	}
	return p, nil
}

// Flags implements cycle.Source: no group is a Microsoft 365 group.
func (t *Tenant) Flags(context.Context, directory.ID) (directory.Page, error) {
	return directory.Page{}, directory.ErrUntold
}
