package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The ways in which a person signs in at a command line.
const (
	Browser     Method = "browser"     // a page that opens on this machine
	DeviceCode  Method = "device-code" // a code that is typed in any browser
	AzureCLI    Method = "azure-cli"   // as who has said az login
	Environment Method = "environment" // the AZURE_ variables of the Azure SDKs
)

// Persons lists them.
func Persons() []Method { return []Method{DeviceCode, AzureCLI, Environment, Browser} }

// Interactive says whether somebody is asked, unless a token is kept.
func (m Method) Interactive() bool { return m == Browser || m == DeviceCode }

// Person says how somebody signs in to Entra ID at a command line.
type Person struct {
	Method Method
	Tenant string // id
	Client string // browser, device-code: the application (client) id of a public client

	Authority string       // as SignIn has it
	Private   bool         //
	HTTP      *http.Client // may be nil; azure-cli makes its own requests

	// Cache keeps tokens of who is asked, and Record is a file that says who that was; the zero values: nobody keeps
	// anything.
	Cache  azidentity.Cache
	Record string

	// Ask shows what to do with the code, and where.
	Ask func(message string)
}

// PersonCredential returns what gets access tokens by p. It makes no request. The credential's
// errors are one line.
func PersonCredential(p Person) (azcore.TokenCredential, error) {
	o := policy.ClientOptions{Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: cmp.Or(p.Authority, "https://login.microsoftonline.com"),
	}}
	heard := &hearing{next: cmp.Or(p.HTTP, http.DefaultClient)}
	o.Transport = heard
	c, err := p.credential(o)
	if err != nil {
		return nil, fmt.Errorf("sign-in by %s: %w", p.Method, err)
	}
	return &explained{c, p.Method, heard}, nil
}

func (p Person) credential(o policy.ClientOptions) (azcore.TokenCredential, error) {
	switch p.Method {
	case DeviceCode, Browser:
		if !IsID(p.Client) {
			return nil, errors.New("name the application (client) id of an app registration that allows public client flows, a GUID")
		}
		return p.asking(o)
	case AzureCLI:
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: p.Tenant})
	case Environment:
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: p.Private})
	}
	return nil, fmt.Errorf("it is no way for a person: use %s, %s, %s or %s", Browser, DeviceCode, AzureCLI, Environment)
}

// asking is a credential that asks somebody, once if it may keep who that was.
func (p Person) asking(o policy.ClientOptions) (azcore.TokenCredential, error) {
	var record azidentity.AuthenticationRecord
	kept := false
	if p.Record != "" {
		record, kept = readRecord(p.Record)
	}
	var c asker
	var err error
	if p.Method == Browser {
		c, err = azidentity.NewInteractiveBrowserCredential(&azidentity.InteractiveBrowserCredentialOptions{ClientOptions: o, TenantID: p.Tenant, ClientID: p.Client, DisableInstanceDiscovery: p.Private,
			Cache: p.Cache, AuthenticationRecord: record})
	} else {
		c, err = azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{ClientOptions: o, TenantID: p.Tenant, ClientID: p.Client, DisableInstanceDiscovery: p.Private,
			Cache: p.Cache, AuthenticationRecord: record,
			UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error { p.Ask(m.Message); return nil }})
	}
	if err != nil || p.Record == "" {
		return c, err
	}
	return &remembering{asker: c, file: p.Record, kept: kept}, nil
}
