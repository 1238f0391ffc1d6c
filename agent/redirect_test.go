package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSignInIsNotRedirected: the secret goes to the sign-in host and nowhere else,
// whatever that answers.
func TestSignInIsNotRedirected(t *testing.T) {
	never := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		t.Errorf("%s %s was sent to %s, with %q", r.Method, r.URL, r.Host, body)
	})
	plain, secure := httptest.NewServer(never), httptest.NewTLSServer(never)
	defer plain.Close()
	defer secure.Close()
	for _, to := range []string{plain.URL + "/x", secure.URL + "/x", "/elsewhere"} {
		for _, first := range []bool{true, false} { // of the requests of a sign-in, or only that with the secret
			asked := map[string]int{}
			var login *httptest.Server
			login = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked[r.Method+" "+r.URL.Path]++
				if !first && r.Method == http.MethodGet {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprintf(w, `{"issuer":"%[1]s/t/v2.0","authorization_endpoint":"%[1]s/t/authorize","token_endpoint":"%[1]s/t/token"}`, login.URL)
					return
				}
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusTemporaryRedirect)
			}))
			dir := t.TempDir()
			ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: login.Certificate().Raw})
			ok(t, os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600))
			ok(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("c2VjcmV0"), 0o600))
			c := relayConfig{URL: "https://relay.test/", CAFile: filepath.Join(dir, "ca.pem"), Audience: audience, SignIn: "client-secret", TenantID: "t", ClientID: "c",
				SecretFile: filepath.Join(dir, "secret"), AuthorityURL: login.URL, Private: true}
			h, err := c.transport()
			ok(t, err)
			sign, err := c.signer(h, &caution{memory: memory{filepath.Join(dir, "corp")}, file: relayRefused, now: time.Now})
			ok(t, err)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL, nil)
			ok(t, err)
			err = sign(r)
			if err == nil || !strings.Contains(err.Error(), "the answer 307 leads to ") ||
				!strings.Contains(err.Error(), "is not followed: check relay.url and relay.authority_url, and look for a proxy that asks for a sign-in") {
				t.Errorf("signed in: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "c2VjcmV0") || asked["POST /elsewhere"]+asked["GET /elsewhere"] > 0 || len(asked) == 0 {
				t.Errorf("asked %v: %v", asked, err)
			}
			login.Close()
		}
	}
}
