package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"groupwriteback/docs"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/life"
	"groupwriteback/shared/record"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// views are the operators' reads, by their paths below base: docs/openapi.yaml describes
// them.
func (a *App) views() map[string]view {
	return map[string]view{
		"groups":                 a.listGroups,
		"groups/{group}":         a.showGroup,
		"groups/{group}/members": a.listMembers,
		"groups/{group}/explain": a.explain,
		"groups/{group}/history": a.history,
		"problems":               a.listProblems,
		"holds":                  a.listHolds,
		"holds/{hold}":           a.showHold,
		"history":                a.history,
		"runs/{run}":             a.showRun,
		"find":                   a.find,
		"rules":                  a.rulesNow,
		"rules/versions":         a.listVersions,
		"rules/{version}":        a.rulesOf,
	}
}

// A view answers a read. Its error is told to the caller in full.
type view func(ctx context.Context, q query) (any, error)

// read serves a view to readers and operators.
func (a *App) read(v view) http.Handler {
	return a.door.Guard(func(w http.ResponseWriter, r *http.Request, _ relay.Caller) {
		answer, err := v(r.Context(), query{r, r.URL.Query()})
		if errors.Is(err, journal.ErrPlace) {
			err = relay.BadRequest(fmt.Errorf("cursor: %w", err))
		}
		if err != nil {
			relay.WriteProblem(w, r, a.log, relay.Frank(err))
			return
		}
		relay.WriteJSON(w, http.StatusOK, answer)
	}, relay.ReaderRole, relay.OperatorRole)
}

// description serves the description of the API.
func description(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(docs.OpenAPI) // the caller is gone: nobody to tell
}

// query is what a read asks for.
type query struct {
	r      *http.Request
	values url.Values
}

// know refuses parameters that a read does not have: a person has misspelt one.
func (q query) know(names ...string) error {
	for name := range q.values {
		if !slices.Contains(names, name) {
			return relay.BadRequest(fmt.Errorf("%.40q is no parameter of this: there are %v", name, names))
		}
	}
	return nil
}

// group is the group in the path.
func (q query) group() (directory.ID, error) {
	id, err := directory.ParseID(q.r.PathValue("group"))
	if err != nil {
		err = relay.BadRequest(fmt.Errorf("group: %w", err))
	}
	return id, err
}

// How many entries a page has, where nobody says, and at most.
const (
	pageSize    = 100
	maxPageSize = 500
)

