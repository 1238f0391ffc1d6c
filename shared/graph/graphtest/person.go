package graphtest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// PersonName is who signs in where a person does.
const PersonName = "admin@corp.example"

// pollEvery is how often a program may ask whether somebody has entered its code: the interval
// that Entra ID answers with.
const pollEvery = 5 * time.Second

// deviceGrant is the grant type of RFC 8628, 3.4; Entra ID takes the short form too, which the
// library sends.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// code is a device code that somebody may enter.
type code struct {
	user, client, audience string

	expires time.Time
	asked   time.Time // when the program asked last
	answer  string    // of the person: "", agreed or declined
}

const agreed, declined = "agreed", "declined"

// serveDeviceCode is the device authorization request (RFC 8628, 3.1).
// Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code.
func (s *Server) serveDeviceCode(w http.ResponseWriter, r *http.Request) {
	c := s.client(r.PostFormValue("client_id"))
	if c == nil {
		denyUnknown(w, r)
		return
	}
	audience := audienceOf(r.PostFormValue("scope"))
	if audience == "" {
		denyScope(w)
		return
	}
	life := cmp.Or(s.options.CodeLife, 15*time.Minute)
	device, user := rand.Text(), rand.Text()[:9]
	s.mu.Lock()
	if s.codes == nil {
		s.codes = map[string]*code{}
	}
	s.codes[device] = &code{user: user, client: c.ID, audience: audience, expires: s.options.Now().Add(life)}
	s.mu.Unlock()
	at := s.url + "/devicelogin"
	answer(w, http.StatusOK, map[string]any{
		"device_code": device, "user_code": user, "verification_uri": at, "expires_in": int(life.Seconds()), "interval": int(pollEvery.Seconds()),
		"message": "To sign in, use a web browser to open the page " + at + " and enter the code " + user + " to authenticate.",
	})
}

// EnterCode is a person who opens the page, enters the code, and signs in as PersonName; or who says
// there that it was not meant.
func (s *Server) EnterCode(user string, agrees bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.codes {
		if strings.EqualFold(c.user, user) && s.options.Now().Before(c.expires) {
			if c.answer = declined; agrees {
				c.answer = agreed
			}
			return nil
		}
	}
	return fmt.Errorf("enter code: nobody has been given the code %q, or it has expired", user)
}

// SetDelegated gives a client other permissions by which it acts for persons, in tokens to come.
func (s *Server) SetDelegated(clientID string, permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.options.Clients {
		if strings.EqualFold(c.ID, clientID) {
			s.options.Clients[i].Delegated = permissions
		}
	}
}

// ExpireCodes ends all codes that nobody has entered.
func (s *Server) ExpireCodes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.codes {
		c.expires = s.options.Now()
	}
}

// servePerson is the device access token request (RFC 8628, 3.4): pending until the person has
// answered, and a little more patience where the program asks too often.
func (s *Server) servePerson(w http.ResponseWriter, r *http.Request) {
	c := s.client(r.PostFormValue("client_id"))
	switch {
	case c == nil:
		denyUnknown(w, r)
		return
	case !c.Public:
		deny(w, http.StatusUnauthorized, "invalid_client", "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
		return
	}
	audience, refused, why := s.entered(c.ID, r.PostFormValue("device_code"))
	if refused != "" {
		deny(w, http.StatusBadRequest, refused, why)
		return
	}
	token, err := s.personToken(c, audience)
	if err != nil {
		deny(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	answer(w, http.StatusOK, token)
}

// entered says which audience a code is for that somebody has agreed to, or why there is no token
// for it; a code is good for one token.
func (s *Server) entered(client, device string) (audience, refused, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, now := s.codes[device], s.options.Now()
	if c == nil || c.client != client {
		return "", "bad_verification_code", "AADSTS70018: The verification code is not valid."
	}
	early := now.Sub(c.asked) < pollEvery
	c.asked = now
	switch {
	case c.answer == agreed:
		delete(s.codes, device)
		return c.audience, "", ""
	case c.answer == declined:
		return "", "authorization_declined", "The end user denied the authorization request."
	case !now.Before(c.expires):
		return "", "expired_token", "AADSTS70019: The verification code has expired."
	case early:
		return "", "slow_down", "The client polls too often."
	}
	return "", "authorization_pending", "AADSTS70016: The provided request has not yet been authorized by the user. The user must input their code."
}

// personToken is the answer with a token by which a client acts for a person: its delegated permissions
// for Graph, the person's app roles for any other audience.
func (s *Server) personToken(c *Client, audience string) (map[string]any, error) {
	oid := ID(PersonName).String()
	claims := jwt.MapClaims{"appid": c.ID, "azp": c.ID, "idtyp": "user", "oid": oid, "sub": oid, "preferred_username": PersonName}
	if audience == s.url || audience == GraphAudience {
		claims["scp"] = strings.Join(c.Delegated, " ")
	} else {
		claims["roles"] = append([]string{}, c.Roles[audience]...)
	}
	access, _, err := s.issue(audience, claims)
	if err != nil {
		return nil, err
	}
	id, _, err := s.issue(c.ID, jwt.MapClaims{"oid": oid, "sub": oid, "preferred_username": PersonName})
	if err != nil {
		return nil, err
	}
	who, err := json.Marshal(map[string]string{"uid": oid, "utid": s.options.TenantID})
	if err != nil {
		return nil, fmt.Errorf("issue token: %w", err)
	}
	return map[string]any{"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "access_token": access, "id_token": id,
		"client_info": base64.RawURLEncoding.EncodeToString(who)}, nil
}

// PersonToken is what az account get-access-token prints for a person who has said az login, by way of a
// client.
// Source: https://learn.microsoft.com/cli/azure/account#az-account-get-access-token.
func (s *Server) PersonToken(clientID, audience string) ([]byte, error) {
	c := s.client(clientID)
	if c == nil {
		return nil, fmt.Errorf("issue token: there is no client %q", clientID)
	}
	token, err := s.personToken(c, audience)
	if err != nil {
		return nil, err
	}
	expires := s.options.Now().Add(tokenLife)
	return json.Marshal(map[string]any{"accessToken": token["access_token"], "expiresOn": expires.Local().Format("2006-01-02 15:04:05.000000"), "expires_on": expires.Unix(),
		"subscription": ID("subscription").String(), "tenant": s.options.TenantID, "tokenType": "Bearer"})
}

// issue signs an access token for an audience, with more claims, and says when it ends.
func (s *Server) issue(audience string, more jwt.MapClaims) (string, time.Time, error) {
	s.mu.Lock()
	s.issued++
	n := s.issued
	s.mu.Unlock()
	now := s.options.Now()
	expires := now.Add(tokenLife)
	claims := jwt.MapClaims{"iss": s.issuer(), "aud": audience, "tid": s.options.TenantID, "ver": "2.0", "uti": strconv.Itoa(n),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix()}
	for name, value := range more {
		claims[name] = value
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = s.keyID()
	signed, err := t.SignedString(s.key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue token: %w", err)
	}
	return signed, expires, nil
}
