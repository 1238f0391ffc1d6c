package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/plan"
)

// Most is how much of a plan is shown; 0: all of it.
type Most struct {
	Groups int
	Values int // of one attribute, or of those who come and go
}

// Whole is what a turn would do, each group with all that becomes of it: attributes, members
// and who manages it, and why; then the sums and what is held.
func (paint Paint) Whole(p cycle.Preview, most Most) string {
	if p.Waiting != "" {
		return paint.waiting(p)
	}
	rows := planRows(p)
	shown := first(rows, most.Groups)
	var b strings.Builder
	for _, r := range shown {
		b.WriteString(paint.group(r, most.Values) + "\n")
	}
	if n := len(rows) - len(shown); n > 0 {
		b.WriteString("  " + paint.Dim.Sprintf("… and %s more", English().Sprint(n)) + "\n\n")
	}
	return b.String() + paint.end(p, rows)
}

// verb is what an operation is called over a group.
func verb(op plan.Op) string {
	switch op {
	case plan.Update:
		return "change"
	case plan.Disown:
		return "leave to people"
	}
	return string(op)
}

// group is all that becomes of one group: a line that names it, and one for each thing below.
func (paint Paint) group(r row, most int) string {
	sign, c := paint.sign(r.op)
	head := fmt.Sprintf("  %s %s %s", c.Sprint(sign), c.Sprint(verb(r.op)), paint.Strong.Sprint(r.name))
	if r.op == plan.Rename && r.to != r.name {
		head += " → " + paint.Strong.Sprint(r.to)
	}
	if len(r.why) > 0 {
		head += paint.Dim.Sprint("  (" + strings.Join(r.why, ", ") + ")")
	}
	b := &strings.Builder{}
	b.WriteString(paint.Text(head))
	if r.parent != "" {
		b.WriteString(paint.Text("      " + paint.Dim.Sprint("in ") + r.parent))
	}
	for _, name := range slices.Sorted(maps.Keys(r.set)) {
		b.WriteString(paint.attribute(r.op, name, r.set[name], most))
	}
	for _, link := range plan.AllLinks() {
		b.WriteString(paint.values("-", paint.Remove, string(link), r.links[link].goes, most))
		b.WriteString(paint.values("+", paint.Add, string(link), r.links[link].comes, most))
	}
	switch {
	case r.ends == 0:
	case r.op == plan.Delete:
		b.WriteString(paint.thing("-", paint.Remove, English().Sprintf("%d memberships go with it", r.ends)))
	default:
		b.WriteString(paint.thing("-", paint.Remove, English().Sprintf("%d memberships give nothing any more", r.ends)))
	}
	for _, text := range r.loses {
		b.WriteString(paint.thing("!", paint.Change, text))
	}
	return b.String()
}

// attribute is what a group's attribute becomes.
func (paint Paint) attribute(op plan.Op, name string, values []string, most int) string {
	sign, c := paint.sign(op)
	if op.Updates() || op == plan.Rename {
		sign, c = "~", paint.Change
	}
	if len(values) == 0 {
		return paint.thing("-", paint.Remove, plain(name)+" is cleared")
	}
	var said []string
	for _, v := range first(values, most) {
		said = append(said, quoted(name, v))
	}
	text := plain(name) + " = " + strings.Join(said, ", ")
	if n := len(values) - len(said); n > 0 {
		text += English().Sprintf(" and %d more", n)
	}
	return paint.thing(sign, c, text)
}

// quoted is an attribute's value; of groupType what people call it too.
func quoted(name, value string) string {
	text := plain(fmt.Sprintf("%q", value))
	if name == plan.GroupTypeAttribute {
		for word, v := range plan.GroupTypes() {
			if v == value {
				return text + " (" + word + ")"
			}
		}
	}
	return text
}

// values are those who come to a link or go from it, a line each.
func (paint Paint) values(sign string, c *color.Color, link string, names []string, most int) string {
	var b strings.Builder
	shown := first(names, most)
	for _, name := range shown {
		b.WriteString(paint.thing(sign, c, link+" "+name))
	}
	if n := len(names) - len(shown); n > 0 {
		b.WriteString(paint.thing(sign, c, English().Sprintf("%s and %d more", link, n)))
	}
	return b.String()
}

// thing is one line below a group.
func (paint Paint) thing(sign string, c *color.Color, text string) string {
	return paint.Text("      " + c.Sprint(sign) + " " + text)
}
