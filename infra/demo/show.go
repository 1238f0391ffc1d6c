package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// english writes numbers with their thousands apart.
func english() *message.Printer { return message.NewPrinter(language.English) }

// row is all that a plan does to one group.
type row struct {
	op          plan.Op // Create, else Rename if it is renamed, else Update
	name        string  // before
	to          string  // the new name of a Rename
	add, remove int
	set         map[string][]string
	links       map[plan.Link]linked // but members
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
			r = &row{op: c.Op, name: p.Groups[c.Group].Name, set: map[string][]string{}, links: map[plan.Link]linked{}}
			rows[c.Group] = r
		}
		if c.Op.Updates() && r.op.Updates() {
			r.op = plan.Update
		}
		if c.Op == plan.Rename { // the last counts: a first one may only step aside
			r.to = c.Name
		}
		r.add, r.remove = r.add+len(c.Joins()), r.remove+len(c.Leaves())+c.Count
		if c.Op == plan.Relink {
			l := r.links[c.Link]
			r.links[c.Link] = linked{append(l.goes, called(p, c.Remove)...), append(l.comes, called(p, c.Add)...)}
		}
		maps.Copy(r.set, c.Set)
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

// called is what people call some objects, as far as the plan knows.
func called(p cycle.Preview, refs []plan.Ref) (names []string) {
	for _, r := range refs {
		names = append(names, cmp.Or(p.Names[r], string(r)))
	}
	return names
}

// showPlan prints what a turn would do: at most so many groups, then the sums.
func (paint palette) showPlan(w io.Writer, p cycle.Preview, most int) {
	if p.Waiting != "" {
		paint.print(w, "  No plan can be made yet: "+p.Waiting+".")
		return
	}
	rows := planRows(p)
	shown := rows[:min(most, len(rows))]
	names := 0
	for _, r := range shown {
		names = max(names, uniseg.StringWidth(r.name))
	}
	for _, r := range shown {
		paint.showRow(w, r, min(names, paint.nameRoom()))
	}
	if n := len(rows) - len(shown); n > 0 {
		fmt.Fprintf(w, "  %s\n", paint.dim.Sprintf("… and %d more", n))
	}
	fmt.Fprintln(w)
	paint.print(w, "  "+paint.sums(rows))
	for _, h := range p.Held {
		paint.print(w, fmt.Sprintf("  %s %s: %s", paint.change.Sprint("held"), h.Name, h.Text))
	}
}

// narrow says whether a table has no room for what can be done without.
func (paint palette) narrow() bool { return paint.width < 80 }

// nameRoom is how many columns a group's name has in a plan.
func (paint palette) nameRoom() int {
	if paint.narrow() {
		return 20
	}
	return paint.width - 54
}

// memberRoom is how many columns the members have in a plan.
func (paint palette) memberRoom() int {
	if paint.narrow() {
		return 13
	}
	return 17
}

func (paint palette) showRow(w io.Writer, r row, names int) {
	sign, verb, c := "~", string(r.op), paint.change
	switch r.op {
	case plan.Create, plan.Restore:
		sign, c = "+", paint.add
	case plan.Delete, plan.Disown:
		sign, c = "-", paint.remove
	}
	left := pad(cut(r.name, names), names)
	members := paint.members(r)
	used := 2 + 2 + 8 + names + 2 + paint.memberRoom() + 2
	line := fmt.Sprintf("  %s %s %s  %s", c.Sprint(sign), c.Sprint(pad(verb, 7)), left, members)
	if text := details(r); text != "" {
		line += "  " + paint.dim.Sprint(cut(text, paint.width-used))
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

// members is what a row does to its members, in memberRoom columns.
func (paint palette) members(r row) string {
	var plain, out string
	part := func(n int, sign string, c *color.Color) {
		if n == 0 {
			return
		}
		text := english().Sprintf("%s%d", sign, n)
		plain, out = plain+text+" ", out+c.Sprint(text)+" "
	}
	part(r.add, "+", paint.add)
	part(r.remove, "-", paint.remove)
	word := "members"
	switch {
	case plain == "" || paint.narrow():
		word = ""
	case r.add+r.remove == 1:
		word = "member"
	}
	return pad(out+word, paint.memberRoom())
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
		if l, ok := r.links[link]; ok {
			parts = append(parts, l.text(link))
		}
	}
	return strings.Join(parts, ", ")
}

// text says what becomes of a link.
func (l linked) text(link plan.Link) string {
	switch {
	case link == plan.CoManagers:
		return fmt.Sprintf("more managers: +%d -%d", len(l.comes), len(l.goes))
	case len(l.comes) == 0:
		return "managed by nobody"
	}
	return "managed by " + strings.Join(l.comes, ", ")
}

// sums is a plan in a sentence.
func (paint palette) sums(rows []row) string {
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
	say := english()
	text := say.Sprintf("%d to create", n.create)
	for _, more := range []struct {
		n    int
		what string
	}{{n.restore, "restore"}, {n.rename, "rename"}, {n.update, "change"}, {n.disown, "leave to people"}, {n.delete, "delete"}} {
		if more.n > 0 {
			text += say.Sprintf(", %d to %s", more.n, more.what)
		}
	}
	return paint.strong.Sprint("Plan:") + say.Sprintf(" %s, %d memberships to add, %d to remove.", text, n.add, n.remove)
}

// examples is how many problems of a kind are named.
const examples = 3

// showProblems prints what cannot be written, by reason. name says what people
// call a cloud object.
func (paint palette) showProblems(w io.Writer, problems []status.Problem, name func(directory.ID) string) {
	byReason := map[string][]status.Problem{}
	for _, p := range problems {
		byReason[p.Reason] = append(byReason[p.Reason], p)
	}
	reasons := slices.SortedFunc(maps.Keys(byReason), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byReason[b]), len(byReason[a])), strings.Compare(a, b))
	})
	for _, reason := range reasons {
		ps := byReason[reason]
		text := cmp.Or(rules.Explain(reason), ps[0].Text)
		text = cut(text, 2*paint.width)
		paint.print(w, fmt.Sprintf("  %s %s  %s", paint.change.Sprintf("%5s", english().Sprint(len(ps))), paint.strong.Sprint(reason), text))
		var who []string
		for _, p := range ps[:min(examples, len(ps))] {
			who = append(who, about(p, name))
		}
		if n := len(ps) - len(who); n > 0 {
			who = append(who, fmt.Sprintf("and %d more", n))
		}
		fmt.Fprintf(w, "        %s\n", paint.dim.Sprint(cut(strings.Join(who, ", "), paint.width-8)))
	}
}

// about names a problem's member and group, or says how many groups have it.
func about(p status.Problem, name func(directory.ID) string) string {
	if p.Groups > 0 {
		return status.Count(p.Groups, "group", "groups")
	}
	if p.Member == (directory.ID{}) {
		return name(p.Group)
	}
	return name(p.Member) + " in " + name(p.Group)
}
