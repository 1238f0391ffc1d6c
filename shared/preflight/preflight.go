// Package preflight judges what a person should know before writeback is switched on: what
// of Exchange is there, what the app may do in the tenant, who else writes groups, whose
// sign-in suffers from many groups, and who is left out of them. It makes rows of a
// checklist of it.
//
// It is pure: it is told what was found, and looks at nothing itself. What could not be
// read is told as unknown, with what would tell it, and never as absent. No row keeps
// anybody from switching on.
package preflight

import (
	"fmt"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/exchange"
)

// Exchange is what there is of Exchange, and what of that is missing for groups with mail.
// mail says that the rules write such groups, and domains are those of their primary
// addresses: what is missing keeps them from coming then, and mail for these domains may be
// lost on its way.
func Exchange(site exchange.Site, mail bool, domains ...string) (rows []checklist.Row) {
	tell := func(state checklist.State, text, remedy string) {
		rows = append(rows, checklist.Row{What: "exchange", State: state, Text: text, Remedy: remedy})
	}
	lacking := checklist.Warning
	if mail {
		lacking = checklist.Missing
	}
	unread := site.Unread
	if site.Unread = ""; unread != "" {
		tell(checklist.Warning, unread+"; groups with mail wait, all others do not", "")
		if site.None() {
			return rows
		}
	}
	if site.None() && mail {
		tell(lacking, "there is none in this forest, and the rules write groups with mail: those wait, all others do not", "install Exchange, or write no mail")
		return rows
	}
	tell(checklist.OK, site.String(), "")
	if site.None() {
		return rows
	}
	for _, lack := range site.Lacks() {
		tell(lacking, lack.Text, "")
	}
	for _, fault := range site.Warnings(domains...) {
		tell(checklist.Warning, fault.What, fault.Remedy)
	}
	return rows
}

// some is a number with its noun: "1 user", "1,204 users".
func some(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number has its thousands apart.
func number(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", number(n/1000), n%1000)
}
