package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/relay"
)

var shared = adtest.Shared{}

// built is the folder of the built agent.
var built = filepath.Join(os.TempDir(), "agent-test-"+rand.Text())

func TestMain(m *testing.M) {
	code := shared.Main(m)
	if err := os.RemoveAll(built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	audience    = "api://groupwriteback"
	agentClient = "11111111-0000-4000-8000-000000000002"
)

// cloud is a sign-in and a relay, under names that only a proxy knows.
type cloud struct {
	login   *graphtest.Server
	url     string // of the relay
	ca      string // PEM, of both
	welcome string // what check says when all is well
	serving relay.Serving

	mu    sync.Mutex
	serve http.Handler
}

func newCloud(t *testing.T, clients ...graphtest.Client) *cloud {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	c := &cloud{}
	if clients == nil {
		clients = []graphtest.Client{{ID: agentClient, Secret: "relay-secret", Roles: map[string][]string{audience: {relay.AgentRole}}}}
	}
	c.login = graphtest.NewServer(new(graphtest.Tenant), graphtest.Options{Key: key, Hosts: []string{"login.corp.test"}, Clients: clients, Identity: agentClient})
	ok(t, c.login.Start("0.0.0.0:0"))
	t.Cleanup(func() { ok(t, c.login.Close()) })
	issuer := c.login.URL() + "/" + c.login.TenantID() + "/v2.0"
	c.serve = relay.Handler("/api/relay/", &relay.Door{Log: slog.New(slog.DiscardHandler), Verifier: &relay.Tokens{
		Issuers: []string{issuer}, Audience: []string{audience}, Tenant: c.login.TenantID(), Keys: func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
	}}, nil, func(context.Context) (relay.Serving, error) { return c.serving, nil }, nil)
	own := newAuthority(t, "the relay's own")
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		h := c.serve
		c.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	s.TLS = &tls.Config{GetCertificate: own.issue}
	s.StartTLS()
	t.Cleanup(s.Close)
	at, err := url.Parse(s.URL)
	ok(t, err)
	c.url = "https://relay.corp.test:" + at.Port() + "/api/relay/"
	c.ca = string(c.login.CA()) + own.pem
	c.welcome = "ok      " + c.url + ", as " + agentClient
	return c
}

func (c *cloud) set(h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serve = h
}

// config writes an agent's file for the cloud and a domain controller.
func (c *cloud) config(t *testing.T, ca string, dc *url.URL, more ...string) (file string) {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`target: corp
state: %s/state
relay:
  url: %s
  ca_file: %[1]s/ca.pem
  audience: %[3]s
  sign_in: client-secret
  tenant_id: %[4]s
  client_id: %[5]s
  secret_file: %[1]s/relay-secret
  authority_url: %[6]s
  private_authority: true
directory:
  url: %[7]s
  password_file: %[1]s/password
`, dir, c.url, audience, c.login.TenantID(), agentClient, c.login.URL(), dc)
	if len(more) == 0 {
		more = []string{"  user: svc@corp.test", "  base: OU=x,DC=corp,DC=test"}
	}
	for name, content := range map[string]string{"agent.yaml": text + strings.Join(more, "\n") + "\n", "ca.pem": ca, "relay-secret": "relay-secret", "password": "wrong-password"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return filepath.Join(dir, "agent.yaml")
}

// binary is the agent as it is built.
var binary = sync.OnceValues(func() (string, error) {
	exe := filepath.Join(built, "agent")
	if out, err := exec.Command("go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	return exe, nil
})

// runCheck runs `agent check` in an environment without proxies but those given.
func runCheck(t *testing.T, file string, env ...string) (out string, code int) {
	t.Helper()
	exe, err := binary()
	ok(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "check", "--config", file)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	data, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

// lineOf is what check says of one thing.
func lineOf(t *testing.T, out, what string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if name, text, _ := strings.Cut(line, " "); name == what {
			return strings.TrimSpace(text)
		}
	}
	t.Fatalf("check says nothing of %s:\n%s", what, out)
	return ""
}

// TestCheck is what check prints, to the letter.
func TestCheck(t *testing.T) {
	dc := shared.DC(t)
	there := dcURL(t, dc.URL)
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	c := newCloud(t)
	real := c.serve
	status := func(code int, media, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	identity := fmt.Sprintf("ok      DC1, domain %s, domains in the forest: 1", dc.SIDs["Domain Users"].Domain())
	const state = "ok      DIR/state, new"
	for _, test := range []struct {
		name      string
		change    func(dir string)
		roles     []string
		serve     http.Handler
		edit      []string // of the file, old and new
		warning   string
		state     string
		directory string
		relay     string
	}{
		{name: "well"},
		{name: "after work", state: "ok      DIR/state, after batch 2.7", change: func(dir string) {
			ok(t, memory{filepath.Join(dir, "state", "corp")}.store(highFile, highWater{2, 7, "d"}))
		}},
		{name: "damaged memory", change: func(dir string) { ok(t, os.WriteFile(filepath.Join(dir, "state", "corp.json"), []byte("{"), 0o600)) },
			state: "FAILED  DIR/state/corp.json is damaged: unexpected end of JSON input; remove it if no plan was in flight: the agent then trusts the relay and the directory once"},
		{name: "damaged memory of the domain controller", change: func(dir string) { ok(t, os.WriteFile(filepath.Join(dir, "state", "corp-dc.json"), nil, 0o600)) },
			state: "FAILED  DIR/state/corp-dc.json is damaged: unexpected end of JSON input; remove it if no plan was in flight: the agent then trusts the relay and the directory once"},
		{name: "in doubt", change: func(dir string) {
			ok(t, memory{filepath.Join(dir, "state", "corp")}.store(doubtFile, doubt{"it was restored"}))
		},
			state: "ok      DIR/state, and everything is to be read before anything is written: it was restored"},
		{name: "no room for memory", edit: []string{"/state\n", "/agent.yaml\n"}, state: "FAILED  state: mkdir DIR/agent.yaml: not a directory"},

		{name: "wrong password", change: func(dir string) { ok(t, os.WriteFile(filepath.Join(dir, "password"), []byte("wrong"), 0o600)) },
			directory: "FAILED  sign in to " + dc.URL + " as " + dc.BindName + `: the user name or the password is wrong (LDAP Result Code 49 "Invalid Credentials": 80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1)`},
		{name: "a blank behind the password", change: func(dir string) {
			ok(t, os.WriteFile(filepath.Join(dir, "relay-secret"), []byte("relay-secret "), 0o600))
		}, warning: "secret         warning what is in relay.secret_file begins or ends with a blank, which counts: is it meant?\n",
			relay: "FAILED  sign in: sign-in by client-secret: answer 401 Unauthorized: AADSTS7000215: Invalid client secret provided: use the secret's value, which is shown once, and not its id"},
		{name: "unknown authority", edit: []string{"ca_file: " + dc.CAFile, "ca_file: DIR/ca.pem"}, directory: "FAILED  connect to " + dc.URL +
			": tls: failed to verify certificate: x509: certificate signed by unknown authority: name the file of the authority that signed the domain controller's certificate, as directory.ca_file"},
		{name: "wrong name", edit: []string{dc.ServerName, "dc2.corp.test"}, directory: "FAILED  connect to " + dc.URL +
			": tls: failed to verify certificate: x509: certificate is valid for dc1.corp.test, localhost, not dc2.corp.test: name the domain controller as its certificate does, in directory.url or directory.server_name"},
		{name: "nobody there", edit: []string{dc.URL, "ldaps://127.0.0.1:1"}, directory: "FAILED  connect to ldaps://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused: " +
			"check directory.url, and that firewalls let this machine through"},
		{name: "no such container", edit: []string{"OU=", "OU=No "}, directory: `FAILED  identify domain: "OU=No Cloud Groups,DC=corp,DC=test" does not exist, or the account may not read it`},

		{name: "wrong secret", change: func(dir string) { ok(t, os.WriteFile(filepath.Join(dir, "relay-secret"), []byte("wrong"), 0o600)) },
			relay: "FAILED  sign in: sign-in by client-secret: answer 401 Unauthorized: AADSTS7000215: Invalid client secret provided: use the secret's value, which is shown once, and not its id"},
		{name: "no role", roles: []string{"Status.Read"}, relay: "FAILED  check: the caller lacks the role: grant the app role Relay.Agent to the caller, which is " + agentClient},
		{name: "another audience", edit: []string{"audience: " + audience, "audience: api://other"}, relay: "FAILED  check: no valid access token: token has invalid claims: token has invalid audience: " +
			"tenant and audience must be those that the app is set to accept, and both clocks right"},
		{name: "wrong path", edit: []string{"/api/relay/", "/relay/"}, relay: "FAILED  check: answer 404 Not Found, which is not the relay's: there is no relay at this URL, which ends in /api/relay/"},
		{name: "a platform's sign-in", serve: status(401, "text/html", "<html>"),
			relay: "FAILED  check: answer 401 Unauthorized, which is not the relay's: the platform in front of the app, or a proxy, asks for a sign-in of its own"},
		{name: "failed app", serve: status(503, "text/html", "<html>"),
			relay: "FAILED  check: answer 503 Service Unavailable, which is not the relay's: the app is starting, or has failed to: its own log says why"},
		{name: "a page", serve: status(200, "text/html", "<html>"),
			relay: "FAILED  decode answer to check (text/html): invalid character '<' looking for beginning of value: it is not the relay's: look for a proxy's page, or another program at this URL"},
		{name: "words that move the cursor", serve: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			relay.WriteJSON(w, http.StatusOK, relay.Welcome{Agent: "\x1b[2Aok\r", Now: time.Now()})
		}), relay: strings.TrimSuffix(c.welcome, agentClient) + "\uFFFD[2Aok\uFFFD"},
		{name: "a relay that leads elsewhere", serve: http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound),
			relay: "FAILED  check: answer 302 Found, to \"http://127.0.0.1:1/\", is not the relay's and is not followed: check the URL, and look for a proxy that asks for a sign-in"},
		{name: "another time", serve: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			relay.WriteJSON(w, http.StatusOK, relay.Welcome{Agent: "x", Now: time.Now().Add(-time.Hour)})
		}), relay: "FAILED  this clock and the relay's differ by 1h0m0s: set the clock"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.set(cmp.Or[http.Handler](test.serve, real))
			c.login.SetRoles(agentClient, audience, append(test.roles, relay.AgentRole)[0])
			file := c.config(t, c.ca, there, "  server_name: "+dc.ServerName, "  ca_file: "+dc.CAFile, "  user: "+dc.BindName, "  base: "+dc.Base)
			dir := filepath.Dir(file)
			ok(t, os.WriteFile(filepath.Join(dir, "password"), []byte(dc.Password), 0o600))
			ok(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
			if test.change != nil {
				test.change(dir)
			}
			data, err := os.ReadFile(file)
			ok(t, err)
			ok(t, os.WriteFile(file, []byte(strings.ReplaceAll(strings.NewReplacer(test.edit...).Replace(string(data)), "DIR", dir)), 0o600))

			want := fmt.Sprintf("configuration  ok      %s\n"+test.warning+"state          %s\ndirectory      %s\nrelay          %s\n", file,
				cmp.Or(test.state, state), cmp.Or(test.directory, identity), cmp.Or(test.relay, c.welcome))
			wantCode := 0
			if strings.Contains(want, "FAILED") {
				want, wantCode = want+"Error: the agent cannot work yet\n", 1
			}
			want = strings.ReplaceAll(want, "DIR", dir)
			if out, code := runCheck(t, file, through); out != want || code != wantCode {
				t.Errorf("exit code %d, want %d; check prints\n%s\nwant\n%s", code, wantCode, out, want)
			}
		})
	}
}

