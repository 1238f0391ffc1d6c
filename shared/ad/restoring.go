package ad

import (
	"context"
	"fmt"
	"slices"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// reanimateTombstones is the extended right that has deleted objects back.
const reanimateTombstones plan.GUID = "45ec5156-db7e-47bb-b53f-dbeb2d03c40f"

// Restoring says which right to have deleted groups back the account lacks, with the remedy;
// "" if none. It writes nothing: the access rights of the domain and of the container of
// deleted objects are held against the SIDs that the server gives the account. That it
// may create groups, and change them, is Powers'.
func (d *Domain) Restoring(ctx context.Context) (lacks string, err error) {
	lacks, err = d.restoring(ctx)
	if err != nil {
		err = fmt.Errorf("look at the rights to restore what was deleted: %w", err)
	}
	return lacks, err
}

func (d *Domain) restoring(ctx context.Context) (lacks string, err error) {
	token, err := d.token(ctx)
	if err != nil {
		return "", err
	}
	const controlAccess, readProperty, remedy = 0x100, 0x10, `docs/agent.md, "To delete and to restore"`
	head, err := d.entries(ctx, query{base: d.Identity.NC})
	if err != nil {
		return "", err
	}
	if !permitted(head, token, controlAccess, reanimateTombstones) {
		return fmt.Sprintf("the account has not the right Reanimate-Tombstones on %s: grant it (%s)", d.Identity.NC, remedy), nil
	}
	deleted, err := d.entries(ctx, query{base: d.deletedObjects(), deleted: true})
	if err == nil && !(permitted(deleted, token, listChildren, "") && permitted(deleted, token, readProperty, "")) {
		lacks = fmt.Sprintf("the account may not list what was deleted, or not read the permissions of CN=Deleted Objects,%s: let it (%s)", d.Identity.NC, remedy)
	}
	return lacks, err
}

// entries reads those of an object's access control list that are about itself; none if the
// account may not.
func (d *Domain) entries(ctx context.Context, q query) (list []legacy, err error) {
	const inheritOnly = 0x8
	q.attrs, q.dacl = []string{"nTSecurityDescriptor"}, true
	e, found, err := d.entry(ctx, q)
	if err != nil || !found {
		return nil, err
	}
	sd := e.GetEqualFoldRawAttributeValue("nTSecurityDescriptor")
	if len(sd) == 0 {
		return nil, nil
	}
	all, err := splitDACL(sd)
	if err != nil {
		return nil, fmt.Errorf("read permissions of %s: %w", plainDN(e.DN), err)
	}
	for _, entry := range all {
		l, _, ok, err := readLegacy(entry)
		if err != nil {
			return nil, fmt.Errorf("read permissions of %s: %w", plainDN(e.DN), err)
		}
		if ok && entry[1]&inheritOnly == 0 {
			list = append(list, l)
		}
	}
	return list, nil
}

// permitted walks a list as the server does, for a right to the object itself, or to a part
// of it: an extended right.
func permitted(list []legacy, token []directory.SID, right uint32, of plan.GUID) bool {
	for _, l := range list {
		mask := l.mask
		if mask&genericAll != 0 || mask&genericRead != 0 && right&0x14 != 0 {
			mask |= right
		}
		if mask&right != 0 && slices.Contains(token, l.sid) && (l.of == "" || l.of == of) {
			return !l.deny
		}
	}
	return false
}
