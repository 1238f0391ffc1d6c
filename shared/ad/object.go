package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// An object is a group as it stands in Active Directory, ours or not.
type object struct {
	dn         string
	guid       plan.GUID
	sid        directory.SID
	mark       string // adminDescription
	external   string // msDS-ExternalDirectoryObjectId
	fence      string // adminDisplayName
	usn        int64
	critical   bool                 // isCriticalSystemObject
	adminCount bool                 // adminCount is 1
	attrs      map[string][]string  // those asked for that have values; sorted
	links      map[plan.Link][]link // of the links asked for, all values
}

// listed says whether all values of a link are known.
func (o object) listed(l plan.Link) bool { _, ok := o.links[l]; return ok }

// An unreadable is a group of which a part cannot be read or understood. It has what
// could be: the name, the marks and the fence that the account sees.
type unreadable struct {
	object
	err error
}

func (u unreadable) Error() string { return u.err.Error() }
func (u unreadable) Unwrap() error { return u.err }

// part is what could be read of a group all the same, if its error is an unreadable.
func part(o object, err error) (_ object, odd, other error) {
	var u unreadable
	if errors.As(err, &u) {
		return u.object, u, nil
	}
	return o, nil, err
}

// errMoved: a group changed between two parts of its answer.
var errMoved = errors.New("the group keeps changing while it is read")

// own are the attributes that say what a group is and whose.
func own(more ...string) []string {
	names := []string{"objectGUID", "objectSid", "adminDescription", external, "adminDisplayName", "uSNChanged", "isCriticalSystemObject", "adminCount"}
	for _, m := range more {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, m) }) {
			names = append(names, m)
		}
	}
	return names
}

// group reads a group; found is false if there is none. names are attributes
// for object.attrs, and links for object.links. The error of a group that is there
// and cannot be read whole is an unreadable.
func (d *Domain) group(ctx context.Context, dn string, names []string) (o object, found bool, err error) {
	for range 4 {
		e, found, err := d.entry(ctx, query{base: dn, attrs: own(names...)})
		if err != nil || !found {
			return object{}, false, err
		}
		if o, err = d.object(ctx, e, names); errors.Is(err, errMoved) {
			continue
		}
		if err == nil && o.listed(plan.Member) {
			var accounts map[uint32][]link
			accounts, err = d.primaries(ctx, fmt.Sprintf("(primaryGroupID=%d)", o.sid.RID()))
			o.links[plan.Member] = append(o.links[plan.Member], accounts[o.sid.RID()]...)
		}
		return o, err == nil, err
	}
	return object{}, false, unreadable{o, fmt.Errorf("read %s: %w", o.dn, errMoved)}
}

// object takes an entry apart, and reads on where an answer is not whole. Its error
// is an unreadable, but where the server does not answer, and for errMoved.
func (d *Domain) object(ctx context.Context, e *ldap.Entry, names []string) (o object, err error) {
	first := e.GetEqualFoldAttributeValue
	o = object{
		dn:         plainDN(e.DN),
		mark:       first("adminDescription"),
		external:   first(external),
		fence:      first("adminDisplayName"),
		critical:   first("isCriticalSystemObject") == "TRUE",
		adminCount: first("adminCount") == "1",
		attrs:      map[string][]string{},
		links:      map[plan.Link][]link{},
	}
	if err = d.fill(ctx, e, &o, names); err == nil || errors.Is(err, errMoved) || errors.Is(err, ErrConnection) || ctx.Err() != nil {
		return o, err
	}
	return o, unreadable{o, err}
}

