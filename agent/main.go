// Command agent is the part of Groupwriteback that stands inside the network. It
// pulls signed-for batches of changes over outbound HTTPS, applies them to Active
// Directory by LDAP, acknowledges them, and reports what is there. Its own
// policy has the last word.
package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run works until ctx ends.
func run(ctx context.Context, file string) error {
	c, err := readConfig(file)
	if err != nil {
		return mistake{err}
	}
	if err := c.makeState(); err != nil {
		return err
	}
	unlock, err := c.memory().lock()
	if err != nil {
		return err
	}
	a, err := newAgent(c)
	if err == nil {
		c.warn(a.log, file)
		a.log.Info("agent started", "version", version.Of(), "target", a.target, "base", a.base, "instance", a.self.Instance, "policy", cmp.Or(c.Policy.String(), "none"), "scan_every", c.ScanEvery, "poll_every", c.PollEvery)
		err = a.run(ctx)
	}
	return errors.Join(err, unlock())
}

// newAgent wires an agent, which nobody else may be at the same time.
func newAgent(c config) (*agent, error) {
	if err := c.memory().tidy(); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	instance, err := c.memory().instance()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find out this machine's name: %w", err)
	}
	queue, err := c.Relay.client(c.relayCaution())
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	return &agent{queue: queue, connect: c.connector(log), target: c.Target, base: c.Directory.Base, policy: c.Policy, memory: c.memory(),
		self: relay.Poll{For: c.Target, Instance: instance, Host: host, Version: version.Of(), Policy: c.Policy.String(), ReadOnly: c.Policy.ReadOnly}, scanEvery: c.ScanEvery, pollEvery: c.PollEvery, log: log, now: time.Now}, nil
}

func (c config) directoryCaution() *caution {
	return &caution{memory: c.memory(), file: directoryRefused, now: time.Now,
		remedy: "put the account right, or directory.user and directory.password_file"}
}

func (c config) relayCaution() *caution {
	return &caution{memory: c.memory(), file: relayRefused, now: time.Now,
		remedy: "put the app registration right, or relay's tenant_id, client_id and secret or certificate, and start the agent anew"}
}

// connector connects to the domain controller, again and again.
func (c config) connector(log *slog.Logger) func(context.Context, []string) (*session, error) {
	care := c.directoryCaution()
	return func(ctx context.Context, attrs []string) (*session, error) {
		d, hangUp, err := c.connect(ctx, care)
		if err != nil {
			return nil, err
		}
		d.Attrs, d.Log = attrs, log
		log.Info("connected", "url", c.Directory.URL, "dc", d.Identity.Server)
		return &session{domain: d, identity: d.Identity, attrs: attrs, close: hangUp}, nil
	}
}

// connect dials the domain controller, and asks who it is.
func (c config) connect(ctx context.Context, care *caution) (d *ad.Domain, hangUp func(), err error) {
	conn, err := signInTo(ctx, c, care, ad.Dial)
	if err != nil {
		return nil, nil, withKey(err)
	}
	d = &ad.Domain{Conn: conn, Base: c.Directory.Base, Instance: c.Target, More: c.Policy.more()}
	if d.Identity, err = d.Identify(ctx); err != nil {
		conn.Close()
		return nil, nil, err
	}
	d.Catalog = func(ctx context.Context) (ad.Conn, error) { return signInTo(ctx, c, care, ad.DialCatalog) }
	return d, func() { d.Close(); conn.Close() }, nil
}

// signInTo connects to a part of the domain controller, unless it has refused this user and
// password a while ago.
func signInTo[Conn any](ctx context.Context, c config, care *caution, dial func(context.Context, ad.Config) (Conn, error)) (conn Conn, err error) {
	cfg, err := c.Directory.dial()
	if err != nil {
		return conn, err
	}
	if err := care.allows(cfg.User, cfg.Password); err != nil {
		return conn, err
	}
	conn, err = dial(ctx, cfg)
	return conn, care.learn(err, bindRefused, cfg.User, cfg.Password)
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
