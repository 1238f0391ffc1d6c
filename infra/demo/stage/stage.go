// Package stage puts the whole product on a stage, as real processes: an invented
// company in a Graph server, a fresh Active Directory, the handler under a
// Functions host, and the agent. The demo and the end-to-end tests play on it.
package stage

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"groupwriteback/infra/demo/host"
	"groupwriteback/infra/demo/samba"
	"groupwriteback/shared/graph/graphtest"
)

// The app registrations of the stage.
const (
	audience       = "api://groupwriteback"
	handlerClient  = "11111111-0000-4000-8000-000000000001"
	agentClient    = "11111111-0000-4000-8000-000000000002"
	operatorClient = "11111111-0000-4000-8000-000000000003"
	secret         = "stage-secret"
)

// Stage is a running installation. Set the fields of the first part, then Start.
type Stage struct {
	Dir     string    // of everything that is written
	Source  string    // of the project
	Bin     Binaries  //
	Company *Company  //
	DC      *samba.DC // stays up when the stage stops
	Target  string    // of the journal
	Base    string    // DN of the OU; empty: DC.Base
	Graph   graphtest.Options
	LDAP    string // what the agent takes for the domain controller; empty: DC.URL
	LDAPCA  string // PEM file of its certificate's authority; empty: DC.CAFile
	Poll    string // the agent's poll_every; empty: 100ms
	Scan    string // the agent's scan_every; empty: 1h
	Log     io.Writer

	HandlerCommand func(exe string) *exec.Cmd // nil: the binary

	Server *graphtest.Server
	Host   *host.Host
	mu     sync.Mutex // guards agent and ended: whoever kills the agent may be another goroutine
	agent  *exec.Cmd
	ended  chan struct{}
}

// Binaries are the built programs.
type Binaries struct{ Handler, Agent string }

// Build builds the programs into dir.
func Build(ctx context.Context, source, dir string) (Binaries, error) {
	b := Binaries{Handler: filepath.Join(dir, "handler"), Agent: filepath.Join(dir, "agent")}
	for out, pkg := range map[string]string{b.Handler: "./functions/azure", b.Agent: "./agent"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return b, fmt.Errorf("build %s: %w\n%s", pkg, err, text)
		}
	}
	return b, nil
}

