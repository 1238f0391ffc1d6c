package status

import (
	"context"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/explain"
	"groupwriteback/shared/journal"
)

// NameAll adds to members what people call them, as far as they are known.
func NameAll(ctx context.Context, tx *journal.Tx, members []explain.Member) error {
	var ids []directory.ID
	for _, m := range members {
		if m.ID != (directory.ID{}) {
			ids = append(ids, m.ID)
		}
	}
	names, err := tx.NamesOf(ctx, ids)
	for i := range members {
		members[i].Name = names[members[i].ID]
	}
	return err
}

// mostAbove is how many groups above a member are looked at.
const mostAbove = 500

// Paths are the ways by which somebody comes into a group, with the names of the groups on
// them.
func Paths(ctx context.Context, tx *journal.Tx, group, member directory.ID) ([][]explain.Step, error) {
	above := map[directory.ID][]directory.ID{}
	seen := map[directory.ID]bool{member: true}
	for next := []directory.ID{member}; len(next) > 0 && len(seen) < mostAbove; {
		parents := map[directory.ID][]directory.ID{}
		if _, err := tx.EachPrincipal(ctx, next, func(p *directory.Principal) { parents[p.ID] = p.Parents }); err != nil {
			return nil, err
		}
		var groups []directory.ID
		for _, of := range parents {
			groups = append(groups, of[:min(len(of), mostAbove)]...)
		}
		if err := tx.FetchGroups(ctx, groups); err != nil {
			return nil, err
		}
		var further []directory.ID
		for _, child := range next {
			for _, id := range parents[child] {
				g := tx.Group(id)
				if g == nil || !slices.ContainsFunc(g.Members, func(m directory.Member) bool { return m.ID == child }) {
					continue
				}
				above[child] = append(above[child], id)
				if !seen[id] && id != group {
					further = append(further, id)
				}
				seen[id] = true
			}
		}
		next = further
	}
	return named(ctx, tx, explain.Paths(group, member, above))
}

// named gives the steps of paths their names.
func named(ctx context.Context, tx *journal.Tx, paths [][]directory.ID) (out [][]explain.Step, err error) {
	for _, p := range paths {
		steps := make([]explain.Step, len(p))
		if err := tx.FetchGroups(ctx, p); err != nil {
			return nil, err
		}
		names, err := tx.NamesOf(ctx, p[len(p)-1:])
		if err != nil {
			return nil, err
		}
		for i, id := range p {
			steps[i] = explain.Step{ID: id, Name: names[id]}
			if g := tx.Group(id); g != nil {
				steps[i].Name = g.Props.First("displayName")
			}
		}
		out = append(out, steps)
	}
	return out, nil
}
