package main

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ok(t, err)
	cert, err := x509.ParseCertificate(der)
	ok(t, err)
	return &authority{key, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// issue is for tls.Config.GetCertificate: it certifies whatever is asked for.
func (a *authority) issue(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// proxy takes CONNECT (RFC 9110, 9.3.6) to any host and leads it to the same port
// of this machine: the hosts' names lead nowhere but through it.
type proxy struct {
	user   string         // user:password that it asks for, or ""
	opens  *authority     // issues the certificates under which it opens TLS; nil: it does not
	trusts *x509.CertPool // for its own connections where it opens TLS

	mu   sync.Mutex
	seen []string // hosts
}

func (p *proxy) start(t *testing.T) (address string) {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func (p *proxy) hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.seen)
	return slices.Compact(p.seen)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.user != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.user)) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, host)
	p.mu.Unlock()
	var server net.Conn
	if at := net.JoinHostPort("127.0.0.1", port); p.opens != nil {
		server, err = tls.Dial("tcp", at, &tls.Config{ServerName: host, RootCAs: p.trusts})
	} else {
		server, err = net.Dial("tcp", at)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	if p.opens != nil {
		client = tls.Server(client, &tls.Config{GetCertificate: p.opens.issue})
	}
	join(client, server)
}

// join copies both ways until one side ends.
func join(a, b net.Conn) {
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// TestProxy: sign-in and relay are reached through the proxy that the environment
// names, one that opens TLS too, and its password is not told.
func TestProxy(t *testing.T) {
	cloud := newCloud(t)
	servers := x509.NewCertPool()
	servers.AppendCertsFromPEM([]byte(cloud.ca))
	opener := newAuthority(t, "the proxy's own")
	const user = "svc%40corp:pass-word"
	const password = "pass-word"
	noSignIn := "FAILED  sign in: sign-in by client-secret: ClientSecretCredential: unable to resolve an endpoint: server response error: Get \"" + cloud.login.URL() + "/" + cloud.login.TenantID() + "/v2.0/.well-known/openid-configuration?\": "
	both := []string{"login.corp.test", "relay.corp.test"}
	for _, test := range []struct {
		name    string
		proxy   *proxy // nil: one that asks nothing and opens nothing
		https   string // HTTPS_PROXY, with PROXY for the address
		without string // NO_PROXY
		ca      string
		want    string // how the relay's line begins
		hosts   []string
	}{
		{name: "through", https: "http://PROXY", ca: cloud.ca, want: cloud.welcome, hosts: both},
		{name: "address without scheme", https: "PROXY", ca: cloud.ca, want: cloud.welcome, hosts: both},
		{name: "relay without", https: "http://PROXY", without: "relay.corp.test", ca: cloud.ca,
			want: `FAILED  Post "` + cloud.url + `check": dial tcp: lookup relay.corp.test`, hosts: both[:1]},
		{name: "nothing through", https: "http://PROXY", without: "corp.test", ca: cloud.ca,
			want: noSignIn + "dial tcp: lookup login.corp.test"},
		{name: "opens TLS", proxy: &proxy{opens: opener, trusts: servers}, https: "http://PROXY", ca: opener.pem, want: cloud.welcome, hosts: both},
		{name: "opens TLS and is not trusted", proxy: &proxy{opens: opener, trusts: servers}, https: "http://PROXY", ca: cloud.ca, hosts: both[:1],
			want: noSignIn + "tls: failed to verify certificate: x509: certificate signed by unknown authority: name the PEM file of the authority that signed it as relay.ca_file; a proxy that opens TLS has one of its own"},
		{name: "asks who", proxy: &proxy{user: "svc@corp:" + password}, https: "http://" + user + "@PROXY", ca: cloud.ca, want: cloud.welcome, hosts: both},
		{name: "asks who, and is not told", proxy: &proxy{user: "svc@corp:" + password}, https: "http://PROXY", ca: cloud.ca,
			want: noSignIn + "the proxy answers 407 Proxy Authentication Required: write http://user:password@host:port as HTTPS_PROXY"},
		{name: "asks who, and is told wrong", proxy: &proxy{user: "svc@corp:other"}, https: "http://" + user + "@PROXY", ca: cloud.ca,
			want: noSignIn + "the proxy answers 407 Proxy Authentication Required: write http://user:password@host:port as HTTPS_PROXY"},
		{name: "not there", https: "http://" + user + "@127.0.0.1:1", ca: cloud.ca,
			want: noSignIn + "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused: check HTTPS_PROXY"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := cmp.Or(test.proxy, &proxy{})
			address := p.start(t)
			out, _ := runCheck(t, cloud.config(t, test.ca, nobodyHome), "HTTPS_PROXY="+strings.ReplaceAll(test.https, "PROXY", address), "NO_PROXY="+test.without)
			got := lineOf(t, out, "relay")
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("check says\n%s\nwant\n%s", got, test.want)
			}
			if strings.Contains(out, password) {
				t.Errorf("the proxy's password is told:\n%s", out)
			}
			if hosts := p.hosts(); !slices.Equal(hosts, test.hosts) {
				t.Errorf("through the proxy went %v, want %v", hosts, test.hosts)
			}
		})
	}
}

// nobodyHome is a domain controller that is not there.
var nobodyHome = &url.URL{Scheme: "ldaps", Host: "127.0.0.1:1"}
