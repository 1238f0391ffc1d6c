// Package stage puts the whole product on a stage, as real processes: an invented
// company in a Graph server, a fresh Active Directory, the app on one of its
// hosts, and the agent. The demo and the end-to-end tests play on it.
package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"groupwriteback/infra/stage/host"
	"groupwriteback/infra/stage/runtimeapi"
	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/directory"
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

// PersonClient is the app registration by which persons sign in to Graph.
const PersonClient = "11111111-0000-4000-8000-000000000004"

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
	Rules   string   // more of the rules file, whole lines; with an ou, all of it
	Roles   []string // permissions on Graph, beside those that all rules need
	Looks   []string // further arguments of compare.py
	LDAP    string   // what the agent takes for the domain controller; empty: DC.URL
	LDAPCA  string   // PEM file of its certificate's authority; empty: DC.CAFile
	Poll    string   // the agent's poll_every; empty: 100ms
	Scan    string   // the agent's scan_every; empty: 1h
	Answer  string   // the agent's directory.timeout; empty: 1m
	Policy  string   // more of the agent's file, whole lines
	Log     io.Writer

	On             HostKind                   // what runs the app; empty: Functions
	Timeout        time.Duration              // of the app's functions; 0: what is deployed
	Settings       []string                   // of the app, NAME=value, beside and over the stage's own
	HandlerCommand func(exe string) *exec.Cmd // nil: the binary
	Console        func(host.Line)            // is told what the handler prints, on Functions; nil: nobody is

	Server *graphtest.Server
	Host   Host
	turns  atomic.Int64

	comparing sync.Mutex
	mu        sync.Mutex // guards agent and ended: whoever kills the agent may be another goroutine
	agent     *exec.Cmd
	ended     chan struct{}
}

// HostKind names what runs the app.
type HostKind string

// The kinds of hosts.
const (
	Functions HostKind = "functions" // Azure Functions, with Binaries.Handler
	Lambda    HostKind = "lambda"    // AWS Lambda, with Binaries.Bootstrap
)

// Host runs the app.
type Host interface {
	Start(ctx context.Context) error
	Stop()
	Kill()         // ends the app's processes
	Running() bool // or will, when there is need
	URL() string   // of the HTTP functions
	Timer(ctx context.Context, name string) error
}

// Start starts Graph, the host with the handler, and writes the agent's files.
func (s *Stage) Start(ctx context.Context) error {
	if s.Base == "" {
		s.Base = s.DC.Base
	}
	roles := func(r ...string) map[string][]string { return map[string][]string{audience: r} }
	least := append([]string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}, s.Roles...)
	s.Graph.Clients = []graphtest.Client{
		{ID: handlerClient, Secret: secret, Roles: map[string][]string{graphtest.GraphAudience: least}},
		{ID: PersonClient, Public: true, Delegated: least},
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
	app := filepath.Join(s.Dir, "app")
	switch s.On {
	case "", Functions:
		env := s.settings()
		if s.Timeout > 0 {
			env = append(env, "AzureFunctionsJobHost__functionTimeout="+time.Time{}.Add(s.Timeout).Format(time.TimeOnly))
		}
		s.Host = &host.Host{Root: app, Env: env, Log: s.Log, Command: s.HandlerCommand, Console: s.Console}
	case Lambda:
		s.Host = &runtimeapi.Lambda{Root: app, Env: s.settings(), Log: s.Log, Command: s.HandlerCommand, Timeout: s.Timeout}
	default:
		return fmt.Errorf("there is no kind of host %q", s.On)
	}
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

// StartAgent starts the agent's process.
func (s *Stage) StartAgent() error {
	file, err := s.AgentFile()
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
	var body io.Reader // a message that is not due is not read, and its connection closed
	if message != nil {
		text, err := json.Marshal(message)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Host.URL()+"/api/"+path, body)
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
		return fmt.Errorf("%s %s: %s, and then: %w", method, path, resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, data)
	}
	return json.Unmarshal(data, reply)
}

