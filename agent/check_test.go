package main

import (
	"crypto/rand"
	"crypto/rsa"
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

	"crypto/tls"

	"github.com/golang-jwt/jwt/v5"

	"groupwriteback/shared/ad/adtest"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/relay"
)

var shared = adtest.Shared{}

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

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

	mu    sync.Mutex
	serve http.Handler
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	c := &cloud{}
	c.login = graphtest.NewServer(new(graphtest.Tenant), graphtest.Options{Key: key, Hosts: []string{"login.corp.test"},
		Clients: []graphtest.Client{{ID: agentClient, Secret: "relay-secret", Roles: map[string][]string{audience: {relay.AgentRole}}}}})
	ok(t, c.login.Start("0.0.0.0:0"))
	t.Cleanup(func() { ok(t, c.login.Close()) })
	issuer := c.login.URL() + "/" + c.login.TenantID() + "/v2.0"
	c.serve = relay.Handler("/api/relay/", &relay.Door{Log: slog.New(slog.DiscardHandler), Verifier: &relay.Tokens{
		Issuers: []string{issuer}, Audience: []string{audience}, Tenant: c.login.TenantID(), Keys: func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
	}}, nil, nil)
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
	dir, err := os.MkdirTemp("", "agent-test-")
	if err != nil {
		return "", err
	}
	exe := filepath.Join(dir, "agent")
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
