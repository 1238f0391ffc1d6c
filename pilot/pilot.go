package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/blob"
	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/show"
	"groupwriteback/shared/signin"
	"groupwriteback/shared/terminal"
)

// pilot is both halves in one process. It is given no way to write: its domain is a reader.
type pilot struct {
	options
	out      io.Writer
	paint    show.Paint
	progress *progress
	found    checklist.List

	folder  string // of the journal, and of a report's parts: gone at the end
	journal *journal.Journal
	graph   *graph.Client
	planner *cycle.Planner

	conn   *ldap.Conn // nil: not connected
	domain *ad.Reader
	here   ad.Identity
}

// lookTime is how long all that is wanted may be looked at: nobody waits behind a front end here.
const lookTime = time.Hour

// mostValues is how many values the plan that is shown holds: beyond that their number is told.
const mostValues = 500_000

// newPilot wires both halves. It makes no request.
func newPilot(o options, out, told io.Writer) (*pilot, error) {
	transport, err := signin.Transport(o.caFile)
	if err != nil {
		return nil, fmt.Errorf("--entra-ca-file: %w", err)
	}
	screen := terminal.Of(out)
	p := &pilot{options: o, out: out, paint: show.New(screen.Colours, screen.Width), progress: newProgress(told)}
	client := &http.Client{Transport: transport}
	credential, err := signin.PersonCredential(o.person(client, p.progress.say))
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	p.graph, err = graph.New(graph.Options{Base: o.graphURL, Credential: credential, Tenant: o.tenant, HTTP: client, Log: quiet,
		Properties: o.rules.Properties(), Contacts: o.rules.Members.Contacts})
	if err != nil {
		return nil, err
	}
	if p.folder, err = os.MkdirTemp("", "groupwriteback-pilot-"); err != nil {
		return nil, fmt.Errorf("make a folder for the journal: %w", err)
	}
	store, err := blob.Dir(p.folder)
	if err != nil {
		p.close()
		return nil, err
	}
	p.journal = &journal.Journal{Store: store, Target: o.target}
	p.planner = &cycle.Planner{Source: counting{p.graph, p.progress}, Tenant: o.tenant, Rules: o.rules, Journal: p.journal, Room: mostValues, LookTime: lookTime}
	if !o.json {
		p.found.Out, p.found.Colours, p.found.Width = out, screen.Colours, screen.Fold()
	}
	return p, nil
}

// close leaves nothing behind.
func (p *pilot) close() {
	if p.conn != nil {
		p.conn.Close()
	}
	if err := os.RemoveAll(p.folder); err != nil {
		p.progress.say("the journal's folder is still there: remove it: " + err.Error())
	}
}

// connect signs in to the domain, and asks who it is.
func (p *pilot) connect(ctx context.Context) (err error) {
	if p.conn, err = ad.Dial(ctx, p.ldap); err != nil {
		return err
	}
	p.domain = ad.NewReader(p.conn, p.base, p.target, p.rules.Attributes())
	p.here, err = p.domain.Identify(ctx)
	return err
}
