package relay_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/relay"
)

// claims are those that all of Entra ID's access tokens have.
func claims() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{"iss": "https://login.test/t/v2.0", "aud": "api", "tid": "t", "oid": "object", "sub": "subject", "roles": []string{relay.OperatorRole},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

// TestTokens: who is let in by which token, and by what name. Each row changes
// the claims of claims(); nil takes one out.
func TestTokens(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tokens := &relay.Tokens{Issuers: []string{"https://login.test/t/v2.0", "https://sts.test/t/"}, Audience: []string{"api"}, Tenant: "t",
		Keys: func(*jwt.Token) (any, error) { return &key.PublicKey, nil }}
	const v1 = "https://sts.test/t/"
	for _, test := range []struct {
		name   string
		change jwt.MapClaims
		header map[string]any
		caller string // "": refused
		why    string
	}{
		{"a person, v2.0", jwt.MapClaims{"azp": "cli", "scp": "user_impersonation", "preferred_username": "alice@corp.test"}, nil, "alice@corp.test (object)", ""},
		{"a person, v1.0", jwt.MapClaims{"iss": v1, "appid": "cli", "scp": "user_impersonation", "upn": "alice@corp.test", "unique_name": "alice@corp.test"}, nil, "alice@corp.test (object)", ""},
		{"a guest, v1.0", jwt.MapClaims{"iss": v1, "appid": "cli", "scp": "user_impersonation", "unique_name": "live.com#bob@home.test"}, nil, "live.com#bob@home.test (object)", ""},
		{"a person whose client asked for no profile", jwt.MapClaims{"azp": "cli", "scp": "user_impersonation"}, nil, "a person by cli (object)", ""},
		{"an application, v2.0", jwt.MapClaims{"azp": "agent"}, nil, "agent (object)", ""},
		{"an application that says so", jwt.MapClaims{"azp": "agent", "idtyp": "app"}, nil, "agent (object)", ""},
		{"an application, v1.0", jwt.MapClaims{"iss": v1, "appid": "agent"}, nil, "agent (object)", ""},
		{"a name that would break a line", jwt.MapClaims{"azp": "cli", "scp": "x", "preferred_username": "alice\r\nby=root\x1b[2J"}, nil, "alice??by=root?[2J (object)", ""},
		{"a name without end", jwt.MapClaims{"azp": "cli", "scp": "x", "preferred_username": strings.Repeat("a", 9999)}, nil, strings.Repeat("a", 200) + " (object)", ""},

		{"an ID token, v2.0", jwt.MapClaims{"preferred_username": "alice@corp.test", "nonce": "n"}, nil, "", "neither azp nor appid"},
		{"an ID token, v1.0", jwt.MapClaims{"iss": v1, "unique_name": "alice@corp.test", "nonce": "n"}, nil, "", "neither azp nor appid"},
		{"an ID token of a client that has itself named", jwt.MapClaims{"azp": "cli", "preferred_username": "alice@corp.test"}, nil, "", "it has no scp"},
		{"a person's token without a scope", jwt.MapClaims{"azp": "cli", "idtyp": "user"}, nil, "", "it has no scp"},
		{"a device's token", jwt.MapClaims{"azp": "cli", "idtyp": "device"}, nil, "", "it has no scp"},
		{"an application without a service principal", jwt.MapClaims{"azp": "agent", "oid": nil}, nil, "", "it has no oid"},
		{"roles in other letters", jwt.MapClaims{"azp": "agent", "roles": nil, "Roles": []string{relay.OperatorRole}}, nil, "", "grant the app role"},
		{"other letters behind", jwt.MapClaims{"azp": "agent", "roles": []string{}, "ROLES": []string{relay.OperatorRole}, "rolesX": 1}, nil, "", "grant the app role"},
		{"one role as a text", jwt.MapClaims{"azp": "agent", "roles": relay.OperatorRole}, nil, "", "grant the app role"},
		{"a tenant in other letters", jwt.MapClaims{"azp": "agent", "tid": nil, "TID": "t"}, nil, "", "is of tenant"},
		{"an issuer that is no text", jwt.MapClaims{"azp": "agent", "iss": []string{v1}}, nil, "", "issuer"},
		{"an end that is a text", jwt.MapClaims{"azp": "agent", "exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())}, nil, "", "exp is invalid"},
		{"an end in other letters", jwt.MapClaims{"azp": "agent", "exp": nil, "Exp": time.Now().Add(time.Hour).Unix()}, nil, "", "exp claim is required"},
		{"a header that asks for more", jwt.MapClaims{"azp": "agent"}, map[string]any{"crit": []string{"b64"}, "b64": true}, "", "crit"},
		{"an empty wish for more", jwt.MapClaims{"azp": "agent"}, map[string]any{"crit": nil}, "", "crit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := claims()
			for name, value := range test.change {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			}
			token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
			maps.Copy(token.Header, test.header)
			raw, err := token.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+raw)
			caller, err := tokens.Verify(r, relay.OperatorRole)
			switch {
			case test.caller == "" && (err == nil || !strings.Contains(err.Error(), test.why)):
				t.Errorf("%v, %v; want it refused: %s", caller, err, test.why)
			case test.caller != "" && (err != nil || caller.String() != test.caller):
				t.Errorf("%v, %v; want %s", caller, err, test.caller)
			case err != nil && !errors.Is(err, relay.ErrUnauthorized) && !errors.Is(err, relay.ErrForbidden):
				t.Errorf("%v is neither of a Verifier's errors", err)
			}
		})
	}
}
