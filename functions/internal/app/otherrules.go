package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"groupwriteback/shared/cycle"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
	"groupwriteback/shared/relay"
	"groupwriteback/shared/rules"
	"groupwriteback/shared/status"
)

// previewRules says what other rules would do. All mistakes in them are told, and where.
func (a *App) previewRules(ctx context.Context, q manualRequest) (cycle.Preview, error) {
	r, _, err := parseRules([]byte(*q.Rules))
	if err != nil {
		return cycle.Preview{}, relay.BadRequest(err)
	}
	return a.previewOther(ctx, r, q.Groups...)
}

// previewOther says what other rules would do. One such preview runs at a time: it decides every
// group.
func (a *App) previewOther(ctx context.Context, r *rules.Rules, groups ...directory.ID) (cycle.Preview, error) {
	if !a.previewing.TryLock() {
		return cycle.Preview{}, fmt.Errorf("%w: another preview of rules is under way", relay.ErrTooMany)
	}
	defer a.previewing.Unlock()
	p, err := a.planner.PreviewRules(ctx, r, groups...)
	if errors.Is(err, cycle.ErrReplaced) {
		return p, relay.BadRequest(fmt.Errorf("rules: %w", err))
	}
	return p, err
}

// difference says in a sentence what other rules would do.
func difference(p cycle.Preview) string {
	o, c := p.Other, p.Other.Counts
	if o.Same {
		return "these rules are in force; nothing was stored or written"
	}
	parts := []string{
		status.Count(c.Come, "group comes", "groups come"),
		status.Count(c.Go, "group goes", "groups go"),
		status.Count(c.Move, "group moves", "groups move"),
		status.Count(c.Rename, "group is renamed", "groups are renamed"),
		status.Count(c.Change, "group has other attributes", "groups have other attributes"),
		status.Count(c.Join, "membership comes", "memberships come"),
		status.Count(c.Leave, "membership goes", "memberships go"),
	}
	for _, by := range slices.Sorted(maps.Keys(c.Held)) {
		parts = append(parts, status.Count(c.Held[by], "group is", "groups are")+" held by the limit on "+cmp.Or(nouns()[by], "a group's own members"))
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		parts = []string{"nothing would be otherwise"}
	}
	return "by these rules, other than by those in force: " + strings.Join(parts, ", ") + "; nothing was stored or written"
}

// nouns say what guards are about, by their names.
func nouns() map[string]string {
	out := map[string]string{}
	for _, g := range plan.Guards() {
		out[string(g.Name)] = g.Noun
	}
	return out
}
