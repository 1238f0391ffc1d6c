package ad

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestSight takes rights to read from the account, one at a time. What the account
// cannot see is missing from a scan without an error: Sight says why.
func TestSight(t *testing.T) {
	d := newDomain(t)
	sub := newOU(t, "sub", d.Base)
	for n, name := range []string{"one", "two", "three"} {
		c := creation(t, d, n, name)
		if n == 2 {
			c.Parent = sub
		}
		apply(t, d, 1, c)
	}
	const list, read = 0x4, 0x10
	for _, test := range []struct {
		name  string
		dn    string
		right uint32
		rows  int
		want  string
	}{
		{"nothing", "", 0, 3, ""},
		{"list the base", d.Base, list, 1, "the account may not list what is in " + d.Base + ": let it"},
		{"list a container", sub, list, 2, "the account may not list what is in " + sub + ": let it"},
		{"read a container", sub, read, 3, "the account may not read " + sub + ": let it read what is below " + d.Base},
		{"read a group", "CN=two," + d.Base, read, 2, "the account may not read CN=two," + d.Base + ": let it read what is below " + d.Base},
		{"read the permissions of a container", sub, 0x20000, 3, "the account may not read the permissions of " + sub + ": let it read them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.dn != "" {
				was := descriptor(t, test.dn)
				setDescriptor(t, test.dn, denying(was, dc(t).SIDs["svc-groupwriteback"], test.right))
				defer setDescriptor(t, test.dn, was)
			}
			if n := len(scan(t, d)); n != test.rows {
				t.Errorf("a scan finds %d groups, want %d", n, test.rows)
			}
			if blind, err := d.Sight(t.Context()); err != nil || blind != test.want {
				t.Errorf("sight: %q, %v; want %q", blind, err, test.want)
			}
		})
	}
	d.Base = "OU=none," + d.Base
	if blind, err := d.Sight(t.Context()); err == nil {
		t.Errorf("no such base: %q, no error", blind)
	}
}

// TestGranted: the first entry that names a right decides.
func TestGranted(t *testing.T) {
	me := []directory.SID{"S-1-5-11", "S-1-5-21-1-2-3-1104"}
	allow := func(sid directory.SID, mask uint32) ace { return ace{false, mask, sid} }
	deny := func(sid directory.SID, mask uint32) ace { return ace{true, mask, sid} }
	for name, test := range map[string]struct {
		list []ace
		want bool
	}{
		"no entry":               {nil, false},
		"somebody else":          {[]ace{allow("S-1-5-32-544", listChildren)}, false},
		"another right":          {[]ace{allow("S-1-5-11", 0x10)}, false},
		"a group":                {[]ace{allow("S-1-5-11", 0x20094)}, true},
		"everything":             {[]ace{allow("S-1-5-11", genericAll)}, true},
		"reading":                {[]ace{allow("S-1-5-11", genericRead)}, true},
		"denied first":           {[]ace{deny("S-1-5-21-1-2-3-1104", listChildren), allow("S-1-5-11", listChildren)}, false},
		"all denied first":       {[]ace{deny("S-1-5-11", genericAll), allow("S-1-5-11", listChildren)}, false},
		"denied behind":          {[]ace{allow("S-1-5-11", listChildren), deny("S-1-5-21-1-2-3-1104", listChildren)}, true},
		"denied to someone else": {[]ace{deny("S-1-5-32-546", listChildren), allow("S-1-5-11", listChildren)}, true},
	} {
		if got := granted(test.list, me, listChildren); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzDACL: whatever a server sends is a list or an error.
func FuzzDACL(f *testing.F) {
	sid, _ := EncodeSID("S-1-5-11")
	list := append([]byte{0, 0, byte(8 + len(sid)), 0, 4, 0, 0, 0}, sid...)
	head := append([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}, 4, 0, byte(8+len(list)), 0, 1, 0, 0, 0)
	f.Add(append(head, list...))
	f.Fuzz(func(t *testing.T, sd []byte) {
		entries, err := parseDACL(sd)
		if err == nil && len(sd) < 28 {
			t.Errorf("%d entries in %d bytes", len(entries), len(sd))
		}
	})
}

func descriptor(t testing.TB, dn string) []byte { return descriptorBy(t, admin(t), dn) }

func setDescriptor(t testing.TB, dn string, sd []byte) { setDescriptorBy(t, admin(t), dn, sd) }

func descriptorBy(t testing.TB, admin *ldap.Conn, dn string) []byte {
	t.Helper()
	res, err := admin.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)",
		[]string{"nTSecurityDescriptor"}, []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4}, showDeleted()}))
	if err != nil {
		t.Fatal(err)
	}
	return res.Entries[0].GetRawAttributeValue("nTSecurityDescriptor")
}

func setDescriptorBy(t testing.TB, admin *ldap.Conn, dn string, sd []byte) {
	t.Helper()
	req := ldap.NewModifyRequest(dn, []ldap.Control{&ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: 4}, showDeleted()})
	req.Replace("nTSecurityDescriptor", []string{string(sd)})
	if err := admin.Modify(req); err != nil {
		t.Fatal(err)
	}
}

// denying is a security descriptor with one more entry in front, which denies an
// account some rights to the object.
func denying(sd []byte, sid directory.SID, rights uint32) []byte {
	who, err := EncodeSID(sid)
	if err != nil {
		panic(err)
	}
	entry := []byte{1, 0}
	entry = binary.LittleEndian.AppendUint16(entry, uint16(8+len(who)))
	entry = binary.LittleEndian.AppendUint32(entry, rights)
	return prepended(sd, append(entry, who...))
}

// allowing is a security descriptor with one more entry in front, which allows an account
// rights to the attributes of a property set.
func allowing(sd []byte, sid directory.SID, rights uint32, set plan.GUID) []byte {
	who, err := EncodeSID(sid)
	if err != nil {
		panic(err)
	}
	of, err := EncodeGUID(set)
	if err != nil {
		panic(err)
	}
	entry := []byte{5, 0}
	entry = binary.LittleEndian.AppendUint16(entry, uint16(12+len(of)+len(who)))
	entry = binary.LittleEndian.AppendUint32(entry, rights)
	entry = append(binary.LittleEndian.AppendUint32(entry, 1), of...) // an object type, and no class that inherits
	return prepended(sd, append(entry, who...))
}

func prepended(sd, entry []byte) []byte {
	acl := binary.LittleEndian.Uint32(sd[16:])
	out := []byte(strings.Join([]string{string(sd[:acl+8]), string(entry), string(sd[acl+8:])}, ""))
	for at, more := range map[uint32]int{acl + 2: len(entry), acl + 4: 1} { // size, count
		binary.LittleEndian.PutUint16(out[at:], binary.LittleEndian.Uint16(out[at:])+uint16(more))
	}
	return out
}
