package ad

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// bearers says which groups of the whole domain bear which mark in adminDescription.
// The attribute has no index, so all groups are asked once; from then on what has
// changed since is, by uSNChanged, which has one. A group that lost its mark stays in
// the list: who uses it looks at the group.
type bearers struct {
	usn   int64 // all changes of this domain controller up to here are in the list
	guids map[directory.ID][]plan.GUID
}

// bearing lists the groups that bear a mark in adminDescription, or did.
func (d *Domain) bearing(ctx context.Context, id directory.ID) ([]plan.GUID, error) {
	root, err := d.must(ctx, query{attrs: []string{"highestCommittedUSN"}})
	if err != nil {
		return nil, err
	}
	now, err := strconv.ParseInt(root.GetAttributeValue("highestCommittedUSN"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read highestCommittedUSN: %w", err)
	}
	since := ""
	if d.bearers.guids == nil || now < d.bearers.usn { // a restored domain controller begins anew
		d.bearers = bearers{guids: map[directory.ID][]plan.GUID{}}
	} else {
		since = fmt.Sprintf("(uSNChanged>=%d)", d.bearers.usn+1)
	}
	q := query{base: d.Identity.NC, scope: ldap.ScopeWholeSubtree, attrs: []string{"adminDescription"}, page: pageSize,
		filter: "(&" + since + "(objectCategory=group)(adminDescription=Group_*))"}
	err = d.search(ctx, q, func(e *ldap.Entry) error {
		of, ok := plan.ParseMark(e.GetEqualFoldAttributeValue("adminDescription"))
		l, err := parseLink(e.DN)
		if ok && err == nil && !slices.Contains(d.bearers.guids[of], l.guid) {
			d.bearers.guids[of] = append(d.bearers.guids[of], l.guid)
		}
		return err
	})
	if err != nil {
		return nil, err // usn stays: the next look asks for all of it again
	}
	d.bearers.usn = now
	return d.bearers.guids[id], nil
}

// indexed lists the groups of the whole domain that bear a mark in the indexed
// attribute, if the schema has it.
func (d *Domain) indexed(ctx context.Context, id directory.ID) (guids []plan.GUID, err error) {
	if !d.Identity.External {
		return nil, nil
	}
	q := query{base: d.Identity.NC, scope: ldap.ScopeWholeSubtree, attrs: []string{external}, page: pageSize,
		filter: "(&(" + external + "=" + plan.Mark(id) + ")(objectCategory=group))"}
	err = d.search(ctx, q, func(e *ldap.Entry) error {
		l, err := parseLink(e.DN)
		guids = append(guids, l.guid)
		return err
	})
	return guids, err
}

// A sighting is a group that has to do with a cloud group: by its GUID, or by a mark.
type sighting struct {
	object
	odd error // an unreadable: it could not be read whole
}

// look finds the group that stands for a cloud group, in the whole domain: by its
// marks, and where it was last. It asks on until it has found one that is ours; with
// trouble the group is there and is not to be written to. names are those of group. One
// that was let go is not found, and s all the same.
func (d *Domain) look(ctx context.Context, id directory.ID, last plan.GUID, names []string) (s sighting, trouble *plan.Trouble, found bool, err error) {
	if err := d.valid(); err != nil {
		return s, nil, false, err
	}
	var seen []sighting
	for _, where := range []func(context.Context, directory.ID) ([]plan.GUID, error){d.indexed, d.bearing, lastAt(last)} {
		guids, err := where(ctx, id)
		if err != nil {
			return s, nil, false, err
		}
		for _, g := range guids {
			if seen, err = d.see(ctx, seen, g, id, g == last, names); err != nil {
				return s, nil, false, err
			}
		}
		ours := slices.DeleteFunc(slices.Clone(seen), func(s sighting) bool { of, ok := d.owner(s.object); return !ok || of != id })
		switch {
		case len(ours) > 1:
			return sighting{}, twins(id, ours[0].dn, ours[1].dn), true, nil
		case len(ours) == 1 && ours[0].odd != nil:
			return ours[0], d.trouble(ours[0], id, true), true, nil
		case len(ours) == 1:
			return ours[0], nil, true, nil
		}
	}
	if i := slices.IndexFunc(seen, func(s sighting) bool { return d.letGo(s.object) }); i >= 0 {
		s = seen[i]
	}
	seen = slices.DeleteFunc(seen, func(s sighting) bool { return d.letGo(s.object) })
	if len(seen) == 0 {
		return s, nil, false, nil
	}
	// The one that was ours says most.
	if i := slices.IndexFunc(seen, func(s sighting) bool { return s.guid == last }); i > 0 {
		seen[0], seen[i] = seen[i], seen[0]
	}
	return seen[0], d.trouble(seen[0], id, seen[0].guid == last), true, nil
}

func lastAt(g plan.GUID) func(context.Context, directory.ID) ([]plan.GUID, error) {
	return func(context.Context, directory.ID) ([]plan.GUID, error) {
		if g == "" {
			return nil, nil
		}
		return []plan.GUID{g}, nil
	}
}

// see adds the group with a GUID to those seen, if it has to do with the cloud group.
func (d *Domain) see(ctx context.Context, seen []sighting, g plan.GUID, id directory.ID, last bool, names []string) ([]sighting, error) {
	if slices.ContainsFunc(seen, func(s sighting) bool { return s.guid == g }) {
		return seen, nil
	}
	o, found, err := d.group(ctx, byGUID(g), names)
	o, odd, err := part(o, err)
	if odd != nil {
		o.guid = g
		return append(seen, sighting{o, odd}), nil
	}
	if err != nil || !found {
		return seen, err
	}
	if is(o.mark, id) || is(o.external, id) || last && !released(o) {
		seen = append(seen, sighting{object: o})
	}
	return seen, nil
}

// is says whether a value is the mark of a cloud group.
func is(value string, id directory.ID) bool {
	of, ok := plan.ParseMark(value)
	return ok && of == id
}

// released says whether a group that was ours has been let go: nothing of ours is on
// it any more.
func released(o object) bool {
	_, marked := plan.ParseMark(o.mark)
	_, indexed := plan.ParseMark(o.external)
	return !marked && !indexed && installation(o.fence) == ""
}

// installation is whose fence it is, "" if it is none.
func installation(fence string) string {
	words := strings.SplitN(fence, " ", 3)
	if len(words) < 3 || words[0] != "gwb" {
		return ""
	}
	return words[1]
}
