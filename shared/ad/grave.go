package ad

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// A tomb is a deleted group. Without the recycle bin it has kept objectSid, groupType,
// sAMAccountName and msDS-ExternalDirectoryObjectId, and lost its members and all other
// attributes that we write (MS-ADTS 3.1.1.5.5.6.1).
type tomb struct {
	object
	parent   string // where it was (lastKnownParent)
	when     string // whenChanged
	recycled bool   // isRecycled: without the recycle bin, all are
}

// deletedObjects is the container of what was deleted in a domain, by the GUID that it is
// well known by (MS-ADTS 6.1.1.4).
func (d *Domain) deletedObjects() string {
	return "<WKGUID=18E2EA80684F11D2B9AA00C04F79F805," + d.Identity.NC + ">"
}

// Grave finds the deleted group of ours that stood for a cloud group, if it can be restored
// and no group is there that stands for it; of several the one that was deleted last. It is
// found by its mark; where the schema has none that is kept, by the GUID that it had, which
// may be empty. An account that may not see what was deleted finds none.
func (d *Domain) Grave(ctx context.Context, id directory.ID, last plan.GUID) (g plan.Grave, found bool, err error) {
	t, found, err := d.grave(ctx, id, last)
	if err != nil {
		return g, false, fmt.Errorf("look for the deleted group %s: %w", id, err)
	}
	return plan.Grave{GUID: t.guid, SID: t.sid}, found, nil
}

func (d *Domain) grave(ctx context.Context, id directory.ID, last plan.GUID) (best tomb, found bool, err error) {
	if s, _, live, err := d.look(ctx, id, last, nil); err != nil || live || s.guid != "" {
		return best, false, err
	}
	filter := "(" + external + "=" + plan.Mark(id) + ")"
	if !d.Identity.External {
		if last == "" {
			return best, false, nil
		}
		if filter, err = filterGUID(last); err != nil {
			return best, false, err
		}
	}
	all, err := d.tombs(ctx, filter, nil)
	for _, t := range all {
		if err != nil {
			break
		}
		var recycled bool
		if recycled, err = d.beyond(ctx, t); err != nil || recycled || !d.wasOurs(t, id) {
			continue
		}
		if !found || later(t, best) {
			best, found = t, true
		}
	}
	return best, found && err == nil, err
}

// Graves finds the deleted groups of ours that could be restored, by their marks: of several
// for one cloud group the one that was deleted last. Some may stand for a cloud group for
// which there is another one by now. Where the schema has no mark that is kept it finds none.
func (d *Domain) Graves(ctx context.Context) (map[directory.ID]plan.Grave, error) {
	if !d.Identity.External {
		return nil, nil
	}
	all, err := d.tombs(ctx, "("+external+"=Group_*)", nil)
	last := map[directory.ID]tomb{}
	for _, t := range all {
		id, marked := plan.ParseMark(t.external)
		if !marked || !d.wasOurs(t, id) {
			continue
		}
		if best, known := last[id]; !known || later(t, best) {
			last[id] = t
		}
	}
	graves := map[directory.ID]plan.Grave{}
	for id, t := range last {
		recycled, beyond := d.beyond(ctx, t)
		if err = cmp.Or(err, beyond); err == nil && !recycled {
			graves[id] = plan.Grave{GUID: t.guid, SID: t.sid}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("look for deleted groups: %w", err)
	}
	return graves, nil
}

// later says whether a group was deleted after another one.
func later(t, than tomb) bool {
	return cmp.Or(cmp.Compare(t.when, than.when), cmp.Compare(t.usn, than.usn)) > 0
}

// buried finds the deleted group with a GUID; names are those of group.
func (d *Domain) buried(ctx context.Context, g plan.GUID, names ...string) (t tomb, found bool, err error) {
	filter, err := filterGUID(g)
	if err != nil {
		return t, false, err
	}
	all, err := d.tombs(ctx, filter, names)
	if err != nil || len(all) == 0 {
		return t, false, err
	}
	return all[0], true, nil
}

// tombs reads the deleted groups that a filter finds and the account may see.
func (d *Domain) tombs(ctx context.Context, filter string, names []string) (all []tomb, err error) {
	q := query{base: d.deletedObjects(), scope: ldap.ScopeSingleLevel, page: pageSize, deleted: true, filter: "(&" + filter + "(isDeleted=TRUE)(objectClass=group))",
		attrs: append(own(names...), "lastKnownParent", "whenChanged", "isRecycled")}
	err = d.search(ctx, q, func(e *ldap.Entry) error {
		o, err := d.object(ctx, e, names)
		if err != nil {
			return err
		}
		all = append(all, tomb{object: o, parent: plainDN(e.GetEqualFoldAttributeValue("lastKnownParent")),
			when: e.GetEqualFoldAttributeValue("whenChanged"), recycled: e.GetEqualFoldAttributeValue("isRecycled") == "TRUE"})
		return nil
	})
	if code(err) == ldap.LDAPResultNoSuchObject { // the account does not see the container
		return nil, nil
	}
	return all, err
}

// wasOurs says whether a deleted group stood for a cloud group, by what it has kept. A plan
// that names another one is not believed: a group that is restored has the rights that it had.
func (d *Domain) wasOurs(t tomb, id directory.ID) bool {
	switch {
	case t.fence != "" && installation(t.fence) != d.Instance, t.mark != "" && !is(t.mark, id): // kept in the recycle bin
		return false
	case d.Identity.External && !is(t.external, id):
		return false
	}
	// A container that was deleted itself has lost its place.
	return d.Holds(t.parent) || d.Identity.External && strings.Contains(t.parent, `\0ADEL:`)
}

// beyond says whether a deleted group can not be restored any more: recycled, where the
// recycle bin is on. Where it is off all that is deleted bears that flag.
func (d *Domain) beyond(ctx context.Context, t tomb) (bool, error) {
	if !t.recycled {
		return false, nil
	}
	root, err := d.must(ctx, query{attrs: []string{"configurationNamingContext"}})
	if err != nil {
		return false, err
	}
	e, err := d.must(ctx, query{base: "CN=Partitions," + plainDN(root.GetAttributeValue("configurationNamingContext")), attrs: []string{"msDS-EnabledFeature"}})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(e.GetEqualFoldAttributeValues("msDS-EnabledFeature"), func(dn string) bool {
		return strings.HasPrefix(strings.ToLower(plainDN(dn)), "cn=recycle bin feature,")
	}), nil
}
