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
	c, err := d.Census(t.Context())
	if err != nil || c.Owned != 1 || c.Others["paris"] != 1 || len(c.Others) != 1 {
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
