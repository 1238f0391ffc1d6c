// Package graph reads the delta feeds of Microsoft Graph: groups with their
// members and, where they are asked for, their owners, users, devices and, where they
// are asked for, contacts, page by page, into the types of package directory.
//
// It is not a general Graph client: it sends GET requests to four feeds, for users,
// devices and contacts by id, for what only a group itself tells, and for what of the tenant people should know before
// writeback is switched on, and nothing else; it keeps no state but the address it was given. Of the Graph
// SDK it takes the errors, for errors.As with *odataerrors.ODataError. It does not
// link the generated models, which cannot tell a property that was cleared from
// one that was not mentioned.
//
// Its invariants:
//
//   - Unknown is not empty. A page is complete, or it is an error; what in it cannot be
//     read is left out and named, and never stands for "not there".
//   - An access token goes to the host that the operator named and to no other,
//     whatever a link or a redirect says.
//   - A request ends by its context's deadline, also while Graph throttles.
package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"groupwriteback/shared/directory"
)

// Options say how to reach Graph. Only Credential is required.
type Options struct {
	// Base is where Graph is: scheme, host and port, "https://graph.microsoft.com"
	// if empty. See signin.Cloud for the national clouds.
	Base string

	// Credential signs in; see package signin. The token's scope is Base + "/.default".
	Credential azcore.TokenCredential

	// Tenant is the id of the tenant that is to be read. A token of another one is
	// refused; a managed identity, for one, is not told which tenant it is for.
	// Empty, or a domain: any will do.
	Tenant string

	// Properties of groups to read on top of those that are always read, by their
	// Graph names; "owners" is who owns them. Links are valid only for the properties that they began with.
	// Flags (directory.IsFlag) are no part of that: see Client.Flags.
	Properties []string

	// Contacts says that contacts are read too.
	Contacts bool

	// HTTP carries the requests; its redirect policy is replaced. Nil: a client
	// with the system's proxy and trusted certificates.
	HTTP *http.Client

	// Timeout of one request with its body, after which a connection counts as
	// hung; 2 minutes if 0. Waits and further tries are on top of it.
	Timeout time.Duration

	// Log gets a line for every request that is repeated. Nil: nothing is logged.
	Log *slog.Logger

	// Wait returns after d, or earlier with ctx's error. Nil: it really waits.
	Wait func(ctx context.Context, d time.Duration) error

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// Jitter returns a number in [0, 1) that spreads waits; nil: at random.
	Jitter func() float64
}

// Client reads the feeds. It is safe for concurrent use.
type Client struct {
	base       *url.URL
	credential azcore.TokenCredential
	tenant     string
	extra      []string
	flags      []string
	contacts   bool
	http       *http.Client
	timeout    time.Duration
	log        *slog.Logger
	wait       func(context.Context, time.Duration) error
	now        func() time.Time
	jitter     func() float64
}

