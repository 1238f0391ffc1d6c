package preflight

import (
	"cmp"
	"slices"

	"groupwriteback/shared/checklist"
)

// Left counts members or groups that cannot be written, for one reason.
type Left struct {
	Count   int    // of them; one in several groups counts in each
	Members bool   // they are members; if not, groups
	Text    string // why, with the remedy
	Member  string // an example's name or id
	Group   string // and that of its group
}

// NotWritten is who is left out and why: members first, and of each the most.
func NotWritten(all []Left) (rows []checklist.Row) {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b Left) int {
		switch {
		case a.Members == b.Members:
			return cmp.Compare(b.Count, a.Count)
		case a.Members:
			return -1
		}
		return 1
	})
	for _, l := range all {
		row := checklist.Row{What: "groups", State: checklist.Warning, Text: some(l.Count, "group", "groups") + ": " + l.Text + "; for example " + l.Group}
		if l.Members {
			row.What, row.Text = "members", some(l.Count, "member", "members")+": "+l.Text+"; for example "+l.Member+" in "+l.Group
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		rows = []checklist.Row{{What: "members", State: checklist.OK, Text: "all members of all groups can be written"}}
	}
	return rows
}
