package preflight

import (
	"fmt"
	"slices"
	"strings"

	"groupwriteback/shared/checklist"
)

// A Need is something that the app reads in the tenant.
type Need struct {
	What  string // in a word: groups, users, …
	Held  string // the permission by which it may; empty: by none
	Least string // the one to grant for it
}

// Permission is whether the app may read something that the rules need.
func Permission(n Need) checklist.Row {
	if n.Held == "" {
		return checklist.Row{What: n.What, State: checklist.Missing, Text: "the app may not read " + n.What,
			Remedy: "grant it " + n.Least + " as an application permission, with admin consent"}
	}
	return checklist.Row{What: n.What, State: checklist.OK, Text: "may be read, by " + n.Held}
}

// Hidden is whether the app is told who is in groups of hidden membership; by is the
// permission that it takes.
func Hidden(sees bool, by string) checklist.Row {
	if sees {
		return checklist.Row{What: "hidden", State: checklist.OK, Text: "who is in groups of hidden membership is known, by " + by}
	}
	return checklist.Row{What: "hidden", State: checklist.Warning, Text: "who is in groups of hidden membership is not known, and they stay as they are",
		Remedy: "grant " + by + " if some are in scope"}
}

// Excess is what the app may do in the tenant and need not, those permissions first by which
// it could write: whoever has its secret can do it too.
func Excess(roles []string) (rows []checklist.Row) {
	var writes, reads []string
	for _, r := range roles {
		if parts := strings.Split(r, "."); slices.Contains(parts, "Read") || slices.Contains(parts, "ReadBasic") {
			reads = append(reads, r)
		} else {
			writes = append(writes, r)
		}
	}
	tell := func(text string, roles []string) {
		if len(roles) > 0 {
			rows = append(rows, checklist.Row{What: "permissions", State: checklist.Warning, Text: text + strings.Join(roles, ", "), Remedy: "take them away"})
		}
	}
	tell("the app may write in the tenant, and never does: ", writes)
	tell("more than is needed: ", reads)
	return rows
}

// Default is the tenant's setting for Microsoft 365 groups of which nobody has said whether
// they are written back. matters says that the rules go by writebackConfiguration.
func Default(on, matters bool) checklist.Row {
	row := checklist.Row{What: "default", State: checklist.OK}
	switch {
	case !on:
		row.Text = "new Microsoft 365 groups are not written back before somebody says so (NewUnifiedGroupWritebackDefault is false)"
	case matters:
		row.State, row.Text = checklist.Warning, "the tenant has new Microsoft 365 groups written back (NewUnifiedGroupWritebackDefault is true, or was never set), and the rules go by that"
		row.Remedy = "set it to false if each group is to be chosen"
	default:
		row.Text = "the tenant has new Microsoft 365 groups written back (NewUnifiedGroupWritebackDefault is true, or was never set); these rules do not go by it, Entra Connect may"
	}
	return row
}

// A Job is one of Cloud Sync that writes groups to Active Directory.
type Job struct {
	Name   string // of its service principal: the domain, as Cloud Sync names it
	ID     string
	State  string // of its schedule: Active, Paused, Disabled
	Status string // of its last run: Active, Quarantine, NotRun, …
}

// runs says whether a job may write.
func (j Job) runs() bool {
	return !strings.EqualFold(j.State, "Paused") && !strings.EqualFold(j.State, "Disabled")
}

// CloudSync is which other jobs of the tenant write groups to Active Directory.
func CloudSync(jobs []Job) (rows []checklist.Row) {
	for _, j := range jobs {
		row := checklist.Row{What: "cloud-sync", State: checklist.OK, Text: fmt.Sprintf("the job of %s that writes groups to Active Directory does not run (%s)", j.Name, strings.ToLower(j.State))}
		if j.runs() {
			row.State = checklist.Warning
			row.Text = fmt.Sprintf("Cloud Sync writes groups to Active Directory too, by the job of %s (%s)", j.Name, strings.Join(slices.DeleteFunc([]string{j.State, j.Status}, func(s string) bool { return s == "" }), ", "))
			row.Remedy = "one group has one writer: see that no group is in the scope of both, or pause that job"
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		rows = []checklist.Row{{What: "cloud-sync", State: checklist.OK, Text: "no job of Cloud Sync writes groups to Active Directory"}}
	}
	return rows
}
