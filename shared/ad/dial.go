package ad

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Config says how to reach a domain controller.
type Config struct {
	URL        string        // ldaps://host[:636], or ldap://host[:389] for StartTLS
	ServerName string        // in the certificate; empty: the host of URL
	CAFile     string        // PEM; empty: the system's authorities
	User       string        // user@domain, DOMAIN\user or a DN
	Password   string        //
	Timeout    time.Duration // of the connection and of each request; 0: a minute
}

// maxPacket limits one LDAP message, in bytes: a group of 250,000 members in one
// answer, which Samba gives and Active Directory never does, has 60 MB.
const maxPacket = 128 << 20

// limitPackets sets the limit, which is a global variable of its package, once
// and before the first connection.
var limitPackets = sync.OnceFunc(func() { ber.MaxPacketLengthBytes = maxPacket })

// Dial connects and signs in. The connection is always encrypted, and the
// server's certificate always verified: a simple bind gives away the password.
// A request without an answer ends after the timeout; its outcome is unknown.
func Dial(ctx context.Context, c Config) (*ldap.Conn, error) {
	limitPackets()
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.User == "" || c.Password == "" { // a bind without password "succeeds", as nobody
		return nil, errors.New("connect to Active Directory: user and password are needed")
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.URL, err)
	}
	// A request of the library takes no context.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = conn.Bind(c.User, c.Password)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("sign in to %s: %w", c.URL, bindError(err)) // the user may be a password in the wrong place
	}
	return conn, nil
}

func (c Config) connect(ctx context.Context) (*ldap.Conn, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	port, secure := map[string]string{"ldaps": "636", "ldap": "389"}[u.Scheme], u.Scheme == "ldaps"
	if port == "" || u.Hostname() == "" {
		return nil, errors.New("the URL must be ldaps://host or ldap://host")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	conf, err := c.tls(u.Hostname())
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if secure {
		raw = tls.Client(raw, conf)
		if err := raw.(*tls.Conn).HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, handshakeError(err)
		}
	}
	conn := ldap.NewConn(raw, secure)
	conn.SetTimeout(c.Timeout)
	conn.Start()
	if secure {
		return conn, nil
	}
	return conn, c.startTLS(ctx, conn, raw, conf)
}

// startTLS bounds the library's handshake by the deadline, which it would
// otherwise wait through.
func (c Config) startTLS(ctx context.Context, conn *ldap.Conn, raw net.Conn, conf *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err := conn.StartTLS(conf)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return handshakeError(err)
	}
	return nil
}

func (c Config) tls(host string) (*tls.Config, error) {
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.ServerName != "" {
		conf.ServerName = c.ServerName
	}
	if c.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", c.CAFile)
	}
	return conf, nil
}

func handshakeError(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: name the file of the authority that signed the domain controller's certificate", err)
	case errors.As(err, &name):
		return misnamed{name}
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%w: the domain controller hung up before it showed a certificate: is it up, and has it one for LDAPS?", err)
	}
	return err
}

// misnamed is the error of a certificate for other names. The one that was asked for is
// not repeated: it may be a secret in the wrong place.
type misnamed struct{ x509.HostnameError }

func (m misnamed) Error() string {
	names := m.Certificate.DNSNames
	for _, ip := range m.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	return fmt.Sprintf("the domain controller's certificate is for %s and no other name: name it so", strings.Join(names, ", "))
}

func (m misnamed) Unwrap() error { return m.HostnameError }

// bindData finds Active Directory's own reason in a refused bind.
var bindData = regexp.MustCompile(`\bdata ([0-9a-f]+)`)

// bindReasons: MS-ERREF 2.2, the Win32 error codes that a bind's message has.
func bindReasons(data string) string {
	switch data {
	case "525", "52e":
		return "the user name or the password is wrong: correct them"
	case "530", "531":
		return "the account may not sign in at this time or from this machine: see its logon hours and workstations"
	case "532":
		return "the password has expired: set a new one, and let it not expire"
	case "533":
		return "the account is disabled: enable it"
	case "701":
		return "the account has expired: extend it"
	case "773":
		return "the password must be changed first: set one without that demand"
	case "775":
		return "the account is locked out: unlock it and look for who used a wrong password"
	case "80090346":
		return "the domain controller demands a channel binding token, which a simple bind does not need: use one"
	}
	return ""
}

func bindError(err error) error {
	if m := bindData.FindStringSubmatch(err.Error()); m != nil && code(err) == ldap.LDAPResultInvalidCredentials {
		if reason := bindReasons(m[1]); reason != "" {
			return fmt.Errorf("%s (%w)", reason, err)
		}
	}
	return lostOr(err)
}
