package signin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Transport is for sign-in and for what the tokens open: it trusts the system's
// authorities and those of a PEM file, if one is named, and goes through the
// proxy that HTTPS_PROXY and NO_PROXY name.
func Transport(caFile string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", caFile)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// hostName is the form of a proxy's: what has another one may be a secret, and is repeated
// by who looks for it.
var hostName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,253}$`)

// CheckProxy says what is wrong with the value of HTTPS_PROXY. The library puts
// http:// before what it cannot read, and then looks for a proxy of the name "http:",
// or goes without one. The value is not repeated: it may hold a password.
func CheckProxy(value string) error {
	u, err := url.Parse(value)
	if err != nil || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		u, err = url.Parse("http://" + value)
	}
	if value != "" && (err != nil || !hostName.MatchString(u.Hostname()) || strings.HasSuffix(u.Host, ":")) {
		return errors.New("HTTPS_PROXY is no address of a proxy: write http://host:port, or http://user:password@host:port with %-codes for what is not a letter or digit")
	}
	return nil
}
