package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/life"
	"groupwriteback/shared/plan"
)

// domain is Active Directory as far as a plan can tell: it refuses what Active
// Directory refuses, and shares no code with package plan's own Apply.
type domain map[directory.ID]*object

type object struct {
	guid         plan.GUID
	parent, name string
	attrs        map[string][]string
	links        map[plan.Link]map[plan.Ref]bool
	gone         life.State
}

func newDomain(s plan.State) domain {
	d := domain{}
	for id, g := range s {
		o := &object{guid: g.GUID, parent: g.Parent, name: g.Name, attrs: maps.Clone(g.Attrs), links: map[plan.Link]map[plan.Ref]bool{}, gone: g.Gone}
		if o.attrs == nil {
			o.attrs = map[string][]string{}
		}
		for link, refs := range g.Links {
			for _, r := range refs {
				o.put(link, r)
			}
		}
		d[id] = o
	}
	return d
}

func (o *object) put(link plan.Link, r plan.Ref) {
	if o.links[link] == nil {
		o.links[link] = map[plan.Ref]bool{}
	}
	o.links[link][r] = true
}

// state is what a scan of the domain returns.
func (d domain) state() plan.State {
	s := plan.State{}
	for id, o := range d {
		if o.gone != "" {
			s[id] = plan.Group{ID: id, GUID: o.guid, Gone: o.gone}
			continue
		}
		g := plan.Group{ID: id, GUID: o.guid, Parent: o.parent, Name: o.name, Attrs: maps.Clone(o.attrs)}
		for link, refs := range o.links {
			g.Links = g.Links.Having(link, slices.Sorted(maps.Keys(refs)))
		}
		s[id] = g
	}
	return s
}

func (d domain) apply(c plan.Change) error {
	o := d[c.Group]
	switch {
	case c.Op == plan.Restore && (o == nil || c.GUID == ""):
		return fmt.Errorf("%s of %s: no such object", c.Op, c.Group)
	case c.Op == plan.Delete || c.Op == plan.Disown:
		return d.end(c)
	case c.Op == plan.Create && o != nil && o.gone == life.Deleted:
		return fmt.Errorf("%s of %s: it is made anew beside one that can be had back", c.Op, c.Group)
	case c.Op != plan.Create && c.Op != plan.Restore && !d.there(c.Group):
		return fmt.Errorf("%s of %s: no such object", c.Op, c.Group)
	case o != nil && c.GUID != "" && c.GUID != o.guid:
		return fmt.Errorf("%s of %s: %s is not its GUID", c.Op, c.Group, c.GUID)
	case c.Op != plan.Update && c.Op != plan.Relink && len(c.Add)+len(c.Remove) > 0:
		return fmt.Errorf("%s of %s carries members", c.Op, c.Group)
	case (c.Op == plan.Relink) != (c.Link != "") || c.Link == plan.Member || c.Link != "" && len(c.Set) > 0:
		return fmt.Errorf("%s of %s is of link %q", c.Op, c.Group, c.Link)
	case o == nil:
		o = &object{guid: plan.GUID("guid-of-" + c.Group.String()), attrs: map[string][]string{}, links: map[plan.Link]map[plan.Ref]bool{}}
	}
	if err := d.check(c); err != nil {
		return fmt.Errorf("%s of %s: %w", c.Op, c.Group, err)
	}
	d[c.Group] = o
	if o.gone != "" {
		o.gone, o.attrs, o.links = "", map[string][]string{}, map[plan.Link]map[plan.Ref]bool{}
	}
	if c.Op != plan.Update && c.Op != plan.Relink {
		o.parent, o.name = c.Parent, c.Name
	}
	for k, v := range c.Set {
		o.attrs[k] = v
		if len(v) == 0 {
			delete(o.attrs, k)
		}
	}
	link := plan.Link("member")
	if c.Link != "" {
		link = c.Link
	}
	for _, r := range c.Remove {
		delete(o.links[link], r)
	}
	for _, r := range c.Add {
		if o.put(link, r); link == "managedBy" && len(o.links[link]) > 1 {
			return fmt.Errorf("%s is managed by one object", c.Group)
		}
	}
	return nil
}