// Operator is the environment of the operators' command.
func (s *Stage) Operator() []string {
	e := func(name, value string) string { return "GROUPWRITEBACK_" + name + "=" + value }
	return []string{e("URL", s.Host.URL()), e("API_AUDIENCE", audience), e("TENANT_ID", s.Server.TenantID()), e("SIGN_IN", "client-secret"), e("CLIENT_ID", operatorClient), e("CLIENT_SECRET", secret),
		e("AUTHORITY_URL", s.Server.URL()), e("PRIVATE_AUTHORITY", "true"), e("CA_FILE", filepath.Join(s.Dir, "graph-ca.pem"))}
}

// Status is what the stage looks at of the status function's answer.
type Status struct {
	State    string `json:"state"`
	Detail   string `json:"detail"`
	Also     []struct{ Detail string }
	Reported time.Time `json:"reported"`
	Plan     *struct {
		First, Last uint64
		Done        int
		Digests     []string
		Changes     int
		Values      int
	} `json:"plan"`
	Totals struct {
		Groups, Members, Changes, Held, Stale, Parked, Trouble, Unproven int
		Questions                                                        int            // groups that wait for Graph
		Over                                                             map[string]int // held by limits over all groups
		Problems                                                         map[string]int
	} `json:"totals"`
	Holds    []struct{ ID, Name, Text string } `json:"holds"`
	Problems []Problem                         `json:"problems"`
}

// Said is all that a status says of how things stand.
func (st Status) Said() string {
	text := st.Detail
	for _, a := range st.Also {
		text += "; " + a.Detail
	}
	return text
}

// Settled says whether nothing is left to do but what waits for a person, or for
// a time. What the agent has to read again first is still under way.
func (st Status) Settled() bool {
	return slices.Contains([]string{"in-sync", "held", "attention"}, st.State) && st.Totals.Stale == 0
}

// Problem is something that could not be written, and why.
type Problem struct {
	Group  directory.ID `json:"group"`
	Groups int          `json:"groups"` // that have it, of one that is told once
	Name   string       `json:"name"`
	DN     string       `json:"dn"`
	Kind   string       `json:"kind"`
	Reason string       `json:"reason"`
	Text   string       `json:"text"`
}

// Status asks the app how things stand.
func (s *Stage) Status(ctx context.Context) (st Status, err error) {
	err = s.Call(ctx, http.MethodGet, "status", nil, &st)
	return st, err
}

// Sync fires the timer.
func (s *Stage) Sync(ctx context.Context) error {
	defer s.turns.Add(1)
	return s.Host.Timer(ctx, "sync")
}

// Enable confirms the first plan as an operator does: looks at it, and says yes to what
// was shown. It does nothing while there is no plan to be seen.
func (s *Stage) Enable(ctx context.Context) error {
	var shown struct{ Preview struct{ Digest string } }
	if err := s.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "enable"}, &shown); err != nil || shown.Preview.Digest == "" {
		return err
	}
	return s.Call(ctx, http.MethodPost, "manualsync", map[string]string{"action": "enable", "digest": shown.Preview.Digest}, &shown)
}

// Settle fires the timer until nothing is left to do but what is held, parked
// or a problem, and confirms the first plan of a new journal. seen is told of each status
// on the way; it may be nil.
func (s *Stage) Settle(ctx context.Context, seen func(Status)) error {
	for {
		if err := s.Sync(ctx); err != nil {
			return err
		}
		// A crash may swallow the word that a plan is done: then the next timer does it.
		for range 20 {
			st, err := s.Status(ctx)
			if err != nil {
				return err
			}
			if seen != nil {
				seen(st)
			}
			if st.Settled() {
				return nil
			}
			if st.State == "stopped" {
				return errors.New(st.Detail)
			}
			if st.State == "off" {
				if err := s.Enable(ctx); err != nil {
					return err
				}
				continue
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
