package samba

import (
	"os/exec"
	"strings"
	"testing"
)

// TestExchange: each kind of domain starts, and has what it says.
func TestExchange(t *testing.T) {
	const servers, lists, prepared = "msExchExchangeServer", "addressBookContainer", "msExchSystemObjectsContainer"
	for kind, want := range map[Exchange]map[string]int{ // how many objects of a class are there
		AllOfExchange: {servers: 1, lists: 12, prepared: 1},
		OldExchange:   {servers: 1, lists: 12, prepared: 1},
		SchemaAlone:   {servers: 0, lists: 0, prepared: 1},
		NoServer:      {servers: 0, lists: 12},
		Unprepared:    {servers: 1, prepared: 0},
		PreparedTwice: {servers: 1, prepared: 2},
		OddList:       {lists: 13},
	} {
		t.Run(string(kind), func(t *testing.T) {
			dc, err := Options{Exchange: kind}.Launch(t.Context(), "", t.Output())
			if err != nil {
				t.Fatal(err)
			}
			defer dc.Close()
			for class, n := range want {
				var got int
				for _, base := range []string{Domain, "CN=Configuration," + Domain} {
					got += count(t, dc, base, class)
				}
				if got != n {
					t.Errorf("%d of class %s, want %d", got, class, n)
				}
			}
			if dc.SIDs["Exchange Trusted Subsystem"] == "" {
				t.Error("the SIDs of Exchange's own groups are not told")
			}
		})
	}
}

// count is of the objects of a class in one naming context.
func count(t *testing.T, dc *DC, base, class string) int {
	t.Helper()
	cmd := exec.Command("ldapsearch", "-LLL", "-x", "-H", dc.URL, "-D", dc.AdminName, "-w", dc.AdminPassword,
		"-b", base, "-E", "!1.2.840.113556.1.4.1339", "(objectClass="+class+")", "name")
	cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+dc.CAFile, "LDAPTLS_REQCERT=allow")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Count(string(out), "\nname:")
}
