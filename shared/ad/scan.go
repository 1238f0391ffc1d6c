package ad

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Row is a group as it was read.
type Row struct {
	Group plan.Group
	SID   directory.SID
	USN   int64  // uSNChanged, of the domain controller that was asked
	Fence string // adminDisplayName

	// Trouble says why a group that is there cannot be managed. Of Group only the ID
	// is sure to be there then; what else could be read is there too.
	Trouble *plan.Trouble
}

// Entries in one answer: MaxPageSize is 1,000 (MS-ADTS 3.1.1.3.4.6). Pages with
// members are smaller, since each group may bring 1,500 of them or more.
const (
	pageSize  = 1000
	rowsInOne = 200
)

// Scan calls each for every owned group below Base. It is complete, or it is an
// error: then what each was told is worth nothing. Two groups that stand for the
// same cloud group are an error that names both.
//
// It reads twice: first who is owned, so that a member that is an owned group is
// known wherever it stands, then the groups themselves.
func (d *Domain) Scan(ctx context.Context, each func(Row) error) error {
	if err := d.scan(ctx, each); err != nil {
		return fmt.Errorf("scan %s: %w", d.Base, err)
	}
	return nil
}

func (d *Domain) scan(ctx context.Context, each func(Row) error) error {
	owned := map[plan.GUID]directory.ID{}
	names := map[directory.ID]object{}
	err := d.owned(ctx, "", pageSize, nil, func(o object, id directory.ID) error {
		if twin, ok := names[id]; ok && twin.guid != o.guid {
			return twins(id, twin.dn, o.dn)
		}
		owned[o.guid], names[id] = id, object{dn: o.dn, guid: o.guid}
		return nil
	})
	if err != nil {
		return err
	}
	left := maps.Clone(owned)
	err = d.owned(ctx, "", rowsInOne, d.names(), func(o object, id directory.ID) error {
		if known, ok := names[id]; ok && known.guid != o.guid {
			return twins(id, known.dn, o.dn)
		}
		delete(left, o.guid)
		return each(d.row(o, id, owned))
	})
	if err != nil {
		return err
	}
	return d.rest(ctx, left, owned, each)
}

// rest reads the groups that the second reading missed: those that went away,
// and those that a rename took from a page to come to a page that had been.
func (d *Domain) rest(ctx context.Context, left, owned map[plan.GUID]directory.ID, each func(Row) error) error {
	for _, g := range slices.Sorted(maps.Keys(left)) {
		o, found, err := d.group(ctx, byGUID(g), d.names())
		if err != nil {
			return err
		}
		if id, ok := d.owner(o); found && ok {
			if err := each(d.row(o, id, owned)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read reads the group that stands for a cloud group; found is false if there is
// none, or none of ours.
func (d *Domain) Read(ctx context.Context, id directory.ID, guid plan.GUID) (row Row, found bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read group %s: %w", id, err)
		}
	}()
	o, found, err := d.find(ctx, id, d.names())
	if err == nil && !found && d.Identity.External {
		// A group from before the schema had the attribute has only the other mark,
		// which is not indexed: worth the time before saying that it is not there.
		o, found, err = d.findBy(ctx, id, "adminDescription", d.names())
	}
	if err != nil || !found {
		return Row{}, false, err
	}
	nested := map[plan.GUID]directory.ID{}
	if len(o.links) > 0 {
		err = d.owned(ctx, "(memberOf="+ldap.EscapeFilter(o.dn)+")", pageSize, nil, func(o object, id directory.ID) error {
			nested[o.guid] = id
			return nil
		})
	}
	return d.row(o, id, nested), err == nil, err
}

// names are the attributes of a row.
func (d *Domain) names() []string { return append(slices.Clone(d.Attrs), "member") }

// owned calls each for the owned groups that a filter finds; "" finds all.
func (d *Domain) owned(ctx context.Context, filter string, page uint32, names []string, each func(object, directory.ID) error) error {
	if err := d.valid(); err != nil {
		return err
	}
	// The filter comes first: Samba begins with the first index, however many it finds there.
	q := query{base: d.Base, scope: ldap.ScopeWholeSubtree, attrs: own(names...), page: page,
		filter: "(&" + filter + "(objectCategory=group)(adminDescription=Group_*)(adminDisplayName=" + ldap.EscapeFilter(plan.FencePrefix(d.Instance)) + "*))"}
	return d.search(ctx, q, func(e *ldap.Entry) error {
		o, err := d.object(ctx, e, names)
		if errors.Is(err, errMoved) {
			var found bool
			if o, found, err = d.group(ctx, byGUID(o.guid), names); err == nil && !found {
				return nil // deleted meanwhile
			}
		}
		if err != nil {
			return err
		}
		if id, ok := d.owner(o); ok {
			return each(o, id)
		}
		return nil
	})
}

// find looks for the group that stands for a cloud group by the mark that is
// indexed, if the schema has it. Each group that Apply creates has both.
func (d *Domain) find(ctx context.Context, id directory.ID, names []string) (object, bool, error) {
	if d.Identity.External {
		return d.findBy(ctx, id, external, names)
	}
	return d.findBy(ctx, id, "adminDescription", names)
}

func (d *Domain) findBy(ctx context.Context, id directory.ID, attr string, names []string) (o object, found bool, err error) {
	err = d.owned(ctx, "("+attr+"="+plan.Mark(id)+")", pageSize, names, func(x object, owner directory.ID) error {
		if owner != id {
			return nil // the indexed mark says so, the other does not: not ours
		}
		if found {
			return twins(id, o.dn, x.dn)
		}
		o, found = x, true
		return nil
	})
	return o, found, err
}

func twins(id directory.ID, a, b string) error {
	return fmt.Errorf("two groups stand for cloud group %s: delete %s or %s, or clear its adminDescription", id, min(a, b), max(a, b))
}

// row turns an object into the plan's terms.
func (d *Domain) row(o object, id directory.ID, owned map[plan.GUID]directory.ID) Row {
	name, parent, _ := plan.SplitRDN(o.dn)
	return Row{
		Group: plan.Group{ID: id, GUID: o.guid, Parent: parent, Name: name, Attrs: o.attrs, Members: refs(o.links, owned)},
		SID:   o.sid,
		USN:   o.usn,
		Fence: o.fence,
	}
}

func refs(links []link, owned map[plan.GUID]directory.ID) (out []plan.Ref) {
	for _, l := range links {
		switch id, ok := owned[l.guid]; {
		case ok:
			out = append(out, plan.GroupRef(id))
		case l.sid != "":
			out = append(out, plan.SIDRef(l.sid))
		default:
			out = append(out, plan.GUIDRef(l.guid))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
