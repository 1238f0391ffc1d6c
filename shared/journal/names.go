package journal

import (
	"context"
	"maps"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Names is what people call members: by how Active Directory knows them.
type Names map[plan.Ref]string

// NameMembers adds the names of some who are or were members of a cloud group. Of those that
// nobody knows it says nothing.
func (tx *Tx) NameMembers(ctx context.Context, into Names, group directory.ID, refs []plan.Ref) error {
	if len(refs) == 0 {
		return nil
	}
	if err := tx.Fetch(ctx, []directory.ID{group}); err != nil {
		return err
	}
	g := tx.Group(group)
	if g == nil {
		return nil
	}
	wanted := map[plan.Ref]bool{}
	for _, r := range refs {
		wanted[r] = true
	}
	who := map[directory.ID]plan.Ref{}
	var forms []plan.Ref
	for _, m := range slices.Concat(g.Members, g.Left) {
		forms = plan.AppendForms(forms[:0], m)
		for _, ref := range forms {
			if wanted[ref] {
				who[m.ID] = ref
			}
		}
	}
	names, err := tx.NamesOf(ctx, slices.Collect(maps.Keys(who)))
	for id, name := range names {
		into[who[id]] = name
	}
	return err
}

// NamesOf returns the names of principals by their ids.
func (tx *Tx) NamesOf(ctx context.Context, ids []directory.ID) (map[directory.ID]string, error) {
	out := map[directory.ID]string{}
	_, err := tx.EachPrincipal(ctx, ids, func(p *directory.Principal) {
		if p.Name != "" {
			out[p.ID] = p.Name
		}
	})
	return out, err
}
