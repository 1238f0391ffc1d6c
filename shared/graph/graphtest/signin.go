package graphtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// GraphAudience is the name under which Client.Roles holds the permissions for the
// server's own Graph, whose address is not known beforehand.
const GraphAudience = "https://graph.microsoft.com"

// Client is an app registration: it proves itself by any of the secrets it has.
type Client struct {
	ID          string
	Secret      string
	Certificate *x509.Certificate   // signs client assertions (RFC 7523)
	Federated   string              // the one token of another issuer that is trusted
	Roles       map[string][]string // app roles by audience, such as "api://groupwriteback"; a person's are the same

	Public    bool     // persons may sign in by it without a secret
	Delegated []string // permissions for Graph by which it acts for a person
}

// tokenLife is the life of an access token.
const tokenLife = time.Hour

// keyID names the signing key.
func (s *Server) keyID() string {
	sum := sha256.Sum256(s.key.N.Bytes())
	return hex.EncodeToString(sum[:8])
}

func (s *Server) issuer() string { return s.url + "/" + s.options.TenantID + "/v2.0" }

// inTenant serves only the tenant's own paths.
func (s *Server) inTenant(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if t := r.PathValue("tenant"); !strings.EqualFold(t, s.options.TenantID) {
			deny(w, http.StatusBadRequest, "invalid_tenant", "AADSTS90002: Tenant '"+t+"' not found.")
			return
		}
		h(w, r)
	}
}

func (s *Server) serveConfiguration(w http.ResponseWriter, _ *http.Request) {
	at := s.url + "/" + s.options.TenantID
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                s.issuer(),
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         at + "/oauth2/v2.0/devicecode",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": s.keyID(),
		"n": base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
	}}})
}

// serveToken is the client credentials flow (RFC 6749, 4.4), and the last step of a device code.
// Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	switch g := r.PostFormValue("grant_type"); g {
	case "client_credentials":
	case deviceGrant, "device_code":
		s.servePerson(w, r)
		return
	default:
		deny(w, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The grant type '"+g+"' is not supported.")
		return
	}
	c := s.client(r.PostFormValue("client_id"))
	if c == nil {
		denyUnknown(w, r)
		return
	}
	if err := s.authenticate(c, r); err != nil {
		deny(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	}
	audience := audienceOf(r.PostFormValue("scope"))
	if audience == "" {
		denyScope(w)
		return
	}
	token, _, err := s.Token(c.ID, audience)
	if err != nil {
		deny(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "access_token": token})
}

// audienceOf is what a token is asked for; "" if that is not said. MSAL adds openid and others.
func audienceOf(scopes string) (audience string) {
	for scope := range strings.FieldsSeq(scopes) {
		if a, ok := strings.CutSuffix(scope, "/.default"); ok {
			audience = a
		}
	}
	return audience
}

func denyScope(w http.ResponseWriter) {
	deny(w, http.StatusBadRequest, "invalid_scope", "AADSTS1002012: The scope must end in /.default.")
}

