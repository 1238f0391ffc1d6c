package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupwriteback/shared/checklist"
	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/preflight"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// askTime is how long all that is asked of Graph for a checklist may take.
const askTime = 20 * time.Second

// first shows the first plan, or another one that somebody has to confirm, with what there is
// to know before that.
func (a *App) first(ctx context.Context) (manualReply, error) {
	p, survey, err := a.planner.PreviewFirst(ctx)
	if err != nil {
		return manualReply{}, err
	}
	r, err := a.ruled(ctx)
	if err != nil {
		return manualReply{}, err
	}
	out := manualReply{Preview: &p, Checklist: a.checklist(ctx, r, p.Waiting, survey)}
	for _, row := range out.Checklist {
		out.Lines = append(out.Lines, row.String())
	}
	return out, nil
}

// checklist looks at all that there is to know. What cannot be looked at is told as that:
// nothing of it keeps a plan from being shown.
func (a *App) checklist(ctx context.Context, r *ruling, waiting string, survey *cycle.Survey) (rows []checklist.Row) {
	side, err := status.ReadSide(ctx, a.journal, r.facts)
	if err != nil {
		rows = append(rows, unknown("agent", err))
	}
	rows = append(rows, side.Rows...)
	rows = append(rows, exchangeOf(r, side, survey)...)
	rows = append(rows, r.tenant(ctx, side.Wait)...)
	if survey == nil {
		why := errors.New("nothing can be planned yet: " + waiting)
		return append(rows, unknown("tokens", why), unknown("members", why))
	}
	rows = append(rows, preflight.Tokens(survey.Over, survey.Who, survey.Groups, survey.Part))
	return append(rows, preflight.NotWritten(survey.Left)...)
}

// exchangeOf is what the agent has seen of it, held against the mail of all groups that are wanted.
func exchangeOf(r *ruling, side status.Side, survey *cycle.Survey) []checklist.Row {
	if !side.Reported {
		return []checklist.Row{unknown("exchange", errors.New("no agent has looked for it yet"))}
	}
	var domains []string
	if survey != nil {
		domains = survey.Domains
	}
	mail := r.Rules.Mail.Route != ""
	return preflight.Exchange(side.Exchange, mail, domains...)
}

// tenant is what the app may do in the tenant, and what is set up there beside it. wait is when
// Graph may be asked again.
func (r *ruling) tenant(ctx context.Context, wait time.Time) []checklist.Row {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	roles, err := r.graph.Roles(ctx)
	rows := allowed(roles, err, r.graph.Feeds(), readsFlags(r.Rules))
	for i := range rows {
		if rows[i].What != "permissions" {
			rows[i].What = "graph " + rows[i].What
		}
	}
	if time.Now().Before(wait) {
		why := fmt.Errorf("microsoft graph asks not to be asked before %s", wait.UTC().Format(time.RFC3339))
		return append(rows, unknown("default", why), unknown("cloud-sync", why))
	}
	if on, err := r.graph.WritebackDefault(ctx); err != nil {
		rows = append(rows, untold("default", err))
	} else {
		rows = append(rows, preflight.Default(on, slices.Contains(r.Rules.Properties(), "writebackConfiguration")))
	}
	found, err := r.graph.GroupJobs(ctx)
	if err != nil {
		return append(rows, untold("cloud-sync", err))
	}
	jobs := make([]preflight.Job, len(found))
	for i, j := range found {
		jobs[i] = preflight.Job(j)
	}
	return append(rows, preflight.CloudSync(jobs)...)
}

// readsFlags says whether the rules look at what only groups themselves tell.
func readsFlags(r *rules.Rules) bool { return r != nil && len(directory.Flags(r.Properties())) > 0 }

// allowed is what a token's roles open, of feeds that are read and, with flags, of what only groups themselves
// tell, and what they open besides. err says why that is not known.
func allowed(roles []string, err error, feeds []directory.Feed, flags bool) (rows []checklist.Row) {
	if err != nil {
		for _, feed := range feeds {
			rows = append(rows, unknown(string(feed), err))
		}
		return append(rows, unknown("hidden", err))
	}
	for _, feed := range feeds {
		held, least := graph.Permission(feed, roles)
		rows = append(rows, preflight.Permission(preflight.Need{What: string(feed), Held: held, Least: least}))
	}
	if flags {
		held, least := graph.FlagPermission(roles)
		rows = append(rows, preflight.Flags(held, least))
	}
	rows = append(rows, preflight.Hidden(graph.SeesHidden(roles)))
	return append(rows, preflight.Excess(graph.Excess(roles, feeds, flags))...)
}

// untold is what the app may not read, or could not.
func untold(what string, err error) checklist.Row {
	if u, is := errors.AsType[*graph.Unpermitted](err); is {
		return checklist.Row{What: what, State: checklist.Unknown, Text: "the app may not read " + u.What, Remedy: "grant it " + strings.Join(u.Grant, " and ") + " to have it told here; nothing else needs that"}
	}
	return unknown(what, err)
}

func unknown(what string, err error) checklist.Row {
	return checklist.Row{What: what, State: checklist.Unknown, Text: err.Error()}
}

// counted says in words what of a checklist is not as it should be; "" if all is.
func counted(rows []checklist.Row) string {
	n := map[checklist.State]int{}
	for _, r := range rows {
		n[r.State]++
	}
	words := slices.DeleteFunc([]string{
		status.Count(n[checklist.Missing], "thing is missing", "things are missing"),
		status.Count(n[checklist.Warning], "warning", "warnings"),
		status.Count(n[checklist.Unknown], "thing is not known", "things are not known"),
	}, func(s string) bool { return s == "" })
	if len(words) == 0 {
		return ""
	}
	return ". The checklist: " + strings.Join(words, ", ") + "."
}

// unconfirmed says whether a person has to confirm what is planned.
func unconfirmed(s journal.Switch) bool { return !s.On || s.Ending != "" }
