package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// Powers is what a container is, and what the account may do there, as the server says
// it for this account now. Lists are sorted.
type Powers struct {
	Class   string   // of the container: organizationalUnit, container, domainDNS, group …
	System  bool     // it is one of Active Directory's own
	Creates []string // classes of what the account may create in it
	Writes  []string // attributes of the container itself that it may change
	Lacks   []string // attributes that we write, of a group to be, that it may not change
	Admin   bool     // it is an administrator of the domain or the forest
}

// Container says whether groups can be in an object of this class.
func (p Powers) Container() bool {
	return slices.Contains([]string{"organizationalUnit", "container"}, p.Class)
}

// Holds says whether a container is Base, or below it.
func (d *Domain) Holds(dn string) bool {
	return strings.EqualFold(plan.NormalDN(dn), plan.NormalDN(d.Base)) || plan.Below(plan.NormalDN(dn), d.Base)
}

// Powers reads a container's. It writes nothing: what the account may is the server's
// own word (MS-ADTS 3.1.1.4.5.20 and .22), and for groups that are not there yet what
// the container's access rights will give them.
func (d *Domain) Powers(ctx context.Context, dn string) (Powers, error) {
	p, err := d.powers(ctx, dn)
	if err != nil {
		return Powers{}, fmt.Errorf("look at the rights on %s: %w", dn, err)
	}
	return p, nil
}

func (d *Domain) powers(ctx context.Context, dn string) (p Powers, err error) {
	token, err := d.token(ctx)
	if err != nil {
		return p, err
	}
	e, err := d.must(ctx, query{base: dn, dacl: true, attrs: []string{"objectClass", "isCriticalSystemObject", "allowedChildClassesEffective", "allowedAttributesEffective", "nTSecurityDescriptor"}})
	if err != nil {
		return p, err
	}
	classes := e.GetEqualFoldAttributeValues("objectClass")
	if len(classes) == 0 {
		return p, errors.New("the account may not read what it is: let it")
	}
	p.Class, p.System = classes[len(classes)-1], e.GetEqualFoldAttributeValue("isCriticalSystemObject") == "TRUE"
	p.Creates, p.Writes = valuesOf(e, "allowedChildClassesEffective"), valuesOf(e, "allowedAttributesEffective")
	p.Admin = slices.ContainsFunc(token, administers)
	if !p.Container() {
		return p, nil
	}
	sd := e.GetEqualFoldRawAttributeValue("nTSecurityDescriptor")
	if len(sd) == 0 {
		return p, errors.New("the account may not read its permissions: let it")
	}
	p.Lacks, err = d.willLack(ctx, sd, token)
	return p, err
}

func valuesOf(e *ldap.Entry, name string) []string {
	return slices.Sorted(slices.Values(e.GetEqualFoldAttributeValues(name)))
}

// administers says whether a SID is that of the administrators of a domain or of its
// forest (MS-DTYP 2.4.2.4).
func administers(sid directory.SID) bool {
	return sid == "S-1-5-32-544" || strings.HasPrefix(string(sid), "S-1-5-21-") && (sid.RID() == 512 || sid.RID() == 518 || sid.RID() == 519)
}

