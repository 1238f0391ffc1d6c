package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
)

// check tries everything that run needs, and goes on after a failure so that
// all of them are told.
func check(ctx context.Context, file string, out io.Writer) error {
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "configuration  ok      %s\n", file)
	for _, key := range c.padded() {
		fmt.Fprintf(out, "%-14s warning what is in %s begins or ends with a blank, which counts: is it meant?\n", "secret", key)
	}
	failed := false
	say := func(what string, err error, ok string) {
		if err != nil {
			failed = true
			fmt.Fprintf(out, "%-14s FAILED  %s\n", what, printable(err.Error()))
			return
		}
		fmt.Fprintf(out, "%-14s ok      %s\n", what, printable(ok))
	}
	what, err := c.remembered()
	say("state", err, what)
	what, err = c.there(ctx)
	say("directory", err, what)
	what, err = c.Relay.welcome(ctx, c.relayCaution(), time.Now)
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
	high, err := c.memory().highWater()
	if err != nil {
		return "", err
	}
	if _, err := c.memory().lineage(); err != nil {
		return "", err
	}
	doubt, err := c.memory().doubt()
	if err != nil {
		return "", err
	}
	if doubt.any() {
		return c.State + ", and everything is to be read before anything is written: " + doubt.Why, nil
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
func (c relayConfig) welcome(ctx context.Context, care *caution, now func() time.Time) (string, error) {
	queue, err := c.client(care)
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
func (c relayConfig) client(care *caution) (*relay.Client, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	sign, err := c.signer(transport, care)
	if err != nil {
		return nil, err
	}
	return &relay.Client{URL: c.URL, HTTP: transport, Sign: sign}, nil
}

// printable is a text without what moves a terminal's cursor or colours: part of it
// comes from the relay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
