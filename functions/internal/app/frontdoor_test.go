package app

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/blob"
)

const (
	testTenant   = "6f2d9b1e-58c7-4a43-9d0a-3f1b7c2e8a55"
	testAudience = "api://groupwriteback"
)

// door is a running app with the keys of its tenant in the test's hand.
type door struct {
	t    *testing.T
	dir  string // with the store, below store
	idp  *httptest.Server
	app  *httptest.Server
	mu   sync.Mutex
	keys map[string]*rsa.PrivateKey // published
	down bool                       // they cannot be read
	log  bytes.Buffer               // of all sites
}

// Write implements io.Writer for the log.
func (d *door) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(line)
}

// logged is what was logged since it was last asked.
func (d *door) logged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.log.Reset()
	return d.log.String()
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, dir: t.TempDir(), keys: map[string]*rsa.PrivateKey{"one": newKey(t)}}
	d.idp = httptest.NewTLSServer(http.HandlerFunc(d.publish))
	t.Cleanup(d.idp.Close)
	d.app = d.site("corp", testAudience)
	return d
}

// site is an app for a target, which callers get tokens for by an audience. All
// sites have one tenant and one store.
func (d *door) site(target, audience string) *httptest.Server {
	d.t.Helper()
	write := func(name string, data []byte) string {
		file := filepath.Join(d.dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			d.t.Fatal(err)
		}
		return file
	}
	ca := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.idp.Certificate().Raw}))
	rules := write("rules.yaml", []byte("ou: OU=Cloud Groups,DC=corp,DC=test\nscope: all\n"))
	a, err := New(d.t.Context(), []string{
		"GROUPWRITEBACK_TARGET=" + target, "GROUPWRITEBACK_STORE=dir:" + filepath.Join(d.dir, "store"), "GROUPWRITEBACK_RULES=" + rules,
		"GROUPWRITEBACK_TENANT_ID=" + testTenant, "GROUPWRITEBACK_SIGN_IN=client-secret", "GROUPWRITEBACK_CLIENT_ID=11111111-0000-4000-8000-000000000001", "GROUPWRITEBACK_CLIENT_SECRET=s",
		"GROUPWRITEBACK_AUTHORITY_URL=" + d.idp.URL, "GROUPWRITEBACK_PRIVATE_AUTHORITY=true", "GROUPWRITEBACK_CA_FILE=" + ca, "GROUPWRITEBACK_API_AUDIENCE=" + audience,
	}, slog.New(slog.NewTextHandler(d, nil)), Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	s := httptest.NewServer(a.Handler)
	d.t.Cleanup(s.Close)
	return s
}

func (d *door) issuer() string { return d.idp.URL + "/" + testTenant + "/v2.0" }

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publish serves the tenant's keys.
func (d *door) publish(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/"+testTenant+"/discovery/v2.0/keys" {
		http.NotFound(w, r)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(keySet(d.keys))
}

