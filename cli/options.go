package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/pflag"

	"groupwriteback/shared/signin"
)

// options say which API is asked, and as whom.
type options struct {
	url, audience, tenant, client, signIn, output string
}

// flags adds o's flags; what is not given is taken from the environment.
func (o *options) flags(f *pflag.FlagSet) {
	env := func(name string) string { return os.Getenv("GROUPWRITEBACK_" + name) }
	f.StringVar(&o.url, "url", env("URL"), "the function app, such as https://corp-writeback.azurewebsites.net (GROUPWRITEBACK_URL)")
	f.StringVar(&o.audience, "audience", env("API_AUDIENCE"), "id URI of the API's app registration (GROUPWRITEBACK_API_AUDIENCE)")
	f.StringVar(&o.tenant, "tenant", env("TENANT_ID"), "tenant id (GROUPWRITEBACK_TENANT_ID)")
	f.StringVar(&o.client, "client", env("CLIENT_ID"), "application id: of a public client for device-code, of a user-assigned managed-identity, of the app for client-secret (GROUPWRITEBACK_CLIENT_ID)")
	f.StringVar(&o.signIn, "sign-in", cmp.Or(env("SIGN_IN"), string(signin.AzureCLI)), "azure-cli, device-code, environment, managed-identity or client-secret (GROUPWRITEBACK_SIGN_IN)")
	f.StringVar(&o.output, "output", "text", "text or json: the API's answer, whole")
	// The default would be shown as text of the help: the caller's own settings are no part of it.
	for _, name := range []string{"url", "audience", "tenant", "client", "sign-in"} {
		f.Lookup(name).DefValue = ""
	}
}

// connect returns a client by o. It makes no request.
func (o *options) connect() (*client, error) {
	var errs []error
	if !signin.IsHost(o.url) && !strings.HasPrefix(o.url, "http://127.0.0.1:") {
		errs = append(errs, errors.New("--url: write https:// and the function app's host, and nothing behind it"))
	}
	if !signin.IsAudience(o.audience) {
		errs = append(errs, errors.New("--audience: write the id URI of the API's app registration, such as api://groupwriteback"))
	}
	if o.output != "text" && o.output != "json" {
		errs = append(errs, errors.New("--output: use text or json"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	wire, err := signin.Transport(os.Getenv("GROUPWRITEBACK_CA_FILE"))
	if err != nil {
		return nil, fmt.Errorf("read GROUPWRITEBACK_CA_FILE: %w", err)
	}
	as, err := o.credential(&http.Client{Transport: wire})
	if err != nil {
		return nil, err
	}
	// A turn takes as long as the front end lets it: minutes.
	plain := &http.Client{Transport: wire, Timeout: 5 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &client{strings.TrimSuffix(o.url, "/") + "/api/", strings.TrimSuffix(o.audience, "/") + "/.default", as, bounded{plain}}, nil
}

func (o *options) credential(wire *http.Client) (azcore.TokenCredential, error) {
	authority := os.Getenv("GROUPWRITEBACK_AUTHORITY_URL")
	private := os.Getenv("GROUPWRITEBACK_PRIVATE_AUTHORITY") == "true"
	switch m := signin.Method(o.signIn); m {
	case signin.ManagedIdentity:
		return signin.Credential(signin.SignIn{Method: m, Client: o.client})
	case signin.ClientSecret:
		return signin.Credential(signin.SignIn{Method: m, Tenant: o.tenant, Client: o.client, Secret: os.Getenv("GROUPWRITEBACK_CLIENT_SECRET"), Authority: authority, Private: private, HTTP: wire,
			Names: signin.Names{Method: "--sign-in", Tenant: "--tenant", Client: "--client", Secret: "GROUPWRITEBACK_CLIENT_SECRET", Authority: "GROUPWRITEBACK_AUTHORITY_URL"}})
	case signin.AzureCLI, signin.DeviceCode, signin.Environment:
		return signin.PersonCredential(signin.Person{Method: m, Tenant: o.tenant, Client: o.client, Authority: authority, Private: private, HTTP: wire,
			Ask: func(text string) { fmt.Fprintln(os.Stderr, text) }})
	}
	return nil, errors.New("--sign-in: use azure-cli, device-code, environment, managed-identity or client-secret")
}
