package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/preflight"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/show"
	"groupwriteback/shared/status"
	"groupwriteback/shared/version"
)

// findings are all that is shown, as JSON has it. Without a plan there are checks alone.
type findings struct {
	Checks    []checklist.Row  `json:"checks"`
	Preview   *cycle.Preview   `json:"preview,omitempty"`
	Checklist []checklist.Row  `json:"checklist,omitempty"` // whose sign-in suffers, and who is left out
	Problems  []status.Problem `json:"problems,omitempty"`
	More      int              `json:"moreProblems,omitempty"` // not listed for length
}

// show looks at both sides, reads them, and shows the plan.
func (p *pilot) show(ctx context.Context) error {
	if err := p.look(ctx); err != nil {
		return errors.Join(p.encode(findings{Checks: p.found.Rows}), err)
	}
	err := p.read(ctx)
	f := findings{Checks: p.found.Rows}
	if err == nil {
		f.Preview, f.Checklist, err = p.preview(ctx)
	}
	var st status.Status
	if err == nil {
		st, err = status.Read(ctx, p.journal, status.Facts{Version: version.Of(), Rules: p.rules.Hash(), OU: p.rules.OU, Scope: p.rules.Scope.Named()}, rules.Describe)
	}
	var names map[directory.ID]string
	if err == nil {
		f.Problems, f.More = st.Problems, st.More
		names, err = p.names(ctx, f.Problems)
	}
	p.progress.end()
	if err != nil {
		return err
	}
	if p.json {
		return errors.Join(p.encode(f), p.found.Err())
	}
	p.print(f, names)
	return p.found.Err()
}

// preview is the plan, and what there is to know of all that is wanted by it.
func (p *pilot) preview(ctx context.Context) (*cycle.Preview, []checklist.Row, error) {
	p.progress.show("planning")
	shown, all, err := p.planner.PreviewFirst(ctx)
	if err != nil || all == nil { // nothing can be planned, and the preview says why
		return &shown, nil, err
	}
	return &shown, append([]checklist.Row{preflight.Tokens(all.Over, all.Who, all.Groups, all.Part)}, preflight.NotWritten(all.Left)...), nil
}

// encode prints findings as JSON, where that is what they are printed as.
func (p *pilot) encode(f findings) error {
	if !p.json {
		return nil
	}
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// What is shown of a plan where nobody asks for all of it.
const (
	mostGroups  = 100
	mostMembers = 5
)

// print shows people what was found.
func (p *pilot) print(f findings, names map[directory.ID]string) {
	most := show.Most{Groups: mostGroups, Values: mostMembers}
	if p.all {
		most = show.Most{}
	}
	p.title("Plan")
	if p.short {
		fmt.Fprint(p.out, p.paint.Overview(*f.Preview, most.Groups))
	} else {
		fmt.Fprint(p.out, p.paint.Whole(*f.Preview, most))
	}
	p.title("To know before it is written")
	(&checklist.List{Out: p.out, Colours: p.found.Colours, Width: p.found.Width}).Tell(f.Checklist...)
	p.title("Not written, and why")
	if len(f.Problems) == 0 {
		fmt.Fprintln(p.out, "  nothing")
	}
	fmt.Fprint(p.out, p.paint.Problems(f.Problems, func(id directory.ID) string { return cmp.Or(names[id], id.String()) }))
	if f.More > 0 {
		fmt.Fprint(p.out, p.paint.Text(show.English().Sprintf("  and %d more", f.More)))
	}
	fmt.Fprint(p.out, "\n"+p.paint.Text("Nothing was written, neither to Entra ID nor to Active Directory."))
}

// title prints a headline, but not among JSON.
func (p *pilot) title(text string) {
	if !p.json {
		fmt.Fprintf(p.out, "\n%s\n\n", p.paint.Strong.Sprint(text))
	}
}

// mostNamed is how many groups of problems are asked for their names.
const mostNamed = 1000

// names are what people call whom problems are about.
func (p *pilot) names(ctx context.Context, problems []status.Problem) (map[directory.ID]string, error) {
	names := map[directory.ID]string{}
	var ids []directory.ID
	for _, x := range problems {
		names[x.Group] = x.Name
		if x.Who != "" {
			names[x.Member] = x.Who
		}
		if x.Name == "" && !slices.Contains(ids, x.Group) && len(ids) < mostNamed {
			ids = append(ids, x.Group)
		}
	}
	tx, err := p.journal.View(ctx)
	if err == nil {
		err = tx.Fetch(ctx, ids)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if g := tx.Group(id); g != nil {
			names[id] = g.Props.First("displayName")
		}
	}
	return names, nil
}