func denyUnknown(w http.ResponseWriter, r *http.Request) {
	deny(w, http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application with identifier '"+r.PostFormValue("client_id")+"' was not found in the directory.")
}

// authenticate checks the client's secret, or its assertion.
func (s *Server) authenticate(c *Client, r *http.Request) error {
	assertion := r.PostFormValue("client_assertion")
	switch {
	case assertion == "" && equal(c.Secret, r.PostFormValue("client_secret")), equal(c.Federated, assertion):
		return nil
	case assertion == "":
		return errors.New("AADSTS7000215: Invalid client secret provided")
	case c.Certificate == nil:
		return errors.New("AADSTS700027: The certificate used to sign the client assertion is not registered")
	}
	_, err := jwt.Parse(assertion, func(*jwt.Token) (any, error) { return c.Certificate.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithAudience(s.url+"/"+s.options.TenantID+"/oauth2/v2.0/token"),
		jwt.WithIssuer(c.ID), jwt.WithSubject(c.ID), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.options.Now))
	if err != nil {
		return fmt.Errorf("AADSTS700027: client assertion failed signature validation: %w", err)
	}
	return nil
}

// equal compares secrets; one that was never set equals nothing.
func equal(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

// client returns a copy of a client, as it is now.
func (s *Server) client(id string) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.options.Clients {
		if strings.EqualFold(c.ID, id) {
			return &c
		}
	}
	return nil
}

// SetRoles gives a client other app roles of an audience. Tokens that were issued
// keep the old ones; see RevokeTokens.
func (s *Server) SetRoles(clientID, audience string, roles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.options.Clients {
		if !strings.EqualFold(c.ID, clientID) {
			continue
		}
		all := maps.Clone(c.Roles)
		if all == nil {
			all = map[string][]string{}
		}
		all[audience] = roles
		s.options.Clients[i].Roles = all
	}
}

// SetSecret gives a client another secret, as when one expires.
func (s *Server) SetSecret(clientID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.options.Clients {
		if strings.EqualFold(c.ID, clientID) {
			s.options.Clients[i].Secret = secret
		}
	}
}

// Token issues an access token for a client, as the sign-in would, and the time it expires.
func (s *Server) Token(clientID, audience string) (string, time.Time, error) {
	c := s.client(clientID)
	if c == nil {
		return "", time.Time{}, fmt.Errorf("issue token: there is no client %q", clientID)
	}
	known := audience
	if audience == s.url {
		known = GraphAudience
	}
	id := ID("service principal of " + c.ID).String()
	return s.issue(audience, jwt.MapClaims{"appid": c.ID, "azp": c.ID, "idtyp": "app", "oid": id, "sub": id, "roles": slices.Concat([]string{}, c.Roles[known])})
}

// RevokeTokens makes Graph refuse the access tokens that were issued so far.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = s.issued
}

// authorize checks the access token of a request, and that it holds one of the permissions.
// It returns those that the token holds.
func (s *Server) authorize(r *http.Request, permissions []string) ([]string, *refusal) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, &refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty."}
	}
	var claims struct {
		jwt.RegisteredClaims
		Roles  []string `json:"roles"`
		Scopes string   `json:"scp"`
		UTI    string   `json:"uti"`
	}
	_, err := jwt.ParseWithClaims(bearer, &claims, func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(s.issuer()), jwt.WithAudience(s.url, GraphAudience),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.options.Now))
	if err != nil {
		return nil, &refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure: " + err.Error() + "."}
	}
	s.mu.Lock()
	revoked := s.revoked
	s.mu.Unlock()
	if n, err := strconv.Atoi(claims.UTI); err != nil || n <= revoked {
		return nil, &refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token was revoked."}
	}
	held := append(claims.Roles, strings.Fields(claims.Scopes)...)
	if !slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(held, p) }) {
		return nil, &refusal{http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."}
	}
	return held, nil
}

// The managed identity endpoint of App Service and Functions, version 2019-08-01.
// Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity.
const identityPath = "/msi/token"

// Identity returns what a host puts into IDENTITY_ENDPOINT and IDENTITY_HEADER.
func (s *Server) Identity() (endpoint, header string) {
	return s.url + identityPath, ID("identity header of " + s.id).String()
}

func (s *Server) serveIdentity(w http.ResponseWriter, r *http.Request) {
	_, header := s.Identity()
	q := r.URL.Query()
	id := q.Get("client_id")
	if id == "" {
		id = s.options.Identity
	}
	switch {
	case !equal(header, r.Header.Get("X-IDENTITY-HEADER")) || q.Get("api-version") != "2019-08-01":
		answer(w, http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "the identity header is wrong"})
		return
	case s.options.Identity == "" || !strings.EqualFold(id, s.options.Identity):
		answer(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": "no such managed identity"})
		return
	}
	token, expires, err := s.Token(id, strings.TrimSuffix(q.Get("resource"), "/"))
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"statusCode": 400, "message": err.Error()})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": token, "expires_on": strconv.FormatInt(expires.Unix(), 10),
		"resource": q.Get("resource"), "token_type": "Bearer", "client_id": id,
	})
}

// deny writes an OAuth error (RFC 6749, 5.2).
func deny(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": code, "error_description": message})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
