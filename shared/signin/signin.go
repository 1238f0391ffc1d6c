// Package signin signs a program in to Entra ID: the functions to Microsoft
// Graph, and the agent to the relay. The way to sign in is always chosen by the
// operator; nothing is guessed, and no request is made before a token is needed.
package signin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
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
	Password    string // of Certificate, if it has one
	TokenFile   string // workload-identity: read anew for each token; default $AZURE_FEDERATED_TOKEN_FILE

	// Authority is the sign-in host, "https://login.microsoftonline.com" if empty.
	Authority string
	// Private is set for an authority that Microsoft does not list, as in tests and
	// air-gapped clouds: nobody is asked whether it is genuine.
	Private bool
	// HTTP carries the requests, for example with a certificate authority of one's own. May be nil.
	HTTP *http.Client
}

// Credential returns what gets access tokens by s. It makes no request; every
// setting that is missing is named at once.
func Credential(s SignIn) (azcore.TokenCredential, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	o := policy.ClientOptions{Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: cmp.Or(s.Authority, "https://login.microsoftonline.com"),
	}}
	if s.HTTP != nil {
		o.Transport = s.HTTP
	}
	c, err := s.credential(o)
	if err != nil {
		return nil, fmt.Errorf("sign-in by %s: %w", s.Method, err)
	}
	return c, nil
}

func (s SignIn) check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("sign-in by %s needs %s", s.Method, what))
		}
	}
	app := func() {
		need(s.Tenant != "", "the tenant id")
		need(s.Client != "", "the application (client) id")
	}
	switch s.Method {
	case ManagedIdentity:
	case WorkloadIdentity:
		app()
	case ClientCertificate:
		app()
		need(len(s.Certificate) > 0, "a certificate with its key")
	case ClientSecret:
		app()
		need(s.Secret != "", "the client secret")
	default:
		errs = append(errs, fmt.Errorf("sign-in method %q is not known: use %s, %s, %s or %s",
			s.Method, ManagedIdentity, WorkloadIdentity, ClientCertificate, ClientSecret))
	}
	if s.Authority != "" && !strings.HasPrefix(s.Authority, "https://") {
		errs = append(errs, fmt.Errorf("sign-in authority %q must begin with https://", s.Authority))
	}
	return errors.Join(errs...)
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
		certs, key, err := azidentity.ParseCertificates(s.Certificate, []byte(s.Password))
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		return azidentity.NewClientCertificateCredential(s.Tenant, s.Client, certs, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: s.Private})
	default:
		return azidentity.NewClientSecretCredential(s.Tenant, s.Client, s.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: s.Private})
	}
}
