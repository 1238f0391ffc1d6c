package ad

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Resolve returns the SIDs behind the refs that name a group by its mark or an
// object by its GUID, found as Apply finds them: for a policy that speaks of SIDs.
// known is that of the change. What is not there, or has no SID, or bears a mark that
// two groups bear, is left out.
func (d *Domain) Resolve(ctx context.Context, all []plan.Ref, known map[directory.ID]plan.GUID) (map[plan.Ref]directory.SID, error) {
	sids := map[plan.Ref]directory.SID{}
	byGUID, byMark := map[plan.GUID][]plan.Ref{}, map[directory.ID][]plan.Ref{}
	for _, r := range all {
		g, ok := r.GUID()
		id, nested := r.Group()
		if nested {
			g, ok = known[id], true
		}
		switch g, err := canonical(g); {
		case ok && err == nil:
			byGUID[g] = append(byGUID[g], r)
		case nested:
			byMark[id] = append(byMark[id], r)
		}
	}
	err := d.sids(ctx, byGUID, sids)
	if err == nil {
		var objects map[directory.ID]object
		objects, err = d.marked(ctx, slices.Collect(maps.Keys(byMark)), nil)
		for id, o := range objects {
			for _, r := range byMark[id] {
				sids[r] = o.sid
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("resolve members: %w", err)
	}
	return sids, nil
}

// canonical is the one spelling of a GUID that the directory answers with. A plan may
// have another, and a server takes it all the same.
func canonical(g plan.GUID) (plan.GUID, error) {
	b, err := EncodeGUID(g)
	if err != nil {
		return "", err
	}
	return DecodeGUID(b)
}

// atOnce is how many alternatives of a filter a server answers fastest.
const atOnce = 100

// sids adds the SIDs of the objects with these GUIDs, wherever in the domain they are.
func (d *Domain) sids(ctx context.Context, refs map[plan.GUID][]plan.Ref, sids map[plan.Ref]directory.SID) error {
	var filters []string
	for g := range refs {
		f, err := filterGUID(g)
		if err != nil {
			return err
		}
		filters = append(filters, f)
	}
	for some := range slices.Chunk(filters, atOnce) {
		q := query{base: d.Identity.NC, scope: ldap.ScopeWholeSubtree, filter: "(|" + strings.Join(some, "") + ")", attrs: []string{"objectGUID"}, page: pageSize}
		err := d.search(ctx, q, func(e *ldap.Entry) error {
			l, err := parseLink(e.DN) // has the SID too, whatever the account may read
			if err == nil && l.sid != "" {
				for _, r := range refs[l.guid] {
					sids[r] = l.sid
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// marked finds the owned groups of some cloud groups, by their GUIDs where those are
// known, else by their marks. Of twins it finds none: nobody can say which is meant.
func (d *Domain) marked(ctx context.Context, ids []directory.ID, known map[directory.ID]plan.GUID) (map[directory.ID]object, error) {
	found, unsure := map[directory.ID]object{}, map[directory.ID]bool{}
	for some := range slices.Chunk(ids, atOnce) {
		var filter strings.Builder
		for _, id := range some {
			f, err := filterGUID(known[id])
			if err != nil {
				f = d.filterMark(id)
			}
			filter.WriteString(f)
		}
		err := d.owned(ctx, "(|"+filter.String()+")", pageSize, nil, func(o object, id directory.ID, odd error) error {
			if other, ok := found[id]; odd != nil || ok && other.guid != o.guid {
				unsure[id] = true
			}
			found[id] = o
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for id := range unsure {
		delete(found, id)
	}
	return found, nil
}

// filterMark is a filter for the mark of a cloud group: the indexed one, if the
// schema has it.
func (d *Domain) filterMark(id directory.ID) string {
	attr := "adminDescription"
	if d.Identity.External {
		attr = external
	}
	return "(" + attr + "=" + plan.Mark(id) + ")"
}
