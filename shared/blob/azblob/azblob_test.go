package azblob_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"groupwriteback/infra/stage/storage"
	"groupwriteback/shared/blob/azblob"
	"groupwriteback/shared/blob/blobtest"
)

func start(t *testing.T, a *storage.Azurite) {
	t.Helper()
	t.Cleanup(a.Stop)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestConnect: the contract, by key. The container is made on the way, and two
// prefixes are two stores.
func TestConnect(t *testing.T) {
	var a storage.Azurite
	start(t, &a)
	for _, where := range []string{"", "journals/one", "journals/two/"} {
		s, err := azblob.Connect(a.Connection, where, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("in "+where, func(t *testing.T) { blobtest.Test(t, s) })
	}
	all, err := azblob.Connect(a.Connection, "journals", nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := all.List(t.Context(), "two/")
	if err != nil || len(keys) == 0 {
		t.Errorf("keys below the prefix: %v, %v", keys, err)
	}
}

// TestOpen: the contract, by token over TLS.
func TestOpen(t *testing.T) {
	var a storage.Azurite
	var client *http.Client
	a.CertFile, a.KeyFile, client = certify(t)
	start(t, &a)
	s, err := azblob.Open(a.URL+"/journals/corp", token{}, client)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Test(t, s)
}

// TestPages: a list that takes more than one answer is whole.
func TestPages(t *testing.T) {
	var a storage.Azurite
	var client *http.Client
	a.CertFile, a.KeyFile, client = certify(t)
	start(t, &a)
	client.Transport = smallPages{client.Transport}
	s, err := azblob.Open(a.URL+"/journals", token{}, client)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Many(t, s, 7)
}

// smallPages asks for two keys an answer, where the service gives 5,000.
type smallPages struct{ http.RoundTripper }

func (p smallPages) RoundTrip(r *http.Request) (*http.Response, error) {
	if q := r.URL.Query(); q.Get("comp") == "list" {
		q.Set("maxresults", "2")
		r = r.Clone(r.Context())
		r.URL.RawQuery = q.Encode()
	}
	return p.RoundTripper.RoundTrip(r)
}

func TestOpenRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"http://acct.blob.core.windows.net/c":           "must begin with https://",
		"acct.blob.core.windows.net/c":                  "must begin with https://",
		"https://acct.blob.core.windows.net":            "names no container",
		"https://acct.blob.core.windows.net/c?sig=s3cr": "no signature",
		"https://acct.blob.core.windows.net/c/A B":      "lower-case",
	} {
		_, err := azblob.Open(url, token{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("Open(%q): %v, want %q", url, err, want)
		}
	}
	if _, err := azblob.Connect("AccountName=x", "", nil); err == nil {
		t.Error("a connection string without a key was taken")
	}
}

// certify writes the certificate of net/http/httptest, which is for 127.0.0.1,
// and returns a client that trusts it.
func certify(t *testing.T) (certFile, keyFile string, client *http.Client) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert.pem", "CERTIFICATE", s.Certificate().Raw), write("key.pem", "PRIVATE KEY", key), s.Client()
}

// token is a credential whose tokens say what Azurite looks at. It takes any signature.
type token struct{}

func (token) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"aud": strings.TrimSuffix(o.Scopes[0], "/.default"), "iss": "https://sts.windows.net/11111111-0000-4000-8000-000000000001/",
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		return azcore.AccessToken{}, err
	}
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(claims) + "." + part([]byte("signature"))
	return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, nil
}
