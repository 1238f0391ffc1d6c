package samba

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/go-ldap/ldap/v3"
)

// DeletedObjects is the container of what was deleted.
const DeletedObjects = "CN=Deleted Objects," + Domain

// LetRestore gives the service account the optional block of the delegation, or takes it
// away: to see what was deleted in the domain, and to reanimate it. A new domain is
// without it.
func (dc *DC) LetRestore(yes bool) error {
	conn, err := dc.administer()
	if err != nil {
		return err
	}
	defer conn.Close()
	res, err := conn.Search(ldap.NewSearchRequest(Domain, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(userPrincipalName="+BindName+")", []string{"objectSid"}, nil))
	if err != nil || len(res.Entries) != 1 {
		return fmt.Errorf("find %s: %w", BindName, errors.Join(err, errOne))
	}
	sid := res.Entries[0].GetRawAttributeValue("objectSid")
	for dn, entry := range map[string][]byte{Domain: reanimate(sid), DeletedObjects: listAndRead(sid)} {
		if err := entitle(conn, dn, entry, yes); err != nil {
			return fmt.Errorf("change the permissions of %s: %w", dn, err)
		}
	}
	return nil
}

var errOne = errors.New("there must be one")

func (dc *DC) administer() (*ldap.Conn, error) {
	pem, err := os.ReadFile(dc.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := ldap.DialURL(dc.URL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: pool, ServerName: dc.ServerName}))
	if err != nil {
		return nil, err
	}
	return conn, conn.Bind(dc.AdminName, dc.AdminPassword)
}

// reanimate is (OA;;CR;45ec5156-db7e-47bb-b53f-dbeb2d03c40f;;SID): the extended right
// Reanimate-Tombstones.
func reanimate(sid []byte) []byte {
	const allowedObject, controlAccess, typePresent = 5, 0x100, 1
	right := []byte{0x56, 0x51, 0xec, 0x45, 0x7e, 0xdb, 0xbb, 0x47, 0xb5, 0x3f, 0xdb, 0xeb, 0x2d, 0x03, 0xc4, 0x0f}
	return entry(allowedObject, controlAccess, append(binary.LittleEndian.AppendUint32(nil, typePresent), right...), sid)
}

// listAndRead is (A;;LCRPRC;;;SID): to list what is in a container, and to read it and
// its permissions.
func listAndRead(sid []byte) []byte {
	const allowed, list, read, permissions = 0, 0x4, 0x10, 0x20000
	return entry(allowed, list|read|permissions, nil, sid)
}

// entry is one of an access control list (MS-DTYP 2.4.4).
func entry(kind byte, rights uint32, more, sid []byte) []byte {
	e := []byte{kind, 0}
	e = binary.LittleEndian.AppendUint16(e, uint16(8+len(more)+len(sid)))
	e = binary.LittleEndian.AppendUint32(e, rights)
	return append(append(e, more...), sid...)
}

// entitle puts an entry into an object's access control list, or takes it out.
func entitle(conn *ldap.Conn, dn string, e []byte, yes bool) error {
	controls := []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4}, ldap.NewControlMicrosoftShowDeleted()}
	res, err := conn.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"nTSecurityDescriptor"}, controls))
	if err != nil {
		return err
	}
	sd := res.Entries[0].GetRawAttributeValue("nTSecurityDescriptor")
	acl := int(binary.LittleEndian.Uint32(sd[16:]))
	at := bytes.Index(sd[acl:], e)
	if yes == (at >= 0) {
		return nil
	}
	out, n, count := append(bytes.Clone(sd[:acl+8]), e...), len(e), 1
	if yes {
		out = append(out, sd[acl+8:]...)
	} else {
		out, n, count = append(bytes.Clone(sd[:acl+at]), sd[acl+at+len(e):]...), -n, -count
	}
	for place, more := range map[int]int{acl + 2: n, acl + 4: count} { // its size, its number of entries
		binary.LittleEndian.PutUint16(out[place:], uint16(int(binary.LittleEndian.Uint16(out[place:]))+more))
	}
	req := ldap.NewModifyRequest(dn, controls)
	req.Replace("nTSecurityDescriptor", []string{string(out)})
	return conn.Modify(req)
}
