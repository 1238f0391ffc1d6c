package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
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
	if out, code := runCheck(t, "none.yaml"); code != exitMistake || out != "configuration  FAILED  read the agent's file: open none.yaml: no such file or directory: name it by --config, and let this account read it\nError: one of the lines above says FAILED: put that right, and check again\n" {
		t.Errorf("exit code %d: %s", code, out)
	}
}
