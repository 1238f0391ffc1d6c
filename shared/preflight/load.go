package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
)

// Many is how many groups somebody may be in before he is told of. Windows puts 1,024 SIDs at
// most into an access token, about 1,015 of them of groups, and refuses the sign-in of whoever
// has more (Microsoft, "Logging on a user account that is a member of more than 1,010 groups").
const Many = 1000

// mostSuspects is of how many users the groups above theirs are counted each once.
const mostSuspects = 1000

// Load counts for each user the security groups that he is going to be in, by groups in
// groups too. It holds a number for each user, never a list of members, and is told of groups in
// three passes: of all by Add; then, of those of Family, by Through; and by Exactly. A
// pass may be left out: then those above are not counted. The zero value is ready.
type Load struct {
	direct map[directory.ID]int            // groups that a user is in himself
	above  map[directory.ID][]directory.ID // of a group: those that it is in itself
	nested map[directory.ID]bool           // groups that are in others, or have others in them

	upper map[directory.ID]int                   // of users: groups above theirs, however often
	exact map[directory.ID]map[directory.ID]bool // of suspects: the groups of Family that they are in themselves
}

// Add counts a security group that is wanted: the users and the groups that are in it.
func (l *Load) Add(group directory.ID, users, groups []directory.ID) {
	if l.direct == nil {
		l.direct, l.above, l.nested = map[directory.ID]int{}, map[directory.ID][]directory.ID{}, map[directory.ID]bool{}
	}
	for _, u := range users {
		l.direct[u]++
	}
	for _, g := range groups {
		l.above[g] = append(l.above[g], group)
		l.nested[g], l.nested[group] = true, true
	}
}

// Family are the groups that are in others, or have others in them, in order.
func (l *Load) Family() []directory.ID {
	return slices.SortedFunc(maps.Keys(l.nested), directory.ID.Compare)
}

// Through notes the users of a group of Family.
func (l *Load) Through(group directory.ID, users []directory.ID) {
	n := len(l.closure(group)) - 1
	if n <= 0 {
		return
	}
	if l.upper == nil {
		l.upper = map[directory.ID]int{}
	}
	for _, u := range users {
		l.upper[u] += n
	}
}

// Suspects is how many users may be in more than Many groups, and are not for sure. It begins
// the last pass.
func (l *Load) Suspects() int {
	l.exact = map[directory.ID]map[directory.ID]bool{}
	var all []directory.ID
	for u, n := range l.upper {
		if l.direct[u]+n > Many {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b directory.ID) int {
		return cmp.Or(cmp.Compare(l.direct[b]+l.upper[b], l.direct[a]+l.upper[a]), a.Compare(b))
	})
	for _, u := range all[:min(len(all), mostSuspects)] {
		l.exact[u] = map[directory.ID]bool{}
	}
	return len(l.exact)
}

// Exactly notes the suspects among the users of a group of Family.
func (l *Load) Exactly(group directory.ID, users []directory.ID) {
	for _, u := range users {
		if of := l.exact[u]; of != nil {
			of[group] = true
		}
	}
}

// closure is a group with all that are above it, also where they go round in a circle.
func (l *Load) closure(groups ...directory.ID) map[directory.ID]bool {
	all := map[directory.ID]bool{}
	for len(groups) > 0 {
		g := groups[len(groups)-1]
		if groups = groups[:len(groups)-1]; !all[g] {
			all[g] = true
			groups = append(groups, l.above[g]...)
		}
	}
	return all
}

// Heaviest is how many users are in more than Many groups, and who is in the most; zero: nobody
// is in any.
func (l *Load) Heaviest() (over int, who directory.ID, groups int) {
	for u, n := range l.direct {
		if of := l.exact[u]; len(of) > 0 {
			n += len(l.closure(slices.Collect(maps.Keys(of))...)) - len(of)
		}
		if n > Many {
			over++
		}
		if n > groups || n == groups && u.Compare(who) < 0 {
			who, groups = u, n
		}
	}
	return over, who, groups
}

// Tokens says whose sign-in suffers: how many users come into more than Many groups, who into
// the most, and into how many. part says which part of the groups was looked at; empty: all.
func Tokens(over int, who string, groups int, part string) checklist.Row {
	row := checklist.Row{What: "tokens", State: checklist.OK, Text: "nobody is in any of the groups"}
	switch {
	case over > 0:
		row.State = checklist.Warning
		row.Text = fmt.Sprintf("%s in more than %s of these security groups, most of all %s, in %s: Windows refuses a sign-in with more than about 1,015 groups, and Kerberos tickets grow with each; groups that they are in already come on top",
			some(over, "user is going to be", "users are going to be"), number(Many), who, number(groups))
		row.Remedy = "take groups out of the rules' scope, or write those that give no access as distribution groups"
	case groups > 0:
		row.Text = fmt.Sprintf("nobody is going to be in more than %s of these security groups; %s is in the most, in %s", number(Many), who, number(groups))
	}
	if part != "" {
		row.Text += "; " + part
		if over == 0 {
			row.State = checklist.Unknown
		}
	}
	return row
}
