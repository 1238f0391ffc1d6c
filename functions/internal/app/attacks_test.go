package app

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestAttacks tries to get an approval in without the right to it. Before each
// attack the valid request gets as far as "no such hold", so that the
// attack's refusal is for its own reason.
func TestAttacks(t *testing.T) {
	d := newDoor(t)
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	with := func(name string, value any) func(*http.Request) {
		c := d.claims("Sync.Operate")
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
		return bearer(d.token(c))
	}
	body := func(data []byte) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		}
	}
	path := func(p string) func(*http.Request) { return func(r *http.Request) { r.URL.Opaque = p } }
	stranger := newKey(t)
	public, err := x509.MarshalPKIXPublicKey(&d.keys["one"].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	none := d.sign(jwt.SigningMethodNone, "one", jwt.UnsafeAllowNoneSignatureType, d.claims("Sync.Operate"))
	parts := strings.Split(d.token(d.claims("Status.Read")), ".")
	forged := parts[0] + "." + strings.Split(none, ".")[1] + "." + parts[2]
	ago := func(s time.Duration) int64 { return time.Now().Add(-s).Unix() }
	attacks := []struct {
		name   string
		do     func(*http.Request)
		status int
		reason string
	}{
		{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "send Authorization"},
		{"password", func(r *http.Request) { r.SetBasicAuth("operator", "secret") }, 401, "send Authorization"},
		{"token in the address", func(r *http.Request) {
			r.URL.RawQuery = "access_token=" + d.token(d.claims("Sync.Operate"))
			r.Header.Del("Authorization")
		}, 401, "send Authorization"},
		{"alg none", bearer(none), 401, "signing method none is invalid"},
		{"HS256 with the public key", bearer(d.sign(jwt.SigningMethodHS256, "one", public, d.claims("Sync.Operate"))), 401, "signing method HS256 is invalid"},
		{"RS384 with the right key", bearer(d.sign(jwt.SigningMethodRS384, "one", d.keys["one"], d.claims("Sync.Operate"))), 401, "signing method RS384 is invalid"},
		{"another's key under our key's name", bearer(d.sign(jwt.SigningMethodRS256, "one", stranger, d.claims("Sync.Operate"))), 401, "signature is invalid"},
		{"a key that nobody published", bearer(d.sign(jwt.SigningMethodRS256, "stranger", stranger, d.claims("Sync.Operate"))), 401, "token is unverifiable"},
		{"claims changed after signing", bearer(forged), 401, "signature is invalid"},
		{"not a token", bearer("x.y.z"), 401, "token is malformed"},
		{"wrong audience", with("aud", "api://other"), 401, "audience"},
		{"Graph's audience", with("aud", "https://graph.microsoft.com"), 401, "audience"},
		{"no audience", with("aud", nil), 401, "aud"},
		{"wrong issuer", with("iss", strings.Replace(d.issuer(), testTenant, "00000000-0000-4000-8000-000000000000", 1)), 401, "is not of this tenant"},
		{"wrong tenant", with("tid", "00000000-0000-4000-8000-000000000000"), 401, "is of tenant"},
		{"expired", with("exp", ago(2*time.Minute)), 401, "token is expired"},
		{"never expires", with("exp", nil), 401, "exp"},
		{"not yet valid", with("nbf", ago(-2*time.Minute)), 401, "not valid yet"},
		{"no role", with("roles", nil), 403, "grant the app role Sync.Operate"},
		{"the agent's role", with("roles", []string{"Relay.Agent"}), 403, "grant the app role Sync.Operate"},
		{"the reader's role", with("roles", []string{"Status.Read"}), 403, "grant the app role Sync.Operate"},
		{"an ID token", func(r *http.Request) {
			c := d.claims("Sync.Operate")
			delete(c, "azp")
			c["nonce"], c["preferred_username"] = "n", "alice@corp.test"
			bearer(d.token(c))(r)
		}, 401, "send the access token, and not the ID token"},
		{"a token of nobody in the tenant", with("oid", nil), 401, "it has no oid"},
		{"a role in other letters", func(r *http.Request) {
			c := d.claims()
			c["Roles"] = []string{"Sync.Operate"}
			bearer(d.token(c))(r)
		}, 403, "grant the app role Sync.Operate"},
		{"an expiry that is no number", with("exp", fmt.Sprint(ago(-time.Hour))), 401, "exp is invalid"},
		{"spoofed platform principal", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("X-MS-CLIENT-PRINCIPAL-ID", "admin")
			r.Header.Set("X-MS-CLIENT-PRINCIPAL", base64.StdEncoding.EncodeToString([]byte(`{"userRoles":["Sync.Operate"]}`)))
		}, 401, "send Authorization"},
		{"spoofed platform principal beside a lesser token", func(r *http.Request) {
			with("roles", []string{"Status.Read"})(r)
			r.Header.Set("X-MS-CLIENT-PRINCIPAL", base64.StdEncoding.EncodeToString([]byte(`{"userRoles":["Sync.Operate"]}`)))
		}, 403, "grant the app role Sync.Operate to the caller, which is caller"},
		{"spoofed function key", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("x-functions-key", "master")
		}, 401, "send Authorization"},
		{"approval from another site's page", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.example")
		}, 403, "other sites"},
		{"approval by a form", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415, "application/json"},
		{"oversized", body(bytes.Repeat([]byte(" "), 9<<20)), 413, "larger than"},
		{"decompression bomb", func(r *http.Request) {
			r.Header.Set("Content-Encoding", "gzip")
			body(bomb(t))(r)
		}, 415, "not compressed"},
		{"an unknown key", body([]byte(`{"action":"approve","hold":"0123456789ab","force":true}`)), 400, `\"force\" is no key of this message: there are action, groups, full, digest, end, hold`},
		{"a key in other letters", body([]byte(`{"action":"sync","Hold":"x"}`)), 400, `\"Hold\" is no key of this message`},
		{"more groups than a person names", body([]byte(`{"action":"preview","groups":["` + strings.Repeat(testTenant+`","`, 20_000) + testTenant + `"]}`)), 400, "name 10000 at most"},
		{"a million values", body([]byte(`{"action":"sync","groups":[` + strings.Repeat("[],", 300_000) + `[]]}`)), 400, "200000 is the most"},
		{"two messages", body([]byte(`{"action":"approve","hold":"x"}{"action":"sync"}`)), 400, "behind its end"},
		{"not JSON", body([]byte(`<xml/>`)), 400, "invalid character"},
		{"a hold's name that leaves its folder", body([]byte(`{"action":"approve","hold":"../head"}`)), 404, "no such hold"},
		{"a hold's name without end", body([]byte(`{"action":"approve","hold":"` + strings.Repeat("a", 300) + `"}`)), 404, "no such hold"},
		{"the journal's beginning anew without its name", body([]byte(`{"action":"begin-anew"}`)), 400, "name the target"},
		{"the journal's beginning anew under another's name", body([]byte(`{"action":"begin-anew","target":"../corp"}`)), 400, "name the target"},
		{"another domain that is none", body([]byte(`{"action":"repin","domain":"*"}`)), 400, "name the domain's SID"},
		{"path with dots", path("/api/relay/../manualsync"), 404, "there is no such path"},
		{"path with two slashes", path("/api//manualsync"), 404, "there is no such path"},
		{"path with encoded dots", path("/api/relay/%2e%2e/manualsync"), 404, "404 page not found"},
		{"path with an encoded slash", path("/api%2fmanualsync"), 404, "there is no such path"},
		{"path with a slash behind", path("/api/manualsync/"), 404, "there is no such path"},
		{"path with an end", path("/api/manualsync%00"), 404, "there is no such path"},
		{"path with a parameter", path("/api/manualsync;x=y"), 404, "there is no such path"},
		{"path in other letters", path("/API/manualsync"), 404, "there is no such path"},
		{"path of a folder", path("/api/relay"), 404, "there is no such path"},
		{"path outside the functions", path("/sync"), 404, "there is no such path"},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet; r.Body = nil; r.ContentLength = 0 }, 405, "Method Not Allowed"},
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if status, body := d.send(d.request()); status != 404 || !strings.Contains(body, "no such hold") {
				t.Fatalf("positive control: %d %s", status, body)
			}
			r := d.request()
			a.do(r)
			status, body := d.send(r)
			if status != a.status || !strings.Contains(body, a.reason) {
				t.Errorf("answer %d %s; want %d with %q", status, body, a.status, a.reason)
			}
		})
	}
}

func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
