package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
	return paint.byReason(problems, func(_ string, ps []status.Problem) string {
		var who []string
		for _, p := range ps[:min(examples, len(ps))] {
			who = append(who, plain(about(p, name)))
		}
		if n := len(ps) - len(who); n > 0 {
			who = append(who, fmt.Sprintf("and %d more", n))
		}
		return "        " + paint.Dim.Sprint(columns.Cut(strings.Join(who, ", "), paint.Width-8)) + "\n"
	})
}

// EachProblem is what could not be written, by reason, and each whole: who it is about, what is said of it alone, and
// when it is tried again.
func (paint Paint) EachProblem(problems []status.Problem, name func(directory.ID) string) string {
	return paint.byReason(problems, func(text string, ps []status.Problem) string {
		var b strings.Builder
		for _, p := range ps {
			line := "        " + plain(about(p, name))
			if own := plain(p.Text); own != "" && own != text {
				line += ": " + own
			}
			if !p.Until.IsZero() {
				line += ", tried again at " + p.Until.UTC().Format(time.RFC3339)
			}
			b.WriteString(paint.Text(line))
		}
		return b.String()
	})
}

// byReason heads problems of a reason with its sentence, those that there are most of first. below is what stands there.
func (paint Paint) byReason(problems []status.Problem, below func(text string, ps []status.Problem) string) string {
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
		b.WriteString(paint.Text(fmt.Sprintf("  %s %s  %s", paint.Change.Sprintf("%5s", English().Sprint(len(ps))), paint.Strong.Sprint(plain(reason)), columns.Cut(text, 2*paint.Width))))
		b.WriteString(below(text, ps))
	}
	return b.String()
}

// about names a problem's member and group, or says how many groups have it.
func about(p status.Problem, name func(directory.ID) string) string {
	if p.Groups > 0 {
		return status.Count(p.Groups, "group", "groups")
	}
	switch {
	case p.Member != (directory.ID{}):
		return name(p.Member) + " in " + name(p.Group)
	case p.Ref != "":
		return cmp.Or(p.Who, string(p.Ref)) + " in " + name(p.Group)
	}
	return name(p.Group)
}
