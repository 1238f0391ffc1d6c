package ad

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"groupwriteback/shared/directory"
	"groupwriteback/shared/plan"
)

// TestPowers: what the least rights of the documentation give, and what each slip takes
// away or gives besides, all of it without a write.
func TestPowers(t *testing.T) {
	d := newDomain(t)
	apply(t, d, 1, creation(t, d, 0, "one"))
	me := dc(t).SIDs["svc-groupwriteback"]
	was := descriptor(t, d.Base)
	all := []string{"adminDescription", "adminDisplayName", "cn", "description", "displayName", "groupType", "info", "member", "msDS-ExternalDirectoryObjectId", "sAMAccountName"}
	const createChild, writeProperty = 0x1, 0x20
	inherited := func(sd []byte, sid directory.SID, rights uint32) []byte { // by all below, the container itself left out
		out := denying(sd, sid, rights)
		acl := binary.LittleEndian.Uint32(out[16:])
		out[acl+9] = 0x2 | 0x8
		return out
	}
	granting := func(sd []byte, sid directory.SID, rights uint32) []byte {
		out := denying(sd, sid, rights)
		out[binary.LittleEndian.Uint32(out[16:])+8] = 0
		return out
	}
	for _, test := range []struct {
		name   string
		sd     []byte
		check  func(Powers) bool
		locked bool
	}{
		{"the least", was, func(p Powers) bool {
			return p.Class == "organizationalUnit" && p.Container() && !p.System && !p.Admin && slices.Equal(p.Creates, []string{"group"}) && len(p.Writes) == 0 && len(p.Lacks) == 0
		}, false},
		{"may make nothing", denying(was, me, createChild), func(p Powers) bool { return len(p.Creates) == 0 && len(p.Lacks) == 0 }, false},
		{"may not change what it made", inherited(was, me, writeProperty), func(p Powers) bool { return slices.Equal(p.Lacks, all) && len(p.Creates) == 1 }, true},
		{"a group of it may not", inherited(was, "S-1-5-11", writeProperty), func(p Powers) bool { return slices.Equal(p.Lacks, all) }, true},
		{"may make all", granting(was, me, createChild), func(p Powers) bool { return len(p.Creates) > 3 && slices.Contains(p.Creates, "user") }, false},
		{"may change the container", granting(was, me, writeProperty), func(p Powers) bool { return slices.Contains(p.Writes, "gPLink") && len(p.Lacks) == 0 }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			setDescriptor(t, d.Base, test.sd)
			defer setDescriptor(t, d.Base, was)
			quiet(t, func() {
				if p, err := d.Powers(t.Context(), d.Base); err != nil || !test.check(p) {
					t.Errorf("%+v, %v", p, err)
				}
				c, err := d.Census(t.Context())
				if err != nil || c.Owned != 1 || c.Looked != 1 || len(c.Others) != 0 || (len(c.Locked) > 0) != test.locked {
					t.Errorf("%+v, %v", c, err)
				}
				if lacks := c.Locked["CN=one,"+d.Base]; test.locked && !slices.Equal(lacks, all) {
					t.Errorf("on the group it lacks %q", lacks)
				}
			})
		})
	}
}

// TestWhatTheBaseIs: none of these is a container of our own.
func TestWhatTheBaseIs(t *testing.T) {
	d := newDomain(t)
	for dn, want := range map[string]Powers{
		dc(t).Domain: {Class: "domainDNS", System: true},
		"CN=Domain Admins,CN=Users," + dc(t).Domain: {Class: "group", System: true},
		"CN=Users," + dc(t).Domain:                  {Class: "container", System: true, Lacks: d.written()},
	} {
		p, err := d.Powers(t.Context(), dn)
		p.Creates, p.Writes = nil, nil
		if err != nil || p.Class != want.Class || p.System != want.System || !slices.Equal(p.Lacks, want.Lacks) {
			t.Errorf("%s: %+v, %v; want %+v", dn, p, err, want)
		}
	}
	const none = "does not exist, or the account may not read it"
	if _, err := d.Powers(t.Context(), "OU=none,"+dc(t).Domain); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("no such container: %v", err)
	}
	boss := &Domain{Conn: admin(t), Base: d.Base, Instance: "test", Identity: d.Identity}
	if p, err := boss.Powers(t.Context(), d.Base); err != nil || !p.Admin || len(p.Lacks) != 0 {
		t.Errorf("an administrator: %+v, %v", p, err)
	}
}

// TestCensus tells our groups from those of other installations, and from what only looks
// like one.
func TestCensus(t *testing.T) {
	d := newDomain(t)
	create(t, d, 0, "ours")
	theirs, foreign := create(t, d, 1, "theirs"), create(t, d, 2, "nobody's")
	modify(t, theirs, "adminDisplayName", plan.Fence{Instance: "paris", Epoch: 1, Seq: 2, Lease: 3}.String())
	modify(t, foreign, "adminDescription", "User_of something")
	connect, sync, left := create(t, d, 3, "by Entra Connect"), create(t, d, 4, "by Cloud Sync"), create(t, d, 5, "left to people by another one")
	modify(t, connect, "adminDisplayName")
	modify(t, connect, external)
	modify(t, sync, "adminDisplayName", "The name that somebody gave it")
	modify(t, left, "adminDisplayName", plan.Released("paris"))
	c, err := d.Census(t.Context())
	if err != nil || c.Owned != 1 || c.Others["paris"] != 1 || len(c.Others) != 1 || c.Connect != 1 || c.CloudSync != 1 || !strings.HasPrefix(c.Example, "CN=by ") {
		t.Errorf("%+v, %v", c, err)
	}
	d.Base = "OU=none," + d.Base
	if _, err := d.Census(t.Context()); err == nil {
		t.Error("no such base, and no error")
	}
}