func (d *Domain) fill(ctx context.Context, e *ldap.Entry, o *object, names []string) (err error) {
	if o.guid, err = DecodeGUID(e.GetEqualFoldRawAttributeValue("objectGUID")); err != nil {
		return fmt.Errorf("read objectGUID of %s: %w", o.dn, err)
	}
	if o.sid, err = DecodeSID(e.GetEqualFoldRawAttributeValue("objectSid")); err != nil {
		return fmt.Errorf("read objectSid of %s: %w", o.dn, err)
	}
	if o.usn, err = strconv.ParseInt(e.GetEqualFoldAttributeValue("uSNChanged"), 10, 64); err != nil {
		return fmt.Errorf("read uSNChanged of %s: %w", o.dn, err)
	}
	for _, name := range names {
		values, err := d.values(ctx, e, *o, name)
		l, isLink := plan.LinkOf(name)
		switch {
		case err == nil && isLink:
			var links []link
			if links, err = parseLinks(values); err == nil {
				o.links[l] = links
			}
		case len(values) > 0:
			o.attrs[name] = sortedValues(name, values)
		}
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", name, o.dn, err)
		}
	}
	return nil
}

// values returns all values of an attribute. Where the server gives them in
// ranges (MS-ADTS 3.1.1.3.1.3.3), the attribute itself comes empty or not at
// all, and its first part under a name such as "member;range=0-1499".
func (d *Domain) values(ctx context.Context, e *ldap.Entry, o object, name string) ([]string, error) {
	whole := slices.Clone(e.GetEqualFoldAttributeValues(name))
	part, next, err := rangeOf(e, name, 0)
	whole = append(whole, part...)
	for err == nil && next > 0 {
		var found bool
		e, found, err = d.entry(ctx, query{base: byGUID(o.guid), attrs: []string{fmt.Sprintf("%s;range=%d-*", name, next), "uSNChanged"}})
		if err != nil {
			break
		}
		if !found || e.GetEqualFoldAttributeValue("uSNChanged") != strconv.FormatInt(o.usn, 10) {
			return nil, errMoved
		}
		from := next
		part, next, err = rangeOf(e, name, from)
		if err == nil && len(part) == 0 {
			err = fmt.Errorf("the server ended at value %d without saying that this is all", from)
		}
		whole = append(whole, part...)
	}
	return whole, err
}

// rangeOf finds the part of an attribute that begins at a value. next is where
// the following part begins, 0 after the last.
func rangeOf(e *ldap.Entry, name string, from int) (values []string, next int, err error) {
	for _, a := range e.Attributes {
		if len(a.Name) <= len(name) || !strings.EqualFold(a.Name[:len(name)], name) {
			continue
		}
		option, ok := strings.CutPrefix(strings.ToLower(a.Name[len(name):]), ";range=")
		if !ok {
			continue
		}
		low, high, _ := strings.Cut(option, "-")
		lo, err := strconv.Atoi(low)
		if err != nil || lo != from {
			return nil, 0, fmt.Errorf("asked for values from %d on, got %s", from, a.Name)
		}
		if high == "*" {
			return a.Values, 0, nil
		}
		hi, err := strconv.Atoi(high)
		if err != nil || hi-lo+1 != len(a.Values) {
			return nil, 0, fmt.Errorf("%s has %d values", a.Name, len(a.Values))
		}
		return a.Values, hi + 1, nil
	}
	return nil, 0, nil
}

func parseLinks(values []string) ([]link, error) {
	links := make([]link, len(values))
	for i, v := range values {
		var err error
		if links[i], err = parseLink(v); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// sortedValues takes the GUID and SID off the values of an attribute that names
// objects. What people wrote stays as it is, be it in the same form.
func sortedValues(name string, values []string) []string {
	if plan.NamesObjects(name) {
		for i, v := range values {
			values[i] = plainDN(v)
		}
	}
	slices.Sort(values)
	return values
}

// owner says for which cloud group an object stands, if it is ours.
func (d *Domain) owner(o object) (directory.ID, bool) {
	id, ok := plan.ParseMark(o.mark)
	return id, ok && !d.letGo(o) && d.Instance != "" && strings.HasPrefix(o.fence, plan.FencePrefix(d.Instance)) && plan.Below(o.dn, d.Base)
}
