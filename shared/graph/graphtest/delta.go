package graphtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// query is what a delta is asked for: all that happened in a feed after an event.
type query struct {
	feed    directory.Feed
	names   []string       // $select; empty selects everything
	ids     []directory.ID // $filter; empty: all objects
	since   uint64         // 0: a full enumeration
	minimal bool           // only the properties that changed
	deleted bool           // a full enumeration lists what is deleted too
	hidden  bool           // the members of hidden groups may be seen
	list    bool           // objects as they are, by id, not of a delta
	bare    bool           // a restored group comes without the members it had
}

func (q query) selects(name string) bool { return len(q.names) == 0 || slices.Contains(q.names, name) }

// item is an entry of a page: an object, or a part of its members and owners.
type item struct {
	id      directory.ID
	props   map[string]any // nil is a JSON null
	members []directory.MemberChange
	owners  []directory.MemberChange
	removed directory.Removal
}

// delta returns the answer to q, one item an object, and the last event in it.
func (t *Tenant) delta(q query) ([]item, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var items []item
	for _, id := range t.touched(q.since) {
		o := t.objects[id]
		if o.kind != kindOf(q.feed) || len(q.ids) > 0 && !slices.Contains(q.ids, id) {
			continue
		}
		if it, ok := t.item(o, q); ok {
			items = append(items, it)
		}
	}
	return items, uint64(len(t.log))
}

func kindOf(f directory.Feed) directory.Kind {
	switch f {
	case directory.GroupFeed:
		return directory.GroupKind
	case directory.UserFeed:
		return directory.User
	case directory.DeviceFeed:
		return directory.Device
	case directory.ContactFeed:
		return directory.Contact
	}
	return ""
}

// touched lists the objects with an event after since, in the order of the first.
func (t *Tenant) touched(since uint64) []directory.ID {
	if since == 0 {
		return t.order
	}
	var ids []directory.ID
	seen := map[directory.ID]bool{}
	for _, e := range t.log[min(since, uint64(len(t.log))):] {
		if !seen[e.Object] {
			seen[e.Object] = true
			ids = append(ids, e.Object)
		}
	}
	return ids
}

// item describes o as Graph does: a changed object comes with all its selected
// properties, one that was created or restored with all its members and owners too.
// Source: https://learn.microsoft.com/graph/delta-query-overview.
func (t *Tenant) item(o *object, q query) (item, bool) {
	if o.removed != directory.NotRemoved {
		listed := o.standing > q.since && (q.since > 0 || q.deleted)
		return item{id: o.id, removed: o.removed}, listed
	}
	isNew := o.born > q.since
	it := item{id: o.id, props: map[string]any{}}
	changed := isNew
	for name, p := range o.props {
		if isFlag(name) || !q.selects(name) {
			continue
		}
		if p.seq > q.since || isNew || !q.minimal {
			it.props[name] = p.value
		}
		changed = changed || p.seq > q.since
	}
	for _, name := range q.names {
		if isFlag(name) {
			it.props[name] = nil
		}
	}
	all := isNew && (!q.bare || o.added > q.since)
	visibility, _ := o.props["visibility"].value.(string)
	if q.selects("members") && (q.hidden || !strings.EqualFold(visibility, "HiddenMembership")) {
		it.members = t.changed(o, member, q, all)
	}
	if q.selects("owners") {
		it.owners = t.changed(o, owner, q, all)
	}
	return it, changed || len(it.members)+len(it.owners) > 0
}

// layout is how a delta is dealt out to pages.
type layout struct {
	pageSize, memberSlice, repeat, emptyPages int
	shuffle                                   bool
	rand                                      *rand.Rand
}

// pages deals items out. There is at least one page.
func (l layout) pages(items []item) [][]item {
	items = l.slice(items)
	if l.shuffle {
		l.rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	}
	items = l.replay(items)
	var pages [][]item
	for page := range slices.Chunk(items, l.pageSize) {
		pages = append(pages, page)
		if l.emptyPages > 0 && len(pages)%(l.emptyPages+1) == l.emptyPages {
			pages = append(pages, nil)
		}
	}
	if len(pages) == 0 {
		pages = append(pages, nil)
	}
	return pages
}

