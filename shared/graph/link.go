package graph

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// request is a page to ask for.
type request struct {
	feed feed
	link string
	ours bool // the link was made here, not by Graph
	list bool // of objects as they are, not of changes: no deltaLink ends it
	one  bool // not a page, but one group, of which the flags are asked: tried once
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("microsoft graph address %q must be https:// and a host, such as https://graph.microsoft.com", s)
	}
	return u, nil
}

// guarded returns a copy of h that follows redirects only within base's host.
func guarded(h *http.Client, base *url.URL) *http.Client {
	var g http.Client
	if h != nil {
		g = *h
	}
	g.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("more than 3 redirects")
		}
		return sameHost(base, r.URL)
	}
	return &g
}

// foreignError is a link or a redirect that leads away from Graph. A token sent
// there would be a token lost, so that it is refused and never tried again.
type foreignError struct{ want, got string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("link leads to %s, not to %s: refused, because the access token would go there", e.got, e.want)
}

func sameHost(base, u *url.URL) error {
	if u.Scheme != base.Scheme || !strings.EqualFold(u.Hostname(), base.Hostname()) || port(u) != port(base) {
		return &foreignError{want: base.Scheme + "://" + base.Host, got: u.Scheme + "://" + u.Host}
	}
	return nil
}

func port(u *url.URL) string { return cmp.Or(u.Port(), "443") } // base is https, so u is too when this counts

// check returns an error unless link leads to the client's Graph.
func (c *Client) check(link string) error {
	u, err := url.Parse(link)
	if err != nil {
		return fmt.Errorf("link %.80q is not a URL", link)
	}
	return sameHost(c.base, u)
}
