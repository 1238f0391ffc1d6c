package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"groupwriteback/shared/directory"
)

// flagReader is the permission that flags take: of lesser ones people report refusals.
// Whether any opens them to an app is not documented.
// Source: https://learn.microsoft.com/graph/api/group-get, "permissions".
const flagReader = "Group.Read.All"

// Flags asks one Microsoft 365 group for those of Options.Properties that are flags. The
// page has the group with what it told, and nothing of what it did not tell: null is not
// "false".
//
// It is tried once: whoever asks many groups asks this one again another time. The error is
// directory.ErrUntold if the group has no flags at present, and directory.ErrRefused if the
// question is refused for good; it is a *NotBefore if Graph asks to be left alone.
func (c *Client) Flags(ctx context.Context, group directory.ID) (directory.Page, error) {
	f, err := lookup(directory.GroupFeed)
	if err != nil {
		return directory.Page{}, err
	}
	f.permissions = []string{flagReader, "Group.ReadWrite.All"}
	r := request{feed: f, list: true, one: true,
		link: c.base.String() + "/v1.0/groups/" + group.String() + "?$select=id," + strings.Join(c.flags, ",")}
	var page directory.Page
	err = c.persist(ctx, r, func(resp *http.Response, token string) (err error) {
		if page, err = c.understand(resp, r); err == nil {
			doubt(page, roles(token))
		}
		return err
	})
	if err == nil {
		page, err = answered(page, group)
	}
	if err != nil {
		return directory.Page{}, fmt.Errorf("ask group %s for its flags: %w", group, untold(err))
	}
	return page, nil
}

// answered is a page of the one group less what it did not tell, and what of it is odd.
func answered(page directory.Page, group directory.ID) (directory.Page, error) {
	if len(page.Groups) != 1 || page.Groups[0].ID != group {
		what := "it is of another group"
		for _, o := range page.Odd {
			what = o.What
		}
		return page, malformedf("answer is not understood: %s", what)
	}
	set := page.Groups[0].Set
	for _, name := range directory.Flags(slices.Sorted(maps.Keys(set))) {
		v := set[name]
		switch {
		case len(v) == 1 && (v[0] == "true" || v[0] == "false"):
			continue
		case len(v) > 0:
			o := (&odd{fmt.Sprintf("property %s is %.80q, neither true nor false", name, v)}).property(name)
			o.ID = group
			page.Odd = append(page.Odd, o)
		}
		delete(set, name)
	}
	return page, nil
}

// untold says what an error says about the group.
func untold(err error) error {
	r, refused := errors.AsType[*refusal](err)
	_, again := errors.AsType[*transient](err)
	_, odd := errors.AsType[*malformed](err)
	switch {
	case again, errors.Is(err, errUnauthorized):
		return err
	case refused && r.status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", directory.ErrUntold, err)
	case refused && r.status != http.StatusProxyAuthRequired && r.status != http.StatusTooEarly, odd:
		return fmt.Errorf("%w: %w", directory.ErrRefused, err)
	}
	return err
}
