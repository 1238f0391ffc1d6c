package graph

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"groupwriteback/shared/directory"
)

// Hit is somebody who may be meant by a name.
type Hit struct {
	ID   directory.ID   `json:"id"`
	Kind directory.Kind `json:"kind"`
	Name string         `json:"name"`           // the display name
	Also string         `json:"also,omitempty"` // what tells it from others of that name
}

// MostHits is how many hits there are of a feed at most.
const MostHits = 25

// Find asks who of a feed has a name: a group by its display name, mail nickname or address, a
// user by the user name, address or display name, a device by its name; all by the object
// id. more says that there are more than are listed. Errors are those of Page, less those
// that are about links.
//
// Source: https://learn.microsoft.com/graph/filter-query-parameter.
func (c *Client) Find(ctx context.Context, feed directory.Feed, name string) (hits []Hit, more bool, err error) {
	f, err := lookup(feed)
	if err != nil {
		return nil, false, err
	}
	names, also := namesOf(feed)
	value := "'" + strings.ReplaceAll(name, "'", "''") + "'"
	var terms []string
	if id, err := directory.ParseID(name); err == nil {
		terms = []string{"id in ('" + id.String() + "')"}
	} else {
		for _, n := range names {
			terms = append(terms, n+" eq "+value)
		}
	}
	link := fmt.Sprintf("%s/v1.0/%s?$select=id,%s&$top=%d&$filter=%s", c.base, feed, strings.Join(names, ","), MostHits, strings.ReplaceAll(url.QueryEscape(strings.Join(terms, " or ")), "+", "%20"))
	page, err := c.read(ctx, request{feed: f, list: true, link: link})
	if err != nil {
		return nil, false, err
	}
	for _, g := range page.Groups {
		hits = append(hits, Hit{g.ID, directory.GroupKind, g.Set.First("displayName"), g.Set.First(also)})
	}
	for _, p := range page.Principals {
		hits = append(hits, Hit{p.ID, p.Kind, p.Set.First("displayName"), p.Set.First(also)})
	}
	return hits, page.Next != "", nil
}

// namesOf are the properties by which people name somebody of a feed, and the one that tells him
// from others.
func namesOf(feed directory.Feed) (names []string, also string) {
	switch feed {
	case directory.GroupFeed:
		return []string{"displayName", "mailNickname", "mail"}, "mailNickname"
	case directory.UserFeed:
		return []string{"userPrincipalName", "mail", "displayName"}, "userPrincipalName"
	}
	return []string{"displayName"}, ""
}