// Start starts Graph, the host with the handler, and writes the agent's files.
func (s *Stage) Start(ctx context.Context) error {
	if s.Base == "" {
		s.Base = s.DC.Base
	}
	roles := func(r ...string) map[string][]string { return map[string][]string{audience: r} }
	s.Graph.Clients = []graphtest.Client{
		{ID: handlerClient, Secret: secret, Roles: map[string][]string{graphtest.GraphAudience: {"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}},
		{ID: agentClient, Secret: secret, Roles: roles("Relay.Agent")},
		{ID: operatorClient, Secret: secret, Roles: roles("Sync.Operate", "Status.Read")},
	}
	s.Server = graphtest.NewServer(s.Company.Tenant, s.Graph)
	if err := s.Server.Start(""); err != nil {
		return err
	}
	if err := s.writeFiles(); err != nil {
		return err
	}
	s.Host = &host.Host{Root: filepath.Join(s.Dir, "app"), Env: s.settings(), Log: s.Log, Command: s.HandlerCommand}
	return s.Host.Start(ctx)
}

// Stop ends everything but the domain.
func (s *Stage) Stop() {
	s.StopAgent()
	if s.Host != nil {
		s.Host.Stop()
	}
	if s.Server != nil {
		_ = s.Server.Close()
	}
}

func (s *Stage) settings() []string {
	e := func(name, value string) string { return "GROUPWRITEBACK_" + name + "=" + value }
	return []string{
		e("TARGET", s.Target), e("STORE", "dir:"+filepath.Join(s.Dir, "store")), e("RULES", filepath.Join(s.Dir, "rules.yaml")),
		e("TENANT_ID", s.Server.TenantID()), e("SIGN_IN", "client-secret"), e("CLIENT_ID", handlerClient), e("CLIENT_SECRET", secret),
		e("GRAPH_URL", s.Server.URL()), e("AUTHORITY_URL", s.Server.URL()), e("PRIVATE_AUTHORITY", "true"),
		e("CA_FILE", filepath.Join(s.Dir, "graph-ca.pem")), e("API_AUDIENCE", audience),
	}
}

// writeFiles lays out the function app, the rules and the agent's configuration.
func (s *Stage) writeFiles() error {
	app := filepath.Join(s.Dir, "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		return err
	}
	for _, f := range []string{"host.json", "functions/sync/function.json", "functions/manualsync/function.json", "functions/relay/function.json", "functions/status/function.json"} {
		if err := copyFile(filepath.Join(s.Source, f), filepath.Join(app, strings.TrimPrefix(f, "functions/")), 0o644); err != nil {
			return err
		}
	}
	if err := copyFile(s.Bin.Handler, filepath.Join(app, "handler"), 0o755); err != nil {
		return err
	}
	files := map[string]string{
		"rules.yaml":   fmt.Sprintf("ou: %s\nscope: all\n", s.Base),
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

func copyFile(from, to string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// agentFile writes the agent's configuration and returns its name.
func (s *Stage) agentFile() (string, error) {
	in := func(name string) string { return filepath.Join(s.Dir, name) }
	ldap, ca := cmp.Or(s.LDAP, s.DC.URL), cmp.Or(s.LDAPCA, s.DC.CAFile)
	poll, scan := cmp.Or(s.Poll, "100ms"), cmp.Or(s.Scan, "1h")
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
`, s.Target, in("agent-state"), poll, scan, s.Host.URL(), in("graph-ca.pem"), audience, s.Server.TenantID(), agentClient, in("relay-secret"), s.Server.URL(),
		ldap, s.DC.ServerName, ca, s.DC.BindName, in("ad-password"), s.Base)
	return in("agent.yaml"), os.WriteFile(in("agent.yaml"), []byte(text), 0o600)
}

// StartAgent starts the agent's process.
func (s *Stage) StartAgent() error {
	file, err := s.agentFile()
	if err != nil {
		return err
	}
	cmd := exec.Command(s.Bin.Agent, "run", "--config", file)
	cmd.Stdout, cmd.Stderr = s.Log, s.Log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agent, s.ended = cmd, make(chan struct{})
	go func(done chan struct{}) { _ = cmd.Wait(); close(done) }(s.ended)
	return nil
}

// AgentRuns says whether the agent's process runs.
func (s *Stage) AgentRuns() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// StopAgent asks the agent to end, and waits for it.
func (s *Stage) StopAgent() { s.endAgent(syscall.SIGTERM) }

// KillAgent ends the agent as a power cut does.
func (s *Stage) KillAgent() { s.endAgent(syscall.SIGKILL) }

func (s *Stage) endAgent(sig syscall.Signal) {
	if !s.AgentRuns() {
		return
	}
	s.mu.Lock()
	agent, ended := s.agent, s.ended
	s.mu.Unlock()
	_ = agent.Process.Signal(sig)
	<-ended
}

// Call makes an operator's request to the app and decodes the answer.
func (s *Stage) Call(ctx context.Context, method, path string, message, reply any) error {
	token, _, err := s.Server.Token(operatorClient, audience)
	if err != nil {
		return err
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Host.URL()+"/api/"+path, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, data)
	}
	return json.Unmarshal(data, reply)
}

// Status is what the stage looks at of the status function's answer.
type Status struct {
	State    string    `json:"state"`
	Detail   string    `json:"detail"`
	Reported time.Time `json:"reported"`
	Plan     *struct {
		First, Last uint64
		Done        int
		Digests     []string
		Changes     int
		Values      int
	} `json:"plan"`
	Totals struct {
		Groups, Members, Changes, Adds, Removes, Held, Unsure, Parked int
		Problems                                                      map[string]int
	} `json:"totals"`
	Holds []struct{ ID, Name, Text string } `json:"holds"`
}

// Status asks the app how things stand.
func (s *Stage) Status(ctx context.Context) (st Status, err error) {
	err = s.Call(ctx, http.MethodGet, "status", nil, &st)
	return st, err
}

// Sync fires the timer.
func (s *Stage) Sync(ctx context.Context) error { return s.Host.Timer(ctx, "sync") }

// Settle fires the timer until nothing is left to do but what is held, parked
// or a problem. seen is told of each status on the way; it may be nil.
func (s *Stage) Settle(ctx context.Context, seen func(Status)) error {
	for {
		if err := s.Sync(ctx); err != nil {
			return err
		}
		for {
			st, err := s.Status(ctx)
			if err != nil {
				return err
			}
			if seen != nil {
				seen(st)
			}
			if st.State == "in-sync" || st.State == "held" {
				return nil
			}
			if st.State == "stopped" {
				return errors.New(st.Detail)
			}
			if st.State != "applying" {
				break
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
