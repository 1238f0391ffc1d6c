package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
)

// AccountName is the one attribute besides the name that must be unique: in
// its domain. It travels with Rename, so that names are freed and taken in order.
const AccountName = "sAMAccountName"

// Diff lists the changes that lead from have to want, deletions first, since they free names, of
// a group before those of its members, then renames, then creations, then updates: those of one group together, who leaves before who
// comes; then who is let go. Each is of one Kind and one Link, so that what is refused keeps
// nothing else from being done. Known and Digest are left to the caller. Groups that want does
// not hold are left alone: deletion is a wanted state of its own, never an absence.
func Diff(want, have State) []Change {
	var deletes, renames, creates, updates, disowns []Change
	for _, id := range slices.SortedFunc(maps.Keys(want), directory.ID.Compare) {
		w := want[id]
		h, exists := have[id]
		if w.Gone != "" {
			switch {
			case !exists || h.Gone != "":
			case w.Gone == life.Deleted:
				deletes = append(deletes, Change{Op: Delete, Group: id, GUID: h.GUID, Count: len(h.Members())})
			default:
				disowns = append(disowns, Change{Op: Disown, Group: id, GUID: h.GUID, Set: diffAttrs(w.Attrs, h.Attrs)})
			}
			continue
		}
		if !exists || h.Gone != "" {
			creates = append(creates, begin(w, h))
			h = Group{ID: id, Parent: w.Parent, Name: w.Name, Attrs: w.Attrs}
		}
		set := diffAttrs(w.Attrs, h.Attrs)
		if r, ok := rename(w, h, set); ok {
			renames = append(renames, r)
			delete(set, AccountName)
		}
		leave, come := diffLinks(w, h)
		updates = append(updates, leave...)
		u := Change{Op: Update, Group: id, GUID: h.GUID}
		if by := between(h, w); by != "" {
			u := u
			u.Set = map[string][]string{GroupTypeAttribute: {by}}
			updates = append(updates, u)
		}
		if len(set) > 0 {
			u.Set = set
			if secured(h) && !secured(Apply(h, u)) {
				u.Count = len(h.Members())
			}
			updates = append(updates, u)
		}
		updates = append(updates, come...)
	}
	deletes = holdersFirst(deletes, have)
	return slices.Concat(deletes, orderRenames(renames, have), creates, updates, disowns)
}

// begin is the change by which a group comes to be: one that was deleted is the old one again.
func begin(w, h Group) Change {
	c := Change{Op: Create, Group: w.ID, Parent: w.Parent, Name: w.Name, Set: w.Clone().Attrs}
	if h.Gone == life.Deleted {
		c.Op, c.GUID = Restore, h.GUID
	}
	return c
}

// diffLinks lists what leaves and what comes by the links that the wish speaks of.
func diffLinks(w, h Group) (leave, come []Change) {
	for _, t := range traits {
		link := t.link
		want, spoken := w.Links[link]
		if !spoken && link != Member {
			continue
		}
		c := Change{Op: Update, Group: w.ID, GUID: h.GUID}
		if link != Member {
			c.Op, c.Link = Relink, link
		}
		if gone := Missing(h.Links[link], want); len(gone) > 0 {
			c := c
			c.Remove = gone
			leave = append(leave, c)
		}
		if joins := Missing(want, h.Links[link]); len(joins) > 0 {
			c.Add = joins
			come = append(come, c)
		}
	}
	return leave, come
}

// rename is the Rename that leads from h to w, if one is needed.
func rename(w, h Group, set map[string][]string) (Change, bool) {
	sam, newSAM := set[AccountName]
	if strings.EqualFold(w.Parent, h.Parent) && w.Name == h.Name && !newSAM {
		return Change{}, false
	}
	c := Change{Op: Rename, Group: w.ID, GUID: h.GUID, Parent: w.Parent, Name: w.Name}
	if newSAM {
		c.Set = map[string][]string{AccountName: sam}
	}
	return c, true
}

// holdersFirst sorts deletions so that a group goes before those that are its members: a link to
// what is deleted goes with that, and a group is deleted as it was when that was decided. Of
// groups that hold each other one is not.
func holdersFirst(deletes []Change, have State) []Change {
	at := map[Ref]int{}
	for i, c := range deletes {
		at[GroupRef(c.Group)] = i
	}
	holders := make([][]int, len(deletes))
	for i, c := range deletes {
		for _, t := range traits {
			for _, r := range have[c.Group].Links[t.link] {
				if m, goes := at[r]; goes {
					holders[m] = append(holders[m], i)
				}
			}
		}
	}
	out, seen := make([]Change, 0, len(deletes)), make([]bool, len(deletes))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, h := range holders[i] {
			visit(h)
		}
		out = append(out, deletes[i])
	}
	for i := range deletes {
		visit(i)
	}
	return out
}

// orderRenames sorts renames so that each name is freed before it is taken. Names
// that go round in a circle go through a temporary name.
func orderRenames(renames []Change, have State) []Change {
	holder := map[string]int{} // name -> the rename that frees it
	for i, r := range renames {
		for _, n := range Names(have[r.Group]) {
			holder[n] = i
		}
	}
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(renames))
	var out, again []Change
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		r := renames[i]
		for _, n := range Names(Apply(have[r.Group], r)) {
			j, held := holder[n]
			switch {
			case !held || j == i || state[j] == done:
			case state[j] == open: // a circle: j steps aside
				out = append(out, aside(renames[j]))
				state[j] = done
				again = append(again, renames[j])
			default:
				visit(j)
			}
		}
		if state[i] == open {
			out = append(out, r)
			state[i] = done
		}
	}
	for i := range renames {
		if state[i] == unseen {
			visit(i)
		}
	}
	return append(out, again...)
}

