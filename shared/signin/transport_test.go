package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groupwriteback/shared/signin"
)

// TestTransportTrusts: a file of authorities adds to the system's, and nobody else
// is trusted for it.
func TestTransportTrusts(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	itself := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	other, _ := certify(t, key, &key.PublicKey)
	for _, test := range []struct {
		name    string
		trusts  []byte
		trusted bool
	}{
		{"its own", itself, true},
		{"another", other, false},
		{"both", append(other, itself...), true},
		{"none", nil, false},
	} {
		name := ""
		if test.trusts != nil {
			name = write(t, test.trusts)
		}
		transport, err := signin.Transport(name)
		ok(t, err)
		resp, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			ok(t, resp.Body.Close())
		}
		if _, refused := errors.AsType[*tls.CertificateVerificationError](err); refused == test.trusted {
			t.Errorf("with the authority %s: %v", test.name, err)
		}
		transport.CloseIdleConnections()
	}
}

// TestTransportKeepsTheSystems: the proxy's authority is one more, for what does not
// go through the proxy.
func TestTransportKeepsTheSystems(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	chain, _ := certify(t, key, &key.PublicKey)
	transport, err := signin.Transport(write(t, chain))
	ok(t, err)
	want, err := x509.SystemCertPool()
	ok(t, err)
	want.AppendCertsFromPEM(chain)
	if !transport.TLSClientConfig.RootCAs.Equal(want) {
		t.Error("with a file of authorities the system's are not trusted")
	}
}

func TestTransportRefuses(t *testing.T) {
	if _, err := signin.Transport(write(t, []byte("hello"))); err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("a file that holds none: %v", err)
	}
	if _, err := signin.Transport(filepath.Join(t.TempDir(), "none.pem")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestCheckProxy: what the library would take for another proxy or for none is a
// mistake, told before the first request and without the value, which may hold a
// password. One with a space in its password passed: with http:// before it once
// more it is the URL of a host "http:".
func TestCheckProxy(t *testing.T) {
	for _, value := range []string{"", "http://proxy:3128", "proxy:3128", "proxy", "https://user:hush@proxy", "socks5://proxy:1080"} {
		if err := signin.CheckProxy(value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	for _, value := range []string{"http://user:hu sh@proxy:3128", "http://user:hush%@proxy", "http://", ":3128:hush", "http://proxy:hush", "ftp://hush@proxy"} {
		if err := signin.CheckProxy(value); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// write puts data into a file.
func write(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	ok(t, os.WriteFile(file, data, 0o600))
	return file
}
