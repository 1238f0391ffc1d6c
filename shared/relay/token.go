package relay

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Tokens verifies the access tokens of one tenant for one API: issuer, audience,
// signature by a key that the tenant publishes, time, and app roles.
// Microsoft identity platform, "Access token claims reference".
type Tokens struct {
	Issuers  []string    // that of v2.0 tokens, and of v1.0 where the API accepts them
	Audience []string    // the API's application id, and its URI
	Tenant   string      // tid
	Keys     jwt.Keyfunc // finds the tenant's published key for a token
}

// claims are what is read of a token. azp names the app in v2.0 tokens, appid in v1.0.
type claims struct {
	jwt.RegisteredClaims
	Tenant string   `json:"tid"`
	Roles  []string `json:"roles"`
	AZP    string   `json:"azp"`
	AppID  string   `json:"appid"`
	User   string   `json:"preferred_username"`
}

// leeway is how far clocks may differ.
const leeway = time.Minute

// Verify implements Verifier.
func (t *Tokens) Verify(r *http.Request, roles ...string) (string, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", fmt.Errorf("%w: send Authorization: Bearer <token>", ErrUnauthorized)
	}
	var c claims
	_, err := jwt.ParseWithClaims(raw, &c, t.Keys,
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
		jwt.WithAudience(t.Audience...))
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %v", ErrUnauthorized, err)
	case !slices.Contains(t.Issuers, c.Issuer):
		return "", fmt.Errorf("%w: issuer %q is not of this tenant", ErrUnauthorized, c.Issuer)
	case c.Tenant != t.Tenant:
		return "", fmt.Errorf("%w: the token is of tenant %q", ErrUnauthorized, c.Tenant)
	}
	caller := c.caller()
	switch {
	case caller == "":
		return "", fmt.Errorf("%w: the token names nobody", ErrUnauthorized)
	case !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Roles, role) }):
		return "", fmt.Errorf("%w: grant the app role %s to the caller, which is %s", ErrForbidden, strings.Join(roles, " or "), caller)
	}
	return caller, nil
}

func (c *claims) caller() string { return cmp.Or(c.User, c.AZP, c.AppID, c.Subject) }