// TestCheckSignsIn by each way that the agent has, with the real binary.
func TestCheckSignsIn(t *testing.T) {
	p := &proxy{}
	through := "HTTPS_PROXY=http://" + p.start(t)
	const certificate = "../shared/signin/testdata/older.p12"
	data, err := os.ReadFile(certificate)
	ok(t, err)
	certs, _, err := azidentity.ParseCertificates(data, []byte("pfx-password"))
	ok(t, err)
	c := newCloud(t, graphtest.Client{ID: agentClient, Secret: "relay-secret", Certificate: certs[0], Federated: "the cluster's token",
		Roles: map[string][]string{audience: {relay.AgentRole}}})
	identity, header := c.login.Identity()
	for _, test := range []struct {
		name string
		edit []string // of the file, old and new
		env  []string
		want string
	}{
		{"client secret", nil, nil, c.welcome},
		{"client certificate", []string{"client-secret", "client-certificate", "secret_file: DIR/relay-secret", "certificate_file: " + certificate + "\n  certificate_password_file: DIR/pfx-password"}, nil, c.welcome},
		{"workload identity", []string{"client-secret", "workload-identity", "  secret_file: DIR/relay-secret\n", ""}, []string{"AZURE_FEDERATED_TOKEN_FILE=DIR/token"}, c.welcome},
		{"managed identity", []string{"client-secret", "managed-identity", "  secret_file: DIR/relay-secret\n", "", "  tenant_id: " + c.login.TenantID() + "\n", "", "  client_id: " + agentClient + "\n", "",
			"  authority_url: " + c.login.URL() + "\n", "", "  private_authority: true\n", ""}, []string{"IDENTITY_ENDPOINT=" + identity, "IDENTITY_HEADER=" + header}, c.welcome},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := c.config(t, c.ca, nobodyHome)
			dir := filepath.Dir(file)
			for name, content := range map[string]string{"pfx-password": "pfx-password\n", "token": "the cluster's token"} {
				ok(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
			}
			for i := range test.edit {
				test.edit[i] = strings.ReplaceAll(test.edit[i], "DIR", dir)
			}
			data, err := os.ReadFile(file)
			ok(t, err)
			ok(t, os.WriteFile(file, []byte(strings.NewReplacer(test.edit...).Replace(string(data))), 0o600))
			env := []string{through}
			for _, kv := range test.env {
				env = append(env, strings.ReplaceAll(kv, "DIR", dir))
			}
			if got := lineOf(t, first(runCheck(t, file, env...)), "relay"); got != test.want {
				t.Errorf("check says\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func dcURL(t *testing.T, at string) *url.URL {
	t.Helper()
	u, err := url.Parse(at)
	ok(t, err)
	return u
}

func first(out string, _ int) string { return out }

// TestCheckWithoutFile: what is said before there is anything to check.
func TestCheckWithoutFile(t *testing.T) {
	if out, code := runCheck(t, "none.yaml"); code != 1 || out != "Error: open none.yaml: no such file or directory\n" {
		t.Errorf("exit code %d: %s", code, out)
	}
}
