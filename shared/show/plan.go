package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"

	"groupwriteback/shared/columns"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// row is all that a plan does to one group.
type row struct {
	op          plan.Op // Create, else Rename if it is renamed, else Update
	name        string  // before
	to          string  // the new name of a Rename
	parent      string  // of a group that is made, or moved
	add, remove int
	ends        int // memberships that go, or give nothing any more, without being named
	set         map[string][]string
	links       map[plan.Link]linked
	why, loses  []string
}

// linked is what a plan does to a link of a group: who goes and comes, in words.
type linked struct{ goes, comes []string }

// planRows sums changes up by group: what ends first, then created and restored groups, then
// renamed ones, and in each kind those with the most members first.
func planRows(p cycle.Preview) []row {
	rows := map[directory.ID]*row{}
	for _, c := range p.Changes {
		r := rows[c.Group]
		if r == nil {
			r = &row{op: c.Op, name: plain(p.Groups[c.Group].Name), set: map[string][]string{}, links: map[plan.Link]linked{}}
			rows[c.Group] = r
		}
		if c.Op.Updates() && r.op.Updates() {
			r.op = plan.Update
		}
		if c.Op == plan.Rename { // the last counts: a first one may only step aside
			r.to = plain(c.Name)
		}
		r.parent = cmp.Or(plain(c.Parent), r.parent)
		r.add, r.remove, r.ends = r.add+len(c.Joins()), r.remove+len(c.Leaves())+c.Count, r.ends+c.Count
		if len(c.Add)+len(c.Remove) > 0 {
			l := r.links[c.Of()]
			r.links[c.Of()] = linked{append(l.goes, called(p, c.Remove)...), append(l.comes, called(p, c.Add)...)}
		}
		maps.Copy(r.set, c.Set)
		r.why, r.loses = once(r.why, c.Why), once(r.loses, c.Loses)
	}
	order := []plan.Op{plan.Delete, plan.Disown, plan.Create, plan.Restore, plan.Rename, plan.Update}
	return slices.SortedFunc(func(yield func(row) bool) {
		for _, r := range rows {
			if !yield(*r) {
				return
			}
		}
	}, func(a, b row) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.op), slices.Index(order, b.op)), cmp.Compare(b.add+b.remove, a.add+a.remove), strings.Compare(a.name, b.name))
	})
}

// once adds a text that is not among others yet.
func once(texts []string, text string) []string {
	if text = plain(text); text == "" || slices.Contains(texts, text) {
		return texts
	}
	return append(texts, text)
}

// called is what people call some objects, as far as the plan knows.
func called(p cycle.Preview, refs []plan.Ref) (names []string) {
	for _, r := range refs {
		name := p.Names[r]
		if id, ours := r.Group(); ours {
			name = cmp.Or(name, p.Groups[id].Name)
		}
		names = append(names, plain(cmp.Or(name, string(r))))
	}
	return names
}

// Overview is what a turn would do, a line a group: at most so many groups, then the sums and what
// is held. most 0: all.
func (paint Paint) Overview(p cycle.Preview, most int) string {
	if p.Waiting != "" {
		return paint.waiting(p)
	}
	rows := planRows(p)
	shown := first(rows, most)
	names := 0
	for _, r := range shown {
		names = max(names, uniseg.StringWidth(r.name))
	}
	var b strings.Builder
	for _, r := range shown {
		b.WriteString(paint.row(r, min(names, paint.nameRoom())))
	}
	if n := len(rows) - len(shown); n > 0 {
		fmt.Fprintf(&b, "  %s\n", paint.Dim.Sprintf("… and %d more", n))
	}
	return b.String() + "\n" + paint.end(p, rows)
}

// end is what stands below a plan: its sums, what of it is not listed, and what is held.
func (paint Paint) end(p cycle.Preview, rows []row) string {
	text := paint.Text("  " + paint.sums(rows))
	if p.More > 0 {
		text += paint.Text(English().Sprintf("  %d more changes come with later plans, and are not in this one.", p.More))
	}
	return text + paint.Held(p.Held, p.MoreHeld)
}

func (paint Paint) waiting(p cycle.Preview) string {
	return paint.Text("  No plan can be made yet: " + plain(p.Waiting) + ".")
}

// first are the first of a list; 0: all of them.
func first[T any](all []T, most int) []T {
	if most <= 0 {
		return all
	}
	return all[:min(most, len(all))]
}

