package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/columns"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// examples is how many problems of a kind are named.
const examples = 3

// Problems is what could not be written, by reason with its sentence and some examples. name says
// what people call a cloud object.
func (paint Paint) Problems(problems []status.Problem, name func(directory.ID) string) string {
	var b strings.Builder
	byReason := map[string][]status.Problem{}
	for _, p := range problems {
		byReason[p.Reason] = append(byReason[p.Reason], p)
	}
	reasons := slices.SortedFunc(maps.Keys(byReason), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(byReason[b]), len(byReason[a])), strings.Compare(a, b))
	})
	for _, reason := range reasons {
		ps := byReason[reason]
		text := plain(cmp.Or(rules.Explain(reason), ps[0].Text))
		text = columns.Cut(text, 2*paint.Width)
		b.WriteString(paint.Text(fmt.Sprintf("  %s %s  %s", paint.Change.Sprintf("%5s", English().Sprint(len(ps))), paint.Strong.Sprint(plain(reason)), text)))
		var who []string
		for _, p := range ps[:min(examples, len(ps))] {
			who = append(who, plain(about(p, name)))
		}
		if n := len(ps) - len(who); n > 0 {
			who = append(who, fmt.Sprintf("and %d more", n))
		}
		fmt.Fprintf(&b, "        %s\n", paint.Dim.Sprint(columns.Cut(strings.Join(who, ", "), paint.Width-8)))
	}
	return b.String()
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
