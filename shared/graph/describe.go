package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// maxIn is how many values the operator "in" of a $filter takes.
// Source: https://learn.microsoft.com/graph/filter-query-parameter.
const maxIn = 15

// Describe reads users (of the feed users), devices or contacts (of theirs) by id, in
// as many requests as they need, into a page's Principals. It asks what is, not what
// changed, so that it finds those whom the feed did not name. An id that Graph does
// not list is left out, which says nothing about it: deleted, of another kind, or not
// there yet. Errors are those of Page, less those that are about links.
//
// Source: https://learn.microsoft.com/graph/api/user-list, .../device-list
// and .../orgcontact-list.
func (c *Client) Describe(ctx context.Context, feed directory.Feed, ids []directory.ID) (directory.Page, error) {
	all := directory.Page{Feed: feed}
	f, err := lookup(feed)
	if err != nil {
		return all, err
	}
	if f.members {
		return all, fmt.Errorf("read %s by id: this is for users, devices and contacts: groups are read whole, by Again", f.name)
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, directory.ID.Compare)
	for part := range slices.Chunk(slices.Compact(ids), maxIn) {
		terms := make([]string, len(part))
		for i, id := range part {
			terms[i] = "'" + id.String() + "'"
		}
		r := request{feed: f, list: true, link: c.at(f) + "?" + c.selects(f) + "&$filter=" + escape("id in ("+strings.Join(terms, ",")+")")}
		for r.link != "" {
			page, err := c.read(ctx, r)
			if err != nil {
				return directory.Page{}, err
			}
			all.Principals = append(all.Principals, page.Principals...)
			all.Odd = append(all.Odd, page.Odd...)
			r.link = page.Next
		}
	}
	return all, nil
}