// New checks o and returns a client. It makes no request.
func New(o Options) (*Client, error) {
	base, err := parseBase(cmp.Or(o.Base, "https://graph.microsoft.com"))
	if err != nil {
		return nil, err
	}
	if o.Credential == nil {
		return nil, errors.New("microsoft graph: no credential to sign in with")
	}
	for _, name := range o.Properties {
		if !propertyName.MatchString(name) {
			return nil, fmt.Errorf("group property %q is not the name of a Graph property, such as mailNickname", name)
		}
	}
	c := &Client{
		base: base, credential: o.Credential, tenant: o.Tenant, extra: slices.DeleteFunc(slices.Clone(o.Properties), directory.IsFlag), flags: directory.Flags(o.Properties), contacts: o.Contacts, http: guarded(o.HTTP, base),
		timeout: cmp.Or(o.Timeout, 2*time.Minute), log: o.Log, wait: o.Wait, now: o.Now, jitter: o.Jitter,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.wait == nil {
		c.wait = sleep
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
	return c, nil
}

var propertyName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// Feeds lists the feeds that the client is for.
func (c *Client) Feeds() []directory.Feed {
	feeds := []directory.Feed{directory.GroupFeed, directory.UserFeed, directory.DeviceFeed}
	if c.contacts {
		feeds = append(feeds, directory.ContactFeed)
	}
	return feeds
}

// Select lists the properties that the client asks a feed for, sorted. A link is
// bound to the list it began with: where the list has changed, a feed has to be
// enumerated again.
func (c *Client) Select(feed directory.Feed) []string {
	f, err := lookup(feed)
	if err != nil {
		return nil
	}
	if feed == directory.GroupFeed {
		return f.selection(c.extra)
	}
	return f.selection(nil)
}

// Page reads one page of a feed: the one that link names, which an earlier page
// brought as Next or Delta, or the first of a full enumeration if link is "".
//
// Throttling, faults of the service and broken connections are tried again, up
// to 6 times and not past ctx's deadline; an error that ends there satisfies
// errors.Is(err, context.DeadlineExceeded) and says why it had to wait. It is a
// *NotBefore if it was Graph that asked for the wait. The error is
// directory.ErrResync if Graph no longer knows the link, and directory.ErrLink if it
// refuses a link of its own for another reason.
//
// Source: https://learn.microsoft.com/graph/delta-query-overview and
// https://learn.microsoft.com/graph/throttling.
func (c *Client) Page(ctx context.Context, feed directory.Feed, link string) (directory.Page, error) {
	f, err := lookup(feed)
	if err != nil {
		return directory.Page{}, err
	}
	r := request{feed: f, link: link}
	if link == "" {
		r.link, r.ours = c.first(f), true
	}
	return c.read(ctx, r)
}

// Again reads some groups once more, at most 50, from the beginning: all of their
// properties and members. link is "" at first, and then the last page's Next until
// that is "". A group that Graph does not list is left out. Errors are those of Page.
//
// Source: https://learn.microsoft.com/graph/api/group-delta, "$filter": only by id,
// and 50 objects at most.
func (c *Client) Again(ctx context.Context, groups []directory.ID, link string) (directory.Page, error) {
	f, err := lookup(directory.GroupFeed)
	if err != nil {
		return directory.Page{}, err
	}
	r := request{feed: f, link: link}
	if link == "" {
		terms := make([]string, len(groups))
		for i, id := range groups {
			terms[i] = "id eq '" + id.String() + "'"
		}
		r.link, r.ours = c.first(f)+"&$filter="+escape(strings.Join(terms, " or ")), true
	}
	return c.read(ctx, r)
}

// first is the link that begins an enumeration.
func (c *Client) first(f feed) string { return c.at(f) + "/delta?" + c.selects(f) }

// owners is the relationship of groups that is read as members are, where it is asked for.
const owners = "owners"

// betaProperty is a property of groups that Graph's beta version alone has: whoever asks for
// it reads groups there. Source:
// https://learn.microsoft.com/graph/api/resources/groupwritebackconfiguration.
const betaProperty = "writebackConfiguration"

// at is where a feed is.
func (c *Client) at(f feed) string {
	version := "/v1.0/"
	if f.members && slices.Contains(c.extra, betaProperty) {
		version = "/beta/"
	}
	return c.base.String() + version + string(f.name)
}

func (c *Client) selects(f feed) string { return "$select=" + strings.Join(c.Select(f.name), ",") }

// escape makes a filter fit for a link. Ids and our own words need no more.
func escape(filter string) string { return strings.ReplaceAll(filter, " ", "%20") }

func (c *Client) read(ctx context.Context, r request) (directory.Page, error) {
	what := "feed"
	if r.list {
		what = "by id"
	}
	var page directory.Page
	err := c.persist(ctx, r, func(resp *http.Response, token string) (err error) {
		if page, err = c.understand(resp, r); err == nil {
			doubt(page, roles(token))
		}
		return err
	})
	if err != nil {
		return directory.Page{}, fmt.Errorf("read %s %s: %w", r.feed.name, what, err)
	}
	return page, nil
}
