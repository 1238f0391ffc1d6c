package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"groupwriteback/infra/golden"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/signin"
)

const (
	app = "11111111-2222-3333-4444-555555555555"
	api = "api://groupwriteback"
)

// names are those of an environment.
var names = signin.Names{Method: "SIGN_IN", Tenant: "TENANT_ID", Client: "CLIENT_ID", Secret: "SECRET", Certificate: "CERTIFICATE", Password: "PASSWORD", TokenFile: "TOKEN_FILE", Authority: "AUTHORITY_URL"}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// certify returns a certificate in PEM with a key of a kind, and the certificate.
func certify(t *testing.T, key any, public any) (chain, private []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	ok(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	ok(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func TestMistakes(t *testing.T) {
	full := signin.SignIn{Tenant: "t", Client: "c", Secret: "hush", Certificate: []byte("x"), Password: "hush", TokenFile: "f", Authority: "https://a"}
	as := func(m signin.Method) signin.SignIn { s := full; s.Method, s.Names = m, names; return s }
	bare := func(m signin.Method) signin.SignIn { return signin.SignIn{Method: m, Names: names} }
	for _, test := range []struct {
		name string
		in   signin.SignIn
		want []string
	}{
		{"plain words", signin.SignIn{}, []string{`the sign-in method: use managed-identity, workload-identity, client-certificate or client-secret`}},
		{"unknown", bare("guess"), []string{`SIGN_IN: use managed-identity, workload-identity, client-certificate or client-secret`}},
		{"secret, nothing set", bare(signin.ClientSecret), []string{
			"TENANT_ID is not set: sign-in by client-secret needs the tenant's id",
			"CLIENT_ID is not set: sign-in by client-secret needs the application (client) id",
			"SECRET is not set: sign-in by client-secret needs a client secret of the app"}},
		{"secret, everything set", as(signin.ClientSecret), []string{
			"CERTIFICATE is set, but sign-in by client-secret does not use it: remove it, or choose another sign-in",
			"PASSWORD is set, but sign-in by client-secret does not use it: remove it, or choose another sign-in"}},
		{"certificate, nothing set", bare(signin.ClientCertificate), []string{
			"TENANT_ID is not set: sign-in by client-certificate needs the tenant's id",
			"CLIENT_ID is not set: sign-in by client-certificate needs the application (client) id",
			"CERTIFICATE is not set: sign-in by client-certificate needs a certificate of the app, with its key"}},
		{"certificate, everything set", as(signin.ClientCertificate), []string{
			"SECRET is set, but sign-in by client-certificate does not use it: remove it, or choose another sign-in"}},
		{"workload, nothing set", bare(signin.WorkloadIdentity), []string{
			"TENANT_ID is not set: sign-in by workload-identity needs the tenant's id",
			"CLIENT_ID is not set: sign-in by workload-identity needs the application (client) id",
			"TOKEN_FILE is not set: sign-in by workload-identity needs the file that the workload's own token is in"}},
		{"workload, everything set", as(signin.WorkloadIdentity), []string{
			"SECRET is set, but sign-in by workload-identity does not use it: remove it, or choose another sign-in",
			"CERTIFICATE is set, but sign-in by workload-identity does not use it: remove it, or choose another sign-in",
			"PASSWORD is set, but sign-in by workload-identity does not use it: remove it, or choose another sign-in"}},
		{"managed, nothing set", bare(signin.ManagedIdentity), nil},
		{"managed, everything set", as(signin.ManagedIdentity), []string{
			"TENANT_ID is set, but sign-in by managed-identity does not use it: remove it, or choose another sign-in",
			"SECRET is set, but sign-in by managed-identity does not use it: remove it, or choose another sign-in",
			"CERTIFICATE is set, but sign-in by managed-identity does not use it: remove it, or choose another sign-in",
			"PASSWORD is set, but sign-in by managed-identity does not use it: remove it, or choose another sign-in",
			"AUTHORITY_URL is set, but sign-in by managed-identity does not use it: remove it, or choose another sign-in"}},
		{"authority in the clear", signin.SignIn{Method: signin.ClientSecret, Tenant: "t", Client: "c", Secret: "s", Authority: "http://x", Names: names},
			[]string{`AUTHORITY_URL: write https:// and a host, and nothing behind it`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, err := range test.in.Mistakes() {
				got = append(got, err.Error())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("mistakes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if _, err := signin.Credential(test.in); test.want != nil && (err == nil || err.Error() != strings.Join(test.want, "\n")) {
				t.Errorf("credential: %v", err)
			}
		})
	}
}

// TestCertificates: the forms that are read sign in, and what is wrong with the
// others is said.
func TestCertificates(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	chain, private := certify(t, key, &key.PublicKey)
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	ecChain, ecPrivate := certify(t, elliptic, &elliptic.PublicKey)
	file := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		ok(t, err)
		return data
	}
	for _, test := range []struct {
		name        string
		certificate []byte
		password    string
		want        string
	}{
		{"PEM", slices.Concat(private, chain), "", ""},
		{"PKCS #12", file("older.p12"), "pfx-password", ""},
		{"PKCS #12, wrong password", file("older.p12"), "guess", "CERTIFICATE: pkcs12: decryption password incorrect: correct the password"},
		{"PKCS #12, no password", file("older.p12"), "", "CERTIFICATE: pkcs12: decryption password incorrect: correct the password"},
		{"PKCS #12, newer", file("newer.p12"), "pfx-password", "CERTIFICATE: pkcs12: unknown digest algorithm: 2.16.840.1.101.3.4.2.1: " +
			"write it as PEM (openssl pkcs12 -nodes), or as PKCS #12 of the older kind (openssl pkcs12 -export -legacy)"},
		{"PEM with a password", slices.Concat(private, chain), "hush", "CERTIFICATE: a certificate in PEM has no password: remove the password, or write PKCS #12"},
		{"key alone", private, "", "CERTIFICATE: found no certificate: write the certificate and its RSA key, both in PEM"},
		{"certificate alone", chain, "", "CERTIFICATE: found no private key: write the certificate and its RSA key, both in PEM"},
		{"encrypted key", slices.Concat(chain, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})), "",
			"CERTIFICATE: the key is encrypted: write it in the clear, in a file that nobody else may read, or as PKCS #12"},
		{"elliptic curve", slices.Concat(ecChain, ecPrivate), "", "CERTIFICATE: the key is no RSA key, which Entra ID asks for: make a certificate with one"},
		{"something else", []byte("hello"), "", "CERTIFICATE: what is in it has another form: write it as PEM (openssl pkcs12 -nodes), or as PKCS #12 of the older kind (openssl pkcs12 -export -legacy)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			credential, err := signin.Credential(signin.SignIn{Method: signin.ClientCertificate, Tenant: "t", Client: "c", Certificate: test.certificate, Password: test.password, Names: names})
			if test.want == "" && (err != nil || credential == nil) || test.want != "" && (err == nil || err.Error() != test.want) {
				t.Errorf("error is\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

// TestRefusals are the errors of sign-in that a person meets, to the letter.
func TestRefusals(t *testing.T) {
	const ids = ". Trace ID: 0a1b Correlation ID: 2c3d Timestamp: 2026-01-01 00:00:00Z"
	says := func(code, text string) graphtest.Fault {
		return graphtest.Fault{Status: 401, Body: `{"error":"` + code + `","error_description":"` + text + ids + `","error_codes":[1]}`}
	}
	var fault graphtest.Fault
	s := graphtest.NewServer(new(graphtest.Tenant), graphtest.Options{
		Clients:  []graphtest.Client{{ID: app, Secret: "s3cret", Roles: map[string][]string{api: {"Relay.Agent"}}}},
		Identity: app,
		Fault: func(r *http.Request, _ int) graphtest.Fault {
			if strings.HasSuffix(r.URL.Path, "/token") {
				return fault
			}
			return graphtest.Fault{}
		},
	})
	ok(t, s.Start(""))
	t.Cleanup(func() { ok(t, s.Close()) })
	endpoint, header := s.Identity()
	t.Setenv("IDENTITY_ENDPOINT", endpoint)
	t.Setenv("IDENTITY_HEADER", header)
	bySecret := signin.SignIn{Method: signin.ClientSecret, Tenant: s.TenantID(), Client: app, Secret: "s3cret", Authority: s.URL(), Private: true, HTTP: s.HTTP()}
	with := func(change func(*signin.SignIn)) signin.SignIn { in := bySecret; change(&in); return in }
	credential, err := signin.Credential(bySecret)
	ok(t, err)
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{api + "/.default"}})
	ok(t, err) // what follows is refused for its own reason
	texts := &golden.Texts{}
	for _, test := range []struct {
		name  string
		in    signin.SignIn
		fault graphtest.Fault
	}{
		{name: "wrong secret", in: with(func(s *signin.SignIn) { s.Secret = "guessed-secret" })},
		{name: "unknown app", in: with(func(s *signin.SignIn) { s.Client = "nobody" })},
		{name: "expired secret", in: bySecret, fault: says("invalid_client", "AADSTS7000222: The provided client secret keys for app are expired")},
		{name: "wrong audience", in: bySecret, fault: says("invalid_resource", "AADSTS500011: The resource principal named api://x was not found in the tenant")},
		{name: "certificate", in: bySecret, fault: says("invalid_client", "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered")},
		{name: "another cloud's tenant", in: bySecret, fault: says("invalid_request", "AADSTS90002: Tenant 'x' not found")},
		{name: "disabled", in: bySecret, fault: says("unauthorized_client", "AADSTS7000112: Application is disabled")},
		{name: "federation", in: bySecret, fault: says("invalid_client", "AADSTS70021: No matching federated identity record found for presented assertion")},
		{name: "not assigned", in: bySecret, fault: says("invalid_grant", "AADSTS501051: Application is not assigned to a role for the application")},
		{name: "a proxy's page", in: bySecret, fault: graphtest.Fault{Status: 403, Body: "<html>"}},
		{name: "no such identity", in: signin.SignIn{Method: signin.ManagedIdentity, Client: "nobody", HTTP: s.HTTP()}},
		{name: "no token file", in: with(func(s *signin.SignIn) { s.Method, s.Secret, s.TokenFile = signin.WorkloadIdentity, "", "/none/token" })},
	} {
		t.Run(test.name, func(t *testing.T) {
			fault = test.fault
			credential, err := signin.Credential(test.in)
			ok(t, err)
			_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{api + "/.default"}})
			if err == nil {
				t.Fatal("it signs in")
			}
			texts.Add(err.Error())
		})
	}
	texts.Hold(t, "refusals")
}

// TestParseCloud: Graph and sign-in of each cloud, as Microsoft lists them. A token
// of one cloud is worth nothing in another.
func TestParseCloud(t *testing.T) {
	for name, want := range map[string]signin.Cloud{
		"":          {Graph: "https://graph.microsoft.com", Authority: "https://login.microsoftonline.com"},
		"public":    {Graph: "https://graph.microsoft.com", Authority: "https://login.microsoftonline.com"},
		"usgov":     {Graph: "https://graph.microsoft.us", Authority: "https://login.microsoftonline.us"},
		"usgov-dod": {Graph: "https://dod-graph.microsoft.us", Authority: "https://login.microsoftonline.us"},
		"china":     {Graph: "https://microsoftgraph.chinacloudapi.cn", Authority: "https://login.chinacloudapi.cn"},
	} {
		if got, err := signin.ParseCloud(name); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", name, got, err, want)
		}
	}
	if _, err := signin.ParseCloud("mars"); err == nil {
		t.Error("cloud mars is accepted")
	}
}

// TestEnding: a certificate is told of before it ends, and after.
func TestEnding(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	chain, private := certify(t, key, &key.PublicKey) // for an hour
	in := signin.SignIn{Method: signin.ClientCertificate, Certificate: slices.Concat(private, chain)}
	text := "the certificate that signs in ends at " + in.Ends().UTC().Format(time.RFC3339) + ": put a new one into the app registration and the settings"
	for before, want := range map[time.Duration]string{-time.Hour: text, time.Hour: text, 29 * 24 * time.Hour: text, 30 * 24 * time.Hour: ""} {
		if got := in.Ending(in.Ends().Add(-before)); got != want {
			t.Errorf("%v before: %q, want %q", before, got, want)
		}
	}
	in.Method = signin.ClientSecret
	if got := in.Ending(time.Now().Add(time.Hour)); got != "" {
		t.Errorf("a secret: %q", got)
	}
}