// FuzzLegacies: whatever a server sends is a list or an error.
func FuzzLegacies(f *testing.F) {
	f.Add([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 28, 0, 1, 0, 0, 0, 5, 2, 20, 0, 0x20, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, sd []byte) {
		if list, err := legacies(sd); err == nil && len(list) > len(sd)/8 {
			t.Errorf("%d entries in %d bytes", len(list), len(sd))
		}
	})
}

// entry is one of an access control list, of the given kind (MS-DTYP 2.4.4). of is an
// attribute or a property set, heirs a class; "" for all.
func entry(t *testing.T, kind, flags byte, mask uint32, of, heirs plan.GUID, sid directory.SID) []byte {
	t.Helper()
	out := binary.LittleEndian.AppendUint32([]byte{kind, flags, 0, 0}, mask)
	if kind >= 5 {
		var present uint32
		var guids []byte
		for bit, g := range []plan.GUID{of, heirs} {
			if g == "" {
				continue
			}
			b, err := EncodeGUID(g)
			if err != nil {
				t.Fatal(err)
			}
			present, guids = present|1<<bit, append(guids, b...)
		}
		out = append(binary.LittleEndian.AppendUint32(out, present), guids...)
	}
	who, err := EncodeSID(sid)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, who...)
	binary.LittleEndian.PutUint16(out[2:], uint16(len(out)))
	return out
}

// TestBequeathed: what a group that is made in a container will let the account write of
// the attribute member, which is in a property set.
func TestBequeathed(t *testing.T) {
	const (
		me, other             = directory.SID("S-1-5-21-1-2-3-1104"), directory.SID("S-1-5-21-1-2-3-1105")
		member                = plan.GUID("bf9679c0-0de6-11d0-a285-00aa003049e2")
		membership, userClass = plan.GUID("bc0ac240-79a9-11d0-9020-00c04fc2d4cf"), plan.GUID("bf967aba-0de6-11d0-a285-00aa003049e2")
		mail                  = plan.GUID("bf967961-0de6-11d0-a285-00aa003049e2")
		allow, deny           = byte(0), byte(1)
		allowPart, denyPart   = byte(5), byte(6)
		below, belowAlone     = byte(0x2), byte(0x2 | 0x8)
		write, list           = uint32(0x20), uint32(0x4)
	)
	for name, test := range map[string]struct {
		list [][]byte
		want bool
	}{
		"nothing":                       {nil, false},
		"all to all below":              {[][]byte{entry(t, allow, below, write, "", "", me)}, true},
		"below alone":                   {[][]byte{entry(t, allow, belowAlone, genericAll, "", "", me)}, true},
		"the container alone":           {[][]byte{entry(t, allow, 0, write, "", "", me)}, false},
		"somebody else":                 {[][]byte{entry(t, allow, below, write, "", "", other)}, false},
		"another right":                 {[][]byte{entry(t, allow, below, list, "", "", me)}, false},
		"who makes it":                  {[][]byte{entry(t, allow, belowAlone, write, "", "", "S-1-3-0")}, true},
		"groups":                        {[][]byte{entry(t, allowPart, belowAlone, genericAll, "", groupClass, me)}, true},
		"users":                         {[][]byte{entry(t, allowPart, belowAlone, genericAll, "", userClass, me)}, false},
		"the attribute":                 {[][]byte{entry(t, allowPart, below, write, member, groupClass, me)}, true},
		"its property set":              {[][]byte{entry(t, allowPart, below, write, membership, "", me)}, true},
		"another attribute":             {[][]byte{entry(t, allowPart, below, write, mail, groupClass, me)}, false},
		"denied first":                  {[][]byte{entry(t, deny, below, write, "", "", me), entry(t, allow, below, write, "", "", me)}, false},
		"denied behind":                 {[][]byte{entry(t, allow, below, write, "", "", me), entry(t, deny, below, write, "", "", me)}, true},
		"the attribute denied first":    {[][]byte{entry(t, denyPart, below, write, member, groupClass, me), entry(t, allow, below, write, "", "", me)}, false},
		"another attribute denied":      {[][]byte{entry(t, denyPart, below, write, mail, groupClass, me), entry(t, allow, below, write, "", "", me)}, true},
		"an entry of a kind for audits": {[][]byte{entry(t, 2, below, write, "", "", me)}, false},
	} {
		sd := []byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, byte(len(test.list)), 0, 0, 0}
		for _, e := range test.list {
			sd = append(sd, e...)
		}
		entries, err := legacies(sd)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := bequeathed(entries, []directory.SID{"S-1-5-11", me, "S-1-3-0"}, []plan.GUID{member, membership}); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, cut := range map[string][]byte{
		"no room for flags": {5, 2, 10, 0, 0x20, 0, 0, 0, 1, 0}, "no room for a GUID": {5, 2, 16, 0, 0x20, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4}, "no SID": {0, 2, 8, 0, 0x20, 0, 0, 0},
	} {
		sd := append([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0}, cut...)
		if list, err := legacies(sd); err == nil {
			t.Errorf("%s: %d entries", name, len(list))
		}
	}
}