// there says whether a group is there.
func (d domain) there(id directory.ID) bool { return d[id] != nil && d[id].gone == "" }

// end deletes a group, or lets it go.
func (d domain) end(c plan.Change) error {
	o := d[c.Group]
	if o == nil || o.guid != c.GUID {
		return fmt.Errorf("%s of %s: no such object", c.Op, c.Group)
	}
	o.gone = map[plan.Op]life.State{plan.Delete: life.Deleted, plan.Disown: life.Disowned}[c.Op]
	if o.gone == life.Deleted {
		o.attrs, o.links, o.parent, o.name = map[string][]string{}, map[plan.Link]map[plan.Ref]bool{}, "", ""
		for _, other := range d { // links to it go with it
			for link := range other.links {
				delete(other.links[link], plan.GroupRef(c.Group))
			}
		}
	}
	return nil
}

// check is what Active Directory looks at before it writes: names are unique in
// either case, and members exist.
func (d domain) check(c plan.Change) error {
	for id, o := range d {
		if id == c.Group || o.gone == life.Deleted {
			continue
		}
		if c.Op != plan.Update && c.Op != plan.Relink && strings.EqualFold(o.name, c.Name) && strings.EqualFold(o.parent, c.Parent) {
			return fmt.Errorf("%q below %q is taken by %s", c.Name, c.Parent, id)
		}
		if sam := c.Set["sAMAccountName"]; len(sam) > 0 && len(o.attrs["sAMAccountName"]) > 0 && strings.EqualFold(sam[0], o.attrs["sAMAccountName"][0]) {
			return fmt.Errorf("sAMAccountName %q is taken by %s", sam[0], id)
		}
	}
	if was, to := d.reach(c.Group), c.Set[plan.GroupTypeAttribute]; len(to) > 0 && was&^secures|reach(to[0])&^secures == 2|4 {
		return fmt.Errorf("a global group becomes no domain-local one in one step, nor the other way")
	}
	for _, m := range c.Add {
		if id, ok := m.Group(); ok && !d.there(id) {
			return fmt.Errorf("member %s does not exist", m)
		}
	}
	return nil
}

// secures is the bit of groupType by which a group gives its members something.
const secures = 0x8000_0000

// reach is a groupType as a number.
func reach(groupType string) uint32 {
	n, _ := strconv.ParseInt(groupType, 10, 32)
	return uint32(n)
}

func (d domain) reach(id directory.ID) uint32 {
	if !d.there(id) || len(d[id].attrs[plan.GroupTypeAttribute]) == 0 {
		return 0
	}
	return reach(d[id].attrs[plan.GroupTypeAttribute][0])
}

// run applies changes until one is refused.
func (d domain) run(cs []plan.Change) error {
	for i, c := range cs {
		if err := d.apply(c); err != nil {
			return fmt.Errorf("change %d of %d: %w", i+1, len(cs), err)
		}
	}
	return nil
}

// A chooser returns a number in [0, n).
type chooser func(n int) int

// pair draws two states of one domain, from alphabets so small that names
// collide, swap and go round in circles. All groups of have are in want but for
// some that are left alone; their names stay taken.
func (choose chooser) pair() (want, have plan.State) {
	have = choose.state(nil, "guid-of-")
	rest := plan.State{}
	for _, id := range slices.SortedFunc(maps.Keys(have), directory.ID.Compare) {
		if choose(6) == 0 {
			rest[id] = have[id]
		}
	}
	want = choose.state(rest, "")
	for id, w := range want { // who is let go keeps the name
		h, was := have[id]
		if w.Gone == life.Disowned && was && h.Gone == "" && slices.ContainsFunc(slices.Collect(maps.Values(want)), func(g plan.Group) bool { return g.Gone == "" && clash(g, h) }) {
			w.Gone = life.Deleted
			want[id] = w
		}
	}
	for id, h := range have { // want lacks none of the others: an absence is no wish
		if _, left := rest[id]; left {
			continue
		}
		if _, ok := want[id]; !ok && h.Gone == "" {
			w := plan.Group{ID: id, Parent: "OU=kept", Name: "kept " + id.String(), Attrs: map[string][]string{"sAMAccountName": {"kept " + id.String()}}, Links: h.Links}
			for link, refs := range w.Links {
				refs := slices.DeleteFunc(slices.Clone(refs), func(r plan.Ref) bool { g, ok := r.Group(); return ok && g[0] != id[0] })
				w.Links = w.Links.With(link, refs)
			}
			want[id] = w
		}
	}
	return want, have
}

