package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/preflight"
	"groupwriteback/shared/report"
)

// errUnread: one of the two cannot be read at all.
var errUnread = errors.New("without both sign-ins there is no plan: put right what says FAILED above, and start again")

// check looks at both sides.
func (p *pilot) check(ctx context.Context) error {
	err := p.look(ctx)
	return errors.Join(p.encode(findings{Checks: p.found.Rows}), cmp.Or(err, p.found.Err()))
}

// look tells what the rules are, and looks at both sides. The error is that nobody is signed in,
// and is told already.
func (p *pilot) look(ctx context.Context) error {
	p.title("Checks")
	scope := p.rules.Scope.String()
	if p.rules.Scope.All {
		scope = "all groups that can be written"
	}
	p.found.Good("rules", fmt.Sprintf("%s, to %s", scope, strings.Join(p.rules.Containers(), " and ")))
	for _, note := range p.rules.Notes() {
		p.found.Warn("rules", note)
	}
	cloud := p.lookAtGraph(ctx)
	if here := p.lookAtDomain(ctx); cloud && here {
		return nil
	}
	return errUnread
}

// lookAtGraph signs in, and tries what is to be read. ok: somebody is signed in.
func (p *pilot) lookAtGraph(ctx context.Context) (ok bool) {
	roles, err := p.graph.Roles(ctx)
	if errors.Is(err, graph.ErrOpaque) {
		p.found.Warn("sign-in", err.Error())
		roles, err = nil, nil
	} else {
		p.found.Say("sign-in", err, "to Microsoft Graph, at "+p.graphURL)
	}
	if err != nil {
		for _, feed := range p.graph.Feeds() {
			p.found.Unknown(string(feed), "nobody is signed in")
		}
		return false
	}
	ok = true
	for _, feed := range p.graph.Feeds() {
		ok = p.lookAtFeed(ctx, feed, roles) && ok
	}
	p.found.Tell(preflight.Hidden(graph.SeesHidden(roles)))
	return ok
}

// lookAtFeed reads the first page of a feed: what a person may read is more than the token says.
func (p *pilot) lookAtFeed(ctx context.Context, feed directory.Feed, roles []string) bool {
	_, err := p.graph.Page(ctx, feed, "")
	text := "may be read"
	if held, _ := graph.Permission(feed, roles); held != "" {
		text += ", by " + held
	}
	p.found.Say(string(feed), err, text)
	return err == nil
}

// lookAtDomain signs in, and looks at what an agent's check looks at. ok: somebody is signed in.
func (p *pilot) lookAtDomain(ctx context.Context) (ok bool) {
	if err := p.connect(ctx); err != nil {
		p.found.Bad("directory", err)
		for _, what := range []string{"base", "rights", "groups", "writers", "sight", "schema", "exchange"} {
			p.found.Unknown(what, "the directory could not be asked")
		}
		return false
	}
	p.found.Good("directory", report.Called(p.here))
	i := report.Inspection{Domain: p.domain, Top: p.base, Target: p.target}
	i.Base(ctx, &p.found)
	for _, dn := range p.rules.Containers() {
		good, err := i.Container(ctx, dn)
		p.found.Say("container", err, good)
	}
	blind, err := p.domain.Sight(ctx)
	report.TellSight(&p.found, blind, err)
	p.found.Tell(schema(p.here.External))
	site, err := p.domain.Exchange(ctx)
	report.TellExchange(&p.found, site, err, p.rules.Mail.Route != "")
	return true
}

// schema says whether the schema has the indexed twin of the ownership mark.
func schema(external bool) checklist.Row {
	if external {
		return checklist.Row{What: "schema", State: checklist.OK, Text: "it has msDS-ExternalDirectoryObjectId"}
	}
	return checklist.Row{What: "schema", State: checklist.Warning, Text: "it has no msDS-ExternalDirectoryObjectId: groups are found by adminDescription alone, which no index helps",
		Remedy: "extend the schema to that of Windows Server 2016 or later"}
}
