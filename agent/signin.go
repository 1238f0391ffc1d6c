package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"groupwriteback/shared/signin"
	"groupwriteback/shared/yamlfile"
)

// callTime limits one request to the relay: it may plan while we wait.
const callTime = 60 * time.Second

// transport goes through the proxy that the environment names, for sign-in as for
// the relay.
func (c relayConfig) transport() (*http.Client, error) {
	t, err := signin.Transport(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("relay.ca_file: %w", err)
	}
	return &http.Client{Transport: explained{t}, Timeout: callTime, CheckRedirect: stay}, nil
}

// stay follows no redirect: neither sign-in nor relay answers with one, and who does
// would lead the agent, with what it says, to a place inside the network.
func stay(to *http.Request, _ []*http.Request) error {
	status := 0
	if to.Response != nil {
		status = to.Response.StatusCode
	}
	return lasting{fmt.Errorf("the answer %d leads to %.200q and is not followed: check relay.url and relay.authority_url, and look for a proxy that asks for a sign-in", status, to.URL.Redacted())}
}

// explained adds to errors of the way to relay and sign-in what can be done.
type explained struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (e explained) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.next.RoundTrip(r)
	if err == nil {
		return resp, nil
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	proxy, isOp := errors.AsType[*net.OpError](err)
	switch {
	case untrusted:
		return nil, lasting{fmt.Errorf("%w: name the PEM file of the authority that signed it as relay.ca_file; a proxy that opens TLS has one of its own", err)}
	case err.Error() == http.StatusText(http.StatusProxyAuthRequired):
		return nil, lasting{fmt.Errorf("the proxy answers 407 %w: write http://user:password@host:port as HTTPS_PROXY", err)}
	case isOp && proxy.Op == "proxyconnect":
		return nil, fmt.Errorf("%w: check HTTPS_PROXY", err)
	case isOp && proxy.Op == "dial":
		return nil, fmt.Errorf("%w: check relay.url and relay.authority_url, and that firewalls let this machine through, or name a proxy as HTTPS_PROXY", err)
	}
	return nil, err
}

// lasting is an error that trying again does not mend.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// NonRetriable tells the Azure SDK so.
func (lasting) NonRetriable() {}

// signer adds the agent's access token to requests. The credential keeps the
// token until shortly before it expires.
func (c relayConfig) signer(h *http.Client, care *caution) (func(*http.Request) error, error) {
	m := yamlfile.Mistakes{Path: "sign in"}
	s, whole := c.signIn(h, &m)
	credential, err := c.credential(s, whole, &m)
	if err := errors.Join(m.Err(), err); err != nil {
		return nil, err
	}
	shown := []string{string(s.Method), s.Authority, s.Tenant, s.Client, s.Secret, string(s.Certificate), s.Password}
	return func(r *http.Request) error {
		if err := care.allows(shown...); err != nil {
			return err
		}
		t, err := credential.GetToken(r.Context(), azpolicy.TokenRequestOptions{Scopes: []string{c.Audience + "/.default"}})
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+t.Token)
		}
		return care.learn(err, entraRefused, shown...)
	}, nil
}

// signIn reads the files of the sign-in; whole says that all of them could be read.
func (c relayConfig) signIn(h *http.Client, m *yamlfile.Mistakes) (s signin.SignIn, whole bool) {
	s = signin.SignIn{Method: signin.Method(c.SignIn), Tenant: c.TenantID, Client: c.ClientID, TokenFile: os.Getenv("AZURE_FEDERATED_TOKEN_FILE"),
		Authority: c.AuthorityURL, Private: c.Private, HTTP: h,
		Names: signin.Names{Method: "relay.sign_in", Tenant: "relay.tenant_id", Client: "relay.client_id", Secret: "relay.secret_file", Certificate: "relay.certificate_file",
			Password: "relay.certificate_password_file", TokenFile: "AZURE_FEDERATED_TOKEN_FILE", Authority: "relay.authority_url"}}
	whole = true
	read := func(key, file string, name *string) []byte {
		if file == "" {
			return nil
		}
		data := m.File(key, file)
		if data == nil {
			whole, *name = false, ""
		}
		return data
	}
	line := func(key string, data []byte) string {
		text, err := secret(data)
		if err != nil {
			m.Bad(key, "%w", err)
			whole = false
		}
		return text
	}
	s.Secret = line("relay.secret_file", read("relay.secret_file", c.SecretFile, &s.Names.Secret))
	s.Certificate = read("relay.certificate_file", c.Certificate, &s.Names.Certificate)
	s.Password = line("relay.certificate_password_file", read("relay.certificate_password_file", c.Password, &s.Names.Password))
	return s, whole
}

// credential makes the sign-in; nil where m has more to say.
func (c relayConfig) credential(s signin.SignIn, whole bool, m *yamlfile.Mistakes) (azcore.TokenCredential, error) {
	if s.Method == "" {
		return nil, nil
	}
	if wrong := s.Mistakes(); len(wrong) > 0 || !whole {
		for _, err := range wrong {
			m.Add(err)
		}
		return nil, nil
	}
	return signin.Credential(s)
}