// keySet is a JWK set (RFC 7517).
func keySet(keys map[string]*rsa.PrivateKey) map[string]any {
	all := []map[string]string{}
	for kid, k := range keys {
		all = append(all, map[string]string{"kty": "RSA", "use": "sig", "kid": kid, "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes())})
	}
	return map[string]any{"keys": all}
}

func (d *door) claims(roles ...string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{"iss": d.issuer(), "aud": testAudience, "tid": testTenant, "azp": "caller", "oid": "object", "sub": "caller", "roles": roles,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

func (d *door) sign(method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	d.t.Helper()
	t := jwt.NewWithClaims(method, c)
	t.Header["kid"] = kid
	s, err := t.SignedString(key)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func (d *door) token(c jwt.MapClaims) string {
	return d.sign(jwt.SigningMethodRS256, "one", d.keys["one"], c)
}

// request is a valid approval, as an operator sends it.
func (d *door) request() *http.Request {
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.app.URL+"/api/manualsync", strings.NewReader(`{"action":"approve","hold":"0123456789ab"}`))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.token(d.claims("Sync.Operate")))
	return r
}

func (d *door) send(r *http.Request) (status int, body string) {
	d.t.Helper()
	// Paths are sent as they are written.
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if to := resp.Header.Get("Location"); to != "" {
		return resp.StatusCode, "to " + to
	}
	return resp.StatusCode, string(data)
}

// TestReplayAtAnotherSite sends what was captured at one site to others, of the
// same tenant and on the same store: tokens hold for one audience, and holds for
// one target.
func TestReplayAtAnotherSite(t *testing.T) {
	d := newDoor(t)
	lab := d.site("lab", "api://lab")        // with an API of its own
	branch := d.site("branch", testAudience) // which shares one, against the advice
	const hold = "0123456789ab"
	store, err := blob.Dir(filepath.Join(d.dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "t/corp/hold/"+hold, []byte(`{"id":"`+hold+`"}`), blob.Absent); err != nil {
		t.Fatal(err)
	}
	for _, attack := range []struct {
		name     string
		site     *httptest.Server
		audience string
		hold     string
		status   int
		reason   string
	}{
		{"as it was captured", lab, testAudience, hold, 401, "audience"},
		{"with a token of the other site", d.app, "api://lab", hold, 401, "audience"},
		{"the hold alone", lab, "api://lab", hold, 404, "no such hold"},
		{"the hold by a path", lab, "api://lab", "../../corp/hold/" + hold, 404, "no such hold"},
		{"as it was captured, where the audience is shared", branch, testAudience, hold, 404, "no such hold"},
		{"at its own site", d.app, testAudience, hold, 200, "approved"},
		{"at its own site again", d.app, testAudience, hold, 200, "approved"},
	} {
		c := d.claims("Sync.Operate")
		c["aud"] = attack.audience
		r := d.request()
		at, err := url.Parse(attack.site.URL + "/api/manualsync")
		if err != nil {
			t.Fatal(err)
		}
		message := fmt.Sprintf(`{"action":"approve","hold":%q}`, attack.hold)
		r.URL, r.Host, r.Body, r.ContentLength = at, at.Host, io.NopCloser(strings.NewReader(message)), int64(len(message))
		r.Header.Set("Authorization", "Bearer "+d.token(c))
		if status, body := d.send(r); status != attack.status || !strings.Contains(body, attack.reason) {
			t.Errorf("%s: answer %d %s; want %d with %q", attack.name, status, body, attack.status, attack.reason)
		}
	}
	written, err := store.List(t.Context(), "t/")
	written = slices.DeleteFunc(written, func(name string) bool { // which note that it was said
		return strings.HasPrefix(name, "t/corp/run/") || strings.HasPrefix(name, "t/corp/reply/")
	})
	if words := "t/corp/in/approve/" + hold + "-"; err != nil || len(written) != 3 || written[0] != "t/corp/hold/"+hold || !strings.HasPrefix(written[1], words) || !strings.HasPrefix(written[2], words) {
		t.Errorf("the store has %v, %v; want the hold and two words on it", written, err)
	}
}

// TestKeyRotation signs with a key that was published after the first token.
func TestKeyRotation(t *testing.T) {
	d := newDoor(t)
	if status, body := d.send(d.request()); status != 404 {
		t.Fatalf("first key: %d %s", status, body)
	}
	two := newKey(t)
	d.mu.Lock()
	d.keys["two"] = two
	d.mu.Unlock()
	r := d.request()
	r.Header.Set("Authorization", "Bearer "+d.sign(jwt.SigningMethodRS256, "two", two, d.claims("Sync.Operate")))
	if status, body := d.send(r); status != 404 || !strings.Contains(body, "no such hold") {
		t.Errorf("new key: %d %s", status, body)
	}
}

// TestFlood sends more than a caller may: the rest is told to come back later,
// and others are not held up.
func TestFlood(t *testing.T) {
	d := newDoor(t)
	refused := 0
	token := d.request().Header.Get("Authorization")
	for range 300 { // without the network, which may be slower than the limit
		r, w := httptest.NewRequest(http.MethodPost, "/api/manualsync", strings.NewReader(`{"action":"approve","hold":"0123456789ab"}`)), httptest.NewRecorder()
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", token)
		d.app.Config.Handler.ServeHTTP(w, r)
		switch w.Code {
		case 404:
		case 429:
			refused++
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if refused == 0 {
		t.Error("300 requests at once were all served")
	}
	r, c := d.request(), d.claims("Sync.Operate")
	c["oid"] = "another" // whoever shares a client, such as Azure's command line, shares no limit
	r.Header.Set("Authorization", "Bearer "+d.token(c))
	if status, body := d.send(r); status != 404 {
		t.Errorf("another caller: %d %s", status, body)
	}
}

// TestOpen lists what is served to everybody: a word on how the target stands.
func TestOpen(t *testing.T) {
	d := newDoor(t)
	r := d.request()
	r.Method, r.Body, r.ContentLength, r.URL.Path = http.MethodGet, nil, 0, "/api/status/health"
	r.Header.Del("Authorization")
	if status, body := d.send(r); status != 503 || strings.TrimSpace(body) != `{"status":"new"}` {
		t.Errorf("health: %d %s", status, body)
	}
	for _, path := range []string{"/api/status", "/api/manualsync", "/api/relay/poll", "/api/relay/ack", "/api/relay/report", "/", "/api", "/api/", "/api/relay", "/api/relay/", "/api/status/", "/api/status/x", "/debug/pprof/"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, d.app.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := d.send(r); status < 400 { // a redirect is one too many
				t.Errorf("%s %s without a token: %d %s", method, path, status, body)
			}
		}
	}
}
