package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"crypto/tls"
	"crypto/x509"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"groupwriteback/shared/blob"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/signin"
)

// prefix of all environment variables of ours.
const prefix = "GROUPWRITEBACK_"

// settings are the environment, understood.
type settings struct {
	target   string
	store    blob.Store
	rules    *rules.Rules
	signIn   signin.SignIn
	graphURL string
	audience []string
	tenant   string
	client   *http.Client

	credential azcore.TokenCredential // of signIn
}

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// variables lists every variable that is read, and whether it must be set.
func variables() map[string]bool {
	return map[string]bool{"TARGET": true, "STORE": true, "TENANT_ID": true, "CLIENT_ID": false, "CLIENT_SECRET": false, "SIGN_IN": true,
		"RULES": false, "CLOUD": false, "GRAPH_URL": false, "AUTHORITY_URL": false, "PRIVATE_AUTHORITY": false, "CA_FILE": false, "API_AUDIENCE": true,
		"STORE_CONNECTION": false, "S3_ENDPOINT": false}
}

// read understands the environment, and names all mistakes at once.
func read(ctx context.Context, environ []string) (settings, error) {
	env, errs := pick(environ)
	bad := func(name string, err error) { errs = append(errs, fmt.Errorf("%s%s: %w", prefix, name, err)) }
	s := settings{target: env["TARGET"], tenant: env["TENANT_ID"], audience: strings.Split(env["API_AUDIENCE"], ",")}
	if s.target != "" && !targetName.MatchString(s.target) {
		bad("TARGET", fmt.Errorf("%q: use up to 32 lower-case letters, digits and '-'", s.target))
	}
	var err error
	if s.rules, err = readRules(env["RULES"]); err != nil {
		bad("RULES", err)
	}
	cloud, err := signin.ParseCloud(env["CLOUD"])
	if err != nil {
		bad("CLOUD", err)
	}
	if s.client, err = httpClient(env["CA_FILE"]); err != nil {
		bad("CA_FILE", err)
	}
	s.graphURL = or(env["GRAPH_URL"], cloud.Graph)
	s.signIn = signin.SignIn{Method: signin.Method(env["SIGN_IN"]), Tenant: s.tenant, Client: env["CLIENT_ID"], Secret: env["CLIENT_SECRET"],
		Authority: or(env["AUTHORITY_URL"], cloud.Authority), Private: env["PRIVATE_AUTHORITY"] == "true", HTTP: s.client}
	if s.credential, err = signin.Credential(s.signIn); err != nil && env["SIGN_IN"] != "" {
		bad("SIGN_IN", err)
	}
	if s.store, err = openStore(ctx, env, s.credential, s.client); err != nil && env["STORE"] != "" {
		bad("STORE", err)
	}
	return s, errors.Join(errs...)
}

// pick takes our variables out of the environment; unknown ones are mistakes,
// since a misspelt one would be ignored in silence.
func pick(environ []string) (map[string]string, []error) {
	env := map[string]string{}
	var errs []error
	known := variables()
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		name, ours := strings.CutPrefix(name, prefix)
		if !ours {
			continue
		}
		if _, ok := known[name]; !ok {
			errs = append(errs, fmt.Errorf("%s%s is not a setting of this program", prefix, name))
		}
		env[name] = value
	}
	for name, must := range known {
		if must && env[name] == "" {
			errs = append(errs, fmt.Errorf("%s%s is not set", prefix, name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return env, errs
}

func or(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}

func readRules(path string) (*rules.Rules, error) {
	data, err := os.ReadFile(or(path, "rules.yaml"))
	if err != nil {
		return nil, err
	}
	return rules.Parse(data)
}

// httpClient trusts the system's authorities and those of a PEM file.
func httpClient(caFile string) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16 // the journal reads as many objects at once; two would be kept
	if caFile != "" {
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
	}
	return &http.Client{Transport: t}, nil
}
