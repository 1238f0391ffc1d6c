package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"groupwriteback/shared/directory"
)

// errUnauthorized is a 401. Try it once more with a fresh token.
var errUnauthorized = errors.New("the access token is not accepted: check the tenant, that the app is enabled, that the cloud is the right one, and this machine's clock")

// refusal is a response other than 200. It unwraps to the Graph SDK's
// *odataerrors.ODataError, if the body was one.
type refusal struct {
	odata     *odataerrors.ODataError
	status    int
	codes     []string // the error's own code, then those of its inner errors
	message   string
	requestID string // what Microsoft's support asks for
	location  string
}

func (r *refusal) Unwrap() error {
	if r.odata == nil {
		return nil
	}
	return r.odata
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("microsoft graph answers %d", r.status)
	if len(r.codes) > 0 {
		s += " " + r.codes[0]
	} else {
		s = strings.TrimSpace(s + " " + http.StatusText(r.status))
	}
	if r.message != "" {
		s += ": " + strings.TrimRight(r.message, ".")
	}
	if r.location != "" {
		s += ": it points to " + r.location
	}
	if r.requestID != "" {
		s += " (request-id " + r.requestID + ")"
	}
	return s
}

// has reports whether one of the codes is code; Graph does not agree with itself on
// its case, nor on which level it puts it.
func (r *refusal) has(code string) bool {
	return slices.ContainsFunc(r.codes, func(c string) bool { return strings.EqualFold(c, code) })
}

// refused turns a response other than 200 into an error: one to try again, one
// to enumerate again, or one for a person.
func (c *Client) refused(resp *http.Response, q request, token string) error {
	r := readRefusal(resp)
	switch r.status {
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w", errUnauthorized, r)
	case http.StatusForbidden:
		return forbidden(r, q.feed, readClaims(token))
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		t := &transient{error: r}
		t.after, t.asked = retryAfter(resp.Header, c.now())
		t.at = c.now().Add(t.after)
		return t
	case http.StatusProxyAuthRequired, http.StatusTooEarly:
		return r // not about the link
	}
	switch {
	case q.list || r.status < 400 || r.status >= 500:
		return r
	case r.status == http.StatusGone || r.has("syncStateNotFound") || r.has("resyncRequired"):
		return fmt.Errorf("%w: %w", directory.ErrResync, r)
	case !q.ours:
		return fmt.Errorf("%w: %w", directory.ErrLink, r)
	}
	return r
}

// forbidden says which permission is missing. The names are those of the Entra admin
// center, where it has to be granted.
func forbidden(r *refusal, f feed, of claims) error {
	have := of.Roles
	if slices.ContainsFunc(f.permissions, func(p string) bool { return slices.Contains(have, p) }) {
		return fmt.Errorf("%w: the app may read %s, but not all that is asked for: its permissions are %s", r, f.name, strings.Join(have, ", "))
	}
	list := "none"
	if len(have) > 0 {
		list = strings.Join(have, ", ")
	}
	return fmt.Errorf("%w: the app lacks %s (it has: %s): grant it as %s, with admin consent", r, f.permissions[0], list, of.sort())
}

// readRefusal keeps of a response what a person has to know. A body that is no OData
// error leaves the status alone.
func readRefusal(resp *http.Response) *refusal {
	body, _ := io.ReadAll(io.LimitReader(withoutMark(resp.Body), 64<<10))
	r := &refusal{odata: readOData(resp, body), status: resp.StatusCode, requestID: resp.Header.Get("request-id")}
	if resp.StatusCode/100 == 3 {
		r.location = resp.Header.Get("Location")
	}
	if r.odata == nil {
		return r
	}
	main := r.odata.GetErrorEscaped()
	r.codes, r.message = codes(r.odata), *main.GetMessage()
	if inner := main.GetInnerError(); r.requestID == "" && inner != nil && inner.GetRequestId() != nil {
		r.requestID = *inner.GetRequestId()
	}
	return r
}

// seesHidden is the permission to read who is in a group of hidden membership.
// Source: https://learn.microsoft.com/graph/api/group-list-members.
const seesHidden = "Member.Read.Hidden"

// doubt marks the groups of a page whose members an app of these roles may not see.
// To such a one a list answers 200 and leaves them out; what a delta does is not
// documented.
func doubt(p directory.Page, roles []string) {
	for i, c := range p.Groups {
		p.Groups[i].Unread = c.Set.Hidden() && !slices.Contains(roles, seesHidden)
	}
}

// Roles lists the permissions that the client's token holds, sorted, such as
// "GroupMember.Read.All": an app's own, or those by which it acts for a person. What a
// missing one hides, Graph often leaves out without a word: hidden memberships are known only
// with Member.Read.Hidden. ErrOpaque: the token does not say.
func (c *Client) Roles(ctx context.Context) ([]string, error) {
	token, err := c.token(ctx, false)
	if err != nil {
		return nil, err
	}
	of := readClaims(token)
	if !of.read {
		return nil, ErrOpaque
	}
	return of.Roles, nil
}

// ErrOpaque: an access token is none that can be read. Graph may take it all the same.
var ErrOpaque = errors.New("the access token cannot be read: what it opens is not known")

// claims are what is read of an access token.
type claims struct {
	Tenant string `json:"tid"`
	Roles  []string
	Scopes string `json:"scp"` // a person's token has these instead, with blanks between

	read bool // it is a token with claims
}

// sort is what a permission of such a token has to be granted as.
func (c claims) sort() string {
	if c.Scopes != "" {
		return "a delegated permission"
	}
	return "an application permission"
}

// readClaims decodes a JWT; what it cannot read is empty. It does not verify: the token is
// our own, and Graph decides what it is good for.
func readClaims(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return claims{}
	}
	c.Roles = append(c.Roles, strings.Fields(c.Scopes)...)
	slices.Sort(c.Roles)
	c.read = true
	return c
}

func roles(token string) []string { return readClaims(token).Roles }
