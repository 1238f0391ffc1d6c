// Package signin signs a program in to Entra ID: the functions to Microsoft
// Graph, and the agent to the relay. The way to sign in is always chosen by the
// operator; nothing is guessed, and no request is made before a token is needed.
package signin

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/crypto/pkcs12"
)

// Cloud is where one of Microsoft's clouds has Graph and its sign-in.
type Cloud struct {
	Graph     string // for Options.Base
	Authority string // for SignIn.Authority
}

// ParseCloud returns the cloud of a name: public (or ""), usgov, usgov-dod or china.
// Source: https://learn.microsoft.com/graph/deployments.
func ParseCloud(name string) (Cloud, error) {
	switch name {
	case "", "public":
		return Cloud{"https://graph.microsoft.com", "https://login.microsoftonline.com"}, nil
	case "usgov":
		return Cloud{"https://graph.microsoft.us", "https://login.microsoftonline.us"}, nil
	case "usgov-dod":
		return Cloud{"https://dod-graph.microsoft.us", "https://login.microsoftonline.us"}, nil
	case "china":
		return Cloud{"https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"}, nil
	}
	return Cloud{}, fmt.Errorf("cloud %q is not known: use public, usgov, usgov-dod or china", name)
}

// Method is a way to sign in. It is always chosen and never guessed: a chain of
// guesses is slow to fail, and may succeed as somebody else.
type Method string

// The ways to sign in, the best first: one without a stored secret, where the host
// offers it.
const (
	ManagedIdentity   Method = "managed-identity"   // the identity of the Azure resource that runs us
	WorkloadIdentity  Method = "workload-identity"  // a token file of another issuer that the app trusts
	ClientCertificate Method = "client-certificate" // a certificate and its key
	ClientSecret      Method = "client-secret"      // a password of the app
)

// SignIn says how an app signs in to Entra ID.
type SignIn struct {
	Method Method
	Tenant string // tenant id or domain; not for managed-identity
	Client string // application id; for managed-identity that of a user-assigned one, or ""

	Secret      string // client-secret
	Certificate []byte // client-certificate: certificate and RSA key, PEM or PKCS #12
	Password    string // of a PKCS #12 certificate, if it has one
	TokenFile   string // workload-identity: read anew for each token

	// Authority is the sign-in host, "https://login.microsoftonline.com" if empty.
	Authority string
	// Private is set for an authority that Microsoft does not list, as in tests and
	// air-gapped clouds: nobody is asked whether it is genuine.
	Private bool
	// HTTP carries the requests, for example with a certificate authority of one's own. May be nil.
	HTTP *http.Client

	Names Names // for errors; the zero value stands for plain words
}

// Names are what the operator knows the parts of a SignIn by: environment
// variables, or keys of a file. A part whose name is "" is not held against the
// method, for one that has other uses or whose mistake is told already.
type Names struct{ Method, Tenant, Client, Secret, Certificate, Password, TokenFile, Authority string }

func plainNames() Names {
	return Names{"the sign-in method", "the tenant id", "the client id", "the client secret", "the certificate", "the certificate's password", "the token file", "the sign-in authority"}
}

// Credential returns what gets access tokens by s. It makes no request; every
// mistake is named at once. The credential's errors are one line, with the remedy
// where Entra ID's code for the reason has one.
func Credential(s SignIn) (azcore.TokenCredential, error) {
	if err := errors.Join(s.Mistakes()...); err != nil {
		return nil, err
	}
	o := policy.ClientOptions{Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: cmp.Or(s.Authority, "https://login.microsoftonline.com"),
	}}
	if s.HTTP != nil {
		o.Transport = s.HTTP
	}
	if s.Method != ManagedIdentity { // whose endpoint has a rhythm of its own
		o.Retry = policy.RetryOptions{MaxRetries: 3, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 5 * time.Second}
	}
	c, err := s.credential(o)
	if err != nil {
		return nil, err
	}
	return &explained{TokenCredential: c, method: s.Method}, nil
}

// part is one field of a SignIn.
type part struct {
	name  string // the operator's
	what  string // it is
	set   bool
	needs []Method // the methods that cannot do without it
	takes []Method // and those that can use it
}