// sign is what stands before a group, or a thing of it, and its colour.
func (paint Paint) sign(op plan.Op) (string, *color.Color) {
	switch op {
	case plan.Create, plan.Restore:
		return "+", paint.Add
	case plan.Delete, plan.Disown:
		return "-", paint.Remove
	}
	return "~", paint.Change
}

// narrow says whether a table has no room for what can be done without.
func (paint Paint) narrow() bool { return paint.Width < 80 }

// nameRoom is how many columns a group's name has in a plan.
func (paint Paint) nameRoom() int {
	if paint.narrow() {
		return 20
	}
	return paint.Width - 54
}

// memberRoom is how many columns the members have in a plan.
func (paint Paint) memberRoom() int {
	if paint.narrow() {
		return 13
	}
	return 17
}

// row is one group in a line.
func (paint Paint) row(r row, names int) string {
	sign, c := paint.sign(r.op)
	left := columns.Pad(columns.Cut(r.name, names), names)
	members := paint.members(r)
	used := 2 + 2 + 8 + names + 2 + paint.memberRoom() + 2
	line := fmt.Sprintf("  %s %s %s  %s", c.Sprint(sign), c.Sprint(columns.Pad(string(r.op), 7)), left, members)
	if text := details(r); text != "" {
		line += "  " + paint.Dim.Sprint(columns.Cut(text, paint.Width-used))
	}
	return strings.TrimRight(line, " ") + "\n"
}

// members is what a row does to its members, in memberRoom columns.
func (paint Paint) members(r row) string {
	var bare, out string
	part := func(n int, sign string, c *color.Color) {
		if n == 0 {
			return
		}
		text := English().Sprintf("%s%d", sign, n)
		bare, out = bare+text+" ", out+c.Sprint(text)+" "
	}
	part(r.add, "+", paint.Add)
	part(r.remove, "-", paint.Remove)
	word := "members"
	switch {
	case bare == "" || paint.narrow():
		word = ""
	case r.add+r.remove == 1:
		word = "member"
	}
	return columns.Pad(out+word, paint.memberRoom())
}

// details are the name and attributes that a row sets, and who manages the group then; those that follow from
// the name or are the mark are left out.
func details(r row) string {
	var parts []string
	if r.op == plan.Rename && r.to != r.name {
		parts = append(parts, "→ "+r.to)
	}
	for _, name := range slices.Sorted(maps.Keys(r.set)) {
		values := r.set[name]
		switch {
		case name == "sAMAccountName", name == "groupType", name == "adminDescription", name == "msDS-ExternalDirectoryObjectId", r.op != plan.Update && name == "displayName":
		case len(values) == 0:
			parts = append(parts, name+" cleared")
		case r.op == plan.Create && name == "description":
			parts = append(parts, fmt.Sprintf("%q", values[0]))
		default:
			parts = append(parts, fmt.Sprintf("%s = %q", name, strings.Join(values, ", ")))
		}
	}
	for _, link := range plan.AllLinks() {
		if l, ok := r.links[link]; ok && !link.Grants() {
			parts = append(parts, l.text(link))
		}
	}
	return strings.Join(parts, ", ")
}

// text says what becomes of a link.
func (l linked) text(link plan.Link) string {
	switch {
	case link.NamesLists():
		return fmt.Sprintf("address lists: +%d -%d", len(l.comes), len(l.goes))
	case link == plan.CoManagers:
		return fmt.Sprintf("more managers: +%d -%d", len(l.comes), len(l.goes))
	case len(l.comes) == 0:
		return "managed by nobody"
	}
	return "managed by " + strings.Join(l.comes, ", ")
}

// sums is a plan in a sentence.
func (paint Paint) sums(rows []row) string {
	var n struct{ create, restore, rename, update, disown, delete, add, remove int }
	for _, r := range rows {
		switch r.op {
		case plan.Restore:
			n.restore++
		case plan.Disown:
			n.disown++
		case plan.Delete:
			n.delete++
		case plan.Create:
			n.create++
		case plan.Rename:
			n.rename++
		case plan.Update:
			n.update++
		}
		n.add, n.remove = n.add+r.add, n.remove+r.remove
	}
	say := English()
	text := say.Sprintf("%d to create", n.create)
	for _, more := range []struct {
		n    int
		what string
	}{{n.restore, "restore"}, {n.rename, "rename"}, {n.update, "change"}, {n.disown, "leave to people"}, {n.delete, "delete"}} {
		if more.n > 0 {
			text += say.Sprintf(", %d to %s", more.n, more.what)
		}
	}
	return paint.Strong.Sprint("Plan:") + say.Sprintf(" %s, %d memberships to add, %d to remove.", text, n.add, n.remove)
}
