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
	fence      string // adminDisplayName
	usn        int64
	critical   bool                // isCriticalSystemObject
	adminCount bool                // adminCount is 1
	attrs      map[string][]string // those asked for that have values; sorted
	links      []link              // the members, if asked for
}

// errMoved: a group changed between two parts of its answer.
var errMoved = errors.New("the group keeps changing while it is read")

// own are the attributes that say what a group is and whose.
func own(more ...string) []string {
	return append([]string{"objectGUID", "objectSid", "adminDescription", "adminDisplayName", "uSNChanged",
		"isCriticalSystemObject", "adminCount"}, more...)
}

// group reads a group; found is false if there is none. names are attributes
// for object.attrs, and member for object.links.
func (d *Domain) group(ctx context.Context, dn string, names []string) (o object, found bool, err error) {
	for range 4 {
		e, found, err := d.entry(ctx, query{base: dn, filter: "(objectClass=group)", attrs: own(names...)})
		if err != nil || !found {
			return object{}, false, err
		}
		if o, err = d.object(ctx, e, names); !errors.Is(err, errMoved) {
			return o, err == nil, err
		}
	}
	return object{}, false, fmt.Errorf("read %s: %w", dn, errMoved)
}

// object takes an entry apart, and reads on where an answer is not whole.
func (d *Domain) object(ctx context.Context, e *ldap.Entry, names []string) (o object, err error) {
	first := e.GetEqualFoldAttributeValue
	o = object{
		dn:         plainDN(e.DN),
		mark:       first("adminDescription"),
		fence:      first("adminDisplayName"),
		critical:   first("isCriticalSystemObject") == "TRUE",
		adminCount: first("adminCount") == "1",
		attrs:      map[string][]string{},
	}
	if o.guid, err = DecodeGUID(e.GetEqualFoldRawAttributeValue("objectGUID")); err != nil {
		return o, fmt.Errorf("read %s: %w", o.dn, err)
	}
	if o.sid, err = DecodeSID(e.GetEqualFoldRawAttributeValue("objectSid")); err != nil {
		return o, fmt.Errorf("read %s: %w", o.dn, err)
	}
	if o.usn, err = strconv.ParseInt(first("uSNChanged"), 10, 64); err != nil {
		return o, fmt.Errorf("read uSNChanged of %s: %w", o.dn, err)
	}
	for _, name := range names {
		values, err := d.values(ctx, e, o, name)
		if err != nil {
			return o, fmt.Errorf("read %s of %s: %w", name, o.dn, err)
		}
		if name == "member" {
			o.links, err = parseLinks(values)
			if err != nil {
				return o, fmt.Errorf("read members of %s: %w", o.dn, err)
			}
		} else if len(values) > 0 {
			o.attrs[name] = sortedValues(values)
		}
	}
	return o, nil
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

func sortedValues(values []string) []string {
	for i, v := range values {
		values[i] = plainDN(v)
	}
	slices.Sort(values)
	return values
}

// owner says for which cloud group an object stands, if it is ours.
func (d *Domain) owner(o object) (directory.ID, bool) {
	id, ok := plan.ParseMark(o.mark)
	return id, ok && d.Instance != "" && strings.HasPrefix(o.fence, plan.FencePrefix(d.Instance)) && below(o.dn, d.Base)
}
