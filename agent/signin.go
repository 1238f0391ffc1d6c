package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"groupwriteback/shared/signin"
)

// callTime limits one request to the relay: it may plan while we wait.
const callTime = 60 * time.Second

// transport trusts the system's authorities and those of the CA file, and goes
// through the proxy that the environment names.
func (c relayConfig) transport() (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("relay.ca_file: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("relay.ca_file: %s holds no PEM certificate", c.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t, Timeout: callTime}, nil
}

// signer adds the agent's access token to requests. The credential keeps the
// token until shortly before it expires.
func (c relayConfig) signer(h *http.Client) (func(*http.Request) error, error) {
	s := signin.SignIn{Method: signin.Method(c.SignIn), Tenant: c.TenantID, Client: c.ClientID, Authority: c.AuthorityURL, Private: c.Private, HTTP: h}
	if c.SecretFile != "" {
		var err error
		if s.Secret, err = secret(c.SecretFile); err != nil {
			return nil, fmt.Errorf("relay.secret_file: %w", err)
		}
	}
	credential, err := signin.Credential(s)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return func(r *http.Request) error {
		t, err := credential.GetToken(r.Context(), azpolicy.TokenRequestOptions{Scopes: []string{c.Audience + "/.default"}})
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+t.Token)
		return nil
	}, nil
}
