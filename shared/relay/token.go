package relay

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
)

// Tokens verifies the access tokens of one tenant for one API: issuer, audience,
// signature by a key that the tenant publishes, time, and app roles. Tokens of
// version 1.0 and 2.0 are taken; ID tokens are not.
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
type Tokens struct {
	Issuers  []string    // that of v2.0 tokens, and of v1.0 where the API accepts them
	Audience []string    // the API's application id, and its URI
	Tenant   string      // tid
	Keys     jwt.Keyfunc // finds the tenant's published key for a token; ErrKeys: they could not be read
}

// leeway is how far clocks may differ.
const leeway = time.Minute

// Verify implements Verifier.
func (t *Tokens) Verify(r *http.Request, roles ...string) (Caller, error) {
	c, err := t.claims(r)
	if err != nil {
		return Caller{}, err
	}
	caller, err := c.caller()
	if err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	if !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.list("roles"), role) }) {
		return Caller{}, fmt.Errorf("%w: grant the app role %s to the caller, which is %s", ErrForbidden, strings.Join(roles, " or "), caller.Name)
	}
	return caller, nil
}

// claims are those of the request's token, if it is the tenant's and for this API.
func (t *Tokens) claims(r *http.Request) (claims, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, fmt.Errorf("%w: send Authorization: Bearer <token>", ErrUnauthorized)
	}
	var noKeys error
	c := jwt.MapClaims{} // a map, since names of claims are told apart by case
	token, err := jwt.ParseWithClaims(raw, c, func(token *jwt.Token) (any, error) {
		key, err := t.Keys(token)
		if errors.Is(err, ErrKeys) {
			noKeys = err
		}
		return key, err
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithAudience(t.Audience...))
	switch {
	case noKeys != nil:
		return nil, noKeys
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	if _, asks := token.Header["crit"]; asks { // RFC 7515 section 4.1.11
		return nil, fmt.Errorf("%w: the token's header has crit: it asks for what is not understood here", ErrUnauthorized)
	}
	switch own := claims(c); {
	case !slices.Contains(t.Issuers, own.text("iss")):
		return nil, fmt.Errorf("%w: issuer %q is not of this tenant", ErrUnauthorized, own.text("iss"))
	case own.text("tid") != t.Tenant:
		return nil, fmt.Errorf("%w: the token is of tenant %q", ErrUnauthorized, own.text("tid"))
	default:
		return own, nil
	}
}

// claims are a token's, by their exact names.
type claims map[string]any

// text is a claim that is a string, or "".
func (c claims) text(name string) string { s, _ := c[name].(string); return s }

// list is a claim that is a list of strings; what is in it besides does not count.
func (c claims) list(name string) (list []string) {
	all, _ := c[name].([]any)
	for _, v := range all {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// caller names whom an access token was issued for. An ID token, which bears the
// roles of its user too, is refused: it names no client (azp in v2.0 tokens, appid
// in v1.0), and only a person's access token has scopes (scp). A token without an
// object id is of an application that has no service principal in the tenant.
// https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference.
func (c claims) caller() (Caller, error) {
	app, kind := cmp.Or(c.text("azp"), c.text("appid")), c.text("idtyp")
	person := cmp.Or(c.text("preferred_username"), c.text("upn"), c.text("unique_name"))
	switch {
	case app == "":
		return Caller{}, errors.New("this is no access token: it has neither azp nor appid: send the access token, and not the ID token")
	case c.text("oid") == "":
		return Caller{}, errors.New("the token names nobody: it has no oid: the application needs a service principal in the tenant")
	case c.text("scp") != "":
		return Caller{ID: plain(c.text("oid")), Name: plain(cmp.Or(person, "a person by "+app))}, nil
	case person != "", kind != "" && kind != "app":
		return Caller{}, errors.New("this is no access token of a person: it has no scp: ask for a scope of the API")
	}
	return Caller{ID: plain(c.text("oid")), Name: plain(app)}, nil
}

// maxName bounds what a name takes in logs and in the journal.
const maxName = 200

// plain is a name without what would disturb the line that it is shown in.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, cut(name, maxName))
}
