package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// deletes says why no group is deleted; "" if one may be.
func (p policy) deletes() string {
	switch {
	case p.KeepMembers:
		return "the agent's policy is keep_members: with a group that is deleted its members lose what it gives them, whatever policy.delete says"
	case !p.Delete:
		return "the agent's policy deletes no groups: set policy.delete to true to allow it"
	}
	return ""
}

// spares asks the directory whom the deletion of a group is about, and says why the policy
// forbids it: the group itself, or one of its members, is named under never. An error is one
// of the connection.
func (a *agent) spares(ctx context.Context, c plan.Change) (refusal string, err error) {
	if len(a.policy.Never) == 0 {
		return "", nil
	}
	row, found, err := a.session.Read(ctx, c.Group, c.GUID)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return "", fmt.Errorf("find out whom the change is about: %w", err)
	case err != nil:
		return "the agent's policy names accounts under never, and the group cannot be read: " + err.Error(), nil
	case !found:
		return "", nil
	case !row.Whole():
		return "the agent's policy names accounts under never, and the group cannot be read whole: " + row.Trouble.Text, nil
	}
	who := plan.Change{Add: append([]plan.Ref{plan.SIDRef(row.SID)}, row.Group.Members()...)}
	sids, err := a.whom(ctx, who)
	if err != nil {
		return "", err
	}
	for _, r := range who.Add {
		if text := a.policy.never(r, sids); text != "" {
			return fmt.Sprintf("the group is not deleted because of %s: %s", r, text), nil
		}
	}
	return "", nil
}

// restores notes whether the account could have deleted groups back.
func (a *agent) restores(ctx context.Context) error {
	lacks, err := a.session.Restoring(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return err
	case err != nil:
		a.log.Warn("whether deleted groups can be restored is not known", "err", err)
	}
	a.place.Restores = err == nil && lacks == ""
	return nil
}

// mostGraves is how many deleted groups a report tells of: beyond that a group is asked for by
// name when it matters.
const mostGraves = 1000

// graves are the deleted groups that could be restored. What cannot be read is told another
// time. An error is one of the connection.
func (a *agent) graves(ctx context.Context) (map[directory.ID]plan.Grave, error) {
	if !a.place.Restores {
		return nil, nil
	}
	all, err := a.session.Graves(ctx)
	switch {
	case ctx.Err() != nil || errors.Is(err, ad.ErrConnection):
		return nil, err
	case err != nil:
		a.log.Warn("deleted groups cannot be read", "err", err)
	case len(all) > mostGraves:
		a.log.Warn("there are more deleted groups than a report tells of", "groups", len(all), "most", mostGraves)
		for i, id := range slices.SortedFunc(maps.Keys(all), directory.ID.Compare) {
			if i >= mostGraves {
				delete(all, id)
			}
		}
	}
	return all, nil
}

// grave is the deleted group that stood for a cloud group of which nothing is there; nil:
// none that could be restored. While that is not known the group is not told of: a new one
// would be made in its place.
func (a *agent) grave(ctx context.Context, id directory.ID, last plan.GUID) (*plan.Grave, error) {
	g, found, err := a.session.Grave(ctx, id, last)
	if err != nil || !found {
		return nil, err
	}
	return &g, nil
}
