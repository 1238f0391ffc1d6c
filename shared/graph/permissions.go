package graph

import (
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// Permission says by which of an app's permissions it may read a feed; held is "" if by
// none. least is the one to grant then.
func Permission(feed directory.Feed, roles []string) (held, least string) {
	f, err := lookup(feed)
	if err != nil {
		return "", ""
	}
	for _, p := range f.permissions {
		if slices.Contains(roles, p) {
			return p, f.permissions[0]
		}
	}
	return "", f.permissions[0]
}

// SeesHidden says whether an app with these permissions is told who is in a group of
// hidden membership; by is the permission that it takes.
func SeesHidden(roles []string) (ok bool, by string) {
	return slices.Contains(roles, seesHidden), seesHidden
}

// Excess lists permissions that nothing is read by, or that open more than one of these
// feeds: those to write above all. Those by which people are told more are none of them.
func Excess(roles []string, feeds []directory.Feed) (out []string) {
	needed := append(told(), seesHidden)
	for _, feed := range feeds {
		_, least := Permission(feed, nil)
		needed = append(needed, least)
	}
	for _, r := range roles {
		if !slices.ContainsFunc(needed, func(n string) bool { return strings.EqualFold(n, r) }) {
			out = append(out, r)
		}
	}
	return out
}
