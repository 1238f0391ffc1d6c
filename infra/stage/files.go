package stage

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"groupwriteback/infra/bundle"
)

// Binaries are the built programs.
type Binaries struct {
	Handler, Agent string
	Bootstrap      string // for a stage on Lambda
}

// Build builds handler and agent into dir.
func Build(ctx context.Context, source, dir string) (Binaries, error) {
	b := Binaries{Handler: filepath.Join(dir, "handler"), Agent: filepath.Join(dir, "agent")}
	if err := build(ctx, source, b.Handler, "./functions/azure"); err != nil {
		return b, err
	}
	return b, build(ctx, source, b.Agent, "./agent")
}

// BuildBootstrap builds the program for Lambda into dir.
func BuildBootstrap(ctx context.Context, source, dir string) (string, error) {
	out := filepath.Join(dir, "bootstrap")
	return out, build(ctx, source, out, "-tags=lambda.norpc", "./functions/lambda")
}

func build(ctx context.Context, source, out string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}, args...)...)
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(out), err, text)
	}
	return nil
}

func (s *Stage) settings() []string {
	e := func(name, value string) string { return "GROUPWRITEBACK_" + name + "=" + value }
	return append([]string{
		e("TARGET", s.Target), e("STORE", "dir:"+filepath.Join(s.Dir, "store")), e("RULES", filepath.Join(s.Dir, "rules.yaml")),
		e("TENANT_ID", s.Server.TenantID()), e("SIGN_IN", "client-secret"), e("CLIENT_ID", handlerClient), e("CLIENT_SECRET", secret),
		e("GRAPH_URL", s.Server.URL()), e("AUTHORITY_URL", s.Server.URL()), e("PRIVATE_AUTHORITY", "true"),
		e("CA_FILE", filepath.Join(s.Dir, "graph-ca.pem")), e("API_AUDIENCE", audience),
	}, s.Settings...)
}

// writeFiles lays out the app, the rules and the agent's secrets.
func (s *Stage) writeFiles() error {
	app := filepath.Join(s.Dir, "app")
	var err error
	if s.On == Lambda {
		err = bundle.LambdaFunction(s.Bin.Bootstrap, "", app)
	} else {
		err = bundle.FunctionApp(s.Source, s.Bin.Handler, "", app)
	}
	if err != nil {
		return err
	}
	files := map[string]string{
		"rules.yaml":   s.rulesFile(),
		"graph-ca.pem": string(s.Server.CA()),
		"relay-secret": secret,
		"ad-password":  s.DC.Password,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) rulesFile() string {
	if strings.Contains("\n"+s.Rules, "\nou:") {
		return s.Rules
	}
	return fmt.Sprintf("ou: %s\nscope: all\n", s.Base) + s.Rules
}

// AgentFile writes the agent's configuration and returns its name.
func (s *Stage) AgentFile() (string, error) {
	in := func(name string) string { return filepath.Join(s.Dir, name) }
	ldap, ca := cmp.Or(s.LDAP, s.DC.URL), cmp.Or(s.LDAPCA, s.DC.CAFile)
	poll, scan, answer := cmp.Or(s.Poll, "100ms"), cmp.Or(s.Scan, "1h"), cmp.Or(s.Answer, "1m")
	text := fmt.Sprintf(`target: %s
state: %s
poll_every: %s
scan_every: %s
relay:
  url: %s/api/relay/
  ca_file: %s
  audience: %s
  sign_in: client-secret
  tenant_id: %s
  client_id: %s
  secret_file: %s
  authority_url: %s
  private_authority: true
directory:
  url: %s
  server_name: %s
  ca_file: %s
  user: %s
  password_file: %s
  base: %s
  timeout: %s
`, s.Target, in("agent-state"), poll, scan, s.Host.URL(), in("graph-ca.pem"), audience, s.Server.TenantID(), agentClient, in("relay-secret"), s.Server.URL(),
		ldap, s.DC.ServerName, ca, s.DC.BindName, in("ad-password"), s.Base, answer) + s.Policy
	return in("agent.yaml"), os.WriteFile(in("agent.yaml"), []byte(text), 0o600)
}
