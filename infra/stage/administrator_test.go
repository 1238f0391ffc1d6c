package stage

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/infra/stage/samba"
	"groupwriteback/shared/ad"
	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// An administrator does to a domain what the agent may not.
type administrator struct{ *samba.DC }

// account is the DN of the agent's.
func (a administrator) account() string { return "CN=svc-groupwriteback,CN=Users," + a.Domain }

// do signs in for one request: the domain may have been stopped meanwhile.
func (a administrator) do(t *testing.T, request func(*ldap.Conn) error) {
	t.Helper()
	conn, err := ad.Dial(t.Context(), ad.Config{URL: a.URL, ServerName: a.ServerName, CAFile: a.CAFile, User: a.AdminName, Password: a.AdminPassword})
	must(t, err)
	defer conn.Close()
	must(t, request(conn))
}

// set replaces an attribute.
func (a administrator) set(t *testing.T, dn, attr string, values ...string) {
	t.Helper()
	req := ldap.NewModifyRequest(dn, nil)
	req.Replace(attr, values)
	a.do(t, func(c *ldap.Conn) error { return c.Modify(req) })
}

// password sets that of the agent's account: in quotes, as UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
func (a administrator) password(t *testing.T, text string) {
	t.Helper()
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + text + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	a.set(t, a.account(), "unicodePwd", string(b))
}

// age makes the password of the agent's account years old.
func (a administrator) age(t *testing.T) {
	t.Helper()
	a.edit(t, a.account(), "pwdLastSet: 129000000000000000", "--controls=local_oid:1.3.6.1.4.1.7165.4.3.20:0")
}

// renew gives the database of a stopped domain another invocationId.
func (a administrator) renew(t *testing.T) {
	t.Helper()
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	a.edit(t, "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,"+a.Domain,
		"invocationId:: "+base64.StdEncoding.EncodeToString(id[:]), "--relax")
}

// edit replaces an attribute in the database itself, which lets nobody do so by LDAP.
func (a administrator) edit(t *testing.T, dn, line, option string) {
	t.Helper()
	attr, _, _ := strings.Cut(line, ":")
	cmd := exec.Command("ldbmodify", "-H", filepath.Join(a.Dir, "private", "sam.ldb"), option)
	cmd.Stdin = strings.NewReader("dn: " + dn + "\nchangetype: modify\nreplace: " + attr + "\n" + line + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ldbmodify: %v\n%s", err, out)
	}
}

// descriptor reads who may do what to an object: a security descriptor with its
// DACL alone.
func (a administrator) descriptor(t *testing.T, dn string) (sd []byte) {
	t.Helper()
	a.do(t, func(c *ldap.Conn) error {
		res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)",
			[]string{"nTSecurityDescriptor"}, []ldap.Control{daclOnly()}))
		if err == nil {
			sd = res.Entries[0].GetRawAttributeValue("nTSecurityDescriptor")
		}
		return err
	})
	return sd
}

func (a administrator) setDescriptor(t *testing.T, dn string, sd []byte) {
	t.Helper()
	req := ldap.NewModifyRequest(dn, []ldap.Control{daclOnly()})
	req.Replace("nTSecurityDescriptor", []string{string(sd)})
	a.do(t, func(c *ldap.Conn) error { return c.Modify(req) })
}

func daclOnly() ldap.Control {
	return &ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4}
}

// denying is a security descriptor that denies an account some rights to the object
// and to all below it (MS-DTYP 2.4.4.4).
func denying(sd []byte, sid directory.SID, rights uint32) []byte {
	const accessDenied, containerInherit = 1, 2
	return withEntry(sd, accessDenied, containerInherit, slices.Concat(word(rights), encoded(sid)))
}

// denyingAttribute is one that denies it to write one attribute of the object
// (MS-DTYP 2.4.4.5).
func denyingAttribute(sd []byte, sid directory.SID, attribute plan.GUID) []byte {
	const accessDeniedObject, objectTypePresent, writeProperty = 6, 1, 0x20
	id, err := ad.EncodeGUID(attribute)
	if err != nil {
		panic(err)
	}
	return withEntry(sd, accessDeniedObject, 0, slices.Concat(word(writeProperty), word(objectTypePresent), id, encoded(sid)))
}

// withEntry is a security descriptor with one more entry in front (MS-DTYP 2.4.4 to
// 2.4.6).
func withEntry(sd []byte, kind, flags byte, body []byte) []byte {
	entry := []byte{kind, flags}
	entry = binary.LittleEndian.AppendUint16(entry, uint16(4+len(body)))
	entry = append(entry, body...)
	acl := binary.LittleEndian.Uint32(sd[16:])
	out := slices.Insert(slices.Clone(sd), int(acl)+8, entry...)
	for at, more := range map[uint32]int{acl + 2: len(entry), acl + 4: 1} { // size, count
		binary.LittleEndian.PutUint16(out[at:], binary.LittleEndian.Uint16(out[at:])+uint16(more))
	}
	return out
}

func word(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func encoded(sid directory.SID) []byte {
	b, err := ad.EncodeSID(sid)
	if err != nil {
		panic(err)
	}
	return b
}
