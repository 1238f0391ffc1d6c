// Command agent is the part of Groupwriteback that stands inside the network. It
// pulls signed-for batches of changes over outbound HTTPS, applies them to Active
// Directory by LDAP, acknowledges them, and reports what is there. Its own
// policy has the last word.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:          "agent",
		Short:        "Groupwriteback's agent: brings planned group changes into Active Directory",
		SilenceUsage: true,
	}
	file := root.PersistentFlags().StringP("config", "c", "agent.yaml", "the agent's configuration file")
	root.AddCommand(
		&cobra.Command{
			Use:   "run",
			Short: "Pull, apply and acknowledge changes until stopped",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), *file) },
		},
		&cobra.Command{
			Use:   "check",
			Short: "Read the configuration, sign in to relay and directory, and say what is there",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), *file, cmd.OutOrStdout()) },
		},
		&cobra.Command{
			Use:   "version",
			Short: "Print the version",
			Args:  cobra.NoArgs,
			Run:   func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), version()) },
		},
	)
	return root
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// run works until ctx ends.
func run(ctx context.Context, file string) error {
	a, err := newAgent(file)
	if err != nil {
		return err
	}
	a.log.Info("agent started", "version", version(), "target", a.target, "base", a.base)
	return a.run(ctx)
}

func newAgent(file string) (*agent, error) {
	c, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	if err := c.makeState(); err != nil {
		return nil, err
	}
	queue, err := c.Relay.client()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	return &agent{queue: queue, connect: c.connector(log), target: c.Target, base: c.Directory.Base, policy: c.Policy,
		highFile: c.stateFile(".json"), lineFile: c.stateFile("-dc.json"), scanEvery: c.ScanEvery, pollEvery: c.PollEvery, log: log, now: time.Now}, nil
}

// connector dials the domain controller, and says who it is.
func (c config) connector(log *slog.Logger) func(context.Context, []string) (*session, error) {
	return func(ctx context.Context, attrs []string) (*session, error) {
		cfg, err := c.Directory.dial()
		if err != nil {
			return nil, err
		}
		conn, err := ad.Dial(ctx, cfg)
		if err != nil {
			return nil, withKey(err)
		}
		d := &ad.Domain{Conn: conn, Base: c.Directory.Base, Instance: c.Target, Attrs: attrs, Log: log}
		if d.Identity, err = d.Identify(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		log.Info("connected", "url", cfg.URL, "dc", d.Identity.Server)
		return &session{domain: d, identity: d.Identity, attrs: attrs, close: func() { conn.Close() }}, nil
	}
}

// withKey adds the key of the agent's file that an error of connecting is about.
func withKey(err error) error {
	_, untrusted := errors.AsType[x509.UnknownAuthorityError](err)
	_, misnamed := errors.AsType[x509.HostnameError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case untrusted:
		return fmt.Errorf("%w, as directory.ca_file", err)
	case misnamed:
		return fmt.Errorf("%w, in directory.url or directory.server_name", err)
	case isOp && op.Op == "dial":
		return fmt.Errorf("%w: check directory.url, and that firewalls let this machine through", err)
	}
	return err
}

// check tries everything that run needs, and goes on after a failure so that
// all of them are told.
func check(ctx context.Context, file string, out io.Writer) error {
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "configuration  ok      %s\n", file)
	failed := false
	say := func(what string, err error, ok string) {
		if err != nil {
			failed, ok = true, err.Error()
			fmt.Fprintf(out, "%-14s FAILED  %s\n", what, ok)
			return
		}
		fmt.Fprintf(out, "%-14s ok      %s\n", what, ok)
	}
	what, err := c.remembered()
	say("state", err, what)
	what, err = c.there(ctx)
	say("directory", err, what)
	what, err = c.Relay.welcome(ctx, time.Now)
	say("relay", err, what)
	if failed {
		return errors.New("the agent cannot work yet")
	}
	return nil
}

// remembered is the last batch that was finished, as the state folder has it.
func (c config) remembered() (string, error) {
	if err := c.makeState(); err != nil {
		return "", err
	}
	high, err := readHighWater(c.stateFile(".json"))
	if err != nil {
		return "", err
	}
	if _, err := readLineage(c.stateFile("-dc.json")); err != nil {
		return "", err
	}
	if high == (highWater{}) {
		return c.State + ", new", nil
	}
	return fmt.Sprintf("%s, after batch %d.%d", c.State, high.Epoch, high.Seq), nil
}

// there is what the agent sees of the directory.
func (c config) there(ctx context.Context) (string, error) {
	s, err := c.connector(slog.New(slog.DiscardHandler))(ctx, nil)
	if err != nil {
		return "", err
	}
	defer s.close()
	id := s.identity
	_, settings, _ := plan.SplitRDN(id.Server) // CN=NTDS Settings,CN=<name>,…
	name, _, _ := plan.SplitRDN(settings)
	return fmt.Sprintf("%s, domain %s, domains in the forest: %d", name, id.Domain, len(id.Domains)), nil
}

// welcome is what the relay says to an agent that does not ask for work yet: a poll
// would take the lease.
func (c relayConfig) welcome(ctx context.Context, now func() time.Time) (string, error) {
	queue, err := c.client()
	if err != nil {
		return "", err
	}
	w, err := queue.Check(ctx)
	if err != nil {
		return "", err
	}
	if err := checkClock(now(), w.Now); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, as %s", c.URL, w.Agent), nil
}

// client is the relay as a queue, with the agent's sign-in.
func (c relayConfig) client() (*relay.Client, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	sign, err := c.signer(transport)
	if err != nil {
		return nil, err
	}
	return &relay.Client{URL: c.URL, HTTP: transport, Sign: sign}, nil
}