// Mistakes lists what is missing for the method, and what is set and would be
// ignored: whoever sets a secret believes that it is used. No value is repeated: it may
// be a secret in the wrong place.
func (s SignIn) Mistakes() (errs []error) {
	n := s.Names
	if n == (Names{}) {
		n = plainNames()
	}
	all := []Method{ManagedIdentity, WorkloadIdentity, ClientCertificate, ClientSecret}
	if !slices.Contains(all, s.Method) {
		return []error{fmt.Errorf("%s: use %s, %s, %s or %s", n.Method, all[0], all[1], all[2], all[3])}
	}
	app := all[1:]
	for _, p := range []part{
		{n.Tenant, "the tenant's id", s.Tenant != "", app, nil},
		{n.Client, "the application (client) id", s.Client != "", app, all},
		{n.Secret, "a client secret of the app", s.Secret != "", []Method{ClientSecret}, nil},
		{n.Certificate, "a certificate of the app, with its key", len(s.Certificate) > 0, []Method{ClientCertificate}, nil},
		{n.Password, "", s.Password != "", nil, []Method{ClientCertificate}},
		{n.TokenFile, "the file that the workload's own token is in", s.TokenFile != "", []Method{WorkloadIdentity}, all},
		{n.Authority, "", s.Authority != "", nil, app},
	} {
		switch needed := slices.Contains(p.needs, s.Method); {
		case p.name == "":
		case needed && !p.set:
			errs = append(errs, fmt.Errorf("%s is not set: sign-in by %s needs %s", p.name, s.Method, p.what))
		case p.set && !needed && !slices.Contains(p.takes, s.Method):
			errs = append(errs, fmt.Errorf("%s is set, but sign-in by %s does not use it: remove it, or choose another sign-in", p.name, s.Method))
		}
	}
	if s.Authority != "" && !IsHost(s.Authority) && n.Authority != "" {
		errs = append(errs, fmt.Errorf("%s: write https:// and a host, and nothing behind it", n.Authority))
	}
	return errs
}

// IsHost says whether a URL is https:// and a host, and nothing more.
func IsHost(s string) bool {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	return err == nil && u.Scheme == "https" && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// guid is the form of the ids of tenants and applications.
var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// IsID says whether a text has the form of the id of a tenant or an application. What has
// another one may be a secret, and Entra ID repeats it when it refuses it.
func IsID(s string) bool { return guid.MatchString(s) }

// IsAudience says whether a text has the form of an API's name: its id URI, or its
// application id.
func IsAudience(s string) bool {
	u, err := url.Parse(s)
	return IsID(s) || err == nil && u.User == nil && slices.Contains([]string{"api", "https", "http", "urn"}, u.Scheme) && u.Host+u.Opaque != ""
}

func (s SignIn) credential(o policy.ClientOptions) (azcore.TokenCredential, error) {
	switch s.Method {
	case ManagedIdentity:
		var id azidentity.ManagedIDKind
		if s.Client != "" {
			id = azidentity.ClientID(s.Client)
		}
		return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: o, ID: id})
	case WorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: o, TenantID: s.Tenant, ClientID: s.Client, TokenFilePath: s.TokenFile, DisableInstanceDiscovery: s.Private})
	case ClientCertificate:
		certs, key, err := s.parseCertificate()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cmp.Or(s.Names.Certificate, plainNames().Certificate), err)
		}
		return azidentity.NewClientCertificateCredential(s.Tenant, s.Client, certs, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: s.Private})
	default:
		return azidentity.NewClientSecretCredential(s.Tenant, s.Client, s.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: s.Private})
	}
}

// renewal is how long before its end people are told of a certificate.
const renewal = 30 * 24 * time.Hour

// Ending says that the certificate that signs in ends soon, or has ended; "" if it does
// not, or if there is none.
func (s SignIn) Ending(now time.Time) string {
	ends := s.Ends()
	if ends.IsZero() || ends.Sub(now) >= renewal {
		return ""
	}
	return "the certificate that signs in ends at " + ends.UTC().Format(time.RFC3339) + ": put a new one into the app registration and the settings"
}

// plainly is an error of a certificate's form in words for people.
func plainly(err error) error {
	if strings.Contains(err.Error(), "asn1: ") {
		return errors.New("what is in it has another form")
	}
	return err
}

// Ends is when the certificate that signs in ends; zero where none does.
func (s SignIn) Ends() time.Time {
	if s.Method != ClientCertificate {
		return time.Time{}
	}
	certs, _, err := s.parseCertificate()
	if err != nil || len(certs) == 0 {
		return time.Time{}
	}
	return certs[0].NotAfter
}

// parseCertificate reads PEM, or PKCS #12 in its older form, which is all that the
// library knows.
func (s SignIn) parseCertificate() ([]*x509.Certificate, crypto.PrivateKey, error) {
	isPEM := bytes.Contains(s.Certificate, []byte("-----BEGIN "))
	switch {
	case isPEM && s.Password != "":
		return nil, nil, errors.New("a certificate in PEM has no password: remove the password, or write PKCS #12")
	case bytes.Contains(s.Certificate, []byte("BEGIN ENCRYPTED PRIVATE KEY")), bytes.Contains(s.Certificate, []byte("Proc-Type: 4,ENCRYPTED")):
		return nil, nil, errors.New("the key is encrypted: write it in the clear, in a file that nobody else may read, or as PKCS #12")
	}
	certs, key, err := azidentity.ParseCertificates(s.Certificate, []byte(s.Password))
	switch {
	case err == nil:
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, fmt.Errorf("%w: correct the password", err)
	case isPEM:
		return nil, nil, fmt.Errorf("%w: write the certificate and its RSA key, both in PEM", plainly(err))
	default:
		return nil, nil, fmt.Errorf("%w: write it as PEM (openssl pkcs12 -nodes), or as PKCS #12 of the older kind (openssl pkcs12 -export -legacy)", plainly(err))
	}
	if _, isRSA := key.(*rsa.PrivateKey); !isRSA {
		return nil, nil, errors.New("the key is no RSA key, which Entra ID asks for: make a certificate with one")
	}
	return certs, key, nil
}
