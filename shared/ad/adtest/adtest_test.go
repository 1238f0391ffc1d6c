package adtest

import (
	"strings"
	"testing"
)

// TestStart also shows that two domains live beside each other.
func TestStart(t *testing.T) {
	dc, other := Start(t, 3), Start(t, 3)
	if dc.Addr == other.Addr {
		t.Fatalf("two domains share %s", dc.Addr)
	}
	for _, name := range []string{"user00001", "user00003", "dev1", "dev5", "svc-groupwriteback", "Domain Admins"} {
		if !strings.HasPrefix(string(dc.SIDs[name]), "S-1-5-21-") {
			t.Errorf("SID of %s is %q", name, dc.SIDs[name])
		}
	}
	if _, ok := dc.SIDs["user00004"]; ok {
		t.Error("the domain has more users than asked for")
	}
	out := dc.LDAPSearch(t, dc.Domain, "(sAMAccountName=user00002)", "displayName", "mail", "userPrincipalName")
	for _, want := range []string{"displayName: User 00002", "mail: user00002@corp.test", "userPrincipalName: user00002@corp.test"} {
		if !strings.Contains(out, want) {
			t.Errorf("user00002 lacks %q:\n%s", want, out)
		}
	}
	if usn := dc.HighestUSN(t); usn <= 0 {
		t.Errorf("highest USN is %d", usn)
	}
}