// slice repeats an object with many members or owners, with a slice of them each time.
func (l layout) slice(items []item) []item {
	var out []item
	for _, it := range items {
		members, owners := it.members, it.owners
		for len(members) > l.memberSlice || len(owners) > l.memberSlice {
			it.members, members = l.cut(members)
			it.owners, owners = l.cut(owners)
			out = append(out, it)
		}
		it.members, it.owners = members, owners
		out = append(out, it)
	}
	return out
}

func (l layout) cut(all []directory.MemberChange) (first, rest []directory.MemberChange) {
	n := min(l.memberSlice, len(all))
	return all[:n], all[n:]
}

// replay repeats every nth item twice: at once, and somewhere further on.
func (l layout) replay(items []item) []item {
	if l.repeat <= 0 {
		return items
	}
	var out, later []item
	for i, it := range items {
		out = append(out, it)
		if i%l.repeat == 0 {
			out = append(out, it)
			later = append(later, it)
		}
		if len(later) > 0 && l.rand.IntN(l.pageSize) == 0 {
			out, later = append(out, later...), nil
		}
	}
	return append(out, later...)
}

// The JSON of a page.
type (
	wirePage struct {
		Context string           `json:"@odata.context,omitempty"`
		Next    string           `json:"@odata.nextLink,omitempty"`
		Delta   string           `json:"@odata.deltaLink,omitempty"`
		Value   []map[string]any `json:"value"`
	}
	wireMember struct {
		Type    string       `json:"@odata.type,omitempty"`
		ID      directory.ID `json:"id"`
		Removed *wireRemoval `json:"@removed,omitempty"`
	}
	wireRemoval struct {
		Reason string `json:"reason"`
	}
)

func wire(it item) map[string]any {
	v := map[string]any{}
	maps.Copy(v, it.props)
	v["id"] = it.id
	switch it.removed {
	case directory.SoftDeleted:
		v["@removed"] = wireRemoval{"changed"}
	case directory.Deleted:
		v["@removed"] = wireRemoval{"deleted"}
	}
	for name, links := range map[string][]directory.MemberChange{"members@delta": it.members, "owners@delta": it.owners} {
		if len(links) > 0 {
			v[name] = wireMembers(links)
		}
	}
	return v
}

func wireMembers(links []directory.MemberChange) []wireMember {
	out := make([]wireMember, len(links))
	for i, m := range links {
		out[i].ID = m.ID
		if m.Kind != "" {
			out[i].Type = "#microsoft.graph." + string(m.Kind)
		}
		if m.Removed {
			out[i].Removed = &wireRemoval{"deleted"}
		}
	}
	return out
}

func (p wirePage) encode() []byte { return encode(p) }

// wireObject is the JSON of one object.
type wireObject map[string]any

func (o wireObject) encode() []byte { return encode(o) }

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings, booleans and ids: nothing that cannot be written
	return b.Bytes()
}

// Encode writes a page as Graph would send it, but that each property has the type of
// its values' number: null, string, or list of strings.
func Encode(p directory.Page) []byte {
	w := wirePage{Next: p.Next, Delta: p.Delta, Value: []map[string]any{}}
	for _, c := range p.Groups {
		w.Value = append(w.Value, wire(item{id: c.ID, props: untyped(c.Set), members: c.Members, owners: c.Owners, removed: c.Removed}))
	}
	for _, c := range p.Principals {
		w.Value = append(w.Value, wire(item{id: c.ID, props: untyped(c.Set), removed: c.Removed}))
	}
	return w.encode()
}

func untyped(p directory.Properties) map[string]any {
	out := map[string]any{}
	for name, values := range p {
		switch len(values) {
		case 0:
			out[name] = nil
		case 1:
			out[name] = values[0]
		default:
			out[name] = values
		}
	}
	return out
}