// clash says whether two groups cannot both be there by their names.
func clash(g, h plan.Group) bool {
	return slices.ContainsFunc(plan.Names(g), func(n string) bool { return slices.Contains(plan.Names(h), n) })
}

// state draws a legal state whose names are not those of rest.
func (choose chooser) state(rest plan.State, guid string) plan.State {
	s, gone, taken := plan.State{}, plan.State{}, map[string]bool{}
	for _, g := range rest {
		if g.Gone != "" {
			continue
		}
		for _, n := range plan.Names(g) {
			taken[n] = true
		}
	}
	for i := range 6 {
		g := plan.Group{ID: directory.ID{byte(i + 1)}, Attrs: map[string][]string{}}
		if _, left := rest[g.ID]; left || choose(5) == 0 {
			continue
		}
		if guid != "" {
			g.GUID = plan.GUID(guid + g.ID.String())
		}
		if choose(8) == 0 {
			g.Attrs, g.Gone = nil, life.State(pick(choose, string(life.Deleted), string(life.Disowned)))
			gone[g.ID] = g
			continue
		}
		g.Parent = pick(choose, "OU=x", "OU=X", "OU=y")
		g.Name = pick(choose, "a", "A", "b", "c", "d, e")
		g.Attrs["sAMAccountName"] = []string{pick(choose, "s", "S", "t", "u", "v", "w")}
		if choose(3) > 0 {
			g.Attrs[plan.GroupTypeAttribute] = []string{plan.GroupType(pick(choose, "universal-security", "universal-distribution", "global-security", "global-distribution", "domain-local-security"))}
		}
		if choose(2) == 0 {
			g.Attrs["description"] = []string{pick(choose, "one", "two")}
		}
		if names := plan.Names(g); !slices.ContainsFunc(names, func(n string) bool { return taken[n] }) {
			for _, n := range names {
				taken[n] = true
			}
			s[g.ID] = g
		}
	}
	choose.links(s)
	maps.Copy(s, gone)
	return s
}

func (choose chooser) links(s plan.State) {
	managers := []plan.Ref{"S-1-5-21-1-2-3-1100", "S-1-5-21-1-2-3-1101"}
	for id := range inOrder(s) {
		managers = append(managers, plan.GroupRef(id))
	}
	for id, g := range inOrder(s) {
		var members []plan.Ref
		for rid := range 5 {
			if choose(3) == 0 {
				members = append(members, plan.SIDRef(directory.SID(fmt.Sprintf("S-1-5-21-1-2-3-%d", 1100+rid))))
			}
		}
		for child := range inOrder(s) {
			if choose(4) == 0 {
				members = append(members, plan.GroupRef(child))
			}
		}
		slices.Sort(members)
		g.Links = plan.Members(members...)
		from, to := choose(len(managers)), choose(len(managers))
		choose.link(&g, plan.ManagedBy, managers[from:from+to%2])
		choose.link(&g, plan.CoManagers, managers[min(from, to):max(from, to)])
		s[id] = g
	}
}

// link gives a group some refs, or has it say nothing of the link. No group that is there has
// an empty one.
func (choose chooser) link(g *plan.Group, link plan.Link, refs []plan.Ref) {
	switch {
	case choose(3) == 0:
	case g.GUID != "":
		g.Links = g.Links.Having(link, slices.Sorted(slices.Values(refs)))
	default:
		g.Links = g.Links.With(link, slices.Sorted(slices.Values(refs)))
	}
}

func inOrder(s plan.State) func(yield func(directory.ID, plan.Group) bool) {
	return func(yield func(directory.ID, plan.Group) bool) {
		for _, id := range slices.SortedFunc(maps.Keys(s), directory.ID.Compare) {
			if !yield(id, s[id]) {
				return
			}
		}
	}
}

func pick(choose chooser, from ...string) string { return from[choose(len(from))] }
