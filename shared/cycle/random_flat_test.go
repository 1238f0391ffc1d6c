package cycle_test

import (
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/graph/graphtest"
	"groupwriteback/shared/life"
)

// flatten makes membership flat in each third weather.
func (w *weatherWorld) flatten(seed uint64) {
	w.flat = seed%3 == 0
	w.fate = life.Fates()[seed/2%3]
	w.file = "ou: " + ou + "\nscope: all\nleaving: {out_of_scope: " + string(w.fate) + ", deleted: " + string(w.fate) + ", grace_days: 2}\n"
	if w.flat {
		w.file += "members: {nested: flatten}\n"
	}
	w.restart()
}

// members are those whom the cloud has in a group over links that count: its direct members
// or, where membership is flat, everybody below it.
func (w *weatherWorld) members(id directory.ID, counts func(of, member directory.ID) bool) (out []graphtest.TruthMember) {
	groups := map[directory.ID]graphtest.TruthObject{}
	for _, g := range w.tenant.Dump().Groups {
		groups[g.ID] = g
	}
	tree := []directory.ID{id}
	for i := 0; i < len(tree); i++ {
		for _, m := range groups[tree[i]].Members {
			switch {
			case !counts(tree[i], m.ID):
			case !w.flat || m.Kind != directory.GroupKind:
				out = append(out, m)
			case !slices.Contains(tree, m.ID):
				tree = append(tree, m.ID)
			}
		}
	}
	return out
}
