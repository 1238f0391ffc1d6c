package cycle

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/journal"
	"groupwriteback/shared/rules"
)

// view is a cloud group as the rules look at it. Its kin must have been fetched.
func (p *Planner) view(tx *journal.Tx, id directory.ID) rules.View {
	return p.Rules.View(tx.Group(id), tx.Group)
}

// forgets says whether it may be forgotten who left a group that is in order. A flat group
// above it may need to know him from those whom others put in.
func (p *Planner) forgets() bool { return !p.Rules.Members.Flat || !p.Rules.Members.Additive }

// fetchKin makes readable what groups are decided by beside themselves: the groups that are
// or were their members, at any depth where membership is flat, and that of the scope.
func (p *Planner) fetchKin(ctx context.Context, tx *journal.Tx, ids []directory.ID) error {
	seen := map[directory.ID]bool{}
	next := kin(tx, ids)
	if of := p.Rules.Scope.MembersOf; of != (directory.ID{}) {
		seen[of] = true
		if err := tx.Fetch(ctx, []directory.ID{of}); err != nil {
			return err
		}
	}
	for len(next) > 0 {
		if err := tx.Fetch(ctx, next); err != nil || !p.Rules.Members.Flat {
			return err
		}
		for _, id := range next {
			seen[id] = true
		}
		next = slices.DeleteFunc(kin(tx, next), func(id directory.ID) bool { return seen[id] })
	}
	return nil
}

// kin are the groups that are or were members of groups.
func kin(tx *journal.Tx, ids []directory.ID) []directory.ID {
	var out []directory.ID
	for _, id := range ids {
		if g := tx.Group(id); g != nil {
			for _, members := range [][]directory.Member{g.Members, g.Left} {
				for _, m := range members {
					if m.Kind == directory.GroupKind {
						out = append(out, m.ID)
					}
				}
			}
		}
	}
	return out
}

// markRelated has groups decided again that a fold, which was kept, concerns by the rules alone: all above a
// group whose membership is flat, and those that came into the scope's group, or left it.
func (p *Planner) markRelated(ctx context.Context, tx *journal.Tx, touched directory.Touched) error {
	if of := p.Rules.Scope.MembersOf; touched.Groups[of] {
		if err := tx.Mark(ctx, kin(tx, []directory.ID{of})...); err != nil {
			return err
		}
	}
	if !p.Rules.Members.Flat {
		return nil
	}
	seen := maps.Clone(touched.Decide)
	for next := slices.Collect(maps.Keys(touched.Decide)); len(next) > 0; {
		var above []directory.ID
		if _, err := tx.EachPrincipal(ctx, next, func(x *directory.Principal) {
			for _, parent := range x.Parents {
				if !seen[parent] {
					seen[parent] = true
					above = append(above, parent)
				}
			}
		}); err != nil {
			return err
		}
		if err := tx.Mark(ctx, above...); err != nil {
			return err
		}
		next = above
	}
	return nil
}