// aside moves a group to a temporary name that nobody else uses.
func aside(r Change) Change {
	r.Name = Mark(r.Group)
	if r.Set != nil {
		r.Set = map[string][]string{AccountName: {Mark(r.Group)}}
	}
	return r
}

// Names lists the names that a group occupies in Active Directory, folded as it
// compares them: its DN among its siblings, its sAMAccountName in its domain.
func Names(g Group) []string {
	names := []string{"dn:" + strings.ToLower(JoinRDN(g.Name, g.Parent))}
	for _, sam := range g.Attrs[AccountName] {
		names = append(names, "sam:"+strings.ToLower(sam))
	}
	return names
}

// Apply is the meaning of a change: the group after it.
func Apply(g Group, c Change) Group {
	switch c.Op {
	case Delete:
		return Group{ID: c.Group, GUID: g.GUID, Gone: life.Deleted}
	case Disown:
		return Group{ID: c.Group, GUID: g.GUID, Gone: life.Disowned}
	}
	g = g.Clone()
	g.ID, g.Gone = c.Group, ""
	if c.GUID != "" {
		g.GUID = c.GUID
	}
	if !c.Op.Updates() {
		g.Parent, g.Name = c.Parent, c.Name
	}
	if g.Attrs == nil && len(c.Set) > 0 {
		g.Attrs = map[string][]string{}
	}
	for k, v := range c.Set {
		if len(v) == 0 {
			delete(g.Attrs, k)
		} else {
			g.Attrs[k] = slices.Clone(v)
		}
	}
	g.Links = g.Links.Having(c.Of(), Merge(Missing(g.Links[c.Of()], c.Remove), c.Add))
	return g
}

// Outcome is the group after a change with this result: what was refused is as
// it was.
func Outcome(g Group, c Change, r Result) Group {
	if r.Status != Done {
		return g
	}
	if len(r.Bad) > 0 {
		bad := make([]Ref, len(r.Bad))
		for i, b := range r.Bad {
			bad[i] = b.Ref
		}
		slices.Sort(bad)
		c.Add, c.Remove = Missing(c.Add, bad), Missing(c.Remove, bad)
	}
	if len(r.Unset) > 0 {
		c.Set = maps.Clone(c.Set)
		for _, name := range r.Unset {
			maps.DeleteFunc(c.Set, func(n string, _ []string) bool { return strings.EqualFold(n, name) })
		}
	}
	g = Apply(g, c)
	if r.GUID != "" {
		g.GUID = r.GUID
	}
	return g
}

// Split cuts an update into changes of at most n values each (but attributes
// stay together), so that any list of changes fits into batches. n is 2 or more.
func Split(c Change, n int) []Change {
	if !c.Op.Updates() || c.Values() <= n {
		return []Change{c}
	}
	var out []Change
	part := func(f func(*Change)) {
		p := Change{Op: c.Op, Group: c.Group, GUID: c.GUID, Link: c.Link}
		f(&p)
		out = append(out, p)
	}
	if len(c.Set) > 0 {
		part(func(p *Change) { p.Set = c.Set })
	}
	for refs := range slices.Chunk(c.Remove, n-1) {
		part(func(p *Change) { p.Remove = refs; p.Known = knownOf(refs, c.Known) })
	}
	for refs := range slices.Chunk(c.Add, n-1) {
		part(func(p *Change) { p.Add = refs; p.Known = knownOf(refs, c.Known) })
	}
	return out
}

// knownOf is the part of all that refs need.
func knownOf(refs []Ref, all map[directory.ID]GUID) map[directory.ID]GUID {
	var out map[directory.ID]GUID
	for _, r := range refs {
		id, ok := r.Group()
		if guid, known := all[id]; ok && known {
			if out == nil {
				out = map[directory.ID]GUID{}
			}
			out[id] = guid
		}
	}
	return out
}

// diffAttrs lists what to set; an empty value clears. A link that an agent of before reads as
// text is none.
func diffAttrs(want, have map[string][]string) map[string][]string {
	var out map[string][]string
	set := func(k string, v []string) {
		if out == nil {
			out = map[string][]string{}
		}
		out[k] = v
	}
	for k, v := range want {
		if !SameValues(k, v, have[k]) {
			set(k, slices.Clone(v))
		}
	}
	for k := range have {
		if _, ok := want[k]; ok {
			continue
		}
		if _, isLink := LinkOf(k); !isLink {
			set(k, nil)
		}
	}
	return out
}

// Missing returns the elements of a that b lacks; both sorted.
func Missing(a, b []Ref) []Ref {
	var out []Ref
	for _, r := range a {
		for len(b) > 0 && b[0] < r {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != r {
			out = append(out, r)
		}
	}
	return out
}

// Common returns the elements of a that b has too; both sorted.
func Common(a, b []Ref) []Ref { return Missing(a, Missing(a, b)) }

// Merge returns the sorted union of two sorted lists.
func Merge(a, b []Ref) []Ref {
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.SortFunc(out, cmp.Compare)
	return slices.Compact(out)
}
