package main

import (
	"context"
	"errors"
	"fmt"

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
