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
	if t, err := tx.open(ctx); err != nil || len(afford(tx, &t.groups, []directory.ID{group})) == 0 {
		return err
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
	t, err := tx.open(ctx)
	if err != nil {
		return nil, err
	}
	ids = afford(tx, &t.principals, ids)
	_, err = tx.EachPrincipal(ctx, ids, func(p *directory.Principal) {
		if p.Name != "" {
			out[p.ID] = p.Name
		}
	})
	return out, err
}

// Spare has names looked up in so many more parts of the journal at most: for who wants an
// answer soon, and can do without some.
func (tx *Tx) Spare(parts int) { tx.spare = &parts }

// Known keeps of some groups those of whom what the cloud says can be read within what is
// spared.
func (tx *Tx) Known(ctx context.Context, ids []directory.ID) ([]directory.ID, error) {
	t, err := tx.open(ctx)
	if err != nil {
		return nil, err
	}
	return afford(tx, &t.groups, ids), nil
}

// afford keeps of some ids those in parts that are read already, or that there is room for.
func afford[R any](tx *Tx, t *tree[R], ids []directory.ID) []directory.ID {
	if tx.spare == nil {
		return ids
	}
	may := map[shard]bool{}
	return slices.DeleteFunc(slices.Clone(ids), func(id directory.ID) bool {
		n := t.shardOf(id)
		if n == 0 || t.loaded[n] != nil || may[n] {
			return false
		}
		if *tx.spare <= 0 {
			return true
		}
		*tx.spare--
		may[n] = true
		return false
	})
}
