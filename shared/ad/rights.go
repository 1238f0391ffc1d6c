package ad

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
)

// Sight says what keeps the account from seeing all that is below Base; "" if
// nothing does. An account that may not list a container finds it empty, and no
// answer of the server tells that from one that is: so the access rights of each
// container are held against the SIDs that the server itself gives the account,
// and an object that it may list but not read shows by a name without a class.
//
// It is sure of what it finds. Of what it does not it is sure as far as objects go:
// that a single attribute is hidden it does not notice.
func (d *Domain) Sight(ctx context.Context) (blind string, err error) {
	blind, err = d.sight(ctx)
	if err != nil {
		err = fmt.Errorf("look at the rights to read %s: %w", d.Base, err)
	}
	return blind, err
}

func (d *Domain) sight(ctx context.Context) (blind string, err error) {
	token, err := d.token(ctx)
	if err != nil {
		return "", err
	}
	if len(token) == 0 {
		return "the domain controller does not say which groups the account is in (tokenGroups of the root)", nil
	}
	var containers []string
	all := query{base: d.Base, scope: ldap.ScopeWholeSubtree, attrs: []string{"objectClass"}, page: pageSize}
	err = d.search(ctx, all, func(e *ldap.Entry) error {
		switch classes := e.GetEqualFoldAttributeValues("objectClass"); {
		case len(classes) == 0:
			blind = fmt.Sprintf("the account may not read %s: let it read what is below %s", plainDN(e.DN), d.Base)
		case !slices.Contains(classes, "group"):
			containers = append(containers, plainDN(e.DN))
		}
		return nil
	})
	for _, dn := range containers {
		if err != nil || blind != "" {
			break
		}
		blind, err = d.lists(ctx, dn, token)
	}
	return blind, err
}

// token lists the SIDs that the server gives the account: all of its own, not only
// groups (MS-ADTS 3.1.1.3.2.22).
func (d *Domain) token(ctx context.Context) (token []directory.SID, err error) {
	root, err := d.must(ctx, query{attrs: []string{"tokenGroups"}})
	if err != nil {
		return nil, err
	}
	for _, b := range root.GetEqualFoldRawAttributeValues("tokenGroups") {
		sid, err := DecodeSID(b)
		if err != nil {
			return nil, err
		}
		token = append(token, sid)
	}
	return token, nil
}

// lists says why a token may not list what is in a container; "" if it may.
func (d *Domain) lists(ctx context.Context, dn string, token []directory.SID) (string, error) {
	e, err := d.must(ctx, query{base: dn, attrs: []string{"nTSecurityDescriptor"}, dacl: true})
	if err != nil {
		return "", err
	}
	return unlisted(e, token)
}

// unlisted is lists for an entry that came with its security descriptor.
func unlisted(e *ldap.Entry, token []directory.SID) (string, error) {
	dn, sd := plainDN(e.DN), e.GetEqualFoldRawAttributeValue("nTSecurityDescriptor")
	if len(sd) == 0 {
		return fmt.Sprintf("the account may not read the permissions of %s: let it read them", dn), nil
	}
	entries, err := parseDACL(sd)
	if err != nil {
		return "", fmt.Errorf("read permissions of %s: %w", dn, err)
	}
	if !granted(entries, token, listChildren) {
		return fmt.Sprintf("the account may not list what is in %s: let it", dn), nil
	}
	return "", nil
}

// Access rights (MS-ADTS 5.1.3.2).
const (
	listChildren = 0x4
	genericAll   = 0x10000000
	genericRead  = 0x80000000
)

// An ace is an entry of an access control list that says something of the
// object itself.
type ace struct {
	deny bool
	mask uint32
	sid  directory.SID
}

// granted walks a list as the server does: the first entry that names a right
// decides it (MS-DTYP 2.5.3.2).
func granted(list []ace, token []directory.SID, right uint32) bool {
	for _, a := range list {
		mask := a.mask
		if mask&(genericAll|genericRead) != 0 {
			mask |= listChildren
		}
		if mask&right != 0 && slices.Contains(token, a.sid) {
			return !a.deny
		}
	}
	return false
}

// parseDACL reads the entries of a self-relative security descriptor (MS-DTYP
// 2.4.6), without those for children alone.
func parseDACL(sd []byte) (list []ace, err error) {
	const inheritOnly = 0x8
	all, err := splitDACL(sd)
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		who, deny, ok := trustee(entry)
		if !ok || entry[1]&inheritOnly != 0 {
			continue
		}
		sid, err := DecodeSID(who)
		if err != nil {
			return nil, err
		}
		list = append(list, ace{deny, binary.LittleEndian.Uint32(entry[4:]), sid})
	}
	return list, nil
}

// splitDACL cuts a security descriptor's access control list into its entries, of 8
// bytes or more each.
func splitDACL(sd []byte) (all [][]byte, err error) {
	const daclPresent = 0x4
	if len(sd) < 20 {
		return nil, fmt.Errorf("a security descriptor of %d bytes is none", len(sd))
	}
	at := int(binary.LittleEndian.Uint32(sd[16:]))
	if binary.LittleEndian.Uint16(sd[2:])&daclPresent == 0 || at == 0 {
		return nil, errors.New("the security descriptor has no access control list")
	}
	if at < 20 || at+8 > len(sd) {
		return nil, errors.New("the access control list is not in its security descriptor")
	}
	rest := sd[at+8:]
	for range binary.LittleEndian.Uint16(sd[at+4:]) {
		if len(rest) < 8 || int(binary.LittleEndian.Uint16(rest[2:])) < 8 || int(binary.LittleEndian.Uint16(rest[2:])) > len(rest) {
			return nil, errors.New("the access control list ends within an entry")
		}
		entry := rest[:binary.LittleEndian.Uint16(rest[2:])]
		rest = rest[len(entry):]
		all = append(all, entry)
	}
	return all, nil
}

// trustee finds whom an entry is about (MS-DTYP 2.4.4). What allows a part of the
// object only is left out, what denies one counts for the whole.
func trustee(entry []byte) (sid []byte, deny, ok bool) {
	const allowed, denied, deniedObject = 0, 1, 6
	switch entry[0] {
	case allowed, denied:
		return entry[8:], entry[0] == denied, true
	case deniedObject:
		if len(entry) < 12 {
			return nil, true, true
		}
		from := 12 + 16*bits.OnesCount8(entry[8]&3) // object type and inherited object type, where present
		return entry[min(from, len(entry)):], true, true
	}
	return nil, false, false
}