func (q query) limit() (int, error) {
	text := q.values.Get("limit")
	if text == "" {
		return pageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPageSize {
		return 0, relay.BadRequest(fmt.Errorf("limit: write a number from 1 to %d", maxPageSize))
	}
	return n, nil
}

// page is which page of groups is asked for.
func (q query) page() (p status.Page, err error) {
	if p.Limit, err = q.limit(); err != nil {
		return p, err
	}
	p.From, err = journal.ParsePlace(q.values.Get("cursor"))
	return p, err
}

// next is the cursor of the page behind.
func next(at journal.Place, more bool) string {
	if !more {
		return ""
	}
	return at.String()
}

func (a *App) listGroups(ctx context.Context, q query) (any, error) {
	f := status.Filter{Prefix: q.values.Get("prefix"), State: life.State(q.values.Get("state")), Problem: q.values.Get("problem")}
	p, err := q.page()
	if err := cmp.Or(q.know("prefix", "state", "problem", "held", "limit", "cursor"), err); err != nil {
		return nil, err
	}
	if f.State != "" && !slices.Contains(life.States(), f.State) {
		return nil, relay.BadRequest(fmt.Errorf("state: write one of %v", life.States()))
	}
	if text := q.values.Get("held"); text != "" {
		if f.Held, err = strconv.ParseBool(text); err != nil {
			return nil, relay.BadRequest(errors.New("held: write true or false"))
		}
	}
	tx, err := a.journal.View(ctx)
	if err != nil {
		return nil, err
	}
	list, at, more, err := status.Groups(ctx, tx, f, p)
	return struct {
		Groups []status.Line `json:"groups"`
		Next   string        `json:"next,omitempty"`
	}{list, next(at, more)}, err
}

func (a *App) showGroup(ctx context.Context, q query) (any, error) {
	id, err := q.group()
	if err := cmp.Or(q.know(), err); err != nil {
		return nil, err
	}
	tx, err := a.journal.View(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.book.of(ctx, tx.Head)
	if err != nil {
		return nil, err
	}
	return status.ReadGroup(ctx, tx, id, r.Rules.Said, rules.Describe)
}

func (a *App) listProblems(ctx context.Context, q query) (any, error) {
	p, err := q.page()
	if err := cmp.Or(q.know("reason", "limit", "cursor"), err); err != nil {
		return nil, err
	}
	tx, err := a.journal.View(ctx)
	if err != nil {
		return nil, err
	}
	list, at, more, err := status.Problems(ctx, tx, q.values.Get("reason"), p, rules.Describe)
	return struct {
		Problems []status.Problem `json:"problems"`
		Next     string           `json:"next,omitempty"`
	}{list, next(at, more)}, err
}

func (a *App) listHolds(ctx context.Context, q query) (any, error) {
	p, err := q.page()
	if err := cmp.Or(q.know("limit", "cursor"), err); err != nil {
		return nil, err
	}
	tx, err := a.journal.View(ctx)
	if err != nil {
		return nil, err
	}
	list, at, more, err := status.Holds(ctx, tx, p)
	return struct {
		Holds []record.Listing `json:"holds"`
		Next  string           `json:"next,omitempty"`
	}{list, next(at, more)}, err
}

func (a *App) showHold(ctx context.Context, q query) (any, error) {
	if err := q.know("part"); err != nil {
		return nil, err
	}
	return a.hold(ctx, q.r.PathValue("hold"), q.values)
}

func (a *App) showRun(ctx context.Context, q query) (any, error) {
	if err := q.know(); err != nil {
		return nil, err
	}
	r, err := status.ReadRun(ctx, a.journal, q.r.PathValue("run"))
	if err != nil || r.Reply == nil {
		return r, err
	}
	var was replied
	if err := json.Unmarshal(r.Reply, &was); err != nil {
		return nil, fmt.Errorf("decode reply: %w", err)
	}
	r.Reply, err = json.Marshal(was.Reply)
	return r, err
}

// history is what was done: to all, or to the group in the path.
func (a *App) history(ctx context.Context, q query) (any, error) {
	var id directory.ID
	limit, err := q.limit()
	if err = cmp.Or(q.know("limit", "cursor"), err); err == nil && q.r.PathValue("group") != "" {
		id, err = q.group()
	}
	if err != nil {
		return nil, err
	}
	return status.History(ctx, a.journal, id, q.values.Get("cursor"), limit)
}

// factsOf gathers what a group is explained from.
func (a *App) factsOf(ctx context.Context, id directory.ID) (*journal.Tx, explain.Facts, error) {
	tx, err := a.journal.View(ctx)
	if err != nil {
		return nil, explain.Facts{}, err
	}
	if _, _, err := status.Known(ctx, tx, id); err != nil {
		return nil, explain.Facts{}, fmt.Errorf("%w: %s", err, id)
	}
	f, err := a.planner.Explain(ctx, tx, id)
	return tx, f, err
}

// listMembers lists a group's members, by the place of each among them.
func (a *App) listMembers(ctx context.Context, q query) (any, error) {
	id, err := q.group()
	limit, err2 := q.limit()
	state := explain.State(q.values.Get("state"))
	if err := cmp.Or(q.know("state", "limit", "cursor"), err, err2); err != nil {
		return nil, err
	}
	if state != "" && !slices.Contains(explain.States(), state) {
		return nil, relay.BadRequest(fmt.Errorf("state: write one of %v", explain.States()))
	}
	after, err := afterMember(q.values.Get("cursor"))
	if err != nil {
		return nil, err
	}
	tx, f, err := a.factsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var out struct {
		Members []explain.Member `json:"members"`
		Next    string           `json:"next,omitempty"`
	}
	out.Members = []explain.Member{}
	for _, m := range explain.Members(f) {
		if state != "" && m.State != state || !after.before(m) {
			continue
		}
		if len(out.Members) == limit {
			out.Next = placeOf(out.Members[limit-1])
			break
		}
		out.Members = append(out.Members, m)
	}
	return out, status.NameAll(ctx, tx, out.Members)
}