// written are the attributes of a group that we write once it is there.
func (d *Domain) written() []string {
	names := []string{"adminDisplayName", "cn", string(plan.Member)}
	for _, name := range d.Attrs {
		if l, isLink := plan.LinkOf(name); isLink && l != plan.Member {
			names = append(names, name)
		}
	}
	for _, s := range d.settings() {
		if mails(s.name) && !slices.Contains(d.Attrs, s.name) { // a policy allows all of them together
			continue
		}
		if s.name != external || d.Identity.External {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
}

// groupClass is the schema's GUID of the class group, as access rights have it.
const groupClass plan.GUID = "bf967a9c-0de6-11d0-a285-00aa003049e2"

// willLack lists what we write of the attributes of a group that the account may not
// change when a group is made in the container of a security descriptor.
func (d *Domain) willLack(ctx context.Context, sd []byte, token []directory.SID) (lacks []string, err error) {
	entries, err := legacies(sd)
	if err != nil {
		return nil, err
	}
	token = append(token, "S-1-3-0") // whoever makes a group inherits what its creator shall have
	schema, err := d.schema(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range d.written() {
		if !bequeathed(entries, token, schema[strings.ToLower(name)]) {
			lacks = append(lacks, name)
		}
	}
	return lacks, nil
}

// schema maps the attributes that we write, in lower case, to what access rights call
// them: the attribute's GUID and that of its property set, if it is in one.
func (d *Domain) schema(ctx context.Context) (map[string][]plan.GUID, error) {
	root, err := d.must(ctx, query{attrs: []string{"schemaNamingContext"}})
	if err != nil {
		return nil, err
	}
	var terms strings.Builder
	for _, name := range d.written() {
		terms.WriteString("(lDAPDisplayName=" + name + ")")
	}
	found := map[string][]plan.GUID{}
	all := query{base: plainDN(root.GetAttributeValue("schemaNamingContext")), scope: ldap.ScopeSingleLevel, page: pageSize,
		filter: "(|" + terms.String() + ")", attrs: []string{"lDAPDisplayName", "schemaIDGUID", "attributeSecurityGUID"}}
	err = d.search(ctx, all, func(e *ldap.Entry) error {
		name := strings.ToLower(e.GetEqualFoldAttributeValue("lDAPDisplayName"))
		for _, of := range []string{"schemaIDGUID", "attributeSecurityGUID"} {
			if b := e.GetEqualFoldRawAttributeValue(of); len(b) > 0 {
				g, err := DecodeGUID(b)
				if err != nil {
					return fmt.Errorf("read %s of %s: %w", of, name, err)
				}
				found[name] = append(found[name], g)
			}
		}
		return nil
	})
	return found, err
}

// A legacy is an entry of an access control list that groups below inherit.
type legacy struct {
	ace
	of plan.GUID // attribute or property set; "" is all of the object
}

// legacies are the entries that a group inherits (MS-DTYP 2.4.4.3).
func legacies(sd []byte) (list []legacy, err error) {
	const containerInherit = 0x2
	all, err := splitDACL(sd)
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		l, heirs, ok, err := readLegacy(entry)
		if err != nil {
			return nil, err
		}
		if ok && entry[1]&containerInherit != 0 && (heirs == "" || heirs == groupClass) {
			list = append(list, l)
		}
	}
	return list, nil
}

// readLegacy reads an entry: what of the object it is about, and which class inherits
// it; "" stands for all. ok is false for entries of other kinds, such as conditional ones.
func readLegacy(entry []byte) (l legacy, heirs plan.GUID, ok bool, err error) {
	const allowed, denied, allowedObject, deniedObject = 0, 1, 5, 6
	l.deny = entry[0] == denied || entry[0] == deniedObject
	l.mask = uint32(entry[4]) | uint32(entry[5])<<8 | uint32(entry[6])<<16 | uint32(entry[7])<<24
	rest := entry[8:]
	switch entry[0] {
	case allowed, denied:
	case allowedObject, deniedObject:
		if len(rest) < 4 {
			return l, "", false, errors.New("an entry of the access control list is too short")
		}
		flags := rest[0]
		rest = rest[4:]
		for bit, into := range []*plan.GUID{&l.of, &heirs} {
			if flags&(1<<bit) == 0 {
				continue
			}
			if len(rest) < 16 {
				return l, "", false, errors.New("an entry of the access control list is too short")
			}
			if *into, err = DecodeGUID(rest[:16]); err != nil {
				return l, "", false, err
			}
			rest = rest[16:]
		}
	default:
		return l, "", false, nil
	}
	l.sid, err = DecodeSID(rest)
	return l, heirs, true, err
}

// bequeathed walks a list as the server does, for the right to write an attribute.
func bequeathed(list []legacy, token []directory.SID, attribute []plan.GUID) bool {
	const writeProperty, genericWrite = 0x20, 0x40000000
	for _, l := range list {
		if l.mask&(writeProperty|genericWrite|genericAll) == 0 || !slices.Contains(token, l.sid) {
			continue
		}
		if l.of == "" || slices.Contains(attribute, l.of) {
			return !l.deny
		}
	}
	return false
}
